"""Killed at any moment: what was acknowledged is there, published once, with a whole history and exact counts."""

from __future__ import annotations

import http.client
import json
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalicelib import categories, intake, submission
from chalicelib.report import broken_at, event_from
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable

import geo
from tests.running import ROOT, Running, command, eventually, free_port, surroundings

PLACES = ("31.71.01.1001", "31.71.01.1002", "31.74.04.1001")
THREADS = 4


def report(number: int) -> dict[str, Any]:
    middle = geo.default_locator().by_kode[PLACES[number % len(PLACES)]]
    return {
        "category": "jalan",
        "description": f"Lubang nomor {number} di lajur kiri.",
        "longitude": middle.longitude,
        "latitude": middle.latitude,
    }


@dataclass
class Stream:
    """Reporters who send one report after another, each under a key of its own, until nobody answers."""

    server: Running
    first: int = 0
    acknowledged: dict[int, dict[str, Any]] = field(default_factory=dict)
    attempted: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _next(self) -> int:
        with self._lock:
            number = self.first + len(self.attempted)
            self.attempted.add(number)
            return number

    def _send(self) -> None:
        while True:
            number = self._next()
            try:
                got = post(self.server, number)
            except (OSError, http.client.HTTPException):
                return
            if got is None:
                return
            with self._lock:
                self.acknowledged[number] = got


def post(server: Running, number: int) -> dict[str, Any] | None:
    """The answer to a report; None when the line broke or the answer is not whole."""
    got = server.post("/api/reports", report(number), Idempotency_Key=f"pelapor-{number:06d}")
    assert got.status == 201, got.body
    try:
        answered: dict[str, Any] = got.json
    except json.JSONDecodeError:
        return None
    return answered


def settled(server: Running) -> dict[str, list[str]]:
    """The ids on the site by kelurahan, once the site has stood still and agrees with its own counts."""

    def look() -> dict[str, list[str]] | None:
        files = {kode: server.get(f"/data/aktif/{kode}.json").json for kode in PLACES}
        counts = server.get("/data/ringkas.json").json["kelurahan"]
        if any(sum(counts[kode]) != files[kode]["total"] for kode in PLACES):
            return None
        return {kode: files[kode]["columns"]["id"] for kode in PLACES}

    before: dict[str, list[str]] | None = None
    for _ in range(200):
        now = look()
        if now is not None and now == before:
            return now
        before = now
        time.sleep(0.25)
    raise AssertionError("the site and its counts never agreed")


def whole(server: Running, stream: Stream) -> None:
    """Every acknowledged report is there and published once; retries of the rest make each of them one report."""
    for answered in stream.acknowledged.values():
        eventually(
            lambda a=answered: server.get(f"/laporan/{a['id']}.json").status == 200,
            f"report {answered['id']}",
        )
    again = {number: post(server, number) for number in sorted(stream.attempted)}
    ids = {}
    for number, answered in again.items():
        assert answered is not None
        ids[number] = answered["id"]
        if number in stream.acknowledged:
            assert answered == {**stream.acknowledged[number], "repeated": True}
    assert len(set(ids.values())) == len(stream.attempted)
    for report_id in ids.values():
        eventually(lambda i=report_id: server.get(f"/laporan/{i}.json").status == 200, f"report {report_id}")
    on_site = settled(server)
    expected = Counter(PLACES[number % len(PLACES)] for number in stream.attempted)
    assert {kode: len(found) for kode, found in on_site.items()} == {k: expected[k] for k in PLACES}
    assert {i for found in on_site.values() for i in found} == set(ids.values())
    for report_id in ids.values():
        shown = server.get(f"/laporan/{report_id}.json").json
        assert shown == server.get(f"/api/reports/{report_id}").json
        events = [event_from({k: v for k, v in e.items() if k != "version"}) for e in shown["history"]]
        assert broken_at(events) is None
        assert server.get(f"/en/laporan/{report_id}/").status == 200


