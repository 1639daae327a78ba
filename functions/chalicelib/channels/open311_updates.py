"""Updates that other systems send of a report: from their words to a move or a note, once for each update_id.

An officer's client moves reports as officers do, within its boundaries. A reporter's
client writes notes, and opens again what it filed itself. Knows no format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .. import desk, records
from ..front.keys import Client
from ..front.problems import Problem, Refused
from ..intake import Door
from ..lifecycle import MOVES, REJECT_REASONS, REOPEN_DAYS, STATES, Move, MoveRefused
from ..report import Office, Photo, Report, read_id
from ..storage.table import Busy, Expect, Key, Put
from ..submission import clean
from .open311_model import update_id

ROUNDS = 8
LONGEST = 4000
UNCHANGED = ""
TARGETS: Mapping[str, str] = {
    "": UNCHANGED,
    "unchanged": UNCHANGED,
    "open": "waiting",
    "confirmed": "waiting",
    "reopen": "waiting",
    "reopened": "waiting",
    "investigating": "coordination",
    "internal_referral": "coordination",
    "planned": "disposition",
    "action_scheduled": "disposition",
    "in_progress": "in_progress",
    "fixed": "done",
    "closed": "done",
    "no_further_action": "rejected",
    "unable_to_fix": "rejected",
    "not_councils_responsibility": "rejected",
    "not_responsible": "rejected",
    "duplicate": "duplicate",
}
"""Words for a status and the state each means. Our own state codes are understood, too."""
REASONS = {
    "no_further_action": "not_found",
    "unable_to_fix": "not_found",
    "not_councils_responsibility": "outside_authority",
    "not_responsible": "outside_authority",
}
MOVE_PROBLEMS = {
    "not_allowed": "move_not_allowed",
    "too_late": "move_too_late",
    "text_missing": "move_text_missing",
    "duplicate_missing": "move_duplicate",
    "duplicate_of_itself": "move_duplicate",
}


@dataclass(frozen=True, slots=True)
class Update:
    """An update as it was sent, checked on its own. `target` is a state, or UNCHANGED."""

    service_request_id: str
    report_id: str
    update_id: str
    word: str
    target: str
    text: str
    reason: str
    duplicate_of: str

    @property
    def digest(self) -> str:
        """What makes two updates the same."""
        facts = (self.report_id, self.target, self.text, self.reason, self.duplicate_of)
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def read(fields: Mapping[str, Sequence[str]], problems: Sequence[Problem] = ()) -> Update:
    """The update that a form holds. Raises Refused with all that is wrong, beside the `problems` found before."""
    values = {name: clean(many[-1]) for name, many in fields.items() if many}
    found = list(problems)
    found += [
        Problem("missing", name) for name in ("service_request_id", "update_id") if not values.get(name)
    ]
    for name, most in (("update_id", 200), ("description", LONGEST)):
        if len(values.get(name, "")) > most:
            found.append(Problem("too_long", name, {"most": most, "length": len(values[name])}))
    word = values.get("status", "").lower().replace(" ", "_").replace("-", "_")
    target = word if word in STATES else TARGETS.get(word)
    if target is None:
        choices = ", ".join(each for each in TARGETS if each)
        found.append(Problem("not_a_choice", "status", {"value": values["status"], "choices": choices}))
    reason = values.get("reason", "") or REASONS.get(word, "")
    if reason and reason not in REJECT_REASONS:
        found.append(
            Problem("not_a_choice", "reason", {"value": reason, "choices": ", ".join(REJECT_REASONS)})
        )
    if target == "rejected" and not reason:
        found.append(Problem("missing", "reason"))
    duplicate = values.get("duplicate_of", "")
    if found:
        raise Refused(found)
    return Update(
        values["service_request_id"],
        read_id(values["service_request_id"]) or "",
        values["update_id"],
        word,
        target or UNCHANGED,
        values.get("description", ""),
        reason,
        read_id(duplicate) or duplicate,
    )


def apply(
    door: Door,
    client: Client,
    update: Update,
    filed: Key,
    photos: Callable[[], tuple[Photo, ...]] = tuple,
) -> tuple[str, bool]:
    """Do what an update says, once. Returns (id of the update here, whether it was done before).

    `filed` lies in the table when the client filed the report itself; `photos` gets those of the
    update, and is asked once the update may be done. Raises Refused.
    """
    shown: tuple[Photo, ...] | None = None
    officers = desk.Desk(door.table, door.now, door.random_bytes)
    claim = records.source_key(f"update#{client.id}", update.update_id)
    for _ in range(ROUNDS):
        if before := door.table.get(claim):
            if before.body["digest"] != update.digest:
                raise Refused([Problem("update_reused", "update_id", {"value": update.update_id})])
            return str(before.body["made"]), True
        found = records.load(door.table, update.report_id)
        if found is None:
            values = {"value": update.service_request_id}
            raise Refused([Problem("report_unknown", "service_request_id", values)], 404)
        it, _ = found
        made = update_id(it.id, it.seq + 1)
        _judge(door, client, update, found[0], filed_here=door.table.get(filed) is not None)
        shown = photos() if shown is None else shown
        also = [Put(claim, {"digest": update.digest, "made": made}, Expect.ABSENT)]
        try:
            _do(officers, client, update, found, also, photos=shown)
        except desk.Changed:
            continue
        return made, False
    raise Busy(f"{update.report_id} changed as often as it was tried to update it")


def _judge(door: Door, client: Client, update: Update, it: Report, *, filed_here: bool) -> None:
    """Whether the client may do it at all. Raises Refused."""
    move = planned(client, update, it)
    if client.role == "officer" and not client.may_act_on(it):
        raise Refused([Problem("api_key_place", "api_key")], 403)
    if client.role == "reporter" and move and not filed_here:
        raise Refused([Problem("api_key_right", "api_key", {"value": "reopen"})], 403)
    if move and move.duplicate_of and records.load(door.table, move.duplicate_of) is None:
        raise Refused([Problem("move_duplicate", "duplicate_of")])


def _do(
    officers: desk.Desk,
    client: Client,
    update: Update,
    found: tuple[Report, int],
    also: Sequence[Put],
    *,
    photos: Sequence[Photo],
) -> None:
    """One try on a report as it was read. Raises Refused, or desk.Changed when somebody was faster."""
    it, version = found
    move = planned(client, update, it)
    office = client.office if client.role == "officer" else None
    to_office: Office | None = office if move and move.office else None
    try:
        if move is None:
            desk.note(
                officers, it.id, update.text, office=office, also=also, seen_version=version, photos=photos
            )
        else:
            desk.move(
                officers,
                it.id,
                move,
                role=client.role,
                office=office,
                to_office=to_office,
                also=also,
                seen_version=version,
                photos=photos,
            )
    except MoveRefused as refused:
        code = MOVE_PROBLEMS.get(refused.code)
        if code is None:
            raise
        field = {"move_duplicate": "duplicate_of", "move_text_missing": "description"}.get(code, "status")
        raise Refused([Problem(code, field, {"value": it.state, "most": REOPEN_DAYS})]) from None


def planned(client: Client, update: Update, it: Report) -> Move | None:
    """The move that an update means for a report in its state; None: it is a note. Decides; does no I/O."""
    closed = STATES[it.state].closed
    if update.target == UNCHANGED:
        return None
    if client.role == "reporter":
        return Move("waiting", update.text) if update.target == "waiting" and it.state == "done" else None
    if update.target == "waiting" and not closed:
        return None
    if update.target == it.state and it.state not in MOVES[it.state]:
        return None
    hands_on = update.target in {"coordination", "disposition"} and client.office is not None
    return Move(
        update.target,
        update.text,
        office=client.office.code if hands_on and client.office else "",
        reason=update.reason if update.target == "rejected" else "",
        duplicate_of=update.duplicate_of if update.target == "duplicate" else "",
    )
