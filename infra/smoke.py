"""Tries a running instance over HTTP as readers, reporters and programs do: `python -m infra smoke ADDRESS`.

Reads only: nothing is reported and nothing changes. Says what is not right, a line each. For
the end of a deployment, and for any instance at any time.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 300.0
"""A new distribution takes minutes until every place knows it."""
HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "permissions-policy")
MONAS = "longitude=106.8272&latitude=-6.1754"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(address: str) -> Reply:
    """One request; follows no redirect. Raises OSError or http.client.HTTPException."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=30)
    try:
        line.request(
            "GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers={"Accept": "*/*"}
        )
        got = line.getresponse()
        return Reply(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        line.close()


def look(address: str, ask: Callable[[str], Reply] = get) -> list[str]:
    """Everything that is not right at an address such as `https://warga.example.id`; nothing when all is well."""
    base = address.rstrip("/")
    found: list[str] = []
    for path, judge in CHECKS.items():
        try:
            reply = ask(base + path)
        except (OSError, http.client.HTTPException) as error:
            found.append(f"{path}: no answer ({type(error).__name__})")
            continue
        found += [f"{path}: {fault}" for fault in judge(reply)]
        if base.startswith("https:") and "strict-transport-security" not in reply.headers:
            found.append(f"{path}: the answer does not insist on encryption")
    found += _assets(base, ask)
    return found


def patiently(address: str, *, ask: Callable[[str], Reply] = get, seconds: float = PATIENCE_S) -> list[str]:
    """The same, again and again until all is well or the time is up."""
    until = time.monotonic() + seconds
    while (found := look(address, ask)) and time.monotonic() < until:
        time.sleep(min(10.0, seconds / 10))
    return found


def _page(reply: Reply) -> list[str]:
    found = [] if reply.status == 200 else [f"status {reply.status}"]
    if b"<!doctype html>" not in reply.body[:40].lower():
        found.append("is no page")
    missing = [name for name in HEADERS if name not in reply.headers]
    if missing:
        found.append(f"lacks {', '.join(missing)}")
    if "unsafe" in reply.headers.get("content-security-policy", ""):
        found.append("its policy allows inline scripts")
    return found


def _lost(reply: Reply) -> list[str]:
    return (
        []
        if reply.status == 404 and b"<" in reply.body[:1]
        else [f"status {reply.status} for what is not there"]
    )


def _json(fits: Callable[[Any], bool]) -> Callable[[Reply], list[str]]:
    def judge(reply: Reply) -> list[str]:
        try:
            value = json.loads(reply.body)
            right = reply.status == 200 and fits(value)
        except (ValueError, LookupError, TypeError):
            right = False
        return [] if right else [f"status {reply.status}, not what was expected"]

    return judge


CHECKS: Mapping[str, Callable[[Reply], list[str]]] = {
    "/": _page,
    "/en/": _page,
    "/lapor/": _page,
    "/rekap/": _page,
    "/status/": _page,
    "/petugas/": _page,
    "/there-is-no-such-page/": _lost,
    "/data/ringkas.json": _json(lambda value: "kelurahan" in value and bool(value["boundaries"]["version"])),
    "/data/batas.json": _json(lambda value: len(value["kelurahan"]) > 0),
    "/api/health": _json(lambda value: value["status"] == "ok"),
    "/api/categories": _json(lambda value: len(value["categories"]) > 0),
    f"/api/locate?{MONAS}": _json(lambda value: value["place"]["kota"].endswith("Jakarta Pusat")),
    "/open311/discovery.json": _json(lambda value: len(value["endpoints"]) > 0),
}


def _assets(base: str, ask: Callable[[str], Reply]) -> list[str]:
    """What the front page links to is there, and may be kept for a year."""
    try:
        page = ask(f"{base}/").body.decode("utf-8", "replace")
        links = sorted(set(re.findall(r"(?:href|src)=\"(/aset/[^\"#]+)", page)))
        if not links:
            return ["/: links to no script or style"]
        replies = {link: ask(base + link) for link in links}
    except (OSError, http.client.HTTPException) as error:
        return [f"assets: no answer ({type(error).__name__})"]
    found = [f"{link}: status {reply.status}" for link, reply in replies.items() if reply.status != 200]
    found += [
        f"{link}: may not be kept"
        for link, reply in replies.items()
        if reply.status == 200 and "max-age=31536000" not in reply.headers.get("cache-control", "")
    ]
    return found


def main(address: str) -> int:
    """`python -m infra smoke ADDRESS`; returns the exit status: 1 when something is not right."""
    found = look(address)
    for line in found:
        print(f"NOT RIGHT {line}", file=sys.stderr)
    print(f"{len(found)} not right" if found else f"all is well at {address}")
    return 1 if found else 0
