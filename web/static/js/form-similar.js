// "Is it one of these?": open reports of the same kind close by, before a new one is sent.
import { category } from "./form-fields.js";
import { change } from "./store.js";
import { metres, similar, told } from "./similar.js";
import { _, ago, language, ngettext, number, root } from "./words.js";

const box = document.getElementById("similar");
const list = document.getElementById("similar-list");
const said = document.getElementById("similar-said");
const differs = new Set();
/** A photo in a report's data may only be one of the site's own. */
const PHOTO = /^\/foto\/[\w./-]+$/;

let question = "";
let looking = null;
let shown = [];

/** Look for reports like this one, after the place or category changed. `follow(id)` is called for "this one". */
export function lookFor(spot, follow) {
  const kind = category();
  const asks = spot?.kode && kind ? `${spot.kode} ${spot.latitude} ${spot.longitude} ${kind.value}` : "";
  if (asks === question) return;
  question = asks;
  looking = asks ? find(asks, spot, kind, follow) : null;
  if (!asks) show([], follow);
}

async function find(asks, spot, kind, follow) {
  const found = await similar(spot, kind.value, Number(kind.dataset.nearby), spot.kode).catch(() => []);
  const whole = await Promise.all(found.filter(({ id }) => !differs.has(id)).map(async (report) => ({ ...report, page: await told(report.id) })));
  if (asks === question) show(whole, follow, spot);
}

/** Whether the reporter has still to say if it is one of those shown; waits a little for a search that runs. */
export async function undecided() {
  await Promise.race([looking, new Promise((done) => setTimeout(done, 2500))]);
  return shown.length > 0;
}

/** All that are shown are other problems. */
export function different() {
  for (const { id } of shown) differs.add(id);
  show([]);
}

export function toSimilar() {
  box.focus();
  box.scrollIntoView({ block: "start" });
}

function show(reports, follow, spot) {
  shown = reports;
  box.hidden = reports.length === 0;
  said.textContent = reports.length ? ngettext("%(n)s report nearby may be the same.", "%(n)s reports nearby may be the same.", reports.length) : "";
  list.replaceChildren(...reports.map((report) => row(report, follow, spot)));
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function row(report, follow, spot) {
  const words = report.page?.description ?? report.text;
  const photo = report.page?.photos?.find(({ url }) => PHOTO.test(url));
  const name = category()?.closest("label").querySelector("b").textContent ?? "";
  const facts = _("%(n)s m away · %(ago)s", { n: number(Math.round(metres(spot, report))), ago: ago(report.created) });
  const item = element("li", { className: "alike" });
  if (photo) item.append(element("img", { src: photo.url, alt: _("Photo of this report"), loading: "lazy", width: photo.width, height: photo.height }));
  const link = element("a", { href: `${root}/laporan/${report.id}/`, target: "_blank", rel: "noopener" }, words || name);
  const text = element("div", {}, element("p", { className: "alike-words" }, link), element("p", { className: "soft" }, facts));
  if (report.example) text.lastChild.append(" ", element("span", { className: "tag" }, _("example")));
  const button = element("button", { type: "button", className: "button" }, _("Follow this one"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    const problem = await supported(report, follow);
    if (!problem) return;
    button.disabled = false;
    text.querySelector(".error")?.remove();
    text.append(element("p", { className: "error", role: "alert" }, problem));
  });
  text.append(button);
  item.append(text);
  return item;
}

/** Count the reporter in; resolves to what went wrong, in words, or null. */
async function supported(report, follow) {
  try {
    const answer = await fetch(`/api/reports/${report.id}/support`, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify({ language }),
    });
    const got = await answer.json();
    if (!answer.ok) return got.errors?.map(({ message }) => message).join(" ") || _("Not sent. Please try again.");
    const record = { v: 1, id: report.id, key: null, category: report.category, words: report.page?.description?.slice(0, 140) ?? report.text, sent: Date.now() };
    await change(["put", "reports", record]).catch(() => {});
    follow(report.id, got.supporters);
    return null;
  } catch {
    return _("Not sent. Please try again.");
  }
}
