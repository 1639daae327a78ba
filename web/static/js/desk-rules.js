// Agencies, routing rules and templates of words, as admins edit them. A rule is tried before it can go live.
import { editor, forgetPhrases, historyOf } from "./desk-admin.js";
import { icon, make, stateWord } from "./desk-dom.js";
import { areas, choice, forget, formOf, line, placeName, ticks } from "./desk-fields.js";
import { ask } from "./desk-session.js";
import { _, ago, language, ngettext, number } from "./words.js";

const categoriesOf = (desk) => Object.entries(desk.categories).map(([code, each]) => [code, each[language]]);
const namesOf = (codes, desk) => codes.map((code) => desk.categories[code]?.[language] ?? code).join(", ");

function remover(path, it, draw, { failed, tell }) {
  const button = make("button", { type: "button", class: "button quiet" }, _("Take out"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      draw(await ask(path, { body: { seen: it.version, remove: it.code } }));
    } catch (error) {
      if (!failed(error)) tell(error);
      button.disabled = false;
    }
  });
  return button;
}

// Agencies.

/** Fill `host` with the agencies. */
export async function agencies(host, desk) {
  drawAgencies(host, desk, await ask("/api/staff/agencies"));
}

function drawAgencies(host, desk, got) {
  desk.agencies = got.agencies;
  editor(host, {
    title: _("Agencies"),
    hint: _("Offices beside the kelurahan that reports can be handed to. The desk suggests them for their categories."),
    rows: got.agencies.map((each) => ({
      entry: each,
      name: each.names[language],
      about: [each.code, namesOf(each.categories, desk), each.boundaries.map((code) => placeName(code, desk)).join(", "), each.contact].filter(Boolean).join(" · "),
    })),
    empty: _("There is no agency yet."),
    add: _("New agency"),
    form(entry, done) {
      const it = entry ?? { code: "", names: {}, categories: [], boundaries: [], contact: "" };
      const fields = {
        code: line(_("Code"), it.code, { maxlength: 40, pattern: "[a-z][a-z0-9\\-]+", readonly: Boolean(entry), hint: _("Small letters, digits and dashes. It stays as it is.") }),
        id: line(_("Name in Indonesian"), it.names.id, { maxlength: 200, required: true }),
        en: line(_("Name in English"), it.names.en, { maxlength: 200, required: true }),
        contact: line(_("Contact"), it.contact, { maxlength: 200, hint: _("How other offices reach it. Not public.") }),
        categories: ticks(_("Suggested for"), it.categories, categoriesOf(desk)),
        boundaries: areas(_("Areas"), it.boundaries, desk, { hint: _("Where it works; none: everywhere.") }),
      };
      const draw = (answer) => drawAgencies(host, desk, answer);
      const send = async () => {
        const agency = { code: fields.code.value(), names: { id: fields.id.value(), en: fields.en.value() }, contact: fields.contact.value(), categories: fields.categories.value(), boundaries: fields.boundaries.value() };
        draw(await ask("/api/staff/agencies", { body: { seen: got.version, agency } }));
      };
      const more = entry ? [remover("/api/staff/agencies", { ...it, version: got.version }, draw, desk)] : [];
      return formOf(entry ? it.names[language] : _("New agency"), Object.values(fields), send, { cancel: done, desk, more });
    },
    history: historyOf(got.history, ({ code, before, after }) => (after ?? before)?.names[language] ?? code),
  });
}

// Routing rules.

/** Fill `host` with the routing rules. */
export async function rules(host, desk) {
  drawRules(host, desk, await ask("/api/staff/routing"));
}

const weekdays = () => [...Array(7).keys()].map((day) => [String(day), new Date(Date.UTC(2024, 0, 1 + day)).toLocaleDateString(language, { weekday: "long", timeZone: "UTC" })]);
const hours = () => [...Array(25).keys()].map((hour) => [String(hour), `${String(hour).padStart(2, "0")}.00`]);

