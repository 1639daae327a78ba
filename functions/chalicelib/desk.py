"""What officers do to a report: move it along its lifecycle, and say something about it.

Decides with lifecycle's table, writes one event in one transaction, and says so
when somebody else was faster. Does not know who is signed in: the caller passes
role and office.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from . import lifecycle, records
from .privacy import masking
from .report import Event, Office, Photo, Place, Report, Words, applied, commitment, moment, sealed, stamp
from .storage.table import ConditionFailed, Expect, Key, Put, Table, Write


class Unknown(LookupError):
    """There is no report with this id."""


class Changed(RuntimeError):
    """Somebody changed the report in the meantime: read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What officers' deeds work with. `random_bytes(n)` must be fit for secrets; `now` is aware."""

    table: Table
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]


def move(
    desk: Desk,
    report_id: str,
    wish: lifecycle.Move,
    *,
    role: str,
    office: Office | None,
    to_office: Office | None = None,
    planned: date | None = None,
    seen_version: int | None = None,
    also: Sequence[Write] = (),
    imported: str | None = None,
    photos: Sequence[Photo] = (),
) -> Report:
    """Move a report and say so in public. Returns the report after the move.

    `seen_version` is the version that the officer looked at, when it must not have
    changed since; `office` is None for the reporter. `also` are writes that happen with the
    move or not at all; when one of their expectations fails, Changed says so too. `imported`
    marks an event taken over from another system with the time that was done.
    Raises Unknown, Changed, or lifecycle.MoveRefused.
    """
    found = records.load(desk.table, report_id)
    if found is None:
        raise Unknown(f"there is no report {report_id}")
    before, version = found
    if seen_version is not None and seen_version != version:
        raise Changed(f"{report_id} is at version {version}, not {seen_version}")
    now = desk.now()
    closed_at = moment(before.closed) if before.closed else None
    lifecycle.check(before.state, wish, role=role, now=now, closed_at=closed_at, report_id=report_id)
    event = moved(
        before,
        wish,
        office=office,
        to_office=to_office,
        planned=planned,
        salt=desk.random_bytes(16).hex(),
        now=now,
        imported=imported,
        photos=photos,
    )
    return _written(desk, before, event, version, also)


def note(
    desk: Desk,
    report_id: str,
    text: str,
    *,
    office: Office | None,
    seen_version: int | None = None,
    also: Sequence[Write] = (),
    imported: str | None = None,
    photos: Sequence[Photo] = (),
) -> Report:
    """Say or show something in public of a report without moving it; `office` None: its reporter does.

    Raises Unknown, Changed, or lifecycle.MoveRefused (text_missing).
    """
    found = records.load(desk.table, report_id)
    if found is None:
        raise Unknown(f"there is no report {report_id}")
    before, version = found
    if seen_version is not None and seen_version != version:
        raise Changed(f"{report_id} is at version {version}, not {seen_version}")
    masked = masking.mask(text.strip())
    if not masked and not photos:
        raise lifecycle.MoveRefused("text_missing", "a note needs words")
    event = sealed(
        Event(
            report=report_id,
            seq=before.seq + 1,
            at=stamp(max(desk.now(), moment(before.updated))),
            kind="noted",
            office=office,
            imported=imported,
            example=before.example,
            photos=tuple(photos),
            words={"text": Words(desk.random_bytes(16).hex(), masked)} if masked else {},
        ),
        before.head,
    )
    return _written(desk, before, event, version, also)


def _written(desk: Desk, before: Report, event: Event, version: int, also: Sequence[Write]) -> Report:
    after = applied(before, event)
    try:
        desk.table.transact(records.succession_writes(before, after, event, version=version, also=also))
    except ConditionFailed:
        raise Changed(f"{before.id} was changed by somebody else in the meantime") from None
    return after


def moved(
    report: Report,
    wish: lifecycle.Move,
    *,
    office: Office | None,
    to_office: Office | None,
    planned: date | None,
    salt: str,
    now: datetime,
    imported: str | None = None,
    photos: Sequence[Photo] = (),
) -> Event:
    """The event of a move that was allowed. Decides; does no I/O."""
    text = masking.mask(wish.text.strip())
    return sealed(
        Event(
            report=report.id,
            seq=report.seq + 1,
            at=stamp(max(now, moment(report.updated))),
            kind="moved",
            office=office,
            from_state=report.state,
            to_state=wish.to,
            to_office=to_office,
            percent=wish.percent,
            planned=planned.isoformat() if planned else None,
            reason=wish.reason or None,
            duplicate_of=wish.duplicate_of or None,
            imported=imported,
            photos=tuple(photos),
            example=report.example,
            words={"text": Words(salt, text)} if text else {},
        ),
        report.head,
    )


# What an officer does at the desk. Everything below is one event in one transaction, done once per key.

