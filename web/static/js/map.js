// The map that moves: kelurahan in shades from afar, single reports from near, and always a list beside it.
// Near means zoom 14 and in; at most 24 kelurahan are fetched at once. Nothing asks for the visitor's position.
import { Canvas, CircleMarker, LayerGroup, loadStyles, makeMap, Polygon, still, SVG } from "./leaflet.js";
import { fetchOutlines, fromPage, kotaNames } from "./outlines.js";
import { CLOSED, fetchActive, ReportMarker, tone } from "./reports.js";
import { _, ago, language, loadWords, ngettext, number, root } from "./words.js";

const NEAR = 14;
const FINE = 12;
const FILES = 24;
const LISTED = 60;

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const shape = (state) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", tone(state));
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#s-${state}`);
  svg.append(use);
  return svg;
};

export async function start(figure) {
  await Promise.all([loadWords(), loadStyles(figure.dataset.styles)]);
  new CityMap(figure).begin();
}

class CityMap {
  constructor(figure) {
    this.figure = figure;
    this.host = figure.querySelector(".sheetmap");
    this.panel = document.getElementById("daftar");
    this.cityList = [...this.panel.children];
    this.words = {
      waiting: _("Waiting"),
      coordination: _("Coordination"),
      disposition: _("Handed down"),
      in_progress: _("In progress"),
      done: _("Done"),
      rejected: _("Rejected"),
      duplicate: _("Duplicate"),
    };
    this.areas = new Map();
    this.markers = new Map();
    this.turn = 0;
  }

  begin() {
    const places = fromPage(this.figure);
    const counts = this.countsFromTable();
    this.box = element("div", { class: "mapbox", role: "region", "aria-label": _("Map of reports") });
    this.host.append(this.box);
    this.map = makeMap(this.box, this.figure.dataset, {
      zoomIn: _("Zoom in"),
      zoomOut: _("Zoom out"),
      scrollWheelZoom: false,
      renderer: new SVG({ padding: 0.3 }),
    });
    const mainland = places.filter((place) => !place.islands).flatMap((place) => place.rings.flat());
    // The first view fits exactly; later steps are halves.
    this.map.options.zoomSnap = 0;
    this.map.fitBounds(mainland, { padding: [14, 14], animate: false });
    this.map.options.zoomSnap = 0.5;
    this.home = this.map.getCenter();
    this.homeZoom = this.map.getZoom();
    const islands = this.host.querySelector("svg.islands");
    const sea = places.filter((place) => place.islands).flatMap((place) => place.rings.flat());
    islands?.addEventListener("click", (event) => {
      event.preventDefault();
      this.map.fitBounds(sea, { padding: [8, 8], animate: !still });
    });
    for (const place of places) this.addArea(place, counts.get(place.kode));
    this.canvas = new Canvas({ padding: 0.3, pane: "markerPane" });
    this.points = new LayerGroup().addTo(this.map);
    this.labels = new LayerGroup().addTo(this.map);
    this.addTools();
    this.nameAreas(this.homeZoom);
    this.host.classList.add("live");
    this.map.on("moveend", () => this.moved());
    this.map.on("contextmenu", ({ latlng }) => {
      location.href = `${root}/lapor/#17/${latlng.lat.toFixed(6)}/${latlng.lng.toFixed(6)}`;
    });
    // A wheel scrolls the page until the map was chosen by a click or by the keyboard.
    this.map.on("focus click", () => this.map.scrollWheelZoom.enable());
    this.map.on("blur", () => this.map.scrollWheelZoom.disable());
  }

  /** Open reports and names per kelurahan, from the tables that are on the page anyway. */
  countsFromTable() {
    const found = new Map();
    for (const row of document.querySelectorAll("#semua tbody tr")) {
      const link = row.querySelector("a");
      if (!link) continue;
      const open = Number(row.cells[1].textContent.replace(/\D/g, ""));
      found.set(link.getAttribute("href").split("/").at(-2), { name: link.textContent, open });
    }
    return found;
  }

  addArea(place, facts = { name: place.kode, open: 0 }) {
    // How an area looks is written in leaflet.css, so that it follows light and dark.
    const polygon = new Polygon(
      place.rings.map((ring) => [ring]),
      { className: `area ${place.shade}`, weight: 1.2, fillOpacity: 1, fillRule: "nonzero" },
    ).addTo(this.map);
    polygon.bindTooltip(
      () => escaped(`${facts.name}: ${ngettext("%(n)s open report", "%(n)s open reports", facts.open)}`),
      { sticky: true, className: "hover-name", direction: "top", opacity: 1 },
    );
    polygon.on("click", () => {
      if (this.map.getZoom() < NEAR) this.goTo(polygon.getBounds());
    });
    this.areas.set(place.kode, { ...facts, kode: place.kode, polygon });
  }

