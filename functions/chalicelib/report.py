"""What a report is: Report, Event, Photo, Place, and the forms they are kept and hashed in.

A report is its list of events. Each event carries the hash of the one before;
the hash covers facts, and of free text only a salted commitment, so that words
can be erased later without breaking the chain. Knows nobody: no clock, no
storage, no network.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

ID_LENGTH = 8
ID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O or U."""
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_ID = re.compile(f"[{ID_ALPHABET}]{{{ID_LENGTH}}}")

CERTAIN_ENOUGH = 0.9
"""Below this share of the accuracy disc a place is in doubt."""
DESK_KINDS = ("taken", "placed", "corrected", "asked", "contact_viewed")
"""Events that only officers make: what each changes is in `_corrected`."""
EVENT_KINDS = ("received", "routed", "moved", "noted", "answered", "rated", "erased", *DESK_KINDS)
CHAIN_VERSION = 1
NO_EVENT = "0" * 64
"""What the first event of a report carries in place of the hash before it."""


def read_id(text: str) -> str | None:
    """The report id that a person meant: with or without dash, in any case, O for 0, I and L for 1.

    None when it is no id.
    """
    if len(text) > 2 * ID_LENGTH:
        return None
    code = text.strip().upper().translate(_READ_AS)
    return code if _ID.fullmatch(code) else None


def written_id(code: str) -> str:
    """The id as people read it: `7K3M-9QX2`."""
    return f"{code[:4]}-{code[4:]}"


def stamp(moment: datetime) -> str:
    """A moment as it is kept: UTC, milliseconds, `2026-11-23T19:15:49.123Z`. Raises ValueError without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware datetime")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The reverse of `stamp`."""
    return datetime.fromisoformat(text)


class Office(msgspec.Struct, frozen=True):
    """Who acted, in public: an office with its code, never a person."""

    code: str
    name: str


class Place(msgspec.Struct, frozen=True):
    """The kelurahan a report belongs to, how that is known, and with which boundaries it was found.

    `method` is geo's `inside` or `nearest`, or `confirmed` (the reporter decided a
    doubt), or `chosen` (the reporter named the kelurahan and had no position), or `officer`
    (an officer settled or corrected it).
    """

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    method: str
    boundaries: str
    probability: float = 1.0
    distance_m: float | None = None
    runner_up: str | None = None

    @property
    def doubtful(self) -> bool:
        """True when the accuracy leaves another kelurahan so possible that somebody should confirm."""
        settled = self.runner_up is None or self.method in {"confirmed", "chosen", "officer"}
        return self.probability < CERTAIN_ENOUGH and not settled


class Photo(msgspec.Struct, frozen=True):
    """A photo made anew from pixels. `sha256` is of the image file; it names the files, too. Sizes in pixels."""

    sha256: str
    width: int
    height: int
    thumb_width: int
    thumb_height: int


class Words(msgspec.Struct, frozen=True):
    """Free text beside an event, and the salt of its commitment. Gone when it is erased."""

    salt: str
    text: str


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a report's history. `at` is a stamp; `planned` a day as yyyy-mm-dd.

    `area` names kelurahan, kecamatan and kota where an officer settled or corrected the place.

    `rule` is the name of the routing rule that handed it on.
    `imported` is when it was taken over from another system, whose word `at` then is.
    `rating` and `reasons` are the reporter's; `about` is the seq of the event whose words were erased, or of the
    question (`asked`) that is answered.
    """

    report: str
    seq: int
    at: str
    kind: str
    office: Office | None = None
    from_state: str | None = None
    to_state: str | None = None
    to_office: Office | None = None
    category: str | None = None
    channel: str | None = None
    kode: str | None = None
    method: str | None = None
    boundaries: str | None = None
    percent: int | None = None
    planned: str | None = None
    reason: str | None = None
    duplicate_of: str | None = None
    rating: str | None = None
    reasons: tuple[str, ...] = ()
    about: int | None = None
    photos: tuple[Photo, ...] = ()
    area: tuple[str, ...] = ()
    example: bool = False
    imported: str | None = None
    rule: str | None = None
    commitments: dict[str, str] = {}
    previous: str = NO_EVENT
    hash: str = ""
    words: dict[str, Words] = {}


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report as its events left it. Longitude and latitude in degrees, WGS 84; accuracy in metres.

    `original` holds description, landmark and attributes as they were written; only officers see them.
    `attributes` are the answers to what the category asks, by code. `rating` is the reporter's
    since it was last closed; `handovers` counts how often it went from one office to another.
    """

    id: str
    created: str
    updated: str
    category: str
    state: str
    description: str
    channel: str
    language: str
    private: bool
    follow_hash: str
    seq: int
    head: str
    place: Place | None = None
    longitude: float | None = None
    latitude: float | None = None
    accuracy_m: float | None = None
    landmark: str = ""
    original: dict[str, str] = {}
    office: Office | None = None
    percent: int | None = None
    planned: str | None = None
    closed: str | None = None
    attributes: dict[str, tuple[str, ...]] = {}
    duplicate_of: str | None = None
    rating: str | None = None
    handovers: int = 0
    photos: tuple[Photo, ...] = ()
    example: bool = False


