"""The picture for sharing: the right size, the same bytes for the same view, and named by what it shows."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.web import samples
from web import card
from web.render import Renderer

VIEW = card.CardView(
    report="7K3M9QX2",
    category="Jalan rusak",
    kode=samples.PLACE.kode,
    kelurahan="Gambir",
    kecamatan="Gambir",
    kota="KOTA ADM. JAKARTA PUSAT",
    longitude=106.8272,
    latitude=-6.1754,
    photo="foto/7K3M9QX2/a.jpg",
    example=False,
)


def jpeg(colour: str = "#123456") -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (1600, 900), colour).save(kept, "JPEG")
    return kept.getvalue()


def drawn(renderer: Renderer, view: card.CardView = VIEW, photo: bytes | None = None) -> Image.Image:
    font = card.font_of(renderer.web_build, renderer.manifest)
    picture = Image.open(io.BytesIO(card.draw(view, photo, renderer.maps, font)))
    assert picture.format == "JPEG"
    return picture.convert("RGB")


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    found = picture.getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(one - other) < 24 for one, other in zip(found, colour, strict=True))


def test_photo_and_map_share_the_card_and_without_a_photo_the_map_has_its_place(renderer: Renderer):
    with_photo, without = drawn(renderer, photo=jpeg()), drawn(renderer)
    assert with_photo.size == without.size == (1200, 630)
    assert near(with_photo, (300, 300), (0x12, 0x34, 0x56))
    assert near(with_photo, (900, 600), (0xCF, 0xDF, 0xDA)), "the outline, small"
    assert near(without, (100, 100), (0xCF, 0xDF, 0xDA)), "the outline, large"


def test_the_pin_is_where_the_report_is(renderer: Renderer):
    outline = renderer.maps.own(VIEW.kode)
    assert outline is not None
    x, y = outline.frame.place(106.8272, -6.1754)
    scale = 520 / outline.frame.width
    tip = (round(40 + x * scale), round(55 + y * scale) - 9)
    assert near(drawn(renderer), tip, (0xB4, 0x27, 0x1D))
    nowhere = dataclasses.replace(VIEW, longitude=None, latitude=None)
    assert not near(drawn(renderer, nowhere), tip, (0xB4, 0x27, 0x1D))


def test_the_same_view_gives_the_same_bytes(renderer: Renderer):
    font = card.font_of(renderer.web_build, renderer.manifest)
    once, again = (card.draw(VIEW, jpeg(), renderer.maps, font) for _ in range(2))
    assert once == again
    assert len(once) < 150_000


def test_what_it_shows_names_it(renderer: Renderer):
    changes = [
        {"category": "Sampah"}, {"kelurahan": "Cideng"}, {"longitude": 106.8}, {"photo": ""}, {"example": True},
    ]  # fmt: skip
    names = {card.path(dataclasses.replace(VIEW, **each), "1") for each in changes}
    names |= {card.path(VIEW, "1"), card.path(VIEW, "2")}
    assert len(names) == len(changes) + 2
    assert all(name.startswith("foto/7K3M9QX2/kartu-") for name in names)


@pytest.mark.parametrize("words", ["A" * 200, "kata " * 60, "Jalan", "—", "🚧 道路"])
def test_any_name_of_a_category_fits(renderer: Renderer, words: str):
    assert drawn(renderer, dataclasses.replace(VIEW, category=words), jpeg()).size == card.SIZE


def test_an_unknown_kelurahan_or_a_missing_font_is_no_reason_for_no_card(renderer: Renderer, tmp_path: Path):
    view = dataclasses.replace(VIEW, kode="99.99.99.9999")
    assert (
        Image.open(io.BytesIO(card.draw(view, None, renderer.maps, tmp_path / "none.woff2"))).size
        == card.SIZE
    )
