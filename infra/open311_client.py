"""Reads another server's Open311: its requests and updates in a time, in windows that lists can hold.

Trusts nothing it reads: XML without DTD or entities, and every value is text until the
importer judged it. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, ParseError

from chalicelib.channels import fetch
from chalicelib.channels.bulk import Plan, Row, Step
from chalicelib.channels.open311_updates import REASONS, TARGETS
from chalicelib.lifecycle import STATES
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

WIDEST = timedelta(days=7)
NARROWEST = timedelta(seconds=1)
FULL = 1000
"""A list that holds so many may have left some out: it is asked again in two halves."""
MOST_BYTES = 50_000_000
SECONDS = 60


class ServerError(RuntimeError):
    """The other server did not answer as Open311 does; the message says what it did."""


@dataclass(frozen=True)
class Server:
    """Another server; `base` is the address that `requests.xml` is appended to."""

    base: str
    plan: Plan

    def rows(self, start: datetime, end: datetime) -> Iterator[list[Row]]:
        """What was requested and what happened from `start` to `end`, oldest first, a window at a time."""
        at, width = start, WIDEST
        while at < end:
            until = min(at + width, end)
            found = self._list("requests", at, until)
            happened = self._list("servicerequestupdates", at, until)
            if max(len(found), len(happened)) >= FULL and until - at > NARROWEST:
                width = max((until - at) / 2, NARROWEST)
                continue
            yield self._joined(found, happened)
            at, width = until, min(width * 2, WIDEST)

    def _joined(self, found: list[Element], happened: list[Element]) -> list[Row]:
        """Requests with their updates; updates of older requests as rows without a report."""
        steps: dict[str, list[Step]] = {}
        requests = {_text(each, "service_request_id"): each for each in found}
        for each in happened:
            report_id = _text(each, "service_request_id")
            steps.setdefault(report_id, []).append(self._step(each, requests.get(report_id)))
        rows = [self._row(each, steps.get(report_id)) for report_id, each in requests.items() if report_id]
        rows.sort(key=lambda row: row.created or datetime.max.replace(tzinfo=UTC))
        rows += [
            Row(report_id, None, None, tuple(many))
            for report_id, many in steps.items()
            if report_id not in requests
        ]
        return rows

    def _row(self, request: Element, steps: list[Step] | None) -> Row:
        code = _text(request, "service_code")
        latitude, longitude = _text(request, "lat"), _text(request, "long")
        raw: dict[str, Any] = {
            "category": self.plan.categories.get(code, code) or self.plan.defaults.get("category", ""),
            "description": _text(request, "description") or _text(request, "service_name"),
            "latitude": latitude,
            "longitude": longitude,
            "landmark": _text(request, "address").partition("Kelurahan ")[0].rstrip(", ")[:500],
            "kelurahan": "" if latitude else _text(request, "address_id"),
            "attributes": {
                _text(each, "code"): [value.text or "" for value in each.findall("values/value/key")]
                for each in request.findall("attributes/attribute")
            },
        }
        updated = moment(_text(request, "updated_datetime"))
        happened = tuple(steps or ())
        if not happened and _text(request, "status") == "closed" and updated:
            happened = (Step(f"closed {updated}", updated, "done", _text(request, "status_notes")),)
        media = _text(request, "media_url")
        return Row(
            _text(request, "service_request_id"),
            {name: value for name, value in raw.items() if value},
            moment(_text(request, "requested_datetime")),
            happened,
            (media,) if media else (),
        )

    def _step(self, update: Element, request: Element | None) -> Step:
        word = _text(update, "status").lower().replace(" ", "_")
        state = _text(update, "external_status_code")
        if state not in STATES:
            state = self.plan.states.get(word, TARGETS.get(word, ""))
        media = _text(update, "media_url")
        other = request.findtext("extended_attributes/duplicate_of") if request is not None else ""
        return Step(
            _text(update, "update_id"),
            moment(_text(update, "updated_datetime")) or datetime.min.replace(tzinfo=UTC),
            state,
            _text(update, "description"),
            REASONS.get(word, ""),
            other or "",
            (media,) if media else (),
        )

    def request(self, report_id: str) -> Row | None:
        """One request by its id; None when the server does not have it."""
        rows = self._elements("requests", {"service_request_id": report_id, "extensions": "true"})
        return self._row(rows[0], []) if rows else None

    def _list(self, path: str, start: datetime, end: datetime) -> list[Element]:
        query = {"start_date": _written(start), "end_date": _written(end), "page_size": str(FULL)}
        found: dict[str, Element] = {}
        if path == "requests":
            # With extensions a page is shorter; servers that know no pages answer the same list again.
            query = {**query, "extensions": "true", "page_size": "100"}
        for page in range(1, FULL // int(query["page_size"]) + 1):
            rows = self._elements(path, {**query, "page": str(page)})
            before = len(found)
            for each in rows:
                found[_text(each, "update_id") or _text(each, "service_request_id")] = each
            if len(rows) < int(query["page_size"]) or len(found) == before:
                break
        return list(found.values())

    def _elements(self, path: str, query: Mapping[str, str]) -> list[Element]:
        url = f"{self.base.rstrip('/')}/{path}.xml?{urlencode(query)}"
        try:
            got = fetch.fetch(url, max_bytes=MOST_BYTES, seconds=SECONDS, private=True)
        except fetch.FetchError as error:
            raise ServerError(f"{url}: {error}") from None
        if got.status == 404 and path == "servicerequestupdates":
            return []
        if got.status != 200:
            raise ServerError(f"{url} answered {got.status}")
        try:
            root = fromstring(got.body, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError) as error:
            raise ServerError(f"{url} answered no XML that can be read ({type(error).__name__})") from None
        return list(root)


def _text(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime | None:
    """A time with its offset; None when it is none."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
