"""From the drop of a pin to the public page and the map, on the real local server; and the server's memory."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.local_server import Running, fetch, post_report, running
from tests.bench.measure import Options, Row, folder, p50_p99, peak_of

VISIBLE_S, SERVER_MB = 5.0, 300.0
PATIENCE_S = 30.0


def rows(options: Options) -> Iterator[Row]:
    """One report after another, then a burst from eight senders at once."""
    with folder() as data, running(data, DEMO="0" if options.quick else "1") as server:
        filled = "an empty table" if options.quick else "about 600 example reports made and published"
        yield Row("first start of the local server until ready", (server.start_s,), "s", note=filled)
        fetch(server.connection(), "/lapor/")
        alone = _senders(server, senders=1, each=options.rounds(40, 6), pause=0.02, seed=1)
        yield _visible("drop of the pin to page, map and counts, one at a time, p50 / p99", alone)
        burst = _senders(server, senders=8, each=options.rounds(25, 3), pause=0.1, seed=2)
        yield _visible("the same in a burst, eight senders at once, p50 / p99", burst)
        yield Row(
            "answer to POST /api/reports, one at a time, p50 / p99",
            p50_p99([1000 * answered for answered, _ in alone]),
            "ms",
        )
        peak = peak_of(server.pid)
        what = "peak memory, local server: start, all of the above"
        if peak is None:
            yield Row(what, unit="MB", budget=(SERVER_MB,), note="this system does not tell a process's peak")
        else:
            yield Row(what, (peak,), "MB", (SERVER_MB,))


def _visible(what: str, found: list[tuple[float, float]]) -> Row:
    p50, p99 = p50_p99([visible for _, visible in found])
    return Row(
        what, (p50, p99), "s", (VISIBLE_S, VISIBLE_S), note=f"{len(found)} reports; the budget is for p99"
    )


def _senders(
    server: Running, *, senders: int, each: int, pause: float, seed: int
) -> list[tuple[float, float]]:
    """For every report: seconds until answered, seconds until it is to be seen everywhere."""
    import geo

    middles = [m for m in geo.default_locator().by_kode.values() if not m.kode.startswith("31.01")]
    # The middle of a crooked kelurahan may lie beside it: such a pin would say nothing here.
    middles = [m for m in middles if geo.locate(m.longitude, m.latitude).kode == m.kode]
    found: list[tuple[float, float]] = []
    failures: list[BaseException] = []
    lock = threading.Lock()
    counted = _counted(server.connection())
    accepted = 0

    def work(number: int) -> None:
        nonlocal accepted
        rng = random.Random(100 * seed + number)
        connection = server.connection()
        try:
            for _ in range(each):
                middle = rng.choice(middles)
                begin = time.perf_counter()
                report = post_report(connection, _body(middle))
                answered = time.perf_counter() - begin
                with lock:
                    accepted += 1
                    wanted = counted + accepted
                id_ = report["id"]
                _until(pause, lambda: fetch(connection, f"/laporan/{id_}/")[0] == 200)  # noqa: B023 - used at once
                _until(pause, lambda: _has(connection, f"/data/aktif/{middle.kode}.json", id_))  # noqa: B023
                _until(pause, lambda: _counted(connection) >= wanted)  # noqa: B023
                with lock:
                    found.append((answered, time.perf_counter() - begin))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return found


def _body(middle: Any) -> dict[str, Any]:
    return {
        "category": "jalan",
        "description": "Laporan sintetis untuk mengukur: lubang di lajur kiri.",
        "longitude": middle.longitude,
        "latitude": middle.latitude,
        "accuracy": 10,
    }


def _until(pause: float, seen: Any) -> None:
    begin = time.perf_counter()
    while not seen():
        if time.perf_counter() - begin > PATIENCE_S:
            raise RuntimeError(f"a report was not to be seen within {PATIENCE_S:.0f} s")
        time.sleep(pause)


def _has(connection: Any, path: str, text: str) -> bool:
    return text.encode() in fetch(connection, path, accept="identity")[1]


def _counted(connection: Any) -> int:
    """All public reports that the published counts know of."""
    counts = json.loads(fetch(connection, "/data/ringkas.json", accept="identity")[1])
    return sum(sum(row) for row in counts["kelurahan"].values())
