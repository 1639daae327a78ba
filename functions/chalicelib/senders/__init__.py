"""The port that every message leaves through: what is sent, and what became of it.

A sender tries once and says what happened; it decides nothing about when or whether to try
again, and never writes an address into a log or an exception. Knows no follower and no report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

Outcome: TypeAlias = Literal["sent", "later", "gone", "refused", "unclear"]
"""`later`: not sent, worth another try. `gone`: nobody is at this address any more. `refused`: this message
was not taken and never will be. `unclear`: it may have been sent; trying again could send it twice."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one address. `id` is the same whenever the same thing is told to the same follower.

    `url` is where it leads; `unsubscribe` the address for one click (RFC 8058), "" where nothing can be ended.
    `short` is a push message's one sentence. `p256dh` and `auth` are a push subscription's keys.
    """

    id: str
    to: str = field(repr=False)
    language: str
    subject: str
    text: str
    html: str
    short: str
    url: str
    unsubscribe: str = field(default="", repr=False)
    p256dh: str = field(default="", repr=False)
    auth: str = field(default="", repr=False)


class Sender(Protocol):
    """One way out: e-mail or push."""

    def send(self, message: Message) -> Outcome:
        """Try once. Never raises for what the other side does."""
        ...
