"""API keys: shown once, kept as a hash, limited in rights and rate, and ended for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chalicelib import intake, records
from chalicelib.front import keys
from chalicelib.front.problems import Refused
from chalicelib.report import Office
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Key
from chalicelib.submission import Submission

from ..conftest import Clock, Dice


@pytest.fixture
def add(table: SQLiteTable, clock: Clock, dice: Dice) -> Any:
    def make(**changes: Any) -> tuple[keys.Client, str]:
        good: dict[str, Any] = {
            "name": "Peta Kota",
            "rights": ["report"],
            "now": clock(),
            "random_bytes": dice,
        }
        return keys.add(table, **{**good, **changes})

    return make


def refused(table: SQLiteTable, text: str, clock: Clock, right: str = "report") -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        keys.check(table, text, right)
    return caught.value.problems[0].code, caught.value.status


def test_a_key_opens_what_its_rights_name_and_nothing_else(table: SQLiteTable, clock: Clock, add: Any):
    client, text = add()
    assert keys.check(table, text, "report") == client
    assert refused(table, text, clock, "update") == ("api_key_right", 403)


def test_the_secret_of_a_key_is_kept_nowhere(tmp_path: Path, table: SQLiteTable, add: Any):
    _, text = add()
    table.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("table*"))
    assert text.rpartition("_")[2].encode() not in stored


@pytest.mark.parametrize(
    "text", ["wrong", "cw_00000000_" + "0" * 40, "cw_\x00", "ü" * 50, "cw_ffffffff_" + "f" * 41]
)
def test_a_wrong_key_is_refused(table: SQLiteTable, clock: Clock, text: str):
    assert refused(table, text, clock) == ("api_key_wrong", 403)


def test_a_key_with_another_secret_is_refused(table: SQLiteTable, clock: Clock, add: Any):
    _, text = add()
    assert refused(table, text[:-1] + ("0" if text[-1] != "0" else "1"), clock) == ("api_key_wrong", 403)


def test_no_key_is_said_as_such(table: SQLiteTable, clock: Clock):
    assert refused(table, "", clock) == ("api_key_missing", 403)


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(table: SQLiteTable, clock: Clock, add: Any):
    client, text = add()
    ended = keys.revoke(table, client.id, now=clock())
    assert ended.revoked == "2026-11-23T02:00:00.000Z"
    clock.later(days=1)
    assert keys.revoke(table, client.id, now=clock()) == ended, "the first revocation counts"
    assert refused(table, text, clock) == ("api_key_wrong", 403)
    assert keys.clients(table) == [ended]


@pytest.mark.parametrize("client_id", ["00000000", "", "../x"])
def test_revoking_a_client_that_is_not_there_says_so(table: SQLiteTable, clock: Clock, client_id: str):
    with pytest.raises(LookupError, match="keys list"):
        keys.revoke(table, client_id, now=clock())


def test_requests_of_a_key_are_counted_against_its_rate_and_nobody_elses(
    table: SQLiteTable, clock: Clock, add: Any
):
    (one, _), (other, _) = add(per_minute=2), add(per_minute=2)
    taken = [keys.count(table, one, now=clock()) for _ in range(3)]
    assert [(each.allowed, each.remaining) for each in taken] == [(True, 1), (True, 0), (False, 0)]
    assert keys.count(table, other, now=clock()).allowed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "1 to 80"),
        ({"rights": []}, "choose from report, update"),
        ({"rights": ["all"]}, "choose from report, update"),
        ({"role": "king"}, "choose from reporter, officer"),
        ({"role": "officer"}, "needs the office"),
        ({"boundaries": ["31.7"]}, "is no code"),
        ({"per_minute": 0}, "from 1 to"),
    ],
)
def test_a_client_that_cannot_be_is_refused_with_the_reason(
    table: SQLiteTable, add: Any, changes: dict[str, Any], words: str
):
    with pytest.raises(ValueError, match=words):
        add(**changes)
    assert keys.clients(table) == []


@pytest.mark.parametrize(
    ("boundaries", "office", "may"),
    [
        (["31"], None, True),
        (["31.71.01"], None, True),
        (["31.71.01.1001"], None, True),
        (["31.71.01.1002"], None, False),
        (["31.72"], None, False),
        ([], None, False),
        ([], Office("31.71.01.1001", "Kelurahan Gambir"), True),
        ([], Office("dinas", "Dinas"), False),
    ],
)
def test_a_client_acts_within_its_boundaries_or_where_its_office_has_the_report(
    door: intake.Door, add: Any, boundaries: list[str], office: Office | None, may: bool
):
    sent = Submission(category="jalan", description="Lubang besar.", latitude=-6.17, longitude=106.83)
    found = records.load(door.table, intake.accept(door, sent, channel="web").id)
    assert found is not None
    client, _ = add(boundaries=boundaries, office=office)
    assert client.may_act_on(found[0]) is may


def test_an_id_that_is_taken_is_drawn_again(table: SQLiteTable, dice: Dice, add: Any):
    dice.forced = [b"\1" * 4]
    first, _ = add()
    dice.forced = [b"\1" * 4]
    second, _ = add()
    assert (first.id == "01010101", first.id != second.id) == (True, True)
    assert table.get(Key(keys.PARTITION, first.id)) is not None
