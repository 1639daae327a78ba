"""A status page in a browser: a byte changed in the table, questions, before and after, sharing, print, frames."""

from __future__ import annotations

import http.server
import io
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from chalicelib import desk, intake, records
from chalicelib.lifecycle import Move
from chalicelib.photos.photo import process
from chalicelib.report import Office, Photo, Words, event_from, to_body, written_id
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Put
from playwright.sync_api import Browser, Page, expect

from tests import running

from .conftest import DESKTOP, GAMBIR, PHONE, Town, Visit, middle

OFFICE = Office(GAMBIR, "Kelurahan Gambir")
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
ROOTS = pytest.mark.parametrize("root", ["", "/en"], ids=["id", "en"])


def picture(colour: str, size: tuple[int, int] = (800, 600)) -> bytes:
    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", size, colour).save(kept, "JPEG")
    return kept.getvalue()


@contextmanager
def table_of(town: Town) -> Iterator[SQLiteTable]:
    """The server's own table, from another process: what is written there is published as if an officer did it."""
    table = SQLiteTable(town.server.data_dir / "table.sqlite3")
    yield table
    table.close()


def told(town: Town, **changes: Any) -> dict[str, Any]:
    good = {"category": "jalan", "description": "Lubang besar di lajur kiri.", **middle(), **changes}
    reply = town.server.post("/api/reports", good)
    assert reply.status == 201, reply.text
    answered: dict[str, Any] = reply.json
    return answered


def officer(town: Town, report_id: str, draft: desk.Draft) -> None:
    with table_of(town) as table:
        at_work = desk.Desk(table, lambda: datetime.now(UTC), secrets.token_bytes)
        desk.act(at_work, report_id, desk.By("o-1", "Petugas", "officer", OFFICE), draft)


def closed_with_photo(town: Town, report_id: str) -> None:
    made = process(picture("#2f7d4f"))
    photo = Photo(made.sha256, made.width, made.height, made.thumb_width, made.thumb_height)
    private = FolderFiles(town.server.data_dir / "private")
    for path, data in zip(intake.photo_paths(report_id, photo), (made.image, made.thumb), strict=True):
        private.put(path, data)
    wish = Move("done", "Lubang sudah ditambal.")
    draft = desk.move_draft(wish, role="officer", office=OFFICE, salt="5a", photos=[photo])
    officer(town, report_id, draft)


