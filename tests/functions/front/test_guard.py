"""Who asks too often is slowed before refused, counted exactly, and leaves no address behind."""

from __future__ import annotations

import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chalicelib import intake
from chalicelib.front import api, guard, puzzle
from chalicelib.front.guard import Guard
from chalicelib.front.operation import Parts, Request
from chalicelib.front.problems import Refused
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Key

from ..conftest import Clock, Dice
from .test_api import GOOD, Client, pages

HERE, THERE = "203.0.113.9", "198.51.100.7"
LIMITS = Settings(
    limit_reports=3,
    limit_device=2,
    limit_hard=3,
    limit_deeds=4,
    puzzle_bits=4,
    puzzle_wait_s=60,
    page_wait_ms=0,
)


@pytest.fixture
def client(door: intake.Door, site: FolderFiles, clock: Clock, dice: Dice) -> Client:
    from chalicelib import categories

    parts = Parts(LIMITS, door, site, categories.load(), pages, False, sleep=lambda s: None)
    return Client(replace(parts, guard=Guard(door.table, LIMITS, clock, dice)))


def report(client: Client, number: int = 0, address: str = HERE, **headers: str) -> Any:
    value = {**GOOD, "description": f"Lubang nomor {number} di jalan."}
    return client.post(value, x_viewer_address=address, **headers)


def code(got: Any) -> str:
    return str(json.loads(got.body)["errors"][0]["code"])


def test_within_the_limit_nobody_notices_anything(client: Client):
    assert [report(client, n).status for n in range(3)] == [201] * 3


def test_a_burst_costs_a_computation_each_and_another_address_nothing(client: Client):
    for number in range(3):
        report(client, number)
    got = report(client, 3)
    assert (got.status, code(got)) == (429, "slower")
    assert got.headers["Retry-After"] == "60"
    challenge = got.headers[puzzle.HEADER]
    answer = f"{challenge} {puzzle.solve(challenge)}"
    assert report(client, 3, puzzle_answer=answer).status == 201
    assert report(client, 4, THERE).status == 201


def test_an_answer_opens_once_only_for_its_asker_and_not_by_guessing(client: Client):
    for number in range(3):
        report(client, number)
    challenge = report(client, 3).headers[puzzle.HEADER]
    right = puzzle.solve(challenge)
    wrong = next(
        n for n in range(right + 1, right + 9999) if not puzzle.solved(puzzle.read(challenge), str(n))
    )  # type: ignore[arg-type]
    assert report(client, 3, puzzle_answer=f"{challenge} {wrong}").status == 429
    assert report(client, 3, puzzle_answer=f"{challenge} {right}").status == 201
    assert report(client, 4, puzzle_answer=f"{challenge} {right}").status == 429
    for number in range(3):
        report(client, number, THERE)
    other = report(client, 5, THERE).headers[puzzle.HEADER]
    assert report(client, 5, puzzle_answer=f"{other} {puzzle.solve(other)}").status == 429


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_solution(client: Client):
    for number in range(3):
        report(client, number)
    challenge = report(client, 3).headers[puzzle.HEADER]
    sent = {"puzzle_answer": f"{challenge} {puzzle.solve(challenge)}", "idempotency_key": "same-report-key"}
    first, again = report(client, 3, **sent), report(client, 3, **sent)
    assert (first.status, again.status) == (201, 201)
    assert json.loads(first.body)["id"] == json.loads(again.body)["id"]
    assert report(client, 4, **{**sent, "idempotency_key": "another-report"}).status == 429


