// The report form with scripts: pin, position, photos made small, sending without leaving the page.
// Without scripts the same form works as it stands; nothing here is needed to report.
import { shrunk } from "./photo.js";
import { sendPatiently } from "./puzzle.js";
import { _, loadWords, ngettext, number, root } from "./words.js";

const PHOTOS = 3;
const WORDS = [10, 2000];
const COARSE = 100;
const form = document.getElementById("laporan");
const field = (name) => form.elements.namedItem(name);
const found = document.getElementById("found");
const photos = [];
let key = null;
let pin;
let asked = 0;

start();

async function start() {
  await loadWords();
  form.noValidate = true;
  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  count();
  field("description").addEventListener("input", count);
  for (const id of ["camera", "gallery"]) document.getElementById(id).addEventListener("change", takePhotos);
  document.getElementById("gps").addEventListener("click", locateMe);
  field("kelurahan").addEventListener("change", chooseKelurahan);
  for (const name of ["latitude", "longitude"]) field(name).addEventListener("change", typed);
  form.addEventListener("submit", send);
  if (document.readyState === "complete") map();
  else addEventListener("load", map, { once: true });
}

// The place ------------------------------------------------------------------------------------------

async function map() {
  const { PinMap } = await import("./pin.js");
  pin = new PinMap(document.getElementById("pinmap"), form.dataset, placed);
  await pin.begin();
  const here = location.hash.match(/^#(\d+)\/(-?[\d.]+)\/(-?[\d.]+)$/)?.slice(1).map(Number);
  const kode = new URLSearchParams(location.search).get("kelurahan");
  if (field("latitude").value && field("longitude").value) typed();
  else if (here) {
    pin.show(here[1], here[2], Math.min(here[0], 18), here[0] >= 16);
  } else if (kode && [...field("kelurahan").options].some((option) => option.value === kode)) {
    await pin.showKelurahan(kode);
  }
}

/** Heard from the map: a spot, or null when it is not near enough to be one. */
function placed(place) {
  field("kelurahan").value = "";
  field("latitude").value = place ? place.latitude.toFixed(6) : "";
  field("longitude").value = place ? place.longitude.toFixed(6) : "";
  field("accuracy").value = place?.accuracy ? String(Math.round(place.accuracy)) : "";
  if (!place) {
    asked += 1;
    tell(_("Zoom in until you recognise the spot."), "");
    return;
  }
  ask(place);
}

function typed() {
  const latitude = Number(field("latitude").value.replace(",", "."));
  const longitude = Number(field("longitude").value.replace(",", "."));
  if (!latitude || !longitude || !pin) return;
  field("kelurahan").value = "";
  pin.show(latitude, longitude, 17, true);
}

function chooseKelurahan() {
  const kode = field("kelurahan").value;
  if (!kode) return;
  for (const name of ["latitude", "longitude", "accuracy"]) field(name).value = "";
  asked += 1;
  tell(_("The report goes to this kelurahan. Move the map to the spot, or name a landmark."), "");
  pin?.showKelurahan(kode);
}

function locateMe() {
  const button = document.getElementById("gps");
  if (!navigator.geolocation) {
    tell(_("This device does not tell its position. Move the map, or choose the kelurahan."), "warn");
    return;
  }
  button.disabled = true;
  tell(_("Looking for your position …"), "");
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      button.disabled = false;
      pin?.measure(coords.latitude, coords.longitude, coords.accuracy);
    },
    (error) => {
      button.disabled = false;
      tell(
        error.code === error.PERMISSION_DENIED
          ? _("Your position was not shared. Move the map, or choose the kelurahan.")
          : _("Your position was not found. Move the map, or choose the kelurahan."),
        "warn",
      );
    },
    { enableHighAccuracy: true, timeout: 20000, maximumAge: 30000 },
  );
}

