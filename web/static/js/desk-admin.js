// The admins' part of the desk: accounts, agencies, routing rules, templates of words, keys. A part per address.
import { accounts } from "./desk-accounts.js";
import { icon, make } from "./desk-dom.js";
import { mountKeys } from "./desk-keys.js";
import { phrases } from "./desk-phrases.js";
import { agencies, rules, templates } from "./desk-rules.js";
import { ask } from "./desk-session.js";
import { _, ago } from "./words.js";

const PARTS = {
  akun: { words: () => _("Accounts"), right: "accounts", show: accounts },
  dinas: { words: () => _("Agencies"), right: "rules", show: agencies },
  aturan: { words: () => _("Routing"), right: "rules", show: rules },
  kalimat: { words: () => _("Templates"), right: "rules", show: templates },
  kunci: { words: () => _("API keys"), right: "clients", show: (host, desk) => mountKeys(host, desk.me, desk.tell) },
};

/** Show a part (the first one without a name) in `host`. `desk` gives me, categories, kelurahan, tell. */
export async function manage(host, part, desk) {
  const mine = Object.entries(PARTS).filter(([, each]) => desk.me.rights.includes(each.right));
  const [name, chosen] = mine.find(([each]) => each === part) ?? mine[0] ?? [];
  if (!chosen) {
    location.hash = "#/";
    return;
  }
  if (desk.me.rights.includes("rules")) desk.agencies = (await ask("/api/staff/agencies")).agencies;
  const body = make("section", { class: "part", "aria-busy": "true" });
  host.replaceChildren(
    make("p", { class: "detail-top" }, make("a", { class: "plain", href: "#/" }, icon("i-arrow-left"), make("span", {}, _("Queue")))),
    make("h1", { tabindex: "-1" }, _("Manage the desk")),
    make("nav", { class: "tabs", "aria-label": _("Manage the desk") }, ...mine.map(([each, { words }]) => make("a", { href: `#/kelola/${each}`, ...(each === name ? { "aria-current": "page" } : {}) }, words()))),
    body,
  );
  try {
    await chosen.show(body, desk);
  } finally {
    body.removeAttribute("aria-busy");
  }
  host.querySelector("h1").focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** What was changed, newest first. `named` puts an entry into words. */
export function historyOf(changes, named) {
  if (!changes.length) return make("p", { class: "soft" }, _("Nothing was changed here yet."));
  const words = ({ before, after }) => (before && after ? _("changed") : after ? _("made") : _("taken out"));
  return make(
    "details",
    { class: "past" },
    make("summary", {}, _("What was changed")),
    make("ol", {}, ...changes.map((each) => make("li", {}, make("time", { datetime: each.at }, ago(Date.parse(each.at))), " · ", `${each.name}, ${each.office}`, ": ", make("b", {}, named(each)), ` · ${words(each)}`))),
  );
}

/** A list of entries, each with a button that opens its form, and a button for a new one. */
export function editor(host, { title, hint, rows, empty, add, form, history }) {
  const place = make("div", {});
  const open = (entry, back) => {
    const made = form(entry, () => {
      place.replaceChildren();
      back.focus();
    });
    place.replaceChildren(made);
    made.querySelector("h3").focus();
    made.scrollIntoView({ block: "nearest" });
  };
  const fresh = make("button", { type: "button", class: "button" }, add);
  fresh.addEventListener("click", () => open(null, fresh));
  const list = rows.map(({ entry, name, about, tags = [], locked = false }) => {
    const button = make("button", { type: "button", class: "button quiet" }, _("Change"));
    button.setAttribute("aria-label", `${_("Change")}: ${name}`);
    button.addEventListener("click", () => open(entry, button));
    return make("li", {}, make("div", {}, make("b", {}, name), ...tags.map((tag) => make("span", { class: "tag" }, tag)), make("span", { class: "soft" }, about)), locked ? null : button);
  });
  host.replaceChildren(
    make("h2", {}, title),
    make("p", { class: "soft" }, hint),
    make("p", {}, fresh),
    place,
    list.length ? make("ul", { class: "entries" }, ...list) : make("p", { class: "soft" }, empty),
    history,
  );
}

/** Templates are asked for anew after they were changed. */
export const forgetPhrases = () => phrases({ anew: true });
