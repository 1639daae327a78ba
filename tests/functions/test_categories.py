"""Categories are data: a file that ships, or a city's own; one that cannot be used is refused by name and place."""

from __future__ import annotations

from pathlib import Path

import pytest
from chalicelib import categories
from chalicelib.categories import CategoriesError

from infra import seed

ROW = 'id = "Jalan rusak"\nen = "Damaged road"\nicon = "road"\nhint_id = "Lubang"\nhint_en = "Holes"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kategori.toml"


def test_the_file_that_ships_is_whole():
    shipped = categories.load()
    assert len(shipped) >= 10
    for code, each in shipped.items():
        assert each.code == code
        assert set(each.names) == set(each.hints) == {"id", "en"}
    for language in ("id", "en"):
        names = [each.names[language] for each in shipped.values()]
        assert len(names) == len(set(names))


def test_examples_use_only_categories_that_ship():
    assert set(seed.WEIGHTS) == set(seed.WORDS)
    assert set(seed.WEIGHTS) <= set(categories.load())


def test_another_city_has_its_own_categories_in_its_own_order(file: Path):
    other = ROW.replace("Jalan rusak", "Taman rusak").replace("Damaged road", "Damaged park")
    file.write_text(f"[zebra]\n{ROW}\n[awan]\n{other}")
    loaded = categories.load(file)
    assert list(loaded) == ["zebra", "awan"]
    assert loaded["zebra"].names == {"id": "Jalan rusak", "en": "Damaged road"}
    assert loaded["zebra"].hints["en"] == "Holes"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no category"),
        ("not toml", "cannot be read as TOML"),
        (f"[Jalan]\n{ROW}", r"\[Jalan\] is not a code"),
        (f"[{'x' * 33}]\n{ROW}", "is not a code"),
        ("jalan = 3", r"\[jalan\] must be a table"),
        ("[jalan]\n" + ROW.replace('en = "Damaged road"\n', ""), "needs a text 'en'"),
        ("[jalan]\n" + ROW.replace('"road"', "3"), "needs a text 'icon'"),
        ("[jalan]\n" + ROW.replace('"Lubang"', '"  "'), "needs a text 'hint_id'"),
        (f'[jalan]\n{ROW}colour = "red"\n', "unknown fields"),
        (f"[jalan]\n{ROW}nearby_m = 501\n", "needs nearby_m as whole metres from 0 to 500, not 501"),
        (f"[jalan]\n{ROW}nearby_m = true\n", "needs nearby_m"),
        (f'[jalan]\n{ROW}emergency = "ya"\n', "needs emergency as true or false"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_for_what_is_wrong(file: Path, content: str, said: str):
    file.write_text(content)
    with pytest.raises(CategoriesError, match=said) as refused:
        categories.load(file)
    assert str(file) in str(refused.value)


def test_how_near_is_the_same_and_what_is_dangerous_are_settings_of_a_category(file: Path):
    other = ROW.replace("Jalan rusak", "Kabel").replace("Damaged road", "Cable")
    file.write_text(f"[jalan]\n{ROW}\n[kabel]\n{other}nearby_m = 20\nemergency = true\n")
    loaded = categories.load(file)
    assert [(each.nearby_m, each.emergency) for each in loaded.values()] == [(50, False), (20, True)]


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(CategoriesError, match=r"none\.toml"):
        categories.load(tmp_path / "none.toml")


def test_loaded_categories_cannot_be_changed():
    with pytest.raises(TypeError):
        categories.load()["x"] = categories.load()["jalan"]  # type: ignore[index]
