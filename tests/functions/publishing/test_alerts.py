"""Warnings: valid by the rules of CAP 1.2, from hazards only, updated and cancelled by name, without people's words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from chalicelib import categories, desk
from chalicelib.categories import CategoriesError
from chalicelib.privacy import erasing
from chalicelib.publishing import alerts
from chalicelib.report import moment
from defusedxml.ElementTree import fromstring

from ..newsroom import OFFICE, SITE, Newsroom, opened

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
NAME = re.compile(r"[^\s,<&]+")
ORDER: dict[str, tuple[tuple[str, int, int], ...]] = {
    "alert": (
        ("identifier", 1, 1), ("sender", 1, 1), ("sent", 1, 1), ("status", 1, 1), ("msgType", 1, 1),
        ("source", 0, 1), ("scope", 1, 1), ("restriction", 0, 1), ("addresses", 0, 1), ("code", 0, 99),
        ("note", 0, 1), ("references", 0, 1), ("incidents", 0, 1), ("info", 0, 99),
    ),
    "info": (
        ("language", 0, 1), ("category", 1, 99), ("event", 1, 1), ("responseType", 0, 99), ("urgency", 1, 1),
        ("severity", 1, 1), ("certainty", 1, 1), ("audience", 0, 1), ("eventCode", 0, 99), ("effective", 0, 1),
        ("onset", 0, 1), ("expires", 0, 1), ("senderName", 0, 1), ("headline", 0, 1), ("description", 0, 1),
        ("instruction", 0, 1), ("web", 0, 1), ("contact", 0, 1), ("parameter", 0, 99), ("resource", 0, 99),
        ("area", 0, 99),
    ),
    "area": (
        ("areaDesc", 1, 1), ("polygon", 0, 99), ("circle", 0, 99), ("geocode", 0, 99), ("altitude", 0, 1),
        ("ceiling", 0, 1),
    ),
    "geocode": (("valueName", 1, 1), ("value", 1, 1)),
}  # fmt: skip
"""Which element may stand where, and how often: the sequences of the CAP 1.2 schema (OASIS, appendix A)."""
WORDS = {
    "status": {"Actual", "Exercise", "System", "Test", "Draft"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "scope": {"Public", "Restricted", "Private"},
    "category": set(categories.HAZARD["category"]),
    "responseType": {
        "Shelter",
        "Evacuate",
        "Prepare",
        "Execute",
        "Avoid",
        "Monitor",
        "Assess",
        "AllClear",
        "None",
    },
    "urgency": set(categories.HAZARD["urgency"]),
    "severity": set(categories.HAZARD["severity"]),
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}


def faults(text: str) -> list[str]:
    """What of a message the rules of CAP 1.2 forbid, by the schema and by the sentences beside it."""
    top = fromstring(text)
    found = [] if top.tag == f"{CAP}alert" else [f"root is {top.tag}"]
    for part in top.iter():
        name = part.tag.removeprefix(CAP)
        if name in ORDER:
            found += _misplaced(name, part)
        elif len(part):
            found.append(f"<{name}> has children")
        elif not (part.text or "").strip():
            found.append(f"<{name}> is empty")
        if name in WORDS and part.text not in WORDS[name]:
            found.append(f"{name} {part.text}")
        if name in {"sent", "expires"} and not TIME.fullmatch(part.text or ""):
            found.append(f"{name} {part.text}")
        if name in {"identifier", "sender"} and not NAME.fullmatch(part.text or ""):
            found.append(f"{name} {part.text}")
        if name == "circle" and not _is_circle(part.text or ""):
            found.append(f"circle {part.text}")
    kind, references = top.findtext(f"{CAP}msgType"), top.findtext(f"{CAP}references")
    if (kind in {"Update", "Cancel"}) != bool(references):
        found.append(f"{kind} with references {references}")
    for each in (references or "").split():
        parts = each.split(",")
        if len(parts) != 3 or not NAME.fullmatch(parts[1]) or not TIME.fullmatch(parts[2]):
            found.append(f"reference {each}")
    if top.findtext(f"{CAP}status") == "Exercise" and not top.findtext(f"{CAP}note"):
        found.append("an exercise without a note of what it is")
    return found


def _misplaced(name: str, part: Element) -> list[str]:
    order = [each for each, _, _ in ORDER[name]]
    there = [child.tag.removeprefix(CAP) for child in part]
    if unknown := set(there) - set(order):
        return [f"<{name}> with {unknown}"]
    found = [] if there == sorted(there, key=order.index) else [f"<{name}> out of order: {there}"]
    return found + [
        f"<{name}> with {there.count(each)} {each}"
        for each, least, most in ORDER[name]
        if not least <= there.count(each) <= most
    ]


def _is_circle(text: str) -> bool:
    match = re.fullmatch(r"(-?[0-9.]+),(-?[0-9.]+) ([0-9.]+)", text)
    return (
        bool(match)
        and -90 <= float(match[1]) <= 90
        and -180 <= float(match[2]) <= 180
        and float(match[3]) >= 0
    )


def test_the_check_itself_finds_what_is_wrong(newsroom: Newsroom):
    good = sent(newsroom, newsroom.send(category="banjir").id)
    assert faults(good) == []
    for wrong in (
        good.replace("<scope>Public</scope>\n", ""),
        good.replace("<scope>Public</scope>", "<scope>Everyone</scope>"),
        good.replace("+07:00", "Z"),
        good.replace("Alert</msgType>", "Update</msgType>"),
        good.replace("<areaDesc>", "<areaDesc/><areaDesc>"),
        good.replace("<event>", "<colour>red</colour><event>", 1),
    ):
        assert wrong != good
        assert faults(wrong)


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    with opened(tmp_path) as made:
        yield made


def sent(newsroom: Newsroom, report_id: str) -> str:
    """The message of a report after the clock struck."""
    newsroom.publisher.service(newsroom.clock())
    return newsroom.read(f"peringatan/{report_id}.cap")


def told(text: str, name: str) -> list[str]:
    return [part.text or "" for part in fromstring(text).iter(f"{CAP}{name}")]


def listed(newsroom: Newsroom) -> set[str]:
    newsroom.publisher.service(newsroom.clock())
    feed = fromstring(newsroom.read("peringatan/feed.xml"))
    paths = [link.get("href", "") for link in feed.findall(f"{ATOM}entry/{ATOM}link")]
    return {path.removeprefix(f"{SITE}/peringatan/").removesuffix(".cap") for path in paths}


def test_a_hazard_warns_where_it_is_and_until_when(newsroom: Newsroom):
    report_id = newsroom.send(category="banjir", accuracy=350.0).id
    text = sent(newsroom, report_id)
    report = newsroom.report(report_id)
    assert faults(text) == []
    assert told(text, "status") == ["Actual"]
    assert told(text, "msgType") == ["Alert"]
    assert told(text, "language") == ["id-ID", "en-US"]
    assert told(text, "event") == ["Banjir atau genangan", "Flood or standing water"]
    assert set(told(text, "circle")) == {f"{report.latitude:.6f},{report.longitude:.6f} 0.350"}
    assert set(told(text, "value")) == {"31.71.01.1001"}
    [began, *_] = told(text, "sent")
    ends = datetime.fromisoformat(told(text, "expires")[0])
    assert ends - datetime.fromisoformat(began) == timedelta(hours=24)
    assert abs(datetime.fromisoformat(began) - moment(report.created)) < timedelta(seconds=1)
    assert told(text, "web") == [f"{SITE}/laporan/{report_id}/", f"{SITE}/en/laporan/{report_id}/"]
    assert listed(newsroom) == {report_id}


def test_nobodys_words_are_in_a_warning(newsroom: Newsroom):
    accepted = newsroom.send(
        category="kabel", description="Depan rumah Pak Slamet.", landmark="Warung Bu Tini"
    )
    newsroom.do(accepted.id, desk.say_draft("asked", "Pak Slamet yang mana?", office=OFFICE, salt="5a"))
    text = sent(newsroom, accepted.id)
    feed = newsroom.read("peringatan/feed.xml")
    assert not re.search("Slamet|Tini", text + feed)
    erasing.erase_words(newsroom.table, accepted.id, 1, office=OFFICE, now=newsroom.clock)
    assert not re.search("Slamet|Tini", sent(newsroom, accepted.id))


def test_every_message_names_the_one_that_it_replaces(newsroom: Newsroom):
    report_id = newsroom.send(category="kabel").id
    messages = [sent(newsroom, report_id)]
    for to in ("in_progress", "done"):
        newsroom.clock.later(hours=1)
        newsroom.move(report_id, to)
        messages.append(sent(newsroom, report_id))
    assert [told(each, "msgType")[0] for each in messages] == ["Alert", "Update", "Cancel"]
    assert [told(each, "certainty")[0] for each in messages][:2] == ["Possible", "Observed"]
    assert told(messages[2], "responseType") == ["AllClear", "AllClear"]
    for before, after in itertools.pairwise(messages):
        assert faults(after) == []
        name, began = told(before, "identifier")[0], told(before, "sent")[0]
        assert told(after, "references") == [f"warga.example,{name},{began}"]
    assert listed(newsroom) == {report_id}, "who was warned must learn that it is over"
    newsroom.clock.later(days=3)
    assert listed(newsroom) == set()
    assert sent(newsroom, report_id) == messages[2]
    newsroom.move(report_id, "waiting")
    assert told(sent(newsroom, report_id), "msgType") == ["Alert"]


def test_a_warning_ends_when_nothing_happens(newsroom: Newsroom):
    report_id = newsroom.send(category="banjir").id
    before = sent(newsroom, report_id)
    newsroom.clock.later(hours=23, minutes=59)
    assert listed(newsroom) == {report_id}
    newsroom.clock.later(minutes=1)
    assert listed(newsroom) == set()
    assert sent(newsroom, report_id) == before


def test_the_clock_alone_writes_nothing_anew(newsroom: Newsroom):
    report_id = newsroom.send(category="banjir").id
    clock, publisher = newsroom.clock, newsroom.publisher
    bulletin = alerts.Alerts(newsroom.table, newsroom.site, SITE, publisher.categories)
    assert bulletin.write(clock()) == 1
    etags = [newsroom.site.get(path).etag for path in (f"peringatan/{report_id}.cap", alerts.FEED)]
    clock.later(minutes=1)
    assert bulletin.write(clock()) == 0
    assert etags == [newsroom.site.get(path).etag for path in (f"peringatan/{report_id}.cap", alerts.FEED)]


def test_what_is_no_hazard_or_private_warns_of_nothing(newsroom: Newsroom):
    newsroom.send(category="jalan")
    newsroom.send(category="banjir", private=True)
    assert listed(newsroom) == set()
    assert list(newsroom.site.list("peringatan/")) == [alerts.FEED]


def test_a_category_corrected_to_a_harmless_one_is_called_off(newsroom: Newsroom):
    report_id = newsroom.send(category="banjir").id
    sent(newsroom, report_id)
    newsroom.clock.later(minutes=5)
    salts = ["1", "2", "3"]
    newsroom.do(report_id, desk.correct_draft(office=OFFICE, salts=salts, category="jalan", words={}))
    text = sent(newsroom, report_id)
    assert faults(text) == []
    assert told(text, "msgType") == ["Cancel"]
    assert told(text, "event")[1] == "Flood or standing water"


def test_an_example_warns_nobody(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch):
    from chalicelib import intake

    genuine = intake.begin

    def example(*args: Any, **more: Any) -> Any:
        import msgspec

        report, event, *rest = genuine(*args, **more)
        return (msgspec.structs.replace(report, example=True), event, *rest)

    monkeypatch.setattr(intake, "begin", example)
    text = sent(newsroom, newsroom.send(category="banjir").id)
    assert faults(text) == []
    assert told(text, "status") == ["Exercise"]
    assert "An example" in told(text, "note")[0]


def test_a_place_that_was_only_named_has_no_circle(newsroom: Newsroom):
    where = {"longitude": None, "latitude": None, "kelurahan": "31.71.01.1001", "landmark": "Depan halte"}
    text = sent(newsroom, newsroom.send(category="banjir", **where).id)
    assert faults(text) == []
    assert told(text, "circle") == []
    assert told(text, "value") == ["31.71.01.1001"] * 2


@pytest.mark.parametrize(
    ("hazard", "said"),
    [
        ("3", "as a table"),
        ('{ category = "Met" }', "as a table"),
        (
            '{ category = "Wet", urgency = "Immediate", severity = "Minor", hours = 1, radius_m = 1 }',
            "CAP knows",
        ),
        (
            '{ category = "Met", urgency = "Now", severity = "Minor", hours = 1, radius_m = 1 }',
            "urgency is 'Now'",
        ),
        ('{ category = "Met", urgency = "Past", severity = "Minor", hours = 0, radius_m = 1 }', "hours"),
        (
            '{ category = "Met", urgency = "Past", severity = "Minor", hours = 1, radius_m = true }',
            "radius_m",
        ),
    ],
)
def test_a_hazard_that_cap_does_not_know_is_refused(tmp_path: Path, hazard: str, said: str):
    row = 'id = "A"\nen = "B"\nicon = "road"\nhint_id = "C"\nhint_en = "D"\n'
    (tmp_path / "k.toml").write_text(f"[jalan]\n{row}hazard = {hazard}\n")
    with pytest.raises(CategoriesError, match=said):
        categories.load(tmp_path / "k.toml")
