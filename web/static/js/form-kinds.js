// What it is: kinds found by any word people use for them, a warning where somebody may be in danger, and the words' length.
import { askFor } from "./form-asks.js";
import { category, field, ticked } from "./form-fields.js";
import { _, ngettext, number } from "./words.js";

export const WORDS = [10, 2000];
const sift = document.getElementById("sift");
const sifted = document.getElementById("sifted");
const kinds = [...document.querySelectorAll(".kind")];
const danger = document.getElementById("danger");
const warning = danger.firstElementChild;

/** Start this part; `onChange()` when another category is chosen. */
export function startKinds(onChange) {
  sift.addEventListener("input", search);
  // The search is no part of the report: Enter chooses what was found instead of sending.
  sift.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    kinds.find((kind) => !kind.hidden)?.querySelector("input").focus();
  });
  for (const kind of kinds) {
    kind.addEventListener("change", () => {
      warn();
      tick();
      onChange();
    });
  }
  field("description").addEventListener("input", count);
  warn();
  count();
}

/** Show again what the fields hold, after a draft came back. */
export function kindsAgain() {
  warn();
  count();
}

function plain(text) {
  return text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "");
}

function search() {
  const wanted = plain(sift.value).split(/\s+/).filter(Boolean);
  let left = 0;
  for (const kind of kinds) {
    const words = plain(kind.dataset.words);
    const shown = wanted.every((word) => words.includes(word)) || kind.querySelector("input").checked;
    kind.hidden = !shown;
    left += shown ? 1 : 0;
  }
  if (!wanted.length) sifted.textContent = "";
  else sifted.textContent = left ? ngettext("%(n)s kind found.", "%(n)s kinds found.", left) : _("No kind has this word. Try another, or clear the search and choose the last one.");
}

function warn() {
  askFor(category()?.value ?? "");
  danger.replaceChildren(...(category()?.hasAttribute("data-emergency") ? [warning] : []));
}

function tick() {
  ticked("what", Boolean(category()) && field("description").value.trim().length >= WORDS[0]);
}

function count() {
  const length = field("description").value.trim().length;
  const output = document.getElementById("counter");
  output.textContent = length && length < WORDS[0] ? _("%(n)s more", { n: WORDS[0] - length }) : `${number(length)} / ${number(WORDS[1])}`;
  output.classList.toggle("short", length > 0 && length < WORDS[0]);
  tick();
}
