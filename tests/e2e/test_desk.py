"""The officers' desk in a real browser: two offices close a report, and nothing is lost or done twice on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import geo
from tests.running import ask

from .conftest import AXE, DESKTOP, GAMBIR, PHONE, REFUSALS, Town, Visit, middle

HOME = "contoh-petugas-gambir"
NEXT_DOOR = "contoh-petugas-cideng"
AGENCY = "contoh-dinas-jalan"
AUDITOR = "contoh-auditor"
COORDINATOR = "contoh-koordinator-gambir"
PUBLIC_WITHIN_S = 5


def sent(town: Town, words: str = "Lubang besar di lajur kiri.", **more: Any) -> str:
    """A new report in Gambir; its id."""
    value = {"category": "jalan", "description": words, **middle(), **more}
    got = ask(
        f"{town.url}/api/reports",
        method="POST",
        body=json.dumps(value).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert got.status == 201, got.text
    return str(got.json["id"])


def at_desk(visit: Callable[..., Visit], officer: str, path: str = "/petugas/", **more: Any) -> Page:
    """A browser in which an example officer signed in."""
    page = visit(**more).open(path)
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={officer}]").click()
    expect(page.locator("[data-board]")).to_be_visible()
    expect(page.locator("[data-rows]")).not_to_have_attribute("aria-busy", "true")
    return page


def opened(page: Page, report: str) -> None:
    page.locator(f'[data-rows] a[data-id="{report}"]').click()
    expect(page.locator(".detail h2")).to_be_visible()


def deed(page: Page, name: str, **fields: str) -> None:
    """Do a deed to the open report by its form, and wait until it is saved."""
    button = page.locator(f'[data-deed="{name}"]')
    if not button.is_visible():
        page.locator(".deeds summary").click()
    button.click()
    form = page.locator("form.deed")
    for field, value in fields.items():
        target = form.locator(f'[name="{field}"]')
        if target.evaluate("e => e.tagName") == "SELECT":
            target.select_option(value)
        else:
            target.fill(value)
    form.locator("[type=submit]").click()
    expect(page.locator(".said")).to_be_visible()
    expect(form).to_have_count(0)


def state(town: Town, report: str) -> str:
    return str(ask(f"{town.url}/api/reports/{report}").json["state"]["code"])


def on_public_page(town: Town, report: str, text: str) -> None:
    """The product's promise: a step that was saved stands on the public page within five seconds."""
    until = time.monotonic() + PUBLIC_WITHIN_S
    while text not in ask(f"{town.url}/laporan/{report}/").text:
        assert time.monotonic() < until, f"{text!r} is not on the public page after {PUBLIC_WITHIN_S} s"
        time.sleep(0.05)


def test_two_offices_take_a_report_from_waiting_to_done_and_the_public_reads_each_step(
    visit: Callable[..., Visit], town: Town, snapshot_with_gps: dict[str, Any]
):
    report = sent(town)
    home = at_desk(visit, HOME)
    opened(home, report)
    deed(home, "take")
    on_public_page(town, report, "Koordinasi")
    deed(home, "hand_over", office="contoh-jalan", text="Jalan kolektor, milik dinas.")
    on_public_page(town, report, "Dinas jalan (contoh)")
    assert home.locator('[data-deed="progress"]').count() == 0

    roads = at_desk(visit, AGENCY, size=PHONE)
    opened(roads, report)
    deed(roads, "disposition", text="Regu tambal jalan.")
    on_public_page(town, report, "Disposisi")
    deed(roads, "progress", percent="50", planned="2030-12-01", text="Sedang ditambal.")
    on_public_page(town, report, "50%")
    on_public_page(town, report, "1 Desember 2030")
    roads.locator('[data-deed="done"]').click()
    roads.locator('[name="text"]').fill("Sudah rata.")
    roads.locator('[name="photo"]').set_input_files(files=[snapshot_with_gps])
    roads.locator("form.deed [type=submit]").click()
    expect(roads.locator(".said")).to_be_visible()
    on_public_page(town, report, "Sudah rata.")
    history = ask(f"{town.url}/laporan/{report}.json").json["history"]
    photo = history[-1]["photos"][0]["sha256"]
    on_public_page(town, report, photo[:24])
    assert ask(f"{town.url}/foto/{report}/{photo[:24]}.jpg").status == 200
    assert "Contoh Petugas" not in ask(f"{town.url}/laporan/{report}.json").text


