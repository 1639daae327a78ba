// The report form with scripts: its parts put together, what is missing, and sending.
// Without scripts the same form works as it stands; nothing here is needed to report.
import "./register.js";
import { NAME as DRAFT } from "./draft-name.js";
import { begun, forget, later, restore, settle, startDraft, written } from "./draft.js";
import { follows, received, waits } from "./form-after.js";
import { category, field, form } from "./form-fields.js";
import { kindsAgain, startKinds, WORDS } from "./form-kinds.js";
import { blobs, clear, putBack, startPhotos } from "./form-photos.js";
import { fragment, isOutside, moveTo, placeAgain, spot, startPlace } from "./form-place.js";
import { drop, entryOf, keep, queued, recordOf, sent } from "./queue.js";
import { all, get } from "./store.js";
import { heard, look, sendLater } from "./waiting.js";
import { _, ago, language, loadWords, ngettext, root } from "./words.js";

const ENDS = new Set(["sent", "refused", "old"]);
const button = document.getElementById("send");
const status = document.getElementById("sending");
/** Where nothing can be kept: the key of a report without an answer, so that a second try makes no second report. */
let direct = null;
/** The kept report that this page has just sent off and shows. */
let mine = null;

start();

async function start() {
  await loadWords();
  form.noValidate = true;
  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  startKinds(alike);
  startPhotos(later, moveTo);
  startPlace(placed);
  startDraft(blobs);
  field("landmark").addEventListener("input", later);
  form.addEventListener("submit", send);
  document.querySelector("[data-differs]").addEventListener("click", goOn);
  document.querySelector("#draft [data-forget]").addEventListener("click", anew);
  heard(waiting);
  waiting();
  await comeBack();
}

function placed() {
  later();
  alike();
}

// What was begun before ------------------------------------------------------------------------------

async function comeBack() {
  const draft = await begun();
  // What the server sent back, or what has been written by now, is newer.
  if (!draft || document.querySelector("#errors li") || written().some(([name]) => name === "description")) return;
  const place = ["latitude", "longitude", "accuracy", "kelurahan"].map((name) => [name, field(name).value]);
  restore(draft);
  if (fragment()) for (const [name, value] of place) field(name).value = value;
  putBack(draft.photos.map(({ data, type }) => new Blob([data], { type })));
  kindsAgain();
  placeAgain();
  const notice = document.getElementById("draft");
  notice.querySelector("[data-said]").textContent = _("What you began %(ago)s is here again.", { ago: ago(draft.saved) });
  notice.hidden = false;
  if (draft.errors?.length) showErrors(draft.errors);
}

async function anew() {
  await forget();
  form.reset();
  clear();
  location.replace(location.pathname);
}

/** Tell of reports of before that still wait on this phone. */
async function waiting() {
  const rest = (await queued().catch(() => [])).filter(({ key }) => key !== mine);
  const box = document.getElementById("queue");
  box.hidden = rest.length === 0;
  if (!rest.length) return;
  const wrong = rest.some(({ state }) => state === "refused" || state === "old");
  const link = document.createElement("a");
  link.href = `${root}/saya/`;
  link.textContent = wrong ? _("Look at it") : _("My reports");
  box.classList.toggle("wrong", wrong);
  box.replaceChildren(
    wrong
      ? _("A report of yours could not be taken as it is.")
      : ngettext("%(n)s report of yours waits on this phone and is sent by itself.", "%(n)s reports of yours wait on this phone and are sent by themselves.", rest.length),
    " ",
    link,
  );
}

// Before sending -------------------------------------------------------------------------------------

let similar;

/** Look for reports of the same kind close by, once place and category are known. */
async function alike() {
  const here = spot();
  if (!similar && !(here?.kode && category())) return;
  similar ??= import("./form-similar.js");
  const { lookFor } = await similar.catch(() => ({ lookFor: () => {} }));
  lookFor(spot(), followed);
}

async function followed(id, supporters) {
  await forget();
  follows(id, supporters);
}

let asked = false;

/** "Mine is different": and if that was asked on the way to sending, send. */
async function goOn() {
  (await similar).different();
  button.focus();
  if (asked) form.requestSubmit();
}

function missing() {
  const errors = [];
  if (!(field("latitude").value && field("longitude").value) && !field("kelurahan").value) {
    errors.push({ field: "place", message: _("Show where it is: on the map, or by choosing the kelurahan.") });
  } else if (!field("latitude").value && !field("landmark").value.trim()) {
    errors.push({ field: "landmark", message: _("Without a pin, please name a landmark: a shop, a school, a crossing.") });
  }
  if (isOutside()) errors.push({ field: "place", message: _("This spot is outside Jakarta. Move the map to a spot inside.") });
  if (!category()) errors.push({ field: "category", message: _("Choose what kind of problem it is.") });
  if (field("description").value.trim().length < WORDS[0]) {
    errors.push({ field: "description", message: _("Say in at least 10 characters what is wrong.") });
  }
  return errors;
}

// Sending --------------------------------------------------------------------------------------------

