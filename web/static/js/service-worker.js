// Keeps the form and what it is made of, so that it opens without a connection, and sends what waits in the queue.
// Never touches the API, the officers' desk, or a report's page: what is private or changes is not kept.
// SHELL (assets; words and pages by language) and BUILD (a hash of it) are written in by the build.
import "./push.js";
import { CHANNEL, flush } from "./queue.js";

const CACHE = `rangka-${BUILD}`;
const OURS = /^rangka-/;
const PATIENCE = 3000;
const PAGES = new Set(Object.values(SHELL.pages).flat());

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(fill());
});

addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([tidy(), clients.claim()]));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/aset/")) event.respondWith(asset(request));
  else if (SHELL.data.includes(url.pathname)) event.respondWith(refreshed(event, request));
  else if (request.mode === "navigate" && PAGES.has(url.pathname)) event.respondWith(page(event, url.pathname));
  else if (request.mode === "navigate" && !/^\/(api|petugas|open311)\//.test(url.pathname)) event.respondWith(elsewhere(request, url.pathname));
});

addEventListener("sync", (event) => {
  if (event.tag !== CHANNEL) return;
  event.waitUntil(
    flush({ force: true }).then(({ left }) => {
      // The browser tries again, later and later.
      if (left) throw new Error(`${left} reports still wait`);
    }),
  );
});

/** The languages that are read on this phone: of the pages that are open and of what was kept before. */
async function languages() {
  const found = new Set();
  for (const client of await clients.matchAll({ includeUncontrolled: true })) {
    found.add(new URL(client.url).pathname.startsWith("/en/") ? "en" : "id");
  }
  for (const [language, pages] of Object.entries(SHELL.pages)) {
    if (await caches.match(pages[0])) found.add(language);
  }
  return found.size ? [...found] : ["id"];
}

async function fill() {
  const cache = await caches.open(CACHE);
  const told = await languages();
  // What the page has just loaded comes from the browser's own cache, not a second time over a slow network.
  await cache.addAll([...SHELL.assets, ...told.flatMap((language) => SHELL.words[language]), ...SHELL.data]);
  // Pages anew from the server: the browser's cache may have them as of the build before.
  const pages = told.flatMap((language) => SHELL.pages[language]);
  await cache.addAll(pages.map((path) => new Request(path, { cache: "reload" })));
}

/** This build's cache and the one before stay: a page that is still open may yet need a script of its own build. */
async function tidy() {
  const names = (await caches.keys()).filter((name) => OURS.test(name) && name !== CACHE);
  await Promise.all(names.slice(0, -1).map((name) => caches.delete(name)));
}

/** Named by its content: what is kept is right for ever. */
async function asset(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(CACHE)).put(request, answer.clone());
  return answer;
}

/** What is kept at once, and fetched anew for the next time. */
async function refreshed(event, request) {
  const cache = await caches.open(CACHE);
  const kept = await caches.match(request);
  const fresh = fetch(request).then(async (answer) => {
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  });
  if (!kept) return fresh;
  event.waitUntil(fresh.catch(() => {}));
  return kept;
}

/** The newest page when the network is quick, else the kept one. */
async function page(event, path) {
  const fresh = fetch(path, { cache: "no-cache" }).then(async (answer) => {
    if (answer.ok) await (await caches.open(CACHE)).put(path, answer.clone());
    return answer;
  });
  event.waitUntil(fresh.catch(() => {}));
  const kept = await caches.match(path);
  if (!kept) return fresh.catch(() => unreachable(path));
  const late = new Promise((done) => setTimeout(done, PATIENCE, kept));
  return Promise.race([fresh.then((answer) => (answer.status < 500 ? answer : kept)).catch(() => kept), late]);
}

async function elsewhere(request, path) {
  try {
    return await fetch(request);
  } catch {
    return unreachable(path);
  }
}

async function unreachable(path) {
  const language = path.startsWith("/en/") ? "en" : "id";
  const [told, other] = [SHELL.offline[language], SHELL.offline[language === "en" ? "id" : "en"]];
  return (await caches.match(told)) ?? (await caches.match(other)) ?? Response.error();
}
