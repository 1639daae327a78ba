"""The table port on SQLite: one file, durable, nothing to install; the default of `make run`.

Every transaction takes the writers' place at once (BEGIN IMMEDIATE), writes its rows and
its outbox entries together, and is on disk (WAL, synchronous=FULL) when it returns. The
outbox is the change stream; its numbers grow in the order of commits. One machine only:
SQLite's locks do not work across a network file system.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .table import (
    COUNTED,
    Add,
    Batch,
    Busy,
    Change,
    Check,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Page,
    Put,
    StorageError,
    Write,
    check_consumer,
    check_count,
    check_key,
    check_limit,
    check_writes,
    decode,
    met,
    query_of,
)

SCHEMA = 1
"""Version of the tables below, kept in the file's user_version."""
APPLICATION = 0x43435457
"""Marks the file as ours: "CCTW" in SQLite's application_id."""
_POLL_S = 0.1
"""So often wait() looks for what another process wrote; writes of this process wake it at once."""
_CHUNK = 100
_SWEEP = 500
"""Items removed in one transaction of sweep(), so that writers are not kept waiting."""

# Text is stored as UTF-8 and compared byte by byte, which is DynamoDB's order of sort keys.
_TABLES = (
    """CREATE TABLE items (
        partition TEXT NOT NULL CHECK (partition <> ''),
        sort TEXT NOT NULL CHECK (sort <> ''),
        body TEXT NOT NULL CHECK (substr(body, 1, 1) = '{' AND substr(body, -1) = '}'),
        version INTEGER NOT NULL CHECK (version >= 1),
        counters TEXT NOT NULL DEFAULT '{}' CHECK (substr(counters, 1, 1) = '{'),
        expires INTEGER CHECK (expires >= 0),
        PRIMARY KEY (partition, sort)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX expiring ON items (expires) WHERE expires IS NOT NULL",
    # AUTOINCREMENT: a number is never used twice, also after the outbox was emptied.
    """CREATE TABLE outbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        partition TEXT NOT NULL,
        sort TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('insert', 'modify', 'remove'))
    ) STRICT""",
    """CREATE TABLE consumers (
        consumer TEXT PRIMARY KEY,
        position INTEGER NOT NULL CHECK (position >= 0)
    ) STRICT, WITHOUT ROWID""",
)
_SETTINGS = (
    "PRAGMA synchronous = FULL",
    # Erased personal data leaves no traces in free pages.
    "PRAGMA secure_delete = ON",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 16777216",
    "PRAGMA cache_size = -8000",
    "PRAGMA trusted_schema = OFF",
)
_COLUMNS = "partition, sort, body, version, counters, expires"


class SQLiteTable:
    """A table in the file `path`, made when it is not there.

    `now` gives seconds since 1970; `busy_s` is how long a writer waits for its turn.
    `repeatable` is for work that is simply done again after a power cut, such as an import:
    its last transactions may then be missing, whole and in order, and the disk is not waited for.
    Raises StorageError when the file is damaged, not ours, or of a newer version.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        now: Callable[[], float] = time.time,
        busy_s: float = 10.0,
        repeatable: bool = False,
    ) -> None:
        self._path = Path(path)
        self._repeatable = repeatable
        self._now = now
        self._busy_s = busy_s
        self._closed = False
        self._pid = os.getpid()
        self._free: collections.deque[sqlite3.Connection] = collections.deque()
        # Threads of one process queue here instead of polling SQLite's lock.
        self._writer = threading.Lock()
        self._written = threading.Condition()
        self._writes = 0
        self._prepare()

    # Reading.

    def get(self, key: Key) -> Item | None:
        check_key(key)
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(keys))
        for key in wanted:
            check_key(key)
        found: dict[Key, Item] = {}
        now = int(self._now())
        with self._connection() as connection:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                # A join, because SQLite answers `IN (VALUES ...)` over two columns by reading the whole table.
                rows = connection.execute(
                    f"WITH wanted(p, s) AS (VALUES {', '.join(['(?, ?)'] * len(chunk))}) "  # noqa: S608 (our constants)
                    f"SELECT {_COLUMNS} FROM wanted CROSS JOIN items ON partition = p AND sort = s "
                    "WHERE expires IS NULL OR expires > ?",
                    [text for key in chunk for text in (key.partition, key.sort)] + [now],
                ).fetchall()
                found.update((item.key, item) for item in map(_item, rows))
        return found

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        start: str | None = None,
        end: str | None = None,
        descending: bool = False,
        limit: int = 100,
        page: str | None = None,
    ) -> Page:
        query, bounds = query_of(partition, prefix, start, end, descending=descending, limit=limit, page=page)
        conditions, values = (
            ["partition = ?", "(expires IS NULL OR expires > ?)"],
            [partition, int(self._now())],
        )
        if bounds.low is not None:
            conditions.append("sort >= ?")
            values.append(bounds.low)
        if bounds.high is not None:
            conditions.append("sort < ?")
            values.append(bounds.high)
        with self._connection() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM items WHERE {' AND '.join(conditions)} "  # noqa: S608 (only our constants)
                f"ORDER BY sort {'DESC' if descending else 'ASC'} LIMIT ?",
                [*values, limit + 1],
            ).fetchall()
        items = [_item(row) for row in rows[:limit]]
        return Page(items, query.token(items[-1].key.sort) if len(rows) > limit else None)

    # Writing.

    def transact(self, writes: Sequence[Write]) -> None:
        bodies = iter(check_writes(writes))
        if not writes:
            return
        with self._transaction() as connection:
            now = int(self._now())
            before = [_before(connection, write.key, now) for write in writes]
            failed = [
                write.key
                for write, (version, _, _) in zip(writes, before, strict=True)
                if not met(write.expect, version)
            ]
            if failed:
                raise ConditionFailed(failed)
            for write, (version, counters, stored) in zip(writes, before, strict=True):
                body = next(bodies) if isinstance(write, Put) else None
                _apply(connection, write, body, version, counters, stored=stored)

    def count(self, key: Key, most: int, *, expires: int) -> int | None:
        check_count(key, most, expires)
        with self._transaction() as connection:
            version, counters, stored = _before(connection, key, int(self._now()))
            counted = counters.get(COUNTED, 0) + 1
            if counted > most:
                return None
            if version is None:
                put = Put(key, {}, expires=expires)
                _apply(connection, put, "{}", version, {COUNTED: counted}, stored=stored)
            else:
                _apply(connection, Add(key, {COUNTED: 1}), None, version, counters, stored=stored)
            return counted

    def sweep(self, now: float) -> int:
        swept = 0
        while True:
            with self._transaction() as connection:
                rows = connection.execute(
                    "SELECT partition, sort FROM items WHERE expires <= ? LIMIT ?", (int(now), _SWEEP)
                ).fetchall()
                connection.executemany("DELETE FROM items WHERE partition = ? AND sort = ?", rows)
                connection.executemany(
                    "INSERT INTO outbox (partition, sort, kind) VALUES (?, ?, 'remove')", rows
                )
            swept += len(rows)
            if len(rows) < _SWEEP:
                return swept

    # The change stream.

    def changes(self, consumer: str, limit: int = 100) -> Batch:
        check_consumer(consumer)
        check_limit(limit)
        position = self._position(consumer)
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT sequence, partition, sort, kind FROM outbox "
                "WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (position, limit),
            ).fetchall()
        changes = [
            Change(Key(partition, sort), kind, str(sequence)) for sequence, partition, sort, kind in rows
        ]
        return Batch(changes, rows[-1][0] if rows else position)

    def acknowledge(self, consumer: str, batch: Batch) -> None:
        check_consumer(consumer)
        if not batch.changes:
            return
        if not isinstance(batch.position, int):
            raise ValueError(f"position {batch.position!r} is not of this engine")
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO consumers VALUES (?, ?) "
                "ON CONFLICT (consumer) DO UPDATE SET position = max(position, excluded.position)",
                (consumer, batch.position),
            )
            _prune(connection)

    def wait(self, consumer: str, timeout: float) -> bool:
        check_consumer(consumer)
        deadline = time.monotonic() + timeout
        position = self._position(consumer)
        while True:
            seen = self._writes
            with self._connection() as connection:
                if connection.execute(
                    "SELECT 1 FROM outbox WHERE sequence > ? LIMIT 1", (position,)
                ).fetchone():
                    return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._written:
                if self._writes == seen:
                    self._written.wait(min(left, _POLL_S))

    def forget(self, consumer: str) -> None:
        check_consumer(consumer)
        with self._transaction() as connection:
            connection.execute("DELETE FROM consumers WHERE consumer = ?", (consumer,))
            _prune(connection)

    def close(self) -> None:
        self._closed = True
        while self._free:
            self._free.popleft().close()

    def _position(self, consumer: str) -> int:
        """The consumer's position; makes a new consumer known, so that nothing is pruned before it saw it."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT position FROM consumers WHERE consumer = ?", (consumer,)
            ).fetchone()
        if row is None:
            with self._transaction() as connection:
                connection.execute("INSERT OR IGNORE INTO consumers VALUES (?, 0)", (consumer,))
            return self._position(consumer)
        return int(row[0])

    # Connections.

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time, from its first read to its commit."""
        self._check_usable()
        if not self._writer.acquire(timeout=self._busy_s):
            raise Busy(f"other threads kept writing to {self._path} for {self._busy_s} seconds: try again")
        try:
            with self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        finally:
            self._writer.release()
        with self._written:
            self._writes += 1
            self._written.notify_all()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses at the moment. Lock time-outs become Busy."""
        self._check_usable()
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self._open()
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if _primary(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise Busy(
                    f"other processes kept writing to {self._path} for {self._busy_s} seconds: try again"
                ) from None
            raise
        finally:
            if self._closed or connection.in_transaction:
                connection.close()
            else:
                self._free.append(connection)

    def _check_usable(self) -> None:
        if self._closed:
            raise StorageError(f"the table {self._path} was closed")
        if self._pid != os.getpid():
            # SQLite's locks do not survive a fork: going on could damage the file without a word.
            raise StorageError(
                f"the table {self._path} was opened before this process was forked: "
                "start processes by spawning, and open the table in each"
            )

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
        )
        for statement in _SETTINGS:
            connection.execute(statement)
        if self._repeatable:
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Only the owner may read what may hold personal data; SQLite gives its other files the same rights.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        connection: sqlite3.Connection | None = None
        try:
            connection = self._open()
            _recognise(connection, self._path)
            _use_wal(connection, self._path, time.monotonic() + self._busy_s)
            connection.execute("BEGIN IMMEDIATE")
            if _recognise(connection, self._path) == 0:
                for statement in (
                    *_TABLES,
                    f"PRAGMA application_id = {APPLICATION}",
                    f"PRAGMA user_version = {SCHEMA}",
                ):
                    connection.execute(statement)
            connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if _primary(error) == sqlite3.SQLITE_BUSY:
                raise Busy(f"{self._path} stayed locked for {self._busy_s} seconds: try again") from None
            raise StorageError(f"{self._path} cannot be opened as a table: {error}") from None
        finally:
            if connection is not None:
                connection.close()
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _recognise(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of the file: 0 for an empty one. Raises StorageError when it cannot be ours."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if application == APPLICATION and version > SCHEMA:
        raise StorageError(
            f"{path} has schema {version}, this release knows {SCHEMA} at most: run the newer release on it"
        )
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if application != APPLICATION and (tables or version or application):
        raise StorageError(f"{path} is a database of something else: point DATA_DIR to another folder")
    return version


def _use_wal(connection: sqlite3.Connection, path: Path, deadline: float) -> None:
    """Switch the file to a write-ahead log; SQLite's own waiting does not cover this step."""
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if _primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise StorageError(f"{path} cannot keep a write-ahead log ({mode}): put DATA_DIR on a local disk")
        return


