"""“Me too”: how many others a public report concerns, each device counted once.

Counter and mark are one transaction, so the count is exact however many press at once.
The page follows with the next round of the publisher: a thousand supporters cost one
rewrite. What is kept of a device is a hash that differs from report to report.
"""

from __future__ import annotations

import hashlib

from . import records
from .front.problems import Problem, Refused
from .report import written_id
from .storage.table import Add, ConditionFailed, Expect, Key, Put, Table

COUNTER = "supporters"


def support(table: Table, report_id: str, device: str) -> tuple[int, bool]:
    """(supporters now, whether this one was new). Raises Refused: unknown or private report, or a closed one."""
    found = records.load(table, report_id)
    if found is None or found[0].private:
        raise Refused([Problem("report_unknown", "id", {"value": written_id(report_id)})], 404)
    if found[0].closed is not None:
        raise Refused([Problem("support_closed")], 409)
    mark = hashlib.sha256(f"{report_id}\n{device}".encode()).hexdigest()[:32]
    try:
        table.transact(
            [
                Put(Key(f"support#{report_id}", mark), {}, Expect.ABSENT),
                Add(records.support_key(report_id), {COUNTER: 1}),
                Put(records.dirty_key(f"report#{report_id}", mark), {}),
            ]
        )
        new = True
    except ConditionFailed:
        new = False
    return supporters(table, report_id), new


def supporters(table: Table, report_id: str) -> int:
    """How many devices said that a report concerns them too."""
    item = table.get(records.support_key(report_id))
    return item.counters.get(COUNTER, 0) if item else 0
