"""The licence of the open data: a setting, said on the page and in every file that can say it; none is invented."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalicelib import settings
from chalicelib.publishing import opendata
from defusedxml.ElementTree import fromstring

from web.views import Licence

from .newsroom import GAMBIR, Newsroom, opened, renderer

CHOSEN = Licence("CC-BY-4.0", "https://licence.example/by/4.0/")
FILES = ("feed.xml", "laporan.geojson", "laporan.kml")


@pytest.fixture(params=[CHOSEN, Licence()], ids=["set", "none"])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Newsroom, Licence]]:
    licence: Licence = request.param
    with opened(tmp_path, renderer=dataclasses.replace(renderer(), licence=licence)) as newsroom:
        newsroom.send()
        newsroom.drain()
        newsroom.publisher.open_data(newsroom.clock())
        yield newsroom, licence


def test_every_file_that_can_says_its_licence(told: tuple[Newsroom, Licence]):
    newsroom, licence = told
    for place in (f"kelurahan/{GAMBIR}", f"kecamatan/{GAMBIR[:8]}", f"kota/{GAMBIR[:5]}"):
        for file in FILES:
            text = newsroom.read(f"{place}/{file}")
            assert (CHOSEN.name in text) == (CHOSEN.url in text) == bool(licence.name), (place, file)
            if not file.endswith("json"):
                fromstring(text)
    month = json.loads(newsroom.read("data/terbuka/2026-11.geojson"))
    named = {"name": licence.name, "path": licence.url} if licence.name else None
    assert month.get("license") == named
    page = newsroom.read("en/data/terbuka/index.html")
    assert (CHOSEN.url in page) == bool(licence.name)
    assert ("has not set a licence" in page) != bool(licence.name)


def test_the_package_describes_every_file_and_field(told: tuple[Newsroom, Licence]):
    newsroom, licence = told
    package = json.loads(newsroom.read("data/terbuka/datapackage.json"))
    assert package.get("licenses") == (
        [{"name": licence.name, "path": licence.url}] if licence.name else None
    )
    [resource] = package["resources"]
    rows = list(csv.DictReader(io.StringIO(newsroom.read(f"data/terbuka/{resource['path']}"))))
    fields = {field["name"]: field for field in resource["schema"]["fields"]}
    assert list(fields) == list(rows[0]) == [name for name, _ in opendata.FIELDS]
    for name, text in rows[0].items():
        kind = fields[name]["type"]
        if text:
            {"integer": int, "number": float, "boolean": ["true", "false"].index}.get(kind, str)(text)
        assert (kind == "datetime") == (name in {"created", "closed"})
        assert fields[name]["description"]


def test_files_of_closed_months_follow_a_new_licence(tmp_path: Path):
    with opened(tmp_path) as newsroom:
        newsroom.send()
        newsroom.drain()
        assert newsroom.publisher.open_data(newsroom.clock()) == ["2026-11"]
        assert newsroom.publisher.open_data(newsroom.clock()) == []
        licensed = dataclasses.replace(
            newsroom.publisher, renderer=dataclasses.replace(renderer(), licence=CHOSEN)
        )
        assert licensed.open_data(newsroom.clock()) == ["2026-11"]
        assert CHOSEN.name in newsroom.read("data/terbuka/2026-11.geojson")


@pytest.mark.parametrize(
    "wrong",
    [{"DATA_LICENCE": "CC0-1.0"}, {"DATA_LICENCE_URL": "https://a.example"},
     {"DATA_LICENCE": "CC0-1.0", "DATA_LICENCE_URL": "javascript:alert(1)"}],
)  # fmt: skip
def test_half_a_licence_is_refused(wrong: dict[str, str]):
    with pytest.raises(settings.SettingsError, match="DATA_LICENCE_URL"):
        settings.read(wrong)
