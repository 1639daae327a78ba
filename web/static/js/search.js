// Search as one types: a report's number, a kelurahan, kecamatan or kota, and landmarks that reports name.
// A combobox after the WAI-ARIA pattern; without it the same field asks the server (/api/find).
import { element } from "./dom.js";
import { still } from "./leaflet.js";
import { readId } from "./number.js";
import { _, ngettext, root } from "./words.js";

const MOST = 8;
const LETTERS = 2;

const folded = (text) =>
  text
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^a-z0-9]+/g, " ")
    .trim();

export default class Search {
  constructor(city) {
    this.city = city;
    this.input = document.getElementById("cari");
    this.form = this.input.form;
    this.list = element("ul", { id: "saran", class: "suggestions", role: "listbox", "aria-label": _("Suggestions") });
    this.list.hidden = true;
    this.said = element("p", { class: "unseen", role: "status" });
    this.input.after(this.list, this.said);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "saran" })) {
      this.input.setAttribute(name, value);
    }
    this.places = placesOf(city.facts);
    this.landmarks = [];
    this.at = -1;
    this.found = [];
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.input.addEventListener("blur", () => this.shut());
    this.form.addEventListener("submit", (event) => {
      const chosen = this.found[Math.max(this.at, 0)];
      if (!chosen) return;
      event.preventDefault();
      this.take(chosen);
    });
    if (this.input.value) this.typed();
  }

  async typed() {
    const text = folded(this.input.value);
    this.suggest(text);
    if (text.length < LETTERS || this.asked) return;
    this.asked = true;
    try {
      const answer = await fetch("/data/patokan.json");
      if (!answer.ok) throw new Error(String(answer.status));
      const { landmarks } = await answer.json();
      this.landmarks = landmarks.map(([name, kode, latitude, longitude, reports]) => {
        const facts = this.city.facts.get(kode);
        return { name, beside: facts ? `${facts.name}, ${facts.kota}` : "", key: folded(name), kode, at: latitude === null ? null : [latitude, longitude], reports };
      });
      this.suggest(folded(this.input.value));
    } catch {
      // Places are still found; landmarks are asked for again with the next letter.
      this.asked = false;
    }
  }

  suggest(text) {
    const number = readId(this.input.value);
    // Eight letters may be a name as well: then the places come first.
    const sure = /\d/.test(this.input.value);
    const words = text.split(" ");
    const fits = ({ key }) => words.every((word) => key.startsWith(word) || key.includes(` ${word}`));
    const rank = (place) => (place.key === text ? 0 : place.key.startsWith(text) ? 1 : 2);
    const places = text.length < LETTERS ? [] : [...this.places, ...this.landmarks].filter(fits);
    places.sort((a, b) => rank(a) - rank(b) || (b.reports ?? 0) - (a.reports ?? 0));
    const report = number ? [{ name: `${number.slice(0, 4)}-${number.slice(4)}`, beside: _("Report"), id: number }] : [];
    this.found = (sure ? [...report, ...places] : [...places.slice(0, MOST - 1), ...report]).slice(0, MOST);
    this.at = -1;
    this.input.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(
      ...this.found.map((place, i) => {
        const option = element("li", { id: `saran-${i}`, role: "option", "aria-selected": "false" }, element("b", {}, place.name), " ", element("small", {}, place.beside));
        // Before the field loses the focus, and with it the list.
        option.addEventListener("pointerdown", (event) => event.preventDefault());
        option.addEventListener("click", () => this.take(place));
        return option;
      }),
    );
    const shown = this.found.length > 0;
    this.list.hidden = !shown;
    this.input.setAttribute("aria-expanded", String(shown));
    this.said.textContent = text.length < LETTERS ? "" : shown ? ngettext("%(n)s suggestion", "%(n)s suggestions", this.found.length) : _("No suggestion");
  }

  pressed(event) {
    const { key } = event;
    if (key === "Escape") {
      // The first press closes the list and leaves what was typed; the next is the browser's own, and clears it.
      if (!this.list.hidden) event.preventDefault();
      this.shut();
      return;
    }
    if (key !== "ArrowDown" && key !== "ArrowUp") return;
    event.preventDefault();
    if (this.list.hidden) this.suggest(folded(this.input.value));
    if (!this.found.length) return;
    const before = this.at < 0 && key === "ArrowUp" ? 0 : this.at;
    this.mark((before + (key === "ArrowDown" ? 1 : -1) + this.found.length) % this.found.length);
  }

  mark(at) {
    this.at = at;
    [...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    this.input.setAttribute("aria-activedescendant", `saran-${at}`);
    this.list.children[at].scrollIntoView({ block: "nearest" });
  }

  shut() {
    this.list.hidden = true;
    this.at = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  take(place) {
    const { city } = this;
    this.shut();
    if (place.id) {
      location.href = `${root}/laporan/${place.id}/`;
      return;
    }
    this.input.value = place.name;
    if (place.at) city.act(() => city.map.setView(place.at, 17, { animate: !still }));
    else if (place.kode.length > 8) city.act(() => city.goTo(city.boundsOf(place.kode)));
    else city.filter({ area: place.kode });
    city.figure.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  }
}

/** Kota, kecamatan and kelurahan, the larger first. */
function placesOf(facts) {
  const found = new Map();
  const add = (kode, name, beside) => found.set(kode, { kode, name, beside, key: folded(name) });
  for (const row of facts.values()) add(row.kode.slice(0, 5), row.kota, _("Kota"));
  for (const row of facts.values()) add(row.kode.slice(0, 8), row.kecamatan, `${_("Kecamatan")} · ${row.kota}`);
  for (const row of facts.values()) add(row.kode, row.name, `${_("Kelurahan")} · ${row.kecamatan}, ${row.kota}`);
  return [...found.values()];
}
