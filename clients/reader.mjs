// Opens what the connector sealed (docs/relay.md sections 8 and 9), in a browser or in node, with WebCrypto alone.
//
//   import { openMeeting } from "./reader.mjs";
//   const meeting = await openMeeting(sealed, { mailbox, keyOf, atLeast });
//
// keyOf(uri) gives the 32 bytes of a content key, as the key service handed them out to this user for this mailbox.
// Nothing is believed that was not sealed: every ciphertext has to stand in its own place, and encryptedClear has to repeat
// the clear members. A whole object of an earlier day is authentic, too; only a reader that remembers revisions sees that it
// is old: pass the highest revision seen of this meeting as atLeast.

const CLEAR = [
  "id", "seriesId", "revision", "start", "end", "durationMinutes", "allDay",
  "isRecurring", "isException", "isCancelled", "sensitivity", "showAs", "responseType",
  "organizer", "links", "encryptionKeyUrl",
];
const CLEAR_OF_PARTICIPANT = ["id", "type", "responseType", "participantType"];
const TEXTS = { subject: "encryptedSubject", location: "encryptedLocation", notes: "encryptedNotes" };
const MOST = 4 * 1024 * 1024;
const LONGEST_COMMAND_SECONDS = 24 * 3600;

export class Broken extends Error {}

export async function openMeeting(sealed, { mailbox, keyOf, atLeast = 0 }) {
  return understood(async () => {
    number(sealed.revision, "revision");
    if (sealed.revision < atLeast) throw new Broken("an older revision than one seen before");
    const open = await opener(sealed, mailbox, sealed.id, keyOf);
    const meeting = pick(sealed, CLEAR);
    for (const [word, name] of Object.entries(TEXTS)) {
      if (has(sealed, name)) meeting[word] = await open(name, sealed[name], true);
    }
    if (has(sealed, "encryptedOrganizer")) {
      const person = await openPerson("encryptedOrganizer", sealed.encryptedOrganizer, open);
      meeting.organizer = { id: sealed.organizer, ...person };
    }
    if (has(sealed, "encryptedParticipants")) {
      meeting.participants = [];
      for (const one of sealed.encryptedParticipants) {
        const person = await openPerson(`encryptedParticipants[${one.id}]`, one, open);
        meeting.participants.push({ ...pick(one, CLEAR_OF_PARTICIPANT), ...person });
      }
    }
    Object.assign(meeting, await openJoin(sealed, open));
    const stated = canonical(sealed, open.paths);
    if ((await open("encryptedClear", sealed.encryptedClear)) !== stated) {
      throw new Broken("clear members are not those that were sealed");
    }
    return meeting;
  });
}

export async function openPresence(sealed, { mailbox, keyOf }) {
  return openWhole(sealed, mailbox, "presence", "encryptedPresence", keyOf);
}

export async function openOutcome(sealed, { mailbox, keyOf }) {
  return openWhole(sealed, mailbox, sealed.commandId, "encryptedOutcome", keyOf);
}

// A command for the mailbox's connector, for the hub to carry: {actor, body} under a key of the mailbox's own resource.
export async function sealCommand({ mailbox, id, kind, expires, actor, body }, uri, secret) {
  const exp = Math.floor(expires.getTime() / 1000);
  if (exp - Date.now() / 1000 > LONGEST_COMMAND_SECONDS) throw new Broken("a command is good for a day at most");
  const header = { alg: "dir", enc: "A256GCM", kid: uri, typ: "calendar-command", mailbox, command: id, kind, exp };
  const head = encode(bytes(JSON.stringify(header)));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const clear = bytes(JSON.stringify({ actor, body }));
  const key = await imported(secret, "encrypt");
  const done = new Uint8Array(await crypto.subtle.encrypt(gcm(iv, head), key, clear));
  return [head, "", encode(iv), encode(done.slice(0, -16)), encode(done.slice(-16))].join(".");
}

async function openWhole(sealed, mailbox, thing, member, keyOf) {
  return understood(async () => {
    number(sealed.revision, "revision");
    const open = await opener(sealed, mailbox, thing, keyOf);
    return JSON.parse(await open(member, sealed[member], true));
  });
}

async function understood(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Broken) throw error;
    throw new Broken("members are missing or of a wrong kind", { cause: error });
  }
}