async function ask({ latitude, longitude, accuracy }) {
  const turn = ++asked;
  await new Promise((done) => setTimeout(done, 350));
  if (turn !== asked) return;
  const query = new URLSearchParams({ latitude: latitude.toFixed(6), longitude: longitude.toFixed(6) });
  if (accuracy) query.set("accuracy", String(Math.round(accuracy)));
  let answer;
  try {
    const response = await fetch(`/api/locate?${query}`, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(String(response.status));
    answer = await response.json();
  } catch {
    // The server finds the kelurahan again when the report arrives.
    if (turn === asked) tell(_("The spot is set. Its kelurahan will be found when the report is sent."), "");
    return;
  }
  if (turn === asked) showPlace(answer.place, accuracy);
}

function showPlace(place, accuracy) {
  if (!place || !place.kode) {
    tell(_("This spot is outside Jakarta. Move the map to a spot inside."), "bad");
    return;
  }
  const kota = place.kota.replace(/^(Kota|Kabupaten) Administrasi /i, "");
  const name = document.createElement("b");
  name.textContent = place.kelurahan;
  tell([name, `, ${place.kecamatan}, ${kota}. `], "");
  if (place.method === "nearest") found.append(_("The spot is just outside the boundary; this is the nearest kelurahan."), " ");
  if (accuracy > COARSE) {
    found.classList.add("warn");
    found.append(_("Your position is only exact to %(n)s m. Move the map until the pin is on the spot.", { n: number(Math.round(accuracy)) }), " ");
  }
  if (place.runner_up && place.probability < 0.9) offer(place);
}

/** Near a border: let the reporter say which side it is. */
function offer(place) {
  found.classList.add("warn");
  const line = document.createElement("span");
  line.className = "offer";
  line.append(_("It is close to a border. Which one is it?"), " ");
  for (const side of [place, place.runner_up]) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "side";
    radio.addEventListener("change", () => {
      field("kelurahan").value = side.kode;
    });
    label.append(radio, side.kelurahan);
    line.append(label);
  }
  found.append(line);
}

function tell(parts, kind) {
  found.className = `found ${kind}`.trim();
  found.replaceChildren(...[parts].flat());
}

// Photos and words -----------------------------------------------------------------------------------

async function takePhotos(event) {
  const said = document.getElementById("photo-said");
  const chosen = [...event.target.files];
  event.target.value = "";
  const room = PHOTOS - photos.length;
  said.textContent = chosen.length ? _("Making the photo smaller …") : "";
  let failed = 0;
  for (const file of chosen.slice(0, room)) {
    try {
      const blob = await shrunk(file);
      photos.push({ blob, url: URL.createObjectURL(blob) });
    } catch {
      failed += 1;
    }
  }
  showPhotos();
  if (failed) said.textContent = _("This file could not be read as a photo. JPEG, PNG and WebP work.");
  else if (chosen.length > room) said.textContent = _("At most 3 photos: the others were left out.");
  else if (chosen.length) said.textContent = size();
}

function size() {
  const kilobytes = Math.round(photos.reduce((sum, photo) => sum + photo.blob.size, 0) / 1000);
  return ngettext("%(n)s photo, %(size)s kB to send.", "%(n)s photos, %(size)s kB to send.", photos.length, { size: number(kilobytes) });
}

function showPhotos() {
  const list = document.getElementById("previews");
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
        showPhotos();
        document.getElementById("photo-said").textContent = photos.length ? size() : "";
        (list.querySelector("button") ?? document.getElementById("gallery")).focus();
      });
      const item = document.createElement("li");
      item.append(image, remove);
      return item;
    }),
  );
  for (const id of ["camera", "gallery"]) document.getElementById(id).disabled = photos.length >= PHOTOS;
}

function count() {
  const length = field("description").value.trim().length;
  const output = document.getElementById("counter");
  output.textContent = length && length < WORDS[0] ? _("%(n)s more", { n: WORDS[0] - length }) : `${number(length)} / ${number(WORDS[1])}`;
  output.classList.toggle("short", length > 0 && length < WORDS[0]);
}

// Sending --------------------------------------------------------------------------------------------

function missing() {
  const errors = [];
  if (!(field("latitude").value && field("longitude").value) && !field("kelurahan").value) {
    errors.push({ field: "place", message: _("Show where it is: on the map, or by choosing the kelurahan.") });
  } else if (!field("latitude").value && !field("landmark").value.trim()) {
    errors.push({ field: "landmark", message: _("Without a pin, please name a landmark: a shop, a school, a crossing.") });
  }
  if (!field("category").value) errors.push({ field: "category", message: _("Choose what kind of problem it is.") });
  const length = field("description").value.trim().length;
  if (length < WORDS[0]) errors.push({ field: "description", message: _("Say in at least 10 characters what is wrong.") });
  return errors;
}

