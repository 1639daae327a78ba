// A report's key in the hand: copied, shown as a QR code, and the report shared without it.
import { _ } from "./words.js";

/** Have a button copy a text and say so; hidden where the browser cannot. */
export function copies(button, text) {
  button.hidden = !navigator.clipboard;
  const label = button.querySelector("span") ?? button;
  label.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    label.textContent = _("Copied");
  });
}

/** Have a button hand the report's public page to another app, without its key. */
export function shares(button, path) {
  button.hidden = !navigator.share;
  button.addEventListener("click", () => {
    navigator.share({ title: _("A report on CCTV Warga"), url: new URL(path, location.href).href }).catch(() => {});
  });
}

/** Draw the key's QR code into `box`, once; the server draws it, and the key goes there in a header. */
export async function drawQr(box, id, key) {
  if (box.firstChild) return;
  box.textContent = "…";
  try {
    const answer = await fetch(`/api/reports/${id}/qr`, { headers: { "Follow-Key": key }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const image = new Image(240, 240);
    image.alt = _("QR code with your key");
    image.src = URL.createObjectURL(new Blob([await answer.text()], { type: "image/svg+xml" }));
    box.replaceChildren(image);
  } catch {
    box.textContent = _("The QR code needs a connection. Open this again later.");
  }
}