def test_who_cannot_compute_waits_a_minute_and_loses_no_word(client: Client, clock: Clock):
    for number in range(3):
        report(client, number)
    fields = {
        **{name: str(value) for name, value in GOOD.items()},
        "description": "Lubang besar sejak Senin.",
        "form": "html",
    }
    viewer = {"x-viewer-address": HERE}
    got = client.form(fields, **viewer)
    page = got.body.decode()
    assert got.status == 429
    assert "Lubang besar sejak Senin." in page
    token = re.search(r'name="tunggu" value="([^"]+)"', page)
    assert token
    assert "60" in page
    early = client.form({**fields, "tunggu": token[1]}, **viewer)
    assert early.status == 429
    clock.later(seconds=61)
    wrong = client.form({**fields, "tunggu": token[1], "category": "tidak-ada"}, **viewer)
    assert wrong.status == 400
    assert token[1] in wrong.body.decode(), "a mistake does not cost the place in the queue"
    assert client.form({**fields, "tunggu": token[1]}, **viewer).status == 303
    assert client.form({**fields, "tunggu": token[1]}, **viewer).status == 429


def test_far_above_the_limit_even_computing_does_not_help_until_the_window_is_over(
    client: Client, clock: Clock
):
    for number in range(9):
        got = report(client, number)
        challenge = got.headers.get(puzzle.HEADER)
        assert bool(challenge) == (number >= 3)
    got = report(client, 9)
    assert (got.status, code(got)) == (429, "too_often")
    assert puzzle.HEADER not in got.headers
    assert 0 < int(got.headers["Retry-After"]) <= 600
    clock.later(minutes=10)
    assert report(client, 10).status == 201


def test_puzzles_become_harder_as_a_burst_goes_on(client: Client):
    def bits() -> int:
        found = puzzle.read(report(client).headers[puzzle.HEADER])
        assert found
        return found.bits

    for number in range(3):
        report(client, number)
    asked = [bits() for _ in range(6)]
    assert asked == sorted(asked)
    assert (asked[0], asked[-1]) == (4, 6)


def test_one_browser_is_counted_wherever_it_goes(client: Client):
    device = {"device_key": "d" * 32}
    assert [report(client, n, f"203.0.113.{n}", **device).status for n in range(3)] == [201, 201, 429]
    assert report(client, 9, "203.0.113.99", device_key="e" * 32).status == 201


def test_a_limit_is_exact_however_many_send_at_once(table: SQLiteTable, clock: Clock):
    import secrets

    found = Guard(table, LIMITS, clock, secrets.token_bytes)
    request = Request(headers={guard.VIEWER: HERE})

    def once(_n: int) -> bool:
        try:
            found.report(request)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(once, range(40))) == 3


@pytest.mark.parametrize("name", ["open_own", "give_feedback", "add_support", "create_upload"])
def test_other_doors_are_limited_for_an_address_each_for_itself(client: Client, name: str):
    def ask(address: str) -> int:
        headers = {"content-type": "application/json", "x-viewer-address": address}
        path = {} if name == "create_upload" else {"report_id": "7K3M9QX2"}
        return client.ask(name, path=path, headers=headers, body=b"{}").status

    assert 429 not in [ask(HERE) for _ in range(4)]
    assert ask(HERE) == 429
    assert ask(THERE) != 429
    assert report(client).status == 201


def test_every_door_that_writes_without_signing_in_is_counted():
    signed = {"receive_message"}  # checks a signature before it does anything
    doors = {o.name for o in api.OPERATIONS if o.method == "POST" and not o.path.startswith("/api/staff/")}
    counted = set(guard.RULES) | {"create_report"}
    # Without a key it is counted like a report (below), with a key by that key.
    by_key = {name for name in doors if name.startswith(("open311_create_request", "open311_create_update"))}
    # A sealed link of a message; mail programs of many people leave for them from few addresses.
    sealed = {"change_follow"}
    assert doors - counted - by_key - signed - sealed == set()


def test_programs_without_a_key_end_at_the_limit(client: Client):
    assert client.parts.guard
    request = Request(headers={guard.VIEWER: HERE})
    for _ in range(3):
        client.parts.guard.program(request)
    with pytest.raises(Refused) as refused:
        client.parts.guard.program(request)
    assert (refused.value.status, puzzle.HEADER in refused.value.headers) == (429, False)


