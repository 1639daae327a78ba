// "My reports": what this phone sent, follows, or still has to send. Everything shown is the phone's own memory, and each
// report's public state. Nothing is asked of anybody but the site itself.
import "./register.js";
import { NAME as DRAFT } from "./draft-name.js";
import { copies, drawQr, shares } from "./keeping.js";
import { FORMAT, queued } from "./queue.js";
import { all, change, get } from "./store.js";
import { heard, look } from "./waiting.js";
import { _, ago, loadWords, ngettext, number, root } from "./words.js";

const ID = /^[0-9A-HJKMNP-TV-Z]{8}$/;
const KEY = /^[0-9A-Z-]{16,40}$/;
const said = document.getElementById("said");

start();

async function start() {
  await loadWords();
  document.querySelector(".scripted").hidden = false;
  await handed();
  document.getElementById("export").addEventListener("click", save);
  document.getElementById("import").addEventListener("change", read);
  twice(document.getElementById("forget-all"), _("Forget everything?"), forgetAll);
  heard(draw);
  await draw();
}

/** A QR code of another phone leads here with #<number>.<key>; the fragment goes out of the address at once. */
async function handed() {
  const [, id, key] = location.hash.match(/^#([^.]+)\.(.+)$/) ?? [];
  if (!id) return;
  history.replaceState(null, "", location.pathname);
  if (!ID.test(id) || !KEY.test(key)) return;
  const before = await get("reports", id).catch(() => undefined);
  // A key that is there is never replaced by what a link says.
  if (!before?.key) await change(["put", "reports", { v: FORMAT, words: "", category: "", sent: Date.now(), ...before, id, key }]);
  said.textContent = _("Report %(number)s is kept on this phone now.", { number: written(id) });
}

const written = (id) => `${id.slice(0, 4)}-${id.slice(4)}`;

// Drawing --------------------------------------------------------------------------------------------

async function draw() {
  let waiting = [];
  let reports = [];
  try {
    [waiting, reports] = await Promise.all([queued(), all("reports")]);
  } catch {
    said.textContent = _("This browser keeps nothing, so there is nothing to show. Perhaps it is in private mode.");
  }
  reports.sort((a, b) => b.sent - a.sent);
  fill("queue", "queued", waiting.map(unsent));
  fill("own", "sent", reports.filter(({ key }) => key).map(report));
  fill("following", "followed", reports.filter(({ key }) => !key).map(report));
  document.getElementById("nothing").hidden = waiting.length + reports.length > 0;
}

function fill(section, list, cards) {
  document.getElementById(section).hidden = cards.length === 0;
  document.getElementById(list).replaceChildren(...cards);
}

function copyOf(selector) {
  return document.querySelector(selector)?.content.cloneNode(true) ?? document.createDocumentFragment();
}

function card(category, words) {
  const item = copyOf("#card").firstElementChild;
  const part = (name) => item.querySelector(`[data-${name}]`);
  part("title").append(category ? copyOf(`template[data-category-of="${CSS.escape(category)}"]`) : "");
  if (!part("title").textContent) part("title").textContent = _("A report");
  part("words").textContent = words;
  return { item, part };
}

function act(part, name, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `button ${name}`.trim();
  made.append(Object.assign(document.createElement("span"), { textContent: label }));
  part("acts").append(made);
  return made;
}

/** A button that asks once more before it does what cannot be undone. */
function twice(button, question, deed) {
  const text = button.querySelector("span") ?? button;
  const label = text.textContent;
  let timer;
  button.addEventListener("click", async () => {
    if (timer) {
      clearTimeout(timer);
      await deed();
      return;
    }
    text.textContent = question;
    said.textContent = question;
    timer = setTimeout(() => {
      timer = undefined;
      text.textContent = label;
    }, 6000);
  });
}

// Not sent yet ---------------------------------------------------------------------------------------

const STATES = {
  waiting: ["hourglass-medium", () => _("Waits for a connection")],
  sending: ["paper-plane-tilt", () => _("Being sent")],
  refused: ["warning", () => _("Not taken as it is")],
  old: ["warning", () => _("Waited too long")],
};

function unsent(entry) {
  const words = entry.fields.find(([name]) => name === "description")?.[1] ?? "";
  const { item, part } = card(entry.category, words.slice(0, 140));
  const [icon, word] = STATES[entry.state];
  part("state").append(copyOf(`template[data-icon="${icon}"]`), word());
  part("when").textContent = [
    ago(entry.created),
    entry.photos.length ? ngettext("%(n)s photo", "%(n)s photos", entry.photos.length) : "",
    entry.tries && entry.state === "waiting" ? ngettext("tried once", "tried %(n)s times", entry.tries) : "",
  ].filter(Boolean).join(" · ");
  item.classList.toggle("wrong", entry.state === "refused" || entry.state === "old");
  const reasons = entry.state === "old" ? [_("This report waited for more than six days after its first try. Please look whether it is on the map, then send it again.")] : entry.errors.map(({ message }) => message);
  for (const reason of reasons) part("more").append(Object.assign(document.createElement("p"), { className: "reason", textContent: reason }));
  if (entry.state === "waiting") {
    const now = act(part, "", _("Send now"));
    now.addEventListener("click", async () => {
      now.disabled = true;
      said.textContent = _("Sending …");
      const outcome = (await look({ key: entry.key, force: true }))?.outcomes[entry.key];
      said.textContent = outcome?.state === "sent" ? _("Sent.") : outcome?.state === "refused" ? _("Not taken as it is.") : _("Still no connection. It stays kept.");
      await draw();
    });
  }
  if (entry.state !== "sending") {
    act(part, "quiet", _("Change it")).addEventListener("click", () => changeIt(entry));
    twice(act(part, "quiet", _("Discard")), _("Really discard?"), async () => {
      await change(["remove", "queue", entry.key]);
      said.textContent = _("Discarded.");
      await draw();
    });
  }
  return item;
}

/** Back into the form, with photos and with what was wrong; it leaves the queue in the same step. */
async function changeIt(entry) {
  const photos = entry.photos.map(({ data, type }) => ({ data, type }));
  const draft = { v: 1, name: DRAFT, saved: entry.created, fields: entry.fields, photos, errors: entry.errors };
  await change(["put", "drafts", draft], ["remove", "queue", entry.key]);
  location.assign(`${root}/lapor/`);
}

// Sent and followed ----------------------------------------------------------------------------------

function report(record) {
  const { item, part } = card(record.category, record.words);
  part("number").textContent = written(record.id);
  part("when").textContent = ago(record.sent);
  const path = `${root}/laporan/${record.id}/`;
  if (record.key) keyed(record, part, path);
  else act(part, "", _("Open the report")).addEventListener("click", () => location.assign(path));
  twice(act(part, "quiet", _("Forget")), _("Really forget? The key goes, too."), async () => {
    await change(["remove", "reports", record.id]);
    said.textContent = _("Forgotten.");
    await draw();
  });
  state(record, part).catch(() => {
    part("state").textContent = _("State unknown without a connection");
  });
  return item;
}

/** The holder's own page opens by a form, so that the key stands in no address. */
function keyed(record, part, path) {
  const form = Object.assign(document.createElement("form"), { method: "post", action: `/api/reports/${record.id}/key` });
  for (const [name, value] of [["follow_key", record.key], ["language", document.documentElement.lang]]) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  form.append(Object.assign(document.createElement("button"), { className: "button", textContent: _("Open with my key") }));
  part("acts").append(form);
  const copy = act(part, "quiet", _("Copy the key"));
  copies(copy, record.key);
  const qr = act(part, "quiet", _("QR code"));
  const box = Object.assign(document.createElement("div"), { className: "qr", hidden: true });
  part("more").append(box);
  qr.setAttribute("aria-expanded", "false");
  qr.addEventListener("click", () => {
    box.hidden = !box.hidden;
    qr.setAttribute("aria-expanded", String(!box.hidden));
    if (!box.hidden) drawQr(box, record.id, record.key);
  });
  if (record.private) part("title").prepend(copyOf('template[data-icon="lock-simple"]'));
  else shares(act(part, "quiet", _("Share")), path);
}

const PAUSE = 3000;
const TRIES = 5;

async function state(record, part, tries = TRIES) {
  const answer = record.private
    ? await fetch(`/api/reports/${record.id}`, { headers: { "Follow-Key": record.key }, cache: "no-store" })
    : await fetch(`/laporan/${record.id}.json`);
  if (answer.status === 404) {
    part("state").textContent = _("Its page is being written.");
    if (tries > 1) setTimeout(() => part("state").isConnected && state(record, part, tries - 1).catch(() => {}), PAUSE);
    return;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const told = await answer.json();
  part("state").replaceChildren(copyOf(`template[data-state-of="${CSS.escape(told.state.code)}"]`));
  if (told.state.code === "in_progress" && told.percent) part("state").append(` ${number(told.percent)}%`);
  if (!record.words && told.description) part("words").textContent = told.description.slice(0, 140);
  if (!record.category && told.category?.code) part("title").replaceChildren(copyOf(`template[data-category-of="${CSS.escape(told.category.code)}"]`));
}

// A copy, and forgetting -----------------------------------------------------------------------------

async function save() {
  const reports = await all("reports");
  const text = JSON.stringify({ cctv_warga: FORMAT, reports }, null, 1);
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
    download: `laporan-saya-${new Date().toISOString().slice(0, 10)}.json`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  said.textContent = ngettext("A copy of %(n)s report was saved.", "A copy of %(n)s reports was saved.", reports.length);
}

async function read({ target }) {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  try {
    const { reports } = JSON.parse(await file.text());
    const before = new Set((await all("reports")).filter(({ key }) => key).map(({ id }) => id));
    const good = reports.filter(({ id, key }) => ID.test(id) && !before.has(id) && (key === null || KEY.test(key))).map(clean);
    if (good.length) await change(...good.map((record) => ["put", "reports", record]));
    said.textContent = ngettext("%(n)s report was read.", "%(n)s reports were read.", good.length);
    await draw();
  } catch {
    said.textContent = _("This file is no copy of “My reports”.");
  }
}

/** Of a file only what is known, and as text: it may come from anywhere. */
function clean({ id, key, category, words, sent, private: hidden }) {
  return { v: FORMAT, id, key, category: String(category ?? ""), words: String(words ?? "").slice(0, 140), sent: Number(sent) || Date.now(), private: hidden === true };
}

async function forgetAll() {
  const [drafts, waiting, reports] = await Promise.all([all("drafts"), all("queue"), all("reports")]);
  const gone = [
    ...drafts.map(({ name }) => ["remove", "drafts", name]),
    ...waiting.map(({ key }) => ["remove", "queue", key]),
    ...reports.map(({ id }) => ["remove", "reports", id]),
  ];
  if (gone.length) await change(...gone);
  said.textContent = _("Everything on this phone is forgotten. The reports themselves stay.");
  await draw();
}
