"""What the API answers: every operation, its declaration and its handler, without Chalice.

A handler reads, calls one function of the logic, and answers. What an operation is
stands in operation.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from .. import attributes, following, public, records, sharing, submission
from ..channels import open311, webhooks
from ..intake import IDEMPOTENCY_KEY, UPLOAD_KEY, Accepted, accept, follow_hash, upload_path
from ..report import read_id, written_id
from ..staff import OPERATIONS as STAFF_OPERATIONS
from ..storage.table import Busy, Key
from ..support import supporters
from . import body, cookies, finding, guard, participation, puzzle
from .operation import (
    HTML_TYPE,
    JSON_TYPE,
    PAGE,
    SECURITY,
    Errors,
    Operation,
    Parts,
    Request,
    Response,
    accepts_page,
    errors,
    language_of,
    reply,
)
from .problems import Problem, Refused

if TYPE_CHECKING:
    pass

UPLOAD_SECONDS = 900
PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")


# What goes in and out.


class Name(msgspec.Struct, frozen=True):
    """A name in Indonesian and in English."""

    id: str
    en: str


class CategoryAnswer(msgspec.Struct, frozen=True):
    """A category that reports can have."""

    code: str
    name: Name
    hint: Name
    icon: str


class Categories(msgspec.Struct, frozen=True):
    """All categories, in the order of the form."""

    categories: tuple[CategoryAnswer, ...]


class KelurahanName(msgspec.Struct, frozen=True):
    """A kelurahan with its kecamatan and kota."""

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str


class LocatedPlace(msgspec.Struct, frozen=True):
    """Where a position is. Distances in metres; probability is the share of the accuracy's disc."""

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    method: str
    distance_m: float | None
    probability: float
    runner_up: KelurahanName | None


class Boundaries(msgspec.Struct, frozen=True):
    """Which boundaries answer. Approximate: nearest middles of kelurahan stand in for real outlines."""

    version: str
    approximate: bool


class Located(msgspec.Struct, frozen=True):
    """The kelurahan of a position; `place` is null outside Jakarta."""

    place: LocatedPlace | None
    boundaries: Boundaries


class LocateQuery(msgspec.Struct, frozen=True):
    """A position: degrees, WGS 84; accuracy in metres."""

    latitude: Annotated[float, Meta(ge=-90, le=90, description="Degrees north.")]
    longitude: Annotated[float, Meta(ge=-180, le=180, description="Degrees east.")]
    accuracy: Annotated[float, Meta(ge=0, le=100_000, description="Radius of doubt, in metres.")] | None = (
        None
    )


LANGUAGE = Meta(description="`id` or `en`; without it Accept-Language decides.")


class ReceiptQuery(msgspec.Struct, frozen=True):
    """The language of the receipt, where it is not the report's own."""

    language: Annotated[str, LANGUAGE] = ""


class Created(msgspec.Struct, frozen=True):
    """A report was accepted and will be published. `follow_key` is shown this once: keep it."""

    id: str
    number: str
    follow_key: str
    place: public.PublicPlace | None
    status_url: str
    private: bool
    repeated: Annotated[bool, Meta(description="True when this Idempotency-Key was answered before.")]


class UploadWish(msgspec.Struct, frozen=True):
    """A photo that is too large for a request body."""

    content_type: Annotated[str, Meta(description="image/jpeg, image/png or image/webp.", max_length=40)]


class UploadTicket(msgspec.Struct, frozen=True):
    """Where to POST the photo as multipart/form-data: all `fields` first, then `file`. Send `key` as `photo`."""

    key: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_seconds: int


class Health(msgspec.Struct, frozen=True):
    """Whether the API and its table answer, and with which boundaries."""

    status: str
    boundaries: Boundaries


# Handlers.


def create_report(parts: Parts, request: Request) -> Response:
    """POST /api/reports: JSON gets 201; a plain form gets 303 to the status page, or the form again with errors."""
    values: dict[str, Any] = {}
    waited = ""
    try:
        values, files = body.read(
            request.body, request.headers.get("content-type", ""), max_bytes=parts.settings.max_body_bytes
        )
        plain = _wants_page(request, values)
        values.pop("form", None)
        waited = str(values.pop(guard.WAITED, ""))
        guard.untrapped(values)
        values = attributes.of_form(values)
        key = request.headers.get("idempotency-key") or None
        if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
            raise Refused([Problem("idempotency_key", "Idempotency-Key")])
        read = submission.read(values, categories=parts.categories)
        if parts.guard:
            parts.guard.report(request, key=key, waited=waited)
        accepted = accept(parts.door, read, channel="web", files=files, key=key)
    except Refused as refused:
        if _wants_page(request, values):
            return _form_again(parts, request, values | {guard.WAITED: waited}, refused)
        return _in_json(refused, language_of(request, values))
    if plain:
        return _to_status_page(parts, accepted, read.language)
    return reply(201, _created(parts, accepted), _remembered(parts, accepted))


