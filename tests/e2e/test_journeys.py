"""What citizens come for, from beginning to end: in both languages, on a phone and a desktop, with and without scripts.

Then the same on a bad day: a network as slow as 2G, a position that is refused, no mouse, everything
twice as large, less motion. Where scripts run, the page each journey ends on is without barriers.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.running import eventually

from .conftest import DESKTOP, GAMBIR, PHONE, REFUSALS, Town, Visit, middle
from .test_following import published, told
from .test_pages import ZOOMED, overflow, violations
from .test_reporting import received, send, zoomed_to

pytestmark = pytest.mark.journey


@dataclass(frozen=True)
class Way:
    """Who comes: language and its root, the size of the window, with scripts or without."""

    language: str
    size: str
    scripts: bool

    @property
    def root(self) -> str:
        return "" if self.language == "id" else "/en"

    def visit(self, visit: Callable[..., Visit], **more: Any) -> Visit:
        here = visit(
            javascript=self.scripts,
            size=PHONE if self.size == "phone" else DESKTOP,
            language="id-ID" if self.language == "id" else "en-GB",
            **more,
        )
        # A page that is asked for before it is published answers 404, and the page asks again.
        here.forgive(f"{REFUSALS}04")
        return here

    def arrived(self, page: Page, town: Town) -> None:
        """Where a journey ends: in the same language, nothing sideways, and no barrier."""
        expect(page.locator("html")).to_have_attribute("lang", self.language)
        if self.scripts:
            assert overflow(page) == []
            assert violations(page) == []


WAYS = [
    Way(language, size, scripts)
    for language, size, scripts in itertools.product(("id", "en"), ("phone", "desktop"), (True, False))
]
EVERY_WAY = pytest.mark.parametrize(
    "way", WAYS, ids=[f"{w.language}-{w.size}-{'scripts' if w.scripts else 'plain'}" for w in WAYS]
)
WORDS = "Lampu jalan mati tiga tiang berurutan sejak Senin."


def choose(page: Page, kelurahan: str = GAMBIR) -> None:
    page.select_option("#kelurahan", kelurahan)
    page.fill("#landmark", "Depan stasiun")


def tell(page: Page, words: str = WORDS) -> None:
    page.locator('input[name="category"][value="jalan"]').check(force=True)
    page.fill("#description", words)


def sent(page: Page, way: Way) -> str:
    """Send the form; the number of the report, wherever the journey without scripts ends."""
    if way.scripts:
        send(page)
        return received(page)[0]
    page.click("#send")
    page.wait_for_url(re.compile(r"/laporan/[0-9A-Z]{8}/$|/receipt"))
    found = re.search(r"/([0-9A-HJKMNP-TV-Z]{8})/", page.url)
    assert found
    return found[1]


@EVERY_WAY
def test_a_report_is_found_on_the_map(visit: Callable[..., Visit], town: Town, way: Way):
    report = told(town, description=WORDS)
    published(town, report["id"])
    eventually(
        lambda: report["id"] in town.server.get(f"/data/aktif/{GAMBIR}.json").text, "the report near Gambir"
    )
    page = way.visit(visit).open(f"{way.root}/")
    if way.scripts:
        zoomed_to(page, GAMBIR)
        page.locator(f'#daftar a[href="{way.root}/laporan/{report["id"]}/"]').first.click()
    else:
        page.locator(f'a[href$="kelurahan/{GAMBIR}/"]').last.evaluate(
            "link => link.closest('details')?.setAttribute('open', '')"
        )
        page.locator(f'#semua a[href$="kelurahan/{GAMBIR}/"]').click()
        page.locator(f'.rows a[href="{way.root}/laporan/{report["id"]}/"]').click()
    page.wait_for_url(f"**{way.root}/laporan/{report['id']}/")
    expect(page.locator(".words").first).to_have_text(WORDS)
    way.arrived(page, town)


@EVERY_WAY
def test_a_problem_is_reported_with_a_pin(visit: Callable[..., Visit], town: Town, way: Way):
    here = way.visit(visit, permissions=["geolocation"], geolocation={**middle(), "accuracy": 8})
    page = here.open(f"{way.root}/lapor/")
    if way.scripts:
        page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
        page.click("#gps")
        expect(page.locator("#found")).to_contain_text("Gambir")
    else:
        page.locator("details.coordinates summary").click()
        page.fill("#latitude", str(middle()["latitude"]))
        page.fill("#longitude", str(middle()["longitude"]))
    tell(page)
    report_id = sent(page, way)
    way.arrived(page, town)
    assert json.loads(published(town, report_id))["place"]["kode"] == GAMBIR


@EVERY_WAY
def test_a_problem_is_reported_by_kelurahan_and_landmark(visit: Callable[..., Visit], town: Town, way: Way):
    page = way.visit(visit).open(f"{way.root}/lapor/")
    choose(page)
    tell(page)
    report_id = sent(page, way)
    way.arrived(page, town)
    found = json.loads(published(town, report_id))
    assert (found["place"]["method"], found["landmark"]) == ("chosen", "Depan stasiun")


@EVERY_WAY
def test_a_report_is_followed_with_its_key(visit: Callable[..., Visit], town: Town, way: Way):
    report = told(town)
    published(town, report["id"])
    here = way.visit(visit)
    here.forgive(f"{REFUSALS}03")
    page = here.open(f"/api/reports/{report['id']}/page{'?language=en' if way.root else ''}")
    way.arrived(page, town)
    page.fill("#follow_key", report["follow_key"].lower())
    page.click("main form button")
    page.fill("#add-text", "Masih gelap tadi malam.")
    page.locator("form:has(#add-text) button").click()
    expect(page.locator(".timeline .words").first).to_have_text("Masih gelap tadi malam.")
    way.arrived(page, town)


@EVERY_WAY
def test_a_neighbour_says_me_too(visit: Callable[..., Visit], town: Town, way: Way):
    report = told(town)
    published(town, report["id"])
    page = way.visit(visit).open(f"{way.root}/laporan/{report['id']}/")
    page.click("form[data-support] button")
    if way.scripts:
        expect(page.locator("[data-said]")).not_to_be_empty()
        way.arrived(page, town)
    eventually(
        lambda: json.loads(published(town, report["id"]))["supporters"] == 1, "the count of supporters"
    )


@EVERY_WAY
def test_a_report_is_found_by_its_number(visit: Callable[..., Visit], town: Town, way: Way):
    report_id = town.by_state["done"]
    page = way.visit(visit).open(f"{way.root}/laporan/")
    way.arrived(page, town)
    page.fill("#find-id", f"{report_id[:4]}-{report_id[4:]}".lower())
    page.locator("form.find button").first.click()
    page.wait_for_url(f"**{way.root}/laporan/{report_id}/")
    way.arrived(page, town)


@EVERY_WAY
def test_a_private_report_is_told_to_officers_alone(visit: Callable[..., Visit], town: Town, way: Way):
    page = way.visit(visit).open(f"{way.root}/lapor/")
    choose(page)
    tell(page, "Tentang rumah saya sendiri, jangan di peta.")
    page.locator('input[name="private"][value="true"]').check(force=True)
    report_id = sent(page, way)
    way.arrived(page, town)
    assert town.server.get(f"/laporan/{report_id}/").status == 404
    assert report_id not in town.server.get(f"/data/aktif/{GAMBIR}.json").text


# On a bad day.

TWO_G = {"offline": False, "latency": 600, "downloadThroughput": 30_000, "uploadThroughput": 15_000}
"""Milliseconds there and back; bytes a second."""


def slowly(here: Visit) -> None:
    devtools = here.context.new_cdp_session(here.page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", TWO_G)


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_network_as_slow_as_2g_carries_a_report_with_a_photo(
    visit: Callable[..., Visit], town: Town, snapshot_with_gps: dict[str, Any], language: str
):
    way = Way(language, "phone", scripts=True)
    here = way.visit(visit)
    slowly(here)
    page = here.open(f"{way.root}/lapor/")
    # Whoever does not wait for the map can write already.
    choose(page)
    tell(page)
    page.set_input_files("#gallery", snapshot_with_gps)
    expect(page.locator("#previews img")).to_have_count(1)
    report_id = sent(page, way)
    assert len(json.loads(published(town, report_id))["photos"]) == 1


def test_the_map_is_there_before_its_scripts_on_a_slow_network(visit: Callable[..., Visit], town: Town):
    here = visit(size=PHONE)
    slowly(here)
    here.page.goto(f"{town.url}/", wait_until="commit")
    expect(here.page.locator("svg.city a").first).to_be_attached()
    expect(here.page.locator("h1")).to_be_visible()
    here.page.locator(".sheetmap.live").wait_for()


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("language", ["id", "en"])
def test_a_refused_position_leaves_every_other_way_open(
    visit: Callable[..., Visit], town: Town, language: str, size: str
):
    way = Way(language, size, scripts=True)
    page = way.visit(visit).open(f"{way.root}/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.click("#gps")
    expect(page.locator("#found.warn")).to_be_visible()
    way.arrived(page, town)
    choose(page)
    tell(page)
    sent(page, way)


def tab_to(page: Page, selector: str, most: int = 120) -> None:
    for _ in range(most):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key never came to {selector}")


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_keyboard_alone_finds_a_report_by_its_number(
    visit: Callable[..., Visit], town: Town, language: str
):
    way = Way(language, "desktop", scripts=True)
    report_id = town.by_state["done"]
    page = way.visit(visit).open(f"{way.root}/laporan/")
    tab_to(page, "#find-id")
    page.keyboard.type(report_id)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{way.root}/laporan/{report_id}/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.skip')")


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_keyboard_alone_says_me_too(visit: Callable[..., Visit], town: Town, language: str):
    way = Way(language, "desktop", scripts=True)
    report = told(town)
    published(town, report["id"])
    page = way.visit(visit).open(f"{way.root}/laporan/{report['id']}/")
    tab_to(page, "form[data-support] button")
    page.keyboard.press("Enter")
    expect(page.locator("[data-said]")).not_to_be_empty()


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_report_is_sent_with_everything_twice_as_large(
    visit: Callable[..., Visit], town: Town, language: str
):
    way = Way(language, "desktop", scripts=True)
    here = visit(
        size=ZOOMED["viewport"], device_scale_factor=2, language="id-ID" if language == "id" else "en-GB"
    )
    page = here.open(f"{way.root}/lapor/")
    assert overflow(page) == []
    choose(page)
    tell(page)
    sent(page, way)
    assert overflow(page) == []


@pytest.mark.parametrize("path", ["/", "/lapor/", "/laporan/", "/rekap/", "/status/"])
def test_who_wants_less_motion_gets_none(visit: Callable[..., Visit], town: Town, path: str):
    page = visit(size=PHONE).open(path)
    page.wait_for_load_state("networkidle")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((part) => {
            const style = getComputedStyle(part);
            const long = (times) => times.split(",").some((time) => Number.parseFloat(time) > 0.01);
            return long(style.transitionDuration) || (style.animationName !== "none" && long(style.animationDuration));
        }).map((part) => `${part.tagName}.${part.getAttribute("class")}`).slice(0, 8)"""
    )
    assert moving == []
    assert page.evaluate("document.getAnimations().length") == 0