def _primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error; 0 when Python raised it by itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _item(row: tuple[Any, ...]) -> Item:
    partition, sort, body, version, counters, expires = row
    return Item(Key(partition, sort), decode(body), version, json.loads(counters), expires)


def _before(connection: sqlite3.Connection, key: Key, now: int) -> tuple[int | None, dict[str, int], bool]:
    """What a write finds: version (None: absent or expired), counters, and whether a row is stored."""
    row = connection.execute(
        "SELECT version, counters, expires FROM items WHERE partition = ? AND sort = ?",
        (key.partition, key.sort),
    ).fetchone()
    if row is None:
        return None, {}, False
    version, counters, expires = row
    if expires is not None and expires <= now:
        return None, {}, True
    return version, json.loads(counters), True


def _apply(
    connection: sqlite3.Connection,
    write: Write,
    body: str | None,
    version: int | None,
    counters: dict[str, int],
    *,
    stored: bool,
) -> None:
    """Do one write whose expectation holds, and note it in the outbox."""
    key = (write.key.partition, write.key.sort)
    following = (version or 0) + 1
    if isinstance(write, Check):
        return
    if isinstance(write, Delete):
        if not stored:
            return
        connection.execute("DELETE FROM items WHERE partition = ? AND sort = ?", key)
    elif isinstance(write, Put):
        connection.execute(
            f"INSERT OR REPLACE INTO items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 (only our constants)
            (*key, body, following, _counters(counters), write.expires),
        )
    else:
        for name, step in write.counters.items():
            counters[name] = counters.get(name, 0) + step
        if version is None:
            connection.execute(
                f"INSERT OR REPLACE INTO items ({_COLUMNS}) VALUES (?, ?, '{{}}', ?, ?, NULL)",  # noqa: S608
                (*key, following, _counters(counters)),
            )
        else:
            connection.execute(
                "UPDATE items SET version = ?, counters = ? WHERE partition = ? AND sort = ?",
                (following, _counters(counters), *key),
            )
    kind = "remove" if isinstance(write, Delete) else "modify" if stored else "insert"
    connection.execute("INSERT INTO outbox (partition, sort, kind) VALUES (?, ?, ?)", (*key, kind))


def _counters(counters: dict[str, int]) -> str:
    return json.dumps(counters, separators=(",", ":"))


def _prune(connection: sqlite3.Connection) -> None:
    """Drop what every known consumer acknowledged. Without any consumer everything is kept."""
    connection.execute("DELETE FROM outbox WHERE sequence <= (SELECT min(position) FROM consumers)")
