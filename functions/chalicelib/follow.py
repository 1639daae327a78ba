"""Who is told what, and when: what can be followed, where a follow is found, which events it hears of.

Decides and does no I/O. Followers and their addresses are followers.py's business, the outbox is
notices.py's, words are web.mails'. A change reads only the partitions named here, each holding
nobody but those who follow that report, area, category or small square of the map.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import msgspec

from geo.plane import metres_per_degree

from .lifecycle import STATES
from .proof import WIB
from .report import Event, Report

RHYTHMS = ("now", "daily")
REPORT, AREA, CIRCLE = "report", "area", "circle"
REPORTER = "reporter"
"""The role of who sent the report and asked to be told."""
LEAST_RADIUS_M, MOST_RADIUS_M = 100, 2000
CITY = "31"
AREA_CODE = re.compile(r"31(\.\d{2}(\.\d{2}(\.\d{4})?)?)?")
WHOLE = (8, 13)
"""Lengths of the codes of areas that can be followed whole: kecamatan and kelurahan. Larger ones only by category."""
LENGTHS = (2, 5, 8, 13)
CELL = 0.02
"""Degrees: circles are found by squares of about 2.2 km, so the largest circle touches nine of them."""

_OF_REPORT = frozenset({"moved", "taken", "placed", "noted", "asked"})
_OUTCOMES = frozenset({"done", "rejected"})


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is followed. `area` is a code from `31` to a kelurahan's; a circle has its middle in degrees
    (WGS 84) and its radius in metres; `category` narrows an area or a circle, "" takes all."""

    kind: str
    report: str = ""
    area: str = ""
    category: str = ""
    longitude: float = 0.0
    latitude: float = 0.0
    radius_m: int = 0


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A follow in the index: all that deciding needs, and no address. `since` is the stamp it was confirmed at."""

    since: str
    rhythm: str
    role: str = ""
    category: str = ""
    longitude: float = 0.0
    latitude: float = 0.0
    radius_m: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The hours of messages, Jakarta's: quiet from one until the other, equal for never; digests at one."""

    quiet_from: int = 21
    quiet_until: int = 6
    digest_hour: int = 7


def partitions(target: Target) -> list[str]:
    """Where a follow of `target` stands in the index: once, or in every square that its circle touches."""
    if target.kind == REPORT:
        return [f"followers#report#{target.report}"]
    if target.kind == AREA:
        narrow = f"category#{target.category}" if target.category else "area"
        return [f"followers#{narrow}#{target.area}"]
    return [f"followers#cell#{x}#{y}" for x, y in cells(target.longitude, target.latitude, target.radius_m)]


def listening(report: Report) -> list[str]:
    """The partitions in which somebody may follow what happens to `report`: eight at most."""
    found = [f"followers#report#{report.id}"]
    kode = report.place.kode if report.place else ""
    if report.private or not kode:
        return found
    found += [f"followers#area#{kode[:length]}" for length in WHOLE]
    found += [f"followers#category#{report.category}#{kode[:length]}" for length in LENGTHS]
    if report.longitude is not None and report.latitude is not None:
        x, y = cell(report.longitude, report.latitude)
        found.append(f"followers#cell#{x}#{y}")
    return found


def cell(longitude: float, latitude: float) -> tuple[int, int]:
    """The square that a position lies in."""
    return math.floor(longitude / CELL), math.floor(latitude / CELL)


def cells(longitude: float, latitude: float, radius_m: float) -> Iterator[tuple[int, int]]:
    """Every square that the circle's bounding box touches: no point of the circle lies in another."""
    per_longitude, per_latitude = metres_per_degree(latitude)
    # A little more than the radius: rounding must not lose a border.
    wide, high = (radius_m + 5) / per_longitude, (radius_m + 5) / per_latitude
    left, low = cell(longitude - wide, latitude - high)
    right, top = cell(longitude + wide, latitude + high)
    for x in range(left, right + 1):
        for y in range(low, top + 1):
            yield x, y


def distance_m(longitude: float, latitude: float, other_longitude: float, other_latitude: float) -> float:
    """Metres between two positions (degrees, WGS 84) that are near each other."""
    per_longitude, per_latitude = metres_per_degree((latitude + other_latitude) / 2)
    return math.hypot(
        (other_longitude - longitude) * per_longitude, (other_latitude - latitude) * per_latitude
    )


