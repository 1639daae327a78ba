"""API keys of other systems: who they are, what they may do, how often, and until when.

A key is shown once and kept as a hash. Its rate is counted by limits.py. What is done
with a key is the channel's business.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from ..report import Office, Report, stamp
from ..storage.table import ConditionFailed, Expect, Item, Key, Put, Table
from .limits import Limit, Taken, take
from .problems import Problem, Refused

RIGHTS = ("report", "update")
"""`report`: send service requests. `update`: send updates of service requests."""
ROLES = ("reporter", "officer")
"""An officer's updates move reports; a reporter's are notes, and reopen what was done."""
PARTITION = "clients"
CLIENT_ID = re.compile(r"[0-9a-f]{8}")
MOST_PER_MINUTE = 100_000
WRITTEN = re.compile(r"cw_([0-9a-f]{8})_([0-9a-f]{40})")
BOUNDARY = re.compile(r"\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?")


class Client(msgspec.Struct, frozen=True):
    """A system that holds a key. `boundaries` are code prefixes as officers have them; `digest` is of the secret."""

    id: str
    name: str
    digest: str
    rights: tuple[str, ...]
    role: str
    office: Office | None
    boundaries: tuple[str, ...]
    per_minute: int
    created: str
    revoked: str | None = None
    made_by: str = ""
    """The officer at the desk who made it; empty: somebody at the command line."""
    changed_by: str = ""
    """Who restricted or revoked it last."""

    def may_act_on(self, report: Report) -> bool:
        """Whether the report lies within the client's boundaries, or is at its office."""
        if self.office and report.office and report.office.code == self.office.code:
            return True
        kode = report.place.kode if report.place else ""
        return any(kode == each or kode.startswith(f"{each}.") for each in self.boundaries)


def add(
    table: Table,
    *,
    name: str,
    rights: Sequence[str],
    role: str = "reporter",
    office: Office | None = None,
    boundaries: Sequence[str] = (),
    per_minute: int = 60,
    made_by: str = "",
    now: datetime,
    random_bytes: Callable[[int], bytes],
) -> tuple[Client, str]:
    """Make a client and its key. The key is returned this once. Raises ValueError for what cannot be."""
    if not name.strip() or len(name) > 80:
        raise ValueError(f"the name {name!r} must have 1 to 80 characters")
    _check(rights, per_minute)
    if role not in ROLES:
        raise ValueError(f"role {role!r}: choose from {', '.join(ROLES)}")
    if role == "officer" and office is None:
        raise ValueError("an officer's key needs the office it acts for: its code and its name")
    if wrong := [each for each in boundaries if not BOUNDARY.fullmatch(each)]:
        raise ValueError(f"boundary {wrong[0]!r} is no code such as 31, 31.71, 31.71.01 or 31.71.01.1001")
    for _ in range(5):
        client_id, secret = random_bytes(4).hex(), random_bytes(20).hex()
        client = Client(
            client_id,
            name.strip(),
            _digest(secret),
            tuple(dict.fromkeys(rights)),
            role,
            office,
            tuple(boundaries),
            per_minute,
            stamp(now),
            made_by=made_by,
        )
        try:
            table.transact([Put(Key(PARTITION, client_id), msgspec.to_builtins(client), Expect.ABSENT)])
        except ConditionFailed:
            continue
        return client, f"cw_{client_id}_{secret}"
    raise ValueError("five random ids in a row were taken; the source of random numbers is broken")


def clients(table: Table) -> list[Client]:
    """All clients, also those whose keys were revoked, oldest first."""
    from ..records import every

    found = [msgspec.convert(item.body, Client) for item in every(table, PARTITION)]
    return sorted(found, key=lambda client: (client.created, client.id))


def _check(rights: Sequence[str], per_minute: int) -> None:
    if not rights or set(rights) - set(RIGHTS):
        raise ValueError(f"rights {', '.join(rights) or 'none'}: choose from {', '.join(RIGHTS)}")
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise ValueError(f"rate {per_minute}: from 1 to {MOST_PER_MINUTE} requests a minute")


def find(table: Table, client_id: str) -> Client:
    """A client by its id. Raises LookupError."""
    return msgspec.convert(_item(table, client_id).body, Client)


def _item(table: Table, client_id: str) -> Item:
    item = table.get(Key(PARTITION, client_id)) if CLIENT_ID.fullmatch(client_id) else None
    if item is None:
        raise LookupError(f"there is no client {client_id!r}; `keys list` names them")
    return item


def revoke(table: Table, client_id: str, *, now: datetime, by: str = "") -> Client:
    """End a key for good, at once; the first time counts. Raises LookupError when there is no such client."""
    return _changed(
        table,
        client_id,
        lambda it: it if it.revoked else msgspec.structs.replace(it, revoked=stamp(now), changed_by=by),
    )


def restrict(table: Table, client_id: str, *, rights: Sequence[str], per_minute: int, by: str = "") -> Client:
    """Set what a client may do and how often, from its next request on. Raises LookupError, ValueError."""
    _check(rights, per_minute)
    kept = tuple(dict.fromkeys(rights))
    return _changed(
        table,
        client_id,
        lambda it: msgspec.structs.replace(it, rights=kept, per_minute=per_minute, changed_by=by),
    )


def _changed(table: Table, client_id: str, change: Callable[[Client], Client]) -> Client:
    while True:
        item = _item(table, client_id)
        before = msgspec.convert(item.body, Client)
        after = change(before)
        if after == before:
            return before
        try:
            table.transact([Put(item.key, msgspec.to_builtins(after), item.version)])
        except ConditionFailed:
            continue
        return after


def check(table: Table, text: str, right: str) -> Client:
    """The client that holds the key `text`, if it may do what `right` names.

    Raises Refused (403) without a key, for a wrong or revoked one and for a right it lacks.
    """
    if not text:
        raise Refused([Problem("api_key_missing", "api_key")], 403)
    match = WRITTEN.fullmatch(text)
    item = table.get(Key(PARTITION, match.group(1))) if match else None
    if match is None or item is None:
        raise Refused([Problem("api_key_wrong", "api_key")], 403)
    client = msgspec.convert(item.body, Client)
    if not hmac.compare_digest(client.digest, _digest(match.group(2))) or client.revoked:
        raise Refused([Problem("api_key_wrong", "api_key")], 403)
    if right not in client.rights:
        raise Refused([Problem("api_key_right", "api_key", {"value": right})], 403)
    return client


def count(table: Table, client: Client, *, now: datetime) -> Taken:
    """Count a request of a client in this minute."""
    return take(table, f"key#{client.id}", Limit(client.per_minute), now=now)


def _digest(secret: str) -> str:
    """What is kept of a secret. It is random, so a plain SHA-256 cannot be turned back."""
    return hashlib.sha256(secret.encode()).hexdigest()
