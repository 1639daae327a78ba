"""Counts: what the table adds up as things happen is what a recount from the reports gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from chalicelib import desk, intake, lifecycle, records, stats
from chalicelib.lifecycle import Move
from chalicelib.report import Office
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.submission import Submission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import CIDENG, GAMBIR, Clock, Dice, TwoKelurahan

HERE = Office(GAMBIR, "Kelurahan Gambir")
OFFICES = (Office("dinas", "Dinas Contoh"), Office("sudin", "Suku Dinas Contoh"))


def recount(door: intake.Door) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """From every report itself: by kelurahan the figures, and by month and kelurahan the recap."""
    counts: dict[str, dict[str, int]] = {}
    recap: dict[str, dict[str, int]] = {}
    for report_id in records.all_ids(door.table, [GAMBIR, CIDENG]):
        it, _ = records.load(door.table, report_id)
        if it.private or it.place is None:
            continue
        counts[it.place.kode] = stats.summed(
            [counts.get(it.place.kode, {}), {it.state: 1}, stats.outcome(it)]
        )
        name = f"{records.recap_partition(it)} {it.place.kode}"
        recap[name] = stats.summed([recap.get(name, {}), stats.facets(it)])
    return counts, recap


def counted(door: intake.Door) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """The same from the counters that grew along the way."""
    counts = {
        item.key.sort: {name: n for name, n in sorted(item.counters.items()) if n and name != "changes"}
        for item in records.every(door.table, "counts")
    }
    recap = {
        f"recap#{month} {item.key.sort}": {name: n for name, n in sorted(item.counters.items()) if n}
        for month in records.months_between("2026-11", "2029-12")
        for item in records.every(door.table, f"recap#{month}")
    }
    return counts, {name: found for name, found in recap.items() if found}


made = st.tuples(
    st.just("make"), st.sampled_from([106.81, 106.83]), st.booleans(), st.sampled_from(["jalan", "sampah"])
)
moved = st.tuples(
    st.just("move"), st.integers(0, 9), st.sampled_from(sorted(lifecycle.STATES)), st.sampled_from(OFFICES)
)
waited = st.tuples(st.just("wait"), st.sampled_from([1, 30, 400, 900]))
number = itertools.count()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(made, moved, waited), max_size=20))
def test_figures_equal_a_recount_whatever_happened(tmp_path: Path, steps: list[tuple]):
    clock, dice = Clock(), Dice(seed=str(next(number)))
    table = SQLiteTable(tmp_path / f"{next(number)}.sqlite3", now=clock.seconds)
    door = intake.Door(table, None, TwoKelurahan(), clock, dice, 1000)  # type: ignore[arg-type]
    ids: list[str] = []
    for kind, *rest in steps:
        if kind == "wait":
            clock.later(hours=rest[0])
        elif kind == "make":
            longitude, private, category = rest
            submission = Submission(
                category=category,
                description="Lubang besar di jalan.",
                longitude=longitude,
                latitude=-6.17,
                private=private,
            )
            ids.append(intake.accept(door, submission, channel="web").id)
        elif ids:
            which, to, office = rest
            wish = Move(
                to,
                "Kata.",
                office=office.code,
                reason="abuse" if to == "rejected" else "",
                duplicate_of="ZZZZZZZZ" if to == "duplicate" else "",
            )
            try:
                desk.move(
                    desk.Desk(table, clock, dice),
                    ids[which % len(ids)],
                    wish,
                    role="officer",
                    office=HERE,
                    to_office=office if to in {"coordination", "disposition"} else None,
                )
            except lifecycle.MoveRefused:
                continue
    assert counted(door) == recount(door)
    for name, kept in counted(door)[1].items():
        assert kept["total"] == sum(n for key, n in kept.items() if key.startswith("state:")), name
        assert kept["total"] == sum(n for key, n in kept.items() if key.startswith("channel:")), name
    table.close()


def test_counts_are_exact_when_a_transaction_is_tried_twice(
    door: intake.Door, clock: Clock, dice: Dice, monkeypatch: pytest.MonkeyPatch
):
    """The second try of an event that was written already fails as a whole, counters and all."""
    submission = Submission(
        category="jalan", description="Lubang besar di jalan.", longitude=106.83, latitude=-6.17
    )
    accepted = intake.accept(door, submission, channel="web")
    transact: Callable[..., None] = door.table.transact

    def twice(writes):
        transact(writes)
        transact(writes)

    monkeypatch.setattr(door.table, "transact", twice)
    with pytest.raises(desk.Changed):
        desk.move(
            desk.Desk(door.table, clock, dice),
            accepted.id,
            Move("done", "Selesai."),
            role="officer",
            office=HERE,
        )
    monkeypatch.undo()
    assert counted(door) == recount(door)
    assert counted(door)[0][GAMBIR] == {"day:0": 1, "done": 1}


days = st.dictionaries(st.integers(0, 60), st.integers(1, 9), min_size=1, max_size=12)


@given(days, st.sampled_from([50, 90]))
def test_a_percentile_is_the_one_of_the_sorted_list(many: dict[int, int], share: int):
    listed = sorted(day for day, n in many.items() for _ in range(n))
    within = stats.percentile(many, share)
    assert within in listed
    assert 100 * sum(day <= within for day in listed) >= share * len(listed)
    assert 100 * sum(day < within for day in listed) < share * len(listed)


def test_days_are_whole_and_coarser_from_sixty_on(door: intake.Door):
    submission = Submission(
        category="jalan", description="Lubang besar di jalan.", longitude=106.83, latitude=-6.17
    )
    it, _ = records.load(door.table, intake.accept(door, submission, channel="web").id)
    made = msgspec.structs.replace(it, created="2026-01-01T00:00:00.000Z", state="done")
    closed = {
        "2026-01-01T23:59:59.999Z": 0,
        "2026-01-02T00:00:00.000Z": 1,
        "2026-03-01T00:00:00.000Z": 59,
        "2026-03-07T00:00:00.000Z": 60,
        "2029-01-01T00:00:00.000Z": 720,
    }
    for at, wanted in closed.items():
        assert stats.days_until_done(msgspec.structs.replace(made, closed=at)) == wanted
    assert stats.days_until_done(it) is None


def test_figures_say_nothing_where_there_is_nothing():
    none = stats.figures({}, by_state={}, closed=lifecycle.CLOSED)
    assert (none.done_percent, none.within_percent, none.median_days, none.satisfied_percent) == (None,) * 4
    some = stats.figures(
        {"day:2": 3, "day:40": 1, "satisfied": 3, "unsatisfied": 1},
        by_state={"done": 4, "waiting": 4},
        closed=lifecycle.CLOSED,
    )
    assert (some.done_percent, some.within_percent, some.median_days, some.ninety_days) == (50.0, 75.0, 2, 40)
    assert (some.open, some.satisfied_percent) == (4, 75.0)
