"""Feeds and data files: valid by their own rules, complete, and readable back."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime

import geojson
import pytest
from defusedxml import ElementTree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web import samples
from web import data
from web.data import MAPPED, WORDED
from web.render import FED, Renderer
from web.views import Counts, HomeView, Licence, ReportSummary
from web.vocabulary import STATES

ATOM = "{http://www.w3.org/2005/Atom}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TEXT = st.text(max_size=140) | st.sampled_from(["]]>", "<b>&amp;", "\x00\x08\ud7ff\ufffe", "&#x0;"])


def atom_problems(text: str) -> list[str]:
    """What RFC 4287 demands of feeds and entries, of what ours hold."""
    feed = ElementTree.fromstring(text.encode())
    problems = [] if feed.tag == f"{ATOM}feed" else [f"root is {feed.tag}"]
    for part in [feed, *feed.findall(f"{ATOM}entry")]:
        problems += [
            f"{len(part.findall(ATOM + name))} {name} in {part.tag}"
            for name in ("id", "title", "updated")
            if len(part.findall(ATOM + name)) != 1
        ]
        problems += [
            f"{element.text!r} is no date"
            for name in ("updated", "published")
            for element in part.findall(ATOM + name)
            if not RFC3339.fullmatch(element.text or "")
        ]
        if part.find(f"{ATOM}link") is None:
            problems.append(f"no link in {part.tag}")
    ids = [element.text or "" for element in feed.iter(f"{ATOM}id")]
    problems += [] if len(set(ids)) == len(ids) else ["an id twice"]
    problems += [f"{name} is no IRI" for name in ids if not re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", name)]
    if feed.find(f"{ATOM}author/{ATOM}name") is None:
        problems.append("no author")
    return problems


def test_a_feed_holds_the_newest_changes_first_with_absolute_links(renderer: Renderer) -> None:
    view = samples.sample_kelurahan(60)
    text = renderer.feed(view)
    assert atom_problems(text) == []
    feed = ElementTree.fromstring(text.encode())
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "id"
    entries = feed.findall(f"{ATOM}entry")
    changed = [entry.findtext(f"{ATOM}updated") for entry in entries]
    assert len(entries) == FED
    assert changed == sorted(changed, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == changed[0]
    links = [link.get("href") for link in feed.iter(f"{ATOM}link")]
    assert all(link.startswith("https://warga.example/") for link in links)
    self_link = feed.find(f"{ATOM}link[@rel='self']")
    assert self_link.get("href") == f"https://warga.example/kelurahan/{view.kode}/feed.xml"


def test_a_feed_without_reports_is_still_a_feed(renderer: Renderer) -> None:
    assert atom_problems(renderer.feed(samples.sample_kelurahan(0))) == []


def test_an_entry_keeps_its_id_when_its_report_moves_and_when_the_site_does(renderer: Renderer) -> None:
    view = samples.sample_kelurahan(1)
    moved = dataclasses.replace(view, reports=(dataclasses.replace(view.reports[0], state="done"),))
    elsewhere = dataclasses.replace(renderer, site_url="https://lain.example")
    ids = [re.findall("<id>(.*)</id>", r.feed(v)) for r in (renderer, elsewhere) for v in (view, moved)]
    assert ids[0] == ids[1] == ids[2] == ids[3]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT)
def test_whatever_people_write_leaves_the_feed_well_formed(renderer: Renderer, text: str) -> None:
    view = samples.sample_kelurahan(1, description=text)
    feed = renderer.feed(view)
    assert atom_problems(feed) == []
    summary = ElementTree.fromstring(feed.encode()).findtext(f"{ATOM}entry/{ATOM}summary")
    allowed = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
    # XML itself reads every line end as a newline.
    assert summary == allowed.replace("\r\n", "\n").replace("\r", "\n")


def test_geojson_holds_open_reports_longitude_first(renderer: Renderer) -> None:
    view = samples.sample_kelurahan(80)
    collection = geojson.loads(data.geojson(view, Licence()))
    assert collection.is_valid, collection.errors()
    wanted = [r for r in view.reports if not STATES[r.state].closed]
    assert [feature["id"] for feature in collection["features"]] == [r.id for r in wanted]
    for feature, report in zip(collection["features"], wanted, strict=True):
        longitude, latitude = feature["geometry"]["coordinates"]
        assert longitude == pytest.approx(report.longitude, abs=1e-6)
        assert latitude == pytest.approx(report.latitude, abs=1e-6)
        assert feature["properties"] == {
            "category": report.category,
            "state": report.state,
            "created": report.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "example": True,
        }
    assert collection["open"] == view.counts.open


def test_geojson_is_bounded_and_says_how_many_there_are(renderer: Renderer) -> None:
    view = samples.sample_kelurahan(400)
    waiting = tuple(dataclasses.replace(r, state="waiting") for r in view.reports)
    collection = json.loads(
        data.geojson(dataclasses.replace(view, reports=waiting, counts=Counts({"waiting": 1234})), Licence())
    )
    assert len(collection["features"]) == MAPPED
    assert collection["open"] == 1234


def read_columns(text: str) -> list[tuple[str, float, float, str, str, int, int, str]]:
    """An active or archive file, read by what the documentation of `data.active` says."""
    file = json.loads(text)
    columns = file["columns"]
    assert len({len(column) for column in columns.values()}) <= 1
    rows, minutes = [], 0
    for i, report_id in enumerate(columns["id"]):
        minutes += columns["created"][i]
        rows.append(
            (
                report_id,
                (file["origin"][0] + columns["longitude"][i]) / 1e5,
                (file["origin"][1] + columns["latitude"][i]) / 1e5,
                file["categories"][columns["category"][i]],
                file["states"][columns["state"][i]],
                minutes,
                columns["photo"][i],
                columns["text"][i],
            )
        )
    return rows


reports = st.lists(
    st.builds(
        ReportSummary,
        id=st.text(samples.ALPHABET, min_size=8, max_size=8),
        category=st.sampled_from(["jalan", "pohon", "air"]),
        state=st.sampled_from(list(STATES)),
        description=TEXT,
        longitude=st.floats(106.3, 107.0),
        latitude=st.floats(-6.4, -5.1),
        created=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        updated=st.just(datetime(2030, 1, 2, tzinfo=UTC)),
        thumb_url=st.sampled_from([None, "/foto/x.jpg"]),
        example=st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reports=reports)
def test_an_active_file_can_be_read_back(renderer: Renderer, reports: list[ReportSummary]) -> None:
    view = dataclasses.replace(samples.sample_kelurahan(0), reports=tuple(reports))
    rows = read_columns(data.active(view))
    assert len(rows) == len(reports)
    for i, (row, report) in enumerate(zip(rows, reports, strict=True)):
        assert row[0] == report.id
        assert row[1] == pytest.approx(report.longitude, abs=6e-6)
        assert row[2] == pytest.approx(report.latitude, abs=6e-6)
        assert row[3:5] == (report.category, report.state)
        assert row[5] == report.created.timestamp() // 60
        assert row[6] == (report.thumb_url is not None)
        assert (row[7] != "") <= (i < WORDED)
    archived = read_columns(data.archive(view.kode, "202611", reports))
    assert [row[:7] for row in archived] == [row[:7] for row in rows]
    assert all(bool(row[7]) == bool(r.description.split()) for row, r in zip(archived, reports, strict=True))


def test_an_active_file_counts_what_it_does_not_list(renderer: Renderer) -> None:
    view = dataclasses.replace(samples.sample_kelurahan(3), counts=Counts({"waiting": 500, "done": 7}))
    file = json.loads(data.active(view))
    assert (file["kode"], file["open"], file["total"], file["example"]) == (view.kode, 500, 507, True)


def test_the_summary_counts_every_kelurahan_in_the_order_of_its_states(
    renderer: Renderer, home_view: HomeView
) -> None:
    summary = json.loads(data.summary_counts(home_view.rows, boundaries_version="abc123", approximate=True))
    assert summary["states"] == list(STATES)
    assert summary["boundaries"] == {"version": "abc123", "approximate": True}
    for row in home_view.rows:
        assert sum(summary["kelurahan"][row.kode]) == row.counts.total
