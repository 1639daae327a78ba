// What can be done with a report, as data: the fields of each deed, and what the API takes from them.
import { _ } from "./words.js";

/** The plan of a deed on the report `it`. `step` of a text names the templates of words that fit it. */
export function planOf(deed, it) {
  const text = (words, required = true, step = "") => ({ name: "text", kind: "text", words, required, step, note: _("The public reads this.") });
  const plans = {
    take: { title: _("Take it"), fields: [], build: () => ({ action: "take" }) },
    progress: {
      title: _("Progress"),
      fields: [
        { name: "percent", kind: "percent", words: _("How far it is, in percent") },
        { name: "planned", kind: "date", words: _("Planned to be finished on") },
        text(_("What is being done"), false, "in_progress"),
      ],
      build: (v) => ({ action: "move", to: "in_progress", text: v.text, planned: v.planned, ...(v.percent === "" ? {} : { percent: Number(v.percent) }) }),
    },
    done: {
      title: _("Close as done"),
      fields: [text(_("What was done"), true, "done"), { name: "photo", kind: "photo", words: _("Photos after (up to 3)") }],
      build: (v) => ({ action: "move", to: "done", text: v.text, photo: v.photo }),
    },
    hand_over: {
      title: _("Hand over"),
      fields: [{ name: "office", kind: "office", words: _("To which office"), required: true }, text(_("Why"), true, "coordination")],
      build: (v) => ({ action: "hand_over", office: v.office, text: v.text }),
    },
    send_back: {
      title: _("Send back to %(office)s", { office: it.previous_office?.name ?? "" }),
      fields: [text(_("Why"))],
      build: (v) => ({ action: "send_back", text: v.text }),
    },
    disposition: {
      title: _("Hand down to our own people"),
      fields: [text(_("What they will do"), false, "disposition")],
      build: (v) => ({ action: "move", to: "disposition", text: v.text }),
    },
    rejected: {
      title: _("Reject"),
      fields: [{ name: "reason", kind: "reason", words: _("Reason"), required: true }, text(_("Explain it to the reporter"), true, "rejected")],
      build: (v) => ({ action: "move", to: "rejected", reason: v.reason, text: v.text }),
    },
    duplicate: {
      title: _("Duplicate"),
      fields: [{ name: "duplicate_of", kind: "line", words: _("Number of the other report"), required: true }, text(_("Words for the reporter"), false, "duplicate")],
      build: (v) => ({ action: "move", to: "duplicate", duplicate_of: v.duplicate_of, text: v.text }),
    },
    reopen: { title: _("Open again"), fields: [text(_("Why"))], build: (v) => ({ action: "move", to: "waiting", text: v.text }) },
    ask: { title: _("Ask the reporter"), fields: [text(_("Your question"), true, "question")], build: (v) => ({ action: "ask", text: v.text }) },
    correct: {
      title: _("Correct"),
      fields: [
        { name: "category", kind: "category", words: _("Category"), value: it.report.category.code },
        { name: "description", kind: "text", words: _("Words of the report"), value: it.report.description, required: true, note: _("What it was before stays in the history.") },
        { name: "landmark", kind: "line", words: _("Landmark"), value: it.report.landmark },
        text(_("Why"), false),
      ],
      build: (v) => ({ action: "correct", category: v.category, description: v.description, landmark: v.landmark, text: v.text }),
    },
    place: {
      title: it.report.place ? _("Move the pin") : _("Give it a place"),
      fields: [{ name: "spot", kind: "spot", words: _("Where it is"), required: true }, text(_("Why"), false)],
      build: (v) => ({ action: "place", ...v.spot, text: v.text }),
    },
    assign: {
      title: _("Give it to a person"),
      fields: [{ name: "person", kind: "person", words: _("To whom"), value: it.assigned?.id ?? "" }],
      build: (v) => ({ action: "assign", person: v.person }),
    },
    note: { title: _("Private note"), fields: [], noteFirst: true, build: () => ({ action: "note" }) },
  };
  return plans[deed];
}
