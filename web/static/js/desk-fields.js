// Fields of the admins' forms: a line, a choice, ticks, areas. Each is {box, value()}; text is always text.
import { drafts, icon, make } from "./desk-dom.js";
import { _ } from "./words.js";

let numbers = 0;

/** A field with its label; `hint` says what it is for. */
function boxed(id, words, hint, ...inputs) {
  return make("div", { class: "field" }, make("label", { for: id }, words), hint ? make("span", { class: "hint", id: `${id}-hint` }, hint) : null, ...inputs);
}

/** One line or, with `rows`, several. */
export function line(words, value, { hint = "", rows = 0, ...more } = {}) {
  const id = `k${++numbers}`;
  const described = hint ? { "aria-describedby": `${id}-hint` } : {};
  const input = rows ? make("textarea", { id, rows, ...described, ...more }) : make("input", { id, autocomplete: "off", ...described, ...more });
  input.value = value ?? "";
  return { box: boxed(id, words, hint, input), input, value: () => input.value.trim(), set: (kept) => { input.value = kept; } };
}

/** One of several; `options` are [value, words]. */
export function choice(words, value, options, { hint = "", empty = "" } = {}) {
  const id = `k${++numbers}`;
  const select = make("select", { id }, empty ? new Option(empty, "") : null, ...options.map(([code, name]) => new Option(name, code)));
  select.value = value ?? "";
  return { box: boxed(id, words, hint, select), input: select, value: () => select.value, set: (kept) => { select.value = kept; } };
}

/** Any number of several. */
export function ticks(words, values, options, { hint = "" } = {}) {
  const boxes = options.map(([code, name]) => {
    const box = make("input", { type: "checkbox", value: code });
    box.checked = values.map(String).includes(String(code));
    return [box, make("label", {}, box, " ", name)];
  });
  const group = make("fieldset", { class: "ticks" }, make("legend", {}, words), hint ? make("span", { class: "hint" }, hint) : null, ...boxes.map(([, label]) => label));
  return { box: group, value: () => boxes.filter(([box]) => box.checked).map(([box]) => box.value), set: (kept) => boxes.forEach(([box]) => { box.checked = kept.includes(box.value); }) };
}

/** The name of a code prefix, or of an agency. */
export function placeName(code, desk) {
  if (code === "31") return _("All of Jakarta");
  const row = desk.kelurahan.get(code) ?? [...desk.kelurahan.values()].find(({ kode }) => kode.startsWith(`${code}.`));
  if (row) return code.length === 13 ? row.kelurahan : code.length === 8 ? `${_("Kecamatan")} ${row.kecamatan}` : row.kota;
  const agency = (desk.agencies ?? []).find((each) => each.code === code) ?? null;
  return agency ? agency.names[document.documentElement.lang] : code;
}

/** What this admin may give: the places within their boundaries, as groups of [code, name]. */
export function places(desk) {
  const mine = (code) => desk.me.boundaries.some((each) => code === each || code.startsWith(`${each}.`));
  const all = [...desk.kelurahan.values()];
  const wide = ["31", ...new Set(all.map(({ kode }) => kode.slice(0, 5))), ...new Set(all.map(({ kode }) => kode.slice(0, 8)))].filter(mine);
  const groups = [[_("Larger areas"), wide.map((code) => [code, placeName(code, desk)])]];
  for (const kecamatan of new Set(all.map(({ kode }) => kode.slice(0, 8)))) {
    const rows = all.filter(({ kode }) => kode.startsWith(`${kecamatan}.`) && mine(kode));
    if (rows.length) groups.push([rows[0].kecamatan, rows.map(({ kode, kelurahan }) => [kode, kelurahan])]);
  }
  return groups.filter(([, rows]) => rows.length);
}

const grouped = (groups) => groups.map(([label, rows]) => make("optgroup", { label }, ...rows.map(([code, name]) => new Option(name, code))));

/** Any number of places: chosen one by one, taken out with a button. */
export function areas(words, values, desk, { hint = "" } = {}) {
  const id = `k${++numbers}`;
  let chosen = [...values];
  const select = make("select", { id }, new Option(_("Add an area …"), ""), ...grouped(places(desk)));
  const list = make("ul", { class: "picked" });
  const draw = () => {
    list.replaceChildren(
      ...chosen.map((code) => {
        const button = make("button", { type: "button", class: "button quiet" }, placeName(code, desk), icon("i-x"));
        button.setAttribute("aria-label", _("Take out %(area)s", { area: placeName(code, desk) }));
        button.addEventListener("click", () => {
          chosen = chosen.filter((each) => each !== code);
          changed();
          select.focus();
        });
        return make("li", {}, button);
      }),
    );
    list.hidden = !chosen.length;
  };
  select.addEventListener("change", () => {
    if (select.value) chosen = [...new Set([...chosen, select.value])];
    select.value = "";
    changed();
  });
  const changed = () => {
    draw();
    list.dispatchEvent(new Event("input", { bubbles: true }));
  };
  draw();
  const set = (kept) => {
    chosen = kept;
    draw();
  };
  return { box: boxed(id, words, hint, select, list), value: () => chosen, set };
}

/** One office: an agency or a place. */
export function officeOf(words, value, desk, known) {
  const id = `k${++numbers}`;
  const agencies = (desk.agencies ?? []).map((each) => [each.code, each.names[document.documentElement.lang]]);
  const select = make("select", { id, required: true }, new Option(_("Choose …"), ""), ...grouped([...(agencies.length ? [[_("Agencies"), agencies]] : []), ...places(desk)]));
  if (value && !select.querySelector(`option[value="${CSS.escape(value)}"]`)) select.append(new Option(known ?? value, value));
  select.value = value ?? "";
  return { box: boxed(id, words, "", select), input: select, value: () => select.value, set: (kept) => { select.value = kept; } };
}

const draftOf = (title) => `${location.hash}:${title}`;

/** What was written in the form with this title is done with. */
export const forget = (title) => drafts.drop(draftOf(title));

/**
 * A form that sends once at a time and says what was wrong where it is. `send(key)` may throw; the same key does the
 * same thing once. What was written is kept under the form's title until it was sent, also when the session ends.
 */
export function formOf(title, fields, send, { cancel, desk, words = _("Save"), more = [] }) {
  const error = make("p", { class: "alert", role: "alert", tabindex: "-1", hidden: true });
  const button = make("button", { type: "submit", class: "button" }, words);
  const give = make("button", { type: "button", class: "button quiet" }, _("Cancel"));
  const form = make("form", { class: "deed", novalidate: true }, make("h3", { tabindex: "-1" }, title), error, ...fields.map(({ box }) => box), make("p", { class: "buttons" }, button, " ", ...more, " ", give));
  const name = draftOf(title);
  const kept = drafts.read(name);
  if (kept.values?.length === fields.length) fields.forEach((field, n) => field.set(kept.values[n]));
  let key = kept.key ?? crypto.randomUUID();
  form.addEventListener("input", () => drafts.write(name, { key, values: fields.map((field) => field.value()) }));
  give.addEventListener("click", () => {
    drafts.drop(name);
    cancel();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    error.hidden = true;
    try {
      await send(key);
      drafts.drop(name);
    } catch (wrong) {
      // A refusal was an answer: the next try is another one. Without an answer it is the same.
      if (wrong.status) key = crypto.randomUUID();
      if (desk.failed(wrong)) return;
      error.textContent = wrong.message;
      error.hidden = false;
      error.focus();
    } finally {
      button.disabled = false;
    }
  });
  return form;
}
