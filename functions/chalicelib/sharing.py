"""What lets others read the API well: CORS for pages of other sites, ETags and conditional requests.

Works on finished answers and knows no operation. Nothing here allows credentials: what a
page of another site may read is what anybody may read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

ASK_HEADERS = ("Accept-Language", "Idempotency-Key", "If-None-Match")
"""Headers that a page of another site may send."""
TOLD_HEADERS = (
    "ETag",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
)
"""Headers of an answer that it may read, beside those that every page may."""
PREFLIGHT_SECONDS = 86_400
OPEN: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": ",".join(TOLD_HEADERS),
}
_KEPT = ("no-store", "private")


def tag(data: bytes) -> str:
    """The ETag of a body. Weak: compressed or not, it is the same answer."""
    return f'W/"{hashlib.sha256(data).hexdigest()[:20]}"'


def knows(if_none_match: str, current: str) -> bool:
    """Whether an If-None-Match header (RFC 9110) names the tag; weak and strong ones are the same here."""
    if if_none_match.strip() == "*":
        return True
    named = {each.strip().removeprefix("W/") for each in if_none_match[:4000].split(",")}
    return current.removeprefix("W/") in named


def conditional(
    if_none_match: str, status: int, headers: Mapping[str, str], data: bytes
) -> tuple[int, dict[str, str], bytes]:
    """An answer to a GET, with its ETag; a 304 without a body when the asker has it already.

    Only 200s that may be kept at all are given one.
    """
    said = dict(headers)
    if status != 200 or any(word in said.get("Cache-Control", "") for word in _KEPT):
        return status, said, data
    said["ETag"] = tag(data)
    if not knows(if_none_match, said["ETag"]):
        return status, said, data
    said.pop("Content-Type", None)
    return 304, said, b""
