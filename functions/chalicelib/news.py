"""What happened, as letters tell it: from events and follows to plain data for web.letters.

Decides and does no I/O. Of a private report nothing but its number leaves from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from web.letters import Followed, News

from . import follow
from .report import Event, Report


def news_of(report: Report, event: Event | None, *, own: bool = False) -> News:
    """An event as letters tell it; None stands for a planned day that went by. Only what is public is in it."""
    if report.private:
        return News("noted", report.id, private=True, own=own)
    words = event.words.get("text") if event else None
    planned = event.planned if event else report.planned
    return News(
        what=_what(event) if event else "late",
        report=report.id,
        category=report.category,
        kelurahan=report.place.kelurahan if report.place else "",
        kota=report.place.kota if report.place else "",
        state=(event.to_state if event else None) or report.state,
        office=event.office.name if event and event.office else "",
        to_office=event.to_office.name if event and event.to_office else "",
        text=report.description if event and event.kind == "received" else words.text if words else "",
        reason=(event.reason if event else None) or "",
        percent=event.percent if event else None,
        planned=date.fromisoformat(planned) if planned else None,
        own=own,
    )


def _what(event: Event) -> str:
    if event.kind in {"received", "placed", "asked", "noted"}:
        return "arrived" if event.kind == "received" else event.kind
    if follow.is_reopening(event):
        return "reopened"
    if event.to_state in {"done", "rejected", "duplicate"}:
        return str(event.to_state)
    if event.to_office:
        return "handed"
    return "coordination" if event.to_state == "coordination" else "progress"


def described(target: follow.Target, areas: Mapping[str, Any]) -> Followed:
    """What is followed, with names for codes."""
    if target.kind == follow.REPORT:
        return Followed("report", report=target.report)
    if target.kind == follow.CIRCLE:
        return Followed("circle", category=target.category, radius_m=target.radius_m)
    kinds = {2: "city", 5: "kota", 8: "kecamatan", 13: "kelurahan"}
    kind = kinds[len(target.area)]
    row = next((areas[kode] for kode in areas if kode.startswith(target.area)), None)
    name = str(getattr(row, kind, "")) if row and kind != "city" else ""
    return Followed(kind, name, category=target.category)
