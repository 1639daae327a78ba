"""What the generator of synthetic reports writes is what the product writes: row by row, file by file."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalicelib import intake, records
from chalicelib.report import broken_at
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable

import geo
from tests.bench import plans, synthetic
from tests.bench.stamps import FATES, Clock, really, submission

COUNT = 60
NOT_THE_REPORTS = ("published", "instance", "recaps")
"""Partitions that whoever publishes writes, not the reports."""


def rows(path: Path) -> dict[tuple[str, str], Any]:
    """Everything a table holds, read as data."""
    connection = sqlite3.connect(path)
    found = connection.execute(
        "SELECT partition, sort, body, version, counters, expires FROM items"
    ).fetchall()
    connection.close()
    return {
        (partition, sort): (json.loads(body), version, json.loads(counters), expires)
        for partition, sort, body, version, counters, expires in found
        if partition not in NOT_THE_REPORTS
    }


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".partial" not in path.parts
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The same reports twice: by the generator, and by the real way."""
    pytest.importorskip("numpy")
    quick, real = tmp_path_factory.mktemp("quick"), tmp_path_factory.mktemp("real")
    now = datetime.now(UTC)
    wanted = plans.parts(COUNT, now=now)
    planned = [plan for part in wanted for plan in part.plans()]
    synthetic.fill(quick / "table.sqlite3", wanted)
    one_by_one(real, planned)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(quick))
        synthetic.publish(quick, status_pages=COUNT, processes=1)
        made = synthetic.publisher(real)
        made.everything()
        made.table.close()
        yield quick, real
        synthetic.forget()


def one_by_one(folder: Path, planned: list[plans.Plan]) -> None:
    table = SQLiteTable(folder / "table.sqlite3", repeatable=True)
    clock = Clock(datetime.now(UTC))
    private = FolderFiles(folder / "private", durable=False)
    for plan in planned:
        chances = iter(
            [plan.follow_key, int_of(plan.values.id).to_bytes(5), *map(bytes.fromhex, plan.values.salts)]
        )

        def chance(count: int, chances: Iterator[bytes] = chances) -> bytes:
            found = next(chances)
            assert len(found) == count
            return found

        door = intake.Door(table, private, geo.default_locator(), clock, chance, max_photo_bytes=1)
        steps = FATES[plan.fate][1]
        made = really(
            door, clock, submission(plan.values), steps, plan.moments, plan.planned, plan.values.other
        )
        assert made == plan.values.id
    table.close()


def int_of(report_id: str) -> int:
    number = 0
    for letter in report_id:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
    return number


def test_every_row_is_the_one_that_the_real_way_writes(both: tuple[Path, Path]):
    quick, real = (rows(folder / "table.sqlite3") for folder in both)
    assert set(quick) == set(real)
    assert {key: (quick[key], real[key]) for key in real if quick[key] != real[key]} == {}


def test_every_file_is_the_one_that_the_real_way_publishes(both: tuple[Path, Path]):
    quick, real = (files(folder / "site") for folder in both)
    assert set(quick) == set(real)
    assert [path for path in real if quick[path] != real[path]] == []


def test_synthetic_reports_are_labelled_and_their_histories_whole(both: tuple[Path, Path]):
    table = SQLiteTable(both[0] / "table.sqlite3")
    ids = [
        key[1].split("#")[1] for key in rows(both[0] / "table.sqlite3") if key[0].startswith("requested#all")
    ]
    assert len(ids) == COUNT
    for report_id in ids:
        history = records.history(table, report_id)
        assert broken_at(history) is None
        assert all(event.example for event in history)
    table.close()


def planned_at(now: datetime, count: int, seed: int = 31) -> list[plans.Plan]:
    return [plan for part in plans.parts(count, now=now, seed=seed) for plan in part.plans()]


def test_the_same_seed_makes_the_same_reports_and_another_makes_others():
    now = datetime(2026, 11, 23, tzinfo=UTC)
    first = [plan.values for plan in planned_at(now, 30, 1)]
    assert [plan.values for plan in planned_at(now, 30, 1)] == first
    assert [plan.values for plan in planned_at(now, 30, 2)] != first


def test_they_lie_all_over_the_city_in_every_fate_and_none_in_the_future(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plans, "PART", 700)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    made = planned_at(now, 2000)
    ids = [plan.values.id for plan in made]
    assert len(set(ids)) == 2000
    assert ids == sorted(ids)
    assert set(Counter(plan.fate for plan in made)) == set(range(len(FATES)))
    assert len({plan.values.kode for plan in made}) > 150
    assert all(moment <= now for plan in made for moment in plan.moments)
    pointing = [plan.values.other for plan in made if plan.fate == plans.DUPLICATE]
    assert pointing
    assert set(pointing) <= set(ids)


def test_a_folder_that_holds_a_table_is_left_alone(tmp_path: Path):
    (tmp_path / "table.sqlite3").write_text("something")
    with pytest.raises(FileExistsError, match="name an empty folder"):
        synthetic.make(tmp_path, 10)
    assert (tmp_path / "table.sqlite3").read_text() == "something"
