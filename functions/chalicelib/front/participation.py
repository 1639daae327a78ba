"""The API's operations for those who reported something, with their follow key, and for those it concerns too.

Browsers without scripts get pages and redirects, programs get JSON. Reads and answers
only: what may be done is decided in holder.py and support.py.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from web import qr
from web.views import EventView, OwnView, PhotoView, ReportView

from .. import holder, public, records
from ..report import Event, Report, read_id, unanswered
from ..submission import MAX_PHOTOS
from ..support import support
from . import body, cookies
from .operation import (
    HTML_TYPE,
    PAGE,
    SVG,
    Errors,
    Operation,
    Parts,
    Request,
    Response,
    accepts_page,
    language_of,
    reply,
)
from .problems import Problem, Refused

DEVICE = "perangkat"
DEVICE_DAYS = 730
BODY_TYPES = (body.JSON, body.URLENCODED, body.MULTIPART)
REASON = "reason_"
"""Forms without scripts send one field for each reason: reason_<code>."""


class KeyWish(msgspec.Struct, frozen=True):
    """The follow key that was shown when the report was made."""

    follow_key: Annotated[str, Meta(description="With or without dashes, in any case.", max_length=64)]
    language: Annotated[Literal["id", "en"], Meta(description="Language of the page.")] = "id"


class Feedback(msgspec.Struct, frozen=True):
    """What the holder of the key does. Rate: `rating`, and `reasons` when it is not satisfying."""

    action: Annotated[Literal["rate", "reopen", "add", "answer"], Meta(description="One deed at a time.")]
    follow_key: Annotated[
        str, Meta(description="Needed unless it is in the header Follow-Key.", max_length=64)
    ] = ""
    rating: Annotated[str, Meta(description="satisfied or unsatisfied.", max_length=20)] = ""
    reasons: Annotated[
        tuple[Annotated[str, Meta(max_length=20)], ...],
        Meta(description=f"Any of {', '.join(holder.WHY_NOT)}.", max_length=len(holder.WHY_NOT)),
    ] = ()
    about: Annotated[
        int, Meta(description="When answering: `seq` of the question (kind `asked`) in the history.", ge=0)
    ] = 0
    text: Annotated[
        str, Meta(description="Public; the reason when reopening.", max_length=holder.MAX_WORDS)
    ] = ""
    photo: Annotated[
        tuple[Annotated[str, Meta(max_length=6_000_000)], ...],
        Meta(description="As for a new report; not when rating.", max_length=MAX_PHOTOS),
    ] = ()
    language: Annotated[Literal["id", "en"], Meta(description="Language of answers.")] = "id"


class SupportWish(msgspec.Struct, frozen=True):
    """One more whom it concerns. `device` is any random text that an app keeps; browsers get a cookie."""

    device: Annotated[str, Meta(description="16 to 128 characters.", max_length=128)] = ""
    language: Annotated[Literal["id", "en"], Meta(description="Language of answers.")] = "id"


class Supported(msgspec.Struct, frozen=True):
    """How many devices said so; `counted` is false when this one had before."""

    supporters: int
    counted: bool


def open_own(parts: Parts, request: Request) -> Response:
    """POST /api/reports/<id>/key: with the right key on to the holder's page, which a cookie then opens."""
    values: dict[str, Any] = {}
    report_id = _id(request)
    try:
        values, _ = body.read(request.body, request.headers.get("content-type", ""), max_bytes=10_000)
        follow_key = _text(values, "follow_key")
        holder.opened(parts.door, report_id, follow_key)
    except Refused as refused:
        if accepts_page(request):
            return _page_of(parts, request, values, report_id, refused)
        raise
    headers = {"Location": _own_path(report_id, language_of(request, values))}
    headers["Set-Cookie"] = cookies.of_key(parts, report_id, follow_key)
    return Response(303, headers, b"")


def show_own(parts: Parts, request: Request) -> Response:
    """GET /api/reports/<id>/page: the report as its reporter sees it, private ones too; else a form for the key."""
    report_id = _id(request)
    refused = None
    if not holder.holds_key(_loaded(parts, report_id), _key(request, {}, report_id)):
        refused = Refused([Problem("key_needed", "follow_key")], 403)
    return _page_of(parts, request, {}, report_id, refused)


def show_qr(parts: Parts, request: Request) -> Response:
    """GET /api/reports/<id>/qr: the key as a QR code for another phone; asked for by header or cookie, never by URL."""
    report_id = _id(request)
    key = _key(request, {}, report_id)
    it = _loaded(parts, report_id)
    if it is None or not holder.holds_key(it, key):
        raise Refused([Problem("key_needed", "follow_key")], 403)
    drawing = qr.svg(qr.key_text(parts.settings.site_url, report_id, key))
    return Response(200, {"Content-Type": SVG, "Cache-Control": "private, no-store"}, drawing.encode())


