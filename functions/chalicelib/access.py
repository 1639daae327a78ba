"""Who is asking, and in which boundaries they may act: one check of tokens, one function of rights.

An officer signs in elsewhere (an OpenID provider) and comes with an access token. Who
the token's subject is here (role, boundaries, agencies, office) is a record of ours,
read on every request, so that a disabled officer is out at once. Who may do what is
the table RIGHTS; the manual and the tests read the same table. Knows no route.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from .front.problems import Problem, Refused
from .officers.worklist import at_home, in_doubt
from .report import Office, Report, stamp
from .storage.table import ConditionFailed, Delete, Expect, Expectation, Key, Put, Table, Write

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

OFFICER, COORDINATOR, SUPERVISOR, ADMIN, AUDITOR = "officer", "coordinator", "supervisor", "admin", "auditor"
ROLES = (OFFICER, COORDINATOR, SUPERVISOR, ADMIN, AUDITOR)
EVERYONE = frozenset(ROLES)
WORKERS = EVERYONE - {AUDITOR}
LEADERS = frozenset({COORDINATOR, SUPERVISOR, ADMIN})
ADMINS = frozenset({ADMIN})
NOBODY: frozenset[str] = frozenset()
PROVINCE = "31"
"""Who covers this covers every kelurahan, and the reports without a place."""
BOUNDARY = re.compile(r"\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?")
CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")
"""An agency's code. It cannot look like a kelurahan's."""
PARTITION = "officers"
MOST_COLLEAGUES = 200
ALGORITHM = "RS256"
LEEWAY_S = 30
"""Clocks of two machines differ by no more."""
KEYS_FOR_S = 3600
ASK_AGAIN_S = 60
"""A key that is not known is asked for no more often than this."""


class Officer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's account. `id` is the subject of their tokens; `office` is what the public reads.

    `boundaries` are code prefixes (`31.71.01`), `agencies` codes of agencies they work for.
    """

    id: str
    name: str
    role: str
    office: Office
    boundaries: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    email: str = ""
    created: str = ""
    disabled: str | None = None

    def covers(self, kode: str) -> bool:
        """Whether a kelurahan's code lies within their boundaries."""
        return any(kode == each or kode.startswith(f"{each}.") for each in self.boundaries)


@dataclass(frozen=True, slots=True)
class Right:
    """Which roles may do something.

    `home`: to a report of their boundaries that is at its own kelurahan, or was handed to theirs.
    `away`: to a report of their boundaries that was handed to somebody else.
    `agency`: to a report that is at one of their agencies.
    Rights that concern no report use `home` alone.
    """

    what: str
    home: frozenset[str]
    away: frozenset[str] = NOBODY
    agency: frozenset[str] = NOBODY


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a message for translation without translating it yet."""
    return message


RIGHTS: Mapping[str, Right] = {
    "see": Right(N_("see the report, its history and its notes"), EVERYONE, EVERYONE, EVERYONE),
    "note": Right(N_("write a private note, or ask the reporter a question"), WORKERS, WORKERS, WORKERS),
    "work": Right(N_("take it, move it along, close, reject or reopen it"), WORKERS, LEADERS, WORKERS),
    "hand_over": Right(N_("hand it to another office, or send it back"), WORKERS, LEADERS, WORKERS),
    "correct": Right(N_("correct category and words"), WORKERS, LEADERS, WORKERS),
    "place": Right(N_("correct the place, or give it one"), WORKERS, LEADERS, NOBODY),
    "assign": Right(N_("give it to a person of the office where it is"), WORKERS, LEADERS, WORKERS),
    "contact": Right(N_("look at the contact, where the reporter allowed it"), WORKERS, NOBODY, WORKERS),
    "clients": Right(N_("make, restrict and revoke API keys within their boundaries"), frozenset({ADMIN})),
    "queue": Right(N_("read the queue of their boundaries and agencies"), EVERYONE),
    "accounts": Right(N_("make, change and close officers' accounts, never beyond their own rights"), ADMINS),
    "rules": Right(N_("edit agencies, routing rules and templates within their boundaries"), ADMINS),
}


def reach(officer: Officer, report: Report) -> str | None:
    """How a report is theirs: `home`, `away` or `agency` as Right names them; None when it is not theirs."""
    kode = report.place.kode if report.place else PROVINCE
    inside = officer.covers(kode)
    if in_doubt(report) and report.place and officer.covers(report.place.runner_up or ""):
        inside = True
    if report.office and report.office.code in officer.agencies:
        return "agency"
    if report.office and not at_home(report) and officer.covers(report.office.code):
        return "home"
    if inside:
        return "home" if at_home(report) else "away"
    return None


def may(officer: Officer, right: str, report: Report | None = None) -> bool:
    """Whether an officer has a right, to a report where the right concerns one. KeyError for an unknown right."""
    granted = RIGHTS[right]
    if officer.disabled or officer.role not in ROLES:
        return False
    if report is None:
        return officer.role in granted.home
    how = reach(officer, report)
    return how is not None and officer.role in getattr(granted, how)


# Tokens.


class Unreachable(RuntimeError):
    """The provider's keys cannot be fetched just now."""


