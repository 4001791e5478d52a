// Every call of npm's node-kms against a key server behind a Unix socket.
//
//   node node_kms.js SETTINGS.json    {"socket", "cluster", "tokens": {"ann", "bob", "expired", "foreign"}}
//
// Prints one line of JSON for each check: {"check": NAME, "good": true|false, "seen": ...}.
"use strict";

const fs = require("fs");
const http = require("http");
const KMS = require("node-kms");

const settings = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const BASE = "/kms/v1";

function told(check, good, seen) {
  process.stdout.write(JSON.stringify({ check, good: Boolean(good), seen }) + "\n");
}

function http_(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: settings.socket, method, path }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString("utf8"))));
    });
    request.on("error", reject);
    request.end(body ? JSON.stringify(body) : undefined);
  });
}

async function carried(token) {
  const answer = await http_("POST", BASE + "/messages", { kmsMessages: [token] });
  return answer.kmsMessages[0];
}

// A user's context: the library's own object, with the static key as it was fetched.
async function person(name, bearer) {
  const context = new KMS.Context();
  context.clientInfo = { clientId: "https://devices.example.com/" + name, credential: { userId: name, bearer } };
  context.serverInfo = { key: await http_("GET", BASE + "/static") };
  return context;
}

async function handshake(context) {
  const local = await context.createECDHKey();
  context.ephemeralKey = local;
  const request = new KMS.Request({
    method: "create",
    uri: settings.cluster + "/ecdhe",
    jwk: context.ephemeralKey.jwk
  });
  await request.wrap(context, { serverKey: true });
  const response = new KMS.Response(await carried(request.wrapped));
  await response.unwrap(context);
  if (response.status === 201) {
    if (response.requestId !== request.requestId) {
      throw new Error("the answer to another request");
    }
    context.ephemeralKey = await context.deriveEphemeralKey(response.body.key);
  }
  return { response, algorithm: JSON.parse(Buffer.from(response.wrapped.split(".")[0], "base64url")).alg };
}

async function ask(context, body) {
  const request = new KMS.Request(body);
  await request.wrap(context);
  const response = new KMS.Response(await carried(request.wrapped));
  await response.unwrap(context);
  if (response.status < 499 && response.requestId !== request.requestId) {
    throw new Error("the answer to another request");
  }
  return response.body;
}

async function keys(ann, bob) {
  const made = await ask(ann, { method: "create", uri: "/keys", count: 2 });
  told("create keys", made.status === 201 && made.keys.length === 2, made.status);
  const [first, second] = made.keys;
  const object = KMS.KeyObject.fromObject(first);
  const key = await object.asKey();
  told("a key is 256 bits", key.length === 256 && first.jwk.kid === first.uri, key.length);

  const again = await ask(ann, { method: "retrieve", uri: first.uri });
  told("retrieve an unbound key", again.status === 200 && again.key.jwk.k === first.jwk.k, again.status);
  const stolen = await ask(bob, { method: "retrieve", uri: first.uri });
  told("somebody else's unbound key", stolen.status === 403 && !stolen.key, stolen.status);

  const resource = await ask(ann, { method: "create", uri: "/resources", userIds: ["ann"], keyUris: [first.uri] });
  told("create a resource with a key", resource.status === 201 && resource.resource.keyUris[0] === first.uri, resource.status);
  const bound = await ask(ann, { method: "update", uri: second.uri, resourceUri: resource.resource.uri });
  told("bind a key", bound.status === 200 && bound.key.resourceUri === resource.resource.uri && bound.key.bindDate, bound.status);
  const twice = await ask(ann, { method: "update", uri: second.uri, resourceUri: resource.resource.uri });
  told("bind it twice", twice.status === 409, twice.status);
  const listed = await ask(ann, { method: "retrieve", uri: resource.resource.uri + "/keys", count: 10 });
  told("keys of a resource", listed.status === 200 && listed.keys.length === 2, listed.status);
  return { key: second.uri, resource: resource.resource.uri };
}

async function authorizations(ann, bob, made) {
  const before = await ask(bob, { method: "retrieve", uri: made.key });
  told("a bound key before authorization", before.status === 403, before.status);
  const added = await ask(ann, { method: "create", uri: "/authorizations", resourceUri: made.resource, userIds: ["bob"] });
  told("add an authorization", added.status === 201 && added.authorizations[0].authId === "bob", added.status);
  const after = await ask(bob, { method: "retrieve", uri: made.key });
  told("a bound key after authorization", after.status === 200 && after.key.jwk.kty === "oct", after.status);
  const listed = await ask(bob, { method: "retrieve", uri: made.resource + "/authorizations" });
  told("list authorizations", listed.status === 200 && listed.authorizations.length === 2, listed.status);
  const gone = await ask(ann, { method: "delete", uri: made.resource + "/authorizations?authId=bob" });
  told("remove an authorization", gone.status === 200 && gone.authorizations.length === 1, gone.status);
  const lost = await ask(bob, { method: "retrieve", uri: made.key });
  told("a bound key after removal", lost.status === 403, lost.status);
  const shown = await ask(ann, { method: "retrieve", uri: made.resource });
  told("retrieve a resource", shown.status === 200 && shown.resource.uri === made.resource, shown.status);
}

async function refusals(ann) {
  const missing = await ask(ann, { method: "retrieve", uri: settings.cluster + "/keys/none" });
  told("an unknown key", missing.status === 404, missing.status);
  const foreign = await ask(ann, { method: "retrieve", uri: "kms://elsewhere.example.com/keys/none" });
  told("another server's key", foreign.status === 404, foreign.status);
  for (const [name, status] of [["expired", 401], ["foreign", 401]]) {
    const context = await person("eve", settings.tokens[name]);
    const { response } = await handshake(context);
    told("a handshake with an " + name + " token", response.status === status, response.status);
  }
  const ephemeral = ann.ephemeralKey.uri;
  const ended = await ask(ann, { method: "delete", uri: ephemeral });
  told("delete the ephemeral key", ended.status === 204, ended.status);
  const reset = await ask(ann, { method: "update", uri: "/ping" });
  told("a reset after it", reset.status === 499, reset.status);
}

async function main() {
  const ann = await person("ann", settings.tokens.ann);
  const bob = await person("bob", settings.tokens.bob);
  const shaken = await handshake(ann);
  told("handshake", shaken.response.status === 201, shaken.response.status);
  told("signed with " + settings.signature, shaken.algorithm === settings.signature, shaken.algorithm);
  told("a second user", (await handshake(bob)).response.status === 201);
  for (const uri of ["/ping", settings.cluster + "/ping"]) {
    const pong = await ask(ann, { method: "update", uri });
    told("ping by " + uri.split("/ping")[0], pong.status === 200, pong.status);
  }
  const made = await keys(ann, bob);
  await authorizations(ann, bob, made);
  await refusals(ann);
  told("the end", true);
}

main().catch((error) => {
  told("no exception", false, String(error && error.stack));
  process.exitCode = 1;
});