  goTo(bounds) {
    const zoom = Math.max(NEAR, Math.min(17, this.map.getBoundsZoom(bounds)));
    this.map.setView(bounds.getCenter(), zoom, { animate: !still });
  }

  addTools() {
    const bar = element("div", { class: "mapbar" });
    const check = element("input", { type: "checkbox" });
    check.addEventListener("change", () => {
      this.closed = check.checked;
      this.moved();
    });
    this.toggle = element("label", {}, check, _("Closed ones too"));
    this.toggle.hidden = true;
    this.back = element("button", { type: "button", class: "button quiet" }, _("All of Jakarta"));
    this.back.hidden = true;
    this.back.addEventListener("click", () => this.map.setView(this.home, this.homeZoom, { animate: !still }));
    bar.append(this.back, this.toggle);
    this.note = element("p", { class: "mapnote", role: "status" });
    this.card = element("div", { class: "mapcard" });
    this.card.hidden = true;
    this.host.append(bar, this.note, this.card);
    const legend = element("ul", { class: "legend states" });
    for (const [state, word] of Object.entries(this.words)) legend.append(element("li", {}, shape(state), word));
    this.figure.querySelector("figcaption").append(legend);
  }

  async moved() {
    const turn = ++this.turn;
    const zoom = this.map.getZoom();
    const away = zoom > this.homeZoom || !this.map.getBounds().contains(this.home);
    this.back.hidden = !away;
    this.host.classList.toggle("away", away);
    this.toggle.hidden = zoom < NEAR;
    this.figure.classList.toggle("near", zoom >= NEAR);
    this.say("");
    this.linkFromHere(zoom);
    if (zoom >= FINE) {
      const fine = await this.refine(turn);
      if (!fine || turn !== this.turn) return;
    }
    this.nameAreas(zoom);
    if (zoom < NEAR) {
      this.points.clearLayers();
      this.markers.clear();
      this.card.hidden = true;
      this.showCityList();
      return;
    }
    await this.showReports(turn);
  }

  /** "Report" in the masthead starts where the map is. */
  linkFromHere(zoom) {
    const centre = this.map.getCenter();
    const hash = zoom >= NEAR ? `#${Math.round(zoom)}/${centre.lat.toFixed(5)}/${centre.lng.toFixed(5)}` : "";
    for (const link of document.querySelectorAll('a.button[href*="/lapor/"]')) link.href = `${root}/lapor/${hash}`;
  }

  /** Finer outlines and names, once the map is near enough to need them. */
  async refine(turn) {
    if (this.outlines) return true;
    try {
      this.outlines = await fetchOutlines();
    } catch {
      if (turn === this.turn) this.say(_("The map could not be loaded. Check the connection, then move the map."));
      return false;
    }
    for (const [kode, outline] of this.outlines) {
      this.areas.get(kode)?.polygon.setLatLngs(outline.rings.map((ring) => [ring]));
    }
    return true;
  }

  /** Names of kota from afar, of kelurahan from near. */
  nameAreas(zoom) {
    this.labels.clearLayers();
    if (zoom < FINE) for (const [at, name] of kotaNames(this.figure)) this.name(at, name, "area-name kota-name");
    if (zoom < 13 || !this.outlines) return;
    const bounds = this.map.getBounds();
    for (const { kode } of this.visible()) {
      const { kelurahan, label } = this.outlines.get(kode);
      const at = [label[1], label[0]];
      if (bounds.contains(at)) this.name(at, kelurahan, "area-name");
    }
  }

  name(at, text, className) {
    new CircleMarker(at, { radius: 0, stroke: false, fill: false, interactive: false })
      .bindTooltip(escaped(text), { permanent: true, direction: "center", className, interactive: false })
      .addTo(this.labels);
  }

  visible() {
    const bounds = this.map.getBounds();
    return [...this.areas.values()].filter(({ polygon }) => polygon.getBounds().intersects(bounds));
  }

  async showReports(turn) {
    const seen = this.visible();
    if (seen.length > FILES) {
      this.points.clearLayers();
      this.say(_("Zoom in further to see single reports."));
      this.showCityList();
      return;
    }
    this.say(_("Loading …"));
    const [names, ...files] = await Promise.allSettled([this.categoryNames(), ...seen.map(({ kode }) => fetchActive(kode))]);
    if (turn !== this.turn) return;
    const loaded = files.filter((file) => file.status === "fulfilled").map((file) => file.value);
    this.names = names.value ?? {};
    this.say(loaded.length < files.length ? _("Some reports could not be loaded. Check the connection, then move the map.") : "");
    const bounds = this.map.getBounds();
    const here = loaded
      .flatMap((file) => file.reports)
      .filter((report) => this.closed || !CLOSED.has(report.state))
      .filter((report) => bounds.contains([report.latitude, report.longitude]))
      .sort((a, b) => b.created - a.created);
    this.drawReports(here);
    this.listReports(here, loaded);
  }

