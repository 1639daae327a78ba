// Saved views: what the filters ask for, under a name. They belong to the officer and are there on every device.
import { ask } from "./desk-session.js";
import { _ } from "./words.js";

/** Fill the list of views beside the queue. `tell` shows what went wrong. */
export async function mountViews(queue, tell) {
  const list = document.querySelector("[data-views]");
  const box = document.querySelector("[data-save-view]");
  const form = document.querySelector("[data-view-form]");
  const forget = document.querySelector("[data-forget-view]");
  let views = [];
  const draw = (got, chosen = "") => {
    views = got.views;
    list.replaceChildren(new Option(views.length ? _("Saved views") : _("No saved views yet"), ""), ...views.map(({ name }) => new Option(name, name)));
    list.value = chosen;
    forget.hidden = !chosen;
  };
  const send = async (body, chosen) => {
    draw(await ask("/api/staff/views", { body }), chosen);
    box.open = false;
    box.querySelector("summary").focus();
  };
  list.addEventListener("change", () => {
    const view = views.find(({ name }) => name === list.value);
    forget.hidden = !view;
    form.elements.name.value = view?.name ?? "";
    if (view) queue.use(view.wish).catch(tell);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = form.elements.name.value.replace(/\s+/g, " ").trim();
    if (name) send({ name, wish: queue.wish() }, name).catch(tell);
  });
  forget.addEventListener("click", () => {
    const name = list.value;
    form.reset();
    send({ name }, "").catch(tell);
  });
  draw(await ask("/api/staff/views"));
}
