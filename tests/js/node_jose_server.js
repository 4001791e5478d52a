// A small key service of node-jose's parts, at a Unix socket, for the connector's client. Nothing of ours is in it.
//
//   node node_jose_server.js SETTINGS.json
//   {"socket", "host", "static": PRIVATE RSA JWK, "signature": "PS256" | "RS256", "zip": true | false}
//
// Prints "ready". It knows what a connector asks for: handshake, ping, keys, resources, authorizations; it checks no credential. With
// "zip" its sealed answers are deflated, which nobody may take.
"use strict";

const fs = require("fs");
const http = require("http");
const crypto = require("crypto");
const jose = require("node-jose");

const settings = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const cluster = "kms://" + settings.host;
const sessions = new Map();
const keys = new Map();
const resources = new Map();
let staticKey;

function later(minutes) {
  return new Date(Date.now() + minutes * 60000).toISOString();
}

async function signed(body) {
  const fields = { alg: settings.signature, kid: cluster };
  const options = { format: "compact", alg: settings.signature, fields };
  return jose.JWS.createSign(options, { key: staticKey, reference: false }).final(JSON.stringify(body), "utf8");
}

async function handshake(token) {
  const opened = await jose.JWE.createDecrypt(staticKey, { algorithms: ["RSA-OAEP", "A256GCM"] }).decrypt(token);
  const request = JSON.parse(opened.payload.toString("utf8"));
  const own = await jose.JWK.createKeyStore().generate("EC", "P-256");
  const theirs = await jose.JWK.asKey({ kty: "EC", crv: "P-256", x: request.jwk.x, y: request.jwk.y });
  const shared = await jose.JWA.derive("ECDH-HKDF", own.toObject(true), { public: theirs.toObject() });
  const uri = cluster + "/ecdhe/" + crypto.randomUUID();
  const jwk = { kty: "oct", kid: uri, alg: "A256GCM", k: jose.util.base64url.encode(shared) };
  sessions.set(uri, await jose.JWK.asKey(jwk));
  const { x, y } = own.toJSON();
  const { clientId } = request.client;
  const key = { uri, jwk: { kty: "EC", crv: "P-256", x, y }, userId: "connector", clientId };
  key.createDate = new Date().toISOString();
  key.expirationDate = later(60);
  return signed({ status: 201, requestId: request.requestId, key });
}

function made() {
  const uri = cluster + "/keys/" + crypto.randomUUID();
  const jwk = { kty: "oct", kid: uri, k: crypto.randomBytes(32).toString("base64url") };
  const key = { uri, jwk, userId: "connector", clientId: "c", createDate: new Date().toISOString(), expirationDate: later(10) };
  keys.set(uri, key);
  return key;
}

function bound(uri, resourceUri) {
  Object.assign(keys.get(uri), { resourceUri, bindDate: new Date().toISOString(), expirationDate: later(1440) });
  return keys.get(uri);
}

function authorization(resourceUri, authId) {
  return { uri: cluster + "/authorizations/" + crypto.randomUUID(), resourceUri, authId, createDate: new Date().toISOString() };
}

function resource(request) {
  const uri = cluster + "/resources/" + crypto.randomUUID();
  resources.set(uri, ["connector", ...request.authIds].map((one) => authorization(uri, one)));
  request.keyUris.forEach((one) => bound(one, uri));
  const authorizationUris = resources.get(uri).map((one) => one.uri);
  return { status: 201, resource: { uri, keyUris: request.keyUris, authorizationUris } };
}

function carriedOut(request) {
  const { method, uri } = request;
  const [base, query] = uri.split("?");
  if (uri === "/ping") return { status: 200 };
  if (method === "create" && uri === "/keys") return { status: 201, keys: Array.from({ length: request.count }, made) };
  if (method === "create" && uri === "/resources") return resource(request);
  if (method === "update" && keys.has(uri)) return { status: 200, key: bound(uri, request.resourceUri) };
  if (method === "retrieve" && keys.has(uri)) return { status: 200, key: keys.get(uri) };
  const there = base.endsWith("/authorizations") && resources.get(base.slice(0, -"/authorizations".length));
  if (method === "create" && uri === "/authorizations") {
    const added = request.authIds.map((one) => authorization(request.resourceUri, one));
    resources.get(request.resourceUri).push(...added);
    return { status: 201, authorizations: added };
  }
  if (there && method === "retrieve") return { status: 200, authorizations: there };
  if (there && method === "delete") {
    const authId = new URLSearchParams(query).get("authId");
    const gone = there.filter((one) => one.authId === authId);
    resources.set(gone[0].resourceUri, there.filter((one) => one.authId !== authId));
    return { status: 200, authorizations: gone };
  }
  return { status: 404, reason: "Not found." };
}

async function answered(token) {
  const { alg, kid } = JSON.parse(jose.util.base64url.decode(token.split(".")[0]));
  if (alg === "RSA-OAEP") return handshake(token);
  const key = sessions.get(kid);
  if (!key) return signed({ status: 499, reason: "unknown key", requestId: crypto.randomUUID() });
  const opened = await jose.JWE.createDecrypt(key, { algorithms: ["dir", "A256GCM"] }).decrypt(token);
  const request = JSON.parse(opened.payload.toString("utf8"));
  const answer = { requestId: request.requestId, ...carriedOut(request) };
  const options = { format: "compact", contentAlg: "A256GCM", zip: settings.zip, fields: { kid } };
  const recipient = { key, header: { alg: "dir" }, reference: false };
  return jose.JWE.createEncrypt(options, recipient).final(JSON.stringify(answer), "utf8");
}

async function served(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let said = staticKey.toJSON();
  if (request.method === "POST") {
    const { kmsMessages } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    said = { kmsMessages: await Promise.all(kmsMessages.map(answered)) };
  } else {
    said.kid = cluster;
  }
  const body = JSON.stringify(said);
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

async function main() {
  staticKey = await jose.JWK.asKey({ ...settings.static, kid: cluster });
  http.createServer(served).listen(settings.socket, () => process.stdout.write("ready\n"));
}

main();
