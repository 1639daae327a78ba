"""Both languages are complete, say the same things, and are what the pages and scripts ask for."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from web import build, i18n, messages

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def catalogue(language: str) -> Catalog:
    with i18n.catalogue(language).open("rb") as file:
        return read_po(file)


def forms(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (str(value),)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_catalogue_holds_every_message_and_no_other(language: str) -> None:
    wanted = {forms(m.id)[0] for m in messages.extracted() if m.id}
    assert {forms(m.id)[0] for m in catalogue(language) if m.id} == wanted, "run 'python -m web messages'"


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_message_has_words_that_are_certain(language: str) -> None:
    found = catalogue(language)
    assert found.obsolete == {}
    for message in found:
        if message.id:
            assert not message.fuzzy, message.id
            assert message.string, message.id
            assert all(forms(message.string)), message.id
            assert len(forms(message.string)) == (found.num_plurals if message.pluralizable else 1), (
                message.id
            )


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_translations_have_the_placeholders_of_their_message(language: str) -> None:
    for message in catalogue(language):
        if not message.id:
            continue
        wanted = {name for form in forms(message.id) for name in PLACEHOLDER.findall(form)}
        for form in forms(message.string):
            assert set(PLACEHOLDER.findall(form)) <= wanted, message.id
            if not message.pluralizable:
                assert set(PLACEHOLDER.findall(form)) == wanted, message.id
            # What is left of a percent sign must be doubled wherever the message is filled in.
            if wanted:
                assert "%" not in PLACEHOLDER.sub("", form).replace("%%", ""), message.id


def test_indonesian_differs_from_english() -> None:
    same = {m.id for m in catalogue("id") if m.id and m.string == m.id}
    names = {"Kecamatan", "Kelurahan", "Kecamatan %(name)s", "kecamatan %(name)s", "kelurahan %(name)s"}
    assert same <= {"SMS", "e-mail", "E-mail", "media sosial"} | names | {i for i in same if len(str(i)) <= 8}


def test_officials_words_stay_off_the_pages() -> None:
    for message in catalogue("id"):
        text = " ".join(forms(message.string)).lower()
        assert "tiket" not in text, message.id


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_scripts_get_every_message_they_ask_for(language: str) -> None:
    groups = {
        name: messages.script_messages(language, scripts) for name, scripts in build.script_groups().items()
    }
    assert "Copied" in groups["words"]
    assert len(groups["map-words"]["%(n)s report on the map"]) == {"id": 1, "en": 2}[language]
    assert all(all(entry) for words in groups.values() for entry in words.values())
    said = set().union(*build.script_groups().values())
    assert {Path(entry).name for entry in build.ENTRIES if entry.endswith(".js")} <= said


def test_a_page_loads_the_words_of_its_own_scripts_alone() -> None:
    groups = build.script_groups()
    assert {"site.js", "home.js", "map.js"} <= groups["home-words"]
    assert not groups["home-words"] & {"form.js", "desk.js", *build.LATER}
    assert "form.js" not in groups["words"]
    assert set(build.LATER) <= groups["map-words"]


def test_updating_twice_changes_nothing() -> None:
    template = messages.extracted()
    for language in i18n.LANGUAGES:
        assert messages.updated(language, template) == i18n.catalogue(language).read_bytes()


def test_words_are_found_without_a_build(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(i18n, "COMPILED", tmp_path)
    i18n.translation.cache_clear()
    try:
        assert i18n.translation("id").gettext("Waiting") == "Menunggu"
        assert i18n.translation("id").ngettext("%(n)s report on the map", "", 1) == "%(n)s laporan di peta"
    finally:
        i18n.translation.cache_clear()


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ValueError, match="'jv'"):
        i18n.translation("jv")


def test_numbers_and_days_are_written_as_in_the_language() -> None:
    evening = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)  # already the 23rd in Jakarta
    assert i18n.number(12345, "id") == "12.345"
    assert i18n.number(12345, "en") == "12,345"
    assert i18n.day_and_time(evening, "id") == "23 November 2026, 00.30 WIB"
    assert i18n.day_and_time(evening, "en") == "23 November 2026, 00:30 WIB"
    assert i18n.short_day(evening, "id") == "23 Nov 2026"
    assert i18n.day(date(2026, 8, 17), "id") == "17 Agustus 2026"
    assert i18n.machine_time(evening) == "2026-11-22T17:30:00Z"
    with pytest.raises(ValueError, match="time zone"):
        i18n.day_and_time(datetime(2026, 1, 1), "id")  # noqa: DTZ001


def test_importing_the_renderer_imports_neither_jinja2_nor_babel() -> None:
    code = "import sys, web.render; print(sorted({'jinja2', 'babel', 'geojson', 'geo'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=messages.ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
