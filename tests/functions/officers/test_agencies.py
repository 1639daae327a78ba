"""The offices that reports can be handed to: from a file that is refused, by name and place, when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from chalicelib import categories
from chalicelib.officers import agencies

from ..conftest import GAMBIR, TwoKelurahan


def test_what_ships_is_labelled_as_examples_and_names_real_categories():
    known = categories.load()
    for each in agencies.load().values():
        assert "(contoh)" in each.names["id"]
        assert "(example)" in each.names["en"]
        assert set(each.categories) <= set(known)


def test_an_office_is_an_agency_or_a_kelurahan():
    known = agencies.load()
    kelurahan = TwoKelurahan().by_kode
    roads = agencies.office("contoh-jalan", known, kelurahan)
    assert roads is not None
    assert roads.name == "Dinas jalan (contoh)"
    home = agencies.office(GAMBIR, known, kelurahan)
    assert home is not None
    assert home.name == "Kelurahan Gambir"
    assert agencies.office("31.71.01", known, kelurahan) is None
    assert agencies.office("", known, kelurahan) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[31]\nid='A'\nen='B'", "no code"),
        ("[a-b]\nid='A'", "needs a name"),
        ("[a-b]\nid='A'\nen=' '", "needs a name"),
        ("a-b = 1", "needs a name"),
        ("[a-b]\nid='A'\nen='B'\ncategories='jalan'", "list of codes"),
        ("[a-b", "agencies.toml"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path: Path, text: str, said: str):
    path = tmp_path / "agencies.toml"
    path.write_text(text)
    with pytest.raises(agencies.AgenciesError, match=said):
        agencies.load(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path):
    with pytest.raises(agencies.AgenciesError, match=r"nowhere\.toml"):
        agencies.load(tmp_path / "nowhere.toml")
