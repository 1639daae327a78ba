"""Reporting with scripts: pin, photo, category and words become a number, a key and a public page that all see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.running import eventually

from .conftest import DESKTOP, GAMBIR, PHONE, REFUSALS, Town, Visit, middle, tells_nothing

WORDS = "Lubang besar di lajur kiri, sudah dua motor jatuh."


def filled(page: Page, words: str = WORDS) -> None:
    """Category and words; the place is the test's business."""
    page.locator('input[name="category"][value="jalan"]').check(force=True)
    page.fill("#description", words)


def typed(page: Page, latitude: float, longitude: float) -> None:
    page.locator("details.coordinates summary").click()
    page.fill("#latitude", f"{latitude}")
    page.fill("#longitude", f"{longitude}")
    page.locator("#longitude").blur()


def send(page: Page) -> None:
    """Send; a report like those of other tests is told apart from them."""
    page.click("#send")
    expect(page.locator("#received:visible, #similar:visible").first).to_be_visible()
    if page.locator("#similar").is_visible():
        page.click("[data-differs]")


def received(page: Page) -> tuple[str, str]:
    """The number (without dash) and the key that the page shows after a report arrived."""
    expect(page.locator("#received")).to_be_visible()
    number = page.locator("#received [data-id]").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", number)
    key = page.locator("#received [data-key]").inner_text()
    assert re.fullmatch(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", key)
    return number.replace("-", ""), key


@pytest.mark.parametrize(
    ("size", "language", "root"), [(PHONE, "id-ID", ""), (DESKTOP, "en-GB", "/en")], ids=["phone", "desktop"]
)
def test_a_position_a_photo_and_words_become_a_page_that_everyone_sees(
    visit: Callable[..., Visit],
    town: Town,
    snapshot_with_gps: dict[str, Any],
    size: dict[str, int],
    language: str,
    root: str,
):
    here = visit(
        size=size, language=language, permissions=["geolocation"], geolocation={**middle(), "accuracy": 8}
    )
    here.forgive(f"{REFUSALS}04")
    page = here.open(f"{root}/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.click("#gps")
    expect(page.locator("#found")).to_contain_text("Gambir")
    page.set_input_files("#gallery", snapshot_with_gps)
    expect(page.locator("#previews img")).to_have_count(1)
    filled(page)
    send(page)
    report_id, _key = received(page)
    expect(page.locator("#received [data-place]")).to_contain_text("Gambir")

    page.click("#received [data-status]")
    expect(page.locator("h1 span")).to_contain_text("Gambir")
    assert page.url == f"{town.url}{root}/laporan/{report_id}/"
    expect(page.locator("html")).to_have_attribute("lang", language[:2])
    expect(page.locator(".words").first).to_have_text(WORDS)
    picture = page.locator(".photos img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    for photo in town.server.get(f"/laporan/{report_id}.json").json["photos"]:
        for url in (photo["url"], photo["thumb_url"]):
            tells_nothing(town.server.get(url).body)
        # The phone held the camera upright: the picture stands upright.
        assert photo["height"] > photo["width"]

    page.goto(f"{town.url}{root}/kelurahan/{GAMBIR}/")
    link = page.locator(f'.rows a[href="{root}/laporan/{report_id}/"]')
    eventually(lambda: link.count() or (page.reload() and None), "the report on the kelurahan's page")
    assert report_id in town.server.get(f"/kelurahan/{GAMBIR}/feed.xml").text
    assert report_id in town.server.get(f"/kelurahan/{GAMBIR}/laporan.geojson").text

    page.goto(f"{town.url}{root}/")
    zoomed_to(page, GAMBIR)
    entry = page.locator(f'#daftar a.pick[href="{root}/laporan/{report_id}/"]')
    expect(entry).to_be_visible()
    # Away from the list, which scrolls: a mouse that comes to lie over another report marks that one.
    page.mouse.move(1, 1)
    entry.focus()
    expect(entry).to_have_class(re.compile(r"\bon\b"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/laporan/{report_id}/")


def zoomed_to(page: Page, kode: str) -> None:
    """Choose a kelurahan on the moving map, where areas stand in the order of the drawing."""
    page.locator(".sheetmap.live").wait_for()
    links = page.locator("svg.city a")
    addresses = links.evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    index = next(i for i, address in enumerate(addresses) if kode in address)
    page.locator(".mapbox path.area").nth(index).click(force=True)
    expect(page.locator("#daftar .listed")).to_be_visible()


def test_a_click_on_the_map_sets_the_spot(visit: Callable[..., Visit]):
    page = visit().open("/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    box = page.locator("#pinmap").bounding_box()
    assert box
    page.locator("#pinmap").click(position={"x": box["width"] * 0.55, "y": box["height"] * 0.6})
    expect(page.locator("#found b")).not_to_be_empty()
    longitude, latitude = page.input_value("#longitude"), page.input_value("#latitude")
    assert 106.6 < float(longitude) < 107.0
    assert -6.4 < float(latitude) < -6.0
    filled(page)
    send(page)
    received(page)


def test_arrow_keys_move_the_spot(visit: Callable[..., Visit]):
    page = visit().open("/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    where = middle()
    typed(page, where["latitude"], where["longitude"])
    expect(page.locator("#found b")).not_to_be_empty()
    before = page.input_value("#latitude")
    page.locator("#pinmap").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#latitude")).not_to_have_value(before)


def test_a_refused_position_is_explained_and_another_way_is_offered(visit: Callable[..., Visit]):
    here = visit()
    page = here.open("/en/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.click("#gps")
    expect(page.locator("#found.warn")).to_be_visible()
    expect(page.locator("#gps")).to_be_enabled()


def test_a_coarse_position_asks_for_a_closer_look(visit: Callable[..., Visit]):
    page = visit(permissions=["geolocation"], geolocation={**middle(), "accuracy": 900}).open("/en/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.click("#gps")
    expect(page.locator("#found.warn")).to_contain_text("900")


def test_what_is_missing_is_named_with_a_way_to_it_and_nothing_is_lost(visit: Callable[..., Visit]):
    page = visit(size=PHONE).open("/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.fill("#landmark", "Depan warung Bu Siti")
    page.fill("#description", "pendek")
    page.click("#send")
    box = page.locator("#errors")
    expect(box).to_be_visible()
    expect(box).to_be_focused()
    expect(box.locator("li")).to_have_count(3)
    box.locator('a[href="#description"]').click()
    expect(page.locator("#description")).to_be_focused()
    expect(page.locator("#description")).to_have_attribute("aria-invalid", "true")
    assert page.input_value("#landmark") == "Depan warung Bu Siti"
    assert page.input_value("#description") == "pendek"


def test_outside_jakarta_is_said_before_and_after_sending(visit: Callable[..., Visit]):
    here = visit()
    here.forgive(f"{REFUSALS}00")
    page = here.open("/en/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    typed(page, -7.8, 110.36)
    expect(page.locator("#found.bad")).to_contain_text("outside Jakarta")
    filled(page)
    page.click("#send")
    expect(page.locator("#errors li")).to_contain_text("outside Jakarta")
    assert page.input_value("#description") == WORDS


def test_a_report_whose_answer_was_lost_is_sent_again_and_is_one_report(
    visit: Callable[..., Visit], town: Town
):
    here = visit()
    here.forgive("Failed to load resource: net::ERR_")
    page = here.open("/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    where = middle("31.74.04.1001")
    typed(page, where["latitude"], where["longitude"])
    filled(page, "Jawabannya hilang di jalan.")
    arrived: list[dict[str, Any]] = []

    def lose(route: Any) -> None:
        arrived.append(route.fetch().json())
        route.abort()

    page.route("**/api/reports", lose, times=1)
    page.click("#send")
    expect(page.locator("#received [data-id]")).to_be_visible()
    report_id, key = received(page)
    assert (report_id, key) == (arrived[0]["id"], arrived[0]["follow_key"])


def test_the_form_is_filled_in_and_sent_with_the_keyboard_alone(visit: Callable[..., Visit]):
    page = visit().open("/en/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()

    def tab_to(selector: str) -> None:
        for _ in range(80):
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key never came to {selector}")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.skip')")
    page.keyboard.press("Enter")
    tab_to("#kelurahan")
    page.keyboard.type("Gambir")
    assert page.input_value("#kelurahan") == GAMBIR
    tab_to("#landmark")
    page.keyboard.type("In front of the station")
    tab_to('input[name="category"]')
    page.keyboard.press("ArrowDown")
    tab_to("#description")
    page.keyboard.type("A lamp has been dark for a week.")
    tab_to("#send")
    page.keyboard.press("Enter")
    received(page)
    assert page.evaluate("document.activeElement.id") == "received"


def test_a_file_that_is_no_photo_is_said_at_once(visit: Callable[..., Visit]):
    page = visit().open("/en/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.set_input_files(
        "#gallery", {"name": "virus.jpg", "mimeType": "image/jpeg", "buffer": b"MZ this is a program"}
    )
    expect(page.locator("#photo-said")).to_contain_text("could not be read")
    expect(page.locator("#previews img")).to_have_count(0)


def test_a_photo_can_be_taken_back(visit: Callable[..., Visit], snapshot_with_gps: dict[str, Any]):
    page = visit().open("/lapor/")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.set_input_files("#gallery", [snapshot_with_gps] * 4)
    expect(page.locator("#previews img")).to_have_count(3)
    expect(page.locator("#gallery")).to_be_disabled()
    page.locator("#previews button").first.click()
    expect(page.locator("#previews img")).to_have_count(2)
    expect(page.locator("#gallery")).to_be_enabled()
