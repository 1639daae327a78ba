"""Placing the rows of a CSV file: streams, adds columns, keeps every row.

A row that cannot be placed keeps its cells and says why in the column `reason`.
Any number of rows in constant memory. Knows nothing of reports.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from geo.locate import Place

LONGITUDE_NAMES = ("longitude", "lon", "lng", "long", "bujur", "x")
LATITUDE_NAMES = ("latitude", "lat", "lintang", "y")
ADDED = (
    "kode",
    "kelurahan",
    "kecamatan",
    "kota",
    "method",
    "distance_m",
    "probability",
    "runner_up",
    "reason",
)


class TableError(ValueError):
    """The file as a whole cannot be placed: empty, or without columns for longitude and latitude."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; positions from 0."""

    longitude: int
    latitude: int
    accuracy: int | None


@dataclass(slots=True)
class Tally:
    """How placing went."""

    rows: int = 0
    bad: int = 0
    outside: int = 0


def delimiter_of(header: str) -> str:
    """The delimiter of a header line: of comma, semicolon and tab the one that occurs most."""
    return max(",;\t", key=header.count)


def find_columns(
    header: Sequence[str],
    longitude: str | None = None,
    latitude: str | None = None,
    accuracy: str | None = None,
) -> Columns:
    """Where the columns are, by the names given or else by the usual ones, in any case.

    Raises TableError, saying which columns there are.
    """
    names = [name.strip().lower() for name in header]

    def position(given: str | None, usual: tuple[str, ...], what: str) -> int:
        for name in (given.strip().lower(),) if given else usual:
            if name in names:
                return names.index(name)
        wanted = repr(given) if given else "none of " + ", ".join(usual)
        raise TableError(
            f"no column for the {what} ({wanted}) among {', '.join(header)}; "
            f"name it with --{what.replace(' ', '-')}"
        )

    return Columns(
        position(longitude, LONGITUDE_NAMES, "longitude"),
        position(latitude, LATITUDE_NAMES, "latitude"),
        position(accuracy, (), "accuracy column") if accuracy else None,
    )


def place_rows(
    lines: Iterable[str],
    output: TextIO,
    locate: Callable[..., Place],
    *,
    longitude: str | None = None,
    latitude: str | None = None,
    accuracy: str | None = None,
    bad: Callable[[int, str], object] = lambda _line, _reason: None,
) -> Tally:
    """Copy CSV from `lines` to `output` with the columns of ADDED; names already taken get `geo_` before
    them.

    `bad` is told line number (the header is line 1) and reason of every row that was kept without a place.
    Raises TableError.
    """
    source = iter(lines)
    first = next(source, "")
    if not first.strip():
        raise TableError("the file is empty; its first line must name the columns")
    delimiter = delimiter_of(first)
    reader = csv.reader(_chain(first, source), delimiter=delimiter)
    header = next(reader)
    columns = find_columns(header, longitude, latitude, accuracy)
    writer = csv.writer(output, delimiter=delimiter, lineterminator="\n")
    writer.writerow([*header, *(f"geo_{name}" if name in header else name for name in ADDED)])
    tally = Tally()
    for row in _rows(reader):
        if row == []:
            continue
        tally.rows += 1
        reason, added = _placed(row, len(header), columns, locate)
        if reason:
            tally.bad += 1
            bad(reader.line_num, reason)
        elif added[0] is None:
            tally.outside += 1
        padded = row + [""] * (len(header) - len(row))
        writer.writerow(
            [*padded[: len(header)], *added, reason] if len(row) <= len(header) else [*row, *added, reason]
        )
    return tally


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _rows(reader: Any) -> Iterator[list[str]]:
    """The rows; a line that csv itself refuses (a NUL, an endless cell) ends the stream with a TableError."""
    try:
        yield from reader
    except csv.Error as error:
        raise TableError(f"line {reader.line_num}: no CSV from here on ({error})") from error


def _placed(
    row: Sequence[str], width: int, columns: Columns, locate: Callable[..., Place]
) -> tuple[str, list[object]]:
    """Reason (empty when it went well) and the added cells but the reason."""
    nothing: list[object] = [None] * (len(ADDED) - 1)
    if len(row) != width:
        return f"{len(row)} cells where the header has {width}", nothing
    try:
        cells = [_number(row[columns.longitude], "longitude"), _number(row[columns.latitude], "latitude")]
        if columns.accuracy is not None and row[columns.accuracy].strip():
            cells.append(_number(row[columns.accuracy], "accuracy"))
        place = locate(*cells)
    except ValueError as error:
        return str(error), nothing
    distance = None if place.distance_m is None else round(place.distance_m, 1)
    return "", [
        place.kode,
        place.kelurahan,
        place.kecamatan,
        place.kota,
        place.method,
        distance,
        round(place.probability, 4),
        place.runner_up,
    ]


def _number(text: str, what: str) -> float:
    if not text.strip():
        raise ValueError(f"no {what}")
    try:
        return float(text)
    except ValueError:
        hint = "; write the decimals after a point" if "," in text else ""
        raise ValueError(f"{what} {text!r} is no number{hint}") from None
