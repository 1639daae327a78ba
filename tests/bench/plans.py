"""Which synthetic reports there are to be: where, what, when, and what became of them. Decides; writes nothing.

Planned in parts, each a stretch of the ids, so that several processes can make one lot. The
same seed and the same moment give the same reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from chalicelib import intake

import geo
from geo.bulk import locate_many
from infra.seed import WEIGHTS, WORDS
from tests.bench.stamps import FATES, Values

DAYS = 365
"""So far back the newest event of the oldest report lies."""
PART = 10_000
LANDMARKS = (
    "depan minimarket",
    "dekat masjid",
    "seberang sekolah",
    "samping pos RW",
    "dekat halte",
    "ujung gang",
)
DAY_MS = 86_400_000
IDS = 1 << 40
MOST_MOVES = max(len(steps) for _, steps in FATES)
SECRETS = (intake.SALTS + MOST_MOVES) * 16 + intake.FOLLOW_KEY_BYTES
DUPLICATE = next(n for n, (_, steps) in enumerate(FATES) if any(step.move.duplicate_of for step in steps))


@dataclass(frozen=True)
class Plan:
    """One report to be: its values, and what the real way needs beside them to make the same."""

    values: Values
    fate: int
    follow_key: bytes
    times: tuple[Any, ...]

    @property
    def moments(self) -> list[datetime]:
        """When its events are."""
        return [each.astype(datetime).replace(tzinfo=UTC) for each in self.times]

    @property
    def planned(self) -> date:
        """The date that a step names which names one."""
        return date.fromisoformat(self.values.planned)


@dataclass(frozen=True)
class Part:
    """A stretch of a lot of `count` reports: the `number`th part of PART of them."""

    count: int
    now: datetime
    seed: int
    number: int

    def plans(self) -> Iterator[Plan]:
        """Its reports, in the order of their ids."""
        rng = np.random.default_rng([self.seed, self.number])
        size = min(PART, self.count - self.number * PART)
        longitude, latitude, home = _positions(self.seed, rng, size)
        ids = self._ids(rng, size)
        fate = rng.choice(len(FATES), size, p=[share for share, _ in FATES])
        # A duplicate points to the report before it: the first one of a part has none.
        fate[0] = 0 if fate[0] == DUPLICATE else fate[0]
        categories = list(WEIGHTS)
        weights = np.array([WEIGHTS[name] for name in categories], dtype=float)
        category = rng.choice(len(categories), size, p=weights / weights.sum())
        moments = _moments(rng, fate, self.now)
        stamps = np.char.add(np.datetime_as_string(moments), "Z").tolist()
        there = np.datetime_as_string(moments + np.timedelta64(7, "h"), unit="D").tolist()
        week = np.datetime_as_string(moments + np.timedelta64(7, "D"), unit="D").tolist()
        secrets = rng.bytes(size * SECRETS)
        word, mark = rng.random(size), rng.integers(len(LANDMARKS), size=size)
        locator = geo.default_locator()
        for i in range(size):
            own = secrets[i * SECRETS : (i + 1) * SECRETS]
            follow_key, salts = own[: intake.FOLLOW_KEY_BYTES], own[intake.FOLLOW_KEY_BYTES :].hex()
            row, name = locator.kelurahan[home[i]], categories[category[i]]
            steps = FATES[fate[i]][1]
            working = next((n for n, step in enumerate(steps, 1) if step.planned), 0)
            spot = float(longitude[i]), float(latitude[i])
            values = Values(
                id=ids[i], other=ids[i - 1], follow=intake.follow_hash(intake._base32(follow_key)),
                kode=row.kode, names=(row.kelurahan, row.kecamatan, row.kota), category=name,
                description=WORDS[name][int(word[i] * len(WORDS[name]))], landmark=LANDMARKS[mark[i]],
                longitude=spot[0], latitude=spot[1], distance_m=locator.locate(*spot).distance_m,
                salts=[salts[32 * n : 32 * n + 32] for n in range(intake.SALTS + len(steps))],
                at=stamps[i][: len(steps) + 1], days=there[i][: len(steps) + 1], planned=week[i][working],
            )  # fmt: skip
            yield Plan(values, int(fate[i]), follow_key, tuple(moments[i][: len(steps) + 1]))

    def _ids(self, rng: np.random.Generator, size: int) -> list[str]:
        """Different ids in order, from this part's stretch of all ids."""
        parts = -(-self.count // PART)
        width = IDS // parts
        step = width // size
        numbers = self.number * width + np.arange(size) * step + rng.integers(0, step, size)
        return [intake._base32(int(number).to_bytes(5)) for number in numbers]


def parts(count: int, *, now: datetime, seed: int = 31) -> list[Part]:
    """`count` reports in parts, spread over the city and the last year."""
    return [Part(count, now, seed, number) for number in range(-(-count // PART))]


def _moments(rng: np.random.Generator, fate: Any, now: datetime) -> Any:
    """When each report came and was moved, none after `now`; what is beyond its last move repeats that."""
    # A day and more between events: what is kept by day is then kept once for each of them.
    gaps = (DAY_MS * (1.05 + rng.gamma(1.2, 2.5, (len(fate), MOST_MOVES)))).astype(np.int64)
    moves = np.array([len(steps) for _, steps in FATES])[fate]
    gaps[np.arange(MOST_MOVES) >= moves[:, None]] = 0
    age = (DAY_MS * (0.01 + DAYS * rng.random(len(fate)) ** 1.5)).astype(np.int64)
    first = int(now.timestamp() * 1000) - age - gaps.sum(axis=1)
    return (first[:, None] + np.cumsum(np.pad(gaps, ((0, 0), (1, 0))), axis=1)).astype("datetime64[ms]")


def _positions(seed: int, rng: np.random.Generator, count: int) -> tuple[Any, Any, Any]:
    """Longitudes, latitudes (6 decimals) and positions in geo's list, some kelurahan with much and many with little."""
    rows = geo.default_locator().kelurahan
    busy = np.random.default_rng(seed).gamma(0.8, 1.0, len(rows)) + 0.02
    busy *= [0.1 if row.kode.startswith("31.01") else 1.0 for row in rows]
    middles = np.array([(row.longitude, row.latitude) for row in rows])
    found: list[tuple[Any, ...]] = []
    while sum(len(each[0]) for each in found) < count:
        home = rng.choice(len(rows), count, p=busy / busy.sum())
        spots = np.round(middles[home] + rng.normal(0, 0.005, (count, 2)), 6)
        where = locate_many(spots[:, 0], spots[:, 1])
        inside = where >= 0
        found.append((spots[inside, 0], spots[inside, 1], where[inside]))
    longitude, latitude, where = (np.concatenate(each)[:count] for each in zip(*found, strict=True))
    return longitude, latitude, where
