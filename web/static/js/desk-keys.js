// API keys at the desk: the systems that hold one, and making, restricting and revoking them. For admins only.
import { make } from "./desk-dom.js";
import { ask } from "./desk-session.js";
import { _, language } from "./words.js";

const RIGHTS = { report: () => _("send reports"), update: () => _("send updates of reports") };
let numbers = 0;

/**
 * Fill `host` with the keys that this admin looks after. `me` is the answer of /api/staff/me; `tell` shows an error.
 * Returns false, and leaves the host empty, when the officer has nothing to do with keys.
 */
export async function mountKeys(host, me, tell) {
  host.replaceChildren();
  if (!me.rights.includes("clients")) return false;
  const list = make("ul", { class: "entries clients" });
  const said = make("p", { class: "notice", role: "status", hidden: true });
  const trying = (work) => work().catch(tell);
  const show = async () => {
    const { clients } = await ask("/api/staff/clients");
    const rows = clients.map((each) => row(each, (change) => trying(() => send(each, change))));
    list.replaceChildren(...(rows.length ? rows : [make("li", { class: "soft" }, _("No system has a key yet."))]));
  };
  const send = async (client, change) => {
    await ask(`/api/staff/clients/${client.id}`, { body: change });
    await show();
  };
  const form = newKey(me, (wish) =>
    trying(async () => {
      const made = await ask("/api/staff/clients", { body: wish });
      said.replaceChildren(
        make("span", {}, _("The key of %s, shown only now: ").replace("%s", made.client.name), make("br"), make("code", { class: "key" }, made.key)),
      );
      said.hidden = false;
      form.reset();
      await show();
    }),
  );
  host.append(
    make("h2", {}, _("API keys")),
    make("p", { class: "soft" }, _("A system with a key sends reports or updates by itself. Give each system its own.")),
    said,
    list,
    make("h3", {}, _("New key")),
    form,
  );
  await trying(show);
  return true;
}

function row(client, change) {
  const rate = field(_("Requests a minute"), { type: "number", min: 1, max: 100000, value: client.per_minute, required: true });
  const boxes = Object.entries(RIGHTS).map(([code, word]) => tick("rights", code, word(), client.rights.includes(code)));
  const form = make(
    "form",
    {},
    make("p", { class: "quick" }, ...boxes),
    make("p", {}, ...rate),
    make(
      "p",
      {},
      make("button", { class: "button quiet" }, _("Save")),
      " ",
      make("button", { class: "button quiet", type: "button", "data-revoke": true }, _("Revoke")),
    ),
  );
  const confirm = make("button", { class: "button", type: "button" }, _("Revoke for good"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change({ rights: ticked(form), per_minute: Number(rate[1].value) });
  });
  form.querySelector("[data-revoke]").addEventListener("click", (event) => {
    event.currentTarget.replaceWith(confirm);
    confirm.focus();
  });
  confirm.addEventListener("click", () => change({ revoke: true }));
  const where = client.boundaries.length ? client.boundaries.join(", ") : _("everywhere");
  const day = new Date(client.created).toLocaleDateString(language === "id" ? "id-ID" : "en-GB");
  // Not within the line below: words inside a template are not found by what collects them.
  const since = _("since %s").replace("%s", day);
  return make(
    "li",
    { "data-client": client.id },
    make("p", {}, make("strong", {}, client.name), client.office ? ` · ${client.office.name}` : ""),
    make("p", { class: "soft" }, `${where} · ${since}`),
    client.revoked ? make("p", {}, _("Revoked: this key opens nothing any more.")) : disclosure(form),
  );
}

const disclosure = (inside) => make("details", {}, make("summary", {}, _("Change or revoke")), inside);

function newKey(me, send) {
  const name = field(_("Who gets it"), { name: "name", maxlength: 80, required: true, autocomplete: "off" });
  const role = choice(_("Its updates"), "role", [
    ["reporter", _("are notes, as from a citizen")],
    ["officer", _("move reports, as from an office")],
  ]);
  const offices = [...new Map([me.office, ...me.offices.map((each) => ({ code: each.code, name: each[`name_${language}`] }))].map((each) => [each.code, each])).values()];
  const office = choice(_("For the office"), "office", offices.map((each) => [each.code, each.name]));
  const places = field(_("Areas, as codes such as 31.71.01"), { name: "boundaries", value: me.boundaries.join(" "), autocomplete: "off" });
  const rate = field(_("Requests a minute"), { name: "per_minute", type: "number", min: 1, max: 100000, value: 60, required: true });
  const ofOffice = make("p", { hidden: true }, ...office);
  const form = make(
    "form",
    { "data-new-key": true },
    make("p", {}, ...name),
    make("p", { class: "quick" }, tick("rights", "report", RIGHTS.report(), true), tick("rights", "update", RIGHTS.update(), false)),
    make("p", {}, ...role),
    ofOffice,
    make("p", {}, ...places),
    make("p", {}, ...rate),
    make("p", {}, make("button", { class: "button" }, _("Make the key"))),
  );
  role[1].addEventListener("change", () => {
    ofOffice.hidden = role[1].value !== "officer";
  });
  form.addEventListener("reset", () => {
    ofOffice.hidden = true;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send({
      name: name[1].value,
      rights: ticked(form),
      role: role[1].value,
      office: role[1].value === "officer" ? office[1].value : "",
      boundaries: places[1].value.split(/[\s,]+/).filter(Boolean),
      per_minute: Number(rate[1].value),
    });
  });
  return form;
}

const ticked = (form) => [...form.querySelectorAll("[name=rights]:checked")].map((box) => box.value);

/** A label and its input, joined by an id. */
function field(words, attributes) {
  const id = `kunci-${(numbers += 1)}`;
  return [make("label", { for: id }, words), make("input", { id, ...attributes })];
}

function choice(words, name, options) {
  const id = `kunci-${(numbers += 1)}`;
  const select = make("select", { id, name }, ...options.map(([value, text]) => make("option", { value }, text)));
  return [make("label", { for: id }, words), select];
}

function tick(name, value, words, checked) {
  return make("label", {}, make("input", { type: "checkbox", name, value, checked }), ` ${words}`);
}
