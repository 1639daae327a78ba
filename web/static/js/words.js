// The scripts' words in the page's language: a small module that the build writes from the catalogues.
let words = {};

/** Load the words of this page's language, or more of them; without (offline, first visit) English is shown. */
export async function loadWords(url = document.documentElement.dataset.words) {
  try {
    words = { ...words, ...(await import(url)).default };
  } catch {
    // What was loaded before is still there.
  }
}

export const language = document.documentElement.lang || "id";

/** The root of this language's pages: "" or "/en". */
export const root = language === "id" ? "" : `/${language}`;

function filled(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_match, name) => String(values[name]));
}

/** A message in the page's language, with %(name)s filled in. */
export function _(message, values = {}) {
  return filled(words[message]?.[0] ?? message, values);
}

/** One or many: Indonesian has one form, English two. */
export function ngettext(one, many, n, values = {}) {
  const forms = words[one] ?? [one, many];
  return filled(n === 1 ? forms[0] : forms[forms.length - 1], { n: number(n), ...values });
}

export function number(value) {
  return new Intl.NumberFormat(language).format(value);
}

const STEPS = [
  ["year", 31536000],
  ["month", 2592000],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** How long ago, as people say it: "3 hari lalu". */
export function ago(moment, now = Date.now()) {
  const seconds = (now - moment) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) {
      return format.format(-Math.floor(seconds / length), unit).replace(" yang lalu", " lalu");
    }
  }
  return format.format(0, "second"); // "sekarang", "now"
}
