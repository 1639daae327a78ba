"""Every part of `/gaya/` looks as it did: pictures in two sizes and both schemes, compared as eyes do.

After a change that was meant: `make shots`, look at the new pictures, commit them.
"""

from __future__ import annotations

from functools import lru_cache

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from tests.web import shots
from web.render import Renderer

QUIET = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def changed_since(name: str, picture: Image.Image) -> str:
    """How a part looks different from what was kept of it; a picture that nobody kept is different, too."""
    before = shots.kept(name)
    return shots.difference(picture, before) if before else "there is no picture to compare with"


@QUIET
@pytest.mark.browser
@pytest.mark.journey
def test_every_part_looks_as_it_did(chromium: Browser, renderer: Renderer):
    pictures = dict(shots.taken(chromium, renderer))
    found = {name: told for name, picture in pictures.items() if (told := changed_since(name, picture))}
    assert found == {}, "if that was meant: make shots, look at them, commit them"
    kept = {path.relative_to(shots.KEPT).with_suffix("").as_posix() for path in shots.KEPT.rglob("*.png")}
    assert kept == set(pictures)


@QUIET
@pytest.mark.browser
@pytest.mark.journey
@pytest.mark.parametrize(
    ("changed", "part"),
    [
        (":root { --accent: #1d6f86 }", "light-360/tombol"),
        (":root { --r2: 2px }", "dark-1280/tombol"),
        (":root { --t3: 1rem }", "light-1280/status"),
        (":root { --red: #b4551d }", "light-360/status"),
        (".button { padding: .5rem 1.125rem }", "dark-360/fokus"),
        (":focus-visible { outline-width: 1px }", "light-360/fokus"),
        (".timeline li { padding-bottom: 1rem }", "light-1280/riwayat"),
    ],
)
def test_a_changed_token_is_seen(chromium: Browser, renderer: Renderer, changed: str, part: str):
    ((_, picture),) = shots.taken(chromium, renderer, changed=changed, only=part)
    assert changed_since(part, picture)


def plain(colour: str = "white", size: tuple[int, int] = (120, 40)) -> Image.Image:
    return Image.new("RGB", size, colour)


@lru_cache(maxsize=1)
def letters() -> Image.Image:
    picture = plain()
    ImageDraw.Draw(picture).text((4, 10), "Laporan warga", fill="black")
    return picture


def test_the_same_picture_is_not_different():
    assert shots.difference(letters(), letters()) == ""


def test_a_little_noise_is_not_seen():
    noisy = letters().point(lambda value: min(255, value + 6))
    assert shots.difference(letters(), noisy) == ""


@pytest.mark.parametrize(
    "other",
    [plain(), plain("gray"), plain(size=(120, 60)), letters().rotate(180)],
    ids=["nothing", "colour", "size", "shape"],
)
def test_what_eyes_see_is_told(other: Image.Image):
    assert shots.difference(letters(), other)