@pytest.mark.parametrize("after", [1, 12])
def test_killed_while_reports_stream_in_it_keeps_and_publishes_all_it_acknowledged(
    start: Callable[..., Running], data_dir: Path, after: int
):
    server = start(data_dir)
    stream = Stream(server)
    stream.begin()
    eventually(lambda: len(stream.acknowledged) >= after, f"{after} reports")
    server.kill()
    stream.end()
    assert len(stream.acknowledged) >= after
    whole(start(data_dir), stream)


def test_killed_again_and_again_it_still_loses_and_doubles_nothing(
    start: Callable[..., Running], data_dir: Path
):
    everything = Stream(start(data_dir))
    for _ in range(3):
        stream = Stream(everything.server, first=len(everything.attempted))
        stream.begin()
        eventually(lambda s=stream: len(s.acknowledged) >= 4, "4 reports")
        everything.server.kill()
        stream.end()
        everything.acknowledged |= stream.acknowledged
        everything.attempted |= stream.attempted
        everything.server = start(data_dir)
    whole(everything.server, everything)


def test_killed_while_it_publishes_it_leaves_the_site_that_a_rebuild_draws(
    start: Callable[..., Running], data_dir: Path
):
    ids = accepted_while_nobody_publishes(data_dir, 120)
    first = command(PORT=str(free_port()), DATA_DIR=str(data_dir), DEMO="0")
    killed = Running(first, 0, data_dir)
    try:
        eventually(lambda: published(data_dir), "the first page", pause=0.001)
    finally:
        killed.kill()
    assert 0 < len(published(data_dir)) < len(ids), "the kill came too early or too late to be a test"
    server = start(data_dir)
    eventually(lambda: published(data_dir) == ids, "every page")
    eventually(lambda: nothing_waits(data_dir), "the archives and the front page")
    on_site = settled(server)
    assert {i for found in on_site.values() for i in found} == ids
    assert server.stop() == 0
    left = files(data_dir)
    rebuilt = subprocess.run(
        [sys.executable, "-m", "infra", "publish", "--all"],
        cwd=ROOT,
        env=surroundings(DATA_DIR=str(data_dir)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert rebuilt.returncode == 0, rebuilt.stderr
    drawn = files(data_dir)
    assert sorted(left) == sorted(drawn)
    assert [path for path in drawn if drawn[path] != left[path]] == []


def accepted_while_nobody_publishes(data_dir: Path, count: int) -> set[str]:
    """Reports that are in the table and not on the site yet."""
    table = SQLiteTable(data_dir / "table.sqlite3")
    private = FolderFiles(data_dir / "private", durable=False)
    now = datetime.now(UTC)
    door = intake.Door(table, private, geo.default_locator(), lambda: now, secrets.token_bytes, 1_000_000)
    facts = [submission.read(report(n), categories=categories.load()) for n in range(count)]
    ids = {intake.accept(door, each, channel="web").id for each in facts}
    table.close()
    return ids


def nothing_waits(data_dir: Path) -> bool:
    """Whether nothing is marked to be rewritten any more."""
    table = SQLiteTable(data_dir / "table.sqlite3")
    waits = table.query("dirty", limit=1).items
    table.close()
    return not waits


def published(data_dir: Path) -> set[str]:
    """The ids of reports whose data is on the site."""
    return {path.stem for path in (data_dir / "site" / "laporan").glob("*.json")}


def files(data_dir: Path) -> dict[str, bytes]:
    """Every file of the site."""
    site = data_dir / "site"
    found = (path for path in site.rglob("*") if path.is_file() and ".partial" not in path.parts)
    return {str(path.relative_to(site)): path.read_bytes() for path in found}


def test_killed_while_the_site_is_drawn_for_the_first_time_it_is_drawn_whole_by_the_next(
    start: Callable[..., Running], tmp_path: Path
):
    folder = tmp_path / "fresh"
    process = command(PORT=str(free_port()), DATA_DIR=str(folder), DEMO="0")
    pages = folder / "site" / "kelurahan"
    eventually(lambda: pages.exists() and len(list(pages.iterdir())) > 20, "some pages")
    begun = Running(process, 0, folder)
    begun.kill()
    server = start(folder)
    for kode in geo.default_locator().by_kode:
        assert (folder / "site" / "data" / "aktif" / f"{kode}.json").is_file()
    assert server.get("/").status == 200
    assert server.get("/en/lapor/").status == 200