def give_feedback(parts: Parts, request: Request) -> Response:
    """POST /api/reports/<id>/feedback: rate, reopen, add or answer. JSON gets the report, a form its page."""
    values: dict[str, Any] = {}
    report_id = _id(request)
    try:
        values, files = body.read(
            request.body, request.headers.get("content-type", ""), max_bytes=parts.settings.max_body_bytes
        )
        it = _feedback(parts, request, report_id, values, files)
    except Refused as refused:
        if _wants_page(request):
            return _page_of(parts, request, values, report_id, refused)
        raise
    if _wants_page(request):
        return Response(303, {"Location": _own_path(report_id, language_of(request, values))}, b"")
    return reply(200, public.report(it, _events(parts, it), parts.categories), {"Cache-Control": "no-store"})


def add_support(parts: Parts, request: Request) -> Response:
    """POST /api/reports/<id>/support: "me too". A browser goes back to the status page, with a cookie."""
    report_id = _id(request)
    values: dict[str, Any] = {}
    if request.body:
        values, _ = body.read(request.body, request.headers.get("content-type", ""), max_bytes=10_000)
    device = _text(values, "device") or cookies.read(request).get(DEVICE, "")
    if device and not 16 <= len(device) <= 128:
        raise Refused([Problem("device_wrong", "device")])
    known = bool(device)
    device = device or parts.door.random_bytes(16).hex()
    count, new = support(parts.door.table, report_id, device)
    headers = (
        {} if known else {"Set-Cookie": cookies.made(parts, DEVICE, device, "/api/reports", DEVICE_DAYS)}
    )
    if _wants_page(request):
        root = "/en" if language_of(request, values) == "en" else ""
        return Response(303, {"Location": f"{root}/laporan/{report_id}/#saya-juga", **headers}, b"")
    return reply(200, Supported(count, new), headers)


PROBLEMS = (Errors, PAGE)
OPERATIONS = (
    Operation(
        "open_own",
        "POST",
        "/api/reports/{report_id}/key",
        "Open a report's own page with its follow key",
        open_own,
        {
            303: (None,),
            400: PROBLEMS,
            403: PROBLEMS,
            413: PROBLEMS,
            415: PROBLEMS,
            429: PROBLEMS,
            503: PROBLEMS,
        },
        takes=KeyWish,
        content_types=BODY_TYPES,
    ),
    Operation(
        "show_own",
        "GET",
        "/api/reports/{report_id}/page",
        "The report as its reporter sees it",
        show_own,
        {200: (PAGE,), 400: PROBLEMS, 403: (PAGE,), 503: PROBLEMS},
    ),
    Operation(
        "show_qr",
        "GET",
        "/api/reports/{report_id}/qr",
        "The follow key as a QR code",
        show_qr,
        {200: (SVG,), 400: (Errors,), 403: (Errors,), 503: (Errors,)},
        headers={"Follow-Key": "The report's follow key; a browser's cookie does, too."},
    ),
    Operation(
        "give_feedback",
        "POST",
        "/api/reports/{report_id}/feedback",
        "Rate, reopen, add to or answer about a report with its follow key",
        give_feedback,
        {
            200: (public.PublicReport,),
            303: (None,),
            400: PROBLEMS,
            403: PROBLEMS,
            409: PROBLEMS,
            413: PROBLEMS,
            415: PROBLEMS,
            429: PROBLEMS,
            503: PROBLEMS,
        },
        takes=Feedback,
        content_types=BODY_TYPES,
        headers={"Follow-Key": "The report's follow key, instead of the field."},
    ),
    Operation(
        "add_support",
        "POST",
        "/api/reports/{report_id}/support",
        "Say that a report concerns you too",
        add_support,
        {
            200: (Supported,),
            303: (None,),
            400: PROBLEMS,
            404: PROBLEMS,
            409: PROBLEMS,
            413: PROBLEMS,
            415: PROBLEMS,
            429: PROBLEMS,
            503: PROBLEMS,
        },
        takes=SupportWish,
        content_types=BODY_TYPES,
    ),
)


