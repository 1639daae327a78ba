"""Pictures of every part of `/gaya/`, and whether two pictures of a part look the same to a person.

    make shots          takes the pictures anew that tests/web/test_shots.py compares with

Everything is written in the bundled font, nothing moves, and a difference counts only after a
little blur: so machines that draw letters a little differently agree, and a changed colour, size
or corner does not pass. Pictures are kept at half size in few colours.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from web.render import Renderer

KEPT = Path(__file__).parent / "shots"
SIZES = (360, 1280)
SCHEMES = ("light", "dark")
SITE = "http://gaya.invalid/"
BUNDLED = """
@font-face { font-family: Bundled; src: url(/%s) format("woff2"); font-weight: 200 800; }
*, *::before, *::after { font-family: Bundled !important; transition: none !important; }
* { animation: none !important; caret-color: transparent !important; }
"""
BLUR = 1.5
"""Radius in pixels of the half-sized picture: as much as letters differ between machines."""
SEEN = 26
"""From such a difference on, of 255 in any colour, a blurred pixel looks different."""
ALLOWED = 12
"""So many pixels may look different: less than a corner or a letter has."""
SLACK = 3
"""Pixels by which a part may be higher: a line of letters that breaks elsewhere is more."""


def taken(
    browser: Browser, renderer: Renderer, *, changed: str = "", only: str = ""
) -> Iterator[tuple[str, Image.Image]]:
    """A picture of every part in every size and scheme, by name. `changed`: a style sheet to add; `only`: one name."""
    from web import gallery

    files = dict(renderer.assets())
    files["gaya/"] = gallery.page(renderer, "id").encode()
    style = BUNDLED % renderer.manifest["assets"]["font.woff2"] + changed
    for width, scheme in product(SIZES, SCHEMES):
        if not (only or f"{scheme}-{width}/").startswith(f"{scheme}-{width}/"):
            continue
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="id-ID",
            java_script_enabled=True,
            bypass_csp=True,
        )
        page = context.new_page()
        # Pages say how long ago something was.
        page.clock.set_fixed_time(gallery.BEGIN + timedelta(days=21))
        page.route("**/*", lambda route: _answer(route, files))
        page.goto(f"{SITE}gaya/", wait_until="load")
        page.add_style_tag(content=style)
        page.evaluate("document.fonts.load('16px Bundled').then(() => document.fonts.ready)")
        yield from _parts(page, f"{scheme}-{width}", only)
        context.close()


def _answer(route: Route, files: Mapping[str, bytes]) -> None:
    from web.render import content_type

    path = route.request.url.removeprefix(SITE)
    if path in files:
        kind = content_type(path) if "." in path else "text/html; charset=utf-8"
        route.fulfill(status=200, content_type=kind, body=files[path])
    else:
        route.fulfill(status=404, body=b"")


def _parts(page: Page, where: str, only: str) -> Iterator[tuple[str, Image.Image]]:
    for section in page.locator(".shown").all():
        name = section.get_attribute("id")
        if only and only != f"{where}/{name}":
            continue
        yield f"{where}/{name}", _small(section.screenshot(animations="disabled"))
    if only and only != f"{where}/fokus":
        return
    # What only a keyboard shows.
    page.locator("#tombol a.button").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    yield f"{where}/fokus", _small(page.locator("#tombol").screenshot(animations="disabled"))


def _small(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return picture.resize((max(picture.width // 2, 1), max(picture.height // 2, 1)), Image.Resampling.BOX)


def difference(one: Image.Image, other: Image.Image) -> str:
    """How two pictures of a part differ to the eye; "" when they do not."""
    if abs(one.width - other.width) > SLACK or abs(one.height - other.height) > SLACK:
        return f"{one.width} by {one.height} pixels instead of {other.width} by {other.height}"
    size = (min(one.width, other.width), min(one.height, other.height))
    blurred = [
        each.convert("RGB").crop((0, 0, *size)).filter(ImageFilter.GaussianBlur(BLUR))
        for each in (one, other)
    ]
    red, green, blue = ImageChops.difference(*blurred).split()
    worst = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    seen = sum(worst.histogram()[SEEN:])
    if seen <= ALLOWED:
        return ""
    box = worst.point(lambda value: 255 if value >= SEEN else 0).getbbox()
    return f"{seen} pixels look different, within {box} of {size}"


def kept(name: str) -> Image.Image | None:
    """The picture to compare with; None where there is none yet."""
    path = KEPT / f"{name}.png"
    return Image.open(path).convert("RGB") if path.exists() else None


def keep(pictures: Mapping[str, Image.Image]) -> None:
    """Keep these pictures as the ones to compare with, and no others."""
    for path in KEPT.rglob("*.png"):
        if path.relative_to(KEPT).with_suffix("").as_posix() not in pictures:
            path.unlink()
    for name, picture in pictures.items():
        path = KEPT / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Enough colours for eyes, and a tenth of the bytes.
        few = picture.quantize(200, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
        # A picture that looks the same stays as it is: history does not fill with noise.
        before = kept(name)
        if before is None or difference(picture, before):
            few.save(path, optimize=True)


def main() -> int:
    """Take all pictures anew."""
    import shutil
    import tempfile

    from playwright.sync_api import sync_playwright

    from tests.conftest import FLAGS
    from tests.web.samples import made_up_city, sample_categories
    from web.render import Renderer

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made_up_city(Path(folder))
        renderer = Renderer.open(
            geo_build=Path(folder),
            categories=sample_categories(),
            site_url="https://warga.example",
            approximate=False,
            boundaries_version="-",
            attribution="",
        )
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        pictures = dict(taken(browser, renderer))
        browser.close()
    keep(pictures)
    size = sum(path.stat().st_size for path in KEPT.rglob("*.png"))
    print(f"{len(pictures)} pictures, {size / 1000:.0f} kB, in {KEPT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