def get_report(parts: Parts, request: Request) -> Response:
    """GET /api/reports/<id>: the public report; a private one only with its key in the header Follow-Key."""
    report_id = _id_in_path(request)
    found = records.load(parts.door.table, report_id)
    if found is None:
        raise _unknown_report(report_id)
    it, _ = found
    if it.private and not _holds_key(request.headers.get("follow-key", ""), it.follow_hash):
        raise _unknown_report(report_id)
    events = [event for event in records.history(parts.door.table, report_id) if event.seq <= it.seq]
    cache = "private, no-store" if it.private else "public, max-age=5"
    told = public.report(it, events, parts.categories, supporters(parts.door.table, it.id))
    return reply(200, told, {"Cache-Control": cache})


def show_receipt(parts: Parts, request: Request) -> Response:
    """GET /api/reports/<id>/receipt: the follow key of a report that this browser sent, from its cookie."""
    report_id = _id_in_path(request)
    follow_key = cookies.key(request, report_id)
    found = records.load(parts.door.table, report_id)
    if found is None or not _holds_key(follow_key, found[0].follow_hash):
        raise Refused([Problem("receipt_unknown", "id", {"value": written_id(report_id)})], 404)
    it, _ = found
    language = (
        request.query.get("language")
        if request.query.get("language") in submission.LANGUAGES
        else it.language
    )
    page = parts.renderer().receipt(
        report_id, follow_key, public.place_view(it), language or it.language, private=it.private
    )
    return Response(200, {"Content-Type": HTML_TYPE, "Cache-Control": "private, no-store"}, page.encode())


def locate(parts: Parts, request: Request) -> Response:
    """GET /api/locate: which kelurahan a position is in, by the rule that places reports."""
    values = _query(request, LocateQuery)
    locator = parts.door.locator
    found = locator.locate(values["longitude"], values["latitude"], values.get("accuracy"))
    place = None
    if found.kode is not None:
        names = {
            name: getattr(locator.by_kode[found.kode], name) for name in ("kelurahan", "kecamatan", "kota")
        }
        second = locator.by_kode.get(found.runner_up or "")
        place = LocatedPlace(
            kode=found.kode,
            **names,
            method=found.method,
            distance_m=None if found.distance_m is None else round(found.distance_m, 1),
            probability=round(found.probability, 4),
            runner_up=KelurahanName(second.kode, second.kelurahan, second.kecamatan, second.kota)
            if second
            else None,
        )
    answer = Located(place, Boundaries(locator.version, parts.approximate))
    return reply(200, answer, {"Cache-Control": "public, max-age=3600"})


def list_categories(parts: Parts, _request: Request) -> Response:
    """GET /api/categories: what can be reported."""
    rows = tuple(
        CategoryAnswer(each.code, Name(**each.names), Name(**each.hints), each.icon)
        for each in parts.categories.values()
    )
    return reply(200, Categories(rows), {"Cache-Control": "public, max-age=300"})


def create_upload(parts: Parts, request: Request) -> Response:
    """POST /api/uploads: where to send a photo that is too large for a request body."""
    values, _ = body.read(request.body, request.headers.get("content-type", ""), max_bytes=10_000)
    content_type = values.get("content_type")
    if content_type not in PHOTO_TYPES:
        choices = {"value": str(content_type), "choices": ", ".join(PHOTO_TYPES)}
        raise Refused([Problem("not_a_choice", "content_type", choices)])
    name = parts.door.random_bytes(16).hex()
    key = f"upload:{name}"
    if not UPLOAD_KEY.fullmatch(key):
        raise ValueError(f"the key {key!r} does not look like an upload key")
    upload = parts.door.private.presign_upload(
        upload_path(name),
        max_bytes=parts.settings.max_photo_bytes,
        content_types=(content_type,),
        expires_s=UPLOAD_SECONDS,
    )
    ticket = UploadTicket(
        key, upload.url, dict(upload.fields), parts.settings.max_photo_bytes, UPLOAD_SECONDS
    )
    return reply(201, ticket)


