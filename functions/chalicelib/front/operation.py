"""What an operation of the API is: Request, Response, Operation, and what every handler needs.

Declarations are data: requests are validated against them, the OpenAPI document is
made from them, and tests hold every answer against them. Knows no single operation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..submission import LANGUAGES
from .problems import Problem, preferred

if TYPE_CHECKING:
    from web.render import Renderer

    from ..access import Gate
    from ..categories import Category
    from ..intake import Door
    from ..officers.accounts import SignInPool
    from ..officers.agencies import Agency
    from ..settings import Settings
    from ..storage.files import Files
    from .guard import Guard

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as handlers see it: header names in lower case, each query parameter once.

    `many` holds every value of query parameters, also of those that were repeated.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    many: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: status, headers, and a body in UTF-8."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Parts:
    """What handlers work with. `renderer` is made when a page is first needed; `sleep` is for the plain form's wait.

    `pool` keeps the sign-in provider's users, where it has some that are ours to invite.
    `gate` checks officers' tokens and `sign_in` says where they get them; None: nobody can sign in.
    `guard` counts who asks how often; None: nobody is counted.
    """

    settings: Settings
    door: Door
    site: Files
    categories: Mapping[str, Category]
    renderer: Callable[[], Renderer]
    approximate: bool
    sleep: Callable[[float], None] = time.sleep
    gate: Gate | None = None
    pool: SignInPool | None = None
    sign_in: Callable[[], Mapping[str, Any]] | None = None
    agencies: Mapping[str, Agency] = field(default_factory=dict)
    guard: Guard | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    """One thing that was wrong, in the asker's language."""

    code: str
    field: str
    message: str


class Errors(msgspec.Struct, frozen=True):
    """Everything that was wrong."""

    errors: tuple[ErrorAnswer, ...]


PAGE = "text/html"
"""Stands for a readable page where a declaration names what comes out."""
SVG = "image/svg+xml"
"""Stands for a drawing where a declaration names what comes out."""
XML = "text/xml"
"""Stands for an XML document where a declaration names what comes out."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `answers` by status; None stands for an answer without a body, PAGE for a page, XML for XML.

    `places` are the parameters in the path besides a report's number: their JSON schema, by name.
    `shared`: pages of other sites may read the answer.
    """

    name: str
    method: str
    path: str
    summary: str
    handler: Callable[[Parts, Request], Response]
    answers: Mapping[int, tuple[Any, ...]]
    query: type[msgspec.Struct] | None = None
    takes: type[msgspec.Struct] | None = None
    content_types: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shared: bool = False


SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def errors(problems: Sequence[Problem], language: str) -> bytes:
    """The body of an answer that says what was wrong."""
    return msgspec.json.encode(
        Errors(tuple(ErrorAnswer(p.code, p.field, p.message(language)) for p in problems))
    )


def reply(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(status, {"Content-Type": JSON_TYPE, **(headers or {})}, msgspec.json.encode(value))


def accepts_page(request: Request) -> bool:
    """Whether the asker is a browser that shows pages."""
    accept_header = request.headers.get("accept", "")
    return "text/html" in accept_header


def language_of(request: Request, values: Mapping[str, Any]) -> str:
    """The language of the answer: the field or parameter `language`, else Accept-Language, else Indonesian."""
    for asked in (values.get("language"), request.query.get("language")):
        if asked in LANGUAGES:
            return str(asked)
    return preferred(request.headers.get("accept-language", ""))
