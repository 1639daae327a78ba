"""The form's three parts in a browser: the photo's own place, reports nearby, kinds, drafts, and what comes after."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.web import samples
from tests.web.form_site import (
    MONAS,
    WORDS,
    Site,
    begin,
    kept,
    open_form,
    own_pages,
    photo_file,
    served,
)
from tests.web.stubbed import AXE, GAMBIR, until
from tests.web.test_browser import accepted, parts
from web import data
from web.render import Renderer
from web.views import Counts, FormView, KelurahanView, Outside, ReportSummary

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop closes its pipes late.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def here(site: dict[str, bytes], renderer: Renderer) -> Iterator[Site]:
    with served({**site, **own_pages(renderer)}) as running:
        yield running


def report(report_id: str, north_m: float, category: str = "jalan", state: str = "waiting") -> ReportSummary:
    """A report so many metres north of the national monument."""
    return ReportSummary(
        report_id,
        category,
        state,
        f"Laporan {report_id}",
        MONAS["longitude"],
        MONAS["latitude"] + north_m / 111_195,
        samples.NOW - timedelta(days=3),
        samples.NOW,
        "/foto/x/x-kecil.jpg",
        False,
    )


def with_reports(site: Site, renderer: Renderer, *reports: ReportSummary) -> None:
    counts = Counts({"waiting": len(reports)})
    view = KelurahanView(GAMBIR["kode"], "Gambir", "Gambir", GAMBIR["kota"], counts, reports, ())
    site.files = {**site.files, f"data/aktif/{GAMBIR['kode']}.json": data.active(view).encode()}


# Photos.


def test_a_photo_tells_where_it_was_taken(page: Any, here: Site) -> None:
    kinds = {kind: photo_file(kind=kind) for kind in ("JPEG", "PNG", "WEBP")}
    exact = photo_file(**{"31": 12.5})
    found = taken_at(page, here, [*kinds.values(), exact, photo_file(place=False)])
    somewhere = {
        "latitude": pytest.approx(-6.1753333, abs=1e-6),
        "longitude": pytest.approx(106.827, abs=1e-6),
    }
    assert found[:3] == [{**somewhere, "accuracy": None}] * 3
    assert found[3] == {**somewhere, "accuracy": pytest.approx(12.5)}
    assert found[4] is None


def taken_at(page: Any, site: Site, photos: list[dict[str, Any]]) -> Any:
    """What the form's own reader finds in each file."""
    script = next(name for name in site.files if name.startswith("aset/exif-"))
    page.goto(site.url + "/luring/")
    return page.evaluate(
        """async ([script, files]) => {
          const { takenAt } = await import(script);
          const found = [];
          for (const data of files) {
            found.push(await takenAt(new Blob([Uint8Array.from(atob(data), c => c.charCodeAt(0))])));
          }
          return found;
        }""",
        [f"/{script}", [base64.b64encode(photo["buffer"]).decode() for photo in photos]],
    )


def test_photos_that_lie_about_their_place_are_read_without_harm(page: Any, here: Site) -> None:
    """Every beginning of a photo, and a photo with any byte changed, gives a place on Earth or none."""
    whole = photo_file()["buffer"]
    rng = random.Random(5)
    changed = [whole[: rng.randrange(400)] for _ in range(60)]
    for _ in range(200):
        at = rng.randrange(300)
        changed.append(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 : 2000])
    places = taken_at(page, here, [{"buffer": each} for each in changed])
    found = [place for place in places if place]
    assert found
    assert all(abs(each["latitude"]) <= 90 and abs(each["longitude"]) <= 180 for each in found)


def test_the_photos_place_is_offered_taken_as_the_pin_and_sent_only_there(page: Any, here: Site) -> None:
    here.answers.append(accepted())
    open_form(page, here, "")
    page.set_input_files("#gallery", photo_file())
    page.wait_for_selector("#photo-place:not([hidden])")
    assert page.input_value("#latitude") == ""
    page.click("[data-use-place]")
    until(page, "document.getElementById('found').textContent.includes('Gambir')")
    assert float(page.input_value("#latitude")) == pytest.approx(-6.175333, abs=1e-5)
    assert not page.is_visible("#photo-place")
    begin(page)
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    sent = parts(here.posts[0])
    assert b"Exif" not in sent["photo"][0]
    assert b"TellTalePhoneMaker" not in here.posts[0][1]


