// Reports from /data/aktif/<kode>.json, and the colour and the word of each state.
import { _ } from "./words.js";

export { CLOSED } from "./view.js";

const TONES = {
  waiting: "red",
  coordination: "yellow",
  disposition: "yellow",
  in_progress: "yellow",
  done: "green",
  rejected: "grey",
  duplicate: "grey",
};

export function tone(state) {
  return TONES[state] ?? "grey";
}

/** A state's word in the page's language. */
export function stateWord(state) {
  return {
    waiting: _("Waiting"),
    coordination: _("Coordination"),
    disposition: _("Handed down"),
    in_progress: _("In progress"),
    done: _("Done"),
    rejected: _("Rejected"),
    duplicate: _("Duplicate"),
  }[state] ?? state;
}

/** The rows of an active file; columns as web/data.py describes them. */
export function decode(file) {
  const c = file.columns;
  let created = 0;
  return c.id.map((id, i) => {
    created += c.created[i];
    return {
      id,
      kode: file.kode,
      longitude: (file.origin[0] + c.longitude[i]) / 1e5,
      latitude: (file.origin[1] + c.latitude[i]) / 1e5,
      category: file.categories[c.category[i]],
      state: file.states[c.state[i]],
      created: created * 60000,
      photo: Boolean(c.photo[i]),
      text: c.text[i],
      example: file.example,
    };
  });
}

const kept = new Map();
const FRESH = 60000;

/** A kelurahan's active file, at most a minute old: {open, total, reports}. */
export async function fetchActive(kode) {
  const before = kept.get(kode);
  if (before && Date.now() - before.at < FRESH) return before.promise;
  const promise = fetch(`/data/aktif/${kode}.json`).then(async (answer) => {
    if (answer.status === 404) return { kode, open: 0, total: 0, reports: [] };
    if (!answer.ok) throw new Error(`${kode}: ${answer.status}`);
    const file = await answer.json();
    return { kode, open: file.open, total: file.total, reports: decode(file) };
  });
  kept.set(kode, { at: Date.now(), promise });
  promise.catch(() => kept.delete(kode));
  return promise;
}

/** `/data/ringkas.json`: counts of every kelurahan, in the order of `states`. */
export async function fetchCounts() {
  const answer = await fetch("/data/ringkas.json");
  if (!answer.ok) throw new Error(`counts: ${answer.status}`);
  return answer.json();
}
