"""The pages and files of areas of all three kinds: every open report, nothing private, in formats that others read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest
from chalicelib import records
from defusedxml.ElementTree import fromstring

from tests.web import strict_html

from .newsroom import CIDENG, GAMBIR, KEBON, SITE, Newsroom, opened

KML = "{http://www.opengis.net/kml/2.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
AREAS = {
    "kota/31.71": (GAMBIR, CIDENG, KEBON),
    "kecamatan/31.71.01": (GAMBIR, CIDENG),
    f"kelurahan/{GAMBIR}": (GAMBIR,),
}
FEATURE_ORDER = [
    "name",
    "link",
    "description",
    "TimeStamp",
    "styleUrl",
    "Style",
    "ExtendedData",
    "Point",
    "Placemark",
]
"""The order that the schema of KML 2.2 demands of what ours hold."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Newsroom, dict[str, set[str]]]]:
    """Open, closed and private reports in three kelurahan of one kota, published; the open ids by kelurahan."""
    with opened(tmp_path_factory.mktemp("areas")) as newsroom:
        still_open: dict[str, set[str]] = {}
        for kode in (GAMBIR, CIDENG, KEBON):
            for number in range(4):
                newsroom.clock.later(minutes=7)
                made = newsroom.send(kode, description=f"Lubang <b>nomor</b> {number} & lainnya.").id
                if number == 0:
                    newsroom.move(made, "done")
                else:
                    still_open.setdefault(kode, set()).add(made)
            newsroom.send(kode, private=True)
        newsroom.drain()
        yield newsroom, still_open


def expected(still_open: dict[str, set[str]], area: str) -> set[str]:
    return {report for kode in AREAS[area] for report in still_open[kode]}


@pytest.mark.parametrize("area", AREAS)
def test_every_format_holds_every_open_report_of_the_area(
    told: tuple[Newsroom, dict[str, set[str]]], area: str
):
    newsroom, still_open = told
    wanted = expected(still_open, area)
    rows = list(csv.DictReader(io.StringIO(newsroom.read(f"{area}/laporan.csv"))))
    assert {row["id"] for row in rows} == wanted
    assert {row["kode"] for row in rows} == set(AREAS[area])
    assert [row["created"] for row in rows] == sorted((row["created"] for row in rows), reverse=True)
    collection = json.loads(newsroom.read(f"{area}/laporan.geojson"))
    assert {feature["id"] for feature in collection["features"]} == wanted
    assert collection["open"] == len(wanted)
    feed = fromstring(newsroom.read(f"{area}/feed.xml"))
    links = {link.get("href") for link in feed.iter(f"{ATOM}link")}
    assert {f"{SITE}/laporan/{each}/" for each in wanted} < links
    assert f"{SITE}/{area}/feed.xml" in links
    for root in ("", "en/"):
        page = newsroom.read(f"{root}{area}/index.html")
        assert strict_html.read(page).problems == []
        assert all(f"/laporan/{each}/" in page for each in wanted)
        for file in ("feed.xml", "laporan.csv", "laporan.geojson", "laporan.kml"):
            assert f'href="/{area}/{file}"' in page


@pytest.mark.parametrize("area", AREAS)
def test_an_areas_kml_is_in_the_order_of_its_schema_with_longitude_first(
    told: tuple[Newsroom, dict[str, set[str]]], area: str
):
    newsroom, still_open = told
    document = fromstring(newsroom.read(f"{area}/laporan.kml")).find(f"{KML}Document")
    assert document is not None
    places = {each.get("id"): each for each in document.findall(f"{KML}Placemark")}
    assert set(places) == {f"r-{each}" for each in expected(still_open, area)}
    styles = {f"#{style.get('id')}" for style in document.findall(f"{KML}Style")}
    for part in (document, *places.values()):
        order = [FEATURE_ORDER.index(child.tag.partition("}")[2]) for child in part]
        assert order == sorted(order)
    for name, place in places.items():
        found = records.load(newsroom.table, str(name).removeprefix("r-"))
        assert found is not None
        assert text(place, f"{KML}styleUrl") in styles
        assert (
            text(place, f"{KML}Point/{KML}coordinates") == f"{found[0].longitude:.6f},{found[0].latitude:.6f}"
        )
        assert text(place, f"{KML}TimeStamp/{KML}when").endswith("Z")


def text(part: Element, path: str) -> str:
    found = part.findtext(path)
    assert found
    return found


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("root", ["", "en/"])
def test_a_page_for_other_sites_frames_leads_out_of_the_frame(
    told: tuple[Newsroom, dict[str, set[str]]], area: str, root: str
):
    newsroom, still_open = told
    page = newsroom.read(f"{root}sematan/{area}/index.html")
    assert strict_html.read(page).problems == ["0 <footer>", "0 <nav>"], "of all pages this one has neither"
    assert page.count('target="_blank" rel="noopener"') == page.count("<a ")
    assert "<form" not in page
    assert "<button" not in page, "nothing that a frame could make somebody press"
    listed = [each for each in expected(still_open, area) if f"/laporan/{each}/" in page]
    assert len(listed) == min(len(expected(still_open, area)), 6)
    snippet = newsroom.read(f"{root}{area}/index.html").partition("&lt;iframe ")[2].partition("&gt;")[0]
    assert f'src="{SITE}/{root}sematan/{area}/"' in snippet


def test_an_area_without_reports_has_the_same_files_and_says_so(told: tuple[Newsroom, dict[str, set[str]]]):
    newsroom, _ = told
    newsroom.publisher.area("31.72")
    assert len(newsroom.read("kota/31.72/laporan.csv").splitlines()) == 1
    assert "Placemark" not in newsroom.read("kota/31.72/laporan.kml")
    assert "Nothing is open here." in newsroom.read("en/sematan/kota/31.72/index.html")


def test_a_wide_area_reads_no_more_when_there_are_more_reports(told: tuple[Newsroom, dict[str, set[str]]]):
    newsroom, _ = told
    codes = [GAMBIR, CIDENG, KEBON]
    everything = records.newest_of(newsroom.table, codes, "open", most=1000)
    stamps = [(row.created, row.id) for row in everything]
    assert stamps == sorted(stamps, reverse=True)
    assert len(stamps) == 9
    for most in (1, 2, 5, 8):
        assert records.newest_of(newsroom.table, codes, "open", most=most) == everything[:most]
