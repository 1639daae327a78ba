// The list: filters, counts, pages, and new reports without reloading.
import { icon, make, stateWord } from "./desk-dom.js";
import { ask } from "./desk-session.js";
import { tone } from "./reports.js";
import { fill, wishOf } from "./desk-wish.js";
import { _, ago, language, ngettext, number } from "./words.js";

const EVERY = 10_000;
const OPEN = ["waiting", "coordination", "disposition", "in_progress"];

export class Queue {
  /** `shown(rows)` hears what the list holds, `failed(error)` what went wrong. */
  constructor(side, { shown, failed }) {
    this.side = side;
    this.list = side.querySelector("[data-rows]");
    this.form = side.querySelector("[data-filters]");
    this.count = side.querySelector("[data-count]");
    this.chips = side.querySelector("[data-chips]");
    this.moreButton = side.querySelector("[data-more]");
    this.error = side.querySelector("[data-queue-error]");
    this.shown = shown;
    this.failed = failed;
    this.rows = [];
    this.area = null;
    this.boundaries = [];
    this.picked = side.querySelector("[data-picked]");
    this.areas = side.querySelector("[data-boundary]");
    this.turn = 0;
  }

  async begin(me, categories, kelurahan) {
    this.me = me;
    this.categories = categories;
    this.offer(me, kelurahan);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.areas.addEventListener("change", () => {
      if (this.areas.value) this.pick([...this.boundaries, this.areas.value]);
      this.areas.value = "";
      this.load();
    });
    this.form.addEventListener("input", (event) => {
      if (event.target === this.areas) return;
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.load(), event.target.type === "search" ? 350 : 0);
    });
    this.form.addEventListener("reset", () => {
      this.area = null;
      this.pick([]);
      setTimeout(() => this.load());
    });
    this.moreButton.addEventListener("click", () => this.more());
    setInterval(() => !document.hidden && !this.busy && this.refresh(), EVERY);
    await this.load();
  }

  /** What this officer can choose among. */
  offer(me, kelurahan) {
    this.side.querySelector("[data-province]").hidden = !me.boundaries.includes("31");
    const { areas } = this;
    for (const code of me.agencies) areas.append(new Option(me.offices.find((each) => each.code === code)?.[`name_${language}`] ?? code, code));
    const theirs = [...kelurahan.values()].filter(({ kode }) => me.boundaries.some((each) => kode === each || kode.startsWith(`${each}.`)));
    const groups = new Map();
    for (const each of theirs) {
      const kecamatan = each.kode.slice(0, 8);
      if (!groups.has(kecamatan)) groups.set(kecamatan, []);
      groups.get(kecamatan).push(each);
    }
    const kotas = new Map(theirs.map((each) => [each.kode.slice(0, 5), each.kota]));
    if (kotas.size > 1) for (const [code, name] of kotas) areas.append(new Option(name, code));
    for (const [code, members] of groups) {
      const group = make("optgroup", { label: members[0].kecamatan });
      if (members.length > 1) group.append(new Option(_("All of %(kecamatan)s", { kecamatan: members[0].kecamatan }), code));
      for (const each of members) group.append(new Option(each.kelurahan, each.kode));
      areas.append(group);
    }
    const offices = this.form.elements.office;
    for (const each of me.offices) offices.append(new Option(each[`name_${language}`], each.code));
  }

  /** The areas to list, by code: each stands below the choice with a button that takes it out again. */
  pick(codes) {
    this.boundaries = [...new Set(codes)];
    const words = (code) => {
      const option = this.areas.querySelector(`option[value="${CSS.escape(code)}"]`);
      return option ? option.textContent : code;
    };
    this.picked.replaceChildren(
      ...this.boundaries.map((code) => {
        const button = make("button", { type: "button", class: "button quiet" }, words(code), icon("i-x"));
        button.setAttribute("aria-label", _("Take out %(area)s", { area: words(code) }));
        button.addEventListener("click", () => {
          this.pick(this.boundaries.filter((each) => each !== code));
          this.areas.focus();
          this.load();
        });
        return make("li", {}, button);
      }),
    );
    this.picked.hidden = !this.boundaries.length;
  }

  wish() {
    return wishOf(this.form.elements, this.boundaries, this.area);
  }

  /** Put a saved wish into the form and list what it asks for. */
  async use(wish) {
    this.form.reset();
    // The form's own reset clears the areas first.
    await new Promise((done) => setTimeout(done));
    fill(this.form.elements, wish);
    this.pick(wish.boundaries ?? []);
    this.area = wish.area ?? null;
    await this.load();
  }

  async load() {
    const turn = ++this.turn;
    this.list.setAttribute("aria-busy", "true");
    try {
      const found = await this.page("");
      if (turn !== this.turn) return;
      this.rows = found.rows;
      this.next = found.next;
      this.draw(found);
    } catch (error) {
      if (turn === this.turn) this.wrong(error);
    } finally {
      this.list.removeAttribute("aria-busy");
    }
  }

  /** A page that is not empty when there is anything to find: the API looks at so many reports at a time. */
  async page(after) {
    let found = await ask("/api/staff/queue", { body: { ...this.wish(), after } });
    for (let turn = 0; !found.rows.length && found.next && turn < 20; turn += 1) {
      found = await ask("/api/staff/queue", { body: { ...this.wish(), after: found.next } });
    }
    return found;
  }

  async more() {
    this.moreButton.disabled = true;
    try {
      const found = await this.page(this.next);
      this.rows = [...this.rows, ...found.rows];
      this.next = found.next;
      this.draw(found);
    } catch (error) {
      this.wrong(error);
    } finally {
      this.moreButton.disabled = false;
    }
  }

  /** What is new or changed at the top of the list; what was loaded below it stays. */
  async refresh() {
    const turn = this.turn;
    this.busy = true;
    try {
      const found = await this.page("");
      if (turn !== this.turn) return;
      const known = new Set(this.rows.map((row) => row.id));
      const fresh = found.rows.filter((row) => !known.has(row.id)).length;
      const last = found.next?.split("#")[0];
      const forwards = Boolean(this.form.elements.order.value);
      const below = last ? this.rows.filter((row) => (forwards ? row.created > last : row.created < last)) : [];
      if (!below.length) this.next = found.next;
      this.rows = [...found.rows, ...below];
      this.draw(found, fresh);
    } catch (error) {
      this.wrong(error);
    } finally {
      this.busy = false;
    }
  }

  draw(found, fresh = 0) {
    this.error.hidden = true;
    const focused = document.activeElement?.closest?.("[data-rows] a")?.dataset.id;
    this.list.replaceChildren(...this.rows.map((row) => this.row(row)));
    if (!this.rows.length) this.list.append(make("li", { class: "none" }, this.emptyWords()));
    if (focused) this.link(focused)?.focus({ preventScroll: true });
    this.moreButton.hidden = !this.next;
    this.count.textContent = fresh
      ? ngettext("%(n)s new report", "%(n)s new reports", fresh)
      : this.next
        ? _("The first %(n)s", { n: number(this.rows.length) })
        : ngettext("%(n)s report", "%(n)s reports", this.rows.length);
    this.drawCounts(found.counts);
    const active = this.others();
    this.side.querySelector("[data-active]").textContent = active ? ` (${number(active)})` : "";
    this.side.querySelector("[data-area-now]").hidden = !this.area;
    this.mark(this.chosen);
    this.shown(this.rows);
  }

  /** How many filters are set besides those that stand on top. */
  others() {
    const { words, mine, assigned, doubtful, without_place: nowhere, ...others } = this.wish();
    return Object.values(others).filter(Boolean).length;
  }

  emptyWords() {
    const { words, mine, assigned, doubtful } = this.wish();
    const filtered = words || mine || assigned || doubtful || this.others();
    return filtered ? _("No report fits these filters.") : _("Nothing is open here. Well done.");
  }

  drawCounts(counts) {
    const chosen = this.form.elements.state.value;
    this.chips.replaceChildren(
      ...OPEN.map((state) => {
        const button = make(
          "button",
          { type: "button", class: `chip state ${tone(state)}`, "aria-pressed": String(chosen === state) },
          icon(`s-${state}`),
          `${stateWord(state)} `,
          make("b", {}, number(counts[state] ?? 0)),
        );
        button.addEventListener("click", () => {
          this.form.elements.state.value = chosen === state ? "" : state;
          this.load();
        });
        return make("li", {}, button);
      }),
    );
  }

  row(row) {
    const link = make(
      "a",
      { href: `#/laporan/${row.id}`, "data-id": row.id },
      make(
        "span",
        { class: "card-top" },
        make("b", {}, this.categories[row.category]?.[language] ?? row.category),
        row.example ? make("span", { class: "tag" }, _("example")) : null,
        row.private ? make("span", { class: "tag" }, icon("i-lock-simple"), _("private")) : null,
        row.in_doubt ? make("span", { class: "tag" }, _("place in doubt")) : null,
        row.rating === "unsatisfied" ? make("span", { class: "tag" }, _("not satisfied")) : null,
        make("time", { datetime: row.created }, ago(Date.parse(row.created))),
      ),
      make("span", { class: "card-words" }, row.text),
      make(
        "span",
        { class: "card-foot" },
        make("span", { class: `state ${tone(row.state)}` }, icon(`s-${row.state}`), stateWord(row.state), row.percent === null ? "" : ` ${number(row.percent)}%`),
        make("span", { class: "soft" }, [row.kelurahan ?? _("without a place"), row.office && !row.office.endsWith(` ${row.kelurahan}`) ? row.office : null, row.assigned].filter(Boolean).join(" · ")),
      ),
    );
    return make("li", {}, link);
  }

  link(id) {
    return this.list.querySelector(`a[data-id="${id}"]`);
  }

  mark(id) {
    this.chosen = id;
    for (const link of this.list.querySelectorAll("a")) {
      if (link.dataset.id === id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  /** The report after (step 1) or before (step -1) the one that is focused or open. */
  step(step) {
    const links = [...this.list.querySelectorAll("a")];
    const now = links.findIndex((link) => link === document.activeElement || link.dataset.id === this.chosen);
    const next = links[Math.max(0, Math.min(links.length - 1, now + step))];
    next?.focus();
    return next;
  }

  wrong(error) {
    if (this.failed(error)) return;
    this.error.textContent = error.message;
    this.error.hidden = false;
  }
}
