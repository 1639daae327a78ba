"""A real browser against the real server: Debian's Chromium through Playwright, and a site with a few reports.

Every visit watches what the page asks for and complains about: a request to another
machine, a violation of the page's own policy or an error of a script fails the test.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalicelib import records
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Put
from chalicelib.wiring import INSTANCE
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

import geo
from infra import seed
from tests import running
from tests.outside import Outside

GAMBIR = "31.71.01.1001"
EXAMPLES = 14
PHONE = {"width": 360, "height": 800}
DESKTOP = {"width": 1280, "height": 800}
AXE = running.ROOT / "node_modules" / "axe-core" / "axe.min.js"
REFUSALS = "Failed to load resource: the server responded with a status of 4"
"""What Chromium writes to the console for every answer that is a refusal; tests that provoke one expect it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here need a browser, and those that share the server run beside each other."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class Town:
    """A server and the example reports that it shows, by state."""

    server: running.Running
    by_state: dict[str, str]

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="session")
def town(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town") / "data"
    folder.mkdir()
    table = SQLiteTable(folder / "table.sqlite3")
    private = FolderFiles(folder / "private", durable=False)
    ids = seed.fill(table, private, geo.default_locator(), now=datetime.now(UTC), count=EXAMPLES)
    table.transact([Put(INSTANCE, {"example": True})])
    states = {found[0].state: report_id for report_id in ids if (found := records.load(table, report_id))}
    table.close()
    # At any hour of the day: followers are told at once.
    server = running.start(folder, QUIET_FROM="0", QUIET_UNTIL="0")
    yield Town(server, states)
    server.kill()


@pytest.fixture(autouse=True)
def no_request_leaves_this_machine(outside: Outside) -> Iterator[None]:
    """Holds for every test here, also for what workers ask and for windows that a test opens itself."""
    outside.asked.clear()
    yield
    assert outside.asked == []


@dataclass
class Visit:
    """A page in a browser of its own, and everything that was wrong while it was open."""

    page: Page
    context: BrowserContext
    url: str
    complaints: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def forgive(self, *beginnings: str) -> None:
        """What this test provokes on purpose."""
        self.forgiven += beginnings

    @property
    def unforgiven(self) -> list[str]:
        return [c for c in self.complaints if not any(part in c for part in self.forgiven)]


@pytest.fixture
def visit(chromium: Browser, town: Town) -> Iterator[Callable[..., Visit]]:
    """Opens a browser: `visit(javascript=..., size=..., language=..., colours=..., more of Playwright's)`."""
    visits: list[Visit] = []

    def begin(
        *,
        javascript: bool = True,
        size: dict[str, int] | None = None,
        language: str = "id-ID",
        colours: str = "light",
        **more: Any,
    ) -> Visit:
        context = chromium.new_context(
            java_script_enabled=javascript,
            viewport=size or DESKTOP,  # type: ignore[arg-type]
            locale=language,
            color_scheme=colours,  # type: ignore[arg-type]
            reduced_motion="reduce",
            **more,
        )
        context.set_default_timeout(60_000)
        made = Visit(context.new_page(), context, town.url)
        watch(made)
        visits.append(made)
        return made

    yield begin
    for each in visits:
        each.context.close()
    assert [complaint for each in visits for complaint in each.unforgiven] == []


def watch(made: Visit) -> None:
    def asked(request: Request) -> None:
        if not request.url.startswith((f"{made.url}/", "data:", "blob:")):
            made.complaints.append(f"a request to another machine: {request.url}")

    made.context.on("request", asked)
    made.page.on(
        "console",
        lambda m: made.complaints.append(f"console: {m.text}") if m.type in {"error", "warning"} else None,
    )
    made.page.on("pageerror", lambda error: made.complaints.append(f"script: {error}"))


@pytest.fixture(scope="session")
def snapshot_with_gps() -> dict[str, Any]:
    """A photo as a phone makes it, with its position and maker in the EXIF, as Playwright takes files."""
    from PIL import Image

    picture = Image.effect_noise((800, 600), 50).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "RahasiaKamera"
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "S", 2: (6.0, 10.0, 31.0), 3: "E", 4: (106.0, 49.0, 38.0)})
    kept = io.BytesIO()
    picture.save(kept, "JPEG", exif=exif)
    return {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": kept.getvalue()}


def middle(kode: str = GAMBIR) -> dict[str, float]:
    """A position inside a kelurahan, with real and with approximate boundaries."""
    row = geo.default_locator().by_kode[kode]
    return {"longitude": row.longitude, "latitude": row.latitude}


def tells_nothing(data: bytes) -> None:
    """A published photo holds nothing but a picture."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data))
    assert not picture.getexif()
    assert not {"exif", "xmp", "icc_profile", "comment", "photoshop"} & set(picture.info)
    assert b"Exif" not in data
    assert b"RahasiaKamera" not in data
