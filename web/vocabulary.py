"""The words and shapes of states, reasons and channels, and how ids, names and long texts are written.

Plain data for pages, feeds and the desk; what may follow what is decided elsewhere
(chalicelib.lifecycle), and each word is translated only where it is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Marks a message for the catalogues; it is translated where it is shown."""
    return message


@dataclass(frozen=True, slots=True)
class State:
    """How a state looks and reads: its word, its meaning, its colour (tone), whether it is closed."""

    code: str
    word: str
    meaning: str
    tone: str
    closed: bool = False


STATES: dict[str, State] = {
    state.code: state
    for state in (
        State("waiting", N_("Waiting"), N_("Nobody has taken this report yet."), "red"),
        State(
            "coordination", N_("Coordination"), N_("The offices are agreeing on who will do it."), "yellow"
        ),
        State(
            "disposition", N_("Handed down"), N_("Passed on to the office that will do the work."), "yellow"
        ),
        State("in_progress", N_("In progress"), N_("The work is being done."), "yellow"),
        State("done", N_("Done"), N_("The work is finished."), "green", closed=True),
        State(
            "rejected",
            N_("Rejected"),
            N_("This report will not be handled. The reason is given below."),
            "grey",
            closed=True,
        ),
        State(
            "duplicate", N_("Duplicate"), N_("The same problem was already reported."), "grey", closed=True
        ),
    )
}
SHAPES = {
    "waiting": '<path d="M8 1.2 15.4 14.4H.6z"/>',
    "coordination": '<path d="M8 .6 15.4 8 8 15.4.6 8z"/>',
    "disposition": '<path d="M.8 2.8h8.4L15.2 8l-6 5.2H.8z"/>',
    "in_progress": (
        '<path fill-rule="evenodd" d="M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8m0 2.1a5.1 5.1 0 0 0 0 10.2z"/>'
    ),
    "done": (
        '<path fill-rule="evenodd" d="M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8'
        'm3.7 4.2 1.3 1.3-6 6-3.3-3.3L5 7.7l2 2z"/>'
    ),
    "rejected": (
        '<path fill-rule="evenodd" d="M1.5 1.5h13v13h-13zm3.2 1.9L3.4 4.7 6.7 8l-3.3 3.3 1.3 1.3L8 9.3l3.3 3.3 '
        '1.3-1.3L9.3 8l3.3-3.3-1.3-1.3L8 6.7z"/>'
    ),
    "duplicate": '<path d="M1 1h9.5v2.5h-7v7H1z"/><path d="M5 5h10v10H5z"/>',
}
"""The shape that goes with each state, in a square of 16: told apart without colour, and in print."""

REASONS = {
    "not_public": N_("This is not a matter for the city's offices."),
    "not_found": N_("The problem was not found at this place."),
    "unclear": N_("The report is not clear enough to act on."),
    "outside_authority": N_("Another authority is responsible."),
    "personal_data": N_("The report shows personal data."),
    "abuse": N_("The report breaks the rules of use."),
}
WHY_NOT = {
    "not_fixed": N_("The problem is still there."),
    "poor_work": N_("The work was not done well."),
    "too_slow": N_("It took too long."),
    "not_told": N_("I was not told what happened."),
    "wrong_reason": N_("The reason given is not right."),
    "other": N_("Something else."),
}
"""Why a reporter is not satisfied, by code of chalicelib.holder.WHY_NOT."""
CHANNELS = {
    "web": N_("the website"), "open311": N_("another app (Open311)"), "email": N_("e-mail"), "sms": N_("SMS"),
    "social": N_("social media"), "counter": N_("an office counter"), "bulk": N_("another system"),
    "api": N_("an app"),
}  # fmt: skip
ERROR_TARGETS = {
    "latitude": "place", "longitude": "place", "accuracy": "place", "place": "place",
    "kelurahan": "kelurahan", "landmark": "landmark", "category": "category", "description": "description",
    "photo": "photo", "private": "private", "contact_email": "contact_email", "contact_phone": "contact_phone",
}  # fmt: skip
"""The id of the form's part that an error of a field leads to."""


def kota_name(kota: str) -> str:
    """A kota as people say it: `Jakarta Pusat`, not `KOTA ADM. JAKARTA PUSAT`."""
    name = re.sub(r"^(kota|kabupaten|kab\.?)\s+(administrasi|adm\.?)\s+", "", kota, flags=re.IGNORECASE)
    return name.title() if name.isupper() else name


def written_id(report_id: str) -> str:
    """An id as people read it aloud: `7K3M-9QX2`."""
    return f"{report_id[:4]}-{report_id[4:]}"


def shortened(text: str, length: int) -> str:
    """The beginning of a text in one line, cut between words, with an ellipsis when something was cut."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    words = cut.rsplit(" ", 1)[0]
    return (words if len(words) > length // 2 else cut).rstrip(" ,.;:") + "…"
