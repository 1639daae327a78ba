"""The table port: keys in order, conditional transactions, and a stream of what changed.

What every engine must do in exactly the same way, and the decisions they share:
limits, expectations, ranges and page tokens. Knows no engine and nothing of reports.

A table holds items under (partition, sort). Within a partition they are ordered by
the sort key's UTF-8 bytes. An item whose `expires` has come is as if absent
everywhere, whether or not an engine removed it yet.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

JSON: TypeAlias = dict[str, Any]

PARTITION_BYTES = 2048
"""Longest partition key in UTF-8 bytes: DynamoDB's own limit."""
SORT_BYTES = 1000
"""Longest sort key in UTF-8 bytes: DynamoDB's 1,024 less room for the bound just after a key."""
BODY_BYTES = 350_000
"""Largest body as compact JSON: DynamoDB's items end at 400 kB, keys and counters included."""
TRANSACTION_BYTES = 3_500_000
"""Largest sum of the bodies of one transaction: DynamoDB's ends at 4 MB."""
WRITES = 25
"""Most writes in one transaction."""
COUNTERS = 100
"""Most counters in one Add."""
COUNTED = "n"
"""The counter that count() keeps under its key."""
COUNTER_STEP = 10**12
"""Largest step of a counter, up or down."""
LIMIT = 1000
"""Most items of a page and most changes of a batch."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COUNTER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_CONSUMER = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Expect(enum.Enum):
    """What a write expects of the item before it. A number instead means: exactly this version."""

    ANY = "any"
    ABSENT = "absent"
    PRESENT = "present"


Expectation: TypeAlias = Expect | int


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Where an item lies. Both parts are text without control characters, and not empty."""

    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class Item:
    """What lies there. `version` is 1 when created, one more with each write; `expires`: s since 1970."""

    key: Key
    body: JSON = field(repr=False)
    version: int
    counters: Mapping[str, int] = field(default_factory=dict)
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Create or replace body and expiry. Counters of an item that is there stay as they are."""

    key: Key
    body: JSON = field(repr=False)
    expect: Expectation = Expect.ANY
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the item. With Expect.ANY an item that is not there is no mistake."""

    key: Key
    expect: Expectation = Expect.ANY


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing here, but let the transaction fail when the expectation does not hold."""

    key: Key
    expect: Expectation


@dataclass(frozen=True, slots=True)
class Add:
    """Add to whole-number counters, from 0. Creates the item (body {}), else leaves body and expiry."""

    key: Key
    counters: Mapping[str, int]
    expect: Expectation = Expect.ANY


Write: TypeAlias = Put | Delete | Check | Add


@dataclass(frozen=True, slots=True)
class Page:
    """Items in order. `next` is an opaque token for the same query, None when nothing was left."""

    items: list[Item]
    next: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """That an item changed: its key alone, so that personal data never travels in the stream.

    `kind` is insert, modify or remove, and tells what happened to the stored row: an
    item that had expired but was still stored is modified when written anew, and
    removed when the engine clears it away. `sequence` names the change within its engine.
    """

    key: Key
    kind: str
    sequence: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes in order, and the position after them: opaque JSON, to be handed to acknowledge()."""

    changes: list[Change]
    position: Any


class ConditionFailed(Exception):
    """Nothing was written, because the expectations on `keys` did not hold."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        named = ", ".join(f"{key.partition} {key.sort}" for key in self.keys)
        super().__init__(f"nothing was written; the expectation did not hold on: {named}")


class Busy(Exception):
    """Contention or throttling outlasted the bounded retries. Nothing was written: try again later."""


class Unclear(Busy):
    """The connection broke and stayed broken: a write may have happened or not. Look before writing again."""


class StorageError(RuntimeError):
    """The store itself cannot be used: not ours, damaged, of a newer version, or not there."""


class Table(Protocol):
    """What every engine does. Safe to use from many threads and many processes at once."""

    def get(self, key: Key) -> Item | None:
        """The item as the last finished write left it; None when absent. ValueError for an impossible key."""
        ...

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items that are there, any number of keys; not one snapshot of all of them."""
        ...

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
        """Items of a partition in order, those whose sort key begins with `prefix` and lies in [start, end).

        As many as `limit` (1 to 1,000) or as there are. `page` is the `next` of the page
        before, for the same partition, range and direction; ValueError otherwise.
        """
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none: at most 25, on distinct keys. When it returns they are durable.

        Raises ConditionFailed with the keys whose expectation failed, Busy, Unclear, and
        ValueError for writes that no engine takes.
        """
        ...

    def count(self, key: Key, most: int, *, expires: int) -> int | None:
        """Count one more under `key`, unless `most` are counted already: how many now; None: none more.

        One write, exact however many count at once. Counts from nothing where no item is or
        it has expired; the first count sets `expires` (seconds since 1970). A count whose
        answer was lost may stand although Unclear was raised. Only for keys that nothing else writes.
        """
        ...

    def changes(self, consumer: str, limit: int = 100) -> Batch:
        """What changed after this consumer's position: at least once, and in order within a partition.

        The same changes come again until they are acknowledged. A new consumer starts at
        the oldest change that is still kept. A batch without changes can still carry a
        position worth acknowledging.
        """
        ...

    def acknowledge(self, consumer: str, batch: Batch) -> None:
        """Move the consumer's durable position behind the batch. Never moves backwards."""
        ...

    def wait(self, consumer: str, timeout: float) -> bool:
        """Sleep until there may be changes, `timeout` seconds at most; False: there are none."""
        ...

    def forget(self, consumer: str) -> None:
        """Drop a consumer that will not come back, so that nothing is kept for it any longer."""
        ...

    def sweep(self, now: float) -> int:
        """Clear away what expired at `now` (seconds since 1970); how many. DynamoDB does so by itself: 0."""
        ...

    def close(self) -> None:
        """Let go of connections. The table cannot be used afterwards."""
        ...


