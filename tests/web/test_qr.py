"""QR codes of the follow key: the key in a fragment, drawn small, without anything that a page's policy forbids."""

from __future__ import annotations

import re

import pytest

from web import qr


def test_the_key_travels_in_the_fragment_which_no_server_sees() -> None:
    text = qr.key_text("https://warga.example", "7K3M9QX2", "ABCD-EFGH-JKMN-PQRS")
    address, _, fragment = text.partition("#")
    assert address == "https://warga.example/saya/"
    assert fragment == "7K3M9QX2.ABCD-EFGH-JKMN-PQRS"


def test_without_an_address_number_and_key_are_read_as_text() -> None:
    assert qr.key_text("", "7K3M9QX2", "ABCD") == "7K3M9QX2 ABCD"


def test_the_drawing_is_black_on_white_with_a_quiet_zone_and_no_style() -> None:
    drawing = qr.svg("https://warga.example/saya/#7K3M9QX2.ABCD-EFGH-JKMN-PQRS")
    assert len(drawing) < 4000
    assert 'fill="#fff"' in drawing
    assert 'stroke="#000"' in drawing
    assert "style=" not in drawing
    assert "<script" not in drawing
    # Nothing is drawn within four modules of the edge (ISO/IEC 18004).
    start = re.search(r'stroke="#000" d="M(\d+) (\d+)', drawing)
    assert start
    assert int(start[1]) == int(start[2]) == 4


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        qr.svg("x" * 5000)
