"""What has to be done by the clock on one machine: contact data's end, roots of days, the service's own page.

The publisher's loop does it every minute. Deployed, functions on a schedule do the same. Decides
nothing: when things are due stands in retention.py and publish.py.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from chalicelib import wiring
from chalicelib.channels import webhooks
from chalicelib.privacy import retention
from chalicelib.publish import Publisher
from chalicelib.publishing import roots

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
    while True:
        batch = table.changes(webhooks.HOOKS, 200)
        webhooks.enqueue(table, batch.changes, now)
        table.acknowledge(webhooks.HOOKS, batch)
        if not batch.changes:
            break
    deliver_beside(publisher, now)
    table.sweep(now.timestamp())
    roots.write_new(publisher.table, publisher.site, now)


def deliver_beside(publisher: Publisher, now: datetime) -> None:
    """Send webhooks' messages in a thread of their own, one at a time: a slow receiver holds up nothing here."""
    if any(thread.name == webhooks.HOOKS for thread in threading.enumerate()):
        return
    due = publisher.table.query(webhooks.DUE, limit=1).items
    if not due:
        return
    send = webhooks.sender(private=wiring.current().fetch_private)

    def work() -> None:
        try:
            webhooks.deliver(publisher.table, publisher.categories, send, now=now)
        except Exception:
            # What was not settled stays due: it is tried again in a minute.
            log.exception("sending webhooks failed; it is tried again")

    threading.Thread(target=work, name=webhooks.HOOKS, daemon=True).start()


def in_turn(publisher: Publisher, now: datetime, *, contact_days: int) -> None:
    """The same for the publisher's own loop, which a chore that fails must not hold up."""
    try:
        once(publisher, now, contact_days=contact_days)
        publisher.service(now)
        publisher.open_data(now)
    except Exception:
        # Nothing is acknowledged that was not done: it is tried again in a minute.
        log.exception("a chore failed; it is tried again")
