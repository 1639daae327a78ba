// The headings' face comes after the first paint, and not at all where the reader asked for little data
// or the network is slow.
// Whoever opens one report from a link gets it only when it is in the browser already: such a page weighs 20 kB.
const href = document.documentElement.dataset.font;
const KEPT = "font";

function kept() {
  try {
    return localStorage.getItem(KEPT) === href;
  } catch {
    return false;
  }
}

function dress() {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = href;
  document.head.append(sheet);
  try {
    localStorage.setItem(KEPT, href);
  } catch {
    // A browser that keeps nothing fetches it anew on the next map.
  }
}

const slow = navigator.connection?.saveData || /2g/.test(navigator.connection?.effectiveType);

if (!slow && (!document.body.classList.contains("report") || kept())) {
  if (document.readyState === "complete") dress();
  else addEventListener("load", dress);
}
