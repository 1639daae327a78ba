"""Following a report: its history is checked where it is read, its key opens it, and it concerns others too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.running import eventually

from .conftest import DESKTOP, PHONE, REFUSALS, Town, Visit, middle


def told(town: Town, **changes: Any) -> dict[str, Any]:
    """A report by the API, and its page if it is public."""
    good = {"category": "jalan", "description": "Lubang besar di lajur kiri.", **middle(), **changes}
    reply = town.server.post("/api/reports", good)
    answered: dict[str, Any] = reply.json
    assert reply.status == 201, reply.text
    return answered


def published(town: Town, report_id: str) -> bytes:
    def there() -> bool:
        return town.server.get(f"/laporan/{report_id}/").status == 200

    eventually(there, f"the page of {report_id}")
    return town.server.get(f"/laporan/{report_id}.json").body


@pytest.mark.parametrize(
    ("root", "says"), [("", "Riwayat utuh"), ("/en", "History intact")], ids=["id", "en"]
)
def test_an_untouched_history_is_intact_in_the_readers_browser(
    visit: Callable[..., Visit], town: Town, root: str, says: str
):
    page = visit().open(f"{root}/laporan/{town.by_state['done']}/")
    expect(page.locator("[data-verdict]")).to_contain_text(says)


@pytest.mark.parametrize(
    ("old", "new"),
    [("Sekarang lebih dalam", "Sekarang lebih dangkal"), ('"kind":"noted"', '"kind":"notes"')],
    ids=["words", "facts"],
)
def test_a_changed_history_names_its_broken_event(
    visit: Callable[..., Visit], town: Town, old: str, new: str
):
    report = told(town)
    published(town, report["id"])
    deed = {"action": "add", "follow_key": report["follow_key"], "text": "Sekarang lebih dalam."}
    assert town.server.post(f"/api/reports/{report['id']}/feedback", deed).status == 200
    body = ""
    for _ in range(300):
        body = published(town, report["id"]).decode()
        if len(json.loads(body)["history"]) == 2:
            break
        time.sleep(0.1)
    assert old in body
    here = visit()
    here.context.route(
        "**/laporan/*.json",
        lambda route: route.fulfill(content_type="application/json", body=body.replace(old, new)),
    )
    page = here.open(f"/laporan/{report['id']}/")
    expect(page.locator("[data-verdict]")).to_contain_text("langkah 2 tidak cocok dengan segelnya")
    assert "broken" in (page.locator("[data-chain]").get_attribute("class") or "")


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_a_private_report_opens_with_its_key_and_takes_more_words(
    visit: Callable[..., Visit], town: Town, javascript: bool
):
    report = told(town, private=True, description="Tentang saya sendiri, di rumah.")
    here = visit(javascript=javascript, size=PHONE)
    here.forgive(f"console: {REFUSALS}")
    page = here.open(f"/api/reports/{report['id']}/page")
    expect(page.locator(".words")).to_have_count(0)
    page.fill("#follow_key", "AAAA-BBBB-CCCC-DDDD")
    page.click("main button")
    expect(page.locator(".alert")).to_contain_text("Kunci ini tidak membuka laporan ini")
    page.fill("#follow_key", report["follow_key"].lower())
    page.click("main button")
    expect(page.locator(".words").first).to_have_text("Tentang saya sendiri, di rumah.")
    page.fill("#add-text", "Masih terjadi tadi malam.")
    page.click("#tambah ~ form button")
    expect(page.locator(".timeline .words").first).to_have_text("Masih terjadi tadi malam.")
    assert town.server.get(f"/laporan/{report['id']}/").status == 404
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"] if javascript else True


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_me_too_counts_a_browser_once(visit: Callable[..., Visit], town: Town, javascript: bool):
    report = told(town)
    published(town, report["id"])
    here = visit(javascript=javascript)
    page = here.open(f"/laporan/{report['id']}/")
    for _ in range(2):
        page.click("form[data-support] button")
        if javascript:
            expect(page.locator("[data-said]")).not_to_be_empty()
        page.goto(f"{town.url}/laporan/{report['id']}/")
    for _ in range(300):
        if json.loads(published(town, report["id"]))["supporters"]:
            break
        time.sleep(0.1)
    page.reload()
    expect(page.locator("[data-supporters]")).to_contain_text("1 orang lain")


@pytest.mark.journey
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize(
    "path", ["/periksa/", "/rekap/", "/kota/31.71/", "/kecamatan/31.71.01/", "/status/", "/en/rekap/"]
)
def test_the_pages_of_figures_fit_every_screen(
    visit: Callable[..., Visit], town: Town, path: str, size: dict[str, int]
):
    for _ in range(300):
        if town.server.get(path).status == 200:
            break
        time.sleep(0.1)
    page = visit(size=size).open(path)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_the_services_page_tells_the_truth_when_the_api_is_down(visit: Callable[..., Visit], town: Town):
    for _ in range(300):
        if town.server.get("/status/").status == 200:
            break
        time.sleep(0.1)
    here = visit()
    here.forgive("Failed to load resource")
    here.context.route("**/api/health", lambda route: route.abort())
    page = here.open("/status/")
    expect(page.locator("[data-api]")).to_have_text(
        "Tidak menjawab. Peta dan semua halaman tetap dapat dibaca."
    )
    here.context.unroute("**/api/health")
    page.reload()
    expect(page.locator("[data-api]")).to_have_text("Berjalan.")
