"""Many reports from another system: rows become reports through the one door, each once, with their history.

A mapping says which column is which field and which word there is which code here.
Reads no file and shows no progress: infra/importing.py does.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from .. import desk, records, submission
from ..categories import Category
from ..front.problems import Problem, Refused
from ..intake import Door, Source, accept, decide_place, kept_photos
from ..lifecycle import REJECT_REASONS, STATES, Move, MoveRefused
from ..report import Office, Photo, Report, stamp
from ..storage.table import Expect, Key, Put

FIELDS = (
    "id", "category", "description", "latitude", "longitude", "kelurahan", "landmark", "private",
    "contact_email", "contact_phone", "language", "created", "updated", "state", "text", "reason",
    "duplicate_of", "media_url",
)  # fmt: skip
"""What a row can tell. `id` is its id in the other system; `state`, `updated` and `text` are its newest state."""
SECTIONS = ("source", "office", "fields", "categories", "states", "reasons", "defaults", "utc_offset")
LENGTHS = {"description": (1, 4000), "landmark": (1, 500)}
LINKS = 20
"""So often a move is tried again when somebody changed the report at the same time."""


class MappingError(ValueError):
    """A mapping file cannot be used; the message says why."""


class RowRefused(ValueError):
    """A row cannot be taken; the message says why, for the file of rows that were left."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are to be read. `source` names the other system for ever: ids are unique within it."""

    source: str
    office: str
    fields: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    zone: timezone = UTC


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a report there. `id` is unique within the report; no `state`: it is a note."""

    id: str
    at: datetime
    state: str
    text: str
    reason: str = ""
    duplicate_of: str = ""
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A report of another system, read. `raw` are our fields as texts; None: only its steps are known."""

    id: str
    raw: Mapping[str, Any] | None
    created: datetime | None
    steps: tuple[Step, ...] = ()
    media: tuple[str, ...] = ()


