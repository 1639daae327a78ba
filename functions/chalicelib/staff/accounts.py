"""Officers' accounts at the desk: admins make, change and close those within their own reach, and see what was done.

Who may do that to whom is accounts.py's business. A closed account opens nothing from the
next request on, because the gate reads it on every request; the provider is told besides.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .. import access, records
from ..access import ROLES, Officer
from ..front import body
from ..front.operation import Errors, Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..officers import accounts, editable
from ..privacy.contact import ContactError
from ..privacy.contact import email as read_email
from ..report import Office, stamp
from ..storage.table import ConditionFailed, Expect, Key
from .gate import BAD, ONCE, OUT, TOKEN, agencies_of, asking, idempotency_key, no_choice, read_body

KIND = "officers"


class Account(msgspec.Struct, frozen=True):
    """An officer's account. `version` goes along with a change as `seen`."""

    id: str
    name: str
    role: str
    office: Office
    boundaries: tuple[str, ...]
    agencies: tuple[str, ...]
    email: str
    created: str
    disabled: str | None
    own: Annotated[bool, Meta(description="Whether it is the account of who asks.")]
    version: int


class Accounts(msgspec.Struct, frozen=True):
    """The accounts within the admin's reach, by name, and what was changed of them."""

    accounts: tuple[Account, ...]
    invites: Annotated[bool, Meta(description="Whether a new account's holder is invited by e-mail.")]
    history: tuple[editable.Change, ...]


class EditAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account as it shall be. Without an id it is a new one."""

    name: Annotated[str, Meta(min_length=2, max_length=80, pattern=r"\S")]
    role: Annotated[str, Meta(max_length=20)]
    office: Annotated[
        str, Meta(max_length=40, description="Code of an agency, a kelurahan or what holds several.")
    ]
    boundaries: Annotated[tuple[Annotated[str, Meta(max_length=13)], ...], Meta(max_length=50)] = ()
    agencies: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=20)] = ()
    email: Annotated[str, Meta(max_length=254)] = ""
    disabled: bool = False
    id: Annotated[str, Meta(max_length=128)] = ""
    seen: Annotated[int, Meta(ge=0, description="`version` of the account that is changed.")] = 0


def list_accounts(parts: Parts, request: Request) -> Response:
    """GET /api/staff/officers: the accounts that this admin looks after."""
    return reply(200, _accounts(parts, asking(parts, request, "accounts")))


def edit_account(parts: Parts, request: Request) -> Response:
    """POST /api/staff/officers: make, change, close or reopen an account."""
    admin = asking(parts, request, "accounts")
    sent = read_body(parts, request, EditAccount)
    agencies = agencies_of(parts)
    item = parts.door.table.get(Key(access.PARTITION, sent.id)) if sent.id else None
    before = msgspec.convert(item.body, Officer) if item else None
    # An account beyond the admin is as if it were not there.
    if sent.id and (before is None or not accounts.manages(admin, before, agencies)):
        raise Refused([Problem("account_unknown", "id", {"value": sent.id})], 404)
    if item and item.version != sent.seen:
        raise Refused([Problem("edited_meanwhile", "seen")], 409)
    made = _read(parts, sent, before)
    if (code := accounts.beyond(admin, made, agencies)) is not None:
        raise Refused([Problem("account_beyond", "boundaries", {"value": code})], 403)
    if before and before.id == admin.id and _rights(before) != _rights(made):
        raise Refused([Problem("account_own", "id")], 403)
    if before is None:
        key = idempotency_key(request)
        made = msgspec.structs.replace(made, id=_subject(parts, made, admin, key))
        if key and _same(access.load(parts.door.table, made.id), made):
            return reply(200, _accounts(parts, admin))  # the second half of a double click
    _keep(parts, admin, before, made, seen=item.version if item else None)
    return reply(200, _accounts(parts, admin))


def _rights(officer: Officer) -> tuple[Any, ...]:
    return officer.role, set(officer.boundaries), set(officer.agencies), bool(officer.disabled)


def _read(parts: Parts, sent: EditAccount, before: Officer | None) -> Officer:
    """The account that was sent. Raises Refused naming what is wrong with it."""
    if sent.role not in ROLES:
        raise no_choice("role", sent.role, ROLES)
    office = accounts.named_office(sent.office, agencies_of(parts), parts.door.locator.by_kode)
    if office is None and before and before.office.code == sent.office:
        office = before.office
    if office is None:
        raise Refused([Problem("office_unknown", "office", {"value": sent.office})])
    try:
        email = read_email(sent.email) if sent.email.strip() else ""
    except ContactError:
        raise Refused([Problem("email_wrong", "email", {"field": "email"})]) from None
    if parts.pool and before is None and not email:
        raise Refused([Problem("account_email", "email")])
    if before and before.email and parts.pool:
        email = before.email  # it is who they are at the provider
    now = stamp(parts.door.now())
    closed = (before.disabled if before else None) or now
    made = Officer(
        id=before.id if before else "new",
        name=" ".join(sent.name.split()),
        role=sent.role,
        office=office,
        boundaries=tuple(dict.fromkeys(sent.boundaries)),
        agencies=tuple(dict.fromkeys(sent.agencies)),
        email=email,
        created=before.created if before else now,
        disabled=closed if sent.disabled else None,
    )
    try:
        access.check(made)
    except ValueError as error:
        raise Refused([Problem("entry_wrong", "boundaries", {"value": str(error)})]) from None
    return made


def _same(kept: Officer | None, made: Officer) -> bool:
    """Whether the account that is there is the one that was sent, but for when it was made."""
    return kept is not None and msgspec.structs.replace(made, created=kept.created) == kept


def _subject(parts: Parts, made: Officer, admin: Officer, key: str) -> str:
    """Who a new officer is in their tokens: what the provider says, or, on this machine, a name of its own."""
    if parts.pool is None and key:
        return f"petugas-{hashlib.sha256(f'{admin.id}:{key}'.encode()).hexdigest()[:12]}"
    if parts.pool is None:
        return f"petugas-{parts.door.random_bytes(6).hex()}"
    try:
        return parts.pool.invite(made.email, made.name)
    except accounts.PoolBusy:
        raise Refused([Problem("provider_busy")], 503) from None


def _keep(parts: Parts, admin: Officer, before: Officer | None, made: Officer, *, seen: int | None) -> None:
    """Keep the account, then tell the provider: who is shut out here is out, whatever the provider does."""
    table, now = parts.door.table, parts.door.now()
    line = editable.line(KIND, made.id, _body(before), _body(made), number=(seen or 0) + 1, by=admin, now=now)
    try:
        access.save(table, made, expect=Expect.ABSENT if seen is None else seen, also=[line])
    except ConditionFailed:
        if seen is None:
            raise Refused([Problem("account_email_taken", "email", {"value": made.email})], 409) from None
        raise Refused([Problem("edited_meanwhile", "seen")], 409) from None
    was_closed, closed = bool(before and before.disabled), bool(made.disabled)
    if parts.pool and made.email and was_closed != closed:
        try:
            (parts.pool.shut_out if closed else parts.pool.let_in)(made.email)
        except accounts.PoolBusy:
            if not closed:
                raise Refused([Problem("provider_busy")], 503) from None


def _body(officer: Officer | None) -> dict[str, Any] | None:
    return msgspec.to_builtins(officer) if officer else None


def _accounts(parts: Parts, admin: Officer) -> Accounts:
    agencies = agencies_of(parts)
    found: list[Account] = []
    theirs: set[str] = set()
    for item in records.every(parts.door.table, access.PARTITION, most=accounts.MOST_LISTED):
        it = msgspec.convert(item.body, Officer)
        if accounts.manages(admin, it, agencies):
            theirs.add(it.id)
            found.append(
                Account(
                    it.id, it.name, it.role, it.office, it.boundaries, it.agencies, it.email, it.created,
                    it.disabled, it.id == admin.id, item.version,
                )
            )  # fmt: skip
    found.sort(key=lambda each: (bool(each.disabled), each.name.casefold(), each.id))
    past = [each for each in editable.history(parts.door.table, KIND) if each.code in theirs]
    return Accounts(tuple(found), parts.pool is not None, tuple(past))


OPERATIONS = (
    Operation(
        "staff_officers",
        "GET",
        "/api/staff/officers",
        "List officers' accounts",
        list_accounts,
        {200: (Accounts,), **OUT},
        headers=TOKEN,
    ),
    Operation(
        "staff_edit_officer",
        "POST",
        "/api/staff/officers",
        "Make, change, close or reopen an officer's account",
        edit_account,
        {200: (Accounts,), 404: (Errors,), 409: (Errors,), **BAD, **OUT},
        takes=EditAccount,
        content_types=(body.JSON,),
        headers={**TOKEN, **ONCE},
    ),
)
