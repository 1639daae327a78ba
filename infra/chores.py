"""What has to be done by the clock on one machine: contact data's end, roots of days, the service's own page.

The publisher's loop does it every minute. Deployed, functions on a schedule do the same. Decides
nothing: when things are due stands in retention.py and publish.py.
"""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib import retention
from chalicelib.publish import Publisher

CONSUMER = "retention"
EVERY_S = 60.0
log = logging.getLogger("cctv-warga")


def once(publisher: Publisher, now: datetime, *, contact_days: int) -> None:
    """Everything that is due at `now`. Safe to repeat."""
    table = publisher.table
    while True:
        batch = table.changes(CONSUMER, 200)
        for report_id in retention.reports_of(batch.changes):
            retention.settle(table, report_id, contact_days=contact_days)
        table.acknowledge(CONSUMER, batch)
        if not batch.changes:
            break
    table.sweep(now.timestamp())
    publisher.roots(now)


def in_turn(publisher: Publisher, now: datetime, *, contact_days: int) -> None:
    """The same for the publisher's own loop, which a chore that fails must not hold up."""
    try:
        once(publisher, now, contact_days=contact_days)
    except Exception:
        # Nothing is acknowledged that was not done: it is tried again in a minute.
        log.exception("a chore failed; it is tried again")