@dataclass(frozen=True)
class Importer:
    """What rows are imported with. `fetched` gets the photo behind an address; raises RowRefused."""

    door: Door
    categories: Mapping[str, Category]
    source: str
    office: str
    fetched: Callable[[str], bytes] | None = None

    def preview(self, row: Row) -> str:
        """What would become of a row, in a few words; writes nothing. Raises RowRefused."""
        known = self.known([row])
        if known.get(row.id):
            return "known"
        sent = self._submission(row)
        place, _, _ = self._placed(sent)
        return f"{sent.category}, {place.kelurahan if place else 'without a place'}"

    def take(self, rows: Sequence[Row]) -> Iterable[tuple[Row, str, str]]:
        """(row, outcome, reason) of each: `new`, `changed`, `same`, or `refused` with the reason.

        Safe to repeat: a report and each of its steps is taken once, whatever was interrupted.
        """
        known = self.known(rows)
        done = self._done(rows)
        for row in rows:
            try:
                yield row, self._take(row, known.get(row.id), done), ""
            except RowRefused as refused:
                yield row, "refused", str(refused)
            except Refused as refused:
                yield row, "refused", "; ".join(_words(problem) for problem in refused.problems)
            except MoveRefused as refused:
                yield row, "refused", f"its history cannot be followed: {refused}"

    def known(self, rows: Sequence[Row]) -> dict[str, str]:
        """Report ids of the rows that were taken before."""
        keys = {records.source_key(self.source, row.id): row.id for row in rows}
        found = self.door.table.get_many(keys)
        return {keys[key]: str(item.body["id"]) for key, item in found.items()}

    def _done(self, rows: Sequence[Row]) -> set[Key]:
        """The steps that were taken before."""
        keys = {_step_key(self.source, row, step) for row in rows for step in row.steps}
        return set(self.door.table.get_many(keys))

    def _take(self, row: Row, report_id: str | None, done: set[Key]) -> str:
        outcome = "same"
        if report_id is None:
            sent = self._submission(row)
            if row.created is None or row.created > self.door.now():
                raise RowRefused(f"created is {row.created or 'missing'}: it must be a time in the past")
            created = row.created
            files = [self.fetched(url) for url in row.media[: submission.MAX_PHOTOS]] if self.fetched else []
            accepted = accept(
                replace(self.door, now=lambda: created),
                sent,
                channel="bulk",
                files=files,
                may_ask=True,
                source=Source(self.source, row.id, stamp(self.door.now())),
            )
            report_id = accepted.id
            outcome = "new"
        for step in sorted(row.steps, key=lambda each: each.at):
            if _step_key(self.source, row, step) not in done and self._step(row, step, report_id):
                outcome = "changed" if outcome == "same" else outcome
        return outcome

    def _step(self, row: Row, step: Step, report_id: str) -> bool:
        """Take a step; False when somebody took it before."""
        if step.at > self.door.now() + timedelta(minutes=5):
            raise RowRefused(f"{step.at} lies in the future")
        officers = desk.Desk(self.door.table, lambda: step.at, self.door.random_bytes)
        office = Office(self.source, self.office)
        claim = _step_key(self.source, row, step)
        also = [Put(claim, {"id": report_id}, Expect.ABSENT)]
        imported = stamp(self.door.now())
        photos = self._photos(report_id, step)
        for _ in range(LINKS):
            if self.door.table.get(claim):
                return False
            found = records.load(self.door.table, report_id)
            if found is None:
                raise RowRefused(f"{report_id}, which it became, is gone")
            it, version = found
            move = self._move(it, step)
            try:
                if move is not None:
                    desk.move(
                        officers,
                        report_id,
                        move,
                        role="admin",
                        office=office,
                        to_office=office if move.office else None,
                        seen_version=version,
                        also=also,
                        imported=imported,
                        photos=photos,
                    )
                elif step.text.strip() or photos:
                    desk.note(
                        officers,
                        report_id,
                        step.text,
                        office=office,
                        seen_version=version,
                        also=also,
                        imported=imported,
                        photos=photos,
                    )
                else:
                    self.door.table.transact(also)
            except desk.Changed:
                continue
            return move is not None or bool(step.text.strip() or photos)
        raise RowRefused(f"{report_id} changed as often as it was tried to change it")

    def _photos(self, report_id: str, step: Step) -> tuple[Photo, ...]:
        if not self.fetched or not step.media or self.door.table.get(records.head_key(report_id)) is None:
            return ()
        files = [self.fetched(url) for url in step.media[: submission.MAX_PHOTOS]]
        return kept_photos(self.door, report_id, files=files)

    def _move(self, it: Report, step: Step) -> Move | None:
        still_open = step.state == "waiting" and not STATES[it.state].closed
        if not step.state or step.state == it.state or still_open:
            return None
        hands_on = step.state in {"coordination", "disposition"}
        text = step.text
        if not text.strip() and (step.state in {"done", "rejected"} or STATES[it.state].closed):
            text = f"{STATES[step.state].screen}, menurut {self.office}."
        duplicate = ""
        if step.state == "duplicate":
            other = self.door.table.get(records.source_key(self.source, step.duplicate_of))
            duplicate = str(other.body["id"]) if other else ""
            if not duplicate:
                raise RowRefused(f"it is a duplicate of {step.duplicate_of!r}, which was not imported")
        return Move(
            step.state,
            text,
            office=self.source if hands_on else "",
            reason=(step.reason or "unclear") if step.state == "rejected" else "",
            duplicate_of=duplicate,
        )

    def _submission(self, row: Row) -> submission.Submission:
        if row.raw is None:
            raise RowRefused("only an update is known of it, not the report itself")
        located = row.raw.get("latitude") or row.raw.get("longitude")
        return submission.read(row.raw, categories=self.categories, lengths=LENGTHS, placeless=not located)

    def _placed(self, sent: submission.Submission) -> Any:
        return decide_place(sent, self.door.locator)


def _step_key(source: str, row: Row, step: Step) -> Key:
    return records.source_key(f"{source}#steps", f"{row.id}\n{step.id}")