async function send(event) {
  event.preventDefault();
  if (button.disabled) return;
  const errors = missing();
  showErrors(errors);
  if (errors.length) return;
  button.disabled = true;
  try {
    const found = await similar?.catch(() => null);
    if (found && (await found.undecided())) {
      asked = true;
      found.toSimilar();
      return;
    }
    status.textContent = _("Sending …");
    await sendOff();
  } finally {
    button.disabled = false;
  }
}

async function sendOff() {
  // Everything the form holds, also what others put into it; files are the photos made small.
  const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "form" && name !== "side");
  const entry = await entryOf(new URL(form.action).pathname, fields, blobs(), { language, category: category().value });
  settle();
  try {
    mine = entry.key;
    await keep(entry, DRAFT);
  } catch {
    return sendDirectly(entry);
  }
  const outcome = (await look({ key: entry.key, force: true, said }))?.outcomes[entry.key];
  await became(entry, outcome);
}

/** In a burst the server asks for a small computation first. */
function said(computing) {
  status.textContent = computing
    ? _("Many reports come from your connection. Your device computes for a moment, then it is sent …")
    : _("Sending …");
}

/** The report whose end is on the screen: page and service worker may both tell of it. */
let ended = null;

/** Show what became of a report that was kept. Resolves to whether it need not wait any more. */
async function became(entry, outcome) {
  status.textContent = "";
  if (ended === entry.key) return true;
  if (outcome && outcome.state !== "waiting") ended = entry.key;
  if (outcome?.state === "sent") {
    received(outcome.record);
    clear();
    return true;
  }
  if (outcome?.state === "refused" || outcome?.state === "old") {
    await drop(entry.key);
    mine = null;
    for (const part of document.querySelectorAll(".formpage > :not(#received):not(template):not(#queue):not(#draft)")) part.hidden = false;
    document.getElementById("received").hidden = true;
    showErrors(outcome.errors.length ? outcome.errors : [{ field: "", message: TOO_OLD() }]);
    later();
    return true;
  }
  if (!document.querySelector("#received [data-now]")) {
    sendLater();
    waits(outcome, async () => became(entry, await attempt(entry.key)));
    heard(({ key, state }) => key === entry.key && ENDS.has(state) && attempt(key).then((outcome) => became(entry, outcome)));
  }
  return false;
}

/** Try a kept report again; it may have been sent by another page or the service worker meanwhile. */
async function attempt(key) {
  const outcome = (await look({ key, force: true }))?.outcomes[key];
  if (outcome) return outcome;
  const record = (await all("reports")).find((each) => each.entry === key);
  return record ? { state: "sent", record } : get("queue", key);
}

/** For a browser that keeps nothing: send at once, and say so when that did not work. */
async function sendDirectly(entry) {
  direct ??= entry.key;
  const trying = { ...entry, key: direct };
  const outcome = await sent(trying, said);
  if (outcome.state === "waiting") {
    status.textContent = _("Not sent: no answer from the server. What you wrote is still here; please try again.");
    return;
  }
  direct = null;
  const record = outcome.answer && recordOf(trying, outcome.answer);
  await became(trying, { ...outcome, record });
}

const TOO_OLD = () => _("This report waited for more than six days after its first try. Please look whether it is on the map, then send it again.");

// What was wrong -------------------------------------------------------------------------------------

const TARGETS = { latitude: "place", longitude: "place", accuracy: "place" };

function showErrors(errors) {
  for (const old of form.querySelectorAll(".error")) old.remove();
  for (const old of form.querySelectorAll("[aria-invalid]")) old.removeAttribute("aria-invalid");
  const box = document.getElementById("errors");
  box.hidden = errors.length === 0;
  if (!errors.length) return;
  const title = document.createElement("h2");
  title.textContent = ngettext("Nothing was lost. One thing needs another look:", "Nothing was lost. %(num)s things need another look:", errors.length, { num: errors.length });
  const list = document.createElement("ul");
  for (const { field: name, message } of errors) {
    const target = document.getElementById(TARGETS[name] ?? name);
    const item = document.createElement("li");
    if (target) {
      const link = document.createElement("a");
      link.href = `#${target.id}`;
      link.textContent = message;
      // The address stays as it is: a fragment of it may be the place.
      link.addEventListener("click", (event) => {
        event.preventDefault();
        target.focus();
        target.scrollIntoView({ block: "start" });
      });
      item.append(link);
      markWrong(target, message);
    } else {
      item.textContent = message;
    }
    list.append(item);
  }
  box.replaceChildren(title, list);
  box.focus();
  box.scrollIntoView({ block: "start" });
}

function markWrong(target, message) {
  const line = document.createElement("p");
  line.className = "error";
  line.id = `e-${target.id}`;
  line.textContent = message;
  if (target.matches("input, select, textarea")) {
    target.setAttribute("aria-invalid", "true");
    target.setAttribute("aria-describedby", `${(target.getAttribute("aria-describedby") ?? "").replace(/ ?e-\S+/, "")} ${line.id}`.trim());
    target.closest("p").after(line);
  } else {
    (target.querySelector("legend") ?? target.querySelector("h2")).after(line);
  }
}
