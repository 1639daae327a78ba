"""Reading request bodies: JSON, url-encoded and multipart become one mapping of raw values, and files.

Bounded in size, parts and depth; judges nothing else. What the values mean is
submission's business.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from .problems import Problem, Refused

MAX_FIELDS = 120
MAX_FILES = 10
MAX_TEXT = 64_000
LISTS = frozenset({"photo"})
ATTRIBUTE = "attribute["
"""Answers to what a category asks begin so, and may be several."""
"""Fields that may be repeated."""
JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def read(body: bytes, content_type: str, *, max_bytes: int) -> tuple[dict[str, Any], list[bytes]]:
    """(values by field, files) of a request body. Empty file fields, as browsers send them, are left out.

    Raises Refused: 413 too large, 415 unknown content type, 400 not what the content type says.
    """
    if len(body) > max_bytes:
        raise Refused([Problem("body_too_large")], 413)
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return _json(body), []
    pairs, files = read_pairs(body, content_type, max_bytes=max_bytes)
    return _pairs(pairs), files


def read_pairs(
    body: bytes, content_type: str, *, max_bytes: int
) -> tuple[list[tuple[str, str]], list[bytes]]:
    """((name, value) as often as sent, files) of a form, for channels where fields may be repeated.

    Raises Refused as read() does.
    """
    if len(body) > max_bytes:
        raise Refused([Problem("body_too_large")], 413)
    kind = content_type.partition(";")[0].strip().lower()
    if kind == URLENCODED:
        return _urlencoded(body), []
    if kind == MULTIPART:
        return _multipart(body, content_type)
    raise Refused([Problem("content_type", "Content-Type", {"value": content_type})], 415)


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(JSON) from None
    if not isinstance(value, dict):
        raise _unreadable(JSON)
    return value


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise _unreadable(URLENCODED) from None


def _multipart(body: bytes, content_type: str) -> tuple[list[tuple[str, str]], list[bytes]]:
    from multipart import MultipartError, MultipartParser, parse_options_header

    boundary = parse_options_header(content_type)[1].get("boundary", "")
    pairs: list[tuple[str, str]] = []
    files: list[bytes] = []
    try:
        parser = MultipartParser(
            io.BytesIO(body),
            boundary,
            len(body),
            part_limit=MAX_FIELDS + MAX_FILES,
            memory_limit=len(body) + 1,
            spool_limit=len(body) + 1,
            strict=True,
        )
        for part in parser.parts():
            if part.filename is None and len(part.raw) <= MAX_TEXT:
                pairs.append((part.name, part.value))
            elif part.raw:
                files.append(part.raw)
    except (MultipartError, UnicodeDecodeError, LookupError, ValueError):
        raise _unreadable(MULTIPART) from None
    return pairs, files


def _pairs(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems: dict[str, Problem] = {}
    for name, value in pairs:
        if name in LISTS or name.startswith(ATTRIBUTE):
            if value:
                values.setdefault(name, []).append(value)
        elif name in values:
            count = sum(1 for other, _ in pairs if other == name)
            problems[name] = Problem("repeated", name[:40], {"count": count})
        else:
            values[name] = value
    if problems:
        raise Refused(list(problems.values()))
    return values


def strings(values: Mapping[str, Any]) -> dict[str, str]:
    """The values that are text: what a form shows again when it comes back with errors."""
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _unreadable(kind: str) -> Refused:
    return Refused([Problem("body_unreadable", "", {"content_type": kind})])
