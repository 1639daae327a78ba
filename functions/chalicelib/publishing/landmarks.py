"""Which landmarks the search knows: places that several public reports name in nearly the same words, close together.

Decides only: reads no table and writes no file. One person's words for a spot are told
to nobody here, and neither is what points at somebody's home; both stay on the report.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from math import hypot

import msgspec

from geo.plane import metres_per_degree

from ..records import Row

NAMED_BY = 2
"""Fewer reports than this do not make a landmark."""
TOGETHER_M = 300.0
"""Reports that name the same place lie within so many metres of one of them; others mean another place."""
PER_KELURAHAN = 12
LENGTHS = range(4, 41)
_APART = re.compile(r"[,;/()|\n]|\s[-\u2013]\s|\s(?:dan|and|atau|or)\s", re.IGNORECASE)
_BEFORE = re.compile(
    r"^"
    r"(?:(?:di|ke|dari|depan|dpn|dekat|deket|sebelah|seberang|sebrang|samping|belakang|sekitar|pojok|ujung|persis"
    r"|tepat|antara|arah|menuju|sebelum|setelah|sesudah|in|at|on|of|to|near|the|front|opposite|behind|beside|next"
    r"|corner|before|after|between)\s+)+",
    re.IGNORECASE,
)
"""Words in front of a name that say how one stands to it."""
_HOMES = re.compile(
    r"\b(?:rumah(?! (?:sakit|makan|susun|ibadah|pompa)\b)|rmh|kosa?n?|kost|kontrakan|pak|bapak|bpk|bu|ibu|haji|hj"
    r"|hajjah|mas|mbak|bang|mr|mrs|ms|house|home|no|nomor|rt|rw)\b"
)
"""Words that point at somebody's home, or at somebody."""


class Landmark(msgspec.Struct, frozen=True):
    """A place by name; degrees, WGS 84, the middle of the reports that name it, and how many they are."""

    name: str
    longitude: float
    latitude: float
    reports: int


def named(rows: Iterable[Row]) -> tuple[Landmark, ...]:
    """The landmarks of one kelurahan's public reports, most named first, at most PER_KELURAHAN."""
    spots: dict[str, list[tuple[float, float]]] = {}
    spelt: dict[str, list[str]] = {}
    for row in rows:
        if row.longitude is None or row.latitude is None:
            continue
        for key, name in dict(_phrases(row.landmark)).items():
            spots.setdefault(key, []).append((row.longitude, row.latitude))
            spelt.setdefault(key, []).append(name)
    found = [
        Landmark(_most_common(spelt[key]), *_middle(group), len(group))
        for key, all_of_it in spots.items()
        if len(group := _together(all_of_it)) >= NAMED_BY
    ]
    return tuple(sorted(found, key=lambda each: (-each.reports, each.name))[:PER_KELURAHAN])


def folded(text: str) -> str:
    """Text as the search compares it: small letters without accents, digits, single spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", " ", plain).strip()


def _phrases(landmark: str) -> Iterable[tuple[str, str]]:
    """(as compared, as written) of each place that a report's landmark names."""
    for part in _APART.split(landmark):
        name = _BEFORE.sub("", " ".join(part.split()), count=1).strip(" .:!?\"'")
        key = folded(name)
        # A mark where something was taken out, or a long number, is no part of a name.
        strange = "\u2022" in name or re.search(r"\d{4}", key)
        if len(key) in LENGTHS and len(name) <= LENGTHS[-1] and not strange and not _HOMES.search(key):
            yield key, name


def _together(spots: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The most spots that lie within TOGETHER_M of one of them; of several such groups the first."""
    best: list[tuple[float, float]] = []
    for longitude, latitude in spots:
        across, up = metres_per_degree(latitude)
        near = [s for s in spots if hypot((s[0] - longitude) * across, (s[1] - latitude) * up) <= TOGETHER_M]
        best = max(best, near, key=len)
    return best


def _middle(spots: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return (
        round(sum(longitude for longitude, _ in spots) / len(spots), 5),
        round(sum(latitude for _, latitude in spots) / len(spots), 5),
    )


def _most_common(names: Sequence[str]) -> str:
    return max(sorted(set(names)), key=names.count)
