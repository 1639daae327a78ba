"""Following, over HTTP: asking to be told, and what the links in messages open.

Whoever asks learns nothing about an address: the answer is the same for known and unknown ones.
A GET changes nothing, so that programs which look at links in mail neither confirm nor end
anything. What a follow is stands in followers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from web import following as pages
from web.letters import Letters

from . import follow, news, notices, records
from .followers import EMAIL, PUSH, Book, Follower, made_once
from .front import body
from .front.operation import (
    HTML_TYPE,
    PAGE,
    Errors,
    Operation,
    Parts,
    Request,
    Response,
    accepts_page,
    language_of,
    reply,
)
from .front.problems import Problem, Refused
from .privacy import contact
from .report import moment, read_id, written_id
from .senders.push import WrongSubscription, judge_endpoint, judge_keys, new_key, public_key
from .submission import clean, read_numbers

MOST_BYTES = 10_000
BODY_TYPES = (body.JSON, body.URLENCODED, body.MULTIPART)
PRIVATE = {"Cache-Control": "private, no-store"}
VAPID = "vapid"


class FollowWish(msgspec.Struct, frozen=True):
    """What to follow, where to tell, and how often. One of `report`, `area`, or a position with `radius`."""

    report: Annotated[str, Meta(description="A report's number.")] = ""
    area: Annotated[
        str, Meta(description="Code of a kelurahan or kecamatan; with a category also of a kota, or 31.")
    ] = ""
    category: Annotated[str, Meta(description="Only reports of this category.")] = ""
    latitude: Annotated[float, Meta(ge=-90, le=90, description="Middle of a circle.")] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180, description="Middle of a circle.")] | None = None
    radius: (
        Annotated[int, Meta(ge=follow.LEAST_RADIUS_M, le=follow.MOST_RADIUS_M, description="In metres.")]
        | None
    ) = None
    email: Annotated[str, Meta(description="Gets a mail that asks for its yes.", max_length=254)] = ""
    push_endpoint: Annotated[str, Meta(description="Of a browser's push subscription.")] = ""
    push_p256dh: Annotated[str, Meta(description="Its key p256dh, base64url.")] = ""
    push_auth: Annotated[str, Meta(description="Its key auth, base64url.")] = ""
    rhythm: Annotated[Literal["now", "daily"], Meta(description="At once, or in a daily digest.")] = "now"
    language: Annotated[Literal["id", "en"], Meta(description="Language of the messages.")] = "id"


class FollowDeed(msgspec.Struct, frozen=True):
    """What to do by a link of a message; without `action` what the link is for: to confirm, or to end."""

    action: Annotated[
        str, Meta(description="confirm, end, end_all, rhythm, extend or language, as the link allows.")
    ] = ""
    number: Annotated[str, Meta(description="Which follow.")] = ""
    rhythm: Annotated[str, Meta(description="now or daily.")] = ""
    language: Annotated[str, Meta(description="id or en.")] = ""


class FollowTaken(msgspec.Struct, frozen=True):
    """The wish was taken. By e-mail it waits for the yes; a browser is told from now on, and `manage` ends it."""

    channel: str
    confirmed: bool
    manage: str | None


class FollowKept(msgspec.Struct, frozen=True):
    """One thing that is followed. `area` as a code; a circle's middle is not told to anybody."""

    number: int
    kind: str
    report: str
    area: str
    category: str
    radius: int
    rhythm: str
    confirmed: bool
    ends: str


class Following(msgspec.Struct, frozen=True):
    """All that the holder of a link follows."""

    channel: str
    language: str
    follows: tuple[FollowKept, ...]


class PushKey(msgspec.Struct, frozen=True):
    """The key that browsers subscribe to push messages with (VAPID), base64url."""

    key: str


_FIELDS = tuple(FollowWish.__struct_fields__)


def create_follow(parts: Parts, request: Request) -> Response:
    """POST /api/follow: ask to be told of a report, an area, a category or a circle."""
    return _create(parts, request, "")