def test_what_is_no_persons_is_refused_and_a_person_can_simply_send_again(client: Client):
    fields = {**{name: str(value) for name, value in GOOD.items()}, "form": "html"}
    got = client.form({**fields, "judul": "Buy cheap"})
    page = got.body.decode()
    assert got.status == 400
    assert "Buy cheap" not in page
    assert GOOD["description"] in page
    assert client.form({**fields, "judul": ""}).status == 303
    scripted = client.form({**fields, "judul": "x"}, accept="application/json")
    assert scripted.status == 400
    assert client.post({**GOOD, "judul": "x"}).status == 400


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
        ("not an address", ""),
        ("9" * 500, ""),
    ],
)
def test_what_counts_as_one_network(address: str, counted: str):
    assert guard.network_of(address) == counted


def test_only_the_cdn_may_say_who_asks():
    headers = {guard.VIEWER: "1.2.3.4"}
    assert guard.viewer(headers, HERE, "") == "1.2.3.4"
    assert guard.viewer(headers, HERE, "secret") == HERE
    assert guard.viewer({**headers, guard.CDN: "wrong"}, HERE, "secret") == HERE
    assert guard.viewer({**headers, guard.CDN: "secret"}, HERE, "secret") == "1.2.3.4"
    assert guard.viewer({guard.CDN: "secret"}, HERE, "secret") == HERE


def test_no_address_is_kept_and_its_hash_is_another_one_tomorrow_without_a_way_back(
    client: Client, clock: Clock, table: SQLiteTable, tmp_path: Path
):
    def names() -> set[str]:
        rows = sqlite3.connect(tmp_path / "table.sqlite3").execute("SELECT partition FROM items").fetchall()
        return {partition for (partition,) in rows if partition.startswith("rate#")}

    report(client, device_key="device-of-a-citizen")
    today = names()
    salt = table.query("salt").items
    clock.later(days=1)
    report(client, device_key="device-of-a-citizen")
    assert len(names()) == 2 * len(today) == 4
    for file in tmp_path.glob("table.sqlite3*"):
        assert HERE.encode() not in file.read_bytes()
        assert b"device-of-a-citizen" not in file.read_bytes()
    # A day later the salt is gone: whoever has the counts then cannot try out addresses.
    clock.later(days=1)
    assert table.get(salt[0].key) is None
    assert table.get(Key("salt", str(int(clock.seconds()) // 86400 - 1))) is not None


def test_every_process_counts_with_the_same_salt(table: SQLiteTable, clock: Clock):
    one, other = (Guard(table, LIMITS, clock, Dice(seed=s)) for s in ("one", "other"))
    request = Request(headers={guard.VIEWER: HERE})
    for each in (one, other, one):
        each.report(request)
    with pytest.raises(Refused):
        other.report(request)


def test_without_limits_nothing_is_counted(door: intake.Door, clock: Clock, dice: Dice, table: SQLiteTable):
    free = Guard(table, Settings(limit_reports=0, limit_deeds=0), clock, dice)
    request = Request(headers={guard.VIEWER: HERE})
    for _ in range(50):
        free.report(request)
        free.admit("add_support", request)
    assert table.query("salt").items == []


def test_whoever_is_counted_is_told_how_much_is_left(client: Client) -> None:
    headers = {guard.VIEWER: "203.0.113.9", "content-type": "application/json"}
    got = client.ask("add_support", path={"report_id": "7K3M9QX2"}, headers=headers, body=b"{}")
    most = client.parts.settings.limit_deeds
    assert (got.headers["RateLimit-Limit"], got.headers["RateLimit-Remaining"]) == (str(most), str(most - 1))
    assert 0 < int(got.headers["RateLimit-Reset"]) <= client.parts.settings.limit_minutes * 60
    assert "Retry-After" not in got.headers
