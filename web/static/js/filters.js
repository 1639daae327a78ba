// The filters: which reports the map and its list show. Every change is drawn at once and can be gone back from.
// Afar the shades count the chosen states and areas; what else is filtered shows from near, where single reports are.
import { element, icon } from "./dom.js";
import { fetchCounts, stateWord, tone } from "./reports.js";
import { AGES, ALL, count, STATES, statesOf, within } from "./view.js";
import { _, language, ngettext, number, root } from "./words.js";

const RANKED = 10;

export default class Filters {
  constructor(city) {
    this.city = city;
    this.button = document.getElementById("saring");
    this.box = document.getElementById("saringan");
    this.chips = element("ul", { class: "chips", "aria-label": _("Filters that are set") });
    this.chips.hidden = true;
    this.box.after(this.chips);
    this.counts = city.figure.querySelector(".legend.counts");
    this.title = city.figure.querySelector(".legend-title");
    this.before = { title: this.title.textContent, steps: [...this.counts.children] };
    this.ages = {
      1: _("at most a day old"),
      7: _("at most a week old"),
      30: _("at most 30 days old"),
      90: _("at most 90 days old"),
      "30+": _("older than 30 days"),
      "90+": _("older than 90 days"),
    };
  }

  /** Open or close the panel. */
  async toggle() {
    if (!this.box.hidden) {
      this.close();
      return;
    }
    if (!this.form) await this.build();
    this.fill();
    this.box.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.form.querySelector("input, select").focus();
  }

  close() {
    this.box.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    this.button.focus();
  }

  async kinds() {
    this.categories ??= await fetch("/data/kategori.json")
      .then((answer) => answer.json())
      .catch(() => undefined);
    return this.categories ?? {};
  }

  async build() {
    const kinds = await this.kinds();
    const states = element("fieldset", {}, element("legend", {}, _("State")));
    for (const state of STATES) {
      const check = element("input", { type: "checkbox", name: "state", value: state });
      states.append(element("label", {}, check, element("span", { class: `state ${tone(state)}` }, icon(`#s-${state}`, "i"), stateWord(state))));
    }
    const named = Object.entries(kinds).map(([code, names]) => [code, names[language] ?? code]);
    const photo = element("label", { class: "check" }, element("input", { type: "checkbox", name: "photo" }), _("Only with a photo"));
    const done = element("button", { type: "button", class: "button" }, _("Done filtering"));
    const clear = element("button", { type: "button", class: "button quiet" }, _("Clear the filters"));
    this.form = element(
      "form",
      { "aria-label": _("Filters") },
      states,
      select("category", _("Category"), [["", _("Any category")], ...named]),
      select("age", _("Age"), [["", _("Any age")], ...AGES.map((age) => [age, this.ages[age]])]),
      select("kota", _("Kota"), []),
      select("kecamatan", _("Kecamatan"), []),
      select("kelurahan", _("Kelurahan"), []),
      photo,
      element("p", { class: "filter-acts" }, done, clear),
    );
    done.addEventListener("click", () => this.close());
    clear.addEventListener("click", () => this.city.filter(ALL));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("change", (event) => this.changed(event.target));
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    this.box.replaceChildren(this.form);
  }

  field(name) {
    return this.form.elements.namedItem(name);
  }

  changed({ name, value, checked }) {
    if (name === "state") {
      const chosen = [...this.form.querySelectorAll("[name=state]:checked")].map((check) => check.value);
      // No state at all would show nothing: that is the same as asking for the open ones again.
      const open = chosen.join() === [...statesOf(ALL)].join();
      this.city.filter({ states: open ? "" : chosen.join(",") });
    } else if (name === "photo") {
      this.city.filter({ photo: checked });
    } else if (name === "kota" || name === "kecamatan" || name === "kelurahan") {
      const above = { kota: "", kecamatan: this.field("kota").value, kelurahan: this.field("kecamatan").value };
      this.city.filter({ area: value || above[name] });
    } else {
      this.city.filter({ [name]: value });
    }
  }

  /** What is set, into the fields. */
  fill() {
    const { filters } = this.city.view;
    const states = statesOf(filters);
    for (const check of this.form.querySelectorAll("[name=state]")) check.checked = states.has(check.value);
    for (const name of ["category", "age"]) this.field(name).value = filters[name];
    this.field("photo").checked = filters.photo;
    const all = [...this.city.facts.values()];
    const kota = filters.area.slice(0, 5);
    const kecamatan = filters.area.length >= 8 ? filters.area.slice(0, 8) : "";
    options(this.field("kota"), [["", _("All of Jakarta")], ...distinct(all.map((row) => [row.kode.slice(0, 5), row.kota]))], kota);
    const inside = all.filter((row) => kota && within(row.kode, kota));
    options(this.field("kecamatan"), [["", _("Every kecamatan")], ...distinct(inside.map((row) => [row.kode.slice(0, 8), row.kecamatan]))], kecamatan);
    const near = inside.filter((row) => kecamatan && within(row.kode, kecamatan));
    options(this.field("kelurahan"), [["", _("Every kelurahan")], ...near.map((row) => [row.kode, row.name])], filters.area.length > 8 ? filters.area : "");
  }

  /** Chips, shades and the ranking for what is set. False when the counts could not be had. */
  async show(current) {
    const { city } = this;
    const { filters } = city.view;
    if (this.form) this.fill();
    const set = count(filters);
    this.button.textContent = set ? _("Filter (%(n)s)", { n: set }) : _("Filter");
    await this.showChips(filters);
    if (filters.states) {
      try {
        this.numbers ??= await fetchCounts();
      } catch {
        if (current()) city.say(_("The counts could not be loaded. Check the connection and try again."));
        return false;
      }
    }
    if (!current()) return false;
    this.shade(filters);
    this.rank(filters);
    if ((filters.category || filters.age || filters.photo) && !city.isNear()) {
      city.say(_("Zoom in to see the reports that pass the filters; the shades count all of them."));
    }
    return true;
  }

