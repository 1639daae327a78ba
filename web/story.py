"""What a report's history tells beyond its single steps: who handed it to whom, what changed before and after.

Works on views only and writes no text; templates put it into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web.views import EventView, PhotoView, ReportView


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and what it takes the ones before to say: `given_by` is the office that had the report
    before this step handed it on, "" when nobody else had it; `question` what an answer answers."""

    event: EventView
    given_by: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """How it looked when it was reported and when it was done: one photo each, and when each came."""

    before: PhotoView
    reported: EventView
    after: PhotoView
    done: EventView


def steps(events: Sequence[EventView]) -> tuple[Step, ...]:
    """The history as it is told: newest first."""
    told: list[Step] = []
    holder = ""
    asked: dict[int, str] = {}
    for event in sorted(events, key=lambda each: each.seq):
        given_by = holder if event.to_office and event.to_office != holder else ""
        told.append(
            Step(event, given_by, asked.get(event.about or 0, "") if event.kind == "answered" else "")
        )
        holder = event.to_office or holder
        if event.kind == "asked":
            asked[event.seq] = event.text
    return tuple(reversed(told))


def pair(view: ReportView) -> Pair | None:
    """The first photo of the report beside the first one of the step that closed it as done.

    None while it is not done, or when one of them is missing: a photo beside nothing compares nothing.
    """
    if view.state != "done" or not view.photos:
        return None
    ordered = sorted(view.events, key=lambda each: each.seq)
    closings = [each for each in ordered if each.to_state == "done" and each.photos]
    if not closings:
        return None
    return Pair(view.photos[0], ordered[0], closings[-1].photos[0], closings[-1])


def asked_last(events: Sequence[EventView]) -> EventView | None:
    """The last question to the reporter that still waits for an answer, with its words."""
    answered = {each.about for each in events if each.kind == "answered"}
    waiting = [each for each in events if each.kind == "asked" and each.text and each.seq not in answered]
    return max(waiting, key=lambda each: each.seq, default=None)
