"""Limits are exact however many ask at once, say how much is left, and start anew with each window."""

from __future__ import annotations

import threading

from chalicelib.front import limits
from chalicelib.front.limits import Limit
from chalicelib.storage.sqlite import SQLiteTable

from ..conftest import Clock


def test_exactly_as_many_are_let_through_as_the_limit_says_however_many_ask_at_once(
    table: SQLiteTable, clock: Clock
) -> None:
    outcomes: list[bool] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        for _ in range(6):
            outcomes.append(limits.take(table, "key#a", Limit(25), now=clock()).allowed)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count(True), outcomes.count(False)) == (25, 23)


def test_a_new_window_starts_from_nothing_and_the_reset_says_when(table: SQLiteTable, clock: Clock) -> None:
    clock.later(seconds=20)
    first, second = (limits.take(table, "key#a", Limit(1), now=clock()) for _ in range(2))
    assert (first.allowed, first.remaining, first.reset_s) == (True, 0, 40)
    assert (second.allowed, second.remaining, second.reset_s) == (False, 0, 40)
    clock.later(seconds=40)
    assert limits.take(table, "key#a", Limit(1), now=clock()).allowed


def test_whoever_is_counted_is_counted_alone_and_each_limit_by_itself(
    table: SQLiteTable, clock: Clock
) -> None:
    assert limits.take(table, "key#a", Limit(1), now=clock()).allowed
    assert limits.take(table, "key#b", Limit(1), now=clock()).allowed
    assert limits.take(table, "key#a", Limit(1, 3600), now=clock()).allowed
    assert not limits.take(table, "key#a", Limit(1), now=clock()).allowed


def test_counts_of_past_windows_leave_the_table(table: SQLiteTable, clock: Clock) -> None:
    limits.take(table, "key#a", Limit(5), now=clock())
    assert len(table.query("rate#key#a").items) == 1
    clock.later(minutes=3)
    assert table.query("rate#key#a").items == []


def test_the_headers_say_what_is_left_and_only_a_refusal_when_to_come_back(
    table: SQLiteTable, clock: Clock
) -> None:
    first, second = (limits.take(table, "key#a", Limit(1), now=clock()) for _ in range(2))
    assert first.headers == {
        "RateLimit-Limit": "1",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "60",
        "RateLimit-Policy": "1;w=60",
    }
    assert second.headers == {**first.headers, "Retry-After": "60"}
