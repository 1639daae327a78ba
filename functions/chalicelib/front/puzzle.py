"""A small computation instead of a refusal: asked for in a burst, by nobody but ourselves.

A challenge is signed and nothing is stored when it is given: it says for whom it is, since when and
how hard. It is answered by a number whose SHA-256 with the challenge begins with so many
zero bits or, where nothing can compute, by coming back with it after a while. Each opens
once. Does no I/O and knows no limit: when one is asked for is guard.py's business.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

HEADER = "Puzzle"
"""Carries a challenge to the client."""
ANSWER_HEADER = "Puzzle-Answer"
"""Carries the challenge and its number back, with a space between."""
LIFE_S = 3600
"""So long a challenge can be answered."""
MOST_BITS = 24
"""Never harder: about 17 million tries."""
_FORM = re.compile(r"1\.([0-9]{5,6})\.([0-9]{9,11})\.([0-9]{1,2})\.([0-9a-f]{32})\.([0-9a-f]{32})")
_NUMBER = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was asked: `day` names the secret that signed it, `issued` is in s since 1970, `bits` how hard it is."""

    day: int
    issued: int
    bits: int
    nonce: str
    signature: str = ""

    @property
    def text(self) -> str:
        """As it travels: letters, digits and points only."""
        return f"{self._signed}.{self.signature}"

    @property
    def _signed(self) -> str:
        return f"1.{self.day}.{self.issued}.{self.bits}.{self.nonce}"

    def seal(self, secret: bytes, who: str) -> str:
        """The signature that this challenge must carry for `who`."""
        return hmac.digest(secret, f"puzzle\n{who}\n{self._signed}".encode(), "sha256").hex()[:32]


def issue(secret: bytes, who: str, *, day: int, now: int, bits: int, nonce: str) -> Challenge:
    """A new challenge for `who`; `nonce` are 32 random hexadecimal digits."""
    bare = Challenge(day, now, min(bits, MOST_BITS), nonce)
    return Challenge(day, now, bare.bits, nonce, bare.seal(secret, who))


def read(text: str) -> Challenge | None:
    """The challenge that a text claims to be; None when it cannot be one."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    day, issued, bits, nonce, signature = found.groups()
    return Challenge(int(day), int(issued), int(bits), nonce, signature)


def genuine(challenge: Challenge, secret: bytes, who: str, *, now: int) -> bool:
    """Whether we gave it to `who`, and lately."""
    fresh = challenge.issued <= now <= challenge.issued + LIFE_S
    return fresh and hmac.compare_digest(challenge.signature, challenge.seal(secret, who))


def solved(challenge: Challenge, number: str) -> bool:
    """Whether a number answers it."""
    if not _NUMBER.fullmatch(number):
        return False
    digest = hashlib.sha256(f"{challenge.text}.{number}".encode()).digest()
    return int.from_bytes(digest) >> (256 - challenge.bits) == 0


def solve(challenge: str) -> int:
    """The smallest number that answers a challenge: what clients compute. For scripts and tests."""
    asked = read(challenge)
    if asked is None:
        raise ValueError(f"{challenge[:80]!r} is not a challenge")
    number = 0
    while not solved(asked, str(number)):
        number += 1
    return number
