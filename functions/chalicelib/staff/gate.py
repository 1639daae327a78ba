"""Who asks and for what, and reading what was sent: what every operation of the desk begins with. Decides no deed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from .. import access, desk, records
from ..access import Officer, may
from ..front import body
from ..front.operation import Errors, Parts, Request
from ..front.problems import Problem, Refused
from ..intake import IDEMPOTENCY_KEY
from ..officers.agencies import Agency
from ..officers.agencies import current as current_agencies
from ..report import Report, read_id, written_id

OUT = {401: (Errors,), 403: (Errors,), 503: (Errors,)}
BAD = {400: (Errors,), 413: (Errors,), 415: (Errors,)}
TOKEN = {"Authorization": "Bearer, and the access token of an officer."}
ONCE = {"Idempotency-Key": "8 to 128 letters, digits, - or _. The same key does the same deed once in a day."}
BIG_TEXT = 4000
T = TypeVar("T", bound=msgspec.Struct)


def asking(parts: Parts, request: Request, right: str) -> Officer:
    """The officer who asks. Raises Refused: 401 without a valid token, 403 without the right, 503 when it is off."""
    if parts.gate is None:
        raise Refused([Problem("sign_in_off")], 503)
    officer = parts.gate.officer(request.headers.get("authorization", ""))
    if not may(officer, right):
        raise Refused([Problem("not_yours", "", {"value": right})], 403)
    return officer


def theirs(parts: Parts, request: Request, officer: Officer, right: str) -> Report:
    """The report in the path. One that is not theirs at all is as if it were not there: private ones stay secret."""
    it = load(parts, report_id(request))
    if not may(officer, "see", it):
        raise unknown(it.id)
    if not may(officer, right, it):
        raise Refused([Problem("not_yours", "", {"value": right})], 403)
    return it


def report_id(request: Request) -> str:
    """The report in the path, as its id. Raises Refused."""
    text = request.path.get("report_id", "")
    found = read_id(text)
    if found is None:
        raise Refused([Problem("report_id", "report_id", {"value": text})])
    return found


def load(parts: Parts, report_id: str) -> Report:
    """A report. Raises Refused (404)."""
    found = records.load(parts.door.table, report_id)
    if found is None:
        raise unknown(report_id)
    return found[0]


def unknown(report_id: str) -> Refused:
    """The refusal of a report that is not there, or not theirs: nobody can tell which."""
    return Refused([Problem("report_not_yours", "id", {"value": written_id(report_id)})], 404)


def ever(officer: Officer, right: str) -> bool:
    """Whether their role has a right anywhere."""
    granted = access.RIGHTS[right]
    return officer.role in granted.home | granted.away | granted.agency


def read_body(parts: Parts, request: Request, declared: type[T]) -> T:
    """A JSON body as declared. Raises Refused."""
    values, _ = body.read(
        request.body, request.headers.get("content-type", ""), max_bytes=parts.settings.max_body_bytes
    )
    try:
        return msgspec.convert(values, declared)
    except msgspec.ValidationError as error:
        where = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else ""
        raise Refused([Problem("deed_wrong", where, {"value": str(error)})]) from None


def idempotency_key(request: Request) -> str:
    """The client's Idempotency-Key; "" without one. Raises Refused when it cannot be one."""
    key = request.headers.get("idempotency-key", "")
    if key and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused([Problem("idempotency_key", "Idempotency-Key")])
    return key


def no_choice(name: str, value: str, choices: Sequence[str] | Mapping[str, Any]) -> Refused:
    """The refusal of a value that is not among the choices."""
    return Refused([Problem("not_a_choice", name, {"value": value, "choices": ", ".join(choices)})])


def desk_of(parts: Parts) -> desk.Desk:
    """What desk.py works with."""
    return desk.Desk(parts.door.table, parts.door.now, parts.door.random_bytes)


def salt(parts: Parts) -> str:
    """A secret that hides one text."""
    return parts.door.random_bytes(16).hex()


def salts(parts: Parts) -> list[str]:
    """Three of them: no deed has more texts."""
    return [salt(parts) for _ in range(3)]


def agencies_of(parts: Parts) -> Mapping[str, Agency]:
    """The agencies of this instance by code, as admins left them. One read."""
    return current_agencies(parts.door.table, parts.agencies)
