"""What one report of a kind leaves in the table, learnt from the real way and stamped for many.

A report of each fate goes once through intake.accept and desk.move into an empty table, with
names and times that occur nowhere else. What then lies in the table is the stamp: the same rows
with the names and times of another report put in, and its hashes computed. So nothing here knows
which rows a report has; tests/bench/test_synthetic.py holds the result against the real way.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from chalicelib import desk, intake, records, stats
from chalicelib.lifecycle import Move
from chalicelib.report import Office, canonical
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.submission import Submission

from infra.seed import AGENCY, UNIT

HOME = "home"
"""Stands for the kelurahan of the report among the offices of a step."""


@dataclass(frozen=True)
class Step:
    """One move: by whom, and to whom it goes. `planned`: with a date, a week later."""

    move: Move
    office: Office | str = HOME
    to_office: Office | None = None
    planned: bool = False


_COORDINATED = Step(
    Move("coordination", "Diteruskan ke dinas yang berwenang.", office=AGENCY.code), HOME, AGENCY
)
_DISPOSED = Step(Move("disposition", "Ditugaskan ke pelaksana di lapangan.", office=UNIT.code), AGENCY, UNIT)
_WORKED = Step(Move("in_progress", "Petugas sudah di lokasi.", percent=50), UNIT, None, planned=True)
_WORKED_HOME = Step(Move("in_progress", "Petugas sudah di lokasi.", percent=50), planned=True)
_DONE = Step(Move("done", "Selesai diperbaiki. Terima kasih atas laporannya."), UNIT)
_DONE_HOME = Step(Move("done", "Selesai diperbaiki. Terima kasih atas laporannya."))
_REJECTED = Step(Move("rejected", "Petugas tidak menemukan masalahnya.", reason="not_found"))
OTHER = "0THER000"
_DUPLICATE = Step(Move("duplicate", duplicate_of=OTHER))

FATES: tuple[tuple[float, tuple[Step, ...]], ...] = (
    (0.55, (_WORKED_HOME, _DONE_HOME)),
    (0.10, (_COORDINATED, _DISPOSED, _WORKED, _DONE)),
    (0.20, (_DONE_HOME,)),
    (0.05, (_REJECTED,)),
    (0.03, (_DUPLICATE,)),
    (0.03, ()),
    (0.01, (_COORDINATED,)),
    (0.01, (_COORDINATED, _DISPOSED)),
    (0.02, (_WORKED_HOME,)),
)
"""Share of reports, and what became of them: 93 of 100 are closed, as in a service of some years."""

KODE, NAMES = "99.98.97.9996", ("KELURAHANX", "KECAMATANX", "KOTAX")
CATEGORY, DESCRIPTION, LANDMARK = "kategorix", "Uraian sintetis X.", "dekat patokan sintetis X"
LONGITUDE, LATITUDE = 101.111111, -9.222222
DISTANCE_M = 77777.7
FIRST = datetime(2011, 1, 31, 20, 0, 0, 678_000, UTC)
"""In UTC a day, month and year before Jakarta's: every form of it can be told from every other."""


def stamps_at(number: int) -> datetime:
    """When the learnt report has its event of this number."""
    return FIRST.replace(year=FIRST.year + number)


@dataclass(frozen=True)
class Values:
    """What makes one report this one. `at` are its events' stamps, `days` and `months` the same in Jakarta.

    `salts` are hexadecimal: those of the first event in order, then one per move.
    """

    id: str
    other: str
    follow: str
    kode: str
    names: tuple[str, str, str]
    category: str
    description: str
    landmark: str
    longitude: float
    latitude: float
    distance_m: float | None
    salts: Sequence[str]
    at: Sequence[str]
    days: Sequence[str]
    planned: str


class Sum(NamedTuple):
    """A row that many reports share: its counters and its version add up."""

    partition: str
    sort: str
    body: str
    version: int
    counters: Mapping[str, int]


class Pattern:
    """A text with places for values, in the order of a table of names."""

    def __init__(self, text: str, names: Mapping[str, int]) -> None:
        # The longest first: a day also begins the stamp of its moment.
        found = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
        places = [names[match.group()] for match in found.finditer(text)]
        self.text = found.sub("\0", text.replace("%", "%%")).replace("\0", "%s")
        # itemgetter gives a bare value for one place.
        self.pick = itemgetter(*places, *places[:1] * (len(places) == 1)) if places else None
        self.single = len(places) == 1

    def filled(self, values: Sequence[str]) -> str:
        if self.pick is None:
            return self.text % ()
        picked = self.pick(values)
        return self.text % (picked[:1] if self.single else picked)


