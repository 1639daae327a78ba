// Where it is: pin, the phone's position, a photo's own place, coordinates, or kelurahan and landmark.
// The kelurahan is named by the server's own rule; what is decided here is only what to say.
import { field, form, ticked } from "./form-fields.js";
import { _, number } from "./words.js";

const COARSE = 100;
const DOUBT = 0.9;
const PAUSE = 350;
const found = document.getElementById("found");
const outside = document.getElementById("outside");

let pin;
let asked = 0;
let changed = () => {};
/** What the server said of the spot: {kode, kelurahan, …}, or null while it is not known. */
let located = null;
let beyond = false;

/** Whether the server said that the spot is outside Jakarta. */
export const isOutside = () => beyond;

/** Start the place's part; `onChange` is called when the spot or what is known of it changes. */
export function startPlace(onChange) {
  changed = onChange;
  document.getElementById("gps").addEventListener("click", locateMe);
  field("kelurahan").addEventListener("change", chooseKelurahan);
  for (const name of ["latitude", "longitude"]) field(name).addEventListener("change", typed);
  addEventListener("hashchange", () => {
    const here = fragment();
    if (here) pin?.show(...here);
  });
  if (document.readyState === "complete") map();
  else addEventListener("load", map, { once: true });
}

async function map() {
  const box = document.getElementById("pinmap");
  let made;
  try {
    const { PinMap } = await import("./pin.js");
    made = new PinMap(box, form.dataset, placed);
    await made.begin();
  } catch {
    // The network gave the form but not its map: position, coordinates and kelurahan do without.
    box.hidden = true;
    return;
  }
  // Only now: what moves the pin before finds none, and the fields say where it goes.
  pin = made;
  const here = fragment();
  const kode = new URLSearchParams(location.search).get("kelurahan");
  if (here) pin.show(...here);
  else if (spot()) moveTo({ ...spot(), accuracy: Number(field("accuracy").value) });
  else if (kode && [...field("kelurahan").options].some((option) => option.value === kode)) await pin.showKelurahan(kode);
  else if (field("kelurahan").value) chooseKelurahan();
}

/** Where a link from the map leads: #<latitude>,<longitude> is the spot, #<zoom>/<latitude>/<longitude> a view. */
export function fragment() {
  const spot = location.hash.match(/^#(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)$/)?.slice(1).map(Number);
  if (spot) return [...spot, 17, true];
  const view = location.hash.match(/^#(\d+)\/(-?[\d.]+)\/(-?[\d.]+)$/)?.slice(1).map(Number);
  return view && [view[1], view[2], Math.min(view[0], 18), view[0] >= 16];
}

/** The spot in degrees, or null; `kode` once the server has named it. */
export function spot() {
  if (!field("latitude").value || !field("longitude").value) return null;
  const [latitude, longitude] = ["latitude", "longitude"].map((name) => Number(field(name).value.replace(",", ".")));
  return { latitude, longitude, kode: located?.kode ?? null };
}

/** Put the pin somewhere, as a photo or a draft says; `accuracy` in metres where it is known. */
export function moveTo({ latitude, longitude, accuracy = null }) {
  if (!pin) placed({ latitude, longitude, accuracy });
  else if (accuracy) pin.measure(latitude, longitude, accuracy);
  else pin.show(latitude, longitude, 17, true);
}

/** Read the place from the form's fields again, after a draft came back. */
export function placeAgain() {
  if (!pin || fragment()) return;
  if (field("latitude").value && field("longitude").value) typed();
  else if (field("kelurahan").value) chooseKelurahan();
}

/** Heard from the map: a spot, or null when it is not near enough to be one. */
function placed(place) {
  field("kelurahan").value = "";
  field("latitude").value = place ? place.latitude.toFixed(6) : "";
  field("longitude").value = place ? place.longitude.toFixed(6) : "";
  field("accuracy").value = place?.accuracy ? String(Math.round(place.accuracy)) : "";
  know(null);
  if (!place) {
    asked += 1;
    tell(_("Zoom in until you recognise the spot."), "");
    return;
  }
  ask(place);
}

function know(place) {
  located = place;
  beyond = false;
  outside.hidden = true;
  ticked("place", Boolean(field("latitude").value || (field("kelurahan").value && field("landmark").value.trim())));
  changed();
}

function typed() {
  const here = spot();
  if (!here?.latitude || !here.longitude) return;
  field("accuracy").value = "";
  moveTo(here);
}

function chooseKelurahan() {
  const kode = field("kelurahan").value;
  if (!kode) return;
  for (const name of ["latitude", "longitude", "accuracy"]) field(name).value = "";
  asked += 1;
  know(null);
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
      moveTo(coords);
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
  await new Promise((done) => setTimeout(done, PAUSE));
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
  if (!place?.kode) {
    know(null);
    beyond = true;
    ticked("place", false);
    tell(_("This spot is outside Jakarta. Move the map to a spot inside."), "bad");
    outside.hidden = !outside.textContent;
    return;
  }
  know(place);
  const kota = place.kota.replace(/^(Kota|Kabupaten) Administrasi /i, "");
  const name = document.createElement("b");
  name.textContent = place.kelurahan;
  tell([name, `, ${place.kecamatan}, ${kota}. `], "");
  if (place.method === "nearest") found.append(_("The spot is just outside the boundary; this is the nearest kelurahan."), " ");
  if (accuracy > COARSE) {
    found.classList.add("warn");
    found.append(_("Your position is only exact to %(n)s m. Move the map until the pin is on the spot.", { n: number(Math.round(accuracy)) }), " ");
  }
  if (place.runner_up && place.probability < DOUBT) offer(place);
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
