"""The site's scripts in a real browser, against a stub of the API: map, form, and what readers of screens get.

The whole product in a browser is tested in tests/e2e; here only the front end answers.
"""

from __future__ import annotations

import gzip
import io
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
from PIL import Image

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

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop closes its pipes late.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


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
    "webmanifest": "application/manifest+json",
}  # fmt: skip


def handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def reply(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(body)))
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
            if name in stub.files:
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


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.journey)])
@pytest.mark.parametrize(
    "path",
    ["/", "/lapor/", "/laporan/", "/laporan/7K3M9QX2/", "/kelurahan/31.71.01.1001/", "/404.html", "/en/"],
)
def test_axe_finds_nothing_to_mend(chromium: Any, stub: Stub, path: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    # The tool is injected, which the site's own policy rightly forbids.
    context = chromium.new_context(
        viewport={"width": 360, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(stub.url + path, wait_until="networkidle")
    if path in ("/", "/en/"):
        wait_for_map(page)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.add_script_tag(path=str(AXE))
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    context.close()
    told = [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found["violations"]]
    assert told == []


@pytest.mark.journey
@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize(
    "path", ["/", "/lapor/", "/laporan/7K3M9QX2/", "/kelurahan/31.71.01.1001/", "/404.html"]
)
def test_no_page_is_wider_than_its_screen(chromium: Any, stub: Stub, path: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(stub.url + path, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_first_view_of_the_map_asks_for_little_and_never_for_the_position(page: Any, stub: Stub) -> None:
    page.add_init_script(
        "navigator.geolocation.getCurrentPosition = () => { window.askedForPosition = true }"
    )
    page.goto(stub.url + "/", wait_until="networkidle")
    wait_for_map(page)
    assert not any(path.startswith(("/data/batas", "/data/aktif")) for path in stub.asked)
    assert page.evaluate("window.askedForPosition") is None
    names = {path.split("?")[0].strip("/") or "index.html" for path in stub.asked}
    weight = sum(len(gzip.compress(stub.files[name], 9)) for name in names if name in stub.files)
    assert weight <= 100 * 1024


def test_near_the_map_shows_reports_and_lists_them(page: Any, stub: Stub) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(stub.url + "/", wait_until="networkidle")
    wait_for_map(page)
    busy = page.locator("#daftar .bars a").first.get_attribute("href")
    page.mouse.click(*middle_of(page, busy.split("/")[-2]))
    page.wait_for_selector("#daftar .pick")
    assert re.search(r"\d+ laporan di peta", page.text_content("#daftar-judul"))
    first = page.locator("#daftar .pick").first
    assert re.fullmatch(r"/laporan/[0-9A-Z]{8}/", first.get_attribute("href"))
    assert "contoh" in first.text_content()
    assert re.search(r"(Menunggu|Koordinasi|Disposisi|Proses) · ", first.text_content())
    open_only = page.locator("#daftar .pick").count()
    page.check(".mapbar input")
    until(page, f"document.querySelectorAll('#daftar .pick').length > {open_only}")
    fetched = {path for path in stub.asked if path.startswith("/data/aktif/")}
    assert 0 < len(fetched) <= 24
    assert page.get_attribute("header .button", "href").startswith("/lapor/#")
    page.click("text=Seluruh Jakarta")
    page.wait_for_selector("#daftar .bars")


def middle_of(page: Any, kode: str) -> tuple[float, float]:
    """Where on the screen a kelurahan of the live map is: its outlines are in the order of the drawing's."""
    found: tuple[float, float] = page.evaluate(
        """kode => {
          const links = [...document.querySelectorAll('svg[data-bounds] a')].map(a => a.getAttribute('href'));
          const path = document.querySelectorAll('path.area')[links.indexOf(`kelurahan/${kode}/`)];
          const r = path.getBoundingClientRect();
          return [r.x + r.width / 2, r.y + r.height / 2];
        }""",
        kode,
    )
    return found


def test_a_map_without_connection_says_so_and_keeps_the_tables(page: Any, stub: Stub) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(stub.url + "/", wait_until="networkidle")
    wait_for_map(page)
    page.route("**/data/**", lambda route: route.abort())
    page.mouse.click(
        *middle_of(page, page.locator("#daftar .bars a").first.get_attribute("href").split("/")[-2])
    )
    until(page, "document.querySelector('.mapnote').textContent.includes('tidak bisa dimuat')")
    assert page.locator("#semua a").count() == 267


def fill(page: Any) -> None:
    page.check("input[value=jalan]", force=True)
    page.fill("#description", "Lubang besar di depan halte, sudah dua motor jatuh.")


def accepted() -> tuple[int, dict[str, Any]]:
    return 201, {
        "id": "7K3M9QX2",
        "follow_key": "rahasia-sekali",
        "place": GAMBIR,
        "status_url": "/laporan/7K3M9QX2/",
    }


def parts(posted: tuple[dict[str, str], bytes]) -> dict[str, list[bytes]]:
    headers, body = posted
    boundary = headers["content-type"].split("boundary=")[1].encode()
    found: dict[str, list[bytes]] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb' name="([^"]+)"', head)
        assert name
        found.setdefault(name[1].decode(), []).append(content.removesuffix(b"\r\n"))
    return found


def test_a_report_is_sent_with_pin_accuracy_and_a_photo_made_small(
    page: Any, stub: Stub, tmp_path: Path
) -> None:
    photo = tmp_path / "besar.jpg"
    noise = Image.effect_noise((3000, 2000), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "TellTalePhoneMaker"
    noise.save(photo, quality=95, exif=exif)
    stub.answers.append(accepted())
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    page.click("#gps")
    until(page, "document.getElementById('found').textContent.includes('Gambir')")
    assert "150 m" in page.text_content("#found")
    assert page.locator("path.accuracy").count() == 1
    page.set_input_files("#gallery", str(photo))
    page.wait_for_selector("#previews img")
    fill(page)
    page.click("#send")
    page.wait_for_selector("#received:not([hidden])")
    assert page.text_content(".big-id") == "7K3M-9QX2"
    assert "rahasia-sekali" in page.text_content("#received")
    assert page.get_attribute("#received a.button", "href") == "/laporan/7K3M9QX2/"
    sent = parts(stub.posts[0])
    assert sent["category"] == [b"jalan"]
    assert float(sent["latitude"][0]) == pytest.approx(-6.1754, abs=1e-5)
    assert float(sent["longitude"][0]) == pytest.approx(106.8272, abs=1e-5)
    assert sent["accuracy"] == [b"150"]
    assert sent["private"] == [b"false"]
    assert sent["language"] == [b"id"]
    assert "form" not in sent
    assert len(stub.posts[0][0]["idempotency-key"]) >= 8
    assert len(sent["photo"]) == 1
    small = Image.open(io.BytesIO(sent["photo"][0]))
    assert small.format == "JPEG"
    assert max(small.size) <= 1600
    assert small.width * 2 == pytest.approx(small.height * 3, rel=0.01)
    assert len(sent["photo"][0]) < photo.stat().st_size / 4
    assert b"TellTalePhoneMaker" not in sent["photo"][0]


def test_at_most_three_photos_and_each_can_be_taken_back(page: Any, stub: Stub, tmp_path: Path) -> None:
    files = []
    for n in range(5):
        files.append(str(tmp_path / f"{n}.png"))
        Image.new("RGB", (40, 30), (n * 40, 0, 0)).save(files[-1])
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.set_input_files("#gallery", files)
    until(page, "document.querySelectorAll('#previews img').length === 3")
    until(page, "document.getElementById('photo-said').textContent.includes('3 foto')")
    assert page.is_disabled("#camera")
    page.click("#previews button >> nth=0")
    assert page.locator("#previews img").count() == 2
    assert page.is_enabled("#camera")
    broken = tmp_path / "bukan.jpg"
    broken.write_bytes(b"not a photo")
    page.set_input_files("#camera", str(broken))
    until(page, "document.getElementById('photo-said').textContent.includes('tidak terbaca')")


def test_what_is_missing_is_told_in_a_summary_that_leads_to_it(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    page.click("#send")
    assert page.evaluate("document.activeElement.id") == "errors"
    assert "Ada 3 hal" in page.text_content("#errors h2")
    links = [a.get_attribute("href") for a in page.locator("#errors a").all()]
    assert links == ["#place", "#category", "#description"]
    assert page.get_attribute("#description", "aria-invalid") == "true"
    assert "e-description" in page.get_attribute("#description", "aria-describedby").split()
    assert stub.posts == []


def test_the_servers_own_words_are_shown_at_the_field(page: Any, stub: Stub) -> None:
    message = "Tempat ini <b>di luar</b> Jakarta."
    stub.answers.append((400, {"errors": [{"code": "outside", "field": "latitude", "message": message}]}))
    page.goto(stub.url + "/lapor/#17/-6.17540/106.82720", wait_until="networkidle")
    until(page, "document.getElementById('latitude').value !== ''")
    fill(page)
    page.click("#send")
    page.wait_for_selector("#errors:not([hidden])")
    assert page.text_content("#errors li") == message
    assert page.get_attribute("#errors a", "href") == "#place"


def test_a_second_try_after_a_lost_connection_carries_the_same_key(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/lapor/#-6.17540,106.82720", wait_until="networkidle")
    until(page, "document.getElementById('latitude').value !== ''")
    fill(page)
    stub.answers += [(503, {"errors": []}), accepted()]
    page.click("#send")
    page.wait_for_selector("#received:not([hidden])")
    # Background Sync may have been quicker.
    page.evaluate("document.querySelector('[data-now]')?.click()")
    page.wait_for_selector("#received .big-id")
    keys = [headers["idempotency-key"] for headers, _body in stub.posts]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_a_kelurahan_and_a_landmark_do_for_those_without_a_position(page: Any, stub: Stub) -> None:
    stub.answers.append(accepted())
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    kode = page.locator("#kelurahan option").nth(5).get_attribute("value")
    page.select_option("#kelurahan", kode)
    fill(page)
    page.click("#send")
    assert page.get_attribute("#errors a", "href") == "#landmark"
    page.fill("#landmark", "Depan pasar")
    page.click("#send")
    page.wait_for_selector("#received:not([hidden])")
    sent = parts(stub.posts[0])
    assert sent["kelurahan"] == [kode.encode()]
    assert sent["latitude"] == sent["longitude"] == [b""]


def test_near_a_border_the_reporter_says_which_side_it_is(page: Any, stub: Stub) -> None:
    stub.place = {**GAMBIR, "method": "inside", "probability": 0.6, "runner_up": BESIDE}
    page.goto(stub.url + "/lapor/#17/-6.17540/106.82720", wait_until="networkidle")
    page.wait_for_selector(".offer input")
    assert page.locator(".offer label").all_text_contents() == ["Gambir", "Kebon Kelapa"]


def test_outside_jakarta_the_form_says_so(page: Any, stub: Stub) -> None:
    stub.place = None
    page.goto(stub.url + "/lapor/#17/-6.30000/107.10000", wait_until="networkidle")
    until(page, "document.getElementById('found').textContent.includes('di luar Jakarta')")


def test_the_form_asks_for_the_position_only_when_told_to(page: Any, stub: Stub) -> None:
    page.add_init_script(
        "navigator.geolocation.getCurrentPosition = (_ok, no) => {"
        " window.asked = 1; no({code: 1, PERMISSION_DENIED: 1}) }"
    )
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    assert page.evaluate("window.asked") is None
    page.click("#gps")
    until(page, "document.getElementById('found').textContent.includes('tidak dibagikan')")


def test_times_become_relative_and_keep_the_exact_one(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/kelurahan/31.71.01.1001/", wait_until="networkidle")
    shown = page.locator("time.ago").first
    assert re.search(r"lalu|kemarin|depan|besok|sekarang|ini", shown.text_content())
    assert re.fullmatch(r"\d+ \w+ \d{4}", shown.get_attribute("title"))


def test_a_number_is_found_however_it_is_written(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/laporan/", wait_until="networkidle")
    page.fill("#find-id", " 7k3m-9qx2 ")
    page.click("form.find button")
    page.wait_for_url("**/laporan/7K3M9QX2/")


def test_a_report_just_sent_is_waited_for(page: Any, stub: Stub) -> None:
    stub.files = dict(stub.files)
    later = stub.files["laporan/7K3M9QX2/index.html"]
    page.goto(stub.url + "/laporan/0000AAAA/")
    until(page, "document.querySelector('[data-waiting]').textContent.includes('dicari')")
    stub.files["laporan/0000AAAA/index.html"] = later
    page.wait_for_selector(".timeline")


def test_without_scripts_everything_is_there(chromium: Any, stub: Stub) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(stub.url + "/")
    assert page.locator("svg.mainland path").count() == 264
    assert page.locator("#semua td a").count() == 267
    page.goto(stub.url + "/lapor/")
    assert page.is_visible("#camera")
    assert page.is_visible("#kelurahan")
    assert not page.is_visible("#gps")
    page.click("summary >> nth=0")
    assert page.is_visible("#latitude")
    context.close()
