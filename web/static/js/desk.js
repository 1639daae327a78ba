// The officers' desk: who is here, which report is open (in the address, so that Back works), and the keyboard.
import "./font.js";
import { Queue } from "./desk-queue.js";
import { DeskMap } from "./desk-map.js";
import { ReportPanel } from "./desk-report.js";
import { mountViews } from "./desk-views.js";
import { ask, comeBack, findProvider, Offline, SignedOut, signedIn, signIn, signOut } from "./desk-session.js";
import { fetchOutlines } from "./outlines.js";
import { _, loadWords, root } from "./words.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const banner = find("banner");
let queue;
let panel;
let map;
let outlined = null;
let desk;
const MANAGING = ["accounts", "rules", "clients"];
const told = (error) => failed(error) || tell(error);

document.documentElement.classList.add("js");
find("other-language").addEventListener("click", (event) => {
  event.preventDefault();
  location.href = `${event.currentTarget.getAttribute("href")}${location.hash}`;
});
find("sign-in").addEventListener("click", () => signIn().catch(tell));
find("sign-out").addEventListener("click", async () => {
  location.replace(await signOut());
});
begin();

async function begin() {
  await loadWords();
  try {
    const wrong = await comeBack();
    if (wrong) tell(new Error(wrong));
    if (!signedIn()) return await welcome();
    await open(await ask("/api/staff/me"));
  } catch (error) {
    if (error instanceof SignedOut) return welcome(error);
    await welcome().catch(() => null);
    tell(error);
  }
  return undefined;
}

async function welcome(error) {
  find("welcome").hidden = false;
  find("board").hidden = find("admin").hidden = true;
  if (error) tell(error);
  const provider = await findProvider();
  find("starting").hidden = true;
  find("sign-in").hidden = false;
  find("example-note").hidden = !provider.example;
  find("sign-in").focus();
}

async function open(me) {
  const [kelurahan, categories] = await Promise.all([fetchOutlines(), fetch("/data/kategori.json").then((got) => got.json())]);
  const byKode = new Map([...kelurahan].map(([kode, each]) => [kode, { kode, kelurahan: each.kelurahan, kecamatan: each.kecamatan, kota: each.kota }]));
  find("who").textContent = `${me.name} · ${me.office.name}`;
  find("sign-out").hidden = find("help").hidden = false;
  find("welcome").hidden = true;
  find("board").hidden = false;
  panel = new ReportPanel(find("detail"), {
    me,
    categories,
    kelurahan: byKode,
    map: () => map,
    reasons: () => [...find("reasons").content.cloneNode(true).children],
    changed: () => queue.refresh(),
    failed,
  });
  queue = new Queue(document.querySelector(".queue"), {
    failed,
    shown(rows) {
      banner.hidden = true;
      map?.show(rows);
      if (map && outlined !== queue.area) outline(queue.area);
      if (panel.id) map?.choose(panel.id);
      panel.refresh();
    },
  });
  const drawn = new DeskMap(document.querySelector(".mapside"), (id) => {
    location.hash = `#/laporan/${id}`;
  });
  // The list is what counts: it does not wait for the map.
  drawn.begin(me.boundaries).then(() => {
    map = drawn;
    map.show(queue.rows);
    if (panel.id) map.choose(panel.id);
  });
  areas();
  addEventListener("hashchange", follow);
  addEventListener("keydown", shortcut);
  addEventListener("online", () => queue.refresh());
  desk = { me, categories, kelurahan: byKode, tell, failed };
  find("manage").hidden = !MANAGING.some((right) => me.rights.includes(right));
  await queue.begin(me, categories, byKode);
  follow();
  mountViews(queue, told).catch(told);
}

/** The address says which report is open. */
function follow() {
  const part = location.hash.match(/^#\/kelola(?:\/([a-z]+))?$/);
  find("board").hidden = Boolean(part);
  find("admin").hidden = !part;
  if (part) {
    panel.close();
    import("./desk-admin.js").then(({ manage }) => manage(find("admin"), part[1] ?? "", desk)).catch(told);
    return;
  }
  const id = location.hash.match(/^#\/laporan\/([0-9A-Z]{8})$/)?.[1] ?? null;
  const before = panel.id;
  document.body.classList.toggle("reading", Boolean(id));
  queue.mark(id);
  if (id) {
    panel.open(id);
    return;
  }
  map?.cancel?.();
  panel.close();
  map?.choose(null);
  if (before) queue.link(before)?.focus();
}

function areas() {
  find("draw").addEventListener("click", async () => {
    if (!map) return;
    document.body.classList.add("aiming-map");
    const area = await map.draw();
    document.body.classList.remove("aiming-map");
    if (area) limit(area);
    find("draw").focus();
  });
  find("geojson").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    try {
      limit(JSON.parse(await file.text()));
    } catch {
      tell(new Error(_("“%(name)s” is no GeoJSON file. Choose another.", { name: file.name })));
    }
  });
  find("area-clear").addEventListener("click", () => limit(null));
  document.querySelector("[data-filters]").addEventListener("reset", () => map?.outline(null));
}

async function limit(area) {
  queue.area = area;
  await queue.load();
  outline(area);
}

function outline(area) {
  outlined = area;
  try {
    map?.outline(area);
  } catch {
    // The API said in words what is wrong with it.
  }
}

/** Whether an error concerns the whole desk; the others are told where they happened. */
function failed(error) {
  if (error instanceof SignedOut) {
    welcome(error);
    return true;
  }
  if (error instanceof Offline) {
    tell(error);
    return false;
  }
  return false;
}

function tell(error) {
  banner.textContent = error.message;
  banner.hidden = false;
}

const DEEDS = { a: "take", g: "assign", t: "hand_over", p: "progress", s: "done", c: "note" };

function shortcut(event) {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (!queue || find("board").hidden) return;
  if (event.key === "Escape" && !find("help-box").open) {
    if (map?.cancel) map.cancel();
    else if (!panel.stop() && panel.id) location.hash = "#/";
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(".leaflet-container")) return;
  if (event.key === "j" || event.key === "k") queue.step(event.key === "j" ? 1 : -1);
  else if (event.key === "/") document.getElementById("kata").focus();
  else if (event.key === "?") find("help-box").showModal();
  else if (event.key === "r") queue.refresh();
  else if (event.key === "m") document.querySelector("[name=assigned]").click();
  else if (event.key === "v") find("views").focus();
  else if (DEEDS[event.key] && panel.id) panel.start(DEEDS[event.key]);
  else return;
  event.preventDefault();
}

find("help").addEventListener("click", () => find("help-box").showModal());
