// Serve emulate's Google at a port of loopback: node serve.mjs MODULES PORT SEED. Says "ready" when it does.
import { readFileSync } from "node:fs";
import net from "node:net";
import { pathToFileURL } from "node:url";

const [, , modules, port, seed] = process.argv;

// emulate would listen on every interface.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const callback = rest.find((one) => typeof one === "function");
  const options = typeof first === "object" ? first : { port: first };
  return listen.call(this, { ...options, host: "127.0.0.1" }, callback);
};

const { createEmulator } = await import(pathToFileURL(`${modules}/emulate/dist/api.js`));
const facts = JSON.parse(readFileSync(seed, "utf8"));
await createEmulator({ service: "google", port: Number(port), seed: facts });
console.log("ready");