class Stamp:
    """The rows of a report with one fate."""

    def __init__(self, steps: Sequence[Step], folder: Path) -> None:
        self.moves = len(steps)
        rows, events, self.salts = _learn(steps, folder)
        names: dict[str, str] = {
            events[0].report: "id", OTHER: "other", KODE: "kode", KODE[:5]: "kota_kode",
            **dict(zip(NAMES, ("kelurahan", "kecamatan", "kota"), strict=True)),
            CATEGORY: "category", DESCRIPTION: "description", LANDMARK: "landmark",
            f"{LONGITUDE:.6f},{LATITUDE:.6f}": "position",
            repr(DISTANCE_M): "distance",
            repr(LONGITUDE): "longitude", repr(LATITUDE): "latitude",
            _follow(): "follow",
            (date(2000, 2, 22)).isoformat(): "planned",
        }  # fmt: skip
        for number, event in enumerate(events):
            moment = stamps_at(number)
            there = moment + timedelta(hours=7)
            names |= {
                event.at: f"at{number}", event.at[:7]: f"month{number}",
                f"{there:%Y-%m-%d}": f"day{number}", f"{there:%Y-%m}": f"jakarta{number}",
                event.hash: f"hash{number}",
            }  # fmt: skip
            names |= {event.commitments[name]: f"{name}{number}" for name in event.commitments}
        names |= {salt: f"salt{number}" for number, salt in enumerate(self.salts)}
        self.order = list(dict.fromkeys(names.values()))
        places = {text: self.order.index(name) for text, name in names.items()}
        self._facts = [Pattern(canonical(event).decode(), places) for event in events]
        self._commitments = [
            (f"{name}{number}", self.order.index(f"salt{self.salts.index(words.salt)}"), words.text)
            for number, event in enumerate(events)
            for name, words in event.words.items()
        ]
        own = [row for row in rows if events[0].report in row[0] + row[1]]
        self._versions = [row[3] for row in own]
        self._own = Pattern("\x1e".join(f"{p}\x1f{s}\x1f{b}" for p, s, b, _, _ in own), places)
        self._sums = [
            (Pattern("\x1f".join([p, s, b, *counters]), places), version, list(counters.values()))
            for p, s, b, version, counters in rows
            if events[0].report not in p + s
        ]
        self._at = {name: index for index, name in enumerate(self.order)}

    def rows(self, it: Values) -> tuple[list[list[Any]], list[Sum]]:
        """What the report leaves: rows of its own (partition, sort, body, version), and what it adds to shared ones."""
        known = {
            "id": it.id, "other": it.other, "kode": it.kode, "kota_kode": it.kode[:5],
            "kelurahan": it.names[0], "kecamatan": it.names[1], "kota": it.names[2],
            "category": it.category, "description": it.description, "landmark": it.landmark,
            "position": f"{it.longitude:.6f},{it.latitude:.6f}",
            "longitude": repr(it.longitude), "latitude": repr(it.latitude),
            "distance": "null" if it.distance_m is None else repr(round(it.distance_m, 1)),
            "follow": it.follow, "planned": it.planned,
        }  # fmt: skip
        for number, (at, day) in enumerate(zip(it.at, it.days, strict=True)):
            known[f"at{number}"], known[f"month{number}"] = at, at[:7]
            known[f"day{number}"], known[f"jakarta{number}"] = day, day[:7]
        for number, salt in enumerate(it.salts):
            known[f"salt{number}"] = salt
        for name, salt_at, text in self._commitments:
            said = known["position"] if name == "position0" else known.get(name.removesuffix("0"), text)
            salted = f"{known[self.order[salt_at]]}\n{said}"
            known[name] = hashlib.sha256(salted.encode()).hexdigest()
        values = [known.get(name, "") for name in self.order]
        for number, facts in enumerate(self._facts):
            digest = hashlib.sha256(facts.filled(values).encode()).hexdigest()
            values[self._at[f"hash{number}"]] = digest
        own: list[list[Any]] = [text.split("\x1f") for text in self._own.filled(values).split("\x1e")]
        for row, version in zip(own, self._versions, strict=True):
            row.append(version)
        taken = f"day:{_days(it.at)}"
        sums = []
        for pattern, version, steps in self._sums:
            partition, sort, body, *counted = pattern.filled(values).split("\x1f")
            named = (taken if name.startswith("day:") else name for name in counted)
            sums.append(Sum(partition, sort, body, version, dict(zip(named, steps, strict=True))))
        return own, sums


