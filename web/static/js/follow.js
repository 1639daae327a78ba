// Following with scripts: messages in this browser (Web Push), and a circle around where one is. The form works without.
import { _, loadWords } from "./words.js";

const form = document.querySelector("form[data-follow]");
const said = form?.querySelector("[data-push-said]");
const pushable = "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;
const button = form?.querySelector("[data-push]");
if (button && pushable) {
  button.hidden = false;
  button.addEventListener("click", () => subscribe().catch(tellFailure));
}

async function subscribe() {
  await loadWords();
  button.disabled = true;
  said.textContent = _("One moment…");
  if ((await Notification.requestPermission()) !== "granted") {
    button.disabled = false;
    said.textContent = _("Your browser does not allow messages from this site. You can change that in its settings.");
    return;
  }
  const asked = await fetch("/api/push");
  if (!asked.ok) throw new Error(String(asked.status));
  const { key } = await asked.json();
  await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
  const worker = await navigator.serviceWorker.ready;
  const known = await worker.pushManager.getSubscription();
  const options = { userVisibleOnly: true, applicationServerKey: bytes(key) };
  const subscription = known ?? (await worker.pushManager.subscribe(options));
  const { endpoint, keys } = subscription.toJSON();
  const wish = Object.fromEntries([...new FormData(form)].filter(([name, value]) => name !== "email" && value !== ""));
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify({ ...wish, push_endpoint: endpoint, push_p256dh: keys.p256dh, push_auth: keys.auth }),
  });
  const told = await answer.json();
  button.disabled = false;
  if (!answer.ok) {
    said.textContent = told.errors.map((error) => error.message).join(" ");
    return;
  }
  const done = _("Done: this browser is told.");
  said.textContent = `${done} `;
  const manage = document.createElement("a");
  manage.href = new URL(told.manage, location.href).href;
  manage.textContent = _("All that you follow");
  said.append(manage);
}

function tellFailure() {
  button.disabled = false;
  said.textContent = _("That did not work in this browser. E-mail works everywhere.");
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

const near = form?.querySelector("[data-near]");
if (near && "geolocation" in navigator) {
  near.hidden = false;
  const area = form.querySelector("#follow-area");
  const located = near.querySelector("[data-located]");
  const radius = near.querySelector("#follow-radius");
  near.querySelector("[data-locate]").addEventListener("click", async () => {
    await loadWords();
    located.textContent = _("Looking for your place…");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        located.textContent = _("Found. You follow the circle around it.");
        for (const part of near.querySelectorAll("[data-circle]")) part.hidden = false;
        radius.disabled = false;
        radius.name = "radius";
        area.disabled = true;
        area.closest("p").hidden = true;
        // Five decimals are a metre: more would only tell more than is needed.
        field("latitude", coords.latitude.toFixed(5));
        field("longitude", coords.longitude.toFixed(5));
      },
      () => {
        located.textContent = _("Your place could not be found. Choose an area from the list.");
      },
      { enableHighAccuracy: true, timeout: 15000 },
    );
  });
}

function field(name, value) {
  const input = form.querySelector(`input[name=${name}]`) ?? form.appendChild(document.createElement("input"));
  Object.assign(input, { type: "hidden", name, value });
}

// Who comes from a kelurahan's page finds it chosen.
const wanted = new URLSearchParams(location.search).get("area");
const choice = form?.querySelector("#follow-area");
if (wanted && choice && [...choice.options].some((option) => option.value === wanted)) choice.value = wanted;
