"""What the lifecycle allows, walked on happy and unhappy ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from chalicelib.lifecycle import (
    CLOSED,
    MOVES,
    OPEN,
    REOPEN_DAYS,
    ROLES,
    STATES,
    WORKERS,
    Move,
    MoveRefused,
    check,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def wish(to: str, **more: object) -> Move:
    """A move with everything that its goal needs."""
    needs: dict[str, dict[str, object]] = {
        "coordination": {"office": "dinas"},
        "disposition": {"office": "satpel"},
        "done": {"text": "Sudah diperbaiki."},
        "rejected": {"text": "Tidak ditemukan.", "reason": "not_found"},
        "duplicate": {"duplicate_of": "7K3M9QX2"},
    }
    return Move(**{"to": to, **needs.get(to, {}), **more})  # type: ignore[arg-type]


def refused(state: str, move: Move, *, role: str = "officer", closed_at: datetime | None = None) -> str:
    with pytest.raises(MoveRefused) as caught:
        check(state, move, role=role, now=NOW, closed_at=closed_at, report_id="AAAAAAAA")
    return caught.value.code


def test_every_state_has_jakartas_word_and_open311s():
    assert {code: (s.screen, s.open311) for code, s in STATES.items()} == {
        "waiting": ("Menunggu", "open"),
        "coordination": ("Koordinasi", "open"),
        "disposition": ("Disposisi", "open"),
        "in_progress": ("Proses", "open"),
        "done": ("Selesai", "closed"),
        "rejected": ("Ditolak", "closed"),
        "duplicate": ("Duplikat", "closed"),
    }
    assert set(OPEN) | set(CLOSED) == set(STATES) == set(MOVES)


def test_a_cable_goes_from_waiting_to_done_as_the_city_does_it():
    for state, goal in (
        ("waiting", "coordination"),
        ("coordination", "disposition"),
        ("disposition", "in_progress"),
        ("in_progress", "in_progress"),
        ("in_progress", "done"),
    ):
        check(
            state,
            wish(goal, **({"percent": 50} if goal == "in_progress" else {})),
            role="officer",
            now=NOW,
            closed_at=None,
        )


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("goal", STATES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_moves_a_report_only_where_the_table_says(state: str, goal: str, role: str):
    move = wish(goal, **({"text": "Masih rusak."} if STATES[state].closed else {}))
    if role in MOVES[state].get(goal, ()):
        check(state, move, role=role, now=NOW, closed_at=NOW - timedelta(days=1), report_id="AAAAAAAA")
    else:
        assert refused(state, move, role=role, closed_at=NOW) == "not_allowed"


def test_an_auditor_moves_nothing():
    assert not any("auditor" in roles for goals in MOVES.values() for roles in goals.values())
    assert "auditor" in ROLES - WORKERS


def test_a_reporter_reopens_within_fourteen_days_and_not_after():
    again = Move("waiting", "Lubangnya muncul lagi.")
    at_last = NOW - timedelta(days=REOPEN_DAYS)
    check("done", again, role="reporter", now=NOW, closed_at=at_last)
    assert refused("done", again, role="reporter", closed_at=at_last - timedelta(seconds=1)) == "too_late"
    check("done", again, role="officer", now=NOW, closed_at=at_last - timedelta(days=400))


@pytest.mark.parametrize(
    ("state", "move", "code"),
    [
        ("waiting", Move("nowhere"), "unknown_state"),
        ("nowhere", Move("done", "x"), "unknown_state"),
        ("waiting", Move("coordination"), "office_missing"),
        ("waiting", Move("disposition"), "office_missing"),
        ("waiting", Move("done"), "text_missing"),
        ("waiting", Move("done", "  "), "text_missing"),
        ("waiting", Move("rejected", "Tidak jelas.", reason="because"), "reason_unknown"),
        ("waiting", Move("rejected", reason="unclear"), "text_missing"),
        ("waiting", Move("in_progress", percent=100), "percent_wrong"),
        ("waiting", Move("in_progress", percent=-1), "percent_wrong"),
        ("waiting", Move("done", "Selesai.", percent=50), "percent_wrong"),
        ("waiting", Move("duplicate"), "duplicate_missing"),
        ("waiting", Move("duplicate", duplicate_of="AAAAAAAA"), "duplicate_of_itself"),
        ("done", Move("waiting"), "text_missing"),
    ],
)
def test_a_move_without_what_it_needs_is_refused_with_a_reason(state: str, move: Move, code: str):
    assert refused(state, move, closed_at=NOW) == code


def test_somebody_unknown_moves_nothing():
    assert refused("waiting", wish("done"), role="mayor") == "unknown_role"
