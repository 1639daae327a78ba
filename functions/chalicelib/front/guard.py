"""Who asks too often, and what is asked of them: counted per address and per device, exactly, in the table.

An address is never kept: counts are named by its hash with a salt that is random, new every
day and gone a day later. A burst of reports is not refused but slowed: each further one needs
a small computation (puzzle.py) or a little patience. Only far above that a report is refused.
Addresses of this machine itself are not counted: nobody has them from outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..storage.table import ConditionFailed, Expect, Key, Put, Table
from . import limits, puzzle
from .problems import Problem, Refused

if TYPE_CHECKING:
    from ..settings import Settings
    from .operation import Request

VIEWER = "x-viewer-address"
"""Who asks: written by the CDN or the local server, over whatever a client sent."""
CDN = "x-cdn-token"
"""Shows that a request came through the CDN."""
DEVICE = "device-key"
"""A random text that the form keeps in its browser; sent only with reports, kept only as a count's hash."""
TRAP = "judul"
"""A field that nobody sees: who fills it in is no person."""
WAITED = "tunggu"
"""Carries a challenge through a form without scripts."""
DAY_S = 86_400
STEP = 3
"""Most bits by which a puzzle becomes harder, one for each time the limit is reached again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is counted together, and which setting says how often one address may do it."""

    kind: str
    setting: str = "limit_deeds"


REPORTS = Rule("reports", "limit_reports")
RULES: Mapping[str, Rule] = {
    "create_upload": Rule("uploads"),
    "open_own": Rule("keys"),
    "give_feedback": Rule("deeds"),
    "add_support": Rule("support"),
    "create_follow": Rule("follows"),
    "follow_report": Rule("follows"),
}
"""Operations whose door counts every request; reports are counted where they were read and are complete."""


def viewer(headers: Mapping[str, str], source: str, token: str) -> str:
    """The address of who asks. With a `token`, the CDN's word counts only with it, else the connection's own."""
    if token and not hmac.compare_digest(headers.get(CDN, "").encode(), token.encode()):
        return source
    return headers.get(VIEWER) or source