def published(town: Town, report_id: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The report's file as soon as it is as the caller waits for."""
    for _ in range(300):
        reply = town.server.get(f"/laporan/{report_id}.json")
        if reply.status == 200 and fits(found := json.loads(reply.body)):
            result: dict[str, Any] = found
            return result
        time.sleep(0.1)
    raise AssertionError(f"{report_id} was never published so")


def test_one_byte_changed_in_the_table_makes_browser_and_command_name_the_broken_event(
    visit: Callable[..., Visit], town: Town
):
    report = told(town)
    draft = desk.say_draft("asked", "Lubangnya sedalam apa?", office=OFFICE, salt="5a")
    published(town, report["id"], lambda _: True)
    officer(town, report["id"], draft)
    published(town, report["id"], lambda it: len(it["history"]) == 2)
    key = records.event_key(report["id"], 2)

    def write(letter: str) -> None:
        with table_of(town) as table:
            event = event_from(table.get(key).body)
            words = {"text": Words("5a", f"Lubangnya seda{letter}am apa?")}
            put = Put(key, {**to_body(event), "words": {"text": {"salt": "5a", "text": words["text"].text}}})
            table.transact([put, Put(records.dirty_key(f"report#{report['id']}", letter), {})])

    write("1")
    try:
        published(town, report["id"], lambda it: "seda1am" in it["history"][1]["words"]["text"]["text"])
        page = visit().open(f"/laporan/{report['id']}/")
        expect(page.locator("[data-verdict]")).to_contain_text("langkah 2 tidak cocok dengan segelnya")
        status, out = command(town, "verify")
        assert status == 1
        assert f"BROKEN report {written_id(report['id'])}, event 2:" in out
    finally:
        write("l")
    published(town, report["id"], lambda it: "sedalam" in it["history"][1]["words"]["text"]["text"])
    assert f"report {written_id(report['id'])}" not in command(town, "verify")[1]


def command(town: Town, *words: str) -> tuple[int, str]:
    env = {**os.environ, "DATA_DIR": str(town.server.data_dir), "DEMO": "0"}
    env["PYTHONPATH"] = f"{running.ROOT / 'functions'}:{running.ROOT}"
    run = [sys.executable, "-m", "infra", *words]
    done = subprocess.run(run, cwd=running.ROOT, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_question_is_answered_without_scripts_and_everybody_reads_both(
    visit: Callable[..., Visit], town: Town
):
    report = told(town)
    officer(town, report["id"], desk.say_draft("asked", "Di sisi mana jalan?", office=OFFICE, salt="5a"))
    here = visit(javascript=False, size=PHONE)
    published(town, report["id"], lambda it: len(it["history"]) == 2)
    page = here.open(f"/laporan/{report['id']}/")
    page.get_by_role("link", name="Laporan Anda? Jawab dengan kunci Anda").click()
    here.forgive("console: Failed to load resource")
    page.fill("#follow_key", report["follow_key"])
    page.click("main button")
    expect(page.locator(".asks blockquote")).to_have_text("Di sisi mana jalan?")
    page.get_by_label("Jawaban Anda").fill("Sisi barat, dekat halte.")
    page.get_by_role("button", name="Kirim jawaban").click()
    expect(page.locator(".asks")).to_have_count(0)
    history = published(town, report["id"], lambda it: len(it["history"]) == 3)["history"]
    assert (history[2]["kind"], history[2]["about"]) == ("answered", 2)
    for _ in range(300):
        if b"Sisi barat" in town.server.get(f"/laporan/{report['id']}/").body:
            break
        time.sleep(0.1)
    page.goto(f"{town.url}/laporan/{report['id']}/")
    page.reload()  # the browser may keep a page for half a minute
    expect(page.locator(".timeline li").first).to_contain_text("Sisi barat, dekat halte.")
    expect(page.locator(".timeline li").first).to_contain_text("Di sisi mana jalan?")


@pytest.fixture(scope="module")
def finished(town: Town) -> str:
    """A report with a photo before and one after."""
    import base64

    photo = base64.b64encode(picture("#8a5a2b")).decode()
    report = told(town, photo=[photo])
    closed_with_photo(town, report["id"])
    published(town, report["id"], lambda it: it["state"]["code"] == "done")
    found: str = report["id"]
    return found


def test_a_page_prints_on_one_sheet(visit: Callable[..., Visit], town: Town, finished: str):
    page = visit().open(f"/laporan/{finished}/")
    assert sheets(page) == 1


@pytest.mark.journey
@ROOTS
def test_every_state_prints_on_one_sheet(visit: Callable[..., Visit], town: Town, root: str):
    here = visit()
    for state, report_id in town.by_state.items():
        assert sheets(here.open(f"{root}/laporan/{report_id}/")) == 1, state


def sheets(page: Page) -> int:
    """How many sheets of A4 a page prints on."""
    page.wait_for_load_state("networkidle")
    data = page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "12mm"))
    counts = [int(n) for n in re.findall(rb"/Count (\d+)", data)]
    assert counts
    return max(counts)


