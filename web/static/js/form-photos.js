// Photos: from the camera or the gallery, made small on the phone, and their own place offered as the pin.
import { ticked } from "./form-fields.js";
import { shrunk } from "./photo.js";
import { _, ngettext, number } from "./words.js";

const PHOTOS = 3;
const list = document.getElementById("previews");
const said = document.getElementById("photo-said");
const place = document.getElementById("photo-place");
const photos = [];
let changed = () => {};
let taken = null;

/** The photos as they will be sent: JPEG blobs without Exif. */
export const blobs = () => photos.map(({ blob }) => blob);

/** Start the photos' part; `onChange()` after every change, `onPlace(place)` when a photo's own place is wanted. */
export function startPhotos(onChange, onPlace) {
  changed = onChange;
  for (const id of ["camera", "gallery"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", take);
    // On a slow network somebody chose a photo before this script was there.
    if (input.files.length) take({ target: input });
  }
  place.querySelector("[data-use-place]").addEventListener("click", () => {
    place.hidden = true;
    onPlace(taken);
    document.getElementById("place").focus();
  });
}

/** Put photos back that were made small before, from a draft. */
export function putBack(kept) {
  for (const blob of kept.slice(0, PHOTOS - photos.length)) photos.push({ blob, url: URL.createObjectURL(blob) });
  show();
  if (photos.length) said.textContent = size();
}

/** Forget all photos. */
export function clear() {
  for (const photo of photos.splice(0)) URL.revokeObjectURL(photo.url);
  place.hidden = true;
  said.textContent = "";
  show();
}

async function take(event) {
  const chosen = [...event.target.files];
  event.target.value = "";
  const room = PHOTOS - photos.length;
  said.textContent = chosen.length ? _("Making the photo smaller …") : "";
  let failed = 0;
  for (const file of chosen.slice(0, room)) {
    // The place is read before the photo is drawn anew, which leaves it behind.
    const where = await import("./exif.js").then(({ takenAt }) => takenAt(file)).catch(() => null);
    try {
      const blob = await shrunk(file);
      photos.push({ blob, url: URL.createObjectURL(blob) });
      if (where) offer(where);
    } catch {
      failed += 1;
    }
  }
  show();
  changed();
  if (failed) said.textContent = _("This file could not be read as a photo. JPEG, PNG and WebP work.");
  else if (chosen.length > room) said.textContent = _("At most 3 photos: the others were left out.");
  else if (chosen.length) said.textContent = size();
}

function offer(where) {
  taken = where;
  place.hidden = false;
}

function size() {
  const kilobytes = Math.round(photos.reduce((sum, photo) => sum + photo.blob.size, 0) / 1000);
  return ngettext("%(n)s photo, %(size)s kB to send.", "%(n)s photos, %(size)s kB to send.", photos.length, { size: number(kilobytes) });
}

function show() {
  list.hidden = photos.length === 0;
  list.replaceChildren(
    ...photos.map((photo, i) => {
      const image = document.createElement("img");
      image.src = photo.url;
      image.alt = _("Photo %(n)s", { n: i + 1 });
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "×";
      remove.setAttribute("aria-label", _("Remove photo %(n)s", { n: i + 1 }));
      remove.addEventListener("click", () => {
        URL.revokeObjectURL(photo.url);
        photos.splice(i, 1);
        if (!photos.length) place.hidden = true;
        show();
        changed();
        said.textContent = photos.length ? size() : "";
        (list.querySelector("button") ?? document.getElementById("gallery")).focus();
      });
      const item = document.createElement("li");
      item.append(image, remove);
      return item;
    }),
  );
  for (const id of ["camera", "gallery"]) document.getElementById(id).disabled = photos.length >= PHOTOS;
  ticked("photo", photos.length > 0);
}
