"""The front page's map in a real browser: what it shows, its list, filters, search, history, and what it asks for."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.stubbed import AXE, Stub, until, wait_for_map

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop closes its pipes late.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
DESKTOP = {"width": 1280, "height": 900}
SHADES = "[...document.querySelectorAll('path.area')].map(p => p.getAttribute('class').match(/c\\d/)[0])"
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"


def open_map(page: Any, stub: Stub, path: str = "/", size: dict[str, int] | None = DESKTOP) -> None:
    if size:
        page.set_viewport_size(size)
    page.goto(stub.url + path, wait_until="networkidle")
    wait_for_map(page)


def busiest(page: Any) -> str:
    """The code of the kelurahan that heads the list."""
    href: str = page.locator("#daftar .bars a").first.get_attribute("href")
    return href.split("/")[-2]


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


def go_near(page: Any, stub: Stub, **more: Any) -> None:
    """Choose the busiest kelurahan by a click on the map; its reports are listed."""
    open_map(page, stub, **more)
    page.mouse.click(*middle_of(page, busiest(page)))
    page.wait_for_selector("#daftar .pick")


def view(page: Any) -> dict[str, str]:
    """The view that the address tells of."""
    fragment: str = page.evaluate("location.hash")
    return dict(part.split("=", 1) for part in fragment.lstrip("#").split("&") if part)


def picks(page: Any) -> int:
    return int(page.locator("#daftar .pick").count())


def title(page: Any) -> str:
    return str(page.text_content("#daftar-judul"))


def weight(stub: Stub) -> int:
    """Bytes of all that was asked for, gzipped, each file once."""
    names = {path.split("?")[0].strip("/") or "index.html" for path in stub.asked}
    return sum(len(gzip.compress(stub.files[name], 9)) for name in names if name in stub.files)


# What the first view asks for.


def test_the_first_view_asks_for_little_and_never_for_the_position(page: Any, stub: Stub) -> None:
    page.add_init_script(
        "navigator.geolocation.getCurrentPosition = () => { window.askedForPosition = true }"
    )
    open_map(page, stub, size=None)
    assert not any(
        path.startswith(("/data/", "/aset/near", "/aset/filters", "/aset/search")) for path in stub.asked
    )
    assert not any("basemap" in path or "map-words" in path for path in stub.asked)
    assert page.evaluate("window.askedForPosition") is None
    assert weight(stub) <= 100_000
    assert len(stub.asked) <= 24
    assert page.evaluate("location.hash") == ""


@pytest.mark.journey
def test_the_first_reports_cost_little_more(page: Any, stub: Stub) -> None:
    go_near(page, stub)
    fetched = {path for path in stub.asked if path.startswith("/data/aktif/")}
    assert 0 < len(fetched) <= 24
    code = {path for path in stub.asked if path.startswith("/aset/")}
    assert sum(len(gzip.compress(stub.files[name.strip("/")], 9)) for name in code) <= 100_000


# The city, and near.


@pytest.mark.journey
def test_from_afar_kota_are_named_with_their_open_reports(page: Any, stub: Stub) -> None:
    open_map(page, stub)
    rows = page.locator("#semua details")
    name = rows.nth(1).locator("h3").text_content()
    told = re.sub(r"\D", "", rows.nth(1).locator("summary small").text_content())
    labels = page.locator(".kota-name").all_inner_texts()
    assert f"{name}\n{told}" in labels


def test_near_pins_and_list_show_the_same_reports_by_word_and_shape(page: Any, stub: Stub) -> None:
    go_near(page, stub)
    assert re.search(r"\d+ laporan di peta", title(page))
    first = page.locator("#daftar .pick").first
    assert re.fullmatch(r"/laporan/[0-9A-Z]{8}/", first.get_attribute("href"))
    assert "contoh" in first.text_content()
    assert re.search(r"(Menunggu|Koordinasi|Disposisi|Proses) · ", first.text_content())
    assert first.locator("use").first.get_attribute("href").startswith("/aset/ikon-")
    assert first.locator(".state use").get_attribute("href").startswith("#s-")
    assert page.locator(".spot").count() == picks(page)
    names = page.locator(".spot").evaluate_all("spots => spots.map(spot => spot.getAttribute('aria-label'))")
    assert all(re.search(r", (Menunggu|Koordinasi|Disposisi|Proses), ", name) for name in names)
    page.click("text=Seluruh Jakarta")
    page.wait_for_selector("#daftar .bars")
    assert page.locator(".spot").count() == 0


@pytest.mark.journey
def test_the_list_marks_the_map_and_the_map_marks_the_list(page: Any, stub: Stub) -> None:
    go_near(page, stub)
    third = page.locator("#daftar .pick").nth(2)
    third.hover()
    assert page.locator("#daftar .pick.on").count() == 1
    first = page.locator("#daftar .pick").first
    first.focus()
    assert "on" in first.get_attribute("class")
    page.locator(".spot").nth(1).focus()
    assert page.locator("#daftar .pick.on").get_attribute("data-id") == page.locator(".spot").nth(
        1
    ).get_attribute("data-id")
    spot = page.locator(".spot").nth(2)
    box = spot.bounding_box()
    wanted = spot.get_attribute("data-id")
    page.mouse.move(5, 5)
    page.mouse.move(box["x"] + 22, box["y"] + 22)
    page.mouse.move(box["x"] + 23, box["y"] + 22)
    until(page, f"document.querySelector('#daftar .pick.on')?.dataset.id === '{wanted}'")


def test_with_the_keyboard_alone_one_goes_from_pin_to_pin_opens_one_and_comes_back(
    page: Any, stub: Stub
) -> None:
    go_near(page, stub)
    page.locator(".spot[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    wanted = page.evaluate("document.activeElement.dataset.id")
    assert wanted == page.locator(".spot").nth(1).get_attribute("data-id")
    page.keyboard.press("Enter")
    page.wait_for_selector(".mapcard a.pick")
    assert page.evaluate("document.activeElement.getAttribute('href')") == f"/laporan/{wanted}/"
    assert view(page)["laporan"] == wanted
    page.keyboard.press("Escape")
    assert page.locator(".mapcard").is_hidden()
    assert page.evaluate("document.activeElement.dataset.id") == wanted
    assert "laporan" not in view(page)
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.id") == page.locator(".spot").first.get_attribute(
        "data-id"
    )


def crowded(stub: Stub, amount: int = 45) -> str:
    """A kelurahan whose file holds `amount` open reports of far more; its code."""
    kode = next(name for name in sorted(stub.files) if name.startswith("data/aktif/31.7"))
    file = json.loads(stub.files[kode])
    outline = next(
        row for row in json.loads(stub.files["data/batas.json"])["kelurahan"] if row["kode"] in kode
    )
    longitude, latitude = (round(degrees * 1e5) for degrees in outline["label"])
    ids = [f"{n:08d}" for n in range(amount)]
    file |= {"open": 500, "total": 800, "origin": [longitude, latitude], "categories": ["jalan"]}
    file["columns"] = {
        "id": ids,
        "longitude": [n * 10 for n in range(amount)],
        "latitude": [n * 7 for n in range(amount)],
        "category": [0] * amount,
        "state": [0] * amount,
        "created": [29_000_000, *[-60] * (amount - 1)],
        "photo": [n % 2 for n in range(amount)],
        "text": [""] * amount,
    }
    stub.files = {**stub.files, kode: json.dumps(file).encode()}
    return kode.removeprefix("data/aktif/").removesuffix(".json")


def test_many_reports_come_in_pages_and_what_the_file_leaves_out_is_counted_and_linked(
    page: Any, stub: Stub
) -> None:
    kode = crowded(stub)
    open_map(page, stub, f"/#wilayah={kode}")
    page.wait_for_selector(".pager")
    assert title(page) == "45 laporan di peta"
    assert picks(page) == 20
    assert page.locator(".pager button").first.is_disabled()
    assert page.locator(".rest a").get_attribute("href") == f"/kelurahan/{kode}/"
    assert "+455 lagi di" in page.text_content(".rest")
    page.click(".pager >> text=Berikutnya")
    page.click(".pager >> text=Berikutnya")
    assert picks(page) == 5
    assert view(page)["hal"] == "3"
    assert page.evaluate("document.activeElement.id") == "daftar-judul"
    assert page.locator(".spot").count() == 5
    page.go_back()
    until(page, "document.querySelectorAll('#daftar .pick').length === 20")
    assert "2 dari 3" in page.text_content(".pager")
    page.reload(wait_until="networkidle")
    page.wait_for_selector(".pager")
    assert "2 dari 3" in page.text_content(".pager")


@pytest.mark.journey
def test_too_much_in_view_asks_for_more_zoom_and_fetches_nothing(page: Any, stub: Stub) -> None:
    # The middle of a square of the made-up city, on a screen that shows more than 24 of them.
    open_map(page, stub, "/#peta=14/-6.187/106.935", {"width": 1600, "height": 1500})
    until(page, "document.querySelector('.mapnote').textContent.includes('Perbesar')")
    assert not any(path.startswith("/data/aktif/") for path in stub.asked)


@pytest.mark.journey
def test_an_area_too_large_to_list_keeps_its_shades_and_counts(page: Any, stub: Stub) -> None:
    open_map(page, stub, "/#wilayah=31.72")
    page.wait_for_selector("#daftar .bars")
    assert page.locator(".near").count() == 0
    counts = json.loads(stub.files["data/ringkas.json"])["kelurahan"]
    open_there = sum(sum(row[:4]) for kode, row in counts.items() if kode.startswith("31.72."))
    assert int(re.sub(r"\D", "", title(page).partition(":")[2])) == open_there
    assert not any(path.startswith("/data/aktif/") for path in stub.asked)


# Filters, and the view in the address.


def test_filters_narrow_what_is_shown_and_can_be_gone_back_from(page: Any, stub: Stub) -> None:
    kode = crowded(stub)
    open_map(page, stub, f"/#wilayah={kode}")
    page.wait_for_selector(".pager")
    page.click("#saring")
    page.wait_for_selector("#saringan form")
    assert page.evaluate("document.activeElement.name") == "state"
    page.check("#saringan [name=photo]")
    until(page, "document.getElementById('daftar-judul').textContent === '22 laporan di peta'")
    page.select_option("#saringan [name=category]", "sampah")
    page.wait_for_selector("text=Tidak ada laporan yang cocok")
    assert view(page) == {"kategori": "sampah", "wilayah": kode, "foto": "1", "peta": view(page)["peta"]}
    assert page.text_content("#saring") == "Saring (3)"
    page.go_back()
    until(page, "document.getElementById('daftar-judul').textContent === '22 laporan di peta'")
    assert page.locator("#saringan [name=category]").input_value() == ""
    page.click(".chips >> text=dengan foto")
    until(page, "document.getElementById('daftar-judul').textContent === '45 laporan di peta'")
    assert page.evaluate("document.activeElement.id") == "saring"
    page.click("#saringan >> text=Hapus saringan")
    until(page, "document.querySelector('.chips').hidden")
    assert "wilayah" not in view(page)
    page.keyboard.press("Escape")
    assert page.locator("#saringan").is_hidden()


@pytest.mark.journey
def test_closed_reports_show_when_their_state_is_asked_for(page: Any, stub: Stub) -> None:
    go_near(page, stub)
    open_only = int(re.sub(r"\D", "", title(page)))
    page.click("#saring")
    page.check("#saringan [value=done]")
    until(page, f"parseInt(document.getElementById('daftar-judul').textContent) > {open_only}")
    assert view(page)["status"] == "waiting,coordination,disposition,in_progress,done"
    page.uncheck("#saringan [value=done]")
    until(page, f"parseInt(document.getElementById('daftar-judul').textContent) === {open_only}")
    assert "status" not in view(page)


@pytest.mark.journey
def test_from_afar_states_and_areas_shade_the_city_and_rank_its_kelurahan(page: Any, stub: Stub) -> None:
    open_map(page, stub, "/#status=done")
    page.wait_for_selector("#daftar .bars")
    until(page, "document.querySelector('.legend-title').textContent === 'Laporan: Selesai'")
    counts = json.loads(stub.files["data/ringkas.json"])
    done = counts["states"].index("done")
    assert int(re.sub(r"\D", "", title(page))) == sum(row[done] for row in counts["kelurahan"].values())
    shades = page.evaluate("[...document.querySelectorAll('path.area.c0')].length")
    assert shades == sum(1 for row in counts["kelurahan"].values() if not row[done])
    page.click(".chips button")
    until(page, "document.querySelector('.legend-title').textContent !== 'Laporan: Selesai'")
    assert page.evaluate("location.hash") == ""


@pytest.mark.journey
def test_the_shades_of_the_filters_follow_the_rule_of_the_page(page: Any, stub: Stub) -> None:
    """The rule is written twice, for the page and for the filters: on the same counts both say the same."""
    open_map(page, stub)
    drawn = page.evaluate(
        "[...document.querySelectorAll('path.area')].map(p => p.getAttribute('class').match(/c\\d/)[0])"
    )
    page.click("#saring")
    page.wait_for_selector("#saringan form")
    page.check("#saringan [name=photo]")
    page.wait_for_selector(".chips button")
    again = page.evaluate(
        "[...document.querySelectorAll('path.area')].map(p => p.getAttribute('class').match(/c\\d/)[0])"
    )
    assert again == drawn
    assert "Perbesar" in page.text_content(".mapnote")


def test_a_shared_address_shows_the_same_view(page: Any, stub: Stub) -> None:
    go_near(page, stub)
    page.locator(".spot").nth(1).evaluate("spot => spot.click()")
    page.wait_for_selector(".mapcard a.pick")
    listed = page.locator("#daftar .pick").evaluate_all("links => links.map(link => link.dataset.id)")
    address = page.url
    assert "?" not in address
    other = page.context.new_page()
    other.set_viewport_size(DESKTOP)
    other.goto(address, wait_until="networkidle")
    other.wait_for_selector(".mapcard a.pick")
    assert (
        other.locator("#daftar .pick").evaluate_all("links => links.map(link => link.dataset.id)") == listed
    )
    other.close()


@pytest.mark.journey
def test_back_leads_from_near_to_the_whole_city(page: Any, stub: Stub) -> None:
    go_near(page, stub)
    page.go_back()
    page.wait_for_selector("#daftar .bars")
    assert page.evaluate("location.hash") == ""
    page.go_forward()
    page.wait_for_selector("#daftar .pick")


@pytest.mark.journey
@pytest.mark.parametrize(
    "fragment",
    [
        "#peta=x",
        "#peta=99/999/999&status=oops&hal=-4",
        "#wilayah=31.99.99.9999",
        "#semua",
        "#laporan=<b>",
        "#usia=%%%",
    ],
)
def test_an_address_that_makes_no_sense_shows_the_city(page: Any, stub: Stub, fragment: str) -> None:
    open_map(page, stub, f"/{fragment}")
    assert page.locator("path.area").count() == 267
    assert page.locator("#daftar-judul").count() == 1


@pytest.mark.journey
def test_the_other_language_shows_the_same_view(page: Any, stub: Stub) -> None:
    go_near(page, stub)
    fragment = page.evaluate("location.hash")
    page.click("footer >> text=English")
    page.wait_for_selector("#daftar .pick")
    assert "/en/" in page.url
    assert page.evaluate("location.hash") == fragment
    assert re.search(r"\d+ reports? on the map", title(page))


# Search.


def test_search_suggests_as_one_types_and_goes_there_by_keyboard(page: Any, stub: Stub) -> None:
    open_map(page, stub)
    page.focus("#cari")
    page.keyboard.type("kelurahan 26")
    page.wait_for_selector("#saran li")
    field = page.locator("#cari")
    assert field.get_attribute("role") == "combobox"
    assert field.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == "saran-0"
    assert page.locator("#saran [aria-selected=true]").count() == 1
    page.keyboard.press("ArrowUp")
    last = page.locator("#saran li").count() - 1
    assert field.get_attribute("aria-activedescendant") == f"saran-{last}"
    page.keyboard.press("Escape")
    assert page.locator("#saran").is_hidden()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until(page, "location.hash.startsWith('#peta=')")
    assert float(view(page)["peta"].split("/")[0]) >= 14
    page.go_back()
    until(page, "location.hash === ''")


@pytest.mark.journey
def test_search_finds_landmarks_kecamatan_and_numbers(page: Any, stub: Stub) -> None:
    open_map(page, stub)
    page.fill("#cari", "halte")
    page.wait_for_selector("#saran >> text=Halte Contoh")
    page.click("#saran >> text=Halte Contoh")
    until(page, "location.hash.startsWith('#peta=17/-6.15')")
    page.fill("#cari", "kecamatan 3")
    page.click("#saran >> text=Kecamatan 3")
    until(page, "location.hash.includes('wilayah=31.')")
    page.fill("#cari", "7k3m 9qx2")
    assert page.locator("#saran li").first.text_content().startswith("7K3M-9QX2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/laporan/7K3M9QX2/")


@pytest.mark.journey
def test_what_search_does_not_know_goes_to_the_server(page: Any, stub: Stub) -> None:
    open_map(page, stub)
    page.fill("#cari", "tidak ada yang bernama begini")
    page.keyboard.press("Enter")
    page.wait_for_url("**/api/find?q=tidak+ada*")


# Where one is, and reporting from there.


@pytest.mark.journey
def test_near_me_goes_to_the_position_when_pressed(page: Any, stub: Stub) -> None:
    page.context.set_geolocation({"latitude": -6.15, "longitude": 106.9, "accuracy": 60})
    open_map(page, stub)
    page.click("text=Dekat saya")
    page.wait_for_selector("path.accuracy")
    until(page, "location.hash.startsWith('#peta=16/-6.15')")
    page.wait_for_selector("#daftar-judul")


@pytest.mark.journey
def test_outside_jakarta_near_me_says_so(page: Any, stub: Stub) -> None:
    page.context.set_geolocation({"latitude": -7.8, "longitude": 110.4, "accuracy": 60})
    open_map(page, stub)
    page.click("text=Dekat saya")
    until(page, "document.querySelector('.mapnote').textContent.includes('di luar Jakarta')")


@pytest.mark.journey
def test_a_position_that_is_not_shared_is_taken_kindly(page: Any, stub: Stub) -> None:
    page.context.clear_permissions()
    open_map(page, stub)
    page.click("text=Dekat saya")
    until(page, "document.querySelector('.mapnote').textContent.includes('tidak apa-apa')")
    assert page.locator("text=Dekat saya").is_enabled()


def test_a_report_starts_from_the_middle_of_the_map_or_from_the_spot_that_was_pressed(
    page: Any, stub: Stub
) -> None:
    open_map(page, stub)
    assert page.get_attribute(".start", "href") == "/lapor/"
    page.goto(stub.url + "/#peta=16/-6.15/106.9", wait_until="networkidle")
    page.reload(wait_until="networkidle")
    until(page, "document.querySelector('.start')?.textContent === 'Lapor di sini'")
    assert page.get_attribute(".start", "href") == "/lapor/#-6.15000,106.90000"
    assert page.get_attribute("header .button", "href") == "/lapor/#-6.15000,106.90000"
    box = page.locator(".mapbox").bounding_box()
    page.mouse.click(box["x"] + 200, box["y"] + 200, button="right")
    page.wait_for_selector(".mapcard >> text=Laporkan titik ini")
    href = page.get_attribute(".mapcard a", "href")
    assert re.fullmatch(r"/lapor/#-6\.1\d{4},106\.\d{5}", href)
    assert href != "/lapor/#-6.15000,106.90000"
    page.keyboard.press("Escape")
    assert page.locator(".mapcard").is_hidden()


# Without a connection.


def test_without_a_connection_the_map_says_so_and_comes_back(page: Any, stub: Stub) -> None:
    open_map(page, stub)
    page.route("**/data/aktif/**", lambda route: route.abort())
    page.mouse.click(*middle_of(page, busiest(page)))
    page.wait_for_selector("#daftar >> text=Coba lagi")
    assert "Sebagian laporan" in page.text_content(".mapnote")
    assert page.locator("#semua td a").count() == 267
    page.unroute("**/data/aktif/**")
    page.click("#daftar >> text=Coba lagi")
    page.wait_for_selector("#daftar .pick")


@pytest.mark.journey
def test_without_outlines_and_parts_the_page_stays_whole(page: Any, stub: Stub) -> None:
    open_map(page, stub)
    page.route("**/data/**", lambda route: route.abort())
    page.mouse.click(*middle_of(page, busiest(page)))
    until(page, "document.querySelector('.mapnote').textContent.includes('tidak bisa dimuat')")
    page.route("**/aset/filters*", lambda route: route.abort())
    page.click("#saring")
    until(page, "document.querySelector('.mapnote').textContent.includes('Bagian peta ini')")
    page.unroute("**/aset/filters*")
    page.unroute("**/data/**")
    page.evaluate("dispatchEvent(new Event('offline'))")
    assert "Tidak ada sambungan" in page.text_content(".mapnote")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("#daftar .pick")


# For everybody.


def list_near(page: Any) -> None:
    page.mouse.click(*middle_of(page, busiest(page)))
    page.wait_for_selector("#daftar .pick")


def card(page: Any) -> None:
    list_near(page)
    page.locator(".spot").first.evaluate("spot => spot.click()")
    page.wait_for_selector(".mapcard a")


def filters(page: Any) -> None:
    page.click("#saring")
    page.wait_for_selector("#saringan form")
    page.check("#saringan [name=photo]")
    page.wait_for_selector(".chips button")


def suggestions(page: Any) -> None:
    page.fill("#cari", "kelurahan 1")
    page.wait_for_selector("#saran li")
    page.keyboard.press("ArrowDown")


def pressed(page: Any) -> None:
    list_near(page)
    box = page.locator(".mapbox").bounding_box()
    page.mouse.click(box["x"] + 120, box["y"] + 200, button="right")
    page.wait_for_selector(".mapcard a")


def nothing(page: Any) -> None:
    filters(page)
    page.select_option("#saringan [name=category]", "lain")
    page.evaluate("location.hash = location.hash + '&peta=16/-6.071/106.8'")
    page.wait_for_selector("#daftar .empty")


STATES = (list_near, card, filters, suggestions, pressed, nothing)
WIDE = [
    pytest.param(
        state,
        scheme,
        size,
        marks=() if (scheme, size, state) == ("light", 360, filters) else pytest.mark.journey,
    )
    for state in STATES
    for scheme in ("light", "dark")
    for size in (360, 1280)
]


@pytest.mark.parametrize(("state", "scheme", "width"), WIDE)
def test_no_state_of_the_map_has_a_barrier_or_is_wider_than_the_screen(
    chromium: Any, stub: Stub, state: Callable[[Any], None], scheme: str, width: int
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True, locale="id-ID"
    )
    page = context.new_page()
    open_map(page, stub, size=None)
    state(page)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate(f"axe.run({RULES})")
    broad = page.evaluate("document.documentElement.scrollWidth")
    small = page.evaluate(
        """[...document.querySelectorAll(`.mapbar *, .start, .mapcard a, .mapcard button, .pager button, .chip,
        #saran li, #saringan button, #saringan select, #saringan label, #saring, #cari`)]
        .filter(e => e.offsetParent && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 90))"""
    )
    context.close()
    assert [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found["violations"]] == []
    assert broad <= width
    assert small == []


@pytest.mark.journey
def test_with_reduced_motion_nothing_slides(chromium: Any, stub: Stub) -> None:
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce")
    page = context.new_page()
    go_near(page, stub)
    assert page.locator(".leaflet-zoom-anim").count() == 0
    context.close()
