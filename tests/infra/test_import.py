"""Imports as operators run them: a process that is killed and started again, and a hundred thousand rows twice."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chalicelib import categories, records
from chalicelib.report import broken_at
from chalicelib.storage.sqlite import SQLiteTable

import geo
from tests.running import ROOT, eventually, surroundings

HEAD = "id,category,description,latitude,longitude,created,updated,state,text"
WORDS = "lubang besar lajur kiri dekat pasar air meluap malam gelap sampah pohon tumbang trotoar"


def rows(count: int) -> Iterator[list[str]]:
    """Synthetic rows, the same each time: near the middles of kelurahan, over 600 days, in several states."""
    dice = random.Random(7)
    locator = geo.default_locator()
    middles = sorted((row.longitude, row.latitude) for row in locator.by_kode.values())
    # An island's middle can lie in the sea.
    middles = [each for each in middles if locator.locate(*each).method == "inside"] or middles
    codes, words = sorted(categories.load()), WORDS.split()
    for n in range(count):
        longitude, latitude = dice.choice(middles)
        made = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(600 * 86_400))
        state = dice.choice(["waiting", "in_progress", "done", "done"])
        moved = state != "waiting"
        yield [
            f"T{n}", dice.choice(codes), " ".join(dice.choices(words, k=12)), f"{latitude:.6f}", f"{longitude:.6f}",
            made.isoformat(), (made + timedelta(days=3)).isoformat() if moved else "", state, "Sudah." if moved else "",
        ]  # fmt: skip


def written(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD.split(","))
        writer.writerows(rows(count))
    return path


def command(file: Path, data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "infra", "import", str(file), "--source", "crm", *more]


def run(file: Path, data: Path, *more: str) -> str:
    done = subprocess.run(
        command(file, data, *more), cwd=ROOT, env=surroundings(DATA_DIR=str(data)), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def taken(data: Path) -> int:
    path = data / "table.sqlite3"
    if not path.exists():
        return 0
    table = SQLiteTable(path)
    try:
        return sum(1 for _ in records.every(table, "source#crm"))
    finally:
        table.close()


def test_an_import_that_was_killed_goes_on_and_takes_each_row_once(tmp_path: Path) -> None:
    count, data = 1200, tmp_path / "data"
    file = written(tmp_path / "lama.csv", count)
    first = subprocess.Popen(
        command(file, data), cwd=ROOT, env=surroundings(DATA_DIR=str(data)), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        eventually(lambda: taken(data) >= 20, "the first rows")
        first.send_signal(signal.SIGKILL)
    finally:
        first.kill()
        first.wait()
    before = taken(data)
    assert 20 <= before < count, "it was killed in the middle"
    told = run(file, data)
    assert taken(data) == count
    assert f"{count - before} new" in told
    assert f"0 new, 0 changed, {count} same, 0 refused" in run(file, data)
    table = SQLiteTable(data / "table.sqlite3")
    counted = sum(n for states in records.counts(table).values() for n in states.values())
    assert counted == count, "no row became two reports"
    some = [str(item.body["id"]) for item in table.query("source#crm", limit=50).items]
    assert all(broken_at(records.history(table, each)) is None for each in some)
    table.close()


def test_a_dry_run_of_a_file_leaves_no_row(tmp_path: Path) -> None:
    file, data = written(tmp_path / "lama.csv", 30), tmp_path / "data"
    told = run(file, data, "--dry-run")
    assert "would be: 30 new, 0 changed, 0 same, 0 refused" in told
    assert told.startswith("T0: ")
    assert taken(data) == 0


@pytest.mark.journey
def test_a_hundred_thousand_rows_are_taken_once_and_the_second_time_change_nothing(tmp_path: Path) -> None:
    count, data = 100_000, tmp_path / "data"
    file = written(tmp_path / "lama.csv", count)
    assert f"{count} new, 0 changed, 0 same, 0 refused" in run(file, data)
    table = SQLiteTable(data / "table.sqlite3")
    newest = table.changes("probe", 1000)
    while newest.changes:
        table.acknowledge("probe", newest)
        newest = table.changes("probe", 1000)
    table.close()
    assert f"0 new, 0 changed, {count} same, 0 refused" in run(file, data)
    table = SQLiteTable(data / "table.sqlite3")
    assert table.changes("probe", 1).changes == [], "nothing at all was written"
    assert sum(n for states in records.counts(table).values() for n in states.values()) == count
    table.close()