# What it is.


def test_kinds_are_found_by_the_words_people_use(page: Any, here: Site) -> None:
    open_form(page, here, "")
    shown = "[...document.querySelectorAll('.kind')].filter(k => !k.hidden).map(k => k.querySelector('input').value)"
    for words, code in (("trotoar", "jalan"), ("pothole", "jalan"), ("LAMPU jalan", "fasum")):
        page.fill("#sift", words)
        assert code in page.evaluate(shown)
        assert len(page.evaluate(shown)) < 5
        assert "ditemukan" in page.text_content("#sifted")
    page.fill("#sift", "xyzzy")
    assert page.evaluate(shown) == []
    assert "Tidak ada jenis" in page.text_content("#sifted")
    page.fill("#sift", "pothole")
    page.press("#sift", "Enter")
    assert page.evaluate("document.activeElement.value") == "jalan"
    assert here.posts == []
    page.fill("#sift", "")
    assert len(page.evaluate(shown)) == len(samples.sample_categories())


def test_112_is_named_where_somebody_may_be_in_danger(page: Any, here: Site) -> None:
    open_form(page, here, "")
    assert page.text_content("#danger") == ""
    page.check("input[value=kabel]", force=True)
    assert page.get_attribute("#danger a", "href") == "tel:112"
    page.check("input[value=jalan]", force=True)
    assert page.text_content("#danger") == ""


@pytest.mark.journey
def test_without_scripts_the_warning_follows_the_choice(chromium: Any, here: Site) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(here.url + "/lapor/")
    assert not page.is_visible("#danger")
    page.check("input[value=kabel]", force=True)
    assert page.is_visible("#danger a")
    assert not page.is_visible("#sift")
    context.close()


def test_outside_jakarta_the_form_says_where_to_turn(page: Any, here: Site, renderer: Renderer) -> None:
    told = dataclasses.replace(
        renderer, outside=Outside("Lapor ke kota itu <b>", "https://lapor.example/?a=1&b=2")
    )
    here.files = {**here.files, "lapor/index.html": told.report_form(FormView({}), "id").encode()}
    here.place = None
    page.goto(here.url + "/lapor/#-6.30000,107.10000")
    page.wait_for_selector("#outside:not([hidden])")
    assert page.text_content("#outside") == "Lapor ke kota itu <b>"
    assert page.get_attribute("#outside a", "href") == "https://lapor.example/?a=1&b=2"
    begin(page)
    page.click("#send")
    assert "di luar Jakarta" in page.text_content("#errors")
    assert here.posts == []


# Reports nearby.


def test_reports_nearby_are_shown_before_sending_nearest_first(
    page: Any, here: Site, renderer: Renderer
) -> None:
    near = [report("AAAA0001", 30), report("AAAA0002", 10), report("AAAA0003", 45), report("AAAA0004", 48)]
    others = [report("BBBB0001", 60), report("BBBB0002", 5, "pohon"), report("BBBB0003", 5, state="done")]
    with_reports(here, renderer, *near, *others)
    page_of = {
        "description": "Lubang <i>dalam</i>",
        "photos": [{"url": "/foto/x/x.jpg", "width": 4, "height": 3}],
    }
    here.files["laporan/AAAA0002.json"] = json.dumps(page_of).encode()
    here.answers.append(accepted())
    open_form(page, here)
    begin(page)
    page.wait_for_selector("#similar:not([hidden])")
    links = [link.get_attribute("href") for link in page.locator("#similar-list a").all()]
    assert links == ["/laporan/AAAA0002/", "/laporan/AAAA0001/", "/laporan/AAAA0003/"]
    first = page.locator(".alike").first
    assert "Lubang <i>dalam</i>" in first.text_content()
    assert "10 m" in first.text_content()
    assert first.locator("img").get_attribute("src") == "/foto/x/x.jpg"
    assert "3 laporan" in page.text_content("#similar-said")
    assert not [path for path in here.asked if path.startswith("/api/") and "/api/locate" not in path]
    page.click("#send")
    until(page, "document.activeElement.id === 'similar'")
    assert here.posts == []
    page.click("[data-differs]")
    page.wait_for_selector("#received .big-id")
    assert len(here.posts) == 1


