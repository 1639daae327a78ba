"""Reporting without a connection: written, put away, sent once when it is back, and found on "my reports"."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.running import eventually

from .conftest import DESKTOP, PHONE, REFUSALS, Town, Visit, middle, tells_nothing

PLACE = "31.74.05.1002"


def published(town: Town, report_id: str) -> dict[str, Any]:
    """A report's public data, once it is written."""
    path = f"/laporan/{report_id}.json"
    found: dict[str, Any] = eventually(
        lambda: answer.json if (answer := town.server.get(path)).status == 200 else None, path
    )
    return found


def ready(page: Page) -> None:
    """The form with its map, and all of it kept for a time without a connection."""
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")


@pytest.mark.parametrize(
    ("size", "language", "root"),
    [
        (PHONE, "id-ID", ""),
        pytest.param(DESKTOP, "en-GB", "/en", marks=pytest.mark.journey),
        pytest.param(DESKTOP, "id-ID", "", marks=pytest.mark.journey),
        pytest.param(PHONE, "en-GB", "/en", marks=pytest.mark.journey),
    ],
)
def test_a_report_written_without_a_connection_arrives_once_with_its_photo(
    visit: Callable[..., Visit],
    town: Town,
    snapshot_with_gps: dict[str, Any],
    size: dict[str, int],
    language: str,
    root: str,
):
    here = visit(size=size, language=language, bypass_csp=True)
    # Just sent: its page is still being written.
    here.forgive("Failed to load resource: net::ERR_", f"{REFUSALS}04")
    where = middle(PLACE)
    words = f"Ditulis tanpa internet, {language} {size['width']}."
    ready(here.open(f"{root}/lapor/"))
    here.context.set_offline(True)
    page = here.page
    page.goto(f"{town.url}{root}/lapor/#{where['latitude']},{where['longitude']}")
    page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    expect(page.locator("#latitude")).not_to_have_value("")
    page.set_input_files("#gallery", snapshot_with_gps)
    expect(page.locator("#previews img")).to_have_count(1)
    page.locator('input[name="category"][value="lain"]').check(force=True)
    page.fill("#description", words)
    page.click("#send")
    expect(page.locator("#received [data-now]")).to_be_visible()
    # The phone is put away, and taken out again where there is a connection.
    page.goto("about:blank")
    here.context.set_offline(False)
    page.goto(f"{town.url}{root}/saya/")
    card = page.locator("#sent .card")
    expect(card).to_have_count(1)
    expect(card.locator(".card-words")).to_have_text(words)
    report_id = card.locator(".number").inner_text().replace("-", "")
    assert re.fullmatch(r"[0-9A-Z]{8}", report_id)
    public = published(town, report_id)
    assert public["description"] == words
    assert public["place"]["kode"] == PLACE
    (photo,) = public["photos"]
    tells_nothing(town.server.get(photo["url"]).body)
    texts = eventually(
        lambda: [
            text
            for text in town.server.get(f"/data/aktif/{PLACE}.json").json["columns"]["text"]
            if text == words
        ],
        "the report among the open ones",
    )
    assert len(texts) == 1
    # Its own page opens with the key that the phone kept.
    card.locator("form button").click()
    page.wait_for_url(re.compile(rf"/api/reports/{report_id}/page"))
    expect(page.locator(".words").first).to_have_text(words)
    assert not page.url.count("follow_key")


@pytest.mark.journey
@pytest.mark.parametrize(("size", "root"), [(PHONE, ""), (DESKTOP, "/en")])
def test_two_neighbours_of_one_hole_become_one_report_and_a_follower(
    visit: Callable[..., Visit], town: Town, size: dict[str, int], root: str
):
    where = middle("31.73.03.1002")
    here = visit(size=size)
    page = here.open(f"{root}/lapor/#{where['latitude']},{where['longitude']}")
    expect(page.locator("#found b")).not_to_be_empty()
    page.locator('input[name="category"][value="sampah"]').check(force=True)
    page.fill("#description", f"Sampah menumpuk di ujung gang, {root or 'id'}.")
    page.click("#send")
    expect(page.locator("#received [data-id], #similar:visible").first).to_be_visible()
    if page.locator("#similar").is_visible():
        page.click("[data-differs]")
    report_id = page.locator("#received [data-id]").inner_text().replace("-", "")
    published(town, report_id)

    there = visit(size=size)
    page = there.open(f"{root}/lapor/#{where['latitude'] + 0.0001},{where['longitude']}")
    expect(page.locator("#found b")).not_to_be_empty()
    page.locator('input[name="category"][value="sampah"]').check(force=True)
    page.fill("#description", "Sampah lagi di gang yang sama.")
    mine = page.locator(".alike", has=page.locator(f'a[href$="/laporan/{report_id}/"]'))
    mine.locator("button").click()
    expect(page.locator("#received [data-status]")).to_have_attribute("href", f"{root}/laporan/{report_id}/")
    eventually(
        lambda: published(town, report_id)["supporters"] == 1 or None,
        "the follower is counted",
    )
