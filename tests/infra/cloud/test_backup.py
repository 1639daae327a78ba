"""A backup holds everything, proves it, survives interruptions, and moves between engines."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalicelib import desk, intake, records
from chalicelib.lifecycle import Move
from chalicelib.report import Office
from chalicelib.storage.dynamodb import DynamoDBTable
from chalicelib.storage.files import Files
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.s3 import S3Files
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Add, Key, Put, Table
from chalicelib.submission import Submission
from moto import mock_aws

import geo
from infra import backup

REGION = "ap-southeast-3"


@pytest.fixture
def cloud() -> Iterator[tuple[DynamoDBTable, S3Files]]:
    with mock_aws():
        table, private = DynamoDBTable("t", region=REGION), S3Files("private", region=REGION)
        table.create()
        private.create()
        yield table, private


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[SQLiteTable, FolderFiles]]:
    table = SQLiteTable(tmp_path / "table.sqlite3")
    yield table, FolderFiles(tmp_path / "private")
    table.close()


def jpeg() -> bytes:
    import io

    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 120, 60)).save(kept, "JPEG")
    return kept.getvalue()


def fill(table: Table, private: Files, count: int = 4) -> list[str]:
    door = intake.Door(
        table, private, geo.default_locator(), lambda: datetime.now(UTC), secrets.token_bytes, 9_000_000
    )
    ids = []
    for number in range(count):
        made = intake.accept(
            door,
            Submission(
                category="jalan",
                description=f"Lubang nomor {number} di jalan",
                latitude=-6.1754 - number / 100,
                longitude=106.8272,
                contact_email="warga@example.com" if number == 0 else "",
            ),
            channel="web",
            files=[jpeg()] if number == 1 else (),
            key=f"sender-key-{number}",
        )
        ids.append(made.id)
    work = desk.Desk(table, lambda: datetime.now(UTC), secrets.token_bytes)
    office = Office("31.71.01.1001", "Kelurahan Gambir")
    desk.move(
        work, ids[2], Move(to="in_progress", percent=10, text="Dikerjakan."), role="officer", office=office
    )
    return ids


def contents(table: Table) -> dict[Key, Any]:
    """Every item but the marks, without versions: those count writes, and a restore writes less often."""
    found = {}
    for partition, _ in backup._partitions(table, None):
        for item in records.every(table, partition):
            left_out = partition in backup.NOT_COPIED or partition.startswith(backup.NOT_KEPT)
            if not left_out and item.key != backup.RESTORING:
                found[item.key] = (item.body, dict(item.counters), item.expires)
    return found


def photos(files: Files) -> dict[str, bytes]:
    return {path: found.data for path in files.list("foto/") if (found := files.get(path))}


def test_one_machine_moves_to_dynamodb_and_back_with_every_item_photo_and_counter(
    here: tuple[SQLiteTable, FolderFiles], cloud: tuple[DynamoDBTable, S3Files], tmp_path: Path
) -> None:
    ids = fill(*here)
    there, back = FolderFiles(tmp_path / "there"), FolderFiles(tmp_path / "back")
    made = backup.backup(*here, there)
    assert made.reports == len(ids)
    assert made.photos == 2
    assert backup.restore(there, *cloud) == made
    assert contents(cloud[0]) == contents(here[0])
    assert photos(cloud[1]) == photos(here[1])
    assert backup.backup(*cloud, back).reports == made.reports
    again = SQLiteTable(tmp_path / "again.sqlite3")
    backup.restore(back, again, FolderFiles(tmp_path / "again"))
    assert contents(again) == contents(here[0])
    again.close()
    # The same sender's key still gives the same report: nobody notices that the instance moved.
    assert cloud[0].get(records.contact_key(ids[0])) is not None


def test_a_backup_can_go_to_a_bucket(
    here: tuple[SQLiteTable, FolderFiles], cloud: tuple[DynamoDBTable, S3Files]
) -> None:
    fill(*here, count=3)
    bucket = S3Files("kept", region=REGION)
    bucket.create()
    made = backup.backup(*here, bucket)
    assert backup.restore(bucket, *cloud) == made


class Interrupted(BaseException):
    """A power cut."""


class Fragile:
    """A store that breaks at its n-th write."""

    def __init__(self, files: Files, at: int) -> None:
        self._files = files
        self.left = at

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> bool:
        self.left -= 1
        if self.left < 0:
            raise Interrupted
        return self._files.put(path, data, if_absent=if_absent)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


class FragileTable:
    """A table that breaks at its n-th write."""

    def __init__(self, table: Table, at: int) -> None:
        self._table = table
        self.left = at

    def transact(self, writes: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise Interrupted
        self._table.transact(writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


@pytest.mark.parametrize("engine", ["sqlite", "dynamodb"])
def test_a_backup_interrupted_at_any_write_goes_on_and_is_whole(
    engine: str,
    here: tuple[SQLiteTable, FolderFiles],
    cloud: tuple[DynamoDBTable, S3Files],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = here if engine == "sqlite" else cloud
    fill(*source)
    monkeypatch.setattr(backup, "PART_ITEMS", 7)
    whole = backup.backup(*source, FolderFiles(tmp_path / "whole"))
    for at in range(0, 24, 3):
        store = FolderFiles(tmp_path / f"at{at}")
        try:
            backup.backup(*source, Fragile(store, at))  # type: ignore[arg-type]
        except Interrupted:
            assert not store.exists(backup.MANIFEST)
            assert backup.backup(*source, store) == whole
        target = SQLiteTable(tmp_path / f"at{at}.sqlite3")
        backup.restore(store, target, FolderFiles(tmp_path / f"private{at}"))
        assert contents(target) == contents(source[0])
        target.close()


def test_a_restore_interrupted_at_any_write_goes_on_and_is_whole(
    here: tuple[SQLiteTable, FolderFiles], tmp_path: Path
) -> None:
    fill(*here)
    store = FolderFiles(tmp_path / "store")
    made = backup.backup(*here, store)
    interrupted = 0
    for at in range(0, 30, 2):
        target, private = SQLiteTable(tmp_path / f"{at}.sqlite3"), FolderFiles(tmp_path / f"private{at}")
        try:
            backup.restore(store, FragileTable(target, at), private)  # type: ignore[arg-type]
        except Interrupted:
            interrupted += 1
            assert backup.restore(store, target, private) == made
        assert contents(target) == contents(here[0])
        target.close()
    assert interrupted > 5


def test_an_instance_that_is_in_use_is_never_restored_over(
    here: tuple[SQLiteTable, FolderFiles], tmp_path: Path
) -> None:
    fill(*here, count=3)
    store = FolderFiles(tmp_path / "store")
    backup.backup(*here, store)
    before = contents(here[0])
    with pytest.raises(backup.BackupError, match="not empty"):
        backup.restore(store, *here)
    assert contents(here[0]) == before
    with pytest.raises(backup.BackupError, match="finished backup in this place"):
        backup.backup(*here, store)


def test_a_history_that_was_rewritten_stops_the_backup_and_is_named(
    here: tuple[SQLiteTable, FolderFiles], tmp_path: Path
) -> None:
    ids = fill(*here)
    event = here[0].get(records.event_key(ids[2], 2))
    assert event is not None
    here[0].transact([Put(event.key, event.body | {"percent": 90})])
    with pytest.raises(backup.BackupError, match=f"report#{ids[2]}: its history is broken at event 2"):
        backup.backup(*here, FolderFiles(tmp_path / "store"))


def test_a_damaged_or_unfinished_backup_is_refused(
    here: tuple[SQLiteTable, FolderFiles], tmp_path: Path
) -> None:
    fill(*here, count=3)
    empty = SQLiteTable(tmp_path / "empty.sqlite3")
    private = FolderFiles(tmp_path / "other")
    store = FolderFiles(tmp_path / "store")
    with pytest.raises(backup.BackupError, match="no finished backup"):
        backup.restore(store, empty, private)
    backup.backup(*here, store)
    part = store.get("items/000001.json")
    assert part is not None
    store.put("items/000001.json", part.data.replace(b"Lubang", b"Lubamg", 1))
    with pytest.raises(backup.BackupError, match="damaged"):
        backup.restore(store, empty, private)
    manifest = json.loads((store.get("manifest.json") or part).data)
    store.put("manifest.json", json.dumps(manifest | {"format": 9}).encode())
    with pytest.raises(backup.BackupError, match="format 9"):
        backup.restore(store, empty, private)
    empty.close()


def test_a_photo_that_is_not_what_its_name_says_stops_the_backup(
    here: tuple[SQLiteTable, FolderFiles], tmp_path: Path
) -> None:
    fill(*here)
    (path,) = [p for p in here[1].list("foto/") if "-kecil" not in p]
    here[1].put(path, b"another picture")
    with pytest.raises(backup.BackupError, match="does not begin with its name"):
        backup.backup(*here, FolderFiles(tmp_path / "store"))


def test_what_every_part_of_the_product_keeps_goes_along_and_what_only_hides_or_counts_does_not(
    here: tuple[SQLiteTable, FolderFiles], cloud: tuple[DynamoDBTable, S3Files], tmp_path: Path
) -> None:
    """Records of any kind are copied whole, so that a part that is added later needs no line in the backup."""
    table, private = here
    fill(table, private, count=3)
    kept = [
        Put(Key("follower#f1", "who"), {"address": "warga@example.com"}),
        Put(Key("follow#report#7K3M9QX2", "f1#000001"), {"rhythm": "now"}, expires=4_000_000_000),
        Put(Key("secrets", "vapid"), {"private": "x" * 40}),
        Put(Key("officers", "subject-1"), {"id": "subject-1", "name": "Sari"}),
        Put(Key("views#subject-1", "view#1"), {"name": "Lubang", "filter": {"category": "jalan"}}),
        Put(Key("rules", "rule#1"), {"when": {"category": "banjir"}, "then": {"office": "dinas-sda"}}),
        Add(Key("workload", "dinas-sda"), {"waiting": 3, "in_progress": 2}),
    ]
    gone = [
        Put(Key("salt", "20780"), {"salt": "s"}, expires=4_000_000_000),
        Put(Key("rate#reports#hash", "600#1"), {}, expires=4_000_000_000),
        Put(Key("puzzle#nonce", "spent"), {"by": "h"}, expires=4_000_000_000),
        Put(Key("dirty", "city#1"), {}),
    ]
    for write in (*kept, *gone):
        table.transact([write])
    store = FolderFiles(tmp_path / "store")
    backup.backup(table, private, store)
    backup.restore(store, *cloud)
    for write in kept:
        assert contents(cloud[0])[write.key] == contents(table)[write.key]
    for write in gone:
        assert cloud[0].get(write.key) is None


def test_a_person_who_watches_sees_how_far_it_is(
    here: tuple[SQLiteTable, FolderFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    fill(*here, count=3)
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    backup.backup(*here, FolderFiles(tmp_path / "store"))
    assert "partitions" in screen.getvalue()
