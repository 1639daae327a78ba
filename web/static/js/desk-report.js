// One report: what was said, what happened, and what this officer can do now. A form is kept until it was sent.
import { drafts, icon, make, stateWord } from "./desk-dom.js";
import { ask, Refusal } from "./desk-session.js";
import { phrasePicker } from "./desk-phrases.js";
import { planOf } from "./desk-plans.js";
import { shrunk } from "./photo.js";
import { tone } from "./reports.js";
import { _, ago, language, root } from "./words.js";

const MOST_PHOTOS = 3;
const time = (at) =>
  make("time", { datetime: at, title: new Date(at).toLocaleString(language, { timeZone: "Asia/Jakarta" }) }, ago(Date.parse(at)));
const day = (text) => new Date(`${text}T00:00:00`).toLocaleDateString(language, { day: "numeric", month: "long", year: "numeric" });

export class ReportPanel {
  /** `desk` gives me, categories, kelurahan, map, reasons; `changed` and `failed` are told. */
  constructor(panel, desk) {
    this.panel = panel;
    this.desk = desk;
    this.id = null;
  }

  async open(id) {
    if (this.id !== id) {
      this.id = id;
      this.form = null;
      this.panel.replaceChildren(make("p", { class: "soft pad" }, _("Loading …")));
    }
    this.panel.hidden = false;
    try {
      const it = await ask(`/api/staff/reports/${id}`);
      if (this.id !== id) return;
      this.draw(it);
      this.panel.querySelector("h2").focus({ preventScroll: true });
    } catch (error) {
      if (this.id !== id || this.desk.failed(error)) return;
      this.panel.replaceChildren(this.top(null), make("p", { class: "alert pad", role: "alert" }, error.message));
    }
  }

  close() {
    this.id = this.it = this.form = null;
    this.panel.hidden = true;
    this.panel.replaceChildren();
  }

  /** Look whether something happened meanwhile; a form that is open is left alone. */
  async refresh() {
    if (!this.it || this.form) return;
    const id = this.id;
    const it = await ask(`/api/staff/reports/${id}`).catch(() => null);
    if (it && this.id === id && !this.form && it.seq !== this.it.seq) this.draw(it);
  }

  draw(it, said = "") {
    this.it = it;
    const { report } = it;
    const name = this.desk.categories[report.category.code]?.[language] ?? report.category.code;
    this.panel.replaceChildren(
      this.top(report),
      make(
        "div",
        { class: "pad" },
        said ? make("p", { class: "said", role: "status" }, icon("i-check"), said) : null,
        make("p", { class: "kicker" }, report.number, ...this.tags(it)),
        make("h2", { tabindex: "-1" }, name),
        make(
          "p",
          { class: "where" },
          icon("i-map-pin"),
          report.place ? `${report.place.kelurahan}, ${report.place.kecamatan}` : _("The place is not known yet."),
          report.landmark ? ` · ${report.landmark}` : "",
        ),
        make("p", { class: `now-line ${tone(report.state.code)}` }, make("span", { class: `state ${tone(report.state.code)}` }, icon(`s-${report.state.code}`), stateWord(report.state.code)), report.percent !== null && report.state.code === "in_progress" ? ` ${report.percent}%` : "", ...(report.planned ? [" · ", _("planned for %(day)s", { day: day(report.planned) })] : []), it.office ? ` · ${it.office.name}` : ""),
        it.assigned ? make("p", { class: "soft" }, icon("i-users-three"), _("With %(name)s", { name: it.assigned.name })) : null,
        this.deeds(it),
        make("div", { "data-form": true }),
        make("p", { class: "words" }, report.description),
        this.answers(it),
        this.originals(it),
        this.photos(it, report.photos, name),
        this.contact(it),
        this.history(it),
        this.notes(it),
        report.example || it.private ? null : make("p", { class: "soft" }, make("a", { href: `${root}/laporan/${report.id}/` }, _("Public page"))),
        report.example && !it.private ? make("p", { class: "soft" }, _("A made-up example."), " ", make("a", { href: `${root}/laporan/${report.id}/` }, _("Public page"))) : null,
      ),
    );
    this.form = null;
    const at = report.latitude === null ? null : [report.latitude, report.longitude];
    this.desk.map()?.choose(report.id, at);
    this.reopenDraft();
  }