def network_of(address: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 of an IPv6 one; "" for this machine and for nonsense."""
    from ipaddress import IPv6Address, IPv6Network, ip_address

    try:
        found = ip_address(address.strip()[:45].partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if found.is_loopback:
        return ""
    return str(IPv6Network((int(found), 64), strict=False)) if isinstance(found, IPv6Address) else str(found)


def untrapped(values: dict[str, Any]) -> None:
    """Take the field out that nobody sees. Raises Refused when it was filled in."""
    if values.pop(TRAP, ""):
        raise Refused([Problem("trapped")])


class Guard:
    """Counts requests and asks for puzzles. `random_bytes` must be fit for secrets; `now` is aware."""

    def __init__(
        self,
        table: Table,
        chosen: Settings,
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._table = table
        self._settings = chosen
        self._now = now
        self._random = random_bytes
        self._salts: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def admit(self, operation: str, request: Request) -> limits.Taken | None:
        """Count a request to one of the operations in RULES. Raises Refused (429) above its limit.

        What is left of it; None when nothing is counted.
        """
        rule = RULES.get(operation)
        network = network_of(request.headers.get(VIEWER, "")) if rule else ""
        most = getattr(self._settings, rule.setting) if rule else 0
        return self._take(rule.kind, network, most) if rule and network and most else None

    def program(self, request: Request) -> limits.Taken | None:
        """Count a report of a program that knows nothing of puzzles: for it the limit ends it. Raises Refused (429).

        What is left to it; None when nothing is counted.
        """
        network, most = network_of(request.headers.get(VIEWER, "")), self._settings.limit_reports
        return self._take(REPORTS.kind, network, most) if network and most else None

    def report(self, request: Request, *, key: str | None = None, waited: str = "") -> None:
        """Count a report. Raises Refused (429), with a challenge while one would help.

        `key` is the Idempotency-Key: with it an answer that was lost may be asked for again with
        the same challenge. `waited` is a challenge that a form without scripts brings back.
        """
        network = network_of(request.headers.get(VIEWER, ""))
        easy = self._settings.limit_reports
        if not network or not easy:
            return
        over = self._within(REPORTS.kind, network, easy * self._settings.limit_hard) - easy
        device = request.headers.get(DEVICE, "")
        if 16 <= len(device) <= 128:
            beyond = self._within("device", device, easy * self._settings.limit_hard)
            over = max(over, beyond - self._settings.limit_device)
        if over > 0 and not self._answered(request, network, key or "", waited):
            raise self._challenge(network, self._settings.puzzle_bits + min(STEP, over // easy))

    def _within(self, kind: str, who: str, most: int) -> int:
        """How many there were in this window, this one included. Raises Refused above `most`; 0 is no limit."""
        return most - self._take(kind, who, most).remaining if most else 0

    def _take(self, kind: str, who: str, most: int) -> limits.Taken:
        window = limits.Limit(most, self._settings.limit_minutes * 60)
        now = self._now()
        taken = limits.take(self._table, f"{kind}#{self._name(kind, who, now)}", window, now=now)
        if not taken.allowed:
            raise Refused([Problem("too_often", "", {"seconds": taken.reset_s})], 429, taken.headers)
        return taken

    def _name(self, kind: str, who: str, now: datetime) -> str:
        salt = self._salt(_day(now))
        return hmac.digest(salt, f"{kind}\n{who}".encode(), "sha256").hex()[:32]

    def _salt(self, day: int) -> bytes:
        """The day's secret, the same in every process: who comes first makes it. It expires the day after."""
        with self._lock:
            if day in self._salts:
                return self._salts[day]
        key = Key("salt", str(day))
        item = self._table.get(key)
        while item is None:
            fresh = Put(key, {"salt": self._random(32).hex()}, Expect.ABSENT, expires=(day + 2) * DAY_S)
            with contextlib.suppress(ConditionFailed):
                self._table.transact([fresh])
            item = self._table.get(key)
        salt = bytes.fromhex(item.body["salt"])
        with self._lock:
            self._salts = {known: kept for known, kept in self._salts.items() if known >= day - 1} | {
                day: salt
            }
        return salt

    def _challenge(self, network: str, bits: int) -> Refused:
        now = self._now()
        nonce = self._random(16).hex()
        stamp = int(now.timestamp())
        made = puzzle.issue(
            self._salt(_day(now)), network, day=_day(now), now=stamp, bits=bits, nonce=nonce
        ).text
        wait = self._settings.puzzle_wait_s
        headers = {puzzle.HEADER: made, "Retry-After": str(wait)}
        return Refused([Problem("slower", "", {"seconds": wait})], 429, headers)

    def _answered(self, request: Request, network: str, key: str, waited: str) -> bool:
        """Whether a challenge of ours was answered, by a number or by patience, and for the first time."""
        text, _, number = request.headers.get(puzzle.ANSWER_HEADER.lower(), "")[:200].partition(" ")
        now = self._now()
        stamp = int(now.timestamp())
        challenge = puzzle.read(text or waited)
        if challenge is None or challenge.day not in {_day(now), _day(now) - 1}:
            return False
        if not puzzle.genuine(challenge, self._salt(challenge.day), network, now=stamp):
            return False
        if not puzzle.solved(challenge, number) and stamp < challenge.issued + self._settings.puzzle_wait_s:
            return False
        return self._first(challenge, key)

    def _first(self, challenge: puzzle.Challenge, key: str) -> bool:
        """Let a challenge open once, and for the same report again."""
        place = Key(f"puzzle#{challenge.nonce}", "spent")
        by = hashlib.sha256(f"{challenge.nonce}\n{key}".encode()).hexdigest()[:32]
        until = challenge.issued + 2 * puzzle.LIFE_S
        try:
            self._table.transact([Put(place, {"by": by}, Expect.ABSENT, expires=until)])
        except ConditionFailed:
            spent = self._table.get(place)
            return bool(key and spent and hmac.compare_digest(spent.body["by"], by))
        return True


def _day(now: datetime) -> int:
    """Days since 1970, UTC."""
    return int(now.timestamp()) // DAY_S
