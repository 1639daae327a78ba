"""Pictures for sharing: drawn once per public report, anew when what they show changed, never for private ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chalicelib import desk, intake
from chalicelib.publishing import cards

from ..newsroom import GAMBIR, OFFICE, SITE, Newsroom, opened


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    with opened(tmp_path) as made:
        yield made


def there(newsroom: Newsroom) -> list[str]:
    return [path for path in newsroom.site.list("foto/") if "/kartu-" in path]


def linked(newsroom: Newsroom, report_id: str) -> str:
    """Where the page says that the picture is."""
    found = re.search(
        r'property="og:image" content="([^"]*)"', newsroom.read(f"laporan/{report_id}/index.html")
    )
    assert found
    return found[1].removeprefix(f"{SITE}/")


def test_every_public_report_gets_the_card_that_its_page_names(
    newsroom: Newsroom, photo: Callable[..., bytes]
):
    plain = newsroom.send().id
    newsroom.clock.later(minutes=1)
    row = newsroom.door.locator.by_kode[GAMBIR]
    told = {"category": "kabel", "description": "Kabel turun rendah.", "longitude": row.longitude}
    submission = intake.Submission(**told, latitude=row.latitude)
    pictured = intake.accept(newsroom.door, submission, channel="web", files=[photo()]).id
    newsroom.drain()
    assert there(newsroom) == [], "pages do not wait for pictures"
    assert newsroom.publisher.cards(limit=1) == 1
    assert there(newsroom) == [linked(newsroom, pictured)], "the newest is shared first"
    assert newsroom.publisher.cards(limit=9) == 1
    assert set(there(newsroom)) == {linked(newsroom, plain), linked(newsroom, pictured)}
    assert newsroom.publisher.cards(limit=9) == 0


def test_a_move_draws_nothing_and_a_corrected_category_draws_anew(newsroom: Newsroom):
    report_id = newsroom.send().id
    newsroom.drain()
    newsroom.publisher.cards(limit=9)
    before = linked(newsroom, report_id)
    newsroom.move(report_id, "in_progress")
    newsroom.drain()
    assert newsroom.publisher.cards(limit=9) == 0
    assert linked(newsroom, report_id) == before
    salts = ["1", "2", "3"]
    newsroom.do(report_id, desk.correct_draft(office=OFFICE, salts=salts, category="sampah", words={}))
    newsroom.drain()
    assert newsroom.publisher.cards(limit=9) == 1
    assert there(newsroom) == [linked(newsroom, report_id)] != [before]


def test_a_private_report_has_no_card(newsroom: Newsroom):
    newsroom.send(private=True)
    newsroom.drain()
    assert newsroom.publisher.cards(limit=9) == 0
    assert there(newsroom) == []


def test_a_rebuild_wants_only_what_is_missing(newsroom: Newsroom):
    report_id = newsroom.send().id
    newsroom.drain()
    newsroom.publisher.cards(limit=9)
    newsroom.publisher.report(report_id)
    assert newsroom.publisher.cards(limit=9) == 0
    newsroom.site.delete(linked(newsroom, report_id))
    newsroom.publisher.report(report_id)
    assert newsroom.publisher.cards(limit=9) == 1


def test_one_that_cannot_be_drawn_holds_back_no_other(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch):
    first, second = newsroom.send().id, newsroom.send().id
    newsroom.drain()
    genuine = cards.card.draw

    def failing(view: cards.card.CardView, *rest: object) -> bytes:
        if view.report == second:
            raise OSError("broken")
        return genuine(view, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(cards.card, "draw", failing)
    assert newsroom.publisher.cards(limit=9) == 2
    assert there(newsroom) == [linked(newsroom, first)]