def _words(problem: Problem) -> str:
    return f"{problem.field}: {problem.message('en')}" if problem.field else problem.message("en")


def read_mapping(text: str) -> Plan:
    """A mapping from TOML. Raises MappingError."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"it is no TOML: {error}") from error
    if unknown := set(found) - set(SECTIONS):
        raise MappingError(f"unknown {sorted(unknown)}; known are {', '.join(SECTIONS)}")
    source = found.get("source", "")
    if (
        not isinstance(source, str)
        or not source.replace("-", "").replace("_", "").isalnum()
        or len(source) > 40
    ):
        raise MappingError(
            f"source is {source!r}: a short name of letters, digits, - and _ that never changes"
        )
    tables: dict[str, dict[str, str]] = {}
    for name in ("fields", "categories", "states", "reasons", "defaults"):
        table = found.get(name, {})
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            raise MappingError(f"[{name}] must hold texts")
        tables[name] = table
    for name in ("fields", "defaults"):
        if wrong := set(tables[name]) - set(FIELDS):
            raise MappingError(f"[{name}] has {sorted(wrong)}; known are {', '.join(FIELDS)}")
    if wrong := set(tables["states"].values()) - set(STATES):
        raise MappingError(f"[states] leads to {sorted(wrong)}; known are {', '.join(STATES)}")
    if wrong := set(tables["reasons"].values()) - set(REJECT_REASONS):
        raise MappingError(f"[reasons] leads to {sorted(wrong)}; known are {', '.join(REJECT_REASONS)}")
    return Plan(
        source, str(found.get("office") or source), zone=_zone(found.get("utc_offset", "+00:00")), **tables
    )


def _zone(text: Any) -> timezone:
    try:
        found = datetime.fromisoformat(f"2026-01-01T00:00:00{text}").utcoffset()
    except ValueError:
        found = None
    if found is None:
        raise MappingError(f"utc_offset is {text!r}: write it like +07:00")
    return timezone(found)


def read_row(mapping: Plan, columns: Mapping[str, Any]) -> Row:
    """A row of a file, by the mapping. Raises RowRefused when it has no id, or a date or state that is none."""
    values: dict[str, str] = {}
    for name in FIELDS:
        value = columns.get(mapping.fields.get(name, name))
        text = "" if value is None else str(value).strip()
        values[name] = text or mapping.defaults.get(name, "")
    if not values["id"]:
        raise RowRefused("it has no id; the mapping's [fields] id names the column that holds one")
    category = mapping.categories.get(values["category"], values["category"])
    created = _moment(values["created"], mapping.zone, "created")
    raw: dict[str, Any] = {
        name: values[name]
        for name in (
            "description", "latitude", "longitude", "kelurahan", "landmark", "private", "contact_email",
            "contact_phone", "language",
        )
        if values[name]
    }  # fmt: skip
    raw["category"] = category or mapping.defaults.get("category", "")
    steps: tuple[Step, ...] = ()
    state = mapping.states.get(values["state"], values["state"].lower())
    if state and state not in STATES:
        raise RowRefused(f"state is {values['state']!r}: the mapping's [states] must name it")
    if state and state != "waiting":
        at = _moment(values["updated"], mapping.zone, "updated") or created
        if at is not None:
            reason = mapping.reasons.get(values["reason"], "")
            made = hashlib.sha256(f"{state}\n{at}\n{values['text']}".encode()).hexdigest()[:20]
            steps = (Step(made, at, state, values["text"], reason, values["duplicate_of"]),)
    media = tuple(url for url in values["media_url"].split() if url)
    return Row(values["id"], raw, created, steps, media)


def _moment(text: str, zone: timezone, name: str) -> datetime | None:
    """A time as files hold them: ISO 8601, also a day alone; in the mapping's zone when it has none of its own."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowRefused(f"{name} is {text!r}: write it like 2026-11-23T08:30:00+07:00") from None