async function opener(sealed, mailbox, thing, keyOf) {
  const kid = sealed.encryptionKeyUrl;
  const key = await imported(await keyOf(kid), "decrypt");
  const open = async (path, token, padded = false) => {
    open.paths.push(path);
    const text = await decrypted(token, key, kid, `${mailbox}/${thing}/${path}/${sealed.revision}`);
    return padded ? text.replace(/ +$/, "") : text;
  };
  open.paths = [];
  return open;
}

async function openPerson(path, person, open) {
  return {
    address: await open(`${path}.encryptedEmailAddress`, person.encryptedEmailAddress),
    name: await open(`${path}.encryptedName`, person.encryptedName, true),
  };
}

async function openJoin(sealed, open) {
  for (const name of ["webexURL", "webexURI"]) {
    if (has(sealed, name)) await open(name, sealed[name]);
  }
  if (!has(sealed, "meetingJoinInfo")) return {};
  const join = {};
  for (const [name, token] of Object.entries(sealed.meetingJoinInfo)) {
    join[name] = await open(`meetingJoinInfo.${name}`, token);
  }
  const [before = null, after = null] = join.encryptedBuffers?.split(" ").map(Number) ?? [];
  return {
    link: {
      before, // seconds: how long before the start and after the end there is a way in; null where nothing is said
      after,
      url: join.meetingJoinURL,
      sip: join.meetingJoinURI ?? null,
      service: join.encryptedService,
      rule: join.encryptedRule,
      meeting_id: join.encryptedMeetingNumber ?? null,
      passcode: join.encryptedPasscode ?? null,
    },
  };
}

// --- one ciphertext -------------------------------------------------------------------------------

async function decrypted(token, key, kid, ctx) {
  if (typeof token !== "string" || token.length > MOST) throw new Broken("no ciphertext");
  const parts = token.split(".");
  if (parts.length !== 5 || parts[1] !== "") throw new Broken("no compact JWE with a direct key");
  const header = JSON.parse(text(decode(parts[0])));
  if (header.alg !== "dir" || header.enc !== "A256GCM" || "zip" in header || "crit" in header) {
    throw new Broken("not dir with A256GCM");
  }
  if (header.kid !== kid || header.ctx !== ctx) throw new Broken("sealed for another place or under another key");
  const [iv, ciphertext, tag] = parts.slice(2).map(decode);
  if (iv.length !== 12 || tag.length !== 16) throw new Broken("iv or tag of a wrong length");
  const whole = new Uint8Array(ciphertext.length + 16);
  whole.set(ciphertext);
  whole.set(tag, ciphertext.length);
  try {
    return text(new Uint8Array(await crypto.subtle.decrypt(gcm(iv, parts[0]), key, whole)));
  } catch (error) {
    throw new Broken("the tag does not fit", { cause: error });
  }
}

function gcm(iv, head) {
  return { name: "AES-GCM", iv, additionalData: bytes(head), tagLength: 128 };
}

async function imported(secret, use) {
  if (secret.length !== 32) throw new Broken("a content key has 256 bits");
  return crypto.subtle.importKey("raw", secret, "AES-GCM", false, [use]);
}

// --- what encryptedClear repeats: keys sorted, no blanks, ASCII ----------------------------------

function canonical(sealed, paths) {
  const clear = pick(sealed, CLEAR);
  if (has(sealed, "encryptedParticipants")) {
    clear.participants = sealed.encryptedParticipants.map((one) =>
      Object.fromEntries(CLEAR_OF_PARTICIPANT.map((name) => [name, one[name] ?? null])),
    );
  }
  return written({ clear, sealed: [...paths].sort() });
}

function written(value) {
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.keys(value).sort().map((name) => `${written(name)}:${written(value[name])}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (one) =>
    `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

// --- bytes ------------------------------------------------------------------------------------------

function has(value, name) {
  return Object.prototype.hasOwnProperty.call(value, name);
}

function pick(value, names) {
  return Object.fromEntries(names.filter((name) => has(value, name)).map((name) => [name, value[name]]));
}

function number(value, name) {
  if (!Number.isSafeInteger(value)) throw new Broken(`${name} is no whole number`);
}

function bytes(value) {
  return new TextEncoder().encode(value);
}

function text(value) {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
}

function encode(value) {
  const binary = Array.from(value, (one) => String.fromCharCode(one)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function decode(part) {
  if (!/^[A-Za-z0-9_-]*$/.test(part)) throw new Broken("not base64url");
  const raw = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  if (encode(raw) !== part) throw new Broken("base64url with loose bits");
  return raw;
}