def follow_report(parts: Parts, request: Request) -> Response:
    """POST /api/reports/<id>/follow: the same for the report of the address."""
    return _create(parts, request, request.path.get("report_id", ""))


def show_follow(parts: Parts, request: Request) -> Response:
    """GET /api/follow/<token>: what a link of a message is about. Changes nothing."""
    book, (who_id, scope, numbers) = _book(parts), _token(parts, request)
    return _shown(parts, request, book.load(who_id), scope, numbers)


def change_follow(parts: Parts, request: Request) -> Response:
    """POST /api/follow/<token>: confirm, end or change. One click of a mail program (RFC 8058) ends."""
    book, (who_id, scope, numbers) = _book(parts), _token(parts, request)
    values: dict[str, Any] = {}
    if request.body:
        values, _ = body.read(request.body, request.headers.get("content-type", ""), max_bytes=MOST_BYTES)
    action = _text(values, "action") or {"c": "confirm", "u": "end"}.get(scope, "")
    allowed = {
        "c": {"confirm"},
        "u": {"end"},
        "m": {"end", "end_all", "rhythm", "extend", "language"},
    }[scope]
    if action not in allowed:
        choices = {"value": action[:40], "choices": ", ".join(sorted(allowed))}
        raise Refused([Problem("not_a_choice", "action", choices)])
    if action == "end_all":
        left = book.end(who_id)
    elif action == "language":
        left = book.speak(who_id, _choice("language", _text(values, "language"), ("id", "en")))
    else:
        left = _changed_one(book, who_id, numbers or _picked(values), action, values)
    return _shown(parts, request, left, scope, numbers, done=action)


def _changed_one(
    book: Book, who_id: str, numbers: tuple[int, ...], action: str, values: Mapping[str, Any]
) -> Follower | None:
    if action == "end":
        return book.end(who_id, numbers)
    if action == "rhythm":
        rhythm = _choice("rhythm", _text(values, "rhythm"), follow.RHYTHMS)
        return book.alter(who_id, numbers[0], rhythm=rhythm)
    if action == "extend":
        return book.alter(who_id, numbers[0], extend=True)
    left = book.confirm(who_id, numbers[0])
    if left is None:
        raise Refused([Problem("follow_token", "token")], 404)
    return left


def push_key(parts: Parts, _request: Request) -> Response:
    """GET /api/push: the key that browsers subscribe with."""
    if parts.settings.push_way == "off":
        raise Refused([Problem("follow_off")], 404)
    key = made_once(parts.door.table, VAPID, lambda: new_key(parts.door.random_bytes))
    return reply(200, PushKey(public_key(key)), {"Cache-Control": "public, max-age=300"})


def _create(parts: Parts, request: Request, report: str) -> Response:
    values: dict[str, Any] = {}
    try:
        values, _ = body.read(request.body, request.headers.get("content-type", ""), max_bytes=MOST_BYTES)
        taken, who, wish = _taken(parts, values | ({"report": report} if report else {}))
    except Refused as refused:
        if accepts_page(request):
            language = language_of(request, values)
            said = [p.message(language) for p in refused.problems]
            return _html(refused.status, pages.asked(parts.renderer(), language, problems=said))
        raise
    if accepts_page(request):
        what = Letters(parts.renderer()).name(news.described(wish, parts.door.locator.by_kode), who.language)
        return _html(202, pages.asked(parts.renderer(), who.language, what=what))
    return reply(201 if taken.confirmed else 202, taken, PRIVATE)


