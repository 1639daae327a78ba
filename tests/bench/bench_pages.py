"""What a visitor's phone has to fetch, gzipped: the front page at a million reports, a status page, the form.

Computed from what the site holds, and taken once more from a real Chromium where there is
one: the first tells what is linked, the second what a browser really asks for.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from tests.bench.local_server import Running, fetch, running
from tests.bench.measure import Options, Row, folder

REPORTS = 1_000_000
FIRST_KB, PLAIN_KB, STATUS_KB = 100.0, 20.0, 20.0
LINKED = re.compile(r'(?:href|src)="(?P<url>/?aset/[^"#]+)')
IN_SCRIPT = re.compile(r"[\"'](?P<url>\./[\w.-]+\.(?:js|css))[\"']")
IN_STYLE = re.compile(r"url\((?P<url>[^)]+)\)")
IN_DATA = re.compile(r'data-(?:styles|words|font)="(?P<url>/?aset/[^"]+)"')


def rows(_options: Options) -> Iterator[Row]:
    """The weights of pages with and without JavaScript."""
    with folder() as data:
        report_id = fill(data)
        with running(data, DEMO="0") as server:
            home, status, form = "/", f"/laporan/{report_id}/", "/lapor/"
            yield Row("front page, HTML alone, a million reports", (_weigh(server, home),), "kB")
            yield Row("status page, HTML alone, six events, no photo", (_weigh(server, status),), "kB")
            yield Row(
                "front page, all that is linked and imported",
                (_all_linked(server, home),),
                "kB",
                note="computed; a browser may ask for less",
            )
            with browser() as found:
                if isinstance(found, str):
                    for what, budget in (
                        ("first view of the map, everything, a million reports", FIRST_KB),
                        ("first view of the map without JavaScript", PLAIN_KB),
                        ("status page, everything, no photo", STATUS_KB),
                    ):
                        yield Row(what, unit="kB", budget=(budget,), note=found)
                    return
                yield _view(
                    found, server, home, "first view of the map, everything, a million reports", FIRST_KB
                )
                yield _view(
                    found, server, home, "first view of the map without JavaScript", PLAIN_KB, script=False
                )
                yield _view(found, server, status, "status page, everything, no photo", STATUS_KB)
                yield _view(found, server, status, "status page without JavaScript", None, script=False)
                yield _view(found, server, form, "report form, everything", None)


def fill(data: Path) -> str:
    """Counts as after a million reports, and one report with a history; its id."""
    os.environ["DATA_DIR"] = str(data)
    from chalicelib import desk, intake, wiring
    from chalicelib.lifecycle import STATES, Move
    from chalicelib.report import Office
    from chalicelib.storage.table import Add, Key, Put
    from chalicelib.submission import Submission
    from chalicelib.wiring import INSTANCE

    import geo

    for made in (wiring.current, wiring.table, wiring.files, wiring.parts):
        made.cache_clear()
    table = wiring.table()
    codes = sorted(geo.default_locator().by_kode)
    share = dict(zip(STATES, (0.01, 0.01, 0.01, 0.02, 0.9, 0.03, 0.02), strict=True))
    for number, kode in enumerate(codes):
        # From a fifth to nine fifths of the mean, so that the map has all its shades.
        reports = REPORTS / len(codes) * (0.2 + 1.6 * (number * 37 % len(codes)) / len(codes))
        counters = {state: max(1, round(reports * part)) for state, part in share.items()}
        table.transact([Add(Key("counts", kode), {**counters, "changes": sum(counters.values())})])
    table.transact([Put(INSTANCE, {"example": False})])
    submission = Submission(
        category="jalan",
        description="Lubang besar di lajur kiri, sudah tiga hari dan makin dalam kalau hujan. "
        "Motor sering oleng, apalagi malam hari karena lampu jalan di dekatnya juga mati.",
        landmark="depan minimarket",
        longitude=106.8272,
        latitude=-6.1754,
        accuracy=12.0,
    )
    door = wiring.parts().door
    accepted = intake.accept(door, submission, channel="web")
    officers = desk.Desk(table, lambda: datetime.now(UTC), secrets.token_bytes)
    home = Office("31.71.01.1001", "Kelurahan Gambir")
    for move in (
        Move("coordination", "Diteruskan ke dinas yang berwenang.", office="dinas"),
        Move("disposition", "Ditugaskan ke pelaksana di lapangan.", office="satpel"),
        Move("in_progress", "Petugas sudah di lokasi.", percent=25),
        Move("in_progress", "Aspal sedang ditambal.", percent=75),
        Move("done", "Sudah dikerjakan dan diperiksa kembali. Terima kasih atas laporannya."),
    ):
        desk.move(officers, accepted.id, move, role="officer", office=home, to_office=home)
    table.close()
    return accepted.id


def _weigh(server: Running, path: str) -> float:
    status, body, _ = fetch(server.connection(), path)
    if status != 200:
        raise RuntimeError(f"{path} answered {status}")
    return len(body) / 1000


def _all_linked(server: Running, path: str) -> float:
    """A page with every style, script, font and sheet of icons that it or they refer to."""
    connection = server.connection()
    seen: set[str] = set()
    waiting = [path]
    total = 0.0
    while waiting:
        url = waiting.pop()
        if url in seen:
            continue
        seen.add(url)
        total += _weigh(server, url)
        text = fetch(connection, url, accept="identity")[1].decode("utf-8", "replace")
        patterns = {"js": (IN_SCRIPT,), "css": (IN_STYLE,)}.get(url.rpartition(".")[2], ())
        for pattern in patterns or ((LINKED, IN_DATA) if url == path else ()):
            for match in pattern.finditer(text):
                target = urlsplit(urljoin(url, match["url"].strip("\"'"))).path
                # The icons for the home screen are asked for when a page is put there, not before.
                if target.startswith("/aset/") and not target.endswith(".png"):
                    waiting.append(target)
    return total


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A Chromium, or the sentence that says why there is none."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        yield "Playwright is not installed"
        return
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error:
            yield "there is no Chromium here"
            return
        try:
            yield found
        finally:
            found.close()


def _view(
    found: Any, server: Running, path: str, what: str, budget: float | None, *, script: bool = True
) -> Row:
    """A first visit on a phone, nothing cached: bytes of all bodies as they came over the wire."""
    context = found.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=script)
    page = context.new_page()
    finished: list[Any] = []

    def note_it(request: Any) -> None:
        # Playwright marks the listener, which a bound method of a list does not take.
        finished.append(request)

    page.on("requestfinished", note_it)
    page.goto(server.url + path)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    page.wait_for_load_state("networkidle")
    parts: dict[str, float] = {}
    for request in finished:
        size = request.sizes()["responseBodySize"] / 1000
        kind = {"document": "HTML", "stylesheet": "CSS", "script": "JS", "font": "font"}.get(
            request.resource_type, "images and data"
        )
        parts[kind] = parts.get(kind, 0.0) + size
    context.close()
    note = ", ".join(f"{kind} {size:.1f}" for kind, size in parts.items())
    return Row(
        what, (sum(parts.values()),), "kB", (budget,) if budget else (), note=f"Chromium, phone: {note}"
    )