def commitment(salt: str, text: str) -> str:
    """SHA-256 over the salt, a newline and the text in UTF-8: binds the text without telling it."""
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def canonical(event: Event) -> bytes:
    """The bytes that an event's hash covers: RFC 8785 (JCS) over all fields but `hash` and `words`.

    Holds no floats, and its names are ASCII: for such data sorted keys, no white
    space and UTF-8 are the whole of the RFC.
    """
    facts: dict[str, Any] = msgspec.to_builtins(event)
    facts.pop("hash", None)
    facts.pop("words", None)
    facts["version"] = CHAIN_VERSION
    return canonical_facts(facts)


def canonical_facts(facts: Mapping[str, Any]) -> bytes:
    """The same for facts that are plain JSON values already."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sealed(event: Event, previous: str) -> Event:
    """The event with its place in the chain: the hash before it, its commitments, and its own hash."""
    linked = msgspec.structs.replace(
        event,
        previous=previous,
        commitments={
            **event.commitments,
            **{name: commitment(w.salt, w.text) for name, w in event.words.items()},
        },
    )
    return msgspec.structs.replace(linked, hash=hashlib.sha256(canonical(linked)).hexdigest())


def broken_at(events: Sequence[Event]) -> int | None:
    """The seq of the first event that does not fit the chain; None when the history is whole.

    Words that were erased are no break; words that differ from their commitment are.
    """
    previous = NO_EVENT
    for expected, event in enumerate(events, start=1):
        kept = all(
            event.commitments.get(name) == commitment(w.salt, w.text) for name, w in event.words.items()
        )
        whole = hashlib.sha256(canonical(event)).hexdigest() == event.hash
        if event.seq != expected or event.previous != previous or not kept or not whole:
            return expected
        previous = event.hash
    return None


def unanswered(events: Sequence[Event]) -> tuple[Event, ...]:
    """The questions to the reporter that nobody answered yet, first to last; erased ones ask nothing any more."""
    answered = {event.about for event in events if event.kind == "answered"}
    return tuple(
        event
        for event in events
        if event.kind == "asked" and event.seq not in answered and "text" in event.words
    )


def applied(report: Report, event: Event) -> Report:
    """The report after one more event. Raises ValueError when the event does not follow the report's last one."""
    if event.report != report.id or event.seq != report.seq + 1 or event.previous != report.head:
        raise ValueError(
            f"event {event.seq} of {event.report} does not follow event {report.seq} of {report.id}: "
            "read the report again and make the event anew"
        )
    changes: dict[str, Any] = {"updated": event.at, "seq": event.seq, "head": event.hash}
    if event.to_state is not None:
        changes |= _moved(report, event)
    if event.kind in DESK_KINDS:
        changes |= _corrected(report, event)
    if event.to_office is not None:
        changes["office"] = event.to_office
        passed = report.office is not None and report.office.code != event.to_office.code
        changes["handovers"] = report.handovers + passed
    if event.rating is not None:
        changes["rating"] = event.rating
    return msgspec.structs.replace(report, **changes)


def _moved(report: Report, event: Event) -> dict[str, Any]:
    open_again = event.to_state in {"waiting", "coordination", "disposition", "in_progress"}
    return {
        "state": event.to_state,
        "closed": None if open_again else event.at,
        "percent": event.percent
        if event.to_state == "in_progress"
        else (100 if event.to_state == "done" else None),
        "planned": (event.planned or report.planned) if event.to_state == "in_progress" else None,
        "duplicate_of": event.duplicate_of,
        "rating": None if open_again else report.rating,
        "photos": report.photos,
    }


def _corrected(report: Report, event: Event) -> dict[str, Any]:
    """What an officer's event changes beside the state: the place, the category, the public words."""
    changes: dict[str, Any] = {}
    if event.kode is not None and len(event.area) == 3:
        kelurahan, kecamatan, kota = event.area
        boundaries = event.boundaries or ""
        changes["place"] = Place(
            event.kode, kelurahan, kecamatan, kota, event.method or "officer", boundaries
        )
    if position := event.words.get("position"):
        longitude, _, latitude = position.text.partition(",")
        changes |= {"longitude": float(longitude), "latitude": float(latitude), "accuracy_m": None}
    if event.kind == "corrected":
        changes |= {"category": event.category} if event.category else {}
        changes |= {
            name: event.words[name].text for name in ("description", "landmark") if name in event.words
        }
    return changes


def to_body(struct: Report | Event) -> dict[str, Any]:
    """The struct as it is stored: plain JSON values."""
    body: dict[str, Any] = msgspec.to_builtins(struct)
    return body


def report_from(body: Mapping[str, Any]) -> Report:
    """A stored report, read back."""
    return msgspec.convert(body, Report)


def event_from(body: Mapping[str, Any]) -> Event:
    """A stored event, read back."""
    return msgspec.convert(body, Event)
