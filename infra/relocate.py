"""Moves reports to the boundaries in use now, with an event each: after a kelurahan was split or a border moved.

A report keeps the kelurahan it was given until this is asked for. Only what its own position
now belongs to elsewhere is moved; what an officer or the reporter chose without a position
stays. Without `--move` it only says what would move. Safe to stop and to start again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib import records
from chalicelib.intake import Locator
from chalicelib.report import Event, Office, Report, Words, applied, moment, sealed, stamp, written_id
from chalicelib.storage.table import ConditionFailed, Table

from infra import backup

OPERATOR = Office("operator", "Pengelola CCTV Warga")
"""Who is named in public."""
WORDS = "Batas wilayah diperbarui. Laporan ini sekarang berada di wilayah kelurahan lain."
CHOSEN = frozenset({"chosen", "confirmed", "officer"})
"""Methods by which a person decided, not the position alone."""
_TRIES = 5


@dataclass(slots=True)
class Outcome:
    """What became of the reports: (id, old code, new code) of those that move, and ids now outside every border."""

    moved: list[tuple[str, str, str]] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    """Would move by their position, but a person decided where they are: an officer should look."""
    looked_at: int = 0


def target(report: Report, locator: Locator) -> str | None:
    """The code of the kelurahan that a report's position belongs to now; "" outside all, None when nothing changes."""
    if report.place is None or report.longitude is None or report.latitude is None:
        return None
    if report.place.boundaries == locator.version:
        return None
    found = locator.locate(report.longitude, report.latitude)
    return None if found.kode == report.place.kode else found.kode or ""


def placed(before: Report, kode: str, locator: Locator, *, now: datetime, salt: str) -> Event:
    """The event that moves a report. Its office follows unless it was handed to somebody else. Decides; no I/O."""
    row = locator.by_kode[kode]
    home = before.office is None or (before.place is not None and before.office.code == before.place.kode)
    return sealed(
        Event(
            report=before.id,
            seq=before.seq + 1,
            at=stamp(max(now, moment(before.updated))),
            kind="placed",
            office=OPERATOR,
            to_office=Office(kode, f"Kelurahan {row.kelurahan}") if home else None,
            kode=kode,
            method="inside",
            boundaries=locator.version,
            area=(row.kelurahan, row.kecamatan, row.kota),
            example=before.example,
            words={"text": Words(salt, WORDS)},
        ),
        before.head,
    )


def relocate(
    table: Table,
    locator: Locator,
    *,
    now: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
    move: bool,
) -> Outcome:
    """Look at every report, and with `move` write an event for each that belongs elsewhere now."""
    outcome = Outcome()
    for report_id in ids(table):
        outcome.looked_at += 1
        for _ in range(_TRIES):
            found = records.load(table, report_id)
            if found is None:
                break
            before, version = found
            kode = target(before, locator)
            if kode is None or before.place is None:
                break
            if not kode:
                outcome.outside.append(report_id)
                break
            if before.place.method in CHOSEN:
                outcome.chosen.append(report_id)
                break
            if move:
                event = placed(before, kode, locator, now=now(), salt=random_bytes(16).hex())
                try:
                    table.transact(
                        records.succession_writes(before, applied(before, event), event, version=version)
                    )
                except ConditionFailed:
                    continue  # somebody changed it just now: look again
            outcome.moved.append((report_id, before.place.kode, kode))
            break
    return outcome


def ids(table: Table) -> Iterator[str]:
    """Every report there is, also where lists do not know it. Reads all keys: for operators only."""
    for partition, _ in backup._partitions(table, None):
        if partition.startswith("report#"):
            yield partition.removeprefix("report#")


def main(*, move: bool) -> int:
    """`python -m infra relocate [--move]`; returns the exit status."""
    import secrets

    from chalicelib import wiring

    import geo

    locator = geo.default_locator()
    if locator.approximate:
        print("boundaries are approximate: nothing is moved by circles", file=sys.stderr)
        return 1
    done = relocate(wiring.table(), locator, now=wiring.now, random_bytes=secrets.token_bytes, move=move)
    for report_id, old, new in done.moved:
        print(f"{written_id(report_id)} {old} -> {new}")
    for report_id in done.outside:
        print(f"{written_id(report_id)} is outside every kelurahan now: an officer must place it")
    for report_id in done.chosen:
        print(f"{written_id(report_id)} was placed by a person: an officer should look at it")
    verb = "moved" if move else "would move (nothing was changed; add --move)"
    print(f"{len(done.moved)} of {done.looked_at} reports {verb}", file=sys.stderr)
    if move and done.moved:
        print("where a kelurahan is gone, its pages go with: python -m infra publish --all", file=sys.stderr)
    return 0
