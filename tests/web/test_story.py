"""What a history tells beyond its steps: hand-overs from office to office, photos before and after, open questions."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.web import samples, strict_html
from web import story
from web.render import Renderer
from web.views import EventView

BEGIN = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
PLAIN = EventView(1, BEGIN, "noted", "", "", None, None, "", None, None, None, "a" * 64)


def event(seq: int, kind: str = "moved", **changes: Any) -> EventView:
    return dataclasses.replace(PLAIN, seq=seq, at=BEGIN + timedelta(hours=seq), kind=kind, **changes)


HISTORY = (
    event(1, "received", to_state="waiting", to_office="Kelurahan Gambir"),
    event(2, from_state="waiting", to_state="coordination", office="Kelurahan Gambir", to_office="Dinas A"),
    event(3, from_state="coordination", to_state="coordination", office="Dinas A", to_office="Dinas B"),
    event(4, "asked", office="Dinas B", text="Di sisi mana?"),
    event(5, "answered", about=4, text="Sisi barat."),
    event(6, from_state="coordination", to_state="disposition", office="Dinas B", to_office="Dinas B"),
)


def test_each_hand_over_names_who_had_it_and_who_has_it_now():
    told = {step.event.seq: (step.given_by, step.event.to_office) for step in story.steps(HISTORY)}
    assert told[1] == ("", "Kelurahan Gambir")
    assert told[2] == ("Kelurahan Gambir", "Dinas A")
    assert told[3] == ("Dinas A", "Dinas B")
    assert told[6] == ("", "Dinas B"), "who keeps it hands it to nobody"
    assert [step.event.seq for step in story.steps(reversed(HISTORY))] == [6, 5, 4, 3, 2, 1]


def test_hand_overs_are_sentences_in_both_languages(renderer: Renderer):
    view = samples.sample_report("in_progress", events=HISTORY)
    assert "Dinas A meneruskan laporan ini ke Dinas B." in renderer.status(view, "id")
    assert "Dinas A handed the report over to Dinas B." in renderer.status(view, "en")


def test_an_answer_stands_with_its_question_and_an_open_question_stands_on_top(renderer: Renderer):
    answer = next(step for step in story.steps(HISTORY) if step.event.kind == "answered")
    assert answer.question == "Di sisi mana?"
    assert story.asked_last(HISTORY) is None
    open_question = story.asked_last(HISTORY[:4])
    assert open_question is not None
    assert open_question.seq == 4
    waiting = renderer.status(samples.sample_report("in_progress", events=HISTORY[:4]), "en")
    assert "Your report? Answer with your key" in waiting
    done = renderer.status(samples.sample_report("in_progress", events=HISTORY), "en")
    assert "Your report? Answer with your key" not in done
    assert "The question was:" in done


def test_before_and_after_stand_side_by_side_when_both_are_there(renderer: Renderer):
    view = samples.sample_report("done")
    both = story.pair(view)
    assert both is not None
    assert (both.before, both.after) == (view.photos[0], view.events[-1].photos[0])
    page = renderer.status(view, "id")
    assert strict_html.read(page).problems == []
    before, after = page.index(">Sebelum<"), page.index(">Sesudah<")
    assert page.index('class="pair"') < before < after


def test_nothing_is_compared_with_nothing():
    view = samples.sample_report("done")
    assert story.pair(dataclasses.replace(view, photos=())) is None
    bare = tuple(dataclasses.replace(each, photos=()) for each in view.events)
    assert story.pair(dataclasses.replace(view, events=bare)) is None
    assert story.pair(dataclasses.replace(view, state="waiting")) is None, "opened again: it is not after yet"
