"""Killed at any moment: what was acknowledged is there, published once, with a whole history and exact counts."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chalicelib.report import broken_at, event_from

import geo
from tests.running import Running, eventually

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


def test_killed_while_it_publishes_it_goes_on_where_it_was(start: Callable[..., Running], data_dir: Path):
    # A publisher that looks seldom: reports wait for it, and the kill comes as it has begun to write.
    server = start(data_dir, PUBLISH_INTERVAL_MS="10", TIDY_INTERVAL_MS="60000")
    stream = Stream(server)
    for number in range(30):
        stream.attempted.add(number)
        answered = post(server, number)
        assert answered is not None
        stream.acknowledged[number] = answered
    site = data_dir / "site" / "laporan"
    eventually(lambda: site.exists() and any(site.glob("*.json")), "the first page")
    server.kill()
    partial = [path for path in (data_dir / "site" / ".partial").iterdir() if path.is_file()]
    second = start(data_dir)
    whole(second, stream)
    for path in partial:
        assert path.name not in second.get("/data/ringkas.json").text
    assert second.stop() == 0


def test_killed_while_the_site_is_drawn_for_the_first_time_it_is_drawn_whole_by_the_next(
    start: Callable[..., Running], tmp_path: Path
):
    from tests.running import command, free_port

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