@dataclass
class Keys:
    """A provider's public keys: fetched when first needed, kept for an hour, asked again for a key not known.

    `fetch` returns the JWK set (RFC 7517) as text and raises Unreachable.
    """

    fetch: Callable[[], str]
    now: Callable[[], datetime]
    _kept: KeySet | None = None
    _at: float = field(default=-1e18)
    _lock: Lock = field(default_factory=Lock)

    def get(self, kid: str) -> Any:
        """The key with this id. Raises LookupError, also when the provider cannot be reached and no key is kept."""
        with self._lock:
            age = self.now().timestamp() - self._at
            known = self._find(kid)
            if (known is None and age >= ASK_AGAIN_S) or age >= KEYS_FOR_S:
                self._refresh()
                known = self._find(kid)
        if known is None:
            raise LookupError(f"the provider has no key {kid[:40]!r}")
        return known

    def _find(self, kid: str) -> Any:
        if self._kept is None:
            return None
        return next((key for key in self._kept.keys if key.kid == kid), None)

    def _refresh(self) -> None:
        from joserfc.jwk import KeySet

        # Also a failed question counts: a flood of bad tokens must not become a flood of questions.
        self._at = self.now().timestamp()
        try:
            self._kept = KeySet.import_key_set(json.loads(self.fetch()))
        except (Unreachable, ValueError):
            if self._kept is None:
                raise LookupError("the provider's keys cannot be had") from None


@dataclass(frozen=True)
class Gate:
    """The one check of whoever comes with a token. `audience` is the id of the desk at the provider."""

    table: Table
    keys: Keys
    issuer: str
    audience: str
    now: Callable[[], datetime]

    def officer(self, authorization: str) -> Officer:
        """The officer that an Authorization header speaks for.

        Raises Refused with status 401 when the token does not prove anybody, 403 when it
        proves somebody who is no officer here, or was disabled.
        """
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused([Problem("sign_in")], 401)
        subject = self.subject(token.strip())
        found = load(self.table, subject)
        if found is None:
            raise Refused([Problem("officer_unknown")], 403)
        if found.disabled:
            raise Refused([Problem("officer_disabled")], 403)
        return found

    def subject(self, token: str) -> str:
        """Whom an access token proves: signature, issuer, audience, times and use. Raises Refused (401)."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        if len(token) > 8192:
            raise Refused([Problem("token_wrong")], 401)
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
        except (JoseError, LookupError, ValueError, TypeError):
            raise Refused([Problem("token_wrong")], 401) from None
        claims = decoded.claims
        now = self.now().timestamp()
        expires, begins = claims.get("exp"), claims.get("nbf", claims.get("iat", 0))
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            raise Refused([Problem("token_wrong")], 401)
        if now >= expires + LEEWAY_S:
            raise Refused([Problem("token_expired")], 401)
        audience = claims.get("aud", claims.get("client_id"))
        right = (
            begins <= now + LEEWAY_S
            and claims.get("iss") == self.issuer
            and (audience == self.audience or (isinstance(audience, list) and self.audience in audience))
            and claims.get("token_use") == "access"
            and isinstance(claims.get("sub"), str)
        )
        if not right:
            raise Refused([Problem("token_wrong")], 401)
        return str(claims["sub"])

    def _key(self, guest: Any) -> Any:
        """The key that a token says it was signed with; joserfc asks."""
        kid = guest.headers().get("kid")
        if not isinstance(kid, str):
            raise LookupError("the token names no key")
        return self.keys.get(kid)


# Accounts.


def load(table: Table, officer_id: str) -> Officer | None:
    """An officer's account; None when there is none, also for a subject that cannot be one."""
    if not re.fullmatch(r"[A-Za-z0-9_.@:-]{1,128}", officer_id):
        return None
    item = table.get(Key(PARTITION, officer_id))
    return msgspec.convert(item.body, Officer) if item else None