def health(parts: Parts, _request: Request) -> Response:
    """GET /api/health: whether the API and its table answer."""
    try:
        parts.door.table.get(Key("health", "check"))
        status = "ok"
    except Busy:
        status = "busy"
    answer = Health(status, Boundaries(parts.door.locator.version, parts.approximate))
    return reply(200 if status == "ok" else 503, answer)


def openapi(_parts: Parts, _request: Request) -> Response:
    """GET /api/openapi.json: this API, described from its declarations."""
    from .openapi import document

    return Response(
        200, {"Content-Type": JSON_TYPE, "Cache-Control": "public, max-age=300"}, document(OPERATIONS)
    )


BODY_TYPES = (body.JSON, body.URLENCODED, body.MULTIPART)
NO_STORE = {"Cache-Control": "no-store"}
CONDITIONAL = {"If-None-Match": "The ETag of an answer that you have: 304 when it is still the same."}

OPERATIONS = (
    Operation(
        "create_report",
        "POST",
        "/api/reports",
        "Report a problem",
        create_report,
        {
            201: (Created,),
            303: (None,),
            400: (Errors, PAGE),
            413: (Errors, PAGE),
            415: (Errors, PAGE),
            422: (Errors, PAGE),
            429: (Errors, PAGE),
            503: (Errors, PAGE),
        },
        takes=submission.Submission,
        content_types=BODY_TYPES,
        headers={
            "Idempotency-Key": "8 to 128 letters, digits, - or _. The same key gives the same report for 7 days.",
            "Device-Key": "Random text that a device keeps, 16 to 128 characters: its reports are counted together.",
            puzzle.ANSWER_HEADER: "The challenge of an answer 429, a space, and the number that solves it.",
        },
    ),
    Operation(
        "get_report",
        "GET",
        "/api/reports/{report_id}",
        "Read a report and its history",
        get_report,
        {200: (public.PublicReport,), 304: (None,), 400: (Errors,), 404: (Errors,), 503: (Errors,)},
        headers={"Follow-Key": "The report's follow key; private reports open only with it.", **CONDITIONAL},
        shared=True,
    ),
    Operation(
        "show_receipt",
        "GET",
        "/api/reports/{report_id}/receipt",
        "Show the follow key to the browser that sent the report",
        show_receipt,
        {200: (PAGE,), 400: (Errors, PAGE), 404: (Errors, PAGE), 503: (Errors, PAGE)},
        query=ReceiptQuery,
    ),
    Operation(
        "locate",
        "GET",
        "/api/locate",
        "Find the kelurahan of a position",
        locate,
        {200: (Located,), 304: (None,), 400: (Errors,)},
        query=LocateQuery,
        headers=CONDITIONAL,
        shared=True,
    ),
    Operation(
        "list_categories",
        "GET",
        "/api/categories",
        "List what can be reported",
        list_categories,
        {200: (Categories,), 304: (None,)},
        headers=CONDITIONAL,
        shared=True,
    ),
    Operation(
        "create_upload",
        "POST",
        "/api/uploads",
        "Ask where to send a large photo",
        create_upload,
        {
            201: (UploadTicket,),
            400: (Errors,),
            413: (Errors,),
            415: (Errors,),
            429: (Errors,),
            503: (Errors,),
        },
        takes=UploadWish,
        content_types=(body.JSON, body.URLENCODED),
    ),
    Operation(
        "health",
        "GET",
        "/api/health",
        "Is the service up",
        health,
        {200: (Health,), 503: (Health,)},
        shared=True,
    ),
    Operation(
        "openapi",
        "GET",
        "/api/openapi.json",
        "This API, described",
        openapi,
        {200: (dict,), 304: (None,)},
        headers=CONDITIONAL,
        shared=True,
    ),
    *finding.OPERATIONS,
    *participation.OPERATIONS,
    *following.OPERATIONS,
    *open311.OPERATIONS,
    *webhooks.OPERATIONS,
)
OPERATIONS += STAFF_OPERATIONS
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def answer(parts: Parts, name: str, request: Request) -> Response:
    """Answer a request to an operation. Whatever a client sends, this returns; faults of ours are raised."""
    operation = BY_NAME[name]
    counted: Mapping[str, str] = {}
    try:
        if parts.guard and (taken := parts.guard.admit(name, request)):
            counted = taken.headers
        response = operation.handler(parts, request)
    except Refused as refused:
        response = _refusal(parts, request, operation, refused)
    except Busy:
        response = _refusal(parts, request, operation, Refused([Problem("busy")], 503))
    shared = sharing.OPEN if operation.shared else {}
    headers = {**NO_STORE, **SECURITY, **shared, **counted, **response.headers}
    if operation.method != "GET":
        return Response(response.status, headers, response.body)
    known = request.headers.get("if-none-match", "")
    return Response(*sharing.conditional(known, response.status, headers, response.body))


