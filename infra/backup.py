"""Backup and restore: the whole table and the photos, to a folder or a bucket and back into an empty instance.

Works between engines, so it is also the way to move from one machine to AWS and back. Every
report is copied with its whole history, and its hash chain is verified when it is read and
again when it was restored. Both directions go on where they stopped.

Pages are not copied: `python -m infra publish --all` draws them. Copy an instance whose door
is closed when counts must agree to the last report; each report is whole in any case.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib import records, wiring
from chalicelib.report import Event, broken_at, event_from
from chalicelib.storage.files import Files
from chalicelib.storage.table import Add, ConditionFailed, Expect, Item, Key, Put, Table

FORMAT = 1
MANIFEST = "manifest.json"
POSITION = "position.json"
PHOTOS = "foto/"
NOT_COPIED = frozenset({"dirty", "published", "salt"})
"""What has been drawn where (a restored instance is drawn anew), and the salt that hides addresses for a day."""
NOT_KEPT = ("rate#", "puzzle#")
"""Counts of minutes: nobody is found by them, and a restored instance counts anew."""
RESTORING = Key("instance", "restore")
PART_ITEMS = 2000
_AGAIN = 10
"""So often a report is read anew because it changed while it was read."""


class BackupError(RuntimeError):
    """The backup cannot be made, is damaged, or cannot be restored here; the message says what to do."""


@dataclass(slots=True)
class Copied:
    """How much there was."""

    items: int = 0
    reports: int = 0
    photos: int = 0


def backup(table: Table, private: Files, store: Files) -> Copied:
    """Copy everything into `store`. Raises BackupError when a history is broken or `store` holds a finished backup."""
    if store.exists(MANIFEST):
        raise BackupError("there is a finished backup in this place: choose another")
    state = _read(store, POSITION) or {"format": FORMAT, "part": 0, "after": None, "items": 0, "reports": 0}
    copied = Copied(state["items"], state["reports"])
    rows: list[dict[str, Any]] = []
    # A part and the position behind it: a crash in between copies the part again, under the same name.
    for partition, place in _counted(_partitions(table, state["after"]), "partitions"):
        if partition not in NOT_COPIED and not partition.startswith(NOT_KEPT):
            found = _partition(table, partition)
            rows += [_row(item) for item in found]
            copied.reports += any(item.key.sort == "head" for item in found)
        if len(rows) >= PART_ITEMS:
            copied.items += len(rows)
            state |= {
                "part": state["part"] + 1,
                "after": place,
                "items": copied.items,
                "reports": copied.reports,
            }
            _write(store, _part(state["part"]), rows)
            _write(store, POSITION, state)
            rows = []
    copied.items += len(rows)
    parts = state["part"] + 1
    _write(store, _part(parts), rows)
    for path in _counted(private.list(PHOTOS), "photos"):
        copied.photos += _copy_photo(private, store, path)
    sums = {_part(number): _sum(store, _part(number)) for number in range(1, parts + 1)}
    _write(
        store,
        MANIFEST,
        {
            "format": FORMAT,
            "items": copied.items,
            "reports": copied.reports,
            "photos": copied.photos,
            "sha256": sums,
        },
    )
    store.delete(POSITION)
    return copied


def restore(store: Files, table: Table, private: Files) -> Copied:
    """Fill an empty instance from a backup and verify every report. Raises BackupError."""
    manifest = _read(store, MANIFEST)
    if manifest is None:
        raise BackupError(
            "there is no finished backup in this place: let 'python -m infra backup' finish first"
        )
    if manifest["format"] != FORMAT:
        raise BackupError(f"the backup has format {manifest['format']}; this version reads {FORMAT}")
    name = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    _claim(table, name)
    copied = Copied()
    reports: list[str] = []
    for path, expected in _counted(sorted(manifest["sha256"].items()), "parts"):
        if _sum(store, path) != expected:
            raise BackupError(f"{path} is damaged: its SHA-256 is not the one in {MANIFEST}")
        rows = _read(store, path)
        _put(table, rows)
        copied.items += len(rows)
        reports += [row["partition"].removeprefix("report#") for row in rows if _is_head(row)]
    for path in _counted(store.list(PHOTOS), "photos"):
        copied.photos += _copy_photo(store, private, path)
    for report_id in _counted(reports, "verifying"):
        _verify(table, report_id)
        copied.reports += 1
    if (copied.items, copied.reports, copied.photos) != tuple(
        manifest[n] for n in ("items", "reports", "photos")
    ):
        raise BackupError(f"restored {copied}, but the backup says it has {manifest}")
    table.transact([Put(RESTORING, {"backup": name, "done": True})])
    return copied


def _claim(table: Table, name: str) -> None:
    """Make sure that the instance is empty, or that this same restore was begun here."""
    begun = table.get(RESTORING)
    if begun and begun.body["backup"] == name and not begun.body.get("done"):
        return
    if begun or table.query("counts", limit=1).items or table.query("offices", limit=1).items:
        raise BackupError("this instance is not empty: restore into a new one (another DATA_DIR or stack)")
    table.transact([Put(RESTORING, {"backup": name}, Expect.ABSENT)])


def _partitions(table: Table, after: Any) -> Iterator[tuple[str, Any]]:
    """Every partition once, and a place to go on behind it. The port has no such walk: only this needs one."""
    from chalicelib.storage.dynamodb import DynamoDBTable
    from chalicelib.storage.sqlite import SQLiteTable

    if isinstance(table, SQLiteTable):
        yield from _sqlite_partitions(table._path, after or "")
    elif isinstance(table, DynamoDBTable):
        yield from _dynamodb_partitions(table, after)
    else:
        raise BackupError(f"a {type(table).__name__} cannot be copied: only SQLite and DynamoDB can")


def _sqlite_partitions(path: Path, after: str) -> Iterator[tuple[str, Any]]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        while rows := connection.execute(
            "SELECT DISTINCT partition FROM items WHERE partition > ? ORDER BY partition LIMIT 500", (after,)
        ).fetchall():
            for (partition,) in rows:
                yield partition, partition
            after = rows[-1][0]
    finally:
        connection.close()


def _dynamodb_partitions(table: Any, after: Any) -> Iterator[tuple[str, Any]]:
    """A scan of keys alone. Items of a partition come together; `after` is (last partition, where its page began)."""
    last, start = after or ("", None)
    while True:
        more = {"ExclusiveStartKey": start} if start else {}
        answer = table._call(
            table._dynamodb().scan,
            TableName=table._name,
            ProjectionExpression="#p, #s",
            ExpressionAttributeNames={"#p": "partition", "#s": "sort"},
            ConsistentRead=True,
            **more,
        )
        for key in answer["Items"]:
            partition = key["partition"]["S"]
            if partition != last:
                last = partition
                # Going on here scans this page again; what was copied is skipped up to `last`.
                yield partition, [partition, {"partition": key["partition"], "sort": key["sort"]}]
        start = answer.get("LastEvaluatedKey")
        if not start:
            return


def _partition(table: Table, partition: str) -> list[Item]:
    """All items of a partition; a report's so that history and head fit. Raises BackupError."""
    fault: str | None = None
    for _ in range(_AGAIN):
        items = list(records.every(table, partition))
        head = next((item for item in items if item.key.sort == "head"), None)
        if not partition.startswith("report#") or head is None:
            return items
        events = [event_from(item.body) for item in items if item.key.sort.startswith("event#")]
        fault = fault_of(head, events)
        if not fault:
            return items
    raise BackupError(f"{partition}: {fault}; see the handbook, 'broken chain'")