def _days(at: Sequence[str]) -> int:
    """What stats counts as the days until done, between the first and the last stamp."""
    told: Any = SimpleNamespace(state="done", closed=at[-1], created=at[0])
    return stats.days_until_done(told) or 0


def _follow() -> str:
    return intake.follow_hash(intake._base32(_key(10)))


def _key(count: int) -> bytes:
    return bytes(range(200, 200 + count))


def submission(it: Values) -> Submission:
    """What was sent to make this report."""
    return Submission(
        category=it.category, description=it.description, landmark=it.landmark,
        longitude=it.longitude, latitude=it.latitude,
    )  # fmt: skip


@dataclass
class Clock:
    """Stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def really(
    door: intake.Door,
    clock: Clock,
    sent: Submission,
    steps: Sequence[Step],
    times: Sequence[datetime],
    planned: date,
    other: str,
) -> str:
    """The real way of one report: accepted, then moved step by step at `times`. Returns its id.

    `planned` is the date that a step names which names one, `other` the report that a duplicate points to.
    """
    clock.now = times[0]
    accepted = intake.accept(door, sent, channel="web", example=True)
    place = accepted.place
    assert place is not None
    home = Office(place.kode, f"Kelurahan {place.kelurahan}")
    officers = desk.Desk(door.table, clock, door.random_bytes)
    for step, clock.now in zip(steps, times[1:], strict=True):
        office = step.office if isinstance(step.office, Office) else home
        wish = replace(step.move, duplicate_of=other) if step.move.duplicate_of else step.move
        desk.move(
            officers, accepted.id, wish, role="officer", office=office, to_office=step.to_office,
            planned=planned if step.planned else None,
        )  # fmt: skip
    return accepted.id


def _learn(steps: Sequence[Step], folder: Path) -> tuple[list[tuple[Any, ...]], list[Any], list[str]]:
    """Rows, events and salts of the one report that shows how it is done."""
    path = folder / f"{'-'.join(step.move.to + str(step.office != HOME) for step in steps) or 'new'}.sqlite3"
    row = SimpleNamespace(
        kode=KODE,
        kelurahan=NAMES[0],
        kecamatan=NAMES[1],
        kota=NAMES[2],
        longitude=LONGITUDE,
        latitude=LATITUDE,
    )
    found = SimpleNamespace(
        kode=KODE, method="inside", distance_m=DISTANCE_M, probability=1.0, runner_up=None
    )
    import geo

    locator: Any = SimpleNamespace(
        version=geo.default_locator().version, by_kode={KODE: row}, locate=lambda *_: found
    )
    salts: list[str] = []
    counter = itertools.count(1)

    def random_bytes(count: int) -> bytes:
        if count != 16:
            return _key(count)
        salts.append(hashlib.md5(b"salt %d" % next(counter), usedforsecurity=False).hexdigest())
        return bytes.fromhex(salts[-1])

    table = SQLiteTable(path, repeatable=True)
    clock = Clock(FIRST)
    door = intake.Door(
        table, FolderFiles(folder / "private", durable=False), locator, clock, random_bytes, max_photo_bytes=1
    )
    sent = Submission(
        category=CATEGORY, description=DESCRIPTION, landmark=LANDMARK, longitude=LONGITUDE, latitude=LATITUDE
    )
    times = [stamps_at(number) for number in range(len(steps) + 1)]
    report_id = really(door, clock, sent, steps, times, date(2000, 2, 22), OTHER)
    events = records.history(table, report_id)
    table.close()
    return list(_rows(path)), events, salts


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    for partition, sort, body, version, counters, expires in connection.execute(
        "SELECT partition, sort, body, version, counters, expires FROM items ORDER BY partition, sort"
    ):
        if expires is not None:
            raise RuntimeError(f"{partition} {sort} expires: stamps know no time to live")
        yield partition, sort, body, version, json.loads(counters)
    connection.close()
