"""The pages of following: where one asks, what comes after asking, and what a message's links open.

Plain data in, pages out. The page to ask is static; the others are shown by the API to one
person and hold no address, only what is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from web.render import Renderer

RADII = (200, 500, 1000, 2000)
"""Metres that the page offers."""


class Kelurahan(Protocol):
    """A kelurahan with the names of what it lies in."""

    @property
    def kode(self) -> str: ...
    @property
    def kelurahan(self) -> str: ...
    @property
    def kecamatan(self) -> str: ...
    @property
    def kota(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is followed, named in the reader's language."""

    number: int
    name: str
    rhythm: str
    ends: datetime
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Managed:
    """What a link opened: `c` to confirm, `u` to end `chosen`, `m` to manage all `rows`. `done` was just done."""

    scope: str
    rows: tuple[Row, ...]
    chosen: tuple[Row, ...]
    done: str
    token: str
    manage: str
    language: str


def page(renderer: Renderer, kelurahan: Iterable[Kelurahan], language: str) -> str:
    """The page to ask to be told, with every area."""
    kota: dict[str, dict[str, list[Kelurahan]]] = {}
    names: dict[str, str] = {}
    for row in sorted(kelurahan, key=lambda each: each.kode):
        kota.setdefault(row.kode[:5], {}).setdefault(row.kode[:8], []).append(row)
        names |= {row.kode[:5]: row.kota, row.kode[:8]: row.kecamatan}
    return renderer._page(
        "follow.html",
        language,
        "/ikuti/",
        kota=kota,
        names=names,
        categories=list(renderer.categories.values()),
        radii=RADII,
    )


def asked(renderer: Renderer, language: str, *, what: str = "", problems: Sequence[str] = ()) -> str:
    """After asking: look into your mailbox, or what was wrong."""
    return renderer._page("asked.html", language, "", what=what, problems=tuple(problems))


def managed(renderer: Renderer, view: Managed, language: str) -> str:
    """What the link of a message opens."""
    return renderer._page("followed.html", language, "", view=view)