def test_following_a_report_counts_once_and_is_kept(page: Any, here: Site, renderer: Renderer) -> None:
    with_reports(here, renderer, report("AAAA0001", 30))
    here.answers.append((200, {"supporters": 4, "counted": True}))
    open_form(page, here)
    begin(page)
    page.click(".alike button")
    page.wait_for_selector("#received a[data-status]")
    assert here.asked[-1] == "/api/reports/AAAA0001/support"
    assert "4 orang" in page.text_content("#received")
    assert page.get_attribute("#received a[data-status]", "href") == "/laporan/AAAA0001/"
    page.goto(here.url + "/saya/")
    page.wait_for_selector("#followed .card")
    assert "AAAA-0001" in page.text_content("#followed")
    assert kept(page, "drafts") == []


@pytest.mark.journey
def test_a_closed_report_says_why_it_cannot_be_followed(page: Any, here: Site, renderer: Renderer) -> None:
    with_reports(here, renderer, report("AAAA0001", 30))
    here.answers.append(
        (409, {"errors": [{"code": "support_closed", "field": "", "message": "Sudah selesai."}]})
    )
    open_form(page, here)
    begin(page)
    page.click(".alike button")
    page.wait_for_selector(".alike .error")
    assert page.text_content(".alike .error") == "Sudah selesai."
    assert page.is_enabled(".alike button")


@pytest.mark.journey
def test_a_kind_without_neighbourhood_asks_about_none(page: Any, here: Site, renderer: Renderer) -> None:
    with_reports(here, renderer, report("AAAA0001", 1, "lain"))
    here.answers.append(accepted())
    open_form(page, here)
    begin(page, "lain")
    page.click("#send")
    page.wait_for_selector("#received .big-id")


def test_without_its_map_the_form_still_takes_the_phones_position(page: Any, here: Site) -> None:
    here.answers.append(accepted())
    page.route("**/aset/pin-*.js", lambda route: route.abort())
    page.goto(here.url + "/lapor/")
    until(page, "document.getElementById('pinmap').hidden")
    page.click("#gps")
    until(page, "document.getElementById('found').textContent.includes('Gambir')")
    assert "150 m" in page.text_content("#found")
    begin(page)
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    sent = parts(here.posts[0])
    assert (sent["latitude"], sent["longitude"], sent["accuracy"]) == (
        [b"-6.175400"],
        [b"106.827200"],
        [b"150"],
    )


# Drafts.


def draft_has(page: Any, photos: int) -> None:
    """Wait until the words and so many photos are kept."""
    deadline = time.monotonic() + 15
    while not any(
        ["description", WORDS] in draft["fields"] and len(draft["photos"]) == photos
        for draft in kept(page, "drafts")
    ):
        assert time.monotonic() < deadline, "the draft was never kept"
        page.wait_for_timeout(100)


def test_what_was_begun_is_there_again_after_closing(page: Any, here: Site) -> None:
    open_form(page, here)
    begin(page)
    page.fill("#landmark", "Depan warung Bu Siti")
    page.check("input[name=private][value=true]", force=True)
    page.set_input_files("#gallery", photo_file())
    page.wait_for_selector("#previews img")
    draft_has(page, photos=1)
    again = page.context.new_page()
    page.close()
    again.goto(here.url + "/lapor/")
    again.wait_for_selector("#draft:not([hidden])")
    assert again.input_value("#description") == WORDS
    assert again.input_value("#landmark") == "Depan warung Bu Siti"
    assert again.is_checked("input[value=jalan]")
    assert again.is_checked("input[name=private][value=true]")
    assert again.locator("#previews img").count() == 1
    until(again, "document.getElementById('found').textContent.includes('Gambir')")
    assert float(again.input_value("#latitude")) == pytest.approx(-6.1754, abs=1e-4)
    again.click("#draft [data-forget]")
    until(
        again,
        "document.getElementById('description')?.value === '' && document.getElementById('draft').hidden",
    )
    assert kept(again, "drafts") == []