def fault_of(head: Item, events: list[Event]) -> str | None:
    """What is wrong with a report's history; None when it is whole and ends in what its head says."""
    if (seq := broken_at(events)) is not None:
        return f"its history is broken at event {seq}"
    if not events or (events[-1].seq, events[-1].hash) != (head.body["seq"], head.body["head"]):
        return f"its history ends at event {len(events)}, its head says {head.body['seq']}"
    return None


def _put(table: Table, rows: list[dict[str, Any]]) -> None:
    """Write items where they are missing: what an earlier attempt wrote stays."""
    for start in range(0, len(rows), 20):
        chunk = rows[start : start + 20]
        writes = [
            Put(Key(row["partition"], row["sort"]), row["body"], Expect.ABSENT, expires=row.get("expires"))
            for row in chunk
        ]
        try:
            table.transact(writes)
        except (ConditionFailed, ValueError):
            # Some are there already, or together they are too large: one by one.
            for write in writes:
                try:
                    table.transact([write])
                except ConditionFailed:
                    continue
        for row in chunk:
            if row.get("counters"):
                _count(table, row)


def _count(table: Table, row: dict[str, Any]) -> None:
    """Set an item's counters, unless an earlier attempt did: it is then past its first version."""
    key = Key(row["partition"], row["sort"])
    try:
        table.transact([Add(key, row["counters"], 1)])
    except ConditionFailed:
        there = table.get(key)
        if there is None or dict(there.counters) != row["counters"]:
            raise BackupError(f"the counters of {key.partition} {key.sort} are not the backup's") from None