def test_an_officer_of_another_kelurahan_sees_and_changes_nothing(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    opening = visit()
    opening.forgive(REFUSALS)
    page = opening.open("/petugas/")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={NEXT_DOOR}]").click()
    expect(page.locator("[data-board]")).to_be_visible()
    assert page.locator(f'[data-id="{report}"]').count() == 0
    page.evaluate(f"location.hash = '#/laporan/{report}'")
    expect(page.locator(".detail [role=alert]")).to_contain_text("Tidak ada laporan")
    assert page.locator("[data-deed]").count() == 0
    # Nor does the API let them, whatever a page would offer: it is as if the report were not there.
    refused = page.evaluate(
        """async (id) => {
            const token = JSON.parse(sessionStorage["desk-session"]).access;
            const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
            const deeds = ["take", "move", "hand_over", "send_back", "ask", "note", "place", "correct", "assign"];
            return Promise.all(deeds.map(async (action) => {
                const more = { seen: 1, to: "done", text: "Tidak boleh.", office: "contoh-jalan" };
                const body = JSON.stringify({ action, ...more });
                return (await fetch(`/api/staff/reports/${id}/actions`, { method: "POST", headers, body })).status;
            }));
        }""",
        report,
    )
    assert refused == [404] * 9
    assert (state(town, report), len(ask(f"{town.url}/api/reports/{report}").json["history"])) == (
        "waiting",
        1,
    )


