// Cisco's public SDK plugins against a key server behind a Unix socket, and against a meeting that the connector sealed.
//
//   node webex_sdk.js SETTINGS.json
//   {"socket", "cluster", "user", "token", "root", "foreignRoot", "sealed": {...}, "expected": {PATH: TEXT}, "foreign": KEY URI}
//
// The plugins are as they come: certificate check, handshake, batcher, key cache, decryption. What is put in their way are the cloud's
// services alone: POST /kms/messages goes to the socket, and the answers come back as the event that the cloud's websocket would bring.
// Prints one line of JSON for each check: {"check": NAME, "good": true|false, "seen": ...}.
"use strict";

process.env.NODE_ENV = "production";
console.log = console.info = console.debug = () => {};

const fs = require("fs");
const http = require("http");
const WebexCore = require("@webex/webex-core").default;
require("@webex/internal-plugin-encryption");
require("@webex/internal-plugin-calendar");

// The batcher lets go of a second promise for each failure, and the core of a catalogue of services that it can't fetch; browsers only warn.
process.on("unhandledRejection", () => {});

const settings = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

function told(check, good, seen) {
  process.stdout.write(JSON.stringify({ check, good: Boolean(good), seen }) + "\n");
}

function asked(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: settings.socket, method, path: "/kms/v1" + path }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString("utf8"))));
    });
    request.on("error", reject);
    request.end(body ? JSON.stringify(body) : undefined);
  });
}

function person(root) {
  const webex = new WebexCore({ config: { logger: { level: "silent" }, encryption: { caroots: [root] } } });
  const { encryption, mercury, device } = webex.internal;
  device.userId = settings.user;
  device.url = "https://devices.example.com/" + settings.user;
  mercury.connect = () => Promise.resolve();
  webex.credentials.getUserToken = () => Promise.resolve({ access_token: settings.token });
  const cloud = async (options) => {
    if (options.resource === "/kms/messages") {
      const answered = await asked("POST", "/messages", { kmsMessages: options.body.kmsMessages });
      setImmediate(() => encryption.processKmsMessageEvent({ encryption: answered }).catch(() => {}));
      return { statusCode: 202 };
    }
    if (options.resource === "/kms/" + settings.user) {
      const key = await asked("GET", "/static");
      return { statusCode: 200, body: { kmsCluster: settings.cluster, rsaPublicKey: JSON.stringify(key) } };
    }
    if (options.resource === "schedulerData") {
      return { statusCode: 200, body: JSON.parse(JSON.stringify(settings.sealed)) };
    }
    throw new Error("nothing else is asked of the cloud: " + JSON.stringify(options.resource || options.uri));
  };
  Object.defineProperty(webex, "request", { value: cloud });
  return webex;
}

function at(object, path) {
  return path.split("/").reduce((found, name) => (found === undefined ? found : found[name]), object);
}

async function refused(work) {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function keys(kms) {
  const [first, second] = await kms.createUnboundKeys({ count: 2 });
  told("create keys", first.jwk.kty === "oct" && second.uri.startsWith(settings.cluster + "/keys/"), second.uri);
  const resource = await kms.createResource({ userIds: [settings.user], key: first });
  told("create a resource", resource.keyUris.includes(first.uri), resource.keyUris);
  const bound = await kms.bindKey({ kroUri: resource.uri, key: second });
  told("bind a key", bound.resourceUri === resource.uri, bound.resourceUri);
  const added = await kms.addAuthorization({ userIds: ["bob"], kro: resource });
  told("add an authorization", added[0].authId === "bob", added.length);
  const listed = await kms.listAuthorizations({ kro: resource });
  told("list authorizations", listed.length === 2, listed.length);
  const gone = await kms.removeAuthorization({ userId: "bob", kro: resource });
  told("remove an authorization", gone.length === 1 && gone[0].authId === "bob", gone.length);
  const again = await kms.fetchKey({ uri: second.uri });
  told("fetch a bound key", again.jwk.kid === second.uri, again.uri);
  const ping = await kms.ping();
  told("ping", ping.status === 200, ping.status);
  const stranger = await refused(() => kms.fetchKey({ uri: settings.foreign }));
  told("somebody else's key", stranger && stranger.status === 403, stranger && stranger.status);
  const missing = await refused(() => kms.fetchKey({ uri: settings.cluster + "/keys/none" }));
  told("a key there is not", missing && missing.status === 404, missing && missing.status);
  return second.uri;
}

async function main() {
  const webex = person(settings.root);
  const { encryption, calendar } = webex.internal;
  const own = await keys(encryption.kms);

  const { body } = await calendar.getSchedulerData({});
  for (const [path, text] of Object.entries(settings.expected)) {
    const seen = at(body, path);
    told("the meeting's " + path, typeof seen === "string" && seen.replace(/ +$/, "") === text, seen);
  }
  const ciphertext = await encryption.encryptText(own, "what the SDK seals");
  told("the SDK's own text", (await encryption.decryptText(own, ciphertext)) === "what the SDK seals");

  const deceived = await refused(() => person(settings.foreignRoot).internal.encryption.kms.ping());
  told("a chain to another root", deceived && deceived.kmsError, deceived && deceived.message);
  told("the end", true);
}

main().then(
  () => process.exit(0),
  (error) => {
    told("no fault", false, String((error && error.stack) || error));
    process.exit(1);
  }
);
