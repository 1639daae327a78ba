"""Saved views: a queue's wish under a name, kept for one officer. Kept as it was asked; judged when it is used."""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from ..access import Officer
from ..front import body
from ..front.operation import Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..storage.table import Delete, Key, Put, Table
from .gate import BAD, OUT, TOKEN, asking, read_body
from .queue import QueueWish, filter_of

MOST = 30
MOST_BYTES = 100_000
"""A view with a drawn area is larger than others; thirty of them still fit one answer."""


class View(msgspec.Struct, frozen=True):
    """A wish under a name."""

    name: str
    wish: QueueWish


class Views(msgspec.Struct, frozen=True):
    """The officer's views, by name."""

    views: tuple[View, ...]
    most: Annotated[int, Meta(description="So many are kept for an officer.")] = MOST


class SaveView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep a wish under a name, in place of the one that had it; without a wish: forget the name."""

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    wish: QueueWish | None = None


def list_views(parts: Parts, request: Request) -> Response:
    """GET /api/staff/views: what this officer saved."""
    officer = asking(parts, request, "queue")
    return reply(200, Views(_views(parts.door.table, officer)))


def save_view(parts: Parts, request: Request) -> Response:
    """POST /api/staff/views: save a view, or forget it. Answers all that are there then."""
    officer = asking(parts, request, "queue")
    sent = read_body(parts, request, SaveView)
    name = " ".join(sent.name.split())
    if not name:
        raise Refused([Problem("missing", "name", {"field": "name"})])
    table, key = parts.door.table, _key(officer, name)
    if sent.wish is None:
        table.transact([Delete(key)])
        return reply(200, Views(_views(table, officer)))
    # What could never be read is not kept.
    filter_of(officer, sent.wish, parts.door.now())
    wish = msgspec.to_builtins(msgspec.structs.replace(sent.wish, after=""))
    if len(msgspec.json.encode(wish)) > MOST_BYTES:
        raise Refused([Problem("view_too_large", "wish")])
    kept = _views(table, officer)
    if len(kept) >= MOST and name.casefold() not in {each.name.casefold() for each in kept}:
        raise Refused([Problem("views_too_many", "name", {"most": MOST})])
    table.transact([Put(key, {"name": name, "wish": wish})])
    return reply(200, Views(_views(table, officer)))


def _views(table: Table, officer: Officer) -> tuple[View, ...]:
    items = table.query(f"views#{officer.id}", limit=2 * MOST).items
    found = (View(item.body["name"], msgspec.convert(item.body["wish"], QueueWish)) for item in items)
    return tuple(sorted(found, key=lambda each: each.name.casefold()))


def _key(officer: Officer, name: str) -> Key:
    return Key(f"views#{officer.id}", hashlib.sha256(name.casefold().encode()).hexdigest()[:24])


OPERATIONS = (
    Operation(
        "staff_views",
        "GET",
        "/api/staff/views",
        "List the officer's saved views of the queue",
        list_views,
        {200: (Views,), **OUT},
        headers=TOKEN,
    ),
    Operation(
        "staff_save_view",
        "POST",
        "/api/staff/views",
        "Save a view of the queue under a name, or forget it",
        save_view,
        {200: (Views,), **BAD, **OUT},
        takes=SaveView,
        content_types=(body.JSON,),
        headers=TOKEN,
    ),
)
