"""Takes the pictures of the officers' manual from the running product with its example reports: `make pictures`.

One picture per task, in Indonesian, on a phone or a PC, written as small WebP files. Judges
nothing: test_manual.py holds the manual against the files.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import running

FOLDER = running.ROOT / "infra" / "docs" / "pictures"
WIDTH = {"phone": 360, "pc": 1100}
HEIGHT = {"phone": 720, "pc": 700}
QUALITY = 62
HOME, COORDINATOR, ADMIN = "contoh-petugas-gambir", "contoh-koordinator-gambir", "contoh-admin"


@dataclass(frozen=True)
class Task:
    """A task of the manual: who does it, on what, and how to come to where the picture is taken."""

    name: str
    officer: str
    screen: str
    come: Callable[[Page, str], None]


def nothing(_page: Page, _report: str) -> None:
    """The queue as it is."""


def opened(page: Page, report: str) -> None:
    """A report that is open."""
    page.evaluate(f"location.hash = '#/laporan/{report}'")
    expect(page.locator(".detail h2")).to_be_visible()


def deed(name: str, **fields: str) -> Callable[[Page, str], None]:
    """The form of a deed, filled in."""

    def come(page: Page, report: str) -> None:
        opened(page, report)
        button = page.locator(f'[data-deed="{name}"]')
        if not button.is_visible():
            page.locator(".deeds summary").click()
        button.click()
        for field, value in fields.items():
            target = page.locator(f'form.deed [name="{field}"]')
            if target.evaluate("e => e.tagName") == "SELECT":
                target.select_option(value)
            else:
                target.fill(value)
        page.wait_for_timeout(400)
        page.locator("form.deed").scroll_into_view_if_needed()

    return come


def with_template(page: Page, report: str) -> None:
    """A template, seen before it is used."""
    deed("done")(page, report)
    page.locator(".phrases select").select_option("contoh-selesai")
    page.locator(".phrases").scroll_into_view_if_needed()


def filters(page: Page, _report: str) -> None:
    """Filters, with a view that was saved."""
    page.locator(".filters summary").click()
    page.locator("[data-boundary]").select_option("31.71.01.1001")
    page.locator("#kategori").select_option("jalan")
    page.locator("[data-save-view] summary").click()
    page.locator("#nama-tampilan").fill("Jalan di Gambir")


def drawn(page: Page, _report: str) -> None:
    """An area that was drawn on the map."""
    page.locator(".filters summary").click()
    page.locator("[data-draw]").click()
    page.wait_for_timeout(600)
    box = page.locator("[data-map]").bounding_box()
    assert box
    for x, y in ((0.4, 0.3), (0.85, 0.25), (0.95, 0.75), (0.5, 0.85)):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.locator("[data-map-done]").click()
    expect(page.locator("[data-area-now]")).to_be_visible()


def pin(page: Page, report: str) -> None:
    """The pin being set anew."""
    deed("place")(page, report)
    page.locator(".spot button").click()
    box = page.locator("[data-map]").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.45)


def contact(page: Page, report: str) -> None:
    """The contact that the reporter allowed to be seen."""
    opened(page, report)
    page.locator(".contact").scroll_into_view_if_needed()


def shortcuts(page: Page, _report: str) -> None:
    """The sheet of shortcuts."""
    page.keyboard.press("?")


def managing(part: str, add: str = "") -> Callable[[Page, str], None]:
    """A part of the admins' pages, with the form of a new entry."""

    def come(page: Page, _report: str) -> None:
        page.evaluate(f"location.hash = '#/kelola/{part}'")
        expect(page.locator(".part h2")).to_be_visible()
        if add:
            page.get_by_role("button", name=add).click()

    return come


def trial(page: Page, report: str) -> None:
    """A rule that was tried on past reports."""
    managing("aturan", "Aturan baru")(page, report)
    form = page.locator("form.deed")
    form.get_by_label("Kode").fill("jalan-rusak")
    form.get_by_label("Nama aturan").fill("Jalan rusak ke dinas jalan")
    form.get_by_label("Ke dinas mana").select_option("contoh-jalan")
    form.locator("input[value=jalan]").check()
    form.locator("[data-try]").click()
    expect(page.locator("[data-live]")).to_be_visible()
    page.locator("[data-try]").evaluate("e => e.scrollIntoView({ block: 'start' })")


