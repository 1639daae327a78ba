"""What operators tell of the service: in both languages, in order, published with its history, never taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalicelib.publishing import incidents
from chalicelib.storage.sqlite import SQLiteTable

from tests.web import strict_html

from ..conftest import Clock
from ..newsroom import Newsroom, opened


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    with opened(tmp_path) as made:
        yield made


def test_an_incident_is_told_as_it_goes_and_stays_readable_when_it_is_over(newsroom: Newsroom):
    table, clock = newsroom.table, newsroom.clock
    newsroom.publisher.service(clock())
    assert "Nothing that the operators told of." in newsroom.read("en/status/index.html")
    incidents.opened(table, clock(), "Peta <lambat>.", "The map is <slow>.")
    clock.later(minutes=10)
    incidents.added(table, clock(), 1, "Sebabnya diketahui.", "The cause is known.")
    newsroom.publisher.service(clock())
    for root, words in (("", "Sebabnya diketahui."), ("en/", "The cause is known.")):
        page = newsroom.read(f"{root}status/index.html")
        assert strict_html.read(page).problems == []
        assert page.index(words) < page.index("&lt;"), "the newest word comes first"
        assert 'class="incident"' in page
    clock.later(minutes=5)
    incidents.added(table, clock(), 1, "Selesai.", "It is over.", close=True)
    newsroom.publisher.service(clock())
    page = newsroom.read("en/status/index.html")
    assert 'class="incident"' not in page
    assert page.index("What was wrong before") < page.index("It is over.") < page.index("The map is")
    [told] = json.loads(newsroom.read("data/status.json"))["incidents"]
    assert told["closed"] == told["entries"][-1]["at"]
    assert [each["en"] for each in told["entries"]] == [
        "The map is <slow>.",
        "The cause is known.",
        "It is over.",
    ]


def test_those_that_go_on_come_first(table: SQLiteTable, clock: Clock):
    for number in range(4):
        incidents.opened(table, clock(), f"Ke-{number}", f"Number {number}")
    incidents.added(table, clock(), 4, "Selesai.", "Over.", close=True)
    assert [each.number for each in incidents.newest(table)] == [3, 2, 1, 4]
    assert [each.number for each in incidents.newest(table, most=2)] == [3, 4]


@pytest.mark.parametrize("texts", [("", "English"), ("Indonesia", "  "), ("x" * 501, "English")])
def test_both_languages_are_needed_and_bounded(table: SQLiteTable, clock: Clock, texts: tuple[str, str]):
    with pytest.raises(incidents.IncidentError, match="characters"):
        incidents.opened(table, clock(), *texts)
    assert incidents.newest(table) == ()


def test_nothing_is_added_to_what_is_over_or_was_never_there(table: SQLiteTable, clock: Clock):
    incidents.opened(table, clock(), "Ada", "There")
    incidents.added(table, clock(), 1, "Selesai", "Over", close=True)
    with pytest.raises(incidents.IncidentError, match="closed"):
        incidents.added(table, clock(), 1, "Lagi", "Again")
    for number in (2, 0, -1, 10**9):
        with pytest.raises(incidents.IncidentError, match="no incident"):
            incidents.added(table, clock(), number, "Lagi", "Again")
