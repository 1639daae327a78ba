"""The writing calls of Open311: service requests through the one door, and updates of them.

Reads what was sent in Open311's words, calls intake and open311_updates. Everything
that is wrong is named at once, in Open311's names for fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .. import submission
from ..front import body, keys
from ..front.operation import Parts
from ..front.problems import Problem, Refused
from ..intake import IDEMPOTENCY_KEY, Kelurahan, accept, kept_photos
from ..report import Photo
from ..storage.table import Key, Put
from . import fetch, open311_model, open311_updates
from .open311_format import Asked, Said, check_jurisdiction
from .open311_reading import public_report, read_date

LONGEST = {"description": (1, 4000), "landmark": (1, 500)}
PHOTO_SECONDS = 8
NAMES = {
    "category": "service_code",
    "latitude": "lat",
    "longitude": "long",
    "contact_email": "email",
    "contact_phone": "phone",
    "landmark": "address_string",
    "kelurahan": "address_id",
    "photo": "media_url",
}
"""Our fields in Open311's words."""
_ATTRIBUTE = re.compile(r"attribute\[([^\]]{1,64})\](\[\])?")


def create_request(asked: Asked) -> Said:
    """POST requests: a report, through the one door. Everything that is wrong is named at once."""
    fields, files = _form(asked)
    client = _client(asked, fields, "report")
    key = asked.request.headers.get("idempotency-key") or None
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused([Problem("idempotency_key", "Idempotency-Key")])
    sent = _submission(asked, fields)
    media = _media(fields, files)
    fetched = _fetched(asked.parts, media)
    accepted = accept(
        asked.parts.door,
        sent,
        channel="open311",
        files=[*files, *fetched],
        key=f"{client.id if client else 'open311'}-{key}"[:128] if key else None,
    )
    if client is not None:
        asked.parts.door.table.transact([Put(_filed(client, accepted.id), {})])
    extended = asked.extensions or fields.get("extensions") == ["true"]
    made = open311_model.Created311(
        accepted.id,
        None,
        None,
        follow_key=accepted.follow_key if extended else msgspec.UNSET,
        status_url=f"{asked.base}/laporan/{accepted.id}/" if extended else msgspec.UNSET,
    )
    return Said("service_requests", [made], 200 if accepted.repeated else 201)


def create_update(asked: Asked) -> Said:
    """POST servicerequestupdates: an officer's update moves the report, a reporter's is a note or opens it again."""
    fields, files = _form(asked)
    client = _client(asked, fields, "update")
    if client is None:
        raise Refused([Problem("api_key_missing", "api_key")], 403)
    date = _one(fields, "updated_datetime")
    problems = (
        [] if not date or read_date(date) else [Problem("not_a_date", "updated_datetime", {"value": date})]
    )
    update = open311_updates.read(fields, problems)
    public_report(asked, update.service_request_id)
    media = _media(fields, files)

    def photos() -> tuple[Photo, ...]:
        return kept_photos(asked.parts.door, update.report_id, files=[*files, *_fetched(asked.parts, media)])

    made, repeated = open311_updates.apply(
        asked.parts.door,
        client,
        update,
        _filed(client, update.report_id),
        photos if media or files else lambda: (),
    )
    said = [open311_model.CreatedUpdate(made)]
    return Said("service_request_updates", said, 200 if repeated else 201)


def _form(asked: Asked) -> tuple[dict[str, list[str]], list[bytes]]:
    """Every value of every field, and files. The key and the jurisdiction may stand in the query, too."""
    pairs, files = body.read_pairs(
        asked.request.body,
        asked.request.headers.get("content-type", ""),
        max_bytes=asked.parts.settings.max_body_bytes,
    )
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    for name in ("api_key", "jurisdiction_id"):
        if not _one(fields, name) and asked.one(name):
            fields[name] = [asked.one(name)]
    check_jurisdiction(asked.parts, _one(fields, "jurisdiction_id"))
    return fields, files


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    """The last value of a field that should come once; "" when it is absent."""
    return fields[name][-1].strip() if fields.get(name) else ""


def _client(asked: Asked, fields: Mapping[str, Sequence[str]], right: str) -> keys.Client | None:
    text = _one(fields, "api_key")
    if not text and right == "report" and asked.parts.settings.open311_anonymous:
        left = asked.parts.guard.program(asked.request) if asked.parts.guard else None
        asked.headers.update(left.headers if left else {})
        return None
    table = asked.parts.door.table
    client = keys.check(table, text, right)
    taken = keys.count(table, client, now=asked.parts.door.now())
    asked.headers.update(taken.headers)
    if not taken.allowed:
        values = {"most": taken.limit.most, "seconds": taken.reset_s}
        raise Refused([Problem("rate", "api_key", values)], 429)
    return client


def _filed(client: keys.Client, report_id: str) -> Key:
    """Where it is kept that a client filed a report itself."""
    return Key(f"client#{client.id}", f"filed#{report_id}")