def test_an_auditor_reads_and_has_no_button_to_press(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    page = at_desk(visit, AUDITOR)
    opened(page, report)
    expect(page.locator(".detail")).to_contain_text("hanya mengizinkan membaca")
    assert page.locator("[data-deed]").count() == 0


@pytest.mark.journey
def test_a_new_report_appears_without_reloading(visit: Callable[..., Visit], town: Town):
    page = at_desk(visit, HOME)
    report = sent(town, "Laporan yang baru saja masuk.")
    expect(page.locator(f'[data-rows] a[data-id="{report}"]')).to_be_visible()
    expect(page.locator("[data-count]")).to_contain_text("laporan baru")


def test_the_second_officer_sees_what_changed_and_keeps_their_words(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    first, second = visit(), visit()
    second.forgive(REFUSALS)
    pages = []
    for each in (first, second):
        page = each.open("/petugas/")
        page.locator("[data-sign-in]").click()
        page.locator(f"button[value={HOME}]").click()
        opened(page, report)
        pages.append(page)
    one, two = pages
    two.locator('[data-deed="done"]').click()
    two.locator('[name="text"]').fill("Sudah selesai kemarin.")
    deed(one, "progress", percent="10", text="Baru mulai.")
    two.locator("form.deed [type=submit]").click()
    news = two.locator(".news")
    expect(news).to_contain_text("Baru mulai.")
    expect(two.locator('form.deed [name="text"]')).to_have_value("Sudah selesai kemarin.")
    assert state(town, report) == "in_progress"
    two.locator("form.deed [type=submit]").click()
    expect(two.locator(".said")).to_be_visible()
    assert state(town, report) == "done"


def test_a_double_click_does_nothing_twice(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    page = at_desk(visit, HOME)
    opened(page, report)
    page.locator('[data-deed="progress"]').click()
    page.locator('[name="percent"]').fill("30")
    page.locator("form.deed [type=submit]").dblclick()
    expect(page.locator(".said")).to_be_visible()
    assert len(ask(f"{town.url}/api/reports/{report}").json["history"]) == 2


def test_a_lost_connection_loses_no_words(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    opening = visit()
    opening.forgive("Failed to load resource", "console: Failed to load")
    page = opening.open("/petugas/")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={HOME}]").click()
    opened(page, report)
    page.locator('[data-deed="progress"]').click()
    page.locator('[name="text"]').fill("Ditulis di lapangan.")
    opening.context.set_offline(True)
    page.locator("form.deed [type=submit]").click()
    expect(page.locator("form.deed [data-error]")).to_contain_text("Tidak ada sambungan")
    expect(page.locator('form.deed [name="text"]')).to_have_value("Ditulis di lapangan.")
    opening.context.set_offline(False)
    page.locator("form.deed [type=submit]").click()
    expect(page.locator(".said")).to_be_visible()
    assert len(ask(f"{town.url}/api/reports/{report}").json["history"]) == 2


def test_an_expired_session_renews_itself_and_an_ended_one_keeps_the_words(
    visit: Callable[..., Visit], town: Town
):
    report = sent(town)
    opening = visit()
    opening.forgive(REFUSALS)
    page = opening.open("/petugas/")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={HOME}]").click()
    opened(page, report)
    spoil = """changes => {
        const kept = JSON.parse(sessionStorage["desk-session"]);
        sessionStorage["desk-session"] = JSON.stringify({ ...kept, ...changes });
    }"""
    page.evaluate(spoil, {"access": "expired.expired.expired"})
    deed(page, "progress", percent="20")
    page.locator('[data-deed="progress"]').click()
    page.locator('[name="text"]').fill("Belum terkirim.")
    page.evaluate(spoil, {"access": "expired.expired.expired", "refresh": "spent"})
    page.locator("form.deed [type=submit]").click()
    expect(page.locator("[data-banner]")).to_contain_text("Sesi Anda")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={HOME}]").click()
    expect(page.locator('form.deed [name="text"]')).to_have_value("Belum terkirim.")


def test_back_closes_the_report_and_forward_opens_it(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    page = at_desk(visit, HOME, size=PHONE)
    opened(page, report)
    page.go_back()
    expect(page.locator(".detail")).to_be_hidden()
    expect(page.locator(f'[data-id="{report}"]')).to_be_focused()
    page.go_forward()
    expect(page.locator(".detail h2")).to_be_visible()


def test_the_keyboard_does_it_all(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    page = at_desk(visit, HOME)
    page.locator("[data-rows]").focus()
    page.keyboard.press("j")
    expect(page.locator(f'[data-id="{report}"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".detail h2")).to_be_focused()
    page.keyboard.press("p")
    expect(page.locator("#f-percent")).to_be_focused()
    page.keyboard.type("35")
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator("#f-note")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("form.deed")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".detail")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#kata")).to_be_focused()
    page.keyboard.type("tidak ada yang begini")
    expect(page.locator("[data-rows] .none")).to_contain_text("Tidak ada laporan yang cocok")


def test_an_area_drawn_on_the_map_limits_the_list(visit: Callable[..., Visit], town: Town):
    inside = sent(town)
    page = at_desk(visit, COORDINATOR)
    expect(page.locator("path.point").first).to_be_visible()
    page.locator(".filters summary").click()
    page.locator("[data-draw]").click()
    box = page.locator("[data-map]").bounding_box()
    assert box is not None
    corners = [(0.02, 0.1), (0.06, 0.1), (0.04, 0.16)]
    for x, y in corners:
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.locator("[data-map-done]").click()
    expect(page.locator("[data-area-now]")).to_be_visible()
    expect(page.locator(f'[data-id="{inside}"]')).to_have_count(0)
    page.locator("[data-area-clear]").click()
    expect(page.locator(f'[data-id="{inside}"]')).to_be_visible()


def test_a_geojson_file_limits_the_list_and_another_file_is_refused_in_words(
    visit: Callable[..., Visit], town: Town
):
    inside = sent(town)
    opening = visit()
    opening.forgive(REFUSALS)
    page = opening.open("/petugas/")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={HOME}]").click()
    page.locator(".filters summary").click()
    at = geo.default_locator().by_kode[GAMBIR]
    west, south, step = at.longitude - 0.001, at.latitude - 0.001, 0.002
    ring = [
        [west, south],
        [west + step, south],
        [west + step, south + step],
        [west, south + step],
        [west, south],
    ]
    area = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}

    def choose(text: str) -> None:
        file = {"name": "rw.geojson", "mimeType": "application/json", "buffer": text.encode()}
        page.locator("[data-geojson]").set_input_files(files=[file])

    choose(json.dumps(area))
    expect(page.locator("[data-area-now]")).to_be_visible()
    expect(page.locator(f'[data-id="{inside}"]')).to_be_visible()
    choose("bukan")
    expect(page.locator("[data-banner]")).to_contain_text("bukan berkas GeoJSON")
    choose('{"type": "Point", "coordinates": [1, 2]}')
    expect(page.locator("[data-queue-error]")).to_be_visible()


def test_a_contact_is_shown_when_allowed_and_the_public_reads_that_the_office_looked(
    visit: Callable[..., Visit], town: Town
):
    report = sent(town, contact_email="ani@contoh.id", contact_shared=True)
    page = at_desk(visit, HOME)
    opened(page, report)
    page.locator(".contact button").click()
    expect(page.locator(".contact")).to_contain_text("ani@contoh.id")
    history = ask(f"{town.url}/api/reports/{report}").json["history"]
    assert [event["kind"] for event in history] == ["received", "contact_viewed"]


def test_signing_out_leaves_nothing_behind(visit: Callable[..., Visit], town: Town):
    page = at_desk(visit, HOME)
    page.locator("[data-sign-out]").click()
    expect(page.locator("[data-sign-in]")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    page.go_back()
    expect(page.locator("[data-board]")).to_be_hidden()


@lru_cache(maxsize=1)
def axe() -> str:
    return AXE.read_text("utf-8")


def violations(page: Page) -> list[str]:
    page.evaluate(axe())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes'][:4]]}" for v in found["violations"]]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("path", "size", "colours"),
    [
        ("/petugas/", PHONE, "light"),
        ("/petugas/", DESKTOP, "dark"),
        ("/en/petugas/", PHONE, "dark"),
        ("/en/petugas/", DESKTOP, "light"),
    ],
    ids=["id phone light", "id PC dark", "en phone dark", "en PC light"],
)
def test_the_desk_has_no_barrier_and_fits_the_screen(
    visit: Callable[..., Visit], town: Town, size: dict[str, int], colours: str, path: str
):
    report = sent(
        town,
        "Saluran di depan gerbang meluap ke jalan setiap kali hujan lebih dari satu jam, sudah lama. " * 3,
    )
    page = visit(size=size, colours=colours).open(path)
    expect(page.locator("[data-sign-in]")).to_be_visible()
    assert violations(page) == []
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={HOME}]").wait_for()
    assert violations(page) == []
    page.locator(f"button[value={HOME}]").click()
    expect(page.locator(f'[data-id="{report}"]')).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long report widens no page"
    page.locator(".filters summary").click()
    assert violations(page) == []
    opened(page, report)
    page.locator('[data-deed="hand_over"]').click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