function aboutRule(rule, desk) {
  const parts = [`→ ${placeName(rule.agency, desk)}`, namesOf(rule.categories, desk), rule.boundaries.map((code) => placeName(code, desk)).join(", "), rule.words.map((word) => `“${word}”`).join(", ")];
  if (rule.days.length) parts.push(weekdays().filter(([day]) => rule.days.includes(Number(day))).map(([, name]) => name).join(", "));
  if (rule.from_hour !== 0 || rule.to_hour !== 24) parts.push(_("from %(from)s to %(to)s o'clock", { from: rule.from_hour, to: rule.to_hour }));
  return parts.filter(Boolean).join(" · ");
}

function drawRules(host, desk, got) {
  editor(host, {
    title: _("Routing"),
    hint: _("Every report first belongs to the kelurahan of its place. A rule that is live hands it on at once; the first one that fits does, and the public reads its name."),
    rows: got.rules.map((each) => ({ entry: each, name: `${each.order}. ${each.name}`, about: aboutRule(each, desk), tags: [each.live ? _("live") : _("draft")] })),
    empty: _("There is no rule: every report stays with its kelurahan."),
    add: _("New rule"),
    form: (entry, done) => ruleForm(host, desk, got, entry, done),
    history: historyOf(got.history, ({ code, before, after }) => (after ?? before)?.name ?? code),
  });
}

function ruleForm(host, desk, got, entry, done) {
  const it = entry ?? { code: "", name: "", agency: "", order: 100, categories: [], boundaries: [], words: [], days: [], from_hour: 0, to_hour: 24, live: false };
  const fields = {
    code: line(_("Code"), it.code, { maxlength: 40, pattern: "[a-z][a-z0-9\\-]+", readonly: Boolean(entry), hint: _("Small letters, digits and dashes. It stays as it is.") }),
    name: line(_("Name of the rule"), it.name, { maxlength: 80, required: true, hint: _("The public reads this.") }),
    agency: choice(_("To which agency"), it.agency, desk.agencies.map((each) => [each.code, each.names[language]]), { empty: _("Choose …") }),
    order: line(_("Order"), it.order, { type: "number", min: 0, max: 9999, hint: _("Smaller numbers are asked first.") }),
    categories: ticks(_("Categories"), it.categories, categoriesOf(desk), { hint: _("None: all of them.") }),
    boundaries: areas(_("Areas"), it.boundaries, desk, { hint: _("None: everywhere.") }),
    words: line(_("Words"), it.words.join(", "), { maxlength: 1000, hint: _("One of these must stand in the report; separated by commas. None: any words.") }),
    days: ticks(_("Days"), it.days, weekdays(), { hint: _("None: every day.") }),
    from: choice(_("From"), String(it.from_hour), hours()),
    to: choice(_("Until"), String(it.to_hour), hours()),
  };
  const read = (live) => ({
    code: fields.code.value(),
    name: fields.name.value(),
    agency: fields.agency.value(),
    order: Number(fields.order.value()),
    categories: fields.categories.value(),
    boundaries: fields.boundaries.value(),
    words: fields.words.value().split(",").map((word) => word.trim()).filter(Boolean),
    days: fields.days.value().map(Number),
    from_hour: Number(fields.from.value()),
    to_hour: Number(fields.to.value()),
    live,
  });
  const draw = (answer) => drawRules(host, desk, answer);
  const title = entry ? it.name : _("New rule");
  const save = async (live) => {
    const answer = await ask("/api/staff/routing", { body: { seen: got.version, rule: read(live) } });
    forget(title);
    draw(answer);
  };
  const result = make("div", { class: "trial", role: "status" });
  const test = make("button", { type: "button", class: "button quiet", "data-try": true }, _("Try it on past reports"));
  test.addEventListener("click", async () => {
    test.disabled = true;
    try {
      const rule = read(false);
      const trial = await ask("/api/staff/routing/trial", { body: { rule } });
      const live = make("button", { type: "button", class: "button", "data-live": true }, _("Make it live"));
      live.addEventListener("click", () => {
        live.disabled = true;
        save(true).catch((error) => {
          live.disabled = false;
          result.append(make("p", { class: "alert", role: "alert" }, error.message));
        });
      });
      result.replaceChildren(...trialWords(trial, desk, make("p", { class: "buttons" }, live)));
    } catch (error) {
      result.replaceChildren(make("p", { class: "alert", role: "alert" }, error.message));
    } finally {
      test.disabled = false;
    }
  });
  const more = [test, ...(entry ? [remover("/api/staff/routing", { ...it, version: got.version }, draw, desk)] : [])];
  const form = formOf(title, Object.values(fields), () => save(false), { cancel: done, desk, more, words: _("Save as a draft") });
  form.append(result);
  return form;
}

