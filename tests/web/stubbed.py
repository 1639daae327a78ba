"""A static site and an API that answers what a test told it to, and a page to look at them: for tests of scripts."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.web import samples
from web import data
from web.render import Renderer
from web.views import FormView, HomeView, KelurahanRow, KelurahanView

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; script-src 'self'; style-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
GAMBIR = {
    "kode": "31.71.01.1001",
    "kelurahan": "Gambir",
    "kecamatan": "Gambir",
    "kota": "Kota Administrasi Jakarta Pusat",
}
BESIDE = {**GAMBIR, "kode": "31.71.01.1002", "kelurahan": "Kebon Kelapa"}


@dataclass
class Stub:
    """A static site and an API that answers what a test told it to."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    place: dict[str, Any] | None = None
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


TYPES = {
    "html": "text/html; charset=utf-8", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml",
    "json": "application/json", "woff2": "font/woff2", "ico": "image/x-icon", "png": "image/png",
    "pmtiles": "application/vnd.pmtiles", "webmanifest": "application/manifest+json",
}  # fmt: skip


def handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def reply(self, status: int, kind: str, body: bytes, part: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(body)))
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            stub.asked.append(self.path)
            if path == "/api/locate":
                self.reply(200, TYPES["json"], json.dumps({"place": stub.place, "boundaries": {}}).encode())
                return
            name = path.strip("/") + ("/index.html" if path.endswith("/") and path != "/" else "")
            name = name or "index.html"
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            if name in stub.files and wanted:
                whole, first, last = stub.files[name], int(wanted[1]), int(wanted[2])
                self.reply(
                    206, TYPES["pmtiles"], whole[first : last + 1], f"bytes {first}-{last}/{len(whole)}"
                )
            elif name in stub.files:
                self.reply(200, TYPES[name.rsplit(".", 1)[-1]], stub.files[name])
            else:
                self.reply(404, TYPES["html"], stub.files["404.html"])

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.posts.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status, answer = stub.answers.pop(0)
            self.reply(status, TYPES["json"], json.dumps(answer).encode())

    return Handler


@pytest.fixture(scope="module")
def site(renderer: Renderer, city: tuple[Path, list[KelurahanRow]]) -> dict[str, bytes]:
    folder, rows = city
    files = dict(renderer.assets())
    files["data/batas.json"] = (folder / "batas.json").read_bytes()
    outlines = {row["kode"]: row for row in json.loads(files["data/batas.json"])["kelurahan"]}
    rng = random.Random(3)
    for language, root in (("id", ""), ("en", "en/")):
        files[f"{root}index.html"] = renderer.home(HomeView(tuple(rows), True), language).encode()
        files[f"{root}lapor/index.html"] = renderer.report_form(FormView({}), language).encode()
        files[f"{root}laporan/index.html"] = renderer.search(language).encode()
        files[f"{root}404.html"] = renderer.not_found(language).encode()
        files[f"{root}laporan/7K3M9QX2/index.html"] = renderer.status(
            samples.sample_report(), language
        ).encode()
        files[f"{root}kelurahan/31.71.01.1001/index.html"] = renderer.kelurahan(
            samples.sample_kelurahan(20), language
        ).encode()
    for row in rows:
        longitude, latitude = outlines[row.kode]["label"]
        reports = samples.sample_reports(rng, min(row.counts.total, 12), longitude, latitude)
        view = KelurahanView(row.kode, row.kelurahan, row.kecamatan, row.kota, row.counts, reports, ())
        files[f"data/aktif/{row.kode}.json"] = data.active(view).encode()
    files["data/ringkas.json"] = data.summary_counts(
        rows, boundaries_version="abc123", approximate=True
    ).encode()
    landmark = {"name": "Halte Contoh", "longitude": 106.85, "latitude": -6.15, "reports": 2}
    files["data/patokan.json"] = data.landmarks({rows[40].kode: [landmark]}).encode()
    return files


@pytest.fixture
def stub(site: dict[str, bytes]) -> Iterator[Stub]:
    stub = Stub(files=site, place={**GAMBIR, "method": "inside", "probability": 1.0, "runner_up": None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(stub))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    yield stub
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(
        viewport={"width": 360, "height": 800},
        locale="id-ID",
        geolocation={"latitude": -6.1754, "longitude": 106.8272, "accuracy": 150},
        permissions=["geolocation"],
        bypass_csp=False,
    )
    page = context.new_page()
    page.set_default_timeout(15000)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "console", lambda m: page.problems.append(m.text) if "Content Security Policy" in m.text else None
    )
    yield page
    assert page.problems == []
    context.close()


def until(page: Any, condition: str) -> None:
    """Wait for a condition in JavaScript; the page's own policy forbids Playwright's way, which evaluates text."""
    deadline = time.monotonic() + 15
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        page.wait_for_timeout(50)


def wait_for_map(page: Any) -> None:
    page.wait_for_selector(".sheetmap.live .leaflet-container")