KEPT_S = 86_400
"""So long a deed's key is remembered: a double click or a repeated request does nothing twice."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, and what they looked at. `officer` and `name` stay inside; the public reads `office`.

    `seen` is the seq of the report they decided on. `key` is the client's Idempotency-Key; the same key with
    the same `asked` (what was asked for) does nothing twice. `note` is private.
    """

    officer: str
    name: str
    role: str
    office: Office
    seen: int | None = None
    key: str = ""
    asked: str = ""
    note: str = ""


class KeyReused(ValueError):
    """The Idempotency-Key was used for something else."""


Draft = Callable[[Report, datetime], Event]
"""Makes the event of a deed from the report as it is, and the time; raises lifecycle.MoveRefused."""


def act(desk: Desk, report_id: str, by: By, draft: Draft, *, also: Sequence[Write] = ()) -> Report:
    """Do what `draft` drafts, once. Returns the report after it, also when the same key did it before.

    Raises Unknown, Changed (somebody was faster than `by.seen`), KeyReused, or lifecycle.MoveRefused.
    """
    if by.key and (done := done_before(desk, report_id, by)):
        return done
    found = records.load(desk.table, report_id)
    if found is None:
        raise Unknown(f"there is no report {report_id}")
    before, version = found
    if by.seen is not None and by.seen != before.seq:
        raise Changed(f"{report_id} is at event {before.seq}, not {by.seen}")
    event = _of_officer(desk, before, draft(before, desk.now()), by)
    writes = [*also, _staff_row(desk, before, event, by)]
    if by.key:
        expires = int(desk.now().timestamp()) + KEPT_S
        body = {"id": report_id, "asked": by.asked}
        writes.append(Put(_deed_key(by), body, Expect.ABSENT, expires))
    try:
        return _written(desk, before, event, version, writes)
    except Changed:
        # The other half of a double click may have been what was faster.
        if by.key and (done := done_before(desk, report_id, by)):
            return done
        raise


def move_draft(
    wish: lifecycle.Move,
    *,
    role: str,
    office: Office,
    salt: str,
    to_office: Office | None = None,
    planned: date | None = None,
    photos: Sequence[Photo] = (),
) -> Draft:
    """Moving along the lifecycle, with what the public reads and sees."""

    def draft(before: Report, now: datetime) -> Event:
        closed_at = moment(before.closed) if before.closed else None
        lifecycle.check(before.state, wish, role=role, now=now, closed_at=closed_at, report_id=before.id)
        event = moved(before, wish, office=office, to_office=to_office, planned=planned, salt=salt, now=now)
        return msgspec.structs.replace(event, photos=tuple(photos))

    return draft


def take_draft(*, role: str, office: Office, settle: Place | None = None) -> Draft:
    """Taking a report that waits: it is with this office now, and so is its place when that was in doubt."""

    def draft(before: Report, now: datetime) -> Event:
        wish = lifecycle.Move("coordination", office=office.code)
        lifecycle.check(before.state, wish, role=role, now=now, closed_at=None, report_id=before.id)
        event = moved(before, wish, office=office, to_office=office, planned=None, salt="", now=now)
        event = msgspec.structs.replace(event, kind="taken")
        return _placing(event, settle) if settle else event

    return draft


def place_draft(
    place: Place, position: tuple[float, float] | None, *, office: Office, text: str, salts: Sequence[str]
) -> Draft:
    """Giving a report another place. `position` is longitude and latitude in degrees; None when none is known.

    The report goes to the kelurahan of the new place unless it was handed to somebody else. `salts` are two secrets.
    """

    def draft(before: Report, now: datetime) -> Event:
        words = _words({"text": masking.mask(text.strip())}, salts[:1])
        if position:
            words["position"] = Words(salts[1], f"{position[0]:.6f},{position[1]:.6f}")
        home = before.office is None or (before.place is not None and before.office.code == before.place.kode)
        event = Event(
            report=before.id,
            seq=0,
            at="",
            kind="placed",
            office=office,
            to_office=Office(place.kode, f"Kelurahan {place.kelurahan}") if home else None,
            words=words,
        )
        return _placing(event, place)

    return draft


def correct_draft(
    *, office: Office, salts: Sequence[str], category: str | None, words: Mapping[str, str], text: str = ""
) -> Draft:
    """Correcting the category or the public words (`description`, `landmark`). `salts` are three secrets.

    Raises lifecycle.MoveRefused (nothing_changed) when it is all as it was.
    """

    def draft(before: Report, now: datetime) -> Event:
        changed = {
            name: masking.mask(value.strip())
            for name, value in words.items()
            if masking.mask(value.strip()) != getattr(before, name)
        }
        new = category if category and category != before.category else None
        if not changed and new is None:
            raise lifecycle.MoveRefused("nothing_changed", "category and words are as they were")
        said = {**changed, **({"text": masking.mask(text.strip())} if text.strip() else {})}
        return Event(
            report=before.id,
            seq=0,
            at="",
            kind="corrected",
            office=office,
            category=new,
            words=_words(said, salts),
        )

    return draft


