"""The local publisher: nothing is acknowledged before it is published, and one bad change holds back no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from chalicelib.publish import Targets
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Change, Key, Put

from infra import following


class Picky:
    """A publisher that cannot take one report."""

    def __init__(self, table: SQLiteTable, poison: str) -> None:
        self.table = table
        self.poison = poison
        self.published: list[str] = []

    def publish(self, changes: list[Change]) -> Targets:
        for change in changes:
            if change.key.partition == self.poison:
                raise ValueError("this one cannot be drawn")
            self.published.append(change.key.partition)
        return Targets()


@pytest.fixture
def picky(tmp_path: Path) -> Picky:
    table = SQLiteTable(tmp_path / "table.sqlite3")
    for name in ("report#A", "report#B", "report#C"):
        table.transact([Put(Key(name, "head"), {})])
    return Picky(table, "report#B")


def test_a_batch_that_fails_is_delivered_again(picky: Picky):
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot be drawn"):
            following.publish_batch(picky)  # type: ignore[arg-type]
    assert picky.published == ["report#A", "report#A"]


def test_one_by_one_a_bad_change_is_set_aside_and_the_others_are_published(picky: Picky):
    assert following.publish_batch(picky, one_by_one=True) == 3  # type: ignore[arg-type]
    assert picky.published == ["report#A", "report#C"]
    aside = picky.table.query(following.FAILED).items
    assert [(item.key.sort, item.body) for item in aside] == [("report#B#head", {"error": "ValueError"})]
    picky.poison = ""
    following.publish_batch(picky)  # type: ignore[arg-type]
    assert "report#B" not in picky.published, "what was set aside waits for a rebuild"
