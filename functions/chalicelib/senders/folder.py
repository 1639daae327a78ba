"""Messages into a folder, for one machine: what would have been sent can be read there.

A mail is kept as `.eml`, a push message as `.json`, named by time. For trying out and for tests;
the newest MOST are kept. Never used where real people wait for mail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import Message, Outcome
from .mail import as_mail

MOST = 200


@dataclass(frozen=True)
class Folder:
    """Keeps mails, or with `push` push messages, in `path`."""

    path: Path
    sender: str
    now: Callable[[], datetime]
    push: bool = False

    def send(self, message: Message) -> Outcome:
        """Keep it. Always `sent`, but for an address that no mail can have."""
        try:
            data = self._push(message) if self.push else bytes(self._mail(message))
        except ValueError:
            return "refused"
        self.path.mkdir(parents=True, exist_ok=True)
        name = f"{self.now():%Y%m%dT%H%M%S%f}.{'json' if self.push else 'eml'}"
        fresh = self.path / f".{name}.{os.getpid()}"
        fresh.write_bytes(data)
        fresh.replace(self.path / name)
        for old in sorted(self.path.glob("2*.*"))[:-MOST]:
            old.unlink(missing_ok=True)
        return "sent"

    def _mail(self, message: Message) -> bytes:
        return as_mail(message, sender=self.sender, now=self.now()).as_bytes()

    @staticmethod
    def _push(message: Message) -> bytes:
        told = {"title": message.subject, "body": message.short, "url": message.url, "lang": message.language}
        return json.dumps(told, ensure_ascii=False).encode()