@pytest.mark.journey
def test_a_place_chosen_on_the_map_is_newer_than_the_drafts(page: Any, here: Site) -> None:
    open_form(page, here)
    begin(page)
    draft_has(page, photos=0)
    again = page.context.new_page()
    open_form(again, here, "#-6.20000,106.80000")
    again.wait_for_selector("#draft:not([hidden])")
    assert again.input_value("#description") == WORDS
    assert float(again.input_value("#latitude")) == pytest.approx(-6.2, abs=1e-4)


# After sending.


def test_after_sending_number_key_qr_code_and_what_happens_next(page: Any, here: Site) -> None:
    page.add_init_script("navigator.share = data => { window.shared = data; return Promise.resolve() }")
    page.context.grant_permissions(["clipboard-read", "clipboard-write", "geolocation"])
    here.answers.append(accepted())
    open_form(page, here)
    begin(page)
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    assert page.evaluate("document.activeElement.id") == "received"
    assert page.locator("#received .steps li").count() == 3
    page.click("[data-copy-key]")
    until(page, "document.querySelector('[data-copy-key]').textContent.includes('Tersalin')")
    assert page.evaluate("navigator.clipboard.readText()") == "rahasia-sekali"
    page.click("[data-share]")
    assert page.evaluate("window.shared.url") == here.url + "/laporan/7K3M9QX2/"
    page.click(".qr summary")
    page.wait_for_selector(".qr img")
    assert [asked["follow-key"] for asked in here.drawn] == ["rahasia-sekali"]
    assert not [path for path in here.asked if "rahasia" in path]
    assert "rahasia" not in page.url
    page.click("[data-again]")
    page.wait_for_selector("#laporan:not([hidden])")
    assert page.input_value("#description") == ""


def test_my_reports_lists_what_was_sent_and_forgets_when_told_twice(page: Any, here: Site) -> None:
    here.answers.append(accepted())
    open_form(page, here)
    begin(page)
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    here.files = {
        **here.files,
        "laporan/7K3M9QX2.json": json.dumps(
            {"state": {"code": "in_progress"}, "percent": 50, "category": {"code": "jalan"}}
        ).encode(),
    }
    page.goto(here.url + "/saya/")
    until(page, "document.querySelector('#sent .card-state')?.innerText.includes('Proses 50%')")
    card = page.locator("#sent .card")
    assert "7K3M-9QX2" in card.text_content()
    assert card.locator("form").get_attribute("action") == "/api/reports/7K3M9QX2/key"
    assert card.locator("input[name=follow_key]").get_attribute("value") == "rahasia-sekali"
    with page.expect_download() as saving:
        page.click("#export")
    copy = json.loads(Path(saving.value.path()).read_text())
    assert [(each["id"], each["key"]) for each in copy["reports"]] == [("7K3M9QX2", "rahasia-sekali")]
    page.click("#forget-all")
    assert page.locator("#sent .card").count() == 1
    page.click("#forget-all")
    page.wait_for_selector("#nothing:not([hidden])")
    assert kept(page, "reports") == []