def check(officer: Officer) -> None:
    """Raises ValueError for a role, boundary or agency code that cannot be."""
    if officer.role not in ROLES:
        raise ValueError(f"role {officer.role!r}: choose from {', '.join(ROLES)}")
    if wrong := [each for each in officer.boundaries if not BOUNDARY.fullmatch(each)]:
        raise ValueError(f"boundary {wrong[0]!r} is no code such as 31, 31.71, 31.71.01 or 31.71.01.1001")
    if wrong := [each for each in officer.agencies if not CODE.fullmatch(each)]:
        raise ValueError(f"agency {wrong[0]!r} is no code: small letters, digits and dashes")
    if not officer.boundaries and not officer.agencies:
        raise ValueError(f"officer {officer.id!r} needs a boundary or an agency, or could see nothing")


def save(
    table: Table, officer: Officer, *, expect: Expectation = Expect.ANY, also: Sequence[Write] = ()
) -> None:
    """Keep an account, and its place among its office's people. `also` are writes that happen with it or not at all.

    Raises ValueError for what check() refuses, ConditionFailed when `expect` does not hold.
    """
    check(officer)
    before = load(table, officer.id)
    writes: list[Write] = [Put(Key(PARTITION, officer.id), msgspec.to_builtins(officer), expect), *also]
    here = _colleague_key(officer)
    if before and _colleague_key(before) != here:
        writes.append(Delete(_colleague_key(before)))
    writes.append(Delete(here) if officer.disabled else Put(here, {}))
    table.transact(writes)


def _colleague_key(officer: Officer) -> Key:
    return Key(f"colleagues#{officer.office.code}", officer.id)


def colleagues(table: Table, office: str) -> list[Officer]:
    """The people of an office by name, closed accounts left out; at most MOST_COLLEAGUES."""
    found = table.query(f"colleagues#{office}", limit=MOST_COLLEAGUES).items
    kept = table.get_many([Key(PARTITION, item.key.sort) for item in found]).values()
    officers = (msgspec.convert(item.body, Officer) for item in kept)
    return sorted((each for each in officers if not each.disabled), key=lambda each: (each.name, each.id))


def add_missing(table: Table, officers: Iterable[Officer]) -> None:
    """Keep accounts that are not there yet; those that are there stay as they are."""
    for officer in officers:
        try:
            save(table, officer, expect=Expect.ABSENT)
        except ConditionFailed:
            # An account from before offices knew their people is found among them from now on.
            kept = load(table, officer.id)
            if kept and not kept.disabled:
                table.transact([Put(_colleague_key(kept), {})])


def disable(table: Table, officer_id: str, *, now: datetime) -> Officer:
    """End an account at once: its tokens open nothing from the next request on. LookupError when there is none."""
    found = load(table, officer_id)
    if found is None:
        raise LookupError(f"there is no officer {officer_id!r}")
    ended = msgspec.structs.replace(found, disabled=found.disabled or stamp(now))
    save(table, ended)
    return ended


def rights_table() -> str:
    """Who may do what, as Markdown for the officers' manual: made from RIGHTS."""
    lines = [
        "| right | in their boundaries | in their boundaries, but handed to another office | at their agency |",
        "| --- | --- | --- | --- |",
    ]
    for code, right in RIGHTS.items():
        cells = [_roles(each) for each in (right.home, right.away, right.agency)]
        lines.append(f"| `{code}`: {right.what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _roles(roles: frozenset[str]) -> str:
    return ", ".join(role for role in ROLES if role in roles) or "nobody"