  async categoryNames() {
    this.categories ??= fetch("/data/kategori.json").then((answer) => answer.json());
    return this.categories;
  }

  drawReports(reports) {
    const style = getComputedStyle(document.documentElement);
    this.points.clearLayers();
    this.markers.clear();
    const radius = this.map.getZoom() >= 16 ? 10 : 8;
    // Newest last, so that they lie on top.
    for (const report of [...reports].reverse()) {
      const marker = new ReportMarker([report.latitude, report.longitude], {
        renderer: this.canvas,
        radius,
        state: report.state,
        weight: 2.5,
        color: style.getPropertyValue("--sheet").trim(),
        fillColor: style.getPropertyValue(`--${tone(report.state)}`).trim(),
        bubblingMouseEvents: false,
      });
      marker.on("click", () => this.choose(report, true));
      marker.addTo(this.points);
      this.markers.set(report.id, marker);
    }
  }

  entry(report) {
    const name = this.names[report.category]?.[language] ?? report.category;
    const text = element("span", {}, element("b", {}, name));
    if (report.example) text.append(" ", element("span", { class: "tag" }, _("example")));
    if (report.text) text.append(element("span", { class: "words" }, report.text));
    text.append(element("small", {}, `${this.words[report.state]} · ${ago(report.created)}`));
    return element("a", { class: "pick", href: `${root}/laporan/${report.id}/` }, shape(report.state), text);
  }

  listReports(reports, files) {
    const title = element(
      "h2",
      { id: "daftar-judul" },
      reports.length ? ngettext("%(n)s report on the map", "%(n)s reports on the map", reports.length) : _("No report here"),
    );
    const list = element("ul", { class: "listed" });
    for (const report of reports.slice(0, LISTED)) {
      const link = this.entry(report);
      link.dataset.id = report.id;
      for (const event of ["focus", "mouseenter"]) link.addEventListener(event, () => this.choose(report, false));
      list.append(element("li", {}, link));
    }
    const rest = element("p", { class: "soft" });
    if (reports.length > LISTED) rest.append(ngettext("%(n)s more, zoom in to list it.", "%(n)s more, zoom in to list them.", reports.length - LISTED));
    // A file holds at most 400 reports: what is open beyond them is counted and linked, never dropped in silence.
    for (const file of files) {
      const missing = file.open - file.reports.filter((report) => !CLOSED.has(report.state)).length;
      if (missing <= 0) continue;
      const link = element("a", { href: `${root}/kelurahan/${file.kode}/` });
      link.textContent = _("+%(n)s more in %(kelurahan)s", { n: number(missing), kelurahan: this.areas.get(file.kode).name });
      rest.append(" ", link);
    }
    if (!reports.length) rest.append(_("Nothing open in view. Move the map, or report what you see."));
    this.panel.replaceChildren(title, list, rest);
    if (!reports.length) list.remove();
    this.near = true;
  }

  showCityList() {
    if (this.near) this.panel.replaceChildren(...this.cityList);
    this.near = false;
  }

  /** Mark a report on the map and in the list; `card` shows it on the map, for those who tapped a point. */
  choose(report, card) {
    this.ring?.remove();
    this.ring = new CircleMarker([report.latitude, report.longitude], {
      radius: 16,
      weight: 3,
      color: getComputedStyle(document.documentElement).getPropertyValue("--ink").trim(),
      fill: false,
      interactive: false,
      renderer: this.canvas,
    }).addTo(this.points);
    for (const link of this.panel.querySelectorAll(".pick")) link.classList.toggle("on", link.dataset.id === report.id);
    if (!card) return;
    const close = element("button", { type: "button", class: "mapcard-close", "aria-label": _("Close") }, "×");
    close.addEventListener("click", () => {
      this.card.hidden = true;
      this.ring?.remove();
    });
    this.card.replaceChildren(this.entry(report), close);
    this.card.hidden = false;
    this.panel.querySelector(".pick.on")?.scrollIntoView({ block: "nearest" });
  }

  say(text) {
    this.note.textContent = text;
  }
}

function escaped(text) {
  const box = document.createElement("i");
  box.textContent = text;
  return box.innerHTML;
}
