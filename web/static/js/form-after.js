// After sending: the number, the key and what happens next; or that it waits for a connection; or that one follows another.
import { copies, drawQr, shares } from "./keeping.js";
import { _, ngettext, root } from "./words.js";

const box = document.getElementById("received");

function panel(name) {
  box.replaceChildren(document.getElementById(name).content.cloneNode(true));
  for (const part of document.querySelectorAll(".formpage > :not(#received):not(template):not(#queue)")) part.hidden = true;
  // A page that is already open would only jump to its top: begin anew.
  box.querySelector("[data-again]").addEventListener("click", (event) => {
    event.preventDefault();
    location.assign(location.pathname);
  });
  box.hidden = false;
  scrollTo(0, 0);
  box.focus();
  return (what) => box.querySelector(`[data-${what}]`);
}

/** The report has arrived; `record` is what the phone keeps of it. */
export function received(record) {
  const part = panel("received-template");
  part("id").textContent = `${record.id.slice(0, 4)}-${record.id.slice(4)}`;
  part("key").textContent = record.key;
  const path = `${root}/laporan/${record.id}/`;
  part("status").href = record.private ? `/api/reports/${record.id}/page${root ? "?language=en" : ""}` : path;
  part("soon").textContent = record.private ? _("Only officers and you can read it. It opens with your key.") : part("soon").textContent;
  part("place").textContent = record.place?.kode
    ? _("It goes to kelurahan %(kelurahan)s, %(kecamatan)s.", record.place)
    : _("The place is not known yet. An officer will look for it.");
  copies(part("copy-key"), record.key);
  if (!record.private) shares(part("share"), path);
  box.querySelector(".qr").addEventListener("toggle", ({ target }) => target.open && drawQr(part("qr"), record.id, record.key));
}

/** The report is kept after `outcome`; `again()` tries to send it now and resolves to false when it still waits. */
export function waits(outcome, again) {
  const part = panel("queued-template");
  const told = outcome?.errors?.map(({ message }) => message).join(" ");
  if (!navigator.onLine) part("why").textContent = _("This phone has no connection just now.");
  else part("why").textContent = told || _("The server does not answer just now. It is tried again by itself.");
  part("now").addEventListener("click", async () => {
    part("now").disabled = true;
    part("said").textContent = _("Sending …");
    if (await again()) return;
    part("now").disabled = false;
    part("said").textContent = _("Still no connection. It stays kept.");
  });
}

/** Instead of a new report this one is followed now. */
export function follows(id, supporters) {
  const part = panel("followed-template");
  part("count").textContent = ngettext("%(n)s other person says so, you among them.", "%(n)s other people say so, you among them.", supporters);
  part("status").href = `${root}/laporan/${id}/`;
}