@pytest.mark.journey
@SIZES
@ROOTS
def test_before_and_after_stand_side_by_side(
    visit: Callable[..., Visit], town: Town, finished: str, size: dict[str, int], root: str
):
    page = visit(size=size).open(f"{root}/laporan/{finished}/")
    before, after = (page.locator(".pair img").nth(which).bounding_box() for which in (0, 1))
    assert before is not None
    assert after is not None
    assert before["x"] + before["width"] <= after["x"]
    assert abs(before["y"] - after["y"]) < 2
    assert abs(before["height"] - after["height"]) < 2
    expect(page.locator(".pair figcaption b")).to_have_text(
        ["Sebelum", "Sesudah"] if not root else ["Before", "After"]
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_sharing_hands_on_the_public_address(visit: Callable[..., Visit], town: Town, finished: str):
    here = visit(size=PHONE)
    here.page.add_init_script("navigator.share = async (told) => { window.told = told; }")
    page = here.open(f"/laporan/{finished}/#saya-juga")
    page.get_by_role("button", name="Bagikan").click()
    assert page.evaluate("window.told.url") == f"{town.url}/laporan/{finished}/"


@pytest.mark.journey
@pytest.mark.parametrize(
    ("root", "area"), [("", f"kelurahan/{GAMBIR}"), ("/en", "kecamatan/31.71.01"), ("", "kota/31.71")]
)
def test_an_area_stands_in_another_sites_frame_and_nothing_else_does(
    chromium: Browser, town: Town, root: str, area: str
):
    for _ in range(300):
        if town.server.get(f"{root}/sematan/{area}/").status == 200:
            break
        time.sleep(0.1)
    context = chromium.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    allowed, closed = f"{town.url}{root}/sematan/{area}/", f"{town.url}{root}/{area}/"
    body = f'<iframe id="a" src="{allowed}"></iframe><iframe id="b" src="{closed}"></iframe>'
    with elsewhere(body) as address:
        page.goto(address)
        expect(page.frame_locator("#a").locator("h1")).to_be_visible()
        expect(page.frame_locator("#b").locator(".masthead")).to_have_count(0)
    assert any("frame-ancestors" in text for text in refused)
    context.close()


@contextmanager
def elsewhere(body: str) -> Iterator[str]:
    """Another site: a page at an origin of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_snippet_of_an_area_leads_to_this_very_server(visit: Callable[..., Visit], town: Town):
    for _ in range(300):
        if town.server.get("/sematan/kota/31.71/").status == 200:
            break
        time.sleep(0.1)
    here = visit()
    page = here.open("/kota/31.71/")
    page.locator(".snippet summary").click()
    expect(page.locator("#sematan")).to_have_value(re.compile(f'src="{town.url}/sematan/kota/31.71/"'))
    headers = town.server.get("/sematan/kota/31.71/").headers
    assert "frame-ancestors *" in str(headers)
    assert "frame-ancestors *" not in str(town.server.get("/kota/31.71/").headers)


def test_the_recap_of_the_demo_months_equals_a_recount_from_the_open_data(town: Town):
    import csv

    def rows(path: str) -> list[dict[str, str]]:
        reply = town.server.get(path)
        assert reply.status == 200, path
        return list(csv.DictReader(io.StringIO(reply.body.decode())))

    for _ in range(300):
        if town.server.get("/data/terbuka/datapackage.json").status == 200:
            package = json.loads(town.server.get("/data/terbuka/datapackage.json").body)
            if package["resources"]:
                break
        time.sleep(0.1)
    now = datetime.now(UTC).strftime("%Y-%m")
    months = [each["path"].removesuffix(".csv") for each in package["resources"]]
    # The month that goes on is written once a day; the other tests of this file add to it meanwhile.
    over = [month for month in months if month < now]
    assert over
    for month in over:
        lines = rows(f"/data/terbuka/{month}.csv")
        [figures] = rows(f"/rekap/{month}/angka.csv")
        done = sorted(int(line["days"]) for line in lines if line["state"] == "done")
        assert int(figures["reports"]) == len(lines)
        assert int(figures["done"]) == len(done)
        assert int(figures["handovers"]) == sum(int(line["handovers"]) for line in lines)
        assert figures["median_days"] == (str(done[(len(done) - 1) // 2]) if done else "")
        for table, name in (("channel", "channel"), ("category", "category"), ("kelurahan", "kode")):
            told_of = {row[table]: int(row["reports"]) for row in rows(f"/rekap/{month}/{table}.csv")}
            codes = [line[name] for line in lines]
            assert told_of == {code: codes.count(code) for code in set(codes)}, (month, table)
