"""How often somebody may do something: exact counts in fixed windows, shared by all processes.

One conditional write per request, in the table; counts of past windows expire by
themselves. Who is counted and what is done about it is the caller's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..storage.table import Key, Table


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` requests in each window of `window_s` seconds."""

    most: int
    window_s: int = 60


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request: whether it is within its limit, how many are left, and when counting starts anew."""

    allowed: bool
    limit: Limit
    remaining: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, named as in the IETF's draft "RateLimit header fields for HTTP", version 7."""
        said = {
            "RateLimit-Limit": str(self.limit.most),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
            "RateLimit-Policy": f"{self.limit.most};w={self.limit.window_s}",
        }
        return said if self.allowed else {**said, "Retry-After": str(self.reset_s)}


def take(table: Table, who: str, limit: Limit, *, now: datetime) -> Taken:
    """Count a request of `who` against a limit, if it is within it.

    `who` names a client and what is counted, such as `key#0a1b2c3d`; it lies in the table for
    two windows, so it must not be an address or anything else personal in the clear.
    """
    window, into = divmod(int(now.timestamp()), limit.window_s)
    key = Key(f"rate#{who}", f"{limit.window_s}#{window}")
    counted = table.count(key, limit.most, expires=(window + 2) * limit.window_s)
    remaining = limit.most - counted if counted is not None else 0
    return Taken(counted is not None, limit, remaining, limit.window_s - into)