@pytest.mark.journey
def test_another_phones_qr_code_or_copy_brings_its_reports_and_nothing_else(
    page: Any, here: Site, tmp_path: Path
) -> None:
    page.goto(here.url + "/saya/#7K3M9QX2.ABCD-EFGH-JKMN-PQRS")
    page.wait_for_selector("#sent .card")
    assert page.url == here.url + "/saya/"
    assert [(each["id"], each["key"]) for each in kept(page, "reports")] == [
        ("7K3M9QX2", "ABCD-EFGH-JKMN-PQRS")
    ]
    page.goto("about:blank")
    page.goto(here.url + "/saya/#7K3M9QX2.ZZZZ-ZZZZ-ZZZZ-ZZZZ")
    page.wait_for_selector("#sent .card")
    assert [each["key"] for each in kept(page, "reports")] == ["ABCD-EFGH-JKMN-PQRS"]
    page.goto("about:blank")
    page.goto(here.url + "/saya/#<img>.x")
    page.wait_for_selector("#sent .card")
    copy = tmp_path / "salinan.json"
    good = {
        "id": "0000AAAA",
        "key": "ABCDEFGHJKMNPQRS",
        "words": "<b>hai</b>",
        "category": "jalan",
        "sent": 1,
    }
    other = {"id": "7K3M9QX2", "key": "ZZZZZZZZZZZZZZZZ"}
    bad = [other, {"id": "../x", "key": "ABCDEFGHJKMNPQRS"}, {"id": "0000BBBB", "key": "'\"><script>"}]
    copy.write_text(json.dumps({"cctv_warga": 1, "reports": [good, *bad]}))
    page.set_input_files("#import", str(copy))
    until(page, "document.querySelectorAll('#sent .card').length === 2")
    assert "<b>hai</b>" in page.text_content("#sent")
    assert {each["key"] for each in kept(page, "reports")} == {"ABCD-EFGH-JKMN-PQRS", "ABCDEFGHJKMNPQRS"}
    copy.write_text("[]")
    page.set_input_files("#import", str(copy))
    until(page, "document.getElementById('said').textContent.includes('bukan salinan')")


@pytest.mark.journey
@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize("path", ["/saya/#7K3M9QX2.ABCD-EFGH-JKMN-PQRS", "/luring/", "/en/saya/", "/lapor/"])
def test_no_page_of_the_phones_own_is_wider_than_its_screen(
    page: Any, here: Site, path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(here.url + path, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def axe(page: Any) -> list[Any]:
    page.add_script_tag(path=str(AXE))
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found["violations"]]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("root", "scheme"),
    [
        ("", "light"),
        ("", "dark"),
        ("/en", "light"),
        ("/en", "dark"),
    ],
)
def test_axe_finds_nothing_in_any_state_of_the_form(
    chromium: Any, here: Site, renderer: Renderer, root: str, scheme: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    with_reports(here, renderer, report("AAAA0001", 30))
    context = chromium.new_context(
        viewport={"width": 360, "height": 800}, color_scheme=scheme, bypass_csp=True, service_workers="block"
    )
    page = context.new_page()
    open_form(page, here, root=root)
    page.set_input_files("#gallery", photo_file())
    page.wait_for_selector("#photo-place:not([hidden])")
    page.click("#send")
    found = {"errors": axe(page)}
    begin(page, "kabel")
    begin(page)
    page.wait_for_selector("#similar:not([hidden])")
    found["similar"] = axe(page)
    here.down = True
    page.click("[data-differs]")
    page.click("#send")
    page.wait_for_selector("#received [data-now]")
    found["queued"] = axe(page)
    here.down = False
    page.goto(f"{here.url}{root}/luring/")
    found["offline"] = axe(page)
    here.answers.append(
        (400, {"errors": [{"code": "x", "field": "description", "message": "Nomor telepon?"}]})
    )
    page.goto(f"{here.url}{root}/saya/#7K3M9QX2.ABCD-EFGH-JKMN-PQRS")
    page.wait_for_selector("#queued .card")
    page.locator("#queued .card button").first.click()
    page.wait_for_selector("#queued .card.wrong")
    page.locator("#sent .card .acts button[aria-expanded]").click()
    page.wait_for_selector(".qr img")
    found["mine"] = axe(page)
    here.answers.append(accepted())
    page.goto("about:blank")
    open_form(page, here, root=root)
    begin(page, "lain")
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    page.click(".qr summary")
    page.wait_for_selector(".qr img")
    found["received"] = axe(page)
    context.close()
    assert {state: told for state, told in found.items() if told} == {}
