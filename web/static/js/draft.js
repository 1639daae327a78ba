// What was begun stays: the form's fields and photos are kept on the phone while they are written, and come back.
import { NAME } from "./draft-name.js";
import { form } from "./form-fields.js";
import { change, get } from "./store.js";

const FORMAT = 1;
const PAUSE = 500;
/** Not the person's own: what the page itself put there. */
const FIXED = new Set(["form", "judul", "language", "photo", "side", "tunggu"]);

let timer;
let photosOf = () => [];

/** Keep the form from now on; `blobs()` are its photos. */
export function startDraft(blobs) {
  photosOf = blobs;
  for (const event of ["input", "change"]) form.addEventListener(event, later);
  // Phones close what is in the background without another word.
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && timer && save());
}

/** Keep what is there, soon. */
export function later() {
  clearTimeout(timer);
  timer = setTimeout(save, PAUSE);
}

/** Stop a save that is due, because the report has gone. */
export function settle() {
  clearTimeout(timer);
  timer = undefined;
}

/** The form's own fields that hold something, as [name, value]. */
export function written() {
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && value && !FIXED.has(name));
}

async function save() {
  settle();
  const fields = written();
  const photos = await Promise.all(photosOf().map(async (blob) => ({ data: await blob.arrayBuffer(), type: blob.type })));
  const empty = !photos.length && fields.every(([name, value]) => name === "private" && value === "false");
  try {
    await change(empty ? ["remove", "drafts", NAME] : ["put", "drafts", { v: FORMAT, name: NAME, saved: Date.now(), fields, photos }]);
  } catch {
    // A browser that keeps nothing: what is written lives as long as the page.
  }
}

/** What was begun before, or null: {saved, fields, photos, errors?}. */
export async function begun() {
  const kept = await get("drafts", NAME).catch(() => undefined);
  return kept && kept.v <= FORMAT ? kept : null;
}

/** Put what was begun into the form's fields. Photos are the caller's. */
export function restore({ fields }) {
  const values = new Map(fields);
  for (const each of form.elements) {
    if (!each.name || FIXED.has(each.name)) continue;
    const value = values.get(each.name);
    if (each.type === "radio" || each.type === "checkbox") each.checked = value === each.value || (each.defaultChecked && value === undefined);
    else if (each.type !== "file") each.value = value ?? "";
  }
  for (const details of form.querySelectorAll("details.contact")) details.open ||= Boolean(values.get("contact_email") || values.get("contact_phone"));
}

/** Forget what was begun. */
export async function forget() {
  settle();
  await change(["remove", "drafts", NAME]).catch(() => {});
}
