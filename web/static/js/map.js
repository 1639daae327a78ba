// The map that moves: the city in shades of open reports, and from near what near.js shows. The list stands beside it.
// What is seen is in the address's fragment (view.js). Nothing asks for the visitor's position unless told to.
import { element, escaped } from "./dom.js";
import { CircleMarker, LayerGroup, loadStyles, makeMap, Polygon, still, SVG } from "./leaflet.js";
import { fetchOutlines, fromPage, kotaNames } from "./outlines.js";
import { count, isView, read, within, write } from "./view.js";
import { _, loadWords, ngettext, number, root } from "./words.js";

const NEAR = 14;
const FINE = 12;
const NAMED = 13.5;
/** So many kelurahan are fetched at once, at most. */
export const FILES = 24;
const PARTS = {
  near: () => import("./near.js"),
  filters: () => import("./filters.js"),
  search: () => import("./search.js"),
  here: () => import("./here.js"),
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
    this.areas = new Map();
    this.parts = {};
    this.turn = 0;
    this.view = read(isView(location.hash) ? location.hash : "");
  }

  begin() {
    const drawn = fromPage(this.figure);
    this.facts = factsFromTables();
    this.box = element("div", { class: "mapbox", role: "region", "aria-label": _("Map of reports") });
    this.host.append(this.box);
    this.map = makeMap(this.box, this.figure.dataset, {
      zoomIn: _("Zoom in"),
      zoomOut: _("Zoom out"),
      scrollWheelZoom: false,
      // From afar the shades say more than streets would.
      basemapFrom: FINE,
      renderer: new SVG({ padding: 0.3 }),
    });
    this.mainland = drawn.filter((place) => !place.islands).flatMap((place) => place.rings.flat());
    // The first view fits exactly; later steps are halves.
    this.map.options.zoomSnap = 0;
    this.map.fitBounds(this.mainland, { padding: [14, 14], animate: false });
    this.map.options.zoomSnap = 0.5;
    this.home = { zoom: this.map.getZoom(), at: this.map.getCenter() };
    const islands = this.host.querySelector("svg.islands");
    const sea = drawn.filter((place) => place.islands).flatMap((place) => place.rings.flat());
    islands?.addEventListener("click", (event) => {
      event.preventDefault();
      this.act(() => this.map.fitBounds(sea, { padding: [8, 8], animate: !still }));
    });
    for (const place of drawn) this.addArea(place);
    this.labels = new LayerGroup().addTo(this.map);
    this.addTools();
    this.host.classList.add("live");
    this.map.on("moveend", () => this.moved());
    this.map.on("contextmenu", async ({ latlng }) => (await this.part("here"))?.spot(latlng));
    // A wheel scrolls the page until the map was chosen by a click or by the keyboard.
    this.map.on("focus click", () => this.map.scrollWheelZoom.enable());
    this.map.on("blur", () => this.map.scrollWheelZoom.disable());
    addEventListener("popstate", () => {
      if (isView(location.hash)) this.restore(read(location.hash));
    });
    addEventListener("online", () => this.refresh());
    addEventListener("offline", () => this.say(_("No connection. What was loaded stays here.")));
    if (write(this.view)) this.restore(this.view);
    else this.nameAreas(this.home.zoom);
    this.offerParts();
  }

  /** What is loaded only when somebody reaches for it. */
  offerParts() {
    const search = document.getElementById("cari");
    search?.addEventListener("focus", () => this.part("search"), { once: true });
    if (search && document.activeElement === search) this.part("search");
    const button = document.getElementById("saring");
    button.hidden = false;
    button.addEventListener("click", async () => (await this.part("filters"))?.toggle());
    for (const link of document.querySelectorAll("a[hreflang]")) {
      link.addEventListener("click", () => {
        link.hash = write(this.view);
      });
    }
  }

  /** A part of the map by name, loaded once with its words and styles; null when it cannot be had now. */
  async part(name) {
    const { laterWords, laterStyles } = this.figure.dataset;
    this.more ??= Promise.all([loadWords(laterWords), loadStyles(laterStyles)]);
    this.parts[name] ??= Promise.all([PARTS[name](), this.more]).then(([module]) => new module.default(this));
    try {
      return await this.parts[name];
    } catch {
      this.parts[name] = undefined;
      this.say(_("This part of the map could not be loaded. Check the connection and try again."));
      return null;
    }
  }

  addArea(place) {
    const facts = this.facts.get(place.kode) ?? { kode: place.kode, name: place.kode, open: 0 };
    // How an area looks is written in leaflet.css, so that it follows light and dark.
    const polygon = new Polygon(
      place.rings.map((ring) => [ring]),
      { className: `area ${place.shade}`, weight: 1.2, fillOpacity: 1, fillRule: "nonzero" },
    ).addTo(this.map);
    const area = { ...facts, polygon, shown: facts.open };
    polygon.bindTooltip(() => escaped(this.counted(area)), { sticky: true, className: "hover-name", direction: "top", opacity: 1 });
    polygon.on("click", () => {
      if (!this.isNear()) this.act(() => this.goTo(polygon.getBounds()));
    });
    this.areas.set(place.kode, area);
  }

  counted({ name, shown }) {
    const said = this.view.filters.states
      ? ngettext("%(n)s report", "%(n)s reports", shown)
      : ngettext("%(n)s open report", "%(n)s open reports", shown);
    return `${name}: ${said}`;
  }

  /** Do what a person asked for, as a step of its own in the history. */
  act(deed) {
    this.step = true;
    deed();
  }

  /** The whole city, which fits exactly and not by half steps. */
  goHome(animate) {
    this.map.options.zoomSnap = 0;
    this.map.setView(this.home.at, this.home.zoom, { animate });
    this.map.options.zoomSnap = 0.5;
  }

  goTo(bounds, least = NEAR) {
    const zoom = Math.max(least, Math.min(17, this.map.getBoundsZoom(bounds)));
    this.map.setView(bounds.getCenter(), zoom, { animate: !still });
  }

  inside(code) {
    return [...this.areas.values()].filter(({ kode }) => within(kode, code));
  }

  /** Where an area's kelurahan lie together. */
  boundsOf(code) {
    const inside = this.inside(code).map(({ polygon }) => polygon.getBounds());
    return inside.length ? inside.slice(1).reduce((all, each) => all.extend(each), inside[0].pad(0)) : null;
  }

  addTools() {
    this.back = element("button", { type: "button", class: "button quiet" }, _("All of Jakarta"));
    this.back.hidden = true;
    this.back.addEventListener("click", () => this.act(() => this.goHome(!still)));
    const me = element("button", { type: "button", class: "button quiet" }, _("Near me"));
    me.addEventListener("click", async () => (await this.part("here"))?.locate(me));
    this.start = element("a", { class: "button start", href: `${root}/lapor/` }, _("Report"));
    this.note = element("p", { class: "mapnote", role: "status" });
    this.card = element("div", { class: "mapcard" });
    this.card.hidden = true;
    const bar = element("div", { class: "mapbar" }, this.back, me);
    this.host.append(bar, element("span", { class: "aim", "aria-hidden": "true" }), this.start, this.note, this.card);
  }

  isNear() {
    const zoom = this.map.getZoom();
    const { area } = this.view.filters;
    // An area that can be fetched as a whole is listed as soon as its outlines are fine.
    return zoom >= NEAR || (zoom >= FINE && area !== "" && this.inside(area).length <= FILES);
  }

  /** The map came to rest somewhere else. */
  moved() {
    if (this.restoring) return;
    const near = this.isNear();
    this.view = { ...this.view, place: this.isAway() ? this.here() : null, page: 1 };
    this.remember(this.step || near !== this.wasNear);
    this.refresh();
  }

  isAway() {
    return this.map.getZoom() > this.home.zoom + 0.01 || !this.map.getBounds().contains(this.home.at);
  }

  here() {
    const { lat, lng } = this.map.getCenter();
    return { zoom: this.map.getZoom(), at: [lat, lng] };
  }

  /** Put the view into the address: a new step to go back to, or in place of the last. */
  remember(step) {
    this.step = false;
    this.wasNear = this.isNear();
    const hash = write(this.view);
    if (hash === location.hash) return;
    history[step ? "pushState" : "replaceState"](null, "", `${location.pathname}${location.search}${hash}`);
  }

  /** Show a view that was in the address. */
  restore(view) {
    this.view = view;
    const { place, filters } = view;
    this.restoring = true;
    const bounds = !place && filters.area && this.boundsOf(filters.area);
    if (place) this.map.setView(place.at, place.zoom, { animate: false });
    else if (bounds) this.fit(bounds, false);
    else this.goHome(false);
    this.restoring = false;
    this.wasNear = this.isNear();
    this.refresh();
  }

  fit(bounds, animate = !still) {
    this.map.fitBounds(bounds, { padding: [12, 12], maxZoom: 16, animate });
  }

  /** Filters were set: the map goes to the area when that is new, everything is drawn anew, and one can go back. */
  filter(changes) {
    const before = this.view.filters;
    this.view = { ...this.view, filters: { ...before, ...changes }, page: 1, report: "" };
    const { area } = this.view.filters;
    const bounds = area && area !== before.area && this.boundsOf(area);
    this.step = true;
    if (bounds) {
      // Should the map be there already, it does not move, and nothing would be heard of it.
      this.restoring = true;
      this.fit(bounds, false);
      this.restoring = false;
    }
    this.moved();
  }

  /** Draw what the view says. */
  async refresh() {
    const turn = ++this.turn;
    const current = () => turn === this.turn;
    const { filters } = this.view;
    const zoom = this.map.getZoom();
    const near = this.isNear();
    this.back.hidden = !this.isAway();
    this.host.classList.toggle("away", this.isAway());
    this.figure.classList.toggle("near", near);
    this.linkFromHere(near);
    this.say("");
    for (const { kode, polygon } of this.areas.values()) polygon.getElement()?.classList.toggle("out", !within(kode, filters.area));
    if (count(filters) || this.parts.filters) {
      const bar = await this.part("filters");
      if (!bar || !current() || !(await bar.show(current))) return;
    }
    if (zoom >= FINE && (!(await this.refine(current)) || !current())) return;
    this.nameAreas(zoom);
    if (near) {
      const reports = await this.part("near");
      if (current()) await reports?.show(current);
    } else {
      (await this.parts.near)?.clear();
      if (current()) this.showCityList();
    }
  }

  /** "Report" starts where the map is, once one can tell one street from another. */
  linkFromHere(near) {
    const { at } = this.here();
    const hash = near ? `#${at.map((degrees) => degrees.toFixed(5)).join(",")}` : "";
    this.start.textContent = near ? _("Report here") : _("Report");
    for (const link of document.querySelectorAll('a.button[href*="/lapor/"]')) link.href = `${root}/lapor/${hash}`;
  }

  /** Finer outlines and names, once the map is near enough to need them. */
  async refine(current) {
    if (this.outlines) return true;
    try {
      this.outlines = await fetchOutlines();
    } catch {
      if (current()) this.say(_("The map could not be loaded. Check the connection, then move the map."));
      return false;
    }
    for (const [kode, outline] of this.outlines) {
      this.areas.get(kode)?.polygon.setLatLngs(outline.rings.map((ring) => [ring]));
    }
    return true;
  }

  /** Names with counts: of kota from afar, of kecamatan, then of kelurahan. */
  nameAreas(zoom) {
    this.labels.clearLayers();
    if (zoom < FINE || !this.outlines) {
      for (const [at, name] of kotaNames(this.figure)) {
        this.name(at, name, this.sum((area) => area.kota === name), "area-name kota-name");
      }
      return;
    }
    const bounds = this.map.getBounds();
    if (zoom >= NAMED) {
      for (const { kode, name, shown } of this.visible()) {
        const { label } = this.outlines.get(kode);
        const at = [label[1], label[0]];
        if (bounds.contains(at)) this.name(at, name, this.isNear() ? null : shown, "area-name");
      }
      return;
    }
    for (const inside of byKecamatan(this.areas.values())) {
      const labels = inside.map(({ kode }) => this.outlines.get(kode).label);
      const at = [1, 0].map((axis) => labels.reduce((sum, label) => sum + label[axis], 0) / labels.length);
      const shown = inside.reduce((sum, area) => sum + area.shown, 0);
      if (bounds.contains(at)) this.name(at, inside[0].kecamatan, this.isNear() ? null : shown, "area-name");
    }
  }

  sum(wanted) {
    return [...this.areas.values()].filter(wanted).reduce((sum, area) => sum + area.shown, 0);
  }

  name(at, text, shown, className) {
    new CircleMarker(at, { radius: 0, stroke: false, fill: false, interactive: false })
      .bindTooltip(`${escaped(text)}${shown === null ? "" : `<br>${number(shown)}`}`, {
        permanent: true,
        direction: "center",
        className,
        interactive: false,
      })
      .addTo(this.labels);
  }

  visible() {
    const bounds = this.map.getBounds();
    return [...this.areas.values()].filter(({ polygon }) => polygon.getBounds().intersects(bounds));
  }

  /** The list of the whole city, or what stands in its place. */
  showCityList(instead) {
    const wanted = instead ?? this.ranking ?? this.cityList;
    if (this.panel.firstChild !== wanted[0]) this.panel.replaceChildren(...wanted);
    this.panel.removeAttribute("aria-busy");
  }

  say(text) {
    this.note.textContent = text;
  }
}

function byKecamatan(areas) {
  const found = new Map();
  for (const area of areas) {
    const key = area.kode.slice(0, 8);
    found.set(key, [...(found.get(key) ?? []), area]);
  }
  return found.values();
}

/** Every kelurahan with its names and open reports, from the tables that are on the page anyway. */
function factsFromTables() {
  const found = new Map();
  for (const part of document.querySelectorAll("#semua details.kota")) {
    const kota = part.querySelector("h3").textContent;
    for (const rows of part.querySelectorAll("tbody")) {
      const kecamatan = rows.querySelector("th").textContent.trim();
      for (const row of rows.querySelectorAll("td a")) {
        const kode = row.getAttribute("href").split("/").at(-2);
        const open = Number(row.closest("tr").cells[1].textContent.replace(/\D/g, ""));
        found.set(kode, { kode, name: row.textContent, kecamatan, kota, open });
      }
    }
  }
  return found;
}