def _feedback(
    parts: Parts, request: Request, report_id: str, values: Mapping[str, Any], files: Sequence[bytes]
) -> Report:
    key, text = _key(request, values, report_id), _text(values, "text").replace("\r\n", "\n")
    action, sent = _text(values, "action"), _list(values, "photo")
    if action == "rate":
        reasons = _list(values, "reasons") or [
            name.removeprefix(REASON) for name in values if name.startswith(REASON)
        ]
        return holder.rate(parts.door, report_id, key, _text(values, "rating"), reasons=reasons, text=text)
    if action in {"reopen", "add"}:
        deed = holder.reopen if action == "reopen" else holder.add
        return deed(parts.door, report_id, key, text, files=files, sent=sent)
    if action == "answer":
        about = _number(values, "about")
        return holder.answer(parts.door, report_id, key, about, text, files=files, sent=sent)
    choices = ", ".join(("rate", "reopen", "add", "answer"))
    raise Refused([Problem("not_a_choice", "action", {"value": action[:40], "choices": choices})])


def _page_of(
    parts: Parts, request: Request, values: Mapping[str, Any], report_id: str, refused: Refused | None
) -> Response:
    """The holder's page with what was wrong, if anything; for who has no key, the form to type it."""
    language = language_of(request, values)
    it = _loaded(parts, report_id)
    messages = tuple(p.message(language) for p in refused.problems) if refused else ()
    status = refused.status if refused else 200
    if it is None or not holder.holds_key(it, _key(request, values, report_id)):
        page = parts.renderer().locked(report_id, messages, language)
    else:
        until = holder.reopen_until(it)
        events = _events(parts, it)
        shown = _shown(parts, it, public.report_view(it, events))
        asked = {question.seq for question in unanswered(events)}
        view = OwnView(
            report=shown,
            private=it.private,
            rateable=it.state in holder.RATEABLE and it.rating is None,
            reopen_until=until if until and parts.door.now() <= until else None,
            reasons=holder.WHY_NOT,
            messages=messages,
            text=_text(values, "text"),
            questions=tuple(event for event in shown.events if event.seq in asked),
            about=_about(values),
        )
        page = parts.renderer().own(view, language)
    again = {"Retry-After": "60"} if status == 503 else {}
    headers = {"Content-Type": HTML_TYPE, "Cache-Control": "private, no-store", **again}
    return Response(status, headers, page.encode())


def _about(values: Mapping[str, Any]) -> int:
    """Which question was just answered, when that was not taken."""
    try:
        return _number(values, "about")
    except Refused:
        return 0


def _shown(parts: Parts, it: Report, view: ReportView) -> ReportView:
    """A report with its photos inside the page: those of a private one are nowhere on the site."""
    if not it.private and it.place is not None:
        return view

    def inside(photos: Sequence[PhotoView]) -> tuple[PhotoView, ...]:
        shown = []
        for photo in photos:
            stored = parts.door.private.get(photo.thumb_url.lstrip("/"))
            if stored:
                url = f"data:image/jpeg;base64,{base64.b64encode(stored.data).decode()}"
                shown.append(dataclasses.replace(photo, url=url, thumb_url=url))
        return tuple(shown)

    events: tuple[EventView, ...] = tuple(
        dataclasses.replace(event, photos=inside(event.photos)) for event in view.events
    )
    return dataclasses.replace(view, photos=inside(view.photos), events=events)


def _events(parts: Parts, it: Report) -> list[Event]:
    return [event for event in records.history(parts.door.table, it.id) if event.seq <= it.seq]


def _loaded(parts: Parts, report_id: str) -> Report | None:
    found = records.load(parts.door.table, report_id)
    return found[0] if found else None


def _key(request: Request, values: Mapping[str, Any], report_id: str) -> str:
    return (
        _text(values, "follow_key")
        or request.headers.get("follow-key", "")
        or cookies.key(request, report_id)
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise Refused([Problem("not_text", name)])
    return value


def _number(values: Mapping[str, Any], name: str) -> int:
    """A whole number, from JSON or from a form. Raises Refused."""
    value = values.get(name, 0)
    text = str(value) if isinstance(value, int | str) else ""
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise Refused([Problem("not_a_number", name, {"value": str(value)[:40]})])
    return int(text)


def _list(values: Mapping[str, Any], name: str) -> list[str]:
    value = values.get(name, [])
    many = [value] if isinstance(value, str) else value
    if not isinstance(many, list) or not all(isinstance(each, str) for each in many):
        raise Refused([Problem("not_text", name)])
    return [each for each in many if each]


def _wants_page(request: Request) -> bool:
    return accepts_page(request) and body.JSON not in request.headers.get("content-type", "")


def _id(request: Request) -> str:
    text = request.path.get("report_id", "")
    report_id = read_id(text)
    if report_id is None:
        raise Refused([Problem("report_id", "report_id", {"value": text})])
    return report_id


def _own_path(report_id: str, language: str) -> str:
    return f"/api/reports/{report_id}/page{'?language=en' if language == 'en' else ''}"
