"""The basemap in a real browser: drawn from near when it is set, and when it fails the outlines stand as before."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.web.small_map import small_map
from tests.web.stubbed import Stub, until, wait_for_map
from web.render import Renderer
from web.views import Basemap, HomeView, KelurahanRow

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop closes its pipes late.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
NEAR = "/#peta=14.5/-6.2/106.94"
PMTILES = Basemap(pmtiles="/peta/jakarta.pmtiles", attribution="Peta <contoh>")
OPACITY = "getComputedStyle(document.querySelector('path.area')).fillOpacity"
NAMED = "document.querySelectorAll('.area-name').length"


def with_basemap(
    stub: Stub, renderer: Renderer, city: tuple[Path, list[KelurahanRow]], basemap: Basemap
) -> None:
    drawn = dataclasses.replace(renderer, basemap=basemap)
    stub.files = {
        **stub.files,
        "index.html": drawn.home(HomeView(tuple(city[1]), True), "id").encode(),
        "peta/jakarta.pmtiles": small_map(),
    }


def open_near(page: Any, stub: Stub) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(stub.url + NEAR, wait_until="networkidle")
    wait_for_map(page)
    until(page, f"{NAMED} > 0")
    page.wait_for_selector("#daftar-judul")


def whole(page: Any) -> bool:
    """Outlines with their fill, names, and the list are there."""
    return bool(
        page.evaluate(f"{OPACITY} === '1' && {NAMED} > 0 && !!document.getElementById('daftar-judul')")
    )


def test_pmtiles_are_drawn_from_near_and_cost_nothing_from_afar(
    page: Any, stub: Stub, renderer: Renderer, city: tuple[Path, list[KelurahanRow]]
) -> None:
    with_basemap(stub, renderer, city, PMTILES)
    page.goto(stub.url + "/", wait_until="networkidle")
    wait_for_map(page)
    assert not any("basemap" in path or path.startswith("/peta/") for path in stub.asked)
    names = {path.split("?")[0].strip("/") or "index.html" for path in stub.asked}
    assert sum(len(gzip.compress(stub.files[n], 9)) for n in names if n in stub.files) <= 100_000
    open_near(page, stub)
    page.reload(wait_until="networkidle")
    until(page, "document.querySelector('.mapbox')?.dataset.tiles === ''")
    assert page.locator("canvas.leaflet-tile").count() > 0
    assert page.evaluate(OPACITY) == "0"
    assert page.evaluate(NAMED) > 0
    assert "Peta <contoh>" in page.text_content(".leaflet-control-attribution")
    code = next(name for name in stub.files if name.startswith("aset/basemap-"))
    assert len(gzip.compress(stub.files[code], 9)) <= 45_000
    # A tile has white roads, so that its canvas holds more than one colour.
    colours = page.evaluate(
        """() => { const c = document.querySelector('canvas.leaflet-tile');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        return new Set(Array.from({length: d.length / 4}, (_, i) => d.slice(4 * i, 4 * i + 3).join())).size }"""
    )
    assert colours > 1
    page.click("text=Seluruh Jakarta")
    until(page, "document.querySelector('.mapbox').dataset.tiles === undefined")


@pytest.mark.parametrize("lost", ["file", pytest.param("tiles", marks=pytest.mark.journey), "code"])
def test_pmtiles_that_do_not_come_leave_outlines_names_and_reports(
    page: Any, stub: Stub, renderer: Renderer, city: tuple[Path, list[KelurahanRow]], lost: str
) -> None:
    with_basemap(stub, renderer, city, PMTILES)
    if lost == "file":
        stub.files.pop("peta/jakarta.pmtiles")
    elif lost == "code":
        page.route("**/aset/basemap*", lambda route: route.abort())
    else:
        page.route(
            "**/peta/**",
            lambda route: (
                route.continue_() if route.request.headers["range"].startswith("bytes=0-") else route.abort()
            ),
        )
    open_near(page, stub)
    page.wait_for_timeout(1000)
    until(page, "document.querySelector('.mapbox').dataset.tiles === undefined")
    assert whole(page)


def test_raster_tiles_that_do_not_come_leave_outlines_names_and_reports(
    page: Any, stub: Stub, renderer: Renderer, city: tuple[Path, list[KelurahanRow]]
) -> None:
    with_basemap(stub, renderer, city, Basemap("/ubin/{z}/{x}/{y}.png", "Ubin"))
    open_near(page, stub)
    page.wait_for_timeout(500)
    assert any(path.startswith("/ubin/") for path in stub.asked)
    assert whole(page)
    assert "Ubin" in page.text_content(".leaflet-control-attribution")


@pytest.mark.journey
def test_raster_tiles_that_come_are_seen_through_the_outlines(
    page: Any, stub: Stub, renderer: Renderer, city: tuple[Path, list[KelurahanRow]]
) -> None:
    with_basemap(stub, renderer, city, Basemap("/ubin/{z}/{x}/{y}.png", "Ubin"))
    page.route(
        "**/ubin/**",
        lambda route: route.fulfill(body=stub.files["aset/ikon-192.png"], content_type="image/png"),
    )
    open_near(page, stub)
    until(page, f"{OPACITY} === '0'")
