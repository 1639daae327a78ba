"""Tells followers on one machine: follows the change stream beside the publisher, in a thread of its own.

So slow mail delays no page. Deployed, functions do the same. Decides nothing: who is told what
stands in follow.py, when and how in notices.py.
"""

from __future__ import annotations

import logging
import threading

from chalicelib import notices, wiring

CONSUMER = "notices"
PAUSE_S = 0.5
log = logging.getLogger("cctv-warga")


class Messenger(threading.Thread):
    """Makes notices due and sends them until it is told to stop."""

    def __init__(self, post: notices.Post) -> None:
        super().__init__(name="messenger", daemon=True)
        self._post = post
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                worked = once(self._post)
            except Exception:
                # Nothing is acknowledged that was not made due: the same changes come again.
                log.exception("telling followers failed; it is tried again")
                self._stop_asked.wait(5)
                continue
            if not worked:
                self._stop_asked.wait(PAUSE_S)

    def stop(self) -> None:
        """Finish the message at hand and end."""
        self._stop_asked.set()
        self.join(timeout=30)


def once(post: notices.Post) -> int:
    """Make due what the next changes ask for, and send what is due. Returns how much there was."""
    batch = post.table.changes(CONSUMER, 200)
    notices.tell(post.table, batch.changes, wiring.now(), post.rules)
    post.table.acknowledge(CONSUMER, batch)
    sent = notices.deliver(post, wiring.now())
    return len(batch.changes) + sum(sent.values())