def _taken(parts: Parts, values: Mapping[str, Any]) -> tuple[FollowTaken, Follower, follow.Target]:
    """Read a wish, judge it, and write it down. Raises Refused naming what is wrong."""
    unknown = [Problem("unknown_field", str(name)[:40]) for name in values if name not in _FIELDS]
    if unknown:
        raise Refused(unknown)
    target = _target(parts, values)
    rhythm = _choice("rhythm", _text(values, "rhythm") or "now", follow.RHYTHMS)
    language = _choice("language", _text(values, "language") or "id", ("id", "en"))
    book = _book(parts)
    if _text(values, "push_endpoint"):
        if parts.settings.push_way == "off":
            raise Refused([Problem("follow_off", "push_endpoint")])
        endpoint, p256dh, auth = (_text(values, f"push_{name}") for name in ("endpoint", "p256dh", "auth"))
        try:
            hosts = parts.settings.push_hosts.split()
            judge_endpoint(endpoint, hosts, private=parts.settings.fetch_private)
            judge_keys(p256dh, auth)
        except WrongSubscription:
            raise Refused([Problem("follow_push", "push_endpoint")]) from None
        who, _ = book.ask(PUSH, endpoint, target, rhythm=rhythm, language=language, p256dh=p256dh, auth=auth)
        manage = f"{parts.settings.site_url}/api/follow/{book.token(who.id, 'm')}"
        return FollowTaken(PUSH, True, manage), who, target
    text = _text(values, "email")
    if not text:
        raise Refused([Problem("follow_how", "email")])
    if parts.settings.mail_way == "off":
        raise Refused([Problem("follow_off", "email")])
    try:
        address = contact.email(text)
    except contact.ContactError:
        raise Refused([Problem("email_wrong", "email")]) from None
    who, _ = book.ask(EMAIL, address, target, rhythm=rhythm, language=language, also=notices.confirmation)
    # The language that was asked for now, not the one kept: an answer must not tell that an address is known.
    return FollowTaken(EMAIL, False, None), msgspec.structs.replace(who, language=language), target


def _target(parts: Parts, values: Mapping[str, Any]) -> follow.Target:
    report, area, category = (clean(_text(values, name)) for name in ("report", "area", "category"))
    if report:
        report_id = read_id(report)
        if report_id is None:
            raise Refused([Problem("report_id", "report", {"value": report})])
        found = records.load(parts.door.table, report_id)
        if found is None or found[0].private:
            raise Refused([Problem("report_unknown", "report", {"value": written_id(report_id)})], 404)
        return follow.Target(follow.REPORT, report=report_id)
    if any(values.get(name) not in (None, "") for name in ("latitude", "longitude", "radius")):
        numbers = read_numbers({n: values.get(n) for n in _Circle.__struct_fields__}, _Circle)
        target = follow.Target(
            follow.CIRCLE,
            category=category,
            longitude=round(numbers["longitude"], 5),
            latitude=round(numbers["latitude"], 5),
            radius_m=int(numbers["radius"]),
        )
        if parts.door.locator.locate(target.longitude, target.latitude).kode is None:
            raise Refused([Problem("outside_jakarta", "latitude")])
    elif area or category:
        target = follow.Target(follow.AREA, area=area or follow.CITY, category=category)
        known = target.area == follow.CITY or any(
            kode == target.area or kode.startswith(f"{target.area}.") for kode in parts.door.locator.by_kode
        )
        if not known:
            raise Refused([Problem("kelurahan_unknown", "area", {"value": area})])
    else:
        raise Refused([Problem("follow_nothing", "area")])
    wrong = follow.wrong_target(target, list(parts.categories))
    if wrong == "category" and category:
        choices = {"value": category, "choices": ", ".join(parts.categories)}
        raise Refused([Problem("not_a_choice", "category", choices)])
    if wrong:
        raise Refused([Problem("follow_area", "area", {"value": target.area})])
    return target


