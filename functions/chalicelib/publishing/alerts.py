"""Which reports are warnings, and what is said of each: an alert when it comes, updates, and a cancel when it is over.

A category says whether it is a hazard, and for how long a report of it warns. What was sent is
kept in the table until it runs out, so that every later message names the one it replaces.
Writes `/peringatan/<id>.cap` and the feed beside them; by the clock, since warnings end by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from web import cap

from .. import records
from ..categories import Category, Hazard
from ..lifecycle import STATES
from ..report import Report, moment, stamp
from ..storage.files import Files
from ..storage.table import Item, Key, Put, Table

PARTITION = "alerts"
LOOK_BACK = timedelta(days=31)
"""A report older than this warns of nothing any more."""
MOST = 200
"""So many open hazards are looked at, newest first."""
FEED = "peringatan/feed.xml"
CERTAINTY = {
    "waiting": "Possible",
    "coordination": "Likely",
    "disposition": "Likely",
    "in_progress": "Observed",
}
"""How sure it is, in CAP's words: a citizen said so, an office took it on, somebody is there."""


@dataclass(frozen=True)
class Alerts:
    """Everything that warnings are made of and written to."""

    table: Table
    site: Files
    site_url: str
    categories: Mapping[str, Category]

    def write(self, now: datetime) -> int:
        """Send what is new, cancel what is over, and list what is in force. Returns how many messages were written."""
        hazards = {code: each.hazard for code, each in self.categories.items() if each.hazard}
        kept = {item.key.sort: item for item in records.every(self.table, PARTITION)}
        warning = self._in_force(hazards, now)
        written = 0
        for report, hazard in warning:
            before = kept.pop(report.id, None)
            if before is None or before.body["seq"] != report.seq or before.body["message"] == "Cancel":
                self._send(report, hazard, before, "Update" if before else "Alert")
                written += 1
        for report_id, before in kept.items():
            found = records.load(self.table, report_id)
            if found and before.body["message"] != "Cancel":
                was = hazards.get(before.body["category"])
                if was and not _warns(found[0], hazards, now):
                    self._send(found[0], was, before, "Cancel")
                    written += 1
        self._list()
        return written

    def _in_force(self, hazards: Mapping[str, Hazard], now: datetime) -> list[tuple[Report, Hazard]]:
        if not hazards:
            return []
        which = [f"open#{code}" for code in hazards]
        ids = records.requested(self.table, which, stamp(now - LOOK_BACK), stamp(now), most=MOST)
        found = records.load_many(self.table, ids) if ids else {}
        return [
            (report, hazards[report.category])
            for each in ids
            if (report := found.get(each)) and _warns(report, hazards, now)
        ]

    def _send(self, report: Report, hazard: Hazard, before: Item | None, message: str) -> None:
        place = report.place
        if place is None:
            return
        sent = moment(report.updated)
        expires = sent + timedelta(hours=hazard.hours)
        # A report whose category was corrected is cancelled as what it was sent as.
        code = before.body["category"] if before and message == "Cancel" else report.category
        names = self.categories[code].names
        exact = place.method != "chosen"
        view = cap.AlertView(
            report=report.id,
            identifier=cap.identifier(self.site_url, report.id, report.seq),
            sent=sent,
            expires=expires,
            message=message,
            state=report.state,
            event=dict(names),
            category=hazard.category,
            urgency=hazard.urgency,
            severity=hazard.severity,
            certainty=CERTAINTY.get(report.state, "Unknown"),
            kode=place.kode,
            kelurahan=place.kelurahan,
            kecamatan=place.kecamatan,
            kota=place.kota,
            longitude=report.longitude if exact else None,
            latitude=report.latitude if exact else None,
            radius_m=max(float(hazard.radius_m), report.accuracy_m or 0.0),
            example=report.example,
            replaces=(before.body["identifier"], moment(before.body["sent"])) if before else None,
        )
        self.site.put(f"peringatan/{report.id}.cap", cap.alert(view, self.site_url).encode())
        body = {
            "seq": report.seq,
            "message": message,
            "category": code,
            "identifier": view.identifier,
            "sent": report.updated,
            "title": f"{view.event['id']}: {place.kelurahan}",
            "example": report.example,
        }
        self.table.transact([Put(Key(PARTITION, report.id), body, expires=int(expires.timestamp()))])

    def _list(self) -> None:
        """The feed; written only when it says something new."""
        entries = [
            cap.Listed(
                item.key.sort,
                item.body["identifier"],
                moment(item.body["sent"]),
                item.body["title"],
                item.body["example"],
            )
            for item in records.every(self.table, PARTITION)
        ]
        text = cap.feed(entries, self.site_url).encode()
        there = self.site.get(FEED)
        if there is None or there.data != text:
            self.site.put(FEED, text)


def _warns(report: Report, hazards: Mapping[str, Hazard], now: datetime) -> bool:
    """Whether a report warns of something now: public, placed, open, a hazard, and not too long unchanged."""
    hazard = hazards.get(report.category)
    if hazard is None or report.private or report.place is None or STATES[report.state].closed:
        return False
    return now < moment(report.updated) + timedelta(hours=hazard.hours)
