"""Any sequence of writes and reads leaves an engine as it leaves a model in memory."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from chalicelib.storage.dynamodb import DynamoDBTable
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Add, Check, ConditionFailed, Delete, Expect, Item, Key, Put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

keys = st.builds(
    Key,
    st.sampled_from(["p", "q"]),
    st.sampled_from(["a", "a~", "aa", "b", "B", "é", "\uffff", "\U00010000"]),
)
expectations = st.sampled_from([Expect.ANY] * 4 + [Expect.ABSENT, Expect.PRESENT, 1, 2, 3])
bodies = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=3)
ages = st.none() | st.integers(-1, 4)
writes = st.one_of(
    st.tuples(st.just("put"), keys, expectations, bodies, ages),
    st.tuples(st.just("delete"), keys, expectations.filter(lambda e: e is not Expect.ABSENT)),
    st.tuples(st.just("check"), keys, expectations.filter(lambda e: e is not Expect.ANY)),
    st.tuples(
        st.just("add"),
        keys,
        expectations,
        st.dictionaries(st.sampled_from("xy"), st.integers(-9, 9), min_size=1),
    ),
)
edges = st.none() | st.sampled_from(["", "a", "aa", "b", "é", "\uffff", "\U0010ffff"])
queries = st.tuples(
    st.sampled_from(["p", "q"]),
    edges.map(lambda text: text or ""),
    edges,
    edges,
    st.booleans(),
    st.integers(1, 4),
)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("transact"), st.lists(writes, min_size=1, max_size=5, unique_by=lambda write: write[1])
        ),
        st.tuples(st.just("query"), queries),
        st.tuples(st.just("later"), st.integers(1, 3)),
        st.tuples(st.just("sweep"), st.none()),
    ),
    min_size=1,
    max_size=25,
)


@dataclass
class Model:
    """The port in its simplest form: a dict."""

    now: int = 1_800_000_000
    items: dict[Key, Item] = field(default_factory=dict)

    def live(self, key: Key) -> Item | None:
        item = self.items.get(key)
        return item if item and (item.expires is None or item.expires > self.now) else None

    def transact(self, batch: list[Any]) -> list[tuple[Key, str]]:
        failed = []
        for write in batch:
            item = self.live(write.key)
            holds = {
                Expect.ANY: True,
                Expect.ABSENT: item is None,
                Expect.PRESENT: item is not None,
            }.get(write.expect, item is not None and item.version == write.expect)
            if not holds:
                failed.append(write.key)
        if failed:
            raise ConditionFailed(failed)
        told = []
        for write in batch:
            stored = write.key in self.items
            before = self.live(write.key) or Item(write.key, {}, 0)
            if isinstance(write, Check) or (isinstance(write, Delete) and not stored):
                continue
            if isinstance(write, Delete):
                del self.items[write.key]
                told.append((write.key, "remove"))
                continue
            if isinstance(write, Put):
                after = replace(before, body=write.body, expires=write.expires)
            else:
                after = replace(
                    before,
                    counters={
                        **before.counters,
                        **{name: before.counters.get(name, 0) + n for name, n in write.counters.items()},
                    },
                )
            self.items[write.key] = replace(after, version=before.version + 1)
            told.append((write.key, "modify" if stored else "insert"))
        return told

    def query(self, partition: str, prefix: str, start: str | None, end: str | None) -> list[Item]:
        return [
            item
            for key in sorted(self.items, key=lambda key: key.sort.encode())
            if key.partition == partition
            and key.sort.startswith(prefix)
            and (start is None or key.sort.encode() >= start.encode())
            and (end is None or key.sort.encode() < end.encode())
            and (item := self.live(key))
        ]


def made(write: Any, now: int) -> Any:
    kind, key, expect, *rest = write
    if kind == "put":
        return Put(key, rest[0], expect, None if rest[1] is None else now + rest[1])
    if kind == "add":
        return Add(key, rest[0], expect)
    return (Delete if kind == "delete" else Check)(key, expect)


def agree(table: Any, model: Model, sequence: list[Any], *, sweeps: bool) -> None:
    told: list[tuple[Key, str]] = []
    for step, what in sequence:
        if step == "transact":
            batch = [made(write, model.now) for write in what]
            try:
                told += model.transact(batch)
            except ConditionFailed as expected:
                with pytest.raises(ConditionFailed) as failed:
                    table.transact(batch)
                assert failed.value.keys == expected.keys
            else:
                table.transact(batch)
        elif step == "query":
            partition, prefix, start, end, descending, limit = what
            expected_items = model.query(partition, prefix, start, end)
            if descending:
                expected_items.reverse()
            found, page = [], None
            while True:
                answer = table.query(
                    partition,
                    prefix=prefix,
                    start=start,
                    end=end,
                    descending=descending,
                    limit=limit,
                    page=page,
                )
                found += answer.items
                assert len(answer.items) == min(limit, len(expected_items) - len(found) + len(answer.items))
                page = answer.next
                if page is None:
                    break
            assert found == expected_items
        elif step == "later":
            model.now += what
        elif sweeps:
            due = [
                key
                for key, item in model.items.items()
                if item.expires is not None and item.expires <= model.now
            ]
            assert table.sweep(model.now) == len(due)
            told += [(key, "remove") for key in due]
            for key in due:
                del model.items[key]
    everything = {key: item for key in model.items if (item := model.live(key))}
    assert (
        table.get_many(
            [Key(p, s) for p in "pq" for s in ["a", "a~", "aa", "b", "B", "é", "\uffff", "\U00010000"]]
        )
        == everything
    )
    seen: list[tuple[Key, str]] = []
    while (batch := table.changes("model", 7)).changes:
        seen += [(change.key, change.kind) for change in batch.changes]
        table.acknowledge("model", batch)
    # In order for each key; within one transaction engines may tell keys in any order.
    for key in {key for key, _ in told + seen}:
        assert [kind for k, kind in seen if k == key] == [kind for k, kind in told if k == key]


@settings(max_examples=60, deadline=None)
@given(sequence=steps)
def test_sqlite_does_what_the_model_does(sequence: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Model()
        table = SQLiteTable(Path(folder) / "table.sqlite3", now=lambda: model.now)
        try:
            agree(table, model, sequence, sweeps=True)
        finally:
            table.close()


_count = 0


def fresh(model: Model, address: str | None) -> DynamoDBTable:
    global _count  # noqa: PLW0603
    _count += 1
    table = DynamoDBTable(f"model-{os.getpid()}-{_count}", endpoint_url=address, now=lambda: model.now)
    table.create()
    return table


@pytest.mark.usefixtures("moto_aws")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=steps)
def test_dynamodb_does_what_the_model_does(sequence: list[Any]) -> None:
    model = Model()
    table = fresh(model, None)
    try:
        agree(table, model, sequence, sweeps=False)
    finally:
        table.close()


@pytest.mark.dynamodb_local
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=steps)
def test_dynamodb_local_does_what_the_model_does(dynamodb_local_address: str, sequence: list[Any]) -> None:
    model = Model()
    table = fresh(model, dynamodb_local_address)
    try:
        agree(table, model, sequence, sweeps=False)
    finally:
        table.close()
