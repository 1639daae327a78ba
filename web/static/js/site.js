// What every page does when scripts run: times as people say them, copying, printing, finding by number.
import "./font.js";
import { readId } from "./number.js";
import { _, ago, loadWords, root } from "./words.js";

document.documentElement.classList.add("js");

for (const time of document.querySelectorAll("time.ago")) {
  time.title = time.textContent;
  time.textContent = ago(Date.parse(time.dateTime));
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await Promise.all([navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href), loadWords()]);
    const label = button.querySelector("span");
    label.setAttribute("role", "status");
    label.textContent = _("Copied");
  });
}

// What other sites copy must lead here, wherever this page was opened.
for (const snippet of document.querySelectorAll("[data-snippet]")) {
  const address = new URL(snippet.dataset.snippet, location.href).href;
  snippet.value = snippet.value.replace(/src="[^"]*"/, () => `src="${address}"`);
}
for (const button of document.querySelectorAll("[data-copy-from]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copyFrom);
    await Promise.all([navigator.clipboard.writeText(source.value), loadWords()]);
    const label = button.querySelector("span");
    label.setAttribute("role", "status");
    label.textContent = _("Copied");
  });
}

// A report that waits on this phone is sent from whatever page is open.
try {
  if (localStorage.getItem("antrean")) import("./waiting.js");
} catch {
  // A browser that keeps nothing has nothing waiting.
}

for (const form of document.querySelectorAll("form.find")) {
  form.addEventListener("submit", (event) => {
    const id = readId(form.elements.q.value);
    // What is no number, or might be a name, goes to the server.
    if (!id || !/\d/.test(form.elements.q.value)) return;
    event.preventDefault();
    location.href = `${root}/laporan/${id}/`;
  });
}

// A report that was just sent: its page is written within seconds. Wait for it instead of showing an error.
const missing = document.querySelector("[data-notfound]");
const sent = location.pathname.match(/\/laporan\/([0-9A-Z]{8})\/?$/);
if (missing && sent) waitFor(location.pathname.replace(/\/?$/, "/"));

async function waitFor(path) {
  await loadWords();
  const line = missing.querySelector("[data-waiting]");
  line.classList.remove("unseen-empty");
  line.textContent = _("Looking for it …");
  for (let tries = 0; tries < 10; tries += 1) {
    await new Promise((done) => setTimeout(done, 1000 + 500 * tries));
    const answer = await fetch(path, { method: "HEAD", cache: "no-cache" }).catch(() => null);
    if (answer?.ok) {
      location.replace(path);
      return;
    }
  }
  line.textContent = _("It is not there yet. Please check the number, or come back later.");
}
