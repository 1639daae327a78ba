"""The officers' part of the API, under /api/staff/: a file per duty, all behind the same gate.

Every handler first asks gate.asking() who is there and access.may() whether they may.
Answers are for officers only and are never cached.
"""

from __future__ import annotations

from . import accounts, clients, deeds, queue, report, rules, session, views
from .report import ACTIONS

OPERATIONS = (
    *session.OPERATIONS,
    *queue.OPERATIONS,
    *views.OPERATIONS,
    *report.OPERATIONS,
    *deeds.OPERATIONS,
    *rules.OPERATIONS,
    *accounts.OPERATIONS,
    *clients.OPERATIONS,
)

__all__ = ["ACTIONS", "OPERATIONS"]
