// Officers' accounts: made, changed, closed and opened again by an admin, never beyond the admin's own rights.
import { editor, historyOf } from "./desk-admin.js";
import { areas, choice, formOf, line, officeOf, placeName, ticks } from "./desk-fields.js";
import { ask } from "./desk-session.js";
import { _ } from "./words.js";

const roles = () => [
  ["officer", _("Officer")],
  ["coordinator", _("Coordinator")],
  ["supervisor", _("Supervisor")],
  ["admin", _("Administrator")],
  ["auditor", _("Auditor")],
];
const roleWord = (code) => roles().find(([each]) => each === code)?.[1] ?? code;

/** Fill `host`. */
export async function accounts(host, desk) {
  draw(host, desk, await ask("/api/staff/officers"));
}

function draw(host, desk, got) {
  const reach = (each) => [...each.boundaries, ...each.agencies].map((code) => placeName(code, desk)).join(", ");
  editor(host, {
    title: _("Accounts"),
    hint: got.invites ? _("Who gets an account is invited by e-mail. Who is closed is out with the next click.") : _("On this machine accounts sign in without a password. Who is closed is out with the next click."),
    rows: got.accounts.map((each) => ({
      entry: each,
      name: each.name,
      about: `${roleWord(each.role)} · ${each.office.name} · ${reach(each)}`,
      tags: [each.disabled ? _("closed") : "", each.own ? _("you") : ""].filter(Boolean),
    })),
    empty: _("There is no account yet."),
    add: _("New account"),
    form: (entry, done) => form(host, desk, got, entry, done),
    history: historyOf(got.history, ({ before, after }) => (after ?? before).name),
  });
}

function form(host, desk, got, entry, done) {
  const it = entry ?? { name: "", role: "officer", office: { code: "" }, boundaries: [], agencies: [], email: "", disabled: null, version: 0, id: "" };
  const fields = {
    name: line(_("Name"), it.name, { maxlength: 80, required: true, hint: _("Colleagues read it, the public never does.") }),
    role: choice(_("Role"), it.role, roles()),
    office: officeOf(_("Office"), it.office.code, desk, it.office.name),
    boundaries: areas(_("Areas"), it.boundaries, desk, { hint: _("Where this person may act.") }),
    agencies: ticks(_("Agencies"), it.agencies, (desk.agencies ?? []).map((each) => [each.code, placeName(each.code, desk)]), { hint: _("For people who work for an agency, not for a place.") }),
    email: line(_("E-mail"), it.email, { type: "email", maxlength: 254, required: got.invites }),
    disabled: ticks(_("Access"), it.disabled ? ["closed"] : [], [["closed", _("This account is closed")]]),
  };
  const send = async (key) => {
    const body = { id: it.id, seen: it.version };
    for (const name of ["name", "role", "office", "boundaries", "agencies", "email"]) body[name] = fields[name].value();
    body.disabled = fields.disabled.value().length > 0;
    draw(host, desk, await ask("/api/staff/officers", { body, key }));
  };
  return formOf(entry ? it.name : _("New account"), Object.values(fields), send, { cancel: done, desk });
}
