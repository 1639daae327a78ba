"""The one door in: accept() turns a submission from any channel into a report that is never lost.

Places it, makes its photos anew, masks its public words, starts its history, and
writes all of it in one transaction. Does not know how the submission arrived.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from . import records
from .front.problems import Problem, Refused
from .officers import routing
from .photos.photo import PhotoError, ProcessedPhoto, process
from .privacy import masking
from .report import (
    ID_ALPHABET,
    ID_LENGTH,
    NO_EVENT,
    Event,
    Office,
    Photo,
    Place,
    Report,
    Words,
    applied,
    commitment,
    sealed,
    stamp,
)
from .storage.files import Files
from .storage.table import Busy, ConditionFailed, Expect, Item, Put, Table
from .submission import MAX_PHOTOS, Submission

IDEMPOTENCY_DAYS = 7
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{8,128}")
SALTS = 7
"""So many secrets hide the words of a new report: four public ones, three as they were written."""
FOLLOW_KEY_BYTES = 10
"""80 random bits: 16 letters to write down, and nothing to guess at a rate-limited door."""
UPLOAD_KEY = re.compile(r"upload:([a-z0-9]{32})")
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,20};base64,")


class Located(Protocol):
    """What geo.locate answers."""

    @property
    def kode(self) -> str | None: ...
    @property
    def method(self) -> str: ...
    @property
    def distance_m(self) -> float | None: ...
    @property
    def probability(self) -> float: ...
    @property
    def runner_up(self) -> str | None: ...


class Kelurahan(Protocol):
    """A row of geo's list of kelurahan; longitude and latitude of its middle, in degrees."""

    @property
    def kode(self) -> str: ...
    @property
    def kelurahan(self) -> str: ...
    @property
    def kecamatan(self) -> str: ...
    @property
    def kota(self) -> str: ...
    @property
    def longitude(self) -> float: ...
    @property
    def latitude(self) -> float: ...


class Locator(Protocol):
    """What intake needs of geo."""

    @property
    def version(self) -> str: ...
    @property
    def by_kode(self) -> Mapping[str, Kelurahan]: ...
    def locate(self, longitude: float, latitude: float, accuracy_m: float | None = None) -> Located: ...


@dataclass(frozen=True, slots=True)
class Door:
    """What accept() works with. `random_bytes(n)` must be fit for secrets; `now` is aware.

    `offices` are the agencies by code that routing rules may hand a report to.
    """

    table: Table
    private: Files
    locator: Locator
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    max_photo_bytes: int
    offices: Callable[[], Mapping[str, Office]] = dict


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer: the id, its secret follow key, and where it is. `repeated`: the same key was answered before."""

    id: str
    follow_key: str
    place: Place | None
    private: bool
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a report was before: the other system's name and its id there. `imported` is a stamp, if it was."""

    name: str
    external_id: str
    imported: str | None = None

    def claim(self, report_id: str) -> Put:
        """The write that lets this source become one report only."""
        body = {"id": report_id, "there": self.external_id[:200]}
        return Put(records.source_key(self.name, self.external_id), body, Expect.ABSENT)


@dataclass(frozen=True, slots=True)
class Made:
    """A photo made anew from pixels: what the report keeps of it, and its files."""

    photo: Photo
    processed: ProcessedPhoto


def accept(
    door: Door,
    submission: Submission,
    *,
    channel: str,
    files: Sequence[bytes] = (),
    key: str | None = None,
    may_ask: bool = True,
    example: bool = False,
    source: Source | None = None,
) -> Accepted:
    """Take a report. When it returns, the report is stored durably and will be published.

    `files` are photos that came in the body, `key` is the client's Idempotency-Key:
    the same key with the same report gives the same answer for 7 days. With
    `may_ask` false (a channel that cannot ask back) a report outside Jakarta waits
    for an officer to place it instead of being refused. The same `source` gives the same
    report for ever; its follow key is known to nobody then, and "" when it is repeated.

    Raises Refused: with status 400 for what is wrong with the report, 422 for a key
    that was used for a different report, 503 when the table is too busy.
    """
    now = door.now()
    fingerprint = _fingerprint(submission, files)
    try:
        if key is not None and (answered := _answered(door, key, fingerprint)):
            return answered
        if source is not None and (known := _of_source(door, source)):
            return known
        place, longitude, latitude = decide_place(submission, door.locator, may_ask=may_ask)
        photos, uploads = made_photos(door, submission.photo, files)
        accepted = _store(
            door,
            submission,
            channel=channel,
            place=place,
            position=(longitude, latitude),
            photos=photos,
            key=key,
            fingerprint=fingerprint,
            now=now,
            example=example,
            source=source,
        )
    except Busy:
        raise Refused([Problem("busy")], 503) from None
    for path in uploads:
        door.private.delete(path)
    return accepted


