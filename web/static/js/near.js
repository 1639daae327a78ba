// The map from near: single reports as pins, and the same in the list beside it, in pages.
// At most 24 kelurahan are fetched at once; what a file does not hold is counted and linked, never dropped in silence.
import { element, icon } from "./dom.js";
import { Canvas, CircleMarker, LayerGroup } from "./leaflet.js";
import { FILES } from "./map.js";
import { loadIcons, ReportMarker } from "./pins.js";
import { fetchActive, stateWord, tone } from "./reports.js";
import { Spots } from "./spots.js";
import { ALL, CLOSED, count, passes, STATES, statesOf, within } from "./view.js";
import { _, ago, language, ngettext, number, root } from "./words.js";

const PAGE = 20;
const WIDE = matchMedia("(min-width: 56rem)");

export default class Near {
  constructor(city) {
    this.city = city;
    this.map = city.map;
    this.canvas = new Canvas({ padding: 0.3, pane: "markerPane" });
    this.points = new LayerGroup().addTo(this.map);
    this.spots = new Spots(this.map, {
      focus: (report) => this.mark(report),
      leave: () => this.mark(null),
      choose: (report, byKey) => this.choose(report, byKey),
    });
    this.legend = element("ul", { class: "legend states" });
    for (const state of STATES) this.legend.append(element("li", {}, icon(`#s-${state}`, tone(state)), stateWord(state)));
    city.figure.querySelector("figcaption").append(this.legend);
    this.reports = [];
  }

  clear() {
    this.points.clearLayers();
    this.spots.show([], String);
    this.city.card.hidden = true;
    this.reports = [];
  }

  /** Fetch what is in view, draw it and list it; `current()` says whether that is still wanted. */
  async show(current) {
    const { city } = this;
    const { filters } = city.view;
    const seen = city.visible().filter(({ kode }) => within(kode, filters.area));
    if (seen.length > FILES) {
      this.clear();
      city.say(_("Zoom in further to see single reports."));
      city.showCityList();
      return;
    }
    city.say(_("Loading …"));
    city.panel.setAttribute("aria-busy", "true");
    const [names, icons, ...files] = await Promise.allSettled([
      this.categories(),
      loadIcons(city.figure.dataset.icons),
      ...seen.map(({ kode }) => fetchActive(kode)),
    ]);
    if (!current()) return;
    this.names = names.value ?? {};
    this.icons = icons.value ?? new Map();
    this.loaded = files.filter((file) => file.status === "fulfilled").map((file) => file.value);
    this.failed = files.length - this.loaded.length;
    city.say(this.failed ? _("Some reports could not be loaded. Check the connection, then move the map.") : "");
    const bounds = this.map.getBounds();
    const now = Date.now();
    this.reports = this.loaded
      .flatMap((file) => file.reports)
      .filter((report) => passes(report, filters, now) && bounds.contains([report.latitude, report.longitude]))
      .sort((a, b) => b.created - a.created);
    this.draw();
    this.list();
    const chosen = this.reports.find(({ id }) => id === city.view.report);
    if (chosen) this.open(chosen, false);
    else city.card.hidden = true;
  }

  async categories() {
    this.kinds ??= fetch("/data/kategori.json").then((answer) => answer.json());
    this.kinds.catch(() => {
      this.kinds = undefined;
    });
    return this.kinds;
  }

