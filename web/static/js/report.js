// A report's page with scripts: checks the history where it is read, and counts "me too" without leaving the page.
import { erased, firstBreak } from "./chain.js";
import { _, loadWords, ngettext } from "./words.js";

const proof = document.querySelector("[data-chain]");
if (proof) addEventListener("load", () => setTimeout(verify, 300), { once: true });

async function verify() {
  await loadWords();
  const verdict = proof.querySelector("[data-verdict]");
  if (!globalThis.crypto?.subtle) return;
  let history;
  try {
    const answer = await fetch(proof.dataset.chain);
    if (!answer.ok) throw new Error(String(answer.status));
    ({ history } = await answer.json());
  } catch {
    verdict.textContent = _("The history could not be loaded to check it. Try again later.");
    return;
  }
  const broken = await firstBreak(history);
  proof.classList.add(broken ? "broken" : "whole");
  if (broken) {
    verdict.textContent = _("This history is broken: event %(n)s does not fit its seal. Somebody or something changed it.", { n: broken.seq });
    return;
  }
  // A page that is a little older than the data is fine; one whose seal the data never had is not.
  if (!history.some((event) => event.hash === proof.dataset.head)) {
    proof.classList.replace("whole", "broken");
    verdict.textContent = _("This page shows a seal that the history does not have.");
    return;
  }
  const gone = erased(history);
  verdict.textContent = [
    _("History intact: your browser has just checked all %(n)s events.", { n: history.length }),
    gone ? ngettext("%(n)s text was erased to protect somebody; what it said stays sealed.", "%(n)s texts were erased to protect somebody; what they said stays sealed.", gone) : "",
  ].join(" ").trim();
}

const share = document.querySelector("[data-share]");
if (share && navigator.share) {
  share.hidden = false;
  share.addEventListener("click", () => {
    const address = document.querySelector("link[rel=canonical]")?.href ?? location.href.split("#")[0];
    // Who closes the sheet again has shared nothing, and that is no error.
    navigator.share({ title: document.title, url: address }).catch(() => {});
  });
}

const support = document.querySelector("form[data-support]");
support?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = support.querySelector("button");
  const said = support.querySelector("[data-said]");
  button.disabled = true;
  await loadWords();
  try {
    const answer = await fetch(support.action, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify({ language: document.documentElement.lang }),
    });
    const told = await answer.json();
    if (!answer.ok) {
      said.textContent = told.errors?.map((error) => error.message).join(" ") ?? "";
      return;
    }
    document.querySelector("[data-supporters]").textContent = ngettext("%(n)s other person says so.", "%(n)s other people say so.", told.supporters);
    said.textContent = told.counted ? _("Thank you, counted.") : _("You had said so before.");
  } catch {
    said.textContent = _("Not sent. Please try again.");
    button.disabled = false;
  }
});