def decide_place(
    submission: Submission, locator: Locator, *, may_ask: bool = True
) -> tuple[Place | None, float | None, float | None]:
    """The kelurahan of a submission, and its position in degrees (longitude first).

    The position decides. A kelurahan sent beside it answers a doubt between two;
    alone it stands for the position. Raises Refused when it is outside Jakarta (and
    the sender can be asked), unknown, or contradicts the position.
    """
    named = submission.kelurahan
    if named is not None and named not in locator.by_kode:
        raise Refused([Problem("kelurahan_unknown", "kelurahan", {"value": named})])
    if submission.longitude is None or submission.latitude is None:
        if named is None:
            return None, None, None
        middle = locator.by_kode[named]
        return _place(locator, named, "chosen"), middle.longitude, middle.latitude
    found = locator.locate(submission.longitude, submission.latitude, submission.accuracy)
    position = (submission.longitude, submission.latitude)
    if found.kode is None:
        if may_ask:
            raise Refused([Problem("outside_jakarta", "latitude")])
        return None, *position
    if named is not None and named not in {found.kode, found.runner_up}:
        raise Refused([Problem("kelurahan_mismatch", "kelurahan", {"value": named})])
    place = msgspec.structs.replace(
        _place(locator, named or found.kode, "confirmed" if named else found.method),
        probability=round(found.probability, 4),
        distance_m=None if found.distance_m is None else round(found.distance_m, 1),
        runner_up=found.runner_up if named in {None, found.kode} else found.kode,
    )
    return place, *position