function trialWords(trial, desk, buttons) {
  const summary = trial.looked_at
    ? _("Of the %(n)s newest reports this rule would have handed %(taken)s to %(agency)s. Nothing was changed.", { n: number(trial.looked_at), taken: number(trial.taken), agency: trial.agency })
    : _("There are no past reports to try it on.");
  const rows = trial.rows.map((row) =>
    make("li", {}, make("a", { href: `#/laporan/${row.id}` }, row.number), " · ", desk.categories[row.category]?.[language] ?? row.category, ` · ${row.kelurahan} · `, ago(Date.parse(row.created)), make("span", { class: "soft" }, row.text), row.office ? make("span", { class: "soft" }, _("It is with %(office)s.", { office: row.office })) : null),
  );
  return [
    make("p", {}, icon("i-check"), " ", summary),
    trial.before ? make("p", { class: "soft" }, ngettext("%(n)s more fits, but an earlier rule takes it.", "%(n)s more fit, but an earlier rule takes them.", trial.before)) : null,
    buttons,
    rows.length ? make("ol", { class: "entries" }, ...rows) : null,
  ].filter(Boolean);
}

// Templates of words.

/** Fill `host` with the templates of words. */
export async function templates(host, desk) {
  drawTemplates(host, desk, await ask("/api/staff/phrases"));
}

const stepWord = (code) => (code === "question" ? _("Question to the reporter") : stateWord(code));

function drawTemplates(host, desk, got) {
  editor(host, {
    title: _("Templates"),
    hint: _("What officers can begin with when they write to the public. In braces stands what is filled in: %(names)s.", { names: got.names.map((name) => `{${name}}`).join(" ") }),
    rows: got.phrases.map((each) => ({ entry: each, name: stepWord(each.state), about: each.texts[language], tags: [namesOf(each.categories, desk)].filter(Boolean) })),
    empty: _("There is no template yet."),
    add: _("New template"),
    form(entry, done) {
      const it = entry ?? { code: "", state: "done", texts: {}, categories: [] };
      const fields = {
        code: line(_("Code"), it.code, { maxlength: 40, pattern: "[a-z][a-z0-9\\-]+", readonly: Boolean(entry), hint: _("Small letters, digits and dashes. It stays as it is.") }),
        state: choice(_("For which step"), it.state, got.states.map((code) => [code, stepWord(code)])),
        id: line(_("Words in Indonesian"), it.texts.id, { rows: 3, maxlength: 1000, required: true }),
        en: line(_("Words in English"), it.texts.en, { rows: 3, maxlength: 1000, required: true }),
        categories: ticks(_("Categories"), it.categories, categoriesOf(desk), { hint: _("None: all of them.") }),
      };
      const draw = (answer) => {
        forgetPhrases();
        drawTemplates(host, desk, answer);
      };
      const send = async () => {
        const phrase = { code: fields.code.value(), state: fields.state.value(), texts: { id: fields.id.value(), en: fields.en.value() }, categories: fields.categories.value() };
        draw(await ask("/api/staff/phrases", { body: { seen: got.version, phrase } }));
      };
      const more = entry ? [remover("/api/staff/phrases", { ...it, version: got.version }, draw, desk)] : [];
      return formOf(entry ? stepWord(it.state) : _("New template"), Object.values(fields), send, { cancel: done, desk, more });
    },
    history: historyOf(got.history, ({ code }) => code),
  });
}