# What the engines share.


@dataclass(frozen=True, slots=True)
class Range:
    """Sort keys in [low, high), in the order of UTF-8 bytes; None is no bound."""

    low: str | None
    high: str | None

    @property
    def empty(self) -> bool:
        return self.high is not None and (self.low or "") >= self.high

    def holds(self, sort: str) -> bool:
        return (self.low is None or sort >= self.low) and (self.high is None or sort < self.high)


@dataclass(frozen=True, slots=True)
class Query:
    """A checked query: what is asked, without how much and from where on."""

    partition: str
    bounds: Range
    descending: bool

    def token(self, last: str) -> str:
        """The page token after the item with sort key `last`."""
        text = last.encode()
        return base64.urlsafe_b64encode(self._seal(text) + text).decode().rstrip("=")

    def after(self, page: str) -> Range:
        """The range that is left behind a page token. ValueError when the token is not of this query."""
        try:
            raw = base64.urlsafe_b64decode(page.encode("ascii") + b"=" * (-len(page) % 4))
            seal, text = raw[:_SEAL], raw[_SEAL:]
            last = text.decode()
        except (ValueError, binascii.Error):
            raise ValueError(_FOREIGN_PAGE) from None
        # Encoding again and comparing refuses what differs only in bits that decoding ignores.
        if seal != self._seal(text) or self.token(last) != page or not self.bounds.holds(last):
            raise ValueError(_FOREIGN_PAGE)
        if self.descending:
            return Range(self.bounds.low, last)
        return Range(last + "\0", self.bounds.high)

    def _seal(self, last: bytes) -> bytes:
        asked = json.dumps([self.partition, self.bounds.low, self.bounds.high, self.descending]).encode()
        return hashlib.sha256(asked + b"\n" + last).digest()[:_SEAL]


_SEAL = 12
_FOREIGN_PAGE = "the page token is damaged or belongs to another query: start again from the first page"


def query_of(
    partition: str,
    prefix: str,
    start: str | None,
    end: str | None,
    *,
    descending: bool,
    limit: int,
    page: str | None,
) -> tuple[Query, Range]:
    """Check a query and reduce prefix, start and end to one range; with it what is left of that after `page`.

    Raises ValueError.
    """
    check_text(partition, "partition", PARTITION_BYTES)
    check_limit(limit)
    lows = [text for text in (prefix, start) if text]
    highs = [text for text in (_after_prefix(prefix), end) if text is not None]
    for name, text in (("prefix", prefix), ("start", start), ("end", end)):
        if text:
            check_text(text, name, SORT_BYTES)
    # Python compares text by code point, which is the order of UTF-8 bytes.
    query = Query(partition, Range(max(lows, default=None), min(highs, default=None)), descending)
    return query, query.bounds if page is None else query.after(page)


def _after_prefix(prefix: str) -> str | None:
    """The smallest text above everything that begins with `prefix`; None when there is none."""
    while prefix:
        following = ord(prefix[-1]) + 1
        prefix = prefix[:-1]
        if following == 0xD800:  # surrogates are not characters
            following = 0xE000
        if following <= 0x10FFFF:
            return prefix + chr(following)
    return None


def check_limit(limit: int) -> None:
    """Raises ValueError when a page or batch cannot hold `limit` entries."""
    if not 1 <= limit <= LIMIT:
        raise ValueError(f"limit is {limit}: it must be from 1 to {LIMIT}")


