"""`/gaya/` shows every part in every state, in both languages, cut out of the real pages; no sitemap names it."""

from __future__ import annotations

import re

import pytest

from tests.web.strict_html import read
from web import data, gallery
from web.render import Renderer
from web.vocabulary import STATES

PARTS = (
    "warna", "huruf", "tombol", "isian", "pilihan", "pesan", "status", "riwayat", "daftar", "legenda",
    "angka", "kosong", "antrean", "tanda-terima",
)  # fmt: skip


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_part_is_shown(renderer: Renderer, language: str):
    html = gallery.page(renderer, language)
    assert [name for name in PARTS if f'class="shown" id="{name}"' not in html] == []
    # Parts that are cut out of a page point to what stays on that page, and the receipt has its own heading.
    wrong = [told for told in read(html).problems if "refers to" not in told and told != "2 main headings"]
    assert wrong == []


def test_every_state_is_shown_with_its_word(renderer: Renderer):
    html = gallery.page(renderer, "en")
    for state in STATES.values():
        assert f'<div class="now {state.tone}">' in html
        assert f"{state.word}</span>" in html


def test_every_icon_that_a_part_shows_is_drawn_on_the_page(renderer: Renderer):
    html = gallery.page(renderer, "id")
    shown = set(re.findall(r'<use[^>]* href="#([\w-]+)"', html))
    assert "i-camera" in shown
    assert [name for name in shown if f'<symbol id="{name}"' not in html] == []


def test_the_page_is_the_same_every_time(renderer: Renderer):
    assert gallery.page(renderer, "id") == gallery.page(renderer, "id")


def test_no_sitemap_names_it_and_search_engines_are_told(renderer: Renderer):
    assert "gaya" not in data.sitemap("https://warga.example", [gallery.KODE])
    assert '<meta name="robots" content="noindex">' in gallery.page(renderer, "id")


def test_a_part_is_cut_whole_with_what_is_nested_in_it():
    html = '<div class="a"><div class="now red"><p>x<svg><path d="M0"/></svg></p><div>y</div></div></div>'
    assert gallery.cut(html, "now") == html[15:-6]


def test_a_part_that_is_not_there_is_an_error():
    with pytest.raises(LookupError, match="no element with the class 'none'"):
        gallery.cut("<p class='nonesuch'></p>", "none")