async function send(event) {
  event.preventDefault();
  const errors = missing();
  if (errors.length) {
    showErrors(errors);
    return;
  }
  showErrors([]);
  const button = document.getElementById("send");
  const status = document.getElementById("sending");
  const body = new FormData(form);
  body.delete("photo");
  body.delete("form");
  body.delete("side");
  photos.forEach((photo, i) => body.append("photo", photo.blob, `foto-${i + 1}.jpg`));
  // The same key until there is an answer: a second try of the same report makes no second report.
  key ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  button.disabled = true;
  status.textContent = _("Sending …");
  try {
    const request = { method: "POST", body, headers: { Accept: "application/json", "Idempotency-Key": key } };
    const response = await sendPatiently(form.action, request, (computing) => {
      status.textContent = computing
        ? _("Many reports come from your connection. Your device computes for a moment, then it is sent …")
        : _("Sending …");
    });
    const answer = await response.json().catch(() => ({}));
    status.textContent = "";
    if (response.ok) {
      received(answer);
    } else if (response.status < 500) {
      key = null;
      showErrors(answer.errors?.length ? answer.errors : [{ field: "", message: _("The report was not accepted. Please check what you wrote.") }]);
    } else {
      throw new Error(String(response.status));
    }
  } catch {
    status.textContent = _("Not sent: no answer from the server. What you wrote is still here; please try again.");
  } finally {
    button.disabled = false;
  }
}

const TARGETS = { latitude: "place", longitude: "place", accuracy: "place" };

function showErrors(errors) {
  for (const old of form.querySelectorAll(".error")) old.remove();
  for (const old of form.querySelectorAll("[aria-invalid]")) old.removeAttribute("aria-invalid");
  const box = document.getElementById("errors");
  box.hidden = errors.length === 0;
  if (!errors.length) return;
  const title = document.createElement("h2");
  title.textContent = ngettext("Nothing was lost. One thing needs another look:", "Nothing was lost. %(num)s things need another look:", errors.length, { num: errors.length });
  const list = document.createElement("ul");
  for (const { field: name, message } of errors) {
    const target = document.getElementById(TARGETS[name] ?? name);
    const item = document.createElement("li");
    if (target) {
      const link = document.createElement("a");
      link.href = `#${target.id}`;
      link.textContent = message;
      item.append(link);
      markWrong(target, message);
    } else {
      item.textContent = message;
    }
    list.append(item);
  }
  box.replaceChildren(title, list);
  box.focus();
  box.scrollIntoView({ block: "start" });
}

function markWrong(target, message) {
  const line = document.createElement("p");
  line.className = "error";
  line.id = `e-${target.id}`;
  line.textContent = message;
  if (target.matches("input, select, textarea")) {
    target.setAttribute("aria-invalid", "true");
    target.setAttribute("aria-describedby", `${(target.getAttribute("aria-describedby") ?? "").replace(/ ?e-\S+/, "")} ${line.id}`.trim());
    target.closest("p").after(line);
  } else {
    (target.querySelector("legend") ?? target.querySelector("h2")).after(line);
  }
}

function received(answer) {
  const box = document.getElementById("received");
  box.append(document.getElementById("received-template").content.cloneNode(true));
  box.querySelector("[data-id]").textContent = `${answer.id.slice(0, 4)}-${answer.id.slice(4)}`;
  box.querySelector("[data-key]").textContent = answer.follow_key;
  box.querySelector("[data-status]").href = answer.private ? answer.status_url : `${root}/laporan/${answer.id}/`;
  box.querySelector("[data-place]").textContent = answer.place?.kode
    ? _("It goes to kelurahan %(kelurahan)s, %(kecamatan)s.", answer.place)
    : _("The place is not known yet. An officer will look for it.");
  const copy = box.querySelector("[data-copy-key]");
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(answer.follow_key);
    copy.querySelector("span").textContent = _("Copied");
  });
  for (const part of document.querySelectorAll(".formpage > :not(#received):not(template)")) part.hidden = true;
  for (const photo of photos) URL.revokeObjectURL(photo.url);
  box.hidden = false;
  scrollTo(0, 0);
  box.focus();
}