def check_consumer(consumer: str) -> None:
    """Raises ValueError for a name that no consumer can have."""
    if not _CONSUMER.fullmatch(consumer):
        raise ValueError(f"consumer {consumer[:80]!r}: it takes 1 to 64 letters, digits, '_', '.' or '-'")


def check_text(text: str, name: str, most: int) -> None:
    """Raises ValueError when `text` cannot be (part of) a key."""
    if not isinstance(text, str) or not text:
        raise ValueError(f"{name} is {text!r}: it must be text and not empty")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{name} {text[:80]!a} holds half a surrogate pair: it is not text") from None
    if size > most:
        raise ValueError(f"{name} {text[:80]!r}... has {size} bytes: at most {most}")
    if _CONTROL.search(text):
        raise ValueError(f"{name} {text[:80]!r} holds control characters: keys take none")


def check_key(key: Key) -> None:
    """Raises ValueError when no engine could keep an item under this key."""
    check_text(key.partition, "partition", PARTITION_BYTES)
    check_text(key.sort, "sort", SORT_BYTES)


def encode(body: JSON, key: Key) -> str:
    """A body as compact JSON. The ValueError names the key and never shows the body."""
    where = f"the body of {key.partition} {key.sort}"
    if not isinstance(body, dict):
        raise ValueError(f"{where} is a {type(body).__name__}: it must be a dict")
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{where} holds half a surrogate pair: it is not text") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON ({type(error).__name__})") from None
    if size > BODY_BYTES:
        raise ValueError(f"{where} has {size} bytes: at most {BODY_BYTES}")
    return text


def decode(text: str) -> JSON:
    """A stored body."""
    body: JSON = json.loads(text)
    return body


def check_writes(writes: Sequence[Write]) -> list[str]:
    """Check a transaction; the encoded bodies of its Puts, in order. Raises ValueError."""
    if len(writes) > WRITES:
        raise ValueError(f"{len(writes)} writes in one transaction: at most {WRITES}")
    bodies: list[str] = []
    seen: set[Key] = set()
    for write in writes:
        check_key(write.key)
        if write.key in seen:
            raise ValueError(f"two writes on {write.key.partition} {write.key.sort} in one transaction")
        seen.add(write.key)
        _check_expectation(write)
        if isinstance(write, Put):
            bodies.append(encode(write.body, write.key))
            if write.expires is not None and not 0 <= write.expires < 2**53:
                raise ValueError(f"expires is {write.expires!r}: it takes seconds since 1970")
        elif isinstance(write, Add):
            _check_counters(write.counters)
    if sum(len(text.encode()) for text in bodies) > TRANSACTION_BYTES:
        raise ValueError(f"the bodies of one transaction exceed {TRANSACTION_BYTES} bytes")
    return bodies


def check_count(key: Key, most: int, expires: int) -> None:
    """Raises ValueError for what count() cannot take."""
    check_key(key)
    if not 1 <= most <= COUNTER_STEP:
        raise ValueError(f"most is {most!r}: it takes a whole number from 1 to {COUNTER_STEP}")
    if not 0 <= expires < 2**53:
        raise ValueError(f"expires is {expires!r}: it takes seconds since 1970")


def _check_expectation(write: Write) -> None:
    expect = write.expect
    if isinstance(expect, Expect):
        if isinstance(write, Check) and expect is Expect.ANY:
            raise ValueError("a Check that expects anything checks nothing")
        if isinstance(write, Delete) and expect is Expect.ABSENT:
            raise ValueError("a Delete that expects nothing there deletes nothing: use Check")
    elif isinstance(expect, bool) or not isinstance(expect, int) or expect < 1:
        raise ValueError(f"expect is {expect!r}: it takes an Expect or a version from 1 on")


def _check_counters(counters: Mapping[str, int]) -> None:
    if not 1 <= len(counters) <= COUNTERS:
        raise ValueError(f"{len(counters)} counters in one Add: from 1 to {COUNTERS}")
    for name, step in counters.items():
        if not _COUNTER.fullmatch(name):
            raise ValueError(f"counter {name[:80]!r}: it takes 1 to 64 letters, digits, '_', '.', ':' or '-'")
        if isinstance(step, bool) or not isinstance(step, int) or abs(step) > COUNTER_STEP:
            raise ValueError(
                f"counter {name} moves by {step!r}: it takes a whole number within {COUNTER_STEP}"
            )


def met(expect: Expectation, version: int | None) -> bool:
    """Whether an expectation holds of an item's version; None when the item is absent or expired."""
    if expect is Expect.ANY:
        return True
    if expect is Expect.ABSENT:
        return version is None
    if expect is Expect.PRESENT:
        return version is not None
    return version == expect