def new_id(random_bytes: Callable[[int], bytes]) -> str:
    """A report id: 8 characters of Crockford's base32, 40 random bits."""
    return _base32(random_bytes(ID_LENGTH * 5 // 8))


def follow_hash(follow_key: str) -> str:
    """What is kept of a follow key. The key is random, so a plain SHA-256 cannot be turned back."""
    return hashlib.sha256(read_follow_key(follow_key).encode()).hexdigest()


def read_follow_key(text: str) -> str:
    """The key as it was made, from however it was typed: dashes, spaces and case do not matter."""
    return (
        text.upper().replace("-", "").replace(" ", "").replace("O", "0").replace("I", "1").replace("L", "1")
    )


def _place(locator: Locator, kode: str, method: str) -> Place:
    row = locator.by_kode[kode]
    return Place(kode, row.kelurahan, row.kecamatan, row.kota, method, boundaries=locator.version)


def _store(
    door: Door,
    submission: Submission,
    *,
    channel: str,
    place: Place | None,
    position: tuple[float | None, float | None],
    photos: Sequence[Made],
    key: str | None,
    fingerprint: str,
    now: datetime,
    example: bool,
    source: Source | None,
) -> Accepted:
    follow_key = _base32(door.random_bytes(FOLLOW_KEY_BYTES))
    written = "-".join(follow_key[i : i + 4] for i in range(0, len(follow_key), 4))
    for _ in range(5):
        report_id = new_id(door.random_bytes)
        report, event = begin(
            submission,
            report_id=report_id,
            channel=channel,
            place=place,
            position=position,
            photos=[stored.photo for stored in photos],
            follow=follow_hash(follow_key),
            salts=[door.random_bytes(16).hex() for _ in range(SALTS)],
            now=now,
            example=example,
            imported=source.imported if source else None,
        )
        # What was imported has been where it had to go.
        handed = None if source and source.imported else _handed_on(door, report)
        report = applied(report, handed) if handed else report
        for stored in photos:
            image, thumb = photo_paths(report_id, stored.photo)
            door.private.put(image, stored.processed.image)
            door.private.put(thumb, stored.processed.thumb)
        answer = _answer(key, fingerprint, report_id, follow_key, now) if key else None
        try:
            door.table.transact(
                records.creation_writes(
                    report,
                    event,
                    contact=_contact(submission),
                    answer=answer,
                    then=handed,
                    also=[source.claim(report_id)] if source else (),
                )
            )
        except ConditionFailed:
            for stored in photos:
                for path in photo_paths(report_id, stored.photo):
                    door.private.delete(path)
            if key is not None and (answered := _answered(door, key, fingerprint)):
                return answered
            if source is not None and (known := _of_source(door, source)):
                return known
            continue
        return Accepted(report_id, written, place, submission.private)
    raise Busy("five random report ids in a row were taken; the source of random numbers is broken")


def _handed_on(door: Door, report: Report) -> Event | None:
    """The event by which a rule hands a new report on; None when no rule takes it, or its agency is no more."""
    rule = routing.decide(routing.live(door.table), report)
    office = door.offices().get(rule.agency) if rule else None
    return routing.routed(report, rule, office) if rule and office else None


def _contact(submission: Submission) -> dict[str, object] | None:
    """What is kept to reach the reporter; `shared` only where officers may look at it, `updates` to be told."""
    contact: dict[str, object] = {"email": submission.contact_email, "phone": submission.contact_phone}
    kept = {name: value for name, value in contact.items() if value}
    if kept and submission.contact_shared:
        kept["shared"] = True
    if submission.contact_email and submission.contact_updates:
        kept["updates"] = True
    return kept or None


def begin(
    submission: Submission,
    *,
    report_id: str,
    channel: str,
    place: Place | None,
    position: tuple[float | None, float | None],
    photos: Sequence[Photo],
    follow: str,
    salts: Sequence[str],
    now: datetime,
    example: bool = False,
    imported: str | None = None,
) -> tuple[Report, Event]:
    """A new report and the first event of its history. Decides; does no I/O. `salts` are SALTS secrets."""
    longitude, latitude = position
    at = stamp(now)
    public = {
        "description": masking.mask(submission.description),
        "landmark": masking.mask(submission.landmark),
    }
    if longitude is not None and latitude is not None:
        public["position"] = f"{longitude:.6f},{latitude:.6f}"
    written = {"description": submission.description, "landmark": submission.landmark}
    attributes: dict[str, tuple[str, ...]] = {}
    if submission.attributes:
        attributes = {
            code: tuple(masking.mask(text) for text in texts) for code, texts in submission.attributes.items()
        }
        public["attributes"] = msgspec.json.encode(attributes, order="sorted").decode()
        written["attributes"] = msgspec.json.encode(submission.attributes, order="sorted").decode()
    originals = {name: text for name, text in written.items() if public[name] != text}
    event = Event(
        report=report_id,
        seq=1,
        at=at,
        kind="received",
        to_state="waiting",
        to_office=_office(place),
        category=submission.category,
        channel=channel,
        kode=place.kode if place else None,
        method=place.method if place else None,
        boundaries=place.boundaries if place else None,
        photos=tuple(photos),
        example=example,
        imported=imported,
        # The words as they were written are bound by the chain too, but never shown beside it.
        commitments={
            f"{name}_original": commitment(salt, text)
            for (name, text), salt in zip(originals.items(), salts[4:], strict=False)
        },
        words={
            name: Words(salt, text) for (name, text), salt in zip(public.items(), salts, strict=False) if text
        },
    )
    event = sealed(event, NO_EVENT)
    report = Report(
        id=report_id,
        created=at,
        updated=at,
        category=submission.category,
        state="waiting",
        description=public["description"],
        channel=channel,
        language=submission.language,
        private=submission.private,
        follow_hash=follow,
        seq=1,
        head=event.hash,
        place=place,
        longitude=longitude,
        latitude=latitude,
        accuracy_m=submission.accuracy,
        landmark=public["landmark"],
        attributes=attributes,
        original={
            **originals,
            **{f"{name}_salt": salt for name, salt in zip(originals, salts[4:], strict=False)},
        },
        office=_office(place),
        photos=tuple(photos),
        example=example,
    )
    return report, event


def photo_paths(report_id: str, photo: Photo) -> tuple[str, str]:
    """Where a photo and its thumbnail lie, in the private store and on the site alike."""
    return f"foto/{report_id}/{photo.sha256[:24]}.jpg", f"foto/{report_id}/{photo.sha256[:24]}-kecil.jpg"


def _office(place: Place | None) -> Office | None:
    """A report first goes to the kelurahan of its location, as Jakarta does."""
    return Office(place.kode, f"Kelurahan {place.kelurahan}") if place else None


def made_photos(door: Door, sent: Sequence[str], files: Sequence[bytes]) -> tuple[list[Made], list[str]]:
    """Every photo made anew, and the uploads they came from. Raises Refused naming each that cannot be used."""
    count = len(sent) + len(files)
    if count > MAX_PHOTOS:
        raise Refused([Problem("photo_too_many", "photo", {"count": count, "most": MAX_PHOTOS})])
    problems: list[Problem] = []
    stored: list[Made] = []
    uploads: list[str] = []
    sources: list[bytes | str] = [*files, *sent]
    for number, source in enumerate(sources, start=1):
        try:
            data = source if isinstance(source, bytes) else _sent_photo(door, source, uploads)
            made = process(data, max_bytes=door.max_photo_bytes)
        except PhotoError as error:
            values = {"number": number, "most": door.max_photo_bytes // 1_000_000}
            problems.append(Problem(f"photo_{error.code}", "photo", values))
        except LookupError:
            problems.append(Problem("upload_unknown", "photo", {"number": number}))
        else:
            photo = Photo(made.sha256, made.width, made.height, made.thumb_width, made.thumb_height)
            stored.append(Made(photo, made))
    if problems:
        raise Refused(problems)
    return list({each.photo.sha256: each for each in stored}.values()), uploads


def kept_photos(
    door: Door, report_id: str, sent: Sequence[str] = (), files: Sequence[bytes] = ()
) -> tuple[Photo, ...]:
    """Photos that came after the report itself, made anew and kept beside its own. Raises Refused."""
    stored, _ = made_photos(door, sent, files)
    for each in stored:
        image, thumb = photo_paths(report_id, each.photo)
        door.private.put(image, each.processed.image)
        door.private.put(thumb, each.processed.thumb)
    return tuple(each.photo for each in stored)


def _sent_photo(door: Door, text: str, uploads: list[str]) -> bytes:
    """The bytes that a text stands for: an upload's key, or base64. Raises LookupError or PhotoError."""
    if match := UPLOAD_KEY.fullmatch(text):
        path = upload_path(match.group(1))
        found = door.private.get(path)
        if found is None:
            raise LookupError(path)
        uploads.append(path)
        return found.data
    encoded = text[m.end() :] if (m := _DATA_URL.match(text)) else text
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise PhotoError("not_a_photo", "neither an upload key nor base64") from None


def upload_path(name: str) -> str:
    """Where an upload waits in the private store until a report takes it."""
    return f"uploads/{name}"


def _fingerprint(submission: Submission, files: Sequence[bytes]) -> str:
    """What makes two submissions the same: every field, and the photos."""
    digest = hashlib.sha256(msgspec.json.encode(submission, order="deterministic"))
    for data in files:
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


def _answer(key: str, fingerprint: str, report_id: str, follow_key: str, now: datetime) -> Put:
    """The record of an answer. The follow key in it opens only with the Idempotency-Key, of which we keep a hash."""
    return Put(
        records.idempotency_key(hashlib.sha256(key.encode()).hexdigest()),
        {"id": report_id, "fingerprint": fingerprint, "sealed": _sealed_key(key, fingerprint, follow_key)},
        Expect.ABSENT,
        expires=int((now + timedelta(days=IDEMPOTENCY_DAYS)).timestamp()),
    )


def _answered(door: Door, key: str, fingerprint: str) -> Accepted | None:
    """What the key was answered before, if it was. Raises Refused (422) when it was another report."""
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused([Problem("idempotency_key", "Idempotency-Key")])
    item: Item | None = door.table.get(records.idempotency_key(hashlib.sha256(key.encode()).hexdigest()))
    if item is None:
        return None
    if not hmac.compare_digest(item.body["fingerprint"], fingerprint):
        raise Refused([Problem("idempotency_reused", "Idempotency-Key")], 422)
    found = records.load(door.table, item.body["id"])
    if found is None:
        return None
    report, _ = found
    follow_key = bytes.fromhex(
        _sealed_key(key, fingerprint, bytes.fromhex(item.body["sealed"]).decode("latin-1"))
    )
    text = follow_key.decode("latin-1")
    written = "-".join(text[i : i + 4] for i in range(0, len(text), 4))
    return Accepted(report.id, written, report.place, report.private, repeated=True)


def _of_source(door: Door, source: Source) -> Accepted | None:
    """The report that the source became before, if it did."""
    item = door.table.get(records.source_key(source.name, source.external_id))
    found = records.load(door.table, item.body["id"]) if item else None
    if found is None:
        return None
    report, _ = found
    return Accepted(report.id, "", report.place, report.private, repeated=True)


def _sealed_key(key: str, fingerprint: str, text: str) -> str:
    """A one-time pad from the client's key over a follow key: applied twice it opens again. Hexadecimal."""
    pad = hmac.digest(key.encode(), f"follow key\n{fingerprint}".encode(), "sha256")
    return bytes(a ^ b for a, b in zip(text.encode("latin-1"), pad, strict=False)).hex()


def _base32(data: bytes) -> str:
    number, length = int.from_bytes(data), len(data) * 8 // 5
    return "".join(ID_ALPHABET[number >> (5 * i) & 31] for i in reversed(range(length)))