  top(report) {
    return make(
      "p",
      { class: "detail-top" },
      make("a", { class: "plain", href: "#/", "aria-label": _("Back to the queue") }, icon("i-arrow-left"), make("span", {}, _("Queue"))),
      report ? make("span", { class: "soft" }, _("Reported"), " ", time(report.created)) : "",
    );
  }

  tags(it) {
    const tags = [];
    if (it.report.example) tags.push(_("example"));
    if (it.private) tags.push(_("private"));
    if (it.in_doubt) tags.push(_("place in doubt"));
    return tags.map((text) => make("span", { class: "tag" }, text));
  }

  // What can be done.

  deeds(it) {
    const can = (action) => it.may.includes(action);
    const to = (state) => it.moves.includes(state);
    const closed = ["done", "rejected", "duplicate"].includes(it.report.state.code);
    const offered = [
      can("take") && ["take", _("Take it"), "main"],
      to("in_progress") && !closed && ["progress", _("Progress"), can("take") ? "" : "main"],
      to("done") && ["done", _("Done"), ""],
      can("hand_over") && ["hand_over", _("Hand over"), ""],
      can("send_back") && ["send_back", _("Send back"), ""],
      closed && to("waiting") && ["reopen", _("Open again"), "main"],
      to("disposition") && ["disposition", _("Hand down"), "more"],
      to("rejected") && ["rejected", _("Reject"), "more"],
      to("duplicate") && ["duplicate", _("Duplicate"), "more"],
      can("assign") && ["assign", it.assigned ? _("Give to somebody else") : _("Give to a person"), ""],
      can("ask") && ["ask", _("Ask the reporter"), "more"],
      can("correct") && ["correct", _("Correct"), "more"],
      can("place") && ["place", it.report.place ? _("Move the pin") : _("Give it a place"), it.report.place ? "more" : "main"],
      can("note") && ["note", _("Private note"), "more"],
    ].filter(Boolean);
    if (!offered.length) return make("p", { class: "soft" }, _("Your role or your boundaries let you read this report only."));
    const button = ([deed, words, kind]) => {
      const made = make("button", { type: "button", class: kind === "main" ? "button" : "button quiet", "data-deed": deed }, words);
      made.addEventListener("click", () => this.start(deed));
      return made;
    };
    const first = offered.filter(([, , kind]) => kind !== "more").map(button);
    const rest = offered.filter(([, , kind]) => kind === "more").map(button);
    return make("div", { class: "deeds" }, ...first, rest.length ? make("details", {}, make("summary", {}, _("More")), make("div", { class: "deeds" }, ...rest)) : null);
  }

