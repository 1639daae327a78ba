"""Every page, light and dark, narrow and wide: no accessibility violation, no scrolling sideways, no complaint."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .conftest import AXE, DESKTOP, GAMBIR, PHONE, REFUSALS, Town, Visit, middle

STATES = ("waiting", "in_progress", "done")
FIGURES = ("recap", "kota", "check", "service", "key")
WIDER = ("style", "mine", "offline", "follow", "open data", "developers", "kecamatan", "desk", "embedded")
"""Pages that `make journeys` alone looks at."""
PAGES = ("home", "form", "find", "kelurahan", "not found", "errors", "receipt", *STATES, *FIGURES)
FIRST = ("home", "form", "kelurahan", "in_progress")
"""Pages that `make test` looks at; `make journeys` looks at all."""
NARROW = {"width": 320, "height": 640}
# A window of 1280 by 1024 at 200 %: half as many CSS pixels, twice as fine.
ZOOMED = {"viewport": {"width": 640, "height": 512}, "device_scale_factor": 2}


def shown(here: Visit, town: Town, name: str, root: str = "") -> Page:
    """Open a page by its name, with everything on it loaded."""
    fixed = {
        "home": f"{root}/",
        "form": f"{root}/lapor/",
        "find": f"{root}/laporan/",
        "kelurahan": f"{root}/kelurahan/{GAMBIR}/",
        "not found": f"{root}/none/",
        "recap": f"{root}/rekap/",
        "kota": f"{root}/kota/{GAMBIR[:5]}/",
        "check": f"{root}/periksa/",
        "service": f"{root}/status/",
        "style": f"{root}/gaya/",
        "mine": f"{root}/saya/",
        "offline": f"{root}/luring/",
        "follow": f"{root}/ikuti/",
        "open data": f"{root}/data/terbuka/",
        "developers": f"{root}/pengembang/",
        "kecamatan": f"{root}/kecamatan/{GAMBIR[:8]}/",
        "desk": f"{root}/petugas/",
        "embedded": f"{root}/sematan/kota/{GAMBIR[:5]}/",
        "key": f"/api/reports/{town.by_state['done']}/page{'?language=en' if root else ''}",
    }
    page = here.page
    if name in fixed:
        here.forgive(f"{REFUSALS}04") if name == "not found" else None
        here.forgive(f"{REFUSALS}03") if name == "key" else None
        here.open(fixed[name])
    elif name in town.by_state:
        here.open(f"{root}/laporan/{town.by_state[name]}/")
    elif name in STATES:
        pytest.fail(f"no example report is {name}: the seed must give one")
    else:
        plain(here, town, name, root)
    page.wait_for_load_state("networkidle")
    if name == "home":
        page.locator(".sheetmap.live").wait_for()
    if name == "form":
        page.locator("#pinmap .leaflet-container, #pinmap.leaflet-container").wait_for()
    return page


def plain(here: Visit, town: Town, name: str, root: str) -> None:
    """The pages that the API answers to a form without scripts."""
    where = middle()
    fields: dict[str, Any] = {
        "category": "jalan",
        "description": "Lubang besar." if name == "receipt" else "x",
        "latitude": where["latitude"],
        "longitude": where["longitude"],
        "private": "true",
        "language": "en" if root else "id",
        "form": "html",
    }
    here.forgive(f"{REFUSALS}00")
    inputs = "".join(f'<input name="{k}" value="{v}">' for k, v in fields.items())
    here.open(f"{root}/laporan/")
    here.page.evaluate(
        """html => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = "/api/reports";
            form.innerHTML = html;
            document.body.append(form);
            form.submit();
        }""",
        inputs,
    )
    here.page.wait_for_url("**/receipt*" if name == "receipt" else "**/api/reports")


@lru_cache(maxsize=1)
def axe() -> str:
    return AXE.read_text("utf-8")


def violations(page: Page) -> list[str]:
    """What axe-core finds, one line each with the elements."""
    page.evaluate(axe())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes'][:4]]}"
        for each in found["violations"]
    ]


@pytest.mark.parametrize(
    "name",
    [name if name in FIRST else pytest.param(name, marks=pytest.mark.journey) for name in (*PAGES, *WIDER)],
)
def test_a_page_in_light_colours_has_no_barrier(visit: Callable[..., Visit], town: Town, name: str):
    page = shown(visit(size=PHONE), town, name)
    assert violations(page) == []


@pytest.mark.journey
@pytest.mark.parametrize("name", [*PAGES, *WIDER])
def test_a_page_in_dark_colours_has_no_barrier(visit: Callable[..., Visit], town: Town, name: str):
    here = visit(size=DESKTOP, colours="dark", language="en-GB")
    page = shown(here, town, name, "/en")
    assert violations(page) == []


@pytest.mark.journey
@pytest.mark.parametrize("name", [*PAGES, *WIDER])
def test_nothing_scrolls_sideways_on_the_narrowest_phone(visit: Callable[..., Visit], town: Town, name: str):
    page = shown(visit(size=NARROW), town, name)
    assert overflow(page) == []


@pytest.mark.journey
@pytest.mark.parametrize("name", ["home", "form", "kelurahan", "in_progress"])
def test_nothing_scrolls_sideways_at_twice_the_size(visit: Callable[..., Visit], town: Town, name: str):
    page = shown(visit(size=ZOOMED["viewport"], device_scale_factor=2), town, name, "/en")
    assert overflow(page) == []


def overflow(page: Page) -> list[str]:
    """The elements that make the page wider than the window; none when it is not."""
    found: list[str] = page.evaluate(
        """() => {
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            return [...document.querySelectorAll("body *")]
                .filter((part) => part.getBoundingClientRect().right > root.clientWidth + 0.5)
                .map((part) => `${part.tagName}.${part.getAttribute("class")}`)
                .slice(0, 8);
        }"""
    )
    return found


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_map_near_by_and_its_list_have_no_barrier(visit: Callable[..., Visit], town: Town, colours: str):
    here = visit(colours=colours)
    page = shown(here, town, "home")
    areas = page.locator(".mapbox path.area")
    areas.nth(areas.count() // 2).click(force=True)
    expect(page.locator(".atlas-map.near")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert violations(page) == []


@pytest.mark.journey
@pytest.mark.parametrize("name", ["home", "form", "in_progress", "kelurahan"])
def test_every_page_leads_to_its_twin_in_the_other_language(
    visit: Callable[..., Visit], town: Town, name: str
):
    page = shown(visit(), town, name)
    expect(page.locator("html")).to_have_attribute("lang", "id")
    address = page.url
    page.locator('footer a[hreflang="en"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator('footer a[hreflang="id"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "id")
    assert page.url == address


def test_examples_are_labelled_wherever_they_are_seen(visit: Callable[..., Visit], town: Town):
    here = visit(language="en-GB")
    report_id = town.by_state["waiting"]
    page = shown(here, town, "home", "/en")
    expect(page.locator("main .notice")).to_contain_text("example")
    page = here.open(f"/en/laporan/{report_id}/")
    expect(page.locator("main .notice")).to_contain_text("example")
    place = town.server.get(f"/laporan/{report_id}.json").json["place"]
    page = here.open(f"/en/kelurahan/{place['kode']}/")
    expect(page.locator(f'.rows li:has(a[href="/en/laporan/{report_id}/"]) .tag')).to_have_text("example")


def test_a_status_page_that_is_not_there_yet_comes_by_itself(visit: Callable[..., Visit], town: Town):
    here = visit()
    here.forgive(f"{REFUSALS}04")
    report_id = town.by_state["waiting"]
    page = here.page
    # As it is in the moments before it is published: the site does not have it yet.
    page.route(
        f"**/laporan/{report_id}/",
        lambda route: route.fulfill(
            status=404, content_type="text/html", body=town.server.get("/none/").text
        ),
        times=1,
    )
    here.open(f"/laporan/{report_id}/")
    expect(page.locator(".timeline")).to_be_visible()
