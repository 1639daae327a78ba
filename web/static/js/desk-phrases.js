// Templates of public words below a text field: by state and category, in both languages, seen before they are used.
import { make } from "./desk-dom.js";
import { ask } from "./desk-session.js";
import { _, language } from "./words.js";

const NAMES = { id: "Indonesia", en: "English" };
let asked;

/** The templates, asked for once; again after an admin changed them. */
export function phrases({ anew = false } = {}) {
  if (anew || !asked) {
    asked = ask("/api/staff/phrases");
    asked.catch(() => {
      asked = undefined;
    });
  }
  return asked;
}

/** A template's words for a report: what stands in braces is filled in, or left for the officer to fill. */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] || "…");
}

function valuesOf(it, desk, spoken, form) {
  const planned = form?.elements.planned?.value ?? it.report.planned;
  return {
    number: it.report.number,
    category: desk.categories[it.report.category.code]?.[spoken] ?? it.report.category.code,
    kelurahan: it.report.place?.kelurahan,
    office: desk.me.office.name,
    planned: planned ? new Date(`${planned}T00:00:00`).toLocaleDateString(spoken, { day: "numeric", month: "long", year: "numeric" }) : "",
  };
}

/** A choice of templates for a step; nothing while none fits. */
export function phrasePicker(step, input, it, desk) {
  const box = make("span", { class: "phrases", hidden: true });
  phrases()
    .then(({ phrases: all }) => {
      const fits = all.filter(({ state, categories }) => state === step && (!categories.length || categories.includes(it.report.category.code)));
      if (!fits.length) return;
      const select = make("select", { id: `kalimat-${step}` }, new Option(_("Begin with a template …"), ""), ...fits.map(({ code, texts }) => new Option(shortened(filled(texts[language], valuesOf(it, desk, language, input.form))), code)));
      const preview = make("span", { class: "preview", "aria-live": "polite" });
      select.addEventListener("change", () => {
        const chosen = fits.find(({ code }) => code === select.value);
        preview.replaceChildren(...(chosen ? Object.keys(NAMES).map((spoken) => choice(chosen, spoken)) : []));
      });
      const choice = (chosen, spoken) => {
        const words = filled(chosen.texts[spoken], valuesOf(it, desk, spoken, input.form));
        const button = make("button", { type: "button", class: "button quiet" }, _("Use it in %(language)s", { language: NAMES[spoken] }));
        button.addEventListener("click", () => {
          input.value = input.value.trim() ? `${input.value.trim()}\n${words}` : words;
          input.dispatchEvent(new Event("input", { bubbles: true }));
          input.focus();
        });
        return make("span", { class: "preview-one" }, make("q", { lang: spoken }, words), button);
      };
      box.append(make("label", { for: select.id, class: "unseen" }, _("Templates of words")), select, preview);
      box.hidden = false;
    })
    .catch(() => {
      // Without templates the officer writes as before.
    });
  return box;
}

const shortened = (text) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