def _verify(table: Table, report_id: str) -> None:
    head = table.get(records.head_key(report_id))
    if head is None:
        raise BackupError(f"report {report_id} is missing after the restore")
    if fault := fault_of(head, records.history(table, report_id)):
        raise BackupError(f"report {report_id} after the restore: {fault}")


def _copy_photo(source: Files, target: Files, path: str) -> int:
    """Copy one photo, unless it is there. Its name is its hash, which is checked. Raises BackupError."""
    if not target.exists(path):
        found = source.get(path)
        if found is None:
            raise BackupError(f"{path} disappeared while it was copied: start again")
        stem = path.rpartition("/")[2].partition(".")[0]
        if not stem.endswith("-kecil") and hashlib.sha256(found.data).hexdigest()[: len(stem)] != stem:
            raise BackupError(f"{path} is damaged: its SHA-256 does not begin with its name")
        target.put(path, found.data)
    return 1


def _row(item: Item) -> dict[str, Any]:
    row: dict[str, Any] = {"partition": item.key.partition, "sort": item.key.sort, "body": item.body}
    if item.counters:
        row["counters"] = dict(item.counters)
    if item.expires is not None:
        row["expires"] = item.expires
    return row


def _is_head(row: dict[str, Any]) -> bool:
    return bool(row["sort"] == "head" and row["partition"].startswith("report#"))


def _part(number: int) -> str:
    return f"items/{number:06d}.json"


def _read(store: Files, path: str) -> Any:
    found = store.get(path)
    return json.loads(found.data) if found else None


def _write(store: Files, path: str, value: Any) -> None:
    store.put(path, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _sum(store: Files, path: str) -> str:
    found = store.get(path)
    if found is None:
        raise BackupError(f"{path} is missing from the backup")
    return hashlib.sha256(found.data).hexdigest()


def _counted(many: Iterable[Any], what: str) -> Iterator[Any]:
    """A progress bar on standard error while a person watches."""
    from tqdm import tqdm

    yield from tqdm(many, desc=what, unit="", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)


def store_at(place: str) -> Files:
    """The folder or the bucket that a command names."""
    if place.startswith("s3://"):
        from chalicelib.storage.s3 import S3Files

        return S3Files(place.removeprefix("s3://").rstrip("/"))
    from chalicelib.storage.folder import FolderFiles

    return FolderFiles(Path(place))


def main(command: str, place: str) -> int:
    """`python -m infra backup|restore PLACE` for the instance that the settings name; returns the exit status."""
    store, table, private = store_at(place), wiring.table(), wiring.files("private")
    try:
        done = backup(table, private, store) if command == "backup" else restore(store, table, private)
    except BackupError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    print(f"{command}: {done.items} items, {done.reports} reports verified, {done.photos} photos")
    if command == "restore":
        print("now draw the site: python -m infra publish --all")
    return 0