# Helpers of the handlers.


def _refusal(parts: Parts, request: Request, operation: Operation, refused: Refused) -> Response:
    language = language_of(request, {})
    if PAGE in operation.answers.get(refused.status, ()) and accepts_page(request):
        text = " ".join(p.message(language) for p in refused.problems)
        typed = request.query.get("q") or request.query.get("id", "")
        page = parts.renderer().search(language, typed[: finding.LONGEST], text)
        return Response(refused.status, {"Content-Type": HTML_TYPE, **_when(refused)}, page.encode())
    return _in_json(refused, language)


def _in_json(refused: Refused, language: str) -> Response:
    said = {"Content-Type": JSON_TYPE, **_when(refused)}
    return Response(refused.status, said, errors(refused.problems, language))


def _when(refused: Refused) -> dict[str, str]:
    """Who is told that it is too busy is told when to come back."""
    return {**({"Retry-After": "60"} if refused.status == 503 else {}), **refused.headers}


def _created(parts: Parts, accepted: Accepted) -> Created:
    it = records.load(parts.door.table, accepted.id)
    return Created(
        accepted.id,
        written_id(accepted.id),
        accepted.follow_key,
        public.place(it[0]) if it else None,
        _status_url(parts, accepted),
        accepted.private,
        accepted.repeated,
    )


def _status_url(parts: Parts, accepted: Accepted) -> str:
    if accepted.private:
        return f"{parts.settings.site_url}/api/reports/{accepted.id}/page"
    return f"{parts.settings.site_url}/laporan/{accepted.id}/"


def _to_status_page(parts: Parts, accepted: Accepted, language: str) -> Response:
    """303 to the status page, once it is there: it is published from the change stream within moments."""
    root = "en/" if language == "en" else ""
    page = f"{root}laporan/{accepted.id}/index.html"
    step = 0.1
    for _ in range(int(parts.settings.page_wait_ms / 1000 / step)):
        if accepted.private or accepted.place is None or parts.site.exists(page):
            break
        parts.sleep(step)
    target = f"{parts.settings.site_url}/{root}laporan/{accepted.id}/"
    if accepted.private:
        target = f"{parts.settings.site_url}/api/reports/{accepted.id}/receipt"
    return Response(303, {"Location": target, **_remembered(parts, accepted)}, b"")


def _remembered(parts: Parts, accepted: Accepted) -> dict[str, str]:
    """A cookie that opens this report to the browser that sent it, and is sent nowhere else."""
    return {"Set-Cookie": cookies.of_key(parts, accepted.id, accepted.follow_key)}


def _form_again(parts: Parts, request: Request, values: Mapping[str, Any], refused: Refused) -> Response:
    from web.views import FieldError, FormView

    language = language_of(request, values)
    found = tuple(FieldError(p.field, p.message(language)) for p in refused.problems)
    shown = body.strings(values)
    shown[guard.WAITED] = refused.headers.get(puzzle.HEADER) or shown.get(guard.WAITED, "")
    answers = {
        f"{body.ATTRIBUTE}{values.get('category')}][{code}]": given
        for code, given in (values.get("attributes") or {}).items()
        if isinstance(given, list)
    }
    page = parts.renderer().report_form(FormView(shown, found, answers), language)
    return Response(refused.status, {"Content-Type": HTML_TYPE, **_when(refused)}, page.encode())


def _wants_page(request: Request, values: Mapping[str, Any]) -> bool:
    return values.get("form") == "html" or (
        accepts_page(request) and body.JSON not in request.headers.get("content-type", "")
    )


def _query(request: Request, declared: type[msgspec.Struct]) -> dict[str, float]:
    """The numbers of a query, judged like the fields of a submission. Raises Refused naming all that are wrong."""
    return submission.read_numbers(request.query, declared)


def _id_in_path(request: Request) -> str:
    text = request.path.get("report_id", "")
    report_id = read_id(text)
    if report_id is None:
        raise Refused([Problem("report_id", "report_id", {"value": text})])
    return report_id


def _unknown_report(report_id: str) -> Refused:
    return Refused([Problem("report_unknown", "id", {"value": written_id(report_id)})], 404)


def _holds_key(follow_key: str, kept: str) -> bool:
    import hmac

    return 0 < len(follow_key) <= 64 and hmac.compare_digest(follow_hash(follow_key), kept)
