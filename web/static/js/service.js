// The service's own page with scripts: how old it is by the reader's clock, and whether the API answers now.
import { _, ago, loadWords } from "./words.js";

const STALE = 5 * 60 * 1000;
const page = document.querySelector("[data-service]");

function say(element, good, text) {
  element.className = good ? "good" : "bad";
  element.textContent = text;
}

async function look() {
  await loadWords();
  const written = Date.parse(page.querySelector(".standfirst time").dateTime);
  page.querySelector("[data-age]").textContent = `(${ago(written)})`;
  const late = Date.now() - written > STALE;
  say(page.querySelector("[data-publishing]"), !late, late ? _("Stands still since then.") : _("Up."));
  const api = page.querySelector("[data-api]");
  try {
    const answer = await fetch("/api/health", { cache: "no-store", signal: AbortSignal.timeout?.(8000) });
    say(api, answer.ok, answer.ok ? _("Up.") : _("Answers, but is too busy just now."));
  } catch {
    say(api, false, _("Does not answer. The map and all pages stay readable."));
  }
}

look();
