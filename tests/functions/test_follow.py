"""Who may hear of what, and when: circles lose nobody, nights stay quiet, what is private stays private."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from chalicelib import follow
from chalicelib.proof import WIB
from chalicelib.report import Event, Office, Place, Report, stamp
from hypothesis import given
from hypothesis import strategies as st

from geo.plane import metres_per_degree

GAMBIR = "31.71.01.1001"
OFFICE = Office(GAMBIR, "Kelurahan Gambir")
LONGITUDES, LATITUDES = st.floats(106.3, 107.0), st.floats(-6.4, -5.0)
MOMENTS = st.integers(0, 365 * 86_400).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
HOURS = st.integers(0, 23)


def report(**changes: Any) -> Report:
    made = Report(
        id="7K3M9QX2",
        created="2026-11-23T02:00:00.000Z",
        updated="2026-11-23T02:00:00.000Z",
        category="jalan",
        state="in_progress",
        description="Lubang",
        channel="web",
        language="id",
        private=False,
        follow_hash="",
        seq=2,
        head="",
        place=Place(GAMBIR, "Gambir", "Gambir", "Jakarta Pusat", "inside", "b"),
        longitude=106.83,
        latitude=-6.17,
    )
    return msgspec.structs.replace(made, **changes)


def event(kind: str = "moved", **more: Any) -> Event:
    given_by = {"office": OFFICE} | more
    return Event(report="7K3M9QX2", seq=2, at="2026-11-23T03:00:00.000Z", kind=kind, **given_by)


def row(**more: Any) -> follow.Row:
    return follow.Row(since="2026-11-23T02:30:00.000Z", rhythm="now", **more)


AT_REPORT, AT_AREA = "followers#report#7K3M9QX2", f"followers#area#{GAMBIR}"


@given(LONGITUDES, LATITUDES, st.integers(100, 2000), st.floats(0, 6.283), st.floats(0, 1))
def test_whoever_is_inside_a_circle_finds_it_in_their_square(
    longitude: float, latitude: float, radius: int, direction: float, share: float
):
    across, along = metres_per_degree(latitude)
    there = (
        longitude + math.cos(direction) * share * radius / across,
        latitude + math.sin(direction) * share * radius / along,
    )
    assert follow.cell(*there) in set(follow.cells(longitude, latitude, radius))


@given(LONGITUDES, LATITUDES, st.integers(100, 2000))
def test_no_circle_touches_more_than_nine_squares(longitude: float, latitude: float, radius: int):
    assert len(list(follow.cells(longitude, latitude, radius))) <= 9


def test_a_change_reads_nine_partitions_at_most_and_each_follow_is_in_one_of_them():
    listening = follow.listening(report())
    assert len(listening) <= 9
    for target in (
        follow.Target("report", report="7K3M9QX2"),
        follow.Target("area", area=GAMBIR),
        follow.Target("area", area=GAMBIR[:8]),
        follow.Target("area", area="31", category="jalan"),
        follow.Target("area", area=GAMBIR[:5], category="jalan"),
        follow.Target("circle", longitude=106.835, latitude=-6.17, radius_m=1000),
    ):
        assert set(follow.partitions(target)) & set(listening), target


def test_a_private_report_is_its_reporters_business_alone():
    private = report(private=True)
    assert follow.listening(private) == [AT_REPORT]
    assert not follow.hears(AT_REPORT, row(), private, event())
    assert follow.hears(AT_REPORT, row(role="reporter"), private, event())


def test_what_happened_before_somebody_followed_is_no_news():
    before = msgspec.structs.replace(event(), at="2026-11-23T02:30:00.000Z")
    assert not follow.hears(AT_REPORT, row(), report(), before)


@pytest.mark.parametrize(
    ("happened", "of_report", "of_area"),
    [
        (event("received", to_state="waiting", office=None), False, True),
        (event("placed"), True, True),
        (event(to_state="coordination", from_state="waiting"), True, False),
        (event(to_state="done", from_state="in_progress"), True, True),
        (event(to_state="rejected", from_state="waiting"), True, True),
        (event(to_state="waiting", from_state="done", office=None), True, True),
        (event("asked"), True, False),
        (event("noted"), True, False),
        (event("rated", office=None), False, False),
        (event("contact_viewed"), False, False),
        (event("erased"), False, False),
    ],
    ids=lambda value: value.kind if isinstance(value, Event) else str(value),
)
def test_followers_of_a_report_hear_all_of_it_those_of_an_area_what_comes_and_what_becomes_of_it(
    happened: Event, of_report: bool, of_area: bool
):
    assert follow.hears(AT_REPORT, row(), report(), happened) is of_report
    assert follow.hears(AT_AREA, row(), report(), happened) is of_area


def test_a_reporter_is_not_told_of_their_own_words():
    assert not follow.hears(AT_REPORT, row(role="reporter"), report(), event("noted", office=None))
    assert follow.hears(AT_REPORT, row(), report(), event("noted", office=None))


def test_a_circle_hears_of_what_lies_within_it_and_of_its_category():
    near, far = (
        row(longitude=106.83, latitude=-6.17, radius_m=200),
        row(longitude=106.84, latitude=-6.17, radius_m=200),
    )
    new = event("received", to_state="waiting")
    at = follow.partitions(follow.Target("circle", longitude=106.83, latitude=-6.17, radius_m=200))[0]
    assert follow.hears(at, near, report(), new)
    assert not follow.hears(at, far, report(), new)
    assert not follow.hears(at, msgspec.structs.replace(near, category="banjir"), report(), new)
    assert not follow.hears(at, near, report(longitude=None, latitude=None), new)


def test_a_report_is_new_once_however_it_came():
    received, placed = event("received"), msgspec.structs.replace(event("placed"), seq=3)
    assert follow.mark(AT_AREA, received) == follow.mark(AT_AREA, placed)
    assert follow.mark(AT_REPORT, received) != follow.mark(AT_REPORT, placed)


@given(MOMENTS, HOURS, HOURS)
def test_nothing_goes_out_in_quiet_hours_and_nothing_waits_longer_than_it_must(
    now: datetime, quiet_from: int, until: int
):
    rules = follow.Rules(quiet_from, until)
    at = follow.held(now, rules)
    hour = (at + WIB).hour
    quiet = quiet_from <= hour < until if quiet_from <= until else hour >= quiet_from or hour < until
    assert not quiet
    assert now <= at < now + timedelta(days=1)
    assert follow.held(at, rules) == at
    if at != now:
        assert ((at + WIB).hour, (at + WIB).minute, (at + WIB).second) == (until, 0, 0)


@given(MOMENTS, HOURS)
def test_digests_are_a_day_apart(now: datetime, hour: int):
    at = follow.next_digest(now, follow.Rules(digest_hour=hour))
    assert now < at <= now + timedelta(days=1)
    assert (at + WIB).hour == hour
    assert follow.next_digest(at, follow.Rules(digest_hour=hour)) == at + timedelta(days=1)


def test_a_planned_day_is_late_when_it_is_over_in_jakarta_and_not_before():
    planned = report(planned="2026-11-25")
    last = datetime(2026, 11, 25, 16, 59, tzinfo=UTC)
    assert not follow.is_late(planned, "2026-11-25", last)
    assert follow.is_late(planned, "2026-11-25", last + timedelta(minutes=1))
    assert not follow.is_late(report(planned="2026-11-28"), "2026-11-25", last + timedelta(days=1))
    assert not follow.is_late(
        report(planned="2026-11-25", state="done"), "2026-11-25", last + timedelta(days=1)
    )
    assert follow.morning_after("2026-11-25", follow.Rules()) == datetime(2026, 11, 26, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        (follow.Target("area", area=GAMBIR), None),
        (follow.Target("area", area="31", category="jalan"), None),
        (follow.Target("area", area="31"), "category"),
        (follow.Target("area", area="31.71"), "category"),
        (follow.Target("area", area="32.71.01", category="jalan"), "area"),
        (follow.Target("area", area=f"{GAMBIR}#x", category="jalan"), "area"),
        (follow.Target("area", area=GAMBIR, category="tidak#ada"), "category"),
        (follow.Target("report", report="7K3M9QX2", category="jalan"), "category"),
        (follow.Target("circle", radius_m=99), "radius"),
        (follow.Target("circle", radius_m=2001), "radius"),
    ],
)
def test_only_what_is_bounded_can_be_followed(target: follow.Target, wrong: str | None):
    assert follow.wrong_target(target, ["jalan", "banjir"]) == wrong


def test_follows_of_a_report_end_with_its_contact():
    now = datetime(2026, 11, 24, tzinfo=UTC)
    closed = report(closed=stamp(now), state="done")
    assert follow.report_ends(report(), 90, now) is None
    assert follow.report_ends(closed, 90, now) == now + timedelta(days=90)
