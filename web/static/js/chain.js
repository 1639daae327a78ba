// Checks a report's history in the reader's own browser: every event's hash, its words, and the one before.
// The same rule as functions/chalicelib/report.py; a test holds both against each other.

/** The text that an event's hash covers: RFC 8785 over all fields but `hash` and `words`. Holds no fractions. */
export function canonical(event) {
  const facts = { ...event };
  delete facts.hash;
  delete facts.words;
  return sorted(facts);
}

function sorted(value) {
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${sorted(value[name])}`).join(",")}}`;
}

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The first event that does not hold, as {seq, why}; null when the history is whole.
 * `why` is order, previous, hash or words. Words that were erased are no break; changed ones are.
 */
export async function firstBreak(history) {
  let previous = "0".repeat(64);
  for (const [i, event] of history.entries()) {
    const seq = i + 1;
    if (event.seq !== seq) return { seq, why: "order" };
    if (event.previous !== undefined ? event.previous !== previous : seq !== 1) return { seq, why: "previous" };
    if ((await sha256(canonical(event))) !== event.hash) return { seq, why: "hash" };
    for (const [name, { salt, text }] of Object.entries(event.words ?? {})) {
      if ((await sha256(`${salt}\n${text}`)) !== event.commitments?.[name]) return { seq, why: "words" };
    }
    previous = event.hash;
  }
  return null;
}

/** How many texts were erased: they are sealed, but no longer shown. Originals are never shown, so they do not count. */
export function erased(history) {
  const gone = (event) => Object.keys(event.commitments ?? {}).filter((name) => !name.endsWith("_original") && !event.words?.[name]);
  return history.reduce((sum, event) => sum + gone(event).length, 0);
}
