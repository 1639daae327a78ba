"""Keeps the site of one machine up to date: follows the change stream, rebuilds when the version changed, fills once.

Beside the local server, in its process. Deployed, functions do the same; what is rewritten
after a change, and when, stands in publish.py and chores.py.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterable, Sequence

from chalicelib import settings, wiring
from chalicelib.publish import Publisher
from chalicelib.storage.table import Change, ConditionFailed, Expect, Key, Put, Table
from chalicelib.wiring import INSTANCE

from infra import chores, site_version

CONSUMER = "publish"
FAILED = "failed"
"""Partition of changes that could not be published."""
PATIENCE = 5
"""So often a batch is tried whole before its changes are tried one by one."""
PUBLISHED = Key("published", "site")
"""Which version of the code, the words and the boundaries drew the site."""
log = logging.getLogger("cctv-warga")


class PublisherThread(threading.Thread):
    """Follows the change stream and keeps the site up to date until it is told to stop."""

    def __init__(self, publisher: Publisher, chosen: settings.Settings) -> None:
        super().__init__(name="publisher", daemon=True)
        self._publisher = publisher
        self._interval = chosen.publish_interval_ms / 1000
        self._tidy_interval = chosen.tidy_interval_ms / 1000
        self._contact_days = chosen.contact_days
        self._stop_asked = threading.Event()

    def run(self) -> None:
        tidied, cared, failures = 0.0, -chores.EVERY_S, 0
        while not self._stop_asked.is_set():
            try:
                worked = publish_batch(self._publisher, one_by_one=failures >= PATIENCE)
                failures = 0
                if time.monotonic() - tidied >= self._tidy_interval:
                    tidied = time.monotonic()
                    self._publisher.tidy()
                if time.monotonic() - cared >= chores.EVERY_S:
                    cared = time.monotonic()
                    chores.in_turn(self._publisher, wiring.now(), contact_days=self._contact_days)
            except Exception:
                # Nothing is acknowledged that was not published: the same changes come again.
                failures += 1
                log.exception("publishing failed; it is tried again")
                self._stop_asked.wait(1)
                continue
            if not worked and not self._drawn():
                self._publisher.table.wait(CONSUMER, self._interval)

    def _drawn(self) -> bool:
        """Draw one picture of a report, when nothing else is to be done. Whether there was one."""
        try:
            return self._publisher.cards(limit=1) > 0
        except Exception:
            # A page is whole without its picture.
            log.exception("drawing a picture failed; it is tried again")
            return False

    def stop(self) -> None:
        """Finish the batch at hand and end."""
        self._stop_asked.set()
        self.join(timeout=10)


def publish_batch(publisher: Publisher, *, limit: int = 200, one_by_one: bool = False) -> int:
    """Publish the next changes of the stream and acknowledge them. Returns how many there were.

    With `one_by_one` a change that cannot be published is set aside under FAILED, so that it
    holds back no other; a rebuild (`python -m infra publish --all`) takes it up again.
    """
    batch = publisher.table.changes(CONSUMER, limit)
    if one_by_one:
        for change in batch.changes:
            _publish_or_set_aside(publisher, change)
    elif batch.changes:
        publisher.publish(batch.changes)
    publisher.table.acknowledge(CONSUMER, batch)
    return len(batch.changes)


def _publish_or_set_aside(publisher: Publisher, change: Change) -> None:
    try:
        publisher.publish([change])
    except Exception as error:
        log.exception("a change was set aside: %s %s", change.key.partition, change.key.sort)
        name = f"{change.key.partition}#{change.key.sort}"
        publisher.table.transact([Put(Key(FAILED, name), {"error": type(error).__name__})])


def prepare(publisher: Publisher, version: str) -> bool:
    """Rebuild the site when it is new, or was drawn by another version. Returns whether it was rebuilt."""
    table = publisher.table
    done = table.get(PUBLISHED)
    if done and done.body.get("version") == version:
        return False
    while True:
        # What is in the stream by now is in the table by now, and the rebuild reads the table.
        batch = table.changes(CONSUMER, 1000)
        table.acknowledge(CONSUMER, batch)
        if not batch.changes:
            break
    publisher.everything()
    table.transact([Put(PUBLISHED, {"version": version})])
    return True


def progress(many: Sequence[str], what: str) -> Iterable[str]:
    """A progress bar on standard error while a person watches."""
    from tqdm import tqdm

    return tqdm(many, desc=what, unit="", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)


def rebuild(chosen: settings.Settings) -> None:
    """Draw the whole site anew from the table."""
    kept = wiring.table().get(INSTANCE)
    example = bool(kept and kept.body["example"])
    publisher = wiring.publisher(example=example, progress=progress)
    publisher.everything()
    publisher.table.transact([Put(PUBLISHED, {"version": site_version.of_site(chosen, example=example)})])


def first_filling(table: Table, chosen: settings.Settings) -> bool:
    """Fill an empty table with example reports, once. Returns whether the instance holds examples."""
    from infra import seed

    kept = table.get(INSTANCE)
    if kept is None:
        empty = not table.query("counts", limit=1).items
        wanted = chosen.demo and empty
        if wanted:
            seed.fill(
                table,
                wiring.files("private"),
                wiring.parts().door.locator,
                now=wiring.now(),
                progress=progress,
            )
        try:
            table.transact([Put(INSTANCE, {"example": wanted}, Expect.ABSENT)])
        except ConditionFailed:
            log.info("another process filled the table at the same time")
        return wanted
    return bool(kept.body["example"])