def hears(partition: str, row: Row, report: Report, event: Event) -> bool:
    """Whether who stands at `row` of `partition` is told of `event`, an event of `report` as it is now.

    A private report is nobody's business but its reporter's. What happened before somebody followed is no news.
    """
    if event.at <= row.since or (report.private and row.role != REPORTER):
        return False
    if partition.startswith("followers#report#"):
        own = row.role == REPORTER and event.office is None
        return event.kind in _OF_REPORT and not own
    if row.radius_m and not _around(row, report):
        return False
    if row.category and row.category != report.category:
        return False
    return is_arrival(event) or event.to_state in _OUTCOMES or is_reopening(event)


def _around(row: Row, report: Report) -> bool:
    if report.longitude is None or report.latitude is None:
        return False
    away = distance_m(row.longitude, row.latitude, report.longitude, report.latitude)
    return away <= row.radius_m


def is_arrival(event: Event) -> bool:
    """Whether a report is new to an area with this event: it came in, or an officer gave it its place."""
    return event.kind in {"received", "placed"}


def is_reopening(event: Event) -> bool:
    """Whether a closed report was opened again."""
    before, after = STATES.get(event.from_state or ""), STATES.get(event.to_state or "")
    return before is not None and after is not None and before.closed and not after.closed


def mark(partition: str, event: Event) -> str:
    """What a follower was told, by name: nobody is told the same twice, nor that a report is new twice."""
    if is_arrival(event) and not partition.startswith("followers#report#"):
        return f"{event.report}#new"
    return f"{event.report}#{event.seq:06d}"


def late_mark(report_id: str, planned: str) -> str:
    """The name of an honest word about a planned day (yyyy-mm-dd) that went by."""
    return f"{report_id}#late#{planned}"


def is_late(report: Report, planned: str, now: datetime) -> bool:
    """Whether the report still waits for the day (yyyy-mm-dd) it was planned for, and that day is over in Jakarta."""
    return (
        report.planned == planned
        and not STATES[report.state].closed
        and (now + WIB).date().isoformat() > planned
    )


# When.


def held(now: datetime, rules: Rules) -> datetime:
    """When what is ready at `now` may go out: at once, or when the quiet hours are over."""
    local = now + WIB
    if not _quiet(local.hour, rules):
        return now
    morning = datetime.combine(local.date(), time(rules.quiet_until), tzinfo=UTC) - WIB
    return morning if morning > now else morning + timedelta(days=1)


def _quiet(hour: int, rules: Rules) -> bool:
    if rules.quiet_from <= rules.quiet_until:
        return rules.quiet_from <= hour < rules.quiet_until
    return hour >= rules.quiet_from or hour < rules.quiet_until


def next_digest(now: datetime, rules: Rules) -> datetime:
    """When the next digest goes out: strictly after `now`."""
    local = now + WIB
    today = datetime.combine(local.date(), time(rules.digest_hour), tzinfo=UTC) - WIB
    return today if today > now else today + timedelta(days=1)


def morning_after(planned: str, rules: Rules) -> datetime:
    """When an unkept planned day (yyyy-mm-dd) is spoken of: with the digests of the day after."""
    day = datetime.fromisoformat(f"{planned}T00:00:00+00:00") + timedelta(days=1)
    return day + timedelta(hours=rules.digest_hour) - WIB


def report_ends(report: Report, keep_days: int, now: datetime) -> datetime | None:
    """When follows of a report end: some days after it was closed; None while it is open."""
    if report.closed is None:
        return None
    return max(datetime.fromisoformat(report.closed) + timedelta(days=keep_days), now)


def wrong_target(target: Target, categories: Sequence[str]) -> str | None:
    """The name of the field that cannot be followed; None when all is well."""
    if target.category and (target.category not in categories or target.kind == REPORT):
        return "category"
    if target.kind == AREA:
        if not AREA_CODE.fullmatch(target.area):
            return "area"
        if not target.category and len(target.area) not in WHOLE:
            return "category"
    if target.kind == CIRCLE and not LEAST_RADIUS_M <= target.radius_m <= MOST_RADIUS_M:
        return "radius"
    return None
