// Sends what waits on this phone while a page is open: at once, when the network is back, and when the next try is due.
// Where the browser has Background Sync the service worker does the same with every page closed.
import { CHANNEL, flush, queued } from "./queue.js";

const FLAG = "antrean";
let timer;

/** Have every page look for reports that wait; remembered where a page can read it without opening a database. */
export function mark(waiting) {
  try {
    if (waiting) localStorage.setItem(FLAG, "1");
    else localStorage.removeItem(FLAG);
  } catch {
    // Then only the form and "my reports" look.
  }
}

/** Send what is due and plan the next look. Resolves to what flush() tells, or null where nothing can be kept. */
export async function look(options = {}) {
  clearTimeout(timer);
  try {
    const told = await flush(options);
    const rest = (await queued()).filter(({ state }) => state === "waiting" || state === "sending");
    mark(rest.length > 0);
    if (rest.length) {
      const soonest = Math.min(...rest.map(({ next }) => next));
      timer = setTimeout(look, Math.max(2000, soonest - Date.now()));
    }
    return told;
  } catch {
    return null;
  }
}

/** Call back whenever a queued report changes, here, in another page, or in the service worker. */
export function heard(callback) {
  if (!("BroadcastChannel" in window)) return;
  new BroadcastChannel(CHANNEL).addEventListener("message", ({ data }) => callback(data));
}

/** Ask the browser to send even with every page closed, and to keep what waits; Chromium only. */
export async function sendLater() {
  mark(true);
  try {
    const registration = await navigator.serviceWorker.ready;
    if (!registration.sync) return;
    await registration.sync.register(CHANNEL);
    await navigator.storage?.persist?.();
  } catch {
    // Refused, or not there: the next page that is opened sends it.
  }
}

addEventListener("online", () => look({ force: true }));
look();
