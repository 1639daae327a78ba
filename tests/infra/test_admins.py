"""The operators' command for the first admin: one account, made once, and nothing half right."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from chalicelib import access, wiring
from chalicelib.storage.sqlite import SQLiteTable

from infra import admins


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SQLiteTable:
    made = SQLiteTable(tmp_path / "table.sqlite3")
    monkeypatch.setattr(wiring, "table", lambda: made)
    return made


def told(*words: str) -> int:
    parser = argparse.ArgumentParser()
    admins.add_command(parser.add_subparsers(dest="command", required=True))
    return admins.main(parser.parse_args(["admin", *words]))


def test_the_first_admin_is_made_once_and_stays_as_they_are(table: SQLiteTable):
    assert told("sub-1", "Rina", "--boundaries", "31.71") == 0
    made = access.load(table, "sub-1")
    assert made
    assert (made.role, made.boundaries, made.name) == ("admin", ("31.71",), "Rina")
    assert told("sub-1", "Somebody else", "--boundaries", "31") == 1
    assert access.load(table, "sub-1") == made


def test_an_admin_of_nowhere_is_refused(table: SQLiteTable):
    assert told("sub-1", "Rina", "--boundaries", "Gambir") == 2
    assert access.load(table, "sub-1") is None