  draw() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.points.clearLayers();
    this.ring = null;
    const radius = this.map.getZoom() >= 16 ? 15 : 12;
    const [paper, ink] = [colour("sheet"), colour("ink")];
    // Newest last, so that they lie on top.
    for (const report of [...this.reports].reverse()) {
      const marker = new ReportMarker([report.latitude, report.longitude], {
        renderer: this.canvas,
        radius,
        state: report.state,
        icon: this.icons.get(this.names[report.category]?.icon),
        color: paper,
        fillColor: colour(tone(report.state)),
        ink,
        bubblingMouseEvents: false,
      });
      marker.on("mouseover", () => this.mark(report));
      marker.on("mouseout", () => this.mark(null));
      marker.on("click", () => this.choose(report, false));
      marker.addTo(this.points);
    }
  }

  kind(report) {
    return this.names[report.category]?.[language] ?? report.category;
  }

  said(report) {
    return [this.kind(report), stateWord(report.state), ago(report.created)].join(", ");
  }

  entry(report) {
    const text = element("span", {}, element("b", {}, this.kind(report)));
    if (report.example) text.append(" ", element("span", { class: "tag" }, _("example")));
    if (report.text) text.append(element("span", { class: "words" }, report.text));
    const state = element("span", { class: `state ${tone(report.state)}` }, icon(`#s-${report.state}`, "i"), stateWord(report.state));
    text.append(element("small", {}, state, ` · ${ago(report.created)}${report.photo ? ` · ${_("with photo")}` : ""}`));
    const picture = this.names[report.category]?.icon;
    const shown = picture ? icon(`${this.city.figure.dataset.icons}#${picture}`, "i kind") : "";
    return element("a", { class: "pick", href: `${root}/laporan/${report.id}/`, "data-id": report.id }, shown, text);
  }

  /** The page of the list that the view is on; the map's spots are the same reports. */
  list() {
    const { city, reports } = this;
    const pages = Math.max(1, Math.ceil(reports.length / PAGE));
    const page = Math.min(city.view.page, pages);
    const here = reports.slice((page - 1) * PAGE, page * PAGE);
    const title = element(
      "h2",
      { id: "daftar-judul", tabindex: "-1" },
      reports.length ? ngettext("%(n)s report on the map", "%(n)s reports on the map", reports.length) : _("No report here"),
    );
    const parts = [title];
    if (here.length) {
      const list = element("ol", { class: "listed" });
      for (const report of here) {
        const link = this.entry(report);
        for (const event of ["focus", "mouseenter"]) link.addEventListener(event, () => this.mark(report));
        for (const event of ["blur", "mouseleave"]) link.addEventListener(event, () => this.mark(null));
        list.append(element("li", {}, link));
      }
      parts.push(list);
    } else {
      parts.push(this.nothing());
    }
    if (pages > 1) parts.push(this.pager(page, pages));
    parts.push(...this.more());
    city.panel.removeAttribute("aria-busy");
    city.panel.replaceChildren(...parts);
    this.spots.show(here, (report) => this.said(report));
  }

  nothing() {
    const { city } = this;
    if (this.failed) {
      const again = element("button", { type: "button", class: "button quiet" }, _("Try again"));
      again.addEventListener("click", () => city.refresh());
      return element("div", { class: "empty" }, element("p", {}, _("The reports of this place are not there: no connection.")), again);
    }
    if (count(city.view.filters)) {
      const all = element("button", { type: "button", class: "button quiet" }, _("Clear the filters"));
      all.addEventListener("click", () => city.filter(ALL));
      return element("div", { class: "empty" }, element("p", {}, _("Nothing in view passes the filters.")), all);
    }
    const start = element("a", { class: "button quiet", href: city.start.href }, _("Report here"));
    return element("div", { class: "empty" }, element("p", {}, _("Nothing open in view. Move the map, or report what you see.")), start);
  }

  pager(page, pages) {
    const turn = (to, label) => {
      const button = element("button", { type: "button", class: "button quiet" }, label);
      button.disabled = to < 1 || to > pages;
      button.addEventListener("click", () => {
        this.city.view = { ...this.city.view, page: to, report: "" };
        this.city.card.hidden = true;
        this.city.remember(true);
        this.list();
        const title = document.getElementById("daftar-judul");
        title.focus({ preventScroll: WIDE.matches });
      });
      return button;
    };
    return element(
      "nav",
      { class: "pager", "aria-label": _("Pages of the list") },
      turn(page - 1, _("Previous")),
      element("span", {}, _("%(page)s of %(pages)s", { page: number(page), pages: number(pages) })),
      turn(page + 1, _("Next")),
    );
  }

  /** What the files of the kelurahan in view leave out: they hold at most 400 reports each. */
  more() {
    const { filters } = this.city.view;
    const wanted = statesOf(filters);
    const lines = [];
    for (const file of this.loaded) {
      const openHere = file.reports.filter((report) => !CLOSED.has(report.state)).length;
      const closed = [...wanted].some((state) => CLOSED.has(state));
      const missing = (closed ? file.total - file.reports.length : 0) || file.open - openHere;
      if (missing <= 0) continue;
      const text = _("+%(n)s more in %(kelurahan)s", { n: number(missing), kelurahan: this.city.areas.get(file.kode).name });
      lines.push(element("li", {}, element("a", { href: `${root}/kelurahan/${file.kode}/` }, text)));
    }
    return lines.length ? [element("ul", { class: "plain rest" }, ...lines)] : [];
  }

  /** Mark a report on the map and in the list; null: only the one that is chosen stays marked. */
  mark(report) {
    const shown = report ?? this.reports.find(({ id }) => id === this.city.view.report) ?? null;
    this.ring?.remove();
    this.ring = null;
    for (const link of this.city.panel.querySelectorAll(".pick")) {
      link.classList.toggle("on", link.dataset.id === shown?.id);
      if (report && link.dataset.id === report.id) this.bringIntoList(link);
    }
    if (!shown) return;
    this.ring = new CircleMarker([shown.latitude, shown.longitude], {
      radius: this.map.getZoom() >= 16 ? 20 : 17,
      weight: 3,
      color: getComputedStyle(document.documentElement).getPropertyValue("--ink").trim(),
      fill: false,
      interactive: false,
      renderer: this.canvas,
    }).addTo(this.points);
  }

  /** The list scrolls within itself beside the map; below it, on a phone, the page stays where it is. */
  bringIntoList(link) {
    const list = link.closest(".listed");
    if (!list || list.scrollHeight <= list.clientHeight) return;
    const { top, bottom } = link.getBoundingClientRect();
    const frame = list.getBoundingClientRect();
    if (top < frame.top) list.scrollTop += top - frame.top;
    else if (bottom > frame.bottom) list.scrollTop += bottom - frame.bottom;
  }

  /** A pin was chosen: its card opens, the list turns to its page, and the address says so. */
  choose(report, byKey) {
    const page = Math.floor(this.reports.indexOf(report) / PAGE) + 1;
    const turned = page !== this.city.view.page;
    this.city.view = { ...this.city.view, page, report: report.id };
    this.city.remember(true);
    if (turned) this.list();
    this.open(report, byKey);
  }

  open(report, byKey) {
    const { card } = this.city;
    const close = element("button", { type: "button", class: "mapcard-close", "aria-label": _("Close") }, "×");
    const shut = (back) => {
      card.hidden = true;
      this.city.view = { ...this.city.view, report: "" };
      this.city.remember(false);
      this.mark(null);
      if (back) this.spots.focus(report.id);
    };
    close.addEventListener("click", (event) => shut(event.detail === 0));
    card.onkeydown = (event) => {
      if (event.key === "Escape") shut(true);
    };
    card.replaceChildren(this.entry(report), close);
    card.hidden = false;
    this.mark(report);
    if (byKey) card.querySelector("a").focus();
  }
}