class _Circle(msgspec.Struct, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    radius: Annotated[float, Meta(ge=follow.LEAST_RADIUS_M, le=follow.MOST_RADIUS_M)]


def _shown(
    parts: Parts,
    request: Request,
    who: Follower | None,
    scope: str,
    numbers: tuple[int, ...],
    *,
    done: str = "",
) -> Response:
    """What is followed now: a page for people, data for programs."""
    follows = who.follows if who else ()
    if not accepts_page(request):
        kept = tuple(
            FollowKept(
                f.number,
                f.target.kind,
                f.target.report,
                f.target.area,
                f.target.category,
                f.target.radius_m,
                f.rhythm,
                bool(f.confirmed),
                f.ends,
            )
            for f in follows
        )
        return reply(200, Following(who.channel if who else "", who.language if who else "", kept), PRIVATE)
    language = who.language if who else language_of(request, {})
    letters, areas = Letters(parts.renderer()), parts.door.locator.by_kode
    rows = tuple(
        pages.Row(
            f.number,
            letters.name(news.described(f.target, areas), language),
            f.rhythm,
            moment(f.ends),
            bool(f.confirmed),
        )
        for f in follows
    )
    book = _book(parts)
    view = pages.Managed(
        scope=scope,
        rows=rows,
        chosen=tuple(row for row in rows if row.number in numbers),
        done=done,
        token=request.path["token"],
        manage=f"/api/follow/{book.token(who.id, 'm')}" if who and done else "",
        language=language,
    )
    return _html(200, pages.managed(parts.renderer(), view, language))


def _html(status: int, page: str) -> Response:
    # The address holds a token: no page that is opened from here may learn it.
    headers = {"Content-Type": HTML_TYPE, "Referrer-Policy": "no-referrer", **PRIVATE}
    return Response(status, headers, page.encode())


def _book(parts: Parts) -> Book:
    return Book(parts.door.table, parts.door.now, parts.door.random_bytes)


def _token(parts: Parts, request: Request) -> tuple[str, str, tuple[int, ...]]:
    found = _book(parts).read_token(request.path.get("token", ""))
    if found is None:
        raise Refused([Problem("follow_token", "token")], 404)
    return found


def _picked(values: Mapping[str, Any]) -> tuple[int, ...]:
    text = _text(values, "number")
    if not text.isdecimal() or not text.isascii() or len(text) > 6:
        raise Refused([Problem("not_a_number", "number", {"value": text[:40]})])
    return (int(text),)


def _choice(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise Refused([Problem("not_a_choice", name, {"value": text[:40], "choices": ", ".join(choices)})])
    return text


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise Refused([Problem("not_text", name)])
    return value


PROBLEMS = (Errors, PAGE)
TOKEN = {
    "token": {
        "type": "string",
        "maxLength": 160,
        "description": "From a link of a message; it stands for the address, which never stands in one.",
    }
}
OPERATIONS = (
    Operation(
        "create_follow",
        "POST",
        "/api/follow",
        "Ask to be told of an area, a category, a circle or a report",
        create_follow,
        {
            201: (FollowTaken,),
            202: (FollowTaken, PAGE),
            **dict.fromkeys((400, 404, 409, 413, 415, 429, 503), PROBLEMS),
        },
        takes=FollowWish,
        content_types=BODY_TYPES,
    ),
    Operation(
        "follow_report",
        "POST",
        "/api/reports/{report_id}/follow",
        "Ask to be told of a report",
        follow_report,
        {
            201: (FollowTaken,),
            202: (FollowTaken, PAGE),
            **dict.fromkeys((400, 404, 409, 413, 415, 429, 503), PROBLEMS),
        },
        takes=FollowWish,
        content_types=BODY_TYPES,
    ),
    Operation(
        "show_follow",
        "GET",
        "/api/follow/{token}",
        "See what the link of a message is about",
        show_follow,
        {200: (Following, PAGE), 404: PROBLEMS, 503: PROBLEMS},
        places=TOKEN,
    ),
    Operation(
        "change_follow",
        "POST",
        "/api/follow/{token}",
        "Confirm, change or end what is followed",
        change_follow,
        {200: (Following, PAGE), **dict.fromkeys((400, 404, 409, 413, 415, 429, 503), PROBLEMS)},
        takes=FollowDeed,
        content_types=BODY_TYPES,
        places=TOKEN,
    ),
    Operation(
        "push_key",
        "GET",
        "/api/push",
        "The key for push messages",
        push_key,
        {200: (PushKey,), 404: (Errors,), 503: (Errors,)},
    ),
)
