"""Signing in, and who the officer is: where to get a token, and what the desk must know of who has one."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from .. import access, lifecycle
from ..front.operation import Errors, Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..report import Office
from .gate import OUT, TOKEN, agencies_of, asking, ever


class SignIn(msgspec.Struct, frozen=True):
    """Where officers sign in: an OpenID provider, asked with authorization code and PKCE."""

    authorize_url: str
    token_url: str
    logout_url: Annotated[str, Meta(description="Where a refresh token is revoked (RFC 7009).")]
    client_id: str
    example: Annotated[bool, Meta(description="True: example officers to choose from, without a password.")]
    end_session_url: Annotated[
        str, Meta(description="Where the provider ends its own session; empty: none.")
    ] = ""


class OfficeName(msgspec.Struct, frozen=True):
    """An office that reports can be handed to, beside the kelurahan."""

    code: str
    name_id: str
    name_en: str
    categories: tuple[str, ...]
    boundaries: Annotated[tuple[str, ...], Meta(description="Where it works; none: everywhere.")]
    contact: Annotated[str, Meta(description="How colleagues reach it.")]


class Me(msgspec.Struct, frozen=True):
    """The officer who asks, and what their desk needs to know."""

    name: str
    role: str
    office: Office
    boundaries: tuple[str, ...]
    agencies: tuple[str, ...]
    rights: tuple[str, ...]
    offices: tuple[OfficeName, ...]
    reject_reasons: tuple[str, ...]
    moves: dict[str, tuple[str, ...]]


def sign_in(parts: Parts, _request: Request) -> Response:
    """GET /api/staff/session: where to sign in."""
    if parts.sign_in is None:
        raise Refused([Problem("sign_in_off")], 503)
    try:
        return reply(200, SignIn(**parts.sign_in()))
    except access.Unreachable:
        raise Refused([Problem("provider_busy")], 503) from None


def me(parts: Parts, request: Request) -> Response:
    """GET /api/staff/me: who the token speaks for."""
    officer = asking(parts, request, "queue")
    offices = tuple(
        OfficeName(
            each.code, each.names["id"], each.names["en"], each.categories, each.boundaries, each.contact
        )
        for each in agencies_of(parts).values()
    )
    answer = Me(
        officer.name,
        officer.role,
        officer.office,
        officer.boundaries,
        officer.agencies,
        tuple(name for name in access.RIGHTS if ever(officer, name)),
        offices,
        lifecycle.REJECT_REASONS,
        {state: tuple(lifecycle.MOVES[state]) for state in lifecycle.STATES},
    )
    return reply(200, answer)


OPERATIONS = (
    Operation(
        "staff_sign_in",
        "GET",
        "/api/staff/session",
        "Where officers sign in",
        sign_in,
        {200: (SignIn,), 503: (Errors,)},
    ),
    Operation(
        "staff_me", "GET", "/api/staff/me", "The officer who asks", me, {200: (Me,), **OUT}, headers=TOKEN
    ),
)
