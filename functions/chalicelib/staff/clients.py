"""API keys at the desk: admins list, make, restrict and revoke the clients that lie within their own reach.

A client is within an admin's reach when its boundaries and its office are. One without
boundaries (it may send reports from anywhere) is for who covers the province. What a key
is and how it is kept is keys.py's business; the same deeds are `python -m infra keys`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..access import PROVINCE, Officer
from ..front import keys
from ..front.keys import BOUNDARY, CLIENT_ID, MOST_PER_MINUTE, Client
from ..front.operation import Errors, Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..officers.agencies import office as office_of
from ..report import Office
from .gate import BAD, OUT, TOKEN, agencies_of, asking, no_choice, read_body

Rights = Annotated[tuple[Literal["report", "update"], ...], Meta(min_length=1, max_length=2)]
PerMinute = Annotated[int, Meta(ge=1, le=MOST_PER_MINUTE, description="Most requests a minute.")]


class ClientRow(msgspec.Struct, frozen=True):
    """A system that holds a key, without its secret."""

    id: str
    name: str
    rights: tuple[str, ...]
    role: str
    office: Office | None
    boundaries: tuple[str, ...]
    per_minute: int
    created: str
    revoked: str | None


class Clients(msgspec.Struct, frozen=True):
    """The clients within the admin's reach, oldest first; revoked ones too."""

    clients: tuple[ClientRow, ...]


class NewClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A system that gets a key. An officer's updates move reports, for the `office` and within the boundaries."""

    name: Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\S", description="Who holds it.")]
    rights: Rights = ("report",)
    role: Literal["reporter", "officer"] = "reporter"
    office: Annotated[str, Meta(max_length=40, description="Code of an agency or a kelurahan.")] = ""
    boundaries: Annotated[
        tuple[Annotated[str, Meta(pattern=f"^{BOUNDARY.pattern}$")], ...],
        Meta(max_length=300, description="Code prefixes such as 31.71."),
    ] = ()
    per_minute: PerMinute = 60


class ClientChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes of a client; what is not named stays. Revoking is for good."""

    rights: Rights | None = None
    per_minute: PerMinute | None = None
    revoke: bool = False


class MadeClient(msgspec.Struct, frozen=True):
    """A client was made. `key` is shown this once: keep it."""

    client: ClientRow
    key: str


def manages(officer: Officer, boundaries: tuple[str, ...], office: Office | None) -> bool:
    """Whether a client with these boundaries and this office is within an admin's reach."""
    if officer.covers(PROVINCE):
        return True
    at_theirs = office is None or officer.covers(office.code) or office.code in officer.agencies
    return bool(boundaries) and all(officer.covers(each) for each in boundaries) and at_theirs


def show(parts: Parts, request: Request) -> Response:
    """GET /api/staff/clients: the clients that the admin looks after."""
    officer = asking(parts, request, "clients")
    found = keys.clients(parts.door.table)
    return reply(200, Clients(tuple(_row(it) for it in found if manages(officer, it.boundaries, it.office))))


def make(parts: Parts, request: Request) -> Response:
    """POST /api/staff/clients: a new client and its key."""
    officer = asking(parts, request, "clients")
    wish = read_body(parts, request, NewClient)
    office = None
    if wish.office:
        agencies = agencies_of(parts)
        office = office_of(wish.office, agencies, parts.door.locator.by_kode)
        if office is None:
            raise no_choice("office", wish.office, agencies)
    elif wish.role == "officer":
        raise Refused([Problem("missing", "office")])
    if not manages(officer, wish.boundaries, office):
        beyond = next((each for each in wish.boundaries if not officer.covers(each)), "")
        field = "office" if wish.boundaries and not beyond else "boundaries"
        said = beyond or (wish.office if field == "office" else PROVINCE)
        raise Refused([Problem("out_of_reach", field, {"value": said})], 403)
    client, text = keys.add(
        parts.door.table,
        name=wish.name,
        rights=wish.rights,
        role=wish.role,
        office=office,
        boundaries=wish.boundaries,
        per_minute=wish.per_minute,
        made_by=officer.id,
        now=parts.door.now(),
        random_bytes=parts.door.random_bytes,
    )
    return reply(201, MadeClient(_row(client), text))


def change(parts: Parts, request: Request) -> Response:
    """POST /api/staff/clients/{client}: other rights, another rate, or the end of a key."""
    officer = asking(parts, request, "clients")
    wish = read_body(parts, request, ClientChange)
    name, table = request.path.get("client", ""), parts.door.table
    try:
        it = keys.find(table, name)
    except LookupError:
        raise _unknown(name) from None
    if not manages(officer, it.boundaries, it.office):
        raise _unknown(name)
    if wish.rights is not None or wish.per_minute is not None:
        it = keys.restrict(
            table,
            name,
            rights=wish.rights or it.rights,
            per_minute=wish.per_minute or it.per_minute,
            by=officer.id,
        )
    if wish.revoke:
        it = keys.revoke(table, name, now=parts.door.now(), by=officer.id)
    return reply(200, _row(it))


def _unknown(name: str) -> Refused:
    """A client of somebody else is as if it were not there."""
    return Refused([Problem("client_unknown", "client", {"value": name})], 404)


def _row(it: Client) -> ClientRow:
    return ClientRow(
        it.id, it.name, it.rights, it.role, it.office, it.boundaries, it.per_minute, it.created, it.revoked
    )


OPERATIONS = (
    Operation(
        "staff_clients",
        "GET",
        "/api/staff/clients",
        "List the systems that hold API keys",
        show,
        {200: (Clients,), **OUT},
        headers=TOKEN,
    ),
    Operation(
        "staff_make_client",
        "POST",
        "/api/staff/clients",
        "Give a system an API key",
        make,
        {201: (MadeClient,), **OUT, **BAD},
        takes=NewClient,
        content_types=("application/json",),
        headers=TOKEN,
    ),
    Operation(
        "staff_change_client",
        "POST",
        "/api/staff/clients/{client}",
        "Restrict or revoke an API key",
        change,
        {200: (ClientRow,), 404: (Errors,), **OUT, **BAD},
        takes=ClientChange,
        content_types=("application/json",),
        headers=TOKEN,
        places={"client": {"type": "string", "pattern": f"^{CLIENT_ID.pattern}$"}},
    ),
)
