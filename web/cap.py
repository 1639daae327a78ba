"""Warnings as others' systems read them: Common Alerting Protocol 1.2 (OASIS), and an Atom feed that lists them.

Holds facts and links, never what somebody wrote: a warning is copied on, and words may have
to be erased. Decides nothing about which report is a warning; the same view gives the same text.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree as Xml

from web import i18n
from web.vocabulary import STATES, kota_name, written_id

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM = "http://www.w3.org/2005/Atom"
WIB = timezone(timedelta(hours=7))
LANGUAGES = {"id": "id-ID", "en": "en-US"}
FEED_IDS = uuid.UUID("0a3cf0a6-3f0f-4a56-9a35-6d1d5c0f8f0e")
"""Namespace of the entries' ids (RFC 9562, version 5)."""


@dataclass(frozen=True, slots=True)
class AlertView:
    """A warning. Longitude and latitude in degrees, WGS 84, None when only the kelurahan is known; radius in metres.

    `category`, `urgency`, `severity` and `certainty` are CAP's own words; `replaces` names what this
    updates or cancels as CAP's `references` do: (identifier, sent).
    """

    report: str
    identifier: str
    sent: datetime
    expires: datetime
    message: str
    """`Alert`, `Update` or `Cancel`."""
    state: str
    event: dict[str, str]
    """What it is, by language."""
    category: str
    urgency: str
    severity: str
    certainty: str
    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    longitude: float | None
    latitude: float | None
    radius_m: float
    example: bool
    replaces: tuple[str, datetime] | None = None


def sender(site_url: str) -> str:
    """Who sends: the site's host; without an address a name that can be nobody's (RFC 2606)."""
    host = site_url.partition("://")[2].partition("/")[0]
    return host or "cctv-warga.invalid"


def identifier(site_url: str, report: str, seq: int) -> str:
    """The name of one message: it says which event of which report it tells of."""
    return f"{sender(site_url)}.{report}.{seq}"


def alert(view: AlertView, site_url: str) -> str:
    """One message in both languages."""
    Xml.register_namespace("", NAMESPACE)
    top = Xml.Element(_cap("alert"))
    _add(top, "identifier", view.identifier)
    _add(top, "sender", sender(site_url))
    _add(top, "sent", _time(view.sent))
    # Made-up examples warn nobody.
    _add(top, "status", "Exercise" if view.example else "Actual")
    _add(top, "msgType", view.message)
    _add(top, "scope", "Public")
    if view.example:
        _add(top, "note", "Contoh, bukan laporan warga. An example, nobody reported it.")
    if view.replaces:
        name, sent = view.replaces
        _add(top, "references", f"{sender(site_url)},{name},{_time(sent)}")
    for language, tag in LANGUAGES.items():
        _info(top, view, language, tag, site_url)
    Xml.indent(top, "")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(top, "unicode")}\n'


def _info(top: Xml.Element, view: AlertView, language: str, tag: str, site_url: str) -> None:
    words = i18n.translation(language)
    info = Xml.SubElement(top, _cap("info"))
    event, over = view.event[language], view.message == "Cancel"
    where = f"{view.kelurahan}, {view.kecamatan}, {kota_name(view.kota)}"
    _add(info, "language", tag)
    _add(info, "category", view.category)
    _add(info, "event", event)
    if over:
        _add(info, "responseType", "AllClear")
    _add(info, "urgency", "Past" if over else view.urgency)
    _add(info, "severity", view.severity)
    _add(info, "certainty", view.certainty)
    _add(info, "expires", _time(view.expires))
    _add(info, "senderName", "CCTV Warga")
    # CAP's note: a headline should fit a screen; 160 characters at most.
    _add(info, "headline", f"{event}: {where}"[:160])
    told = words.gettext("Reported by a citizen as report %(id)s. Its state: %(state)s.")
    state = words.gettext(STATES[view.state].word)
    _add(info, "description", told % {"id": written_id(view.report), "state": state})
    if site_url:
        root = "" if language == "id" else f"/{language}"
        _add(info, "web", f"{site_url}{root}/laporan/{view.report}/")
    area = Xml.SubElement(info, _cap("area"))
    _add(area, "areaDesc", where)
    if view.longitude is not None and view.latitude is not None:
        _add(area, "circle", f"{view.latitude:.6f},{view.longitude:.6f} {view.radius_m / 1000:.3f}")
    code = Xml.SubElement(area, _cap("geocode"))
    _add(code, "valueName", "kode_kelurahan")
    _add(code, "value", view.kode)


@dataclass(frozen=True, slots=True)
class Listed:
    """A message in the feed."""

    report: str
    identifier: str
    sent: datetime
    title: str
    example: bool


def feed(entries: Sequence[Listed], site_url: str) -> str:
    """`/peringatan/feed.xml` (RFC 4287): the messages that are in force, newest first, each with its CAP file."""
    Xml.register_namespace("", ATOM)
    top = Xml.Element(_atom("feed"))
    words = i18n.translation("id")
    _text(top, "id", f"urn:uuid:{uuid.uuid5(FEED_IDS, 'peringatan')}")
    _text(top, "title", words.gettext("Warnings from reports (CAP 1.2)"))
    newest = max((each.sent for each in entries), default=datetime(1970, 1, 1, tzinfo=WIB))
    _text(top, "updated", i18n.machine_time(newest))
    Xml.SubElement(top, _atom("link"), {"rel": "self", "href": f"{site_url}/peringatan/feed.xml"})
    author = Xml.SubElement(top, _atom("author"))
    _text(author, "name", "CCTV Warga")
    for each in sorted(entries, key=lambda one: (one.sent, one.identifier), reverse=True):
        entry = Xml.SubElement(top, _atom("entry"))
        _text(entry, "id", f"urn:uuid:{uuid.uuid5(FEED_IDS, each.identifier)}")
        _text(entry, "title", f"[{words.gettext('example')}] {each.title}" if each.example else each.title)
        _text(entry, "updated", i18n.machine_time(each.sent))
        path = f"{site_url}/peringatan/{each.report}.cap"
        Xml.SubElement(entry, _atom("link"), {"type": "application/cap+xml", "href": path})
        Xml.SubElement(entry, _atom("content"), {"type": "application/cap+xml", "src": path})
        _text(entry, "summary", each.title)
    Xml.indent(top, "")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(top, "unicode")}\n'


def _cap(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _add(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, _cap(name)).text = text


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, _atom(name)).text = text


def _time(moment: datetime) -> str:
    """As CAP 1.2 (3.3.2) wants it: whole seconds and a numeric zone, never Z."""
    return moment.astimezone(WIB).isoformat(timespec="seconds")