def say_draft(kind: str, text: str, *, office: Office, salt: str) -> Draft:
    """Something said in public without a move: `noted`, or `asked` of the reporter. MoveRefused: text_missing."""

    def draft(before: Report, now: datetime) -> Event:
        masked = masking.mask(text.strip())
        if not masked:
            raise lifecycle.MoveRefused("text_missing", "a question needs words")
        words = {"text": Words(salt, masked)}
        return Event(report=before.id, seq=0, at="", kind=kind, office=office, words=words)

    return draft


def looked_draft(*, office: Office) -> Draft:
    """That an office looked at the reporter's contact: everyone may know that it did."""

    def draft(before: Report, now: datetime) -> Event:
        return Event(report=before.id, seq=0, at="", kind="contact_viewed", office=office)

    return draft


def write_note(
    desk: Desk, report_id: str, text: str, by: By, *, assigned: str = "", also: Sequence[Write] = ()
) -> None:
    """A private note beside the report's history: no event, nothing public. `assigned` names who it was given to.

    `also` are writes that happen with it or not at all. Raises MoveRefused, KeyReused, Changed.
    """
    if not text.strip() and not also:
        raise lifecycle.MoveRefused("text_missing", "a note needs words")
    if by.key and done_before(desk, report_id, by):
        return
    at = stamp(desk.now())
    sort = f"note#{at}#{desk.random_bytes(4).hex()}"
    body = {"at": at, "officer": by.officer, "name": by.name, "office": by.office.name, "note": text.strip()}
    if also:
        body["assigned"] = assigned
    writes: list[Write] = [Put(Key(f"report#{report_id}", sort), body, Expect.ABSENT), *also]
    if by.key:
        expires = int(desk.now().timestamp()) + KEPT_S
        writes.append(Put(_deed_key(by), {"id": report_id, "asked": by.asked}, Expect.ABSENT, expires))
    try:
        desk.table.transact(writes)
    except ConditionFailed:
        if not (by.key and done_before(desk, report_id, by)):
            raise Changed(f"a note on {report_id} collided; send it again") from None


def notes(table: Table, report_id: str) -> list[dict[str, Any]]:
    """The private notes on a report, oldest first: those of their own, and those that went with an event."""
    partition = f"report#{report_id}"
    found = [item.body for item in records.every(table, partition, prefix="note#")]
    found += [i.body for i in records.every(table, partition, prefix="staff#") if i.body.get("note")]
    return sorted(found, key=lambda body: str(body["at"]))


def previous_office(events: Sequence[Event], now_at: Office | None) -> Office | None:
    """Where a report was before it came to the office it is at: where it is sent back to."""
    for event in reversed(events):
        if event.to_office and (now_at is None or event.to_office.code != now_at.code):
            return event.to_office
    return None


def _placing(event: Event, place: Place) -> Event:
    return msgspec.structs.replace(
        event,
        kode=place.kode,
        method="officer",
        boundaries=place.boundaries,
        area=(place.kelurahan, place.kecamatan, place.kota),
    )


def _words(texts: Mapping[str, str], salts: Sequence[str]) -> dict[str, Words]:
    kept = {name: text for name, text in texts.items() if text or name != "text"}
    return {name: Words(salt, text) for (name, text), salt in zip(kept.items(), salts, strict=False)}


def _of_officer(desk: Desk, before: Report, draft: Event, by: By) -> Event:
    """The draft as the next event: in order, in time, and binding the private note without telling it."""
    private = {"private": commitment(_note_salt(before, by), by.note.strip())} if by.note.strip() else {}
    event = msgspec.structs.replace(
        draft,
        seq=before.seq + 1,
        at=stamp(max(desk.now(), moment(before.updated))),
        office=by.office,
        example=before.example,
        commitments=private,
        previous="",
        hash="",
    )
    return sealed(event, before.head)


def _note_salt(before: Report, by: By) -> str:
    # Bound to a secret that never leaves the table: whoever knows only public data cannot try words.
    return commitment(before.follow_hash, f"{before.head}{by.officer}")


def _staff_row(desk: Desk, before: Report, event: Event, by: By) -> Put:
    """Who did it: for those who answer for it, never for the public. What was there before is in the history alone,
    where it can be erased."""
    body: dict[str, Any] = {
        "at": event.at,
        "seq": event.seq,
        "officer": by.officer,
        "name": by.name,
        "office": by.office.name,
    }
    if by.note.strip():
        body |= {"note": by.note.strip(), "salt": _note_salt(before, by)}
    return Put(Key(f"report#{before.id}", f"staff#{event.seq:06d}"), body, Expect.ABSENT)


def _deed_key(by: By) -> Key:
    digest = hashlib.sha256(f"{by.officer}\n{by.key}".encode()).hexdigest()
    return Key(f"deed#{digest}", "done")


def done_before(desk: Desk, report_id: str, by: By) -> Report | None:
    """The report, when this very deed was done before; None when it was not. Raises KeyReused."""
    item = desk.table.get(_deed_key(by))
    if item is None:
        return None
    if item.body != {"id": report_id, "asked": by.asked}:
        raise KeyReused(f"the key {by.key!r} was used for something else; make a new one for every deed")
    found = records.load(desk.table, report_id)
    return found[0] if found else None