  async showChips(filters) {
    const kinds = filters.category ? await this.kinds() : {};
    const set = [
      filters.states && [{ states: "" }, filters.states.split(",").map(stateWord).join(", ")],
      filters.category && [{ category: "" }, kinds[filters.category]?.[language] ?? filters.category],
      filters.age && [{ age: "" }, this.ages[filters.age]],
      filters.area && [{ area: "" }, this.areaName(filters.area)],
      filters.photo && [{ photo: false }, _("with photo")],
    ].filter(Boolean);
    this.chips.hidden = set.length === 0;
    this.chips.replaceChildren(
      ...set.map(([rest, text]) => {
        const chip = element("button", { type: "button", class: "chip", "aria-label": _("Remove the filter: %(filter)s", { filter: text }) }, text, " ×");
        chip.addEventListener("click", () => {
          this.city.filter(rest);
          this.button.focus();
        });
        return element("li", {}, chip);
      }),
    );
  }

  areaName(area) {
    const row = [...this.city.facts.values()].find(({ kode }) => within(kode, area));
    if (!row) return area;
    return { 5: row.kota, 8: _("Kecamatan %(name)s", { name: row.kecamatan }) }[area.length] ?? row.name;
  }

  /** The city in shades of the chosen states. */
  shade(filters) {
    const { areas } = this.city;
    const wanted = STATES.map((state) => statesOf(filters).has(state));
    const numbers = filters.states ? this.numbers.kelurahan : null;
    for (const area of areas.values()) {
      area.shown = numbers ? (numbers[area.kode] ?? []).reduce((sum, n, i) => sum + (wanted[i] ? n : 0), 0) : area.open;
    }
    const breaks = classBreaks([...areas.values()].map(({ shown }) => shown));
    for (const area of areas.values()) {
      const path = area.polygon.getElement();
      const step = breaks.filter((begin) => area.shown >= begin).length;
      path?.setAttribute("class", path.getAttribute("class").replace(/\bc\d\b/, `c${step}`));
    }
    this.title.textContent = numbers ? _("Reports: %(states)s", { states: filters.states.split(",").map(stateWord).join(", ") }) : this.before.title;
    const steps = [[0, 0], ...breaks.map((begin, i) => [begin, breaks[i + 1] ? breaks[i + 1] - 1 : Infinity])];
    this.counts.replaceChildren(...(numbers ? steps.map(legendStep) : this.before.steps));
  }

  /** The list beside the city: where most of the chosen reports are. */
  rank(filters) {
    if (!filters.states && !filters.area) {
      this.city.ranking = null;
      return;
    }
    const rows = [...this.city.areas.values()].filter(({ kode, shown }) => shown && within(kode, filters.area)).sort((a, b) => b.shown - a.shown || (a.kode < b.kode ? -1 : 1));
    const sum = rows.reduce((all, { shown }) => all + shown, 0);
    const where = filters.area ? this.areaName(filters.area) : _("All of Jakarta");
    const title = element("h2", { id: "daftar-judul" }, `${where}: ${ngettext("%(n)s report", "%(n)s reports", sum)}`);
    const list = element("ol", { class: "bars" });
    for (const { kode, name, kecamatan, shown } of rows.slice(0, RANKED)) {
      const names = element("span", {}, element("b", {}, name), " ", element("small", {}, kecamatan));
      const link = element("a", { href: `${root}/kelurahan/${kode}/` }, names, element("span", { class: "count" }, number(shown)));
      list.append(element("li", {}, link));
    }
    this.city.ranking = rows.length ? [title, list] : [title, element("p", { class: "empty" }, _("Nothing here passes the filters."))];
  }
}

function select(name, label, choices) {
  const field = element("select", { name });
  options(field, choices, "");
  return element("label", {}, label, field);
}

function options(field, choices, value) {
  field.replaceChildren(...choices.map(([code, text]) => element("option", { value: code }, text)));
  field.disabled = choices.length < 2;
  field.value = value;
}

function distinct(pairs) {
  return [...new Map(pairs)];
}

function legendStep([begin, end], step) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 28 12");
  svg.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ class: `c${step}`, width: "28", height: "12", rx: "2" })) rect.setAttribute(name, value);
  svg.append(rect);
  const words = end === Infinity ? `${number(begin)}+` : begin === end ? number(begin) : `${number(begin)}–${number(end)}`;
  return element("li", {}, svg, words);
}

/** Where the shades begin, by the rule of web/shades.py: quintiles of what is above zero, in round numbers. */
function classBreaks(counts) {
  const above = counts.filter((n) => n > 0).sort((a, b) => a - b);
  const breaks = [1];
  for (const part of above.length ? [1, 2, 3, 4] : []) {
    const step = Math.max(rounded(above[Math.min(Math.floor((above.length * part) / 5), above.length - 1)]), breaks.at(-1) + 1);
    if (step <= above.at(-1)) breaks.push(step);
  }
  return breaks;
}

function rounded(n) {
  if (n <= 10) return n;
  const step = n < 50 ? 5 : 10 ** (String(n).length - 1) / 2;
  const steps = Math.floor(n / step);
  const rest = n / step - steps;
  // A half goes to the even neighbour, as in Python.
  return (rest > 0.5 || (rest === 0.5 && steps % 2) ? steps + 1 : steps) * step;
}
