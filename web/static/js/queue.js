// Reports on their way: kept on the phone until the server has answered, sent by whichever comes first, page or
// service worker, each exactly once. What waits here outlives updates of the site, so its form is a promise:
//
// {v: 1, key, url, created, language, category, fields: [[name, value], …], photos: [{data: ArrayBuffer, type, name}, …],
//  state: "waiting" | "sending" | "refused" | "old", tries, next, first, errors}
//
// A build reads every form up to its own FORMAT and leaves newer ones to the newer build. Times in ms since 1970.
import { sendPatiently } from "./puzzle.js";
import { all, change, get } from "./store.js";

export const FORMAT = 1;
export const CHANNEL = "antrean";
/** The server knows an Idempotency-Key for 7 days; after that a second try could make a second report. */
const SURE = 6.5 * 24 * 3600 * 1000;
const REFUSALS = new Set([400, 409, 413, 415, 422]);
const LONGEST_WAIT = 3600 * 1000;
const FIRST_WAIT = 15 * 1000;
const PATIENCE = 5 * 60 * 1000;

/** A queued report from a form's fields and photos (blobs). */
export async function entryOf(url, fields, photos, facts) {
  const kept = [];
  for (const [i, blob] of photos.entries()) {
    kept.push({ data: await blob.arrayBuffer(), type: blob.type, name: `foto-${i + 1}.jpg` });
  }
  return { v: FORMAT, key: randomKey(), url, created: Date.now(), fields, photos: kept, state: "waiting", tries: 0, next: 0, first: null, errors: [], ...facts };
}

function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Keep a report until it is sent; the draft it was written in goes in the same step. */
export async function keep(entry, draft) {
  await change(["put", "queue", entry], ["remove", "drafts", draft]);
  told(entry);
}

/** Take a report out of the queue, unsent. */
export async function drop(key) {
  await change(["remove", "queue", key]);
  told({ key, state: "dropped" });
}

/** Everything that waits or was refused, oldest first. */
export async function queued() {
  return (await all("queue")).filter((entry) => entry.v <= FORMAT).sort((a, b) => a.created - b.created);
}

/**
 * Send what is due, one after the other; with `force` also what should still wait, with `key` that one alone.
 * `said(computing)` hears when the server asked for a puzzle, which takes a moment.
 * Resolves to {outcomes: key → outcome, left}: what became of each, and how many still wait for a connection.
 */
export function flush({ force = false, key = null, said } = {}) {
  const turn = async () => {
    const outcomes = {};
    for (const { key: each } of await queued()) {
      if (key && each !== key) continue;
      const entry = await get("queue", each);
      if (!entry || !["waiting", "sending"].includes(entry.state)) continue;
      // Who was sending it was closed in the middle: its turn is now.
      if (!force && entry.state !== "sending" && entry.next > Date.now()) continue;
      outcomes[each] = await attempt(entry, said);
    }
    const left = (await queued()).filter((entry) => entry.state === "waiting").length;
    return { outcomes, left };
  };
  // One sender at a time on the whole phone; a second would be harmless, the key makes it the same report.
  return navigator.locks ? navigator.locks.request(CHANNEL, turn) : turn();
}

async function attempt(entry, said) {
  if (entry.first && Date.now() - entry.first > SURE) {
    return settled({ ...entry, state: "old" });
  }
  const trying = { ...entry, state: "sending", first: entry.first ?? Date.now(), tries: entry.tries + 1 };
  await settled(trying);
  const outcome = await sent(trying, said);
  if (outcome.state === "sent") {
    const record = recordOf(trying, outcome.answer);
    await change(["put", "reports", record], ["remove", "queue", entry.key]);
    told({ key: entry.key, state: "sent", id: record.id });
    return { state: "sent", record };
  }
  const wait = outcome.wait ?? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (trying.tries - 1));
  return settled({ ...trying, state: outcome.state, errors: outcome.errors ?? [], next: Date.now() + wait });
}

/** Try once to send a report: {state: "sent", answer}, {state: "refused", errors} or {state: "waiting", wait?, errors?}. */
export async function sent(entry, said) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE);
  try {
    const response = await sendPatiently(entry.url, { ...requestOf(entry), signal: stop.signal }, said);
    const answer = await response.json();
    if (response.ok && answer.id && answer.follow_key) return { state: "sent", answer };
    if (REFUSALS.has(response.status) && answer.errors?.length) return { state: "refused", errors: answer.errors };
    const seconds = Number(response.headers.get("Retry-After"));
    return { state: "waiting", wait: seconds > 0 ? Math.min(LONGEST_WAIT, seconds * 1000) : undefined, errors: answer.errors };
  } catch {
    // No network, or what answered was not the server: a hotel's sign-in page, a proxy.
    return { state: "waiting" };
  } finally {
    clearTimeout(timer);
  }
}

/** The request of a report. The one place where it is made, for pages and service worker alike. */
function requestOf(entry) {
  const body = new FormData();
  for (const [name, value] of entry.fields) body.append(name, value);
  for (const { data, type, name } of entry.photos) body.append("photo", new Blob([data], { type }), name);
  return { method: "POST", body, headers: { Accept: "application/json", "Idempotency-Key": entry.key } };
}

/** What the phone keeps of its own report. */
export function recordOf(entry, answer) {
  const words = entry.fields.find(([name]) => name === "description")?.[1] ?? "";
  return {
    v: FORMAT,
    id: answer.id,
    key: answer.follow_key,
    entry: entry.key,
    private: Boolean(answer.private),
    place: answer.place ?? null,
    category: entry.category,
    words: words.slice(0, 140),
    sent: Date.now(),
  };
}

async function settled(entry) {
  await change(["put", "queue", entry]);
  told(entry);
  return entry;
}

function told({ key, state, id }) {
  if (!("BroadcastChannel" in globalThis)) return;
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ key, state, id });
  channel.close();
}
