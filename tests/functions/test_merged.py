"""Reports that tell the same: each duplicate is listed on the page of the one it follows, and links to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalicelib import records

from .newsroom import Newsroom, opened


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    with opened(tmp_path) as made:
        yield made


def merged(newsroom: Newsroom, report_id: str) -> list[str]:
    found: list[str] = json.loads(newsroom.read(f"laporan/{report_id}.json"))["merged"]
    return found


def test_duplicates_are_listed_where_they_point_and_link_back(newsroom: Newsroom):
    first, second, third = (newsroom.send().id for _ in range(3))
    newsroom.drain()
    assert merged(newsroom, first) == []
    assert 'id="sama"' not in newsroom.read(f"laporan/{first}/index.html")
    for other in (second, third):
        newsroom.move(other, "duplicate", duplicate_of=first)
    newsroom.drain()
    assert merged(newsroom, first) == sorted([second, third])
    for root, words in (("", "2 laporan lain"), ("en/", "2 reports tell the same")):
        page = newsroom.read(f"{root}laporan/{first}/index.html")
        assert words in page
        assert f'/laporan/{second}/"' in page
        assert f'/laporan/{first}/"' in newsroom.read(f"{root}laporan/{second}/index.html")


def test_one_that_is_opened_again_is_listed_no_more(newsroom: Newsroom):
    first, second = newsroom.send().id, newsroom.send().id
    newsroom.move(second, "duplicate", duplicate_of=first)
    newsroom.drain()
    assert merged(newsroom, first) == [second]
    newsroom.move(second, "waiting")
    newsroom.drain()
    assert merged(newsroom, first) == []
    assert second not in newsroom.read(f"laporan/{first}/index.html")


def test_a_private_duplicate_leaves_no_trace(newsroom: Newsroom):
    first, secret = newsroom.send().id, newsroom.send(private=True).id
    newsroom.move(secret, "duplicate", duplicate_of=first)
    newsroom.drain()
    assert merged(newsroom, first) == []
    assert records.merged(newsroom.table, first) == ()