TASKS: tuple[Task, ...] = (
    Task("masuk", "", "phone", nothing),
    Task("antrean", COORDINATOR, "pc", nothing),
    Task("saring", COORDINATOR, "pc", filters),
    Task("wilayah", COORDINATOR, "pc", drawn),
    Task("pintasan", COORDINATOR, "pc", shortcuts),
    Task("ambil", HOME, "pc", opened),
    Task("berikan", HOME, "phone", deed("assign", person=HOME)),
    Task(
        "teruskan",
        HOME,
        "pc",
        deed("hand_over", office="contoh-jalan", text="Jalan ini ditangani dinas jalan."),
    ),
    Task("disposisi", HOME, "phone", deed("disposition", text="Regu tambal jalan berangkat hari ini.")),
    Task(
        "proses", HOME, "phone", deed("progress", percent="50", planned="2030-12-01", text="Sedang ditambal.")
    ),
    Task("selesai", HOME, "phone", deed("done", text="Lubang sudah ditambal.")),
    Task("kalimat", HOME, "phone", with_template),
    Task("tolak", HOME, "phone", deed("rejected", reason="not_found", text="Tidak kami temukan di lokasi.")),
    Task("duplikat", HOME, "phone", deed("duplicate", duplicate_of="7K3M-9QX2")),
    Task("tanya", HOME, "phone", deed("ask", text="Di depan toko yang mana?")),
    Task("koreksi", HOME, "phone", deed("correct")),
    Task("pin", HOME, "pc", pin),
    Task("catatan", HOME, "phone", deed("note", note="Pak RT sudah tahu, ketemu besok pagi.")),
    Task("kontak", HOME, "phone", contact),
    Task("kelola-akun", ADMIN, "pc", managing("akun")),
    Task("kelola-akun-baru", ADMIN, "phone", managing("akun", "Akun baru")),
    Task("kelola-dinas", ADMIN, "pc", managing("dinas")),
    Task("kelola-aturan", ADMIN, "pc", trial),
    Task("kelola-kalimat", ADMIN, "pc", managing("kalimat")),
    Task("kelola-kunci", ADMIN, "pc", managing("kunci")),
)


def sent(url: str) -> str:
    """A new report in Gambir whose reporter may be called; its id."""
    import geo

    row = geo.default_locator().by_kode["31.71.01.1001"]
    value = {
        "category": "jalan",
        "description": "Lubang besar di lajur kiri, sudah dua motor jatuh.",
        "landmark": "Depan halte",
        "longitude": row.longitude,
        "latitude": row.latitude,
        "contact_email": "ani@contoh.example",
        "contact_shared": True,
    }
    got = running.ask(
        f"{url}/api/reports",
        method="POST",
        body=json.dumps(value).encode(),
        headers={"Content-Type": "application/json"},
    )
    if got.status != 201:
        raise RuntimeError(f"the example was not taken: {got.text}")
    return str(got.json["id"])


def take(browser: Browser, url: str, task: Task, report: str) -> bytes:
    """The picture of a task, as WebP."""
    size = {"width": WIDTH[task.screen], "height": HEIGHT[task.screen]}
    context = browser.new_context(viewport=size, locale="id-ID", reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{url}/petugas/")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={HOME}]").wait_for()
    if task.officer:
        page.locator(f"button[value={task.officer}]").click()
        expect(page.locator("[data-rows]")).not_to_have_attribute("aria-busy", "true")
        page.wait_for_timeout(700)
        task.come(page, report)
        page.wait_for_timeout(400)
    taken = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    kept = io.BytesIO()
    taken.convert("RGB").save(kept, "WEBP", quality=QUALITY, method=6)
    return kept.getvalue()


def main(names: Sequence[str] = (), chromium: str = "/usr/bin/chromium") -> int:
    """Take every picture anew, or those that are named; returns the exit status."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder, sync_playwright() as playwright:
        server = running.start(Path(folder) / "data", DEMO="1")
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        try:
            report = sent(server.url)
            for task in (each for each in TASKS if not names or each.name in names):
                (FOLDER / f"{task.name}.webp").write_bytes(take(browser, server.url, task, report))
        finally:
            browser.close()
            server.kill()
    for stale in {path.stem for path in FOLDER.glob("*.webp")} - {task.name for task in TASKS}:
        (FOLDER / f"{stale}.webp").unlink()
    total = sum(path.stat().st_size for path in FOLDER.glob("*.webp"))
    print(f"{len(TASKS)} pictures, {total / 1000:.0f} kB in {FOLDER.relative_to(running.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