def _submission(asked: Asked, fields: Mapping[str, Sequence[str]]) -> submission.Submission:
    """The report that a form means. Raises Refused, in Open311's names for fields."""
    categories, by_kode = asked.parts.categories, asked.parts.door.locator.by_kode
    category = categories.get(_one(fields, "service_code"))
    address, kode = _one(fields, "address_string"), _one(fields, "address_id")
    raw: dict[str, Any] = {
        "category": _one(fields, "service_code"),
        # Without words a report says what its service is called: they are optional here.
        "description": _one(fields, "description") or (category.names["id"] if category else "-"),
        "latitude": _one(fields, "lat"),
        "longitude": _one(fields, "long"),
        "contact_email": _one(fields, "email"),
        "contact_phone": _one(fields, "phone"),
        "landmark": address,
        "language": asked.language,
        "attributes": _attributes(fields, category.attributes if category else ()),
    }
    located = bool(raw["latitude"] or raw["longitude"])
    if not located and (kode or address):
        row = by_kode.get(kode) or (None if kode else kelurahan_in(address, by_kode))
        raw["kelurahan"] = kode or (row.kode if row else "")
        raw["landmark"] = address or (f"Kelurahan {row.kelurahan}" if row else "")
    problems: list[Problem] = []
    if not located and not kode and not address:
        problems.append(Problem("address_missing", "lat"))
    if not located and kode and kode not in by_kode:
        problems.append(Problem("kelurahan_unknown", "address_id", {"value": kode}))
    if raw["category"] and category is None:
        problems.append(Problem("service_unknown", "service_code", {"value": raw["category"]}))
    try:
        sent = submission.read(
            raw, categories=categories, lengths=LONGEST, complete=True, placeless=not located
        )
    except Refused as refused:
        known = {problem.field for problem in problems}
        more = [_renamed(problem) for problem in refused.problems]
        problems += [problem for problem in more if problem.field not in known]
    if problems:
        raise Refused(problems)
    return sent


def _attributes(fields: Mapping[str, Sequence[str]], asked: Sequence[Any]) -> dict[str, list[str]]:
    """The answers to what is asked; others are ignored, as are all parameters that nobody knows."""
    codes = {each.code for each in asked if each.variable}
    found: dict[str, list[str]] = {}
    for name, values in fields.items():
        match = _ATTRIBUTE.fullmatch(name)
        if match and match.group(1) in codes:
            found.setdefault(match.group(1), []).extend(values)
    return found


def _renamed(problem: Problem) -> Problem:
    return Problem(problem.code, NAMES.get(problem.field, problem.field), problem.values)


def kelurahan_in(address: str, by_kode: Mapping[str, Kelurahan]) -> Kelurahan | None:
    """The kelurahan that an address names as such ("Kel. Gambir"), if it is one only.

    Of several with one name the kecamatan or kota in the address decides; else None, and
    an officer places the report.
    """
    words = f" {re.sub(r'[^a-z0-9]+', ' ', address.lower())} "
    found = [
        row
        for row in by_kode.values()
        if re.search(rf" (kel|kelurahan) {re.escape(_letters(row.kelurahan))} ", words)
    ]
    # "Kel. Cempaka Putih Barat" names no "Cempaka Putih".
    longest = max((len(row.kelurahan) for row in found), default=0)
    found = [row for row in found if len(row.kelurahan) == longest]
    for part in ("kecamatan", "kota"):
        if len(found) > 1:
            found = [row for row in found if f" {_letters(getattr(row, part))} " in words]
    return found[0] if len(found) == 1 else None


def _letters(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
    # Nobody writes the official beginning of a kota's name.
    return re.sub(r"^(kota|kabupaten) administrasi ", "", plain)


def _media(fields: Mapping[str, Sequence[str]], files: Sequence[bytes]) -> list[str]:
    """Addresses of photos. Raises Refused when they are too many, with the files."""
    media = [url for url in fields.get("media_url", []) if url.strip()]
    if len(media) + len(files) > submission.MAX_PHOTOS:
        values = {"count": len(media) + len(files), "most": submission.MAX_PHOTOS}
        raise Refused([Problem("photo_too_many", "media_url", values)])
    return media


def _fetched(parts: Parts, media: Sequence[str]) -> list[bytes]:
    """The photos behind addresses. Raises Refused naming each that cannot be had."""
    found: list[bytes] = []
    problems: list[Problem] = []
    most = parts.settings.max_photo_bytes
    for url in media:
        values = {"value": url, "most": most // 1_000_000}
        try:
            got = fetch.fetch(
                url.strip(), max_bytes=most, seconds=PHOTO_SECONDS, private=parts.settings.fetch_private
            )
        except fetch.FetchError as error:
            problems.append(Problem(f"media_{error.code}", "media_url", values))
            continue
        if got.status != 200:
            problems.append(Problem("media_unreachable", "media_url", values))
        elif not got.content_type.startswith("image/"):
            problems.append(Problem("media_not_image", "media_url", values))
        else:
            found.append(got.body)
    if problems:
        raise Refused(problems)
    return found
