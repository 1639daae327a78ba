"""The roots of days: one hash over the heads of every history, written when its day is over and never again.

How a root is computed is decided in proof.py; here it is only read from the table and
written to the site.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from .. import proof, records
from ..storage.files import Files
from ..storage.table import ConditionFailed, Expect, Key, Put, Table

ROOTS = Key("proof", "roots")
"""The first and the last day that have a root, and that root."""
GRACE = timedelta(hours=1)
FIRST_LOOK = 400
"""So many days back the first root is looked for, once."""


def last_day(table: Table) -> str:
    """The newest day with a root (yyyy-mm-dd); empty before the first."""
    kept = table.get(ROOTS)
    return str(kept.body["day"]) if kept else ""


def write_new(table: Table, site: Files, now: datetime) -> list[str]:
    """Write the roots of the days that are over and have none yet. Returns those days (yyyy-mm-dd).

    Costs what changed on those days. A day is over an hour after midnight in Jakarta: nothing
    is written for it any more. Safe to repeat; what was written once is never written again.
    """
    over = (now + proof.WIB - GRACE).date() - timedelta(days=1)
    kept = table.get(ROOTS)
    last = date.fromisoformat(kept.body["day"]) if kept else over - timedelta(days=FIRST_LOOK)
    previous = kept.body["root"] if kept else proof.FIRST
    first = kept.body["first"] if kept else ""
    done: list[str] = []
    while last < over:
        last += timedelta(days=1)
        made = proof.day_text(last.isoformat(), previous, records.heads_of(table, last.isoformat()))
        if not first and not made.count:
            continue
        first, previous = first or made.day, made.root
        _write(site, made)
        done.append(made.day)
    if done:
        body = {"first": first, "day": done[-1], "root": previous}
        try:
            table.transact([Put(ROOTS, body, kept.version if kept else Expect.ABSENT)])
        except ConditionFailed:
            return done  # another publisher wrote the same days: the files are the same
        site.put("bukti/terbaru.json", msgspec.json.encode({"day": done[-1], "root": previous}))
    return done


def _write(site: Files, made: proof.Day) -> None:
    """A day's text and root, unless they are there: a root that was shown is never replaced."""
    told = {
        "day": made.day,
        "root": made.root,
        "previous_root": made.previous,
        "reports": made.count,
        "text": f"/bukti/{made.day}.txt",
    }
    site.put(f"bukti/{made.day}.txt", made.text.encode(), if_absent=True)
    site.put(f"bukti/{made.day}.json", msgspec.json.encode(told), if_absent=True)


def write_again(table: Table, site: Files) -> None:
    """Write the roots of all days so far that the site has lost, from what the table knows."""
    if kept := table.get(ROOTS):
        day, previous = date.fromisoformat(kept.body["first"]), proof.FIRST
        while day.isoformat() <= kept.body["day"]:
            made = proof.day_text(day.isoformat(), previous, records.heads_of(table, day.isoformat()))
            _write(site, made)
            day, previous = day + timedelta(days=1), made.root
        told = {"day": kept.body["day"], "root": kept.body["root"]}
        site.put("bukti/terbaru.json", msgspec.json.encode(told))
