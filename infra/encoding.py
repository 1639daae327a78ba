"""Requests and answers between WSGI and the functions: header names, and compression for those who take it.

What a web server in front of the functions does; knows no path and no page.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

COMPRESSED = ("text/", "application/json", "application/geo+json", "application/atom+xml", "image/svg+xml")


def headers_of(environ: WSGIEnvironment) -> dict[str, str]:
    found = {
        name[5:].replace("_", "-").lower(): value.encode("latin-1").decode("utf-8", "replace")
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


def encoded(
    said: list[tuple[str, str]], body: bytes, headers: Mapping[str, str]
) -> tuple[list[tuple[str, str]], bytes]:
    """The body as the client wants it: compressed when it may be and it pays."""
    kind = next((value for name, value in said if name.lower() == "content-type"), "")
    if len(body) < 400 or not kind.startswith(COMPRESSED):
        return said, body
    said = [*said, ("Vary", "Accept-Encoding")]
    if not takes_gzip(headers.get("accept-encoding", "")):
        return said, body
    return [*said, ("Content-Encoding", "gzip")], _gzipped(body)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header names gzip, or any coding, and does not weigh it with nothing (RFC 9110)."""
    weights: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip()] = not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return weights.get("gzip", weights.get("*", False))


@lru_cache(maxsize=512)
def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)
