"""Routing rules: what fits, which comes first, and the same answer for the same report, whoever asks and when."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from chalicelib import intake, proof, records
from chalicelib.access import Officer
from chalicelib.officers import editable, routing
from chalicelib.officers.routing import Rule
from chalicelib.report import Office, Place, Report
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import WRITES
from chalicelib.submission import Submission
from hypothesis import given
from hypothesis import strategies as st

from ..conftest import CIDENG, GAMBIR, Clock

ROADS = Office("contoh-jalan", "Dinas jalan (contoh)")
ADMIN = Officer("a", "A", "admin", ROADS, ("31",))


def report(**more: Any) -> Report:
    made = {
        "id": "7K3M9QX2", "created": "2026-11-23T02:30:00.000Z", "updated": "2026-11-23T02:30:00.000Z",
        "category": "jalan", "state": "waiting", "description": "Lubang besar dekat Halte-Monas!", "channel": "web",
        "language": "id", "private": False, "follow_hash": "x", "seq": 1, "head": "0" * 64,
        "place": Place(GAMBIR, "Gambir", "Gambir", "Jakarta Pusat", "inside", "test"),
        "office": Office(GAMBIR, "Kelurahan Gambir"), "landmark": "Seberang toko",
    }  # fmt: skip
    return Report(**{**made, **more})  # type: ignore[arg-type]


def rule(code: str = "satu", **more: Any) -> Rule:
    return Rule(code, f"Aturan {code}", more.pop("agency", ROADS.code), **more)


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({}, True),
        ({"categories": ("jalan", "sampah")}, True),
        ({"categories": ("sampah",)}, False),
        ({"boundaries": ("31.71.01",)}, True),
        ({"boundaries": (CIDENG, GAMBIR)}, True),
        ({"boundaries": (CIDENG,)}, False),
        ({"boundaries": ("31.7",)}, False),
        ({"words": ("LUBANG",)}, True),
        ({"words": ("halte monas",)}, True),
        ({"words": ("seberang",)}, True),
        ({"words": ("besar halte", "lub")}, False),
        # 02:30 in UTC on a Monday is 09:30 in Jakarta.
        ({"days": (0,)}, True),
        ({"days": (1, 6)}, False),
        ({"from_hour": 9, "to_hour": 10}, True),
        ({"from_hour": 10, "to_hour": 17}, False),
        ({"from_hour": 22, "to_hour": 10}, True),
        ({"from_hour": 22, "to_hour": 9}, False),
        ({"categories": ("jalan",), "words": ("sampah",)}, False),
    ],
    ids=str,
)
def test_everything_that_a_rule_names_must_fit(more: dict[str, Any], fits: bool):
    assert (routing.decide([rule(**more)], report()) is not None) == fits


def test_night_belongs_to_the_day_on_jakartas_clock():
    late = report(created="2026-11-22T18:30:00.000Z")
    assert routing.decide([rule(days=(0,), from_hour=1, to_hour=2)], late)
    assert routing.decide([rule(days=(6,))], late) is None


def test_without_a_place_or_in_doubt_people_decide_first():
    assert routing.decide([rule()], report(place=None, office=None)) is None
    doubt = Place(GAMBIR, "G", "G", "J", "inside", "t", probability=0.6, runner_up=CIDENG)
    assert routing.decide([rule()], report(place=doubt)) is None


@given(st.permutations(range(6)), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_the_first_rule_is_the_same_in_whatever_order_they_are_kept(order: list[int], numbers: list[int]):
    rules = [rule(f"aturan-{n}", order=number) for n, number in enumerate(numbers)]
    chosen = routing.decide([rules[n] for n in order], report())
    assert chosen == min(rules, key=lambda each: (each.order, each.code))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rule("Satu"), "no code"),
        (rule(boundaries=("gambir",)), "boundary"),
        (rule(words=("!!",)), "no word"),
        (rule(from_hour=7, to_hour=7), "never"),
    ],
)
def test_a_rule_that_means_nothing_is_named(wrong: Rule, said: str):
    assert said in routing.check(wrong)


# At intake.


def keep(table: SQLiteTable, clock: Clock, *rules: Rule) -> None:
    bodies = {each.code: msgspec.to_builtins(each) for each in rules}
    for body in bodies.values():
        del body["code"]
    seen = editable.read(table, routing.KIND).version
    editable.write(table, routing.KIND, bodies, seen=seen, before={}, by=ADMIN, now=clock())


def sent(door: intake.Door, **more: Any) -> Report:
    given: dict[str, Any] = {
        "category": "jalan", "description": "Lubang besar di lajur kiri.", "latitude": -6.17, "longitude": 106.83,
    }  # fmt: skip
    accepted = intake.accept(door, Submission(**{**given, **more}), channel="web", may_ask=False)
    return records.load(door.table, accepted.id)[0]  # type: ignore[index]


@pytest.fixture
def routed(door: intake.Door) -> intake.Door:
    import dataclasses

    return dataclasses.replace(door, offices=lambda: {ROADS.code: ROADS})


def test_a_rule_hands_a_report_on_as_it_comes_in_and_history_names_the_rule(
    routed: intake.Door, table: SQLiteTable, clock: Clock
):
    keep(table, clock, rule(categories=("jalan",), live=True))
    it = sent(routed)
    history = records.history(table, it.id)
    assert [event.kind for event in history] == ["received", "routed"]
    assert history[0].to_office == Office(GAMBIR, "Kelurahan Gambir")
    assert (history[1].rule, history[1].to_office, history[1].at) == ("Aturan satu", ROADS, history[0].at)
    assert (it.state, it.office, it.seq) == ("waiting", ROADS, 2)
    assert proof.check(it, history) is None
    # It stands in the agency's queue, still in its kelurahan's list, and among the events of the month.
    assert list(records.every(table, f"desk#open#@{ROADS.code}"))
    assert [row.id for row in records.newest(table, GAMBIR)] == [it.id]
    assert (it.id, 2) in records.updates(table, it.created, it.created, most=10)


def test_no_rule_no_draft_and_no_lost_agency_moves_anything(
    routed: intake.Door, door: intake.Door, table: SQLiteTable, clock: Clock
):
    assert sent(routed).seq == 1
    keep(table, clock, rule(live=False), rule("dua", agency="contoh-hilang", live=True))
    assert sent(routed).seq == 1
    keep(table, clock, rule(live=True, order=1))
    assert sent(door).seq == 1
    assert sent(routed).seq == 2
    assert sent(routed, longitude=106.8201, accuracy=50.0).seq == 1
    assert sent(routed, longitude=107.5).seq == 1


def test_a_private_report_is_handed_on_without_a_public_trace(
    routed: intake.Door, table: SQLiteTable, clock: Clock
):
    keep(table, clock, rule(live=True))
    it = sent(routed, private=True)
    assert it.office == ROADS
    assert records.updates(table, it.created, it.created, most=10) == []


def test_what_was_imported_stays_where_it_was(routed: intake.Door, table: SQLiteTable, clock: Clock):
    keep(table, clock, rule(live=True))
    source = intake.Source("lama", "17", imported="2026-11-23T00:00:00.000Z")
    words = Submission(
        category="jalan", description="Lubang besar di lajur kiri.", latitude=-6.17, longitude=106.83
    )
    accepted = intake.accept(routed, words, channel="bulk", source=source)
    assert records.load(table, accepted.id)[0].seq == 1  # type: ignore[index]


def test_the_largest_report_that_a_rule_takes_fits_one_transaction(
    routed: intake.Door, table: SQLiteTable, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    keep(table, clock, rule(live=True))
    sizes: list[int] = []
    transact = table.transact
    monkeypatch.setattr(table, "transact", lambda writes: (sizes.append(len(writes)), transact(writes))[1])
    words = Submission(
        category="jalan", description="Lubang besar di lajur kiri.", latitude=-6.17, longitude=106.83,
        contact_email="ani@contoh.id", contact_shared=True, landmark="Depan halte",
    )  # fmt: skip
    accepted = intake.accept(
        routed, words, channel="open311", key="kunci-00000001", source=intake.Source("mitra", "17")
    )
    assert records.load(table, accepted.id)[0].office == ROADS  # type: ignore[index]
    # Room for what follows a report besides: subscriptions, notices.
    assert max(sizes) <= WRITES - 4


def test_a_trial_says_what_intake_then_does(routed: intake.Door, table: SQLiteTable, clock: Clock):
    """The dry run and the real thing are one function: on any report they agree."""
    rng = random.Random(3)
    rules = [
        rule("kata", words=("banjir", "air"), order=1, live=True),
        rule("malam", from_hour=20, to_hour=4, order=2, live=True),
        rule("pohon", categories=("pohon",), boundaries=(CIDENG,), order=3, live=True),
    ]
    keep(table, clock, *rules)
    reports = []
    for _ in range(40):
        clock.later(minutes=rng.randrange(300))
        reports.append(
            sent(
                routed,
                category=rng.choice(["jalan", "pohon"]),
                description=rng.choice(["Air meluap ke jalan.", "Lubang besar sekali.", "Banjir sebetis."]),
                longitude=rng.choice([106.81, 106.83]),
            )
        )
    would = {it.id: by.name for it, by in routing.trial(rules, reports)}
    did = {it.id: records.history(table, it.id)[1].rule for it in reports if it.seq == 2}
    assert would == did
    assert 0 < len(did) < len(reports)
