"""The site's scripts in a real browser, against a stub of the API: map, form, and what readers of screens get.

The whole product in a browser is tested in tests/e2e; here only the front end answers.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.web.stubbed import AXE, BESIDE, GAMBIR, Stub, until, wait_for_map

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop closes its pipes late.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.journey)])
@pytest.mark.parametrize(
    "path",
    ["/", "/lapor/", "/laporan/", "/laporan/7K3M9QX2/", "/kelurahan/31.71.01.1001/", "/404.html", "/en/"],
)
def test_axe_finds_nothing_to_mend(chromium: Any, stub: Stub, path: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    # The tool is injected, which the site's own policy rightly forbids.
    context = chromium.new_context(
        viewport={"width": 360, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(stub.url + path, wait_until="networkidle")
    if path in ("/", "/en/"):
        wait_for_map(page)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.add_script_tag(path=str(AXE))
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    context.close()
    told = [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found["violations"]]
    assert told == []


@pytest.mark.journey
@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize(
    "path", ["/", "/lapor/", "/laporan/7K3M9QX2/", "/kelurahan/31.71.01.1001/", "/404.html"]
)
def test_no_page_is_wider_than_its_screen(chromium: Any, stub: Stub, path: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(stub.url + path, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def fill(page: Any) -> None:
    page.check("input[value=jalan]", force=True)
    page.fill("#description", "Lubang besar di depan halte, sudah dua motor jatuh.")


def accepted() -> tuple[int, dict[str, Any]]:
    return 201, {
        "id": "7K3M9QX2",
        "follow_key": "rahasia-sekali",
        "place": GAMBIR,
        "status_url": "/laporan/7K3M9QX2/",
    }


def parts(posted: tuple[dict[str, str], bytes]) -> dict[str, list[bytes]]:
    headers, body = posted
    boundary = headers["content-type"].split("boundary=")[1].encode()
    found: dict[str, list[bytes]] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb' name="([^"]+)"', head)
        assert name
        found.setdefault(name[1].decode(), []).append(content.removesuffix(b"\r\n"))
    return found


def test_a_report_is_sent_with_pin_accuracy_and_a_photo_made_small(
    page: Any, stub: Stub, tmp_path: Path
) -> None:
    photo = tmp_path / "besar.jpg"
    noise = Image.effect_noise((3000, 2000), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "TellTalePhoneMaker"
    noise.save(photo, quality=95, exif=exif)
    stub.answers.append(accepted())
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    page.click("#gps")
    until(page, "document.getElementById('found').textContent.includes('Gambir')")
    assert "150 m" in page.text_content("#found")
    assert page.locator("path.accuracy").count() == 1
    page.set_input_files("#gallery", str(photo))
    page.wait_for_selector("#previews img")
    fill(page)
    page.click("#send")
    page.wait_for_selector("#received:not([hidden])")
    assert page.text_content(".big-id") == "7K3M-9QX2"
    assert "rahasia-sekali" in page.text_content("#received")
    assert page.get_attribute("#received a.button", "href") == "/laporan/7K3M9QX2/"
    sent = parts(stub.posts[0])
    assert sent["category"] == [b"jalan"]
    assert float(sent["latitude"][0]) == pytest.approx(-6.1754, abs=1e-5)
    assert float(sent["longitude"][0]) == pytest.approx(106.8272, abs=1e-5)
    assert sent["accuracy"] == [b"150"]
    assert sent["private"] == [b"false"]
    assert sent["language"] == [b"id"]
    assert "form" not in sent
    assert len(stub.posts[0][0]["idempotency-key"]) >= 8
    assert len(sent["photo"]) == 1
    small = Image.open(io.BytesIO(sent["photo"][0]))
    assert small.format == "JPEG"
    assert max(small.size) <= 1600
    assert small.width * 2 == pytest.approx(small.height * 3, rel=0.01)
    assert len(sent["photo"][0]) < photo.stat().st_size / 4
    assert b"TellTalePhoneMaker" not in sent["photo"][0]


def test_at_most_three_photos_and_each_can_be_taken_back(page: Any, stub: Stub, tmp_path: Path) -> None:
    files = []
    for n in range(5):
        files.append(str(tmp_path / f"{n}.png"))
        Image.new("RGB", (40, 30), (n * 40, 0, 0)).save(files[-1])
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.set_input_files("#gallery", files)
    until(page, "document.querySelectorAll('#previews img').length === 3")
    until(page, "document.getElementById('photo-said').textContent.includes('3 foto')")
    assert page.is_disabled("#camera")
    page.click("#previews button >> nth=0")
    assert page.locator("#previews img").count() == 2
    assert page.is_enabled("#camera")
    broken = tmp_path / "bukan.jpg"
    broken.write_bytes(b"not a photo")
    page.set_input_files("#camera", str(broken))
    until(page, "document.getElementById('photo-said').textContent.includes('tidak terbaca')")


def test_what_is_missing_is_told_in_a_summary_that_leads_to_it(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    page.click("#send")
    assert page.evaluate("document.activeElement.id") == "errors"
    assert "Ada 3 hal" in page.text_content("#errors h2")
    links = [a.get_attribute("href") for a in page.locator("#errors a").all()]
    assert links == ["#place", "#category", "#description"]
    assert page.get_attribute("#description", "aria-invalid") == "true"
    assert "e-description" in page.get_attribute("#description", "aria-describedby").split()
    assert stub.posts == []


def test_the_servers_own_words_are_shown_at_the_field(page: Any, stub: Stub) -> None:
    message = "Tempat ini <b>di luar</b> Jakarta."
    stub.answers.append((400, {"errors": [{"code": "outside", "field": "latitude", "message": message}]}))
    page.goto(stub.url + "/lapor/#17/-6.17540/106.82720", wait_until="networkidle")
    until(page, "document.getElementById('latitude').value !== ''")
    fill(page)
    page.click("#send")
    page.wait_for_selector("#errors:not([hidden])")
    assert page.text_content("#errors li") == message
    assert page.get_attribute("#errors a", "href") == "#place"


def test_a_second_try_after_a_lost_connection_carries_the_same_key(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/lapor/#-6.17540,106.82720", wait_until="networkidle")
    until(page, "document.getElementById('latitude').value !== ''")
    fill(page)
    stub.answers += [(503, {"errors": []}), accepted()]
    page.click("#send")
    page.wait_for_selector("#received:not([hidden])")
    # Background Sync may have been quicker.
    page.evaluate("document.querySelector('[data-now]')?.click()")
    page.wait_for_selector("#received .big-id")
    keys = [headers["idempotency-key"] for headers, _body in stub.posts]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_a_kelurahan_and_a_landmark_do_for_those_without_a_position(page: Any, stub: Stub) -> None:
    stub.answers.append(accepted())
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    kode = page.locator("#kelurahan option").nth(5).get_attribute("value")
    page.select_option("#kelurahan", kode)
    fill(page)
    page.click("#send")
    assert page.get_attribute("#errors a", "href") == "#landmark"
    page.fill("#landmark", "Depan pasar")
    page.click("#send")
    page.wait_for_selector("#received:not([hidden])")
    sent = parts(stub.posts[0])
    assert sent["kelurahan"] == [kode.encode()]
    assert sent["latitude"] == sent["longitude"] == [b""]


def test_near_a_border_the_reporter_says_which_side_it_is(page: Any, stub: Stub) -> None:
    stub.place = {**GAMBIR, "method": "inside", "probability": 0.6, "runner_up": BESIDE}
    page.goto(stub.url + "/lapor/#17/-6.17540/106.82720", wait_until="networkidle")
    page.wait_for_selector(".offer input")
    assert page.locator(".offer label").all_text_contents() == ["Gambir", "Kebon Kelapa"]


def test_outside_jakarta_the_form_says_so(page: Any, stub: Stub) -> None:
    stub.place = None
    page.goto(stub.url + "/lapor/#17/-6.30000/107.10000", wait_until="networkidle")
    until(page, "document.getElementById('found').textContent.includes('di luar Jakarta')")


def test_the_form_asks_for_the_position_only_when_told_to(page: Any, stub: Stub) -> None:
    page.add_init_script(
        "navigator.geolocation.getCurrentPosition = (_ok, no) => {"
        " window.asked = 1; no({code: 1, PERMISSION_DENIED: 1}) }"
    )
    page.goto(stub.url + "/lapor/", wait_until="networkidle")
    page.wait_for_selector("#pinmap .crosshair")
    assert page.evaluate("window.asked") is None
    page.click("#gps")
    until(page, "document.getElementById('found').textContent.includes('tidak dibagikan')")


def test_times_become_relative_and_keep_the_exact_one(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/kelurahan/31.71.01.1001/", wait_until="networkidle")
    shown = page.locator("time.ago").first
    assert re.search(r"lalu|kemarin|depan|besok|sekarang|ini", shown.text_content())
    assert re.fullmatch(r"\d+ \w+ \d{4}", shown.get_attribute("title"))


def test_a_number_is_found_however_it_is_written(page: Any, stub: Stub) -> None:
    page.goto(stub.url + "/laporan/", wait_until="networkidle")
    page.fill("#find-id", " 7k3m-9qx2 ")
    page.click("form.find button")
    page.wait_for_url("**/laporan/7K3M9QX2/")


def test_a_report_just_sent_is_waited_for(page: Any, stub: Stub) -> None:
    stub.files = dict(stub.files)
    later = stub.files["laporan/7K3M9QX2/index.html"]
    page.goto(stub.url + "/laporan/0000AAAA/")
    until(page, "document.querySelector('[data-waiting]').textContent.includes('dicari')")
    stub.files["laporan/0000AAAA/index.html"] = later
    page.wait_for_selector(".timeline")


def test_without_scripts_everything_is_there(chromium: Any, stub: Stub) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(stub.url + "/")
    assert page.locator("svg.mainland path").count() == 264
    assert page.locator("#semua td a").count() == 267
    page.goto(stub.url + "/lapor/")
    assert page.is_visible("#camera")
    assert page.is_visible("#kelurahan")
    assert not page.is_visible("#gps")
    page.click("summary >> nth=0")
    assert page.is_visible("#latitude")
    context.close()