  /** Begin a deed, if this officer may do it now; what was written before is there again. */
  start(deed) {
    const offered = this.panel.querySelector(`[data-deed="${deed}"]`);
    if (!offered) return;
    const plan = planOf(deed, this.it);
    const kept = drafts.read(`${this.id}:${deed}`);
    const form = make("form", { class: "deed", "aria-labelledby": "tindakan", novalidate: true });
    const fields = plan.fields.map((field) => this.field(field, kept[field.name] ?? field.value ?? ""));
    const note = make("textarea", { name: "note", rows: plan.noteFirst ? 4 : 2, maxlength: 4000, id: "f-note" });
    note.value = kept.note ?? "";
    const noteField = [make("label", { for: "f-note" }, plan.noteFirst ? _("Note for colleagues") : _("Private note (optional)")), make("span", { class: "hint" }, icon("i-lock-simple"), _("Only officers read this.")), note];
    form.append(
      make("h3", { id: "tindakan", tabindex: "-1" }, plan.title),
      make("p", { class: "alert", role: "alert", tabindex: "-1", hidden: true, "data-error": true }),
      ...fields,
      plan.noteFirst || !fields.length ? make("p", { class: "field" }, ...noteField) : make("details", { class: "field", ...(kept.note ? { open: true } : {}) }, make("summary", {}, _("Add a private note")), ...noteField),
      make("p", { class: "buttons" }, make("button", { class: "button", type: "submit" }, _("Send")), " ", this.giveUp(deed)),
    );
    this.key = kept.key ?? crypto.randomUUID();
    form.addEventListener("input", () => this.keep(deed, form));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(deed, plan, form);
    });
    this.form = form;
    this.deed = deed;
    this.panel.querySelector("[data-form]").replaceChildren(form);
    (form.querySelector("select, textarea, input, button") ?? form).focus();
    form.scrollIntoView({ block: "nearest" });
  }

  giveUp(deed) {
    const button = make("button", { class: "button quiet", type: "button" }, _("Cancel"));
    button.addEventListener("click", () => this.stop(deed));
    return button;
  }

  stop(deed = this.deed) {
    if (!this.form) return false;
    drafts.drop(`${this.id}:${deed}`);
    drafts.drop(`open:${this.id}`);
    this.desk.map()?.cancel?.();
    this.panel.querySelector("[data-form]").replaceChildren();
    this.form = null;
    this.panel.querySelector(`[data-deed="${deed}"]`)?.focus();
    return true;
  }

  field({ name, kind, words, required, note, step }, value) {
    const id = `f-${name}`;
    const makers = {
      text: () => make("textarea", { id, name, rows: 3, maxlength: 2000, required }),
      line: () => make("input", { id, name, maxlength: 200, required, autocomplete: "off" }),
      date: () => make("input", { id, name, type: "date", min: new Date().toISOString().slice(0, 10) }),
      percent: () => make("input", { id, name, type: "number", min: 0, max: 99, step: 1, inputmode: "numeric" }),
      photo: () => make("input", { id, name, type: "file", accept: "image/*", multiple: true }),
      category: () => make("select", { id, name }, ...Object.entries(this.desk.categories).map(([code, each]) => new Option(each[language], code))),
      reason: () => make("select", { id, name, required }, new Option(_("Choose …"), ""), ...this.desk.reasons()),
      office: () => this.offices(id, name),
      person: () => make("select", { id, name }, new Option(_("Nobody in particular"), ""), ...this.it.people.map((each) => new Option(each.name, each.id))),
      spot: () => this.spot(id, name, value),
    };
    const [input, ...beside] = [makers[kind]()].flat();
    if (kind !== "photo" && kind !== "spot" && value !== "") input.value = value;
    return make("p", { class: "field" }, make("label", { for: id }, words, required ? "" : make("small", {}, " ", _("(optional)"))), note ? make("span", { class: "hint" }, note) : null, input, ...beside, step ? phrasePicker(step, input, this.it, this.desk) : null);
  }

  offices(id, name) {
    const { me, kelurahan } = this.desk;
    const here = this.it.office?.code;
    const kode = this.it.report.place?.kode ?? "";
    const works = ({ boundaries }) => !boundaries.length || boundaries.some((each) => kode === each || kode.startsWith(`${each}.`));
    const fits = (each) => each.categories.includes(this.it.report.category.code) && works(each);
    const agencies = me.offices.filter((each) => each.code !== here).sort((a, b) => fits(b) - fits(a));
    const suggested = _("suggested");
    const select = make("select", { id, name, required: true }, new Option(_("Choose …"), ""));
    select.append(make("optgroup", { label: _("Agencies") }, ...agencies.map((each) => new Option(each[`name_${language}`] + (fits(each) ? ` · ${suggested}` : ""), each.code))));
    const near = this.it.report.place?.kode.slice(0, 8);
    const groups = [[_("Kelurahan nearby"), (kode) => kode.startsWith(near)], [_("Other kelurahan"), (kode) => !kode.startsWith(near)]];
    for (const [label, wanted] of groups) {
      const options = [...kelurahan.values()].filter(({ kode }) => wanted(kode) && kode !== here).map((each) => new Option(`${each.kelurahan} (${each.kecamatan})`, each.kode));
      if (options.length) select.append(make("optgroup", { label }, ...options));
    }
    const reach = make("span", { class: "hint", role: "status" });
    select.addEventListener("change", () => {
      const contact = me.offices.find(({ code }) => code === select.value)?.contact;
      reach.textContent = contact ? _("For colleagues: %(contact)s", { contact }) : "";
    });
    return [select, reach];
  }

  /** The pin is set on the map; without one a kelurahan can be named, by keyboard too. */
  spot(id, name, value) {
    const select = make("select", { id, name }, new Option(_("Choose the kelurahan …"), ""), ...[...this.desk.kelurahan.values()].map((each) => new Option(`${each.kelurahan} (${each.kecamatan})`, each.kode)));
    const button = make("button", { type: "button", class: "button quiet" }, icon("i-map-pin"), _("Set the pin on the map"));
    const line = make("span", { class: "hint", role: "status" });
    this.pinned = value && typeof value === "object" && "latitude" in value ? value : null;
    const told = () => {
      line.textContent = this.pinned ? `${this.pinned.latitude}, ${this.pinned.longitude}` : "";
    };
    told();
    select.addEventListener("change", () => {
      this.pinned = null;
      told();
    });
    button.addEventListener("click", async () => {
      const { latitude, longitude } = this.it.report;
      document.body.classList.add("aiming-map");
      const found = await this.desk.map()?.pin(latitude === null ? null : [latitude, longitude]);
      document.body.classList.remove("aiming-map");
      if (found) {
        this.pinned = found;
        select.value = "";
        told();
        if (this.form) this.keep(this.deed, this.form);
      }
      button.focus();
    });
    return make("span", { class: "spot" }, button, " ", line, make("span", { class: "or" }, _("or")), select);
  }

  values(form) {
    const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    if (form.elements.spot) values.spot = this.pinned ?? (form.elements.spot.value ? { kelurahan: form.elements.spot.value } : "");
    return values;
  }

  keep(deed, form) {
    drafts.write(`${this.id}:${deed}`, { ...this.values(form), key: this.key, seen: this.it.seq });
    drafts.write(`open:${this.id}`, { deed });
  }

  reopenDraft() {
    const { deed } = drafts.read(`open:${this.id}`);
    if (deed && this.panel.querySelector(`[data-deed="${deed}"]`)) this.start(deed);
  }

  async send(deed, plan, form) {
    const values = this.values(form);
    const missing = plan.fields.find((field) => field.required && !values[field.name]);
    if (missing) return this.say(form, _("“%(field)s” is missing. Please fill it in.", { field: missing.words }), `[name="${missing.name}"]`);
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return undefined;
    button.disabled = true;
    button.textContent = _("Sending …");
    try {
      values.photo = await photosOf(form.elements.photo);
      const body = { ...plan.build(values), seen: this.it.seq, note: values.note ?? "" };
      const it = await ask(`/api/staff/reports/${this.id}/actions`, { body, key: this.key });
      drafts.drop(`${this.id}:${deed}`);
      drafts.drop(`open:${this.id}`);
      this.draw(it, _("Done: it is saved, and on the public page in a moment."));
      this.panel.querySelector("h2").focus({ preventScroll: true });
      this.desk.changed();
    } catch (error) {
      this.refused(error, deed, form);
    } finally {
      button.disabled = false;
      button.textContent = _("Send");
    }
    return undefined;
  }

  refused(error, deed, form) {
    if (error instanceof Refusal && error.status === 409) {
      // What happened meanwhile stands above the form; the words stay in it, and go with a new key.
      this.keep(deed, form);
      this.key = crypto.randomUUID();
      drafts.write(`${this.id}:${deed}`, { ...drafts.read(`${this.id}:${deed}`), key: this.key });
      this.draw(error.answer.report);
      const news = make("div", { class: "alert news", role: "alert", tabindex: "-1" }, make("p", {}, icon("i-warning"), error.message), make("ol", { class: "timeline" }, ...error.answer.since.map((event) => this.event(event))));
      this.panel.querySelector("[data-form]").prepend(news);
      news.focus();
      return;
    }
    if (error instanceof Refusal && error.status < 500) this.key = crypto.randomUUID();
    this.keep(deed, form);
    if (!this.desk.failed(error)) this.say(form, error.message, error.answer ? `[name="${error.answer.errors[0].field}"]` : "");
  }

  say(form, message, target = "") {
    const line = form.querySelector("[data-error]");
    line.textContent = message;
    line.hidden = false;
    const field = target ? form.querySelector(target) : null;
    for (const each of form.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
    field?.setAttribute("aria-invalid", "true");
    (field ?? line).focus();
  }

  // What there is to read.

  answers(it) {
    if (!it.answers.length) return null;
    const rows = it.answers.flatMap((each) => [make("dt", {}, each[`question_${language}`]), make("dd", {}, each.values.map((value) => value[`name_${language}`]).join(", "))]);
    return make("dl", { class: "answers" }, ...rows);
  }

  originals(it) {
    const kept = Object.entries(it.original).filter(([, text]) => text);
    if (!kept.length) return null;
    return make("details", { class: "originals" }, make("summary", {}, _("As it was written")), ...kept.map(([name, text]) => make("p", { class: "words" }, make("small", {}, name.startsWith("landmark") ? _("Landmark") : _("Words of the report")), make("br"), text)));
  }

  photos(it, photos, name) {
    if (!photos.length) return null;
    return make("div", { class: "photos small" }, ...photos.map((photo, i) => this.photo(it, photo, _("Photo %(n)s: %(name)s", { n: i + 1, name }))));
  }

  photo(it, photo, alt) {
    const image = make("img", { alt, width: photo.width, height: photo.height, loading: "lazy", src: it.private ? "data:," : photo.thumb_url });
    if (!it.private) return make("a", { class: "photo", href: photo.url }, image);
    ask(`/api/staff/reports/${it.report.id}/photo?sha256=${photo.sha256}`).then(
      ({ data_url: url }) => {
        image.src = url;
      },
      () => {},
    );
    return make("span", { class: "photo" }, image);
  }

  contact(it) {
    if (it.contact === "none") return null;
    if (it.contact === "kept") return make("p", { class: "soft" }, icon("i-lock-simple"), _("The reporter left a contact, but it is not for this desk."));
    const button = make("button", { type: "button", class: "button quiet" }, icon("i-users-three"), _("Show the contact"));
    const line = make("p", { class: "contact" }, button, make("br"), make("small", {}, _("The reporter allowed it. That your office looked will be in the public history.")));
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const { email, phone } = await ask(`/api/staff/reports/${it.report.id}/contact`, { body: {} });
        line.replaceChildren(
          ...[email && make("a", { href: `mailto:${email}` }, email), phone && make("a", { href: `tel:${phone}` }, phone)].filter(Boolean).flatMap((each) => [each, " "]),
        );
        this.it = await ask(`/api/staff/reports/${it.report.id}`);
      } catch (error) {
        button.disabled = false;
        if (!this.desk.failed(error)) line.append(make("span", { class: "alert", role: "alert" }, error.message));
      }
    });
    return line;
  }

  history(it) {
    return make("section", {}, make("h3", {}, _("What happened")), make("ol", { class: "timeline" }, ...[...it.report.history].reverse().map((event) => this.event(event))));
  }

  event(event) {
    const titles = {
      received: _("Report received"),
      taken: _("Taken"),
      asked: _("Question to the reporter"),
      noted: _("Note"),
      placed: _("Place corrected"),
      corrected: _("Corrected"),
      contact_viewed: _("Looked at the contact"),
      rated: _("Rated by the reporter"),
      erased: _("Words erased"),
      routed: _("Passed on by a rule"),
      answered: _("Answer of the reporter"),
    };
    const title = titles[event.kind] ?? (event.to_state === event.from_state && event.to_office ? _("Handed over") : stateWord(event.to_state ?? ""));
    const text = event.words?.text?.text;
    const area = event.area?.[0];
    return make(
      "li",
      { class: event.to_state ? tone(event.to_state) : "grey" },
      make("div", { class: "dot" }, icon(event.to_state ? `s-${event.to_state}` : "i-check")),
      make("b", {}, title),
      make("p", { class: "byline" }, time(event.at), " · ", event.rule ? _("by the rule “%(name)s”", { name: event.rule }) : (event.office?.name ?? _("Reporter"))),
      event.to_office && event.kind !== "received" ? make("p", {}, `→ ${event.to_office.name}`) : null,
      area ? make("p", {}, _("Place"), ": ", area) : null,
      event.percent !== null && event.percent !== undefined ? make("p", {}, `${event.percent}%`, event.planned ? ` · ${day(event.planned)}` : "") : event.planned ? make("p", {}, day(event.planned)) : null,
      text ? make("p", { class: "words" }, text) : null,
    );
  }

  notes(it) {
    if (!it.notes.length) return null;
    return make("section", { class: "notes" }, make("h3", {}, icon("i-lock-simple"), _("Private notes")), ...it.notes.map((note) => make("div", {}, make("p", { class: "byline" }, `${note.name}, ${note.office} · `, time(note.at)), note.assigned === null ? null : make("p", {}, note.assigned ? _("Given to %(name)s", { name: note.assigned }) : _("Given to nobody in particular")), note.note ? make("p", { class: "words" }, note.note) : null)));
  }
}

async function photosOf(input) {
  if (!input?.files?.length) return [];
  const files = [...input.files].slice(0, MOST_PHOTOS);
  return Promise.all(
    files.map(async (file) => {
      const blob = await shrunk(file).catch(() => file);
      const url = await new Promise((done, failed) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result);
        reader.onerror = () => failed(reader.error);
        reader.readAsDataURL(blob);
      });
      return url.slice(url.indexOf(",") + 1);
    }),
  );
}
