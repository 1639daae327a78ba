"""Figures and recaps as published: equal to a recount of the published reports, for every place and month."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import random
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from statistics import median_low
from typing import Any

import pytest
from chalicelib import categories, desk, holder, intake, publish, records
from chalicelib.lifecycle import Move, MoveRefused
from chalicelib.publishing import opendata, recount
from chalicelib.report import Office, moment
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Add, Key
from chalicelib.submission import Submission

import geo
from web.i18n import decimal
from web.render import Renderer

from .conftest import Clock, Dice

GAMBIR, CIDENG, KEBON = "31.71.01.1001", "31.71.01.1002", "31.71.07.1001"
AGENCY = Office("dinas", "Dinas Contoh")


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    locator = geo.default_locator()
    return Renderer.open(
        geo_build=geo.build_folder(),
        categories=list(categories.load().values()),
        site_url="https://warga.example",
        approximate=locator.approximate,
        boundaries_version=locator.version,
        attribution="test",
    )


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, renderer: Renderer
) -> tuple[publish.Publisher, FolderFiles, Clock]:
    """Some 90 reports of three months in three kelurahan, in all states, published as they happened."""
    folder: Path = tmp_path_factory.mktemp("city")
    clock, dice, rng = Clock(), Dice(seed="figures"), random.Random(5)
    table = SQLiteTable(folder / "t.sqlite3", now=clock.seconds)
    site = FolderFiles(folder / "site", durable=False)
    private = FolderFiles(folder / "private", durable=False)
    locator = geo.default_locator()
    door = intake.Door(table, private, locator, clock, dice, 1_000_000)
    publisher = publish.Publisher(table, site, private, renderer, locator, {}, b"{}", categories.load())
    officers = desk.Desk(table, clock, dice)
    told: list[intake.Accepted] = []
    for number in range(90):
        clock.later(hours=rng.choice((3, 20, 40)))
        row = locator.by_kode[rng.choice((GAMBIR, GAMBIR, CIDENG, KEBON))]
        submission = Submission(
            category=rng.choice(("jalan", "sampah", "pohon")),
            description=f"Masalah nomor {number} di jalan ini.",
            longitude=row.longitude,
            latitude=row.latitude,
            private=number % 17 == 0,
        )
        told.append(intake.accept(door, submission, channel=rng.choice(("web", "counter"))))
        for accepted in rng.sample(told, min(2, len(told))):
            office = Office(accepted.place.kode, f"Kelurahan {accepted.place.kelurahan}")
            to = rng.choice(("coordination", "in_progress", "done", "done", "rejected", "waiting"))
            wish = Move(to, "Kata.", office="dinas", reason="abuse" if to == "rejected" else "")
            try:
                desk.move(
                    officers,
                    accepted.id,
                    wish,
                    role="officer",
                    office=office,
                    to_office=AGENCY if to == "coordination" else None,
                )
                if to == "done" and number % 3 == 0:
                    rating = rng.choice(holder.RATINGS)
                    holder.rate(door, accepted.id, accepted.follow_key, rating, reasons=["other"])
            except MoveRefused:
                continue
        if number % 10 == 9:
            drain(publisher, twice=True)
    drain(publisher)
    return publisher, site, clock


def drain(publisher: publish.Publisher, *, twice: bool = False) -> None:
    """Publish what is in the stream; `twice` as it happens when an acknowledgement is lost."""
    while True:
        batch = publisher.table.changes("publish", 100)
        publisher.publish(batch.changes)
        if twice:
            publisher.publish(list(reversed(batch.changes)))
        publisher.table.acknowledge("publish", batch)
        if not batch.changes:
            break
    while publisher.tidy():
        pass


def reports(site: FolderFiles) -> list[dict[str, Any]]:
    """Every published report, from its own public file."""
    return [
        json.loads(site.get(path).data)
        for path in site.list("laporan/")
        if re.fullmatch(r"laporan/[0-9A-Z]{8}\.json", path)
    ]


def month_of(report: dict[str, Any]) -> str:
    return (moment(report["created"]) + timedelta(hours=7)).strftime("%Y-%m")


def days_of(report: dict[str, Any]) -> int:
    closed = [event["at"] for event in report["history"] if event.get("to_state") == "done"][-1]
    return (moment(closed) - moment(report["created"])) // timedelta(days=1)


def rating_of(report: dict[str, Any]) -> str | None:
    rating = None
    for event in report["history"]:
        if event.get("from_state") in {"done", "rejected", "duplicate"}:
            rating = None
        rating = event.get("rating", rating)
    return rating


def handovers(report: dict[str, Any]) -> int:
    seen = [event["to_office"]["code"] for event in report["history"] if "to_office" in event]
    return sum(one != other for one, other in itertools.pairwise(seen))


def shown(site: FolderFiles, path: str) -> str:
    stored = site.get(path)
    assert stored is not None, path
    return " ".join(re.sub(r"<[^>]*>", " ", stored.data.decode()).split())


def test_every_table_of_every_recap_equals_a_recount(
    city: tuple[publish.Publisher, FolderFiles, Clock],
):
    _, site, _ = city
    found = reports(site)
    assert len(found) > 70
    periods: dict[str, list[dict[str, Any]]] = {}
    for report in found:
        month = month_of(report)
        quarter = f"{month[:4]}-q{(int(month[5:]) + 2) // 3}"
        for period in (month, quarter, month[:4]):
            periods.setdefault(period, []).append(report)
    assert len(periods) >= 5
    ways = {
        "channel": lambda r: r["channel"],
        "category": lambda r: r["category"]["code"],
        "kelurahan": lambda r: r["place"]["kode"],
        "kota": lambda r: r["place"]["kode"][:5],
        "office": lambda r: [e["to_office"]["code"] for e in r["history"] if "to_office" in e][-1],
    }
    for period, some in periods.items():
        for table, way in ways.items():
            text = site.get(f"rekap/{period}/{table}.csv").data.decode()
            rows = list(csv.DictReader(io.StringIO(text)))
            assert {r[table]: int(r["reports"]) for r in rows} == Counter(map(way, some)), (period, table)
            done = Counter(way(r) for r in some if r["state"]["code"] == "done")
            assert {r[table]: int(r["done"]) for r in rows if r["done"] != "0"} == done, (period, table)


def test_the_recap_says_its_figures_as_a_recount_gives_them(
    city: tuple[publish.Publisher, FolderFiles, Clock],
):
    _, site, _ = city
    found = [report for report in reports(site) if month_of(report) == "2026-12"]
    done = [report for report in found if report["state"]["code"] == "done"]
    text = shown(site, "rekap/2026-12/index.html")
    share = decimal(round(100 * len(done) / len(found), 1), "id")
    assert f"{len(found)} laporan masuk; {share}% di antaranya selesai." in text
    assert f"Hari sampai selesai {median_low(sorted(map(days_of, done)))} untuk separuhnya" in text
    assert f"ke instansi lain {sum(map(handovers, found))} kali" in text
    rated = [rating for rating in map(rating_of, found) if rating]
    happy = decimal(round(100 * rated.count("satisfied") / len(rated), 1), "id")
    assert f"Pelapor puas {happy}% dari {len(rated)} penilaian" in text
    assert "Desember 2026" in shown(site, "rekap/index.html")
    assert "December 2026" in shown(site, "en/rekap/index.html")


@pytest.mark.parametrize(("path", "begins"), [("kecamatan/31.71.01", "31.71.01"), ("kota/31.71", "31.71")])
def test_the_figures_of_an_area_equal_a_recount(
    city: tuple[publish.Publisher, FolderFiles, Clock], path: str, begins: str
):
    _, site, _ = city
    found = [r for r in reports(site) if r["place"]["kode"].startswith(begins)]
    done = [r for r in found if r["state"]["code"] == "done"]
    opened = [r for r in found if r["state"]["open311"] == "open"]
    text = shown(site, f"{path}/index.html")
    assert f"Masih terbuka {len(opened)}" in text
    assert f"Selesai {len(done)} " in text
    within = decimal(round(100 * sum(days_of(r) < 30 for r in done) / len(done), 1), "id")
    assert f"Selesai dalam 30 hari {within}%" in text
    assert site.exists(f"en/{path}/index.html")


def test_a_kelurahan_shows_its_figures(city: tuple[publish.Publisher, FolderFiles, Clock]):
    _, site, _ = city
    done = [r for r in reports(site) if r["place"]["kode"] == GAMBIR and r["state"]["code"] == "done"]
    text = shown(site, f"kelurahan/{GAMBIR}/index.html")
    assert f"Hari sampai selesai (median) {median_low(sorted(map(days_of, done)))}" in text
    assert 'href="/kecamatan/31.71.01/"' in site.get(f"kelurahan/{GAMBIR}/index.html").data.decode()


def test_a_rebuild_writes_the_same_recaps_and_areas(
    city: tuple[publish.Publisher, FolderFiles, Clock], tmp_path: Path
):
    publisher, site, _ = city
    clean = FolderFiles(tmp_path / "clean", durable=False)
    object.__setattr__(publisher, "site", clean)
    try:
        for kode in ("31.71", "31.71.01", "31.71.07"):
            publisher.area(kode)
        for month in publisher._recaps.every_month(list(site.list("data/arsip/"))):
            publisher.recap(month)
    finally:
        object.__setattr__(publisher, "site", site)
    written = {path: clean.get(path).data for path in clean.list()}
    assert len([path for path in written if path.startswith("rekap/")]) > 30
    assert {path: site.get(path).data for path in written} == written


def test_private_reports_are_in_no_figure(city: tuple[publish.Publisher, FolderFiles, Clock]):
    publisher, site, _ = city
    hidden = [
        item.key.sort
        for phase in ("open", "closed")
        for kode in (GAMBIR, CIDENG, KEBON)
        for item in records.every(publisher.table, f"list#private#{phase}#{kode}")
    ]
    assert len(hidden) == 6
    total = sum(int(row["reports"]) for month in ("2026-11", "2026-12", "2027-01", "2027-02")
                for row in _rows(site, f"rekap/{month}/channel.csv"))  # fmt: skip
    assert total == len(reports(site)) == 84


def _rows(site: FolderFiles, path: str) -> list[dict[str, str]]:
    stored = site.get(path)
    return list(csv.DictReader(io.StringIO(stored.data.decode()))) if stored else []


def test_the_services_own_page_says_how_old_things_are(
    city: tuple[publish.Publisher, FolderFiles, Clock],
):
    publisher, site, clock = city
    publisher.service(clock())
    newest = max(moment(event["at"]) for report in reports(site) for event in report["history"])
    told = json.loads(site.get("data/status.json").data)
    assert moment(told["newest"]) == newest
    assert moment(told["written"]) == clock()
    assert told["waiting"] == 0
    page = site.get("status/index.html").data.decode()
    assert f'datetime="{clock():%Y-%m-%dT%H:%M:%SZ}"' in page
    assert f'datetime="{newest:%Y-%m-%dT%H:%M:%SZ}"' in page
    before = page
    clock.later(minutes=1)
    publisher.service(clock())
    assert site.get("status/index.html").data.decode() != before


def test_a_new_service_with_nothing_in_it_says_so(publisher_of_nothing: publish.Publisher, clock: Clock):
    publisher_of_nothing.service(clock())
    site = publisher_of_nothing.site
    assert json.loads(site.get("data/status.json").data)["newest"] is None
    assert "None yet" in shown(site, "en/status/index.html")
    publisher_of_nothing.area("31.71")
    text = shown(site, "kota/31.71/index.html")
    assert "Belum ada yang menilai." in text
    assert "None" not in text


@pytest.fixture
def publisher_of_nothing(
    table: SQLiteTable, site: FolderFiles, private: FolderFiles, renderer: Renderer
) -> publish.Publisher:
    return publish.Publisher(
        table, site, private, renderer, geo.default_locator(), {}, b"{}", categories.load()
    )


def test_the_sitemap_names_every_page_that_stays(publisher_of_nothing: publish.Publisher):
    from defusedxml.ElementTree import fromstring

    publisher_of_nothing.furniture()
    site = publisher_of_nothing.site
    root = fromstring(site.get("sitemap.xml").data)
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    places = [each.text for each in root.iter(f"{space}loc")]
    assert len(places) == len(set(places)) == 8 + 6 + 44 + 267
    assert f"https://warga.example/kelurahan/{GAMBIR}/" in places
    assert "Sitemap: https://warga.example/sitemap.xml" in site.get("robots.txt").data.decode()


def counted(rows: list[dict[str, str]]) -> dict[str, str]:
    """The figures of a period, from nothing but lines of the open data."""
    done = [row for row in rows if row["state"] == "done"]
    days = sorted(int(row["days"]) for row in done)
    rated = [row["rating"] for row in rows if row["rating"]]
    ends = {"done", "rejected", "duplicate"}
    return {
        "reports": str(len(rows)),
        "open": str(sum(row["state"] not in ends for row in rows)),
        "done": str(len(done)),
        "done_percent": str(round(100 * len(done) / len(rows), 1)) if rows else "",
        "within_30_days_percent": str(round(100 * sum(n < 30 for n in days) / len(days), 1)) if days else "",
        "median_days": str(days[(len(days) - 1) // 2]) if days else "",
        "ninety_days": str(days[math.ceil(0.9 * len(days)) - 1]) if days else "",
        "handovers": str(sum(int(row["handovers"]) for row in rows)),
        "satisfied_percent": str(round(100 * rated.count("satisfied") / len(rated), 1)) if rated else "",
        "rated": str(len(rated)),
    }


def test_quarters_and_years_are_sums_of_their_months_and_linked_both_ways(
    city: tuple[publish.Publisher, FolderFiles, Clock],
):
    publisher, site, clock = city
    publisher.open_data(clock())
    lines: dict[str, list[dict[str, str]]] = {}
    for path in site.list("data/terbuka/"):
        if path.endswith(".csv"):
            month = path.rpartition("/")[2].removesuffix(".csv")
            for period in (f"{month[:4]}-q{(int(month[5:]) + 2) // 3}", month[:4], month):
                lines.setdefault(period, []).extend(_rows(site, path))
    index = site.get("rekap/index.html").data.decode()
    for kind, wide in (("bulan", r"....-\d\d"), ("triwulan", "....-q."), ("tahun", "....")):
        rows = {row["period"]: row for row in _rows(site, f"rekap/{kind}.csv")}
        assert set(rows) == {period for period in lines if re.fullmatch(wide, period)}
        for period, row in rows.items():
            assert row == {"period": period, **row, **counted(lines[period])}
            assert _rows(site, f"rekap/{period}/angka.csv") == [row]
            assert f'href="/rekap/{period}/"' in index
    quarter = site.get("rekap/2026-q4/index.html").data.decode()
    assert all(f'href="/rekap/{near}/"' in quarter for near in ("2026", "2026-11", "2026-12"))
    assert 'href="/rekap/2026-10/"' not in quarter, "a month without reports has no page to lead to"
    assert 'href="/rekap/2026-q4/"' in site.get("rekap/2026-11/index.html").data.decode()


def test_a_recount_finds_every_counter_right_and_names_and_mends_one_that_is_not(
    city: tuple[publish.Publisher, FolderFiles, Clock],
):
    publisher, _, _ = city
    table, codes = publisher.table, sorted(publisher.locator.by_kode)
    assert recount.differences(table, codes, publish.silently) == []
    wrong = {Key("counts", GAMBIR): {"done": 2, "day:3": -1}, Key("recap#2026-12", CIDENG): {"total": 1}}
    table.transact([Add(key, counters) for key, counters in wrong.items()])
    found = recount.differences(table, codes, publish.silently)
    assert {(each.key, each.name, each.kept - each.counted) for each in found} == {
        (key, name, n) for key, counters in wrong.items() for name, n in counters.items()
    }
    recount.mend(table, found)
    assert recount.differences(table, codes, publish.silently) == []


def test_the_recap_equals_an_independent_recount_from_the_open_data(
    city: tuple[publish.Publisher, FolderFiles, Clock],
):
    publisher, site, clock = city
    publisher.open_data(clock())
    months = [
        path.rpartition("/")[2].removesuffix(".csv") for path in site.list("data/terbuka/") if ".csv" in path
    ]
    assert len(months) >= 3
    found = {report["id"]: report for report in reports(site)}
    listed: set[str] = set()
    for month in months:
        rows = _rows(site, f"data/terbuka/{month}.csv")
        listed |= {row["id"] for row in rows}
        tables = {"category": "category", "channel": "channel", "kelurahan": "kode", "office": "office"}
        for table, field in tables.items():
            recap = {
                r[table]: (int(r["reports"]), int(r["done"]))
                for r in _rows(site, f"rekap/{month}/{table}.csv")
            }
            total, done = (
                Counter(r[field] for r in rows),
                Counter(r[field] for r in rows if r["state"] == "done"),
            )
            assert recap == {code: (n, done[code]) for code, n in total.items()}, (month, table)
        [figures] = _rows(site, f"rekap/{month}/angka.csv")
        assert figures == {**figures, **counted(rows)}, month
        days = sorted(int(row["days"]) for row in rows if row["days"])
        if days:
            assert f"Hari sampai selesai {median_low(days)} untuk" in shown(site, f"rekap/{month}/index.html")
        collection = json.loads(site.get(f"data/terbuka/{month}.geojson").data)
        assert [feature["id"] for feature in collection["features"]] == [row["id"] for row in rows]
        for row in rows:
            report = found[row["id"]]
            assert (row["state"], row["kode"]) == (report["state"]["code"], report["place"]["kode"])
            assert (row["rating"] or None, int(row["handovers"])) == (rating_of(report), handovers(report))
            assert not any("description" in name for name in row)
    assert listed == set(found), "every public report, and no other"
    assert publisher.open_data(clock()) == [], "nothing is written again when nothing changed"
    page = shown(site, "data/terbuka/index.html")
    for name in rows[0]:
        assert f" {name} " in page, f"{name} is explained"


@pytest.mark.parametrize(
    ("month", "first", "last"),
    [
        ("2026-11", "2026-10-31T17:00:00+00:00", "2026-11-30T16:59:59.999000+00:00"),
        ("2026-12", "2026-11-30T17:00:00+00:00", "2026-12-31T16:59:59.999000+00:00"),
    ],
)
def test_a_month_of_the_open_data_is_jakartas(month: str, first: str, last: str):
    assert tuple(each.isoformat() for each in opendata.span(month)) == (first, last)
