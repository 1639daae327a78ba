"""What is published by the clock, not by a change: the service's own page and what operators tell of incidents.

Holds the only page with a time of writing on it. Reads the table and writes files; when
it is due is decided by who calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from web import views
from web.render import Renderer

from .. import records
from ..languages import LANGUAGES
from ..report import moment, stamp
from ..storage.files import Files
from ..storage.table import Table
from . import incidents, roots
from .openfiles import last_written

MARKS = 1000
"""Marks counted at most: more than that waits is as bad as any more."""


@dataclass(frozen=True)
class Bulletin:
    """Writes `/status/` in both languages, and the same as `/data/status.json`."""

    table: Table
    site: Files
    renderer: Renderer

    def service(self, now: datetime) -> None:
        """How old is what everybody sees, what still waits, and what operators told."""
        newest = records.newest_change(self.table, stamp(now))
        told_of = incidents.newest(self.table)
        opened = last_written(self.table)
        view = views.ServiceView(
            written=now.replace(microsecond=0),
            newest=moment(newest) if newest else None,
            waiting=len(self.table.query("dirty", limit=MARKS).items),
            roots=roots.last_day(self.table),
            open_data=moment(opened) if opened else None,
            incidents=tuple(_incident(each) for each in told_of),
        )
        for language, root in LANGUAGES.items():
            self.site.put(f"{root}status/index.html", self.renderer.service(view, language).encode())
        told = {
            "written": stamp(now),
            "newest": newest,
            "waiting": view.waiting,
            "open_data": opened,
            "roots": view.roots or None,
            "incidents": msgspec.to_builtins(told_of),
        }
        self.site.put("data/status.json", msgspec.json.encode(told))


def _incident(it: incidents.Incident) -> views.IncidentView:
    entries = tuple((moment(each.at), {"id": each.id, "en": each.en}) for each in it.entries)
    return views.IncidentView(it.number, entries, moment(it.closed) if it.closed else None)
