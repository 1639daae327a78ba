"""A door with real storage in a temporary folder, and a city of two kelurahan to report in."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chalicelib import intake
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable

GAMBIR = "31.71.01.1001"
CIDENG = "31.71.01.1002"


@dataclass(frozen=True)
class Row:
    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    longitude: float
    latitude: float


@dataclass(frozen=True)
class Found:
    kode: str | None
    method: str
    distance_m: float | None
    probability: float
    runner_up: str | None


class TwoKelurahan:
    """West of 106.82 lies Cideng, east of it Gambir; between 106.80 and 106.84. The border is doubtful for 100 m."""

    version = "test"
    approximate = False

    def __init__(self) -> None:
        rows = (
            Row(GAMBIR, "Gambir", "Gambir", "Jakarta Pusat", 106.83, -6.17),
            Row(CIDENG, "Cideng", "Gambir", "Jakarta Pusat", 106.81, -6.17),
        )
        self.by_kode = {row.kode: row for row in rows}

    def locate(self, longitude: float, latitude: float, accuracy_m: float | None = None) -> Found:
        if not (106.80 <= longitude < 106.84 and -6.20 <= latitude < -6.15):
            return Found(None, "outside", None, 0.0, None)
        here, there = (GAMBIR, CIDENG) if longitude >= 106.82 else (CIDENG, GAMBIR)
        away = abs(longitude - 106.82) * 110_000
        doubtful = accuracy_m is not None and accuracy_m > away
        return Found(here, "inside", away, 0.6 if doubtful else 1.0, there if doubtful else None)


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, **step: float) -> None:
        self.now += timedelta(**step)

    def seconds(self) -> float:
        return self.now.timestamp()


@dataclass
class Dice:
    """Bytes that look random and are the same in every run."""

    rolls: int = 0
    seed: str = "dice"
    forced: list[bytes] = field(default_factory=list)

    def __call__(self, count: int) -> bytes:
        if self.forced and len(self.forced[0]) == count:
            return self.forced.pop(0)
        self.rolls += 1
        return hashlib.shake_256(f"{self.seed}{self.rolls}".encode()).digest(count)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dice() -> Dice:
    return Dice()


@pytest.fixture
def table(tmp_path: Path, clock: Clock) -> Iterator[SQLiteTable]:
    made = SQLiteTable(tmp_path / "table.sqlite3", now=clock.seconds)
    yield made
    made.close()


@pytest.fixture
def private(tmp_path: Path) -> FolderFiles:
    return FolderFiles(tmp_path / "private")


@pytest.fixture
def site(tmp_path: Path) -> FolderFiles:
    return FolderFiles(tmp_path / "site")


@pytest.fixture
def door(table: SQLiteTable, private: FolderFiles, clock: Clock, dice: Dice) -> intake.Door:
    return intake.Door(table, private, TwoKelurahan(), clock, dice, max_photo_bytes=2_000_000)


@pytest.fixture
def photo() -> Callable[..., bytes]:
    """Makes a JPEG with a GPS position in its EXIF: `photo(colour)`."""

    def make(colour: tuple[int, int, int] = (120, 90, 60), size: tuple[int, int] = (640, 480)) -> bytes:
        from PIL import Image

        picture = Image.new("RGB", size, colour)
        exif = Image.Exif()
        exif[0x010F] = "RahasiaKamera"
        exif.get_ifd(0x8825).update({1: "S", 2: (6.0, 10.0, 31.0), 3: "E", 4: (106.0, 49.0, 38.0)})
        kept = io.BytesIO()
        picture.save(kept, "JPEG", exif=exif)
        return kept.getvalue()

    return make


# Last, because these build on what stands above.
from .desks import at, keys_file, send  # noqa: E402, F401
