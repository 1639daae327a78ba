"""Officers' queues: exactly what is theirs, each once, whatever is filtered, at a cost that does not grow."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from chalicelib import access, intake, records
from chalicelib.lifecycle import OPEN as OPEN_STATES
from chalicelib.lifecycle import STATES
from chalicelib.officers import queues
from chalicelib.report import Office, Place
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Expect, Put
from hypothesis import given, settings
from hypothesis import strategies as st

from ..conftest import CIDENG, GAMBIR, Clock, TwoKelurahan

shapely = pytest.importorskip("shapely")
from shapely.geometry import MultiPolygon, Point, Polygon, mapping  # noqa: E402

FAR = "31.75.01.1001"
CODES: Mapping[str, Any] = {**TwoKelurahan().by_kode, FAR: None}
OPEN_ONES = queues.Filter()
ROADS = Office("contoh-jalan", "Dinas jalan (contoh)")


def officer(
    at: tuple[str, ...] = (), agencies: tuple[str, ...] = (), role: str = "officer"
) -> access.Officer:
    return access.Officer("a", "A", role, Office("x", "X"), at, agencies)


def put(door: intake.Door, number: int, **more: Any) -> Any:
    """A report in the table as its records are, without the way there."""
    kode = more.pop("kode", GAMBIR)
    doubt = more.pop("doubt", None)
    sure = {"probability": 0.6, "runner_up": doubt} if doubt else {}
    place = Place(kode, "K", "C", "J", "inside", "test", **sure) if kode else None
    from chalicelib.submission import Submission

    it, event = intake.begin(
        Submission(category=more.pop("category", "jalan"), description="Lubang besar di lajur kiri.",
                   private=more.pop("private", False)),
        report_id=f"{number:08d}", channel=more.pop("channel", "web"), place=place,
        position=(more.pop("longitude", 106.83), more.pop("latitude", -6.17)), photos=(), follow="x",
        salts=["s"] * intake.SALTS, now=door.now(),
    )  # fmt: skip
    it = msgspec.structs.replace(it, **more)
    door.table.transact(records.creation_writes(it, event))
    return it


def ids(table: SQLiteTable, who: access.Officer, wanted: queues.Filter = OPEN_ONES, **more: Any) -> list[str]:
    """Every id of a queue, page by page."""
    found: list[str] = []
    after = ""
    while True:
        page = queues.page(table, who, wanted, CODES, after=after, **more)
        found += [row.id for row in page.rows]
        if page.next is None:
            return found
        after = page.next


def scattered(door: intake.Door, clock: Clock) -> list[Any]:
    """Reports of every kind, in and around two kelurahan."""
    rng = random.Random(7)
    made = []
    for number in range(120):
        clock.later(seconds=61)
        kode = rng.choice([GAMBIR, CIDENG, FAR, None])
        handed = rng.random() < 0.3 and kode
        more: dict[str, Any] = {
            "kode": kode,
            "private": rng.random() < 0.2,
            "state": rng.choice(list(STATES)),
        }
        if handed:
            more["office"] = rng.choice([ROADS, Office(CIDENG, "Kelurahan Cideng")])
        elif kode == GAMBIR and rng.random() < 0.5:
            more |= {"doubt": rng.choice([CIDENG, FAR]), "state": "waiting"}
        made.append(put(door, number, **more))
    return made


@pytest.mark.parametrize(
    "who",
    [
        officer(at=(GAMBIR,)),
        officer(at=(CIDENG,)),
        officer(at=("31.71.01",)),
        officer(at=("31.71",)),
        officer(at=("31.75",)),
        officer(at=("31",)),
        officer(agencies=(ROADS.code,)),
        officer(at=(FAR,), agencies=(ROADS.code,)),
    ],
    ids=lambda who: "+".join(who.boundaries + who.agencies),
)
def test_a_queue_holds_exactly_what_the_officer_may_see_each_once(
    door: intake.Door, table: SQLiteTable, clock: Clock, who: access.Officer
):
    made = scattered(door, clock)
    theirs = sorted(it.id for it in made if access.may(who, "see", it) and it.place)
    everything = queues.Filter(states=tuple(STATES))
    assert sorted(ids(table, who, everything, limit=7)) == theirs
    assert (
        ids(table, who, everything, limit=11)
        == ids(table, who, everything, limit=11, oldest_first=True)[::-1]
    )


def test_counts_are_of_what_lies_in_the_boundaries(door: intake.Door, table: SQLiteTable, clock: Clock):
    made = scattered(door, clock)
    inside = [it for it in made if it.place and it.place.kode == GAMBIR]
    counted = queues.counts(table, officer(at=(GAMBIR,)))
    assert counted == {state: sum(it.state == state for it in inside) for state in STATES}
    at_roads = [it for it in made if it.office == ROADS]
    assert sum(queues.counts(table, officer(agencies=(ROADS.code,))).values()) == len(at_roads)


def test_reports_without_a_place_have_a_queue_that_only_the_province_reads(
    door: intake.Door, table: SQLiteTable
):
    it = put(door, 1, kode=None)
    wanted = queues.Filter(without_place=True)
    assert ids(table, officer(at=("31",)), wanted) == [it.id]
    assert ids(table, officer(at=("31",))) == []
    with pytest.raises(queues.OutOfReach):
        ids(table, officer(at=("31.71",)), wanted)


@pytest.mark.parametrize("code", [CIDENG, "31.71.01", "31", "", "contoh-air", "31.71.01.100"])
def test_a_boundary_that_is_not_theirs_is_refused_and_not_emptied(table: SQLiteTable, code: str):
    with pytest.raises(queues.OutOfReach):
        queues.page(table, officer(at=(GAMBIR,)), queues.Filter(boundaries=(code,)), CODES)
    with pytest.raises(queues.OutOfReach):
        queues.counts(table, officer(at=(GAMBIR,)), (code,))


def test_every_filter_keeps_what_it_names(door: intake.Door, table: SQLiteTable, clock: Clock):
    who = officer(at=("31",))
    plain = put(door, 1)
    rubbish = put(door, 2, category="sampah")
    mailed = put(door, 3, channel="email")
    handed = put(door, 4, office=ROADS, state="coordination")
    doubtful = put(door, 5, doubt=CIDENG)
    clock.later(days=2)
    late = put(door, 6)
    found = {
        "category": ids(table, who, queues.Filter(categories=("sampah",))),
        "channel": ids(table, who, queues.Filter(channel="email")),
        "office": ids(table, who, queues.Filter(office=ROADS.code)),
        "state": ids(table, who, queues.Filter(states=("coordination",))),
        "doubt": ids(table, who, queues.Filter(doubtful=True)),
        "since": ids(table, who, queues.Filter(since="2026-11-25T00:00:00.000Z")),
        "until": ids(table, who, queues.Filter(until=plain.created)),
        "words": ids(table, who, queues.Filter(words="LAJUR besar 00000003")),
        "waits": ids(table, who, queues.Filter(waiting_for=(ROADS.code,))),
    }
    assert found == {
        "category": [rubbish.id],
        "channel": [mailed.id],
        "office": [handed.id],
        "state": [handed.id],
        "doubt": [doubtful.id],
        "since": [late.id],
        "until": [doubtful.id, handed.id, mailed.id, rubbish.id, plain.id],
        "words": [mailed.id],
        "waits": [handed.id],
    }


class Counted:
    """A table that counts what is read from it."""

    def __init__(self, table: SQLiteTable) -> None:
        self.table, self.queries, self.rows = table, 0, 0

    def query(self, *args: Any, **kwargs: Any) -> Any:
        got = self.table.query(*args, **kwargs)
        self.queries += 1
        self.rows += len(got.items)
        return got


def fill(table: SQLiteTable, first: int, count: int) -> None:
    """Rows of open reports of a kota, as their records write them."""
    rows = [
        Put(
            records.Key("desk#open#31.71", f"2026-{1 + n // 50000:02d}-01T00:00:00.{n:06d}Z#{n:08d}"),
            {"id": f"{n:08d}", "category": "jalan", "state": "waiting", "text": "Lubang.", "longitude": None,
             "latitude": None, "created": "x", "updated": "x", "kode": GAMBIR},
            Expect.ABSENT,
        )
        for n in range(first, first + count)
    ]  # fmt: skip
    for start in range(0, len(rows), 25):
        table.transact(rows[start : start + 25])


def test_a_page_reads_the_same_with_ten_times_the_reports(table: SQLiteTable):
    who = officer(at=("31",))

    def cost(wanted: queues.Filter) -> tuple[int, int]:
        counted = Counted(table)
        queues.page(counted, who, wanted, CODES)  # type: ignore[arg-type]
        return counted.queries, counted.rows

    rare = queues.Filter(words="yang tidak ada")
    fill(table, 0, 1500)
    small = cost(queues.Filter()), cost(rare)
    fill(table, 1500, 3000)
    assert (cost(queues.Filter()), cost(rare)) == small
    assert small[0][1] <= 300
    assert small[1][1] <= queues.LOOKED_AT + 2 * queues.CHUNK


def test_a_rare_match_is_found_page_by_page_and_every_page_says_where_it_goes_on(table: SQLiteTable):
    who = officer(at=("31",))
    fill(table, 0, 2500)
    page = queues.page(table, who, queues.Filter(words="00000001"), CODES)
    assert (page.rows, page.looked_at) == ((), queues.LOOKED_AT)
    assert ids(table, who, queues.Filter(words="00000001")) == ["00000001"]


# A hundred thousand open reports.

TOWN = tuple(f"31.{kota}.{n // 8:02d}.10{n % 8:02d}" for kota in range(70, 76) for n in range(8, 52))
"""A city of six kota, each of 44 kelurahan in kecamatan of eight."""
OPEN_REPORTS = 100_000


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> SQLiteTable:
    """The rows of 100,000 open reports, as worklist and records lay them, put into the file directly."""
    path = tmp_path_factory.mktemp("city") / "table.sqlite3"
    table = SQLiteTable(path)
    rows: list[tuple[str, str, str]] = []
    for n in range(OPEN_REPORTS):
        kode = TOWN[n * 7919 % len(TOWN)]
        handed, doubt = n % 20 == 0, TOWN[n % len(TOWN)] if n % 500 == 1 else None
        at = f"2026-{1 + n // 10_000:02d}-01T00:{n // 3600 % 60:02d}:{n % 60:02d}.000Z"
        body = json.dumps({
            "id": f"{n:08d}", "category": ("jalan", "sampah", "pohon")[n % 3], "state": OPEN_STATES[n % 4],
            "text": f"Lubang nomor {n}", "longitude": 106.8, "latitude": -6.2, "created": at, "updated": at,
            "kode": kode, "office": ROADS.code if handed else kode, "channel": "sms" if n % 997 == 0 else "web",
            "in_doubt": bool(doubt), "doubt": doubt,
        })  # fmt: skip
        lists = [f"list#public#open#{kode}", f"desk#open#{kode[:5]}"]
        lists += [f"desk#open#@{ROADS.code}"] if handed else []
        if doubt:
            lists += [f"desk#open#@{doubt}", *{f"desk#open#{doubt[:5]}", f"desk#doubt#{doubt[:5]}"}]
            lists.append(f"desk#doubt#{kode[:5]}")
        rows += [(each, f"{at}#{n:08d}", body) for each in dict.fromkeys(lists)]
    counters = json.dumps({"waiting": 94, "in_progress": 95})
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA synchronous = OFF")
        file.executemany(
            "INSERT INTO items (partition, sort, body, version) VALUES (?, ?, ?, 1)", sorted(rows)
        )
        file.executemany(
            "INSERT INTO items (partition, sort, body, version, counters) VALUES ('counts', ?, '{}', 1, ?)",
            [(kode, counters) for kode in TOWN],
        )
    file.close()
    return table


WHO = {
    "kelurahan": officer(at=(TOWN[0],)),
    "kecamatan": officer(at=(TOWN[0][:8],), role="coordinator"),
    "kota": officer(at=("31.71",), role="supervisor"),
    "province": officer(at=("31",), role="admin"),
    "agency": officer(agencies=(ROADS.code,)),
    "auditor": officer(at=("31",), role="auditor"),
}
SQUARE = queues.read_area(
    {
        "type": "Polygon",
        "coordinates": [[[106.7, -6.3], [106.9, -6.3], [106.9, -6.1], [106.7, -6.1], [106.7, -6.3]]],
    }
)
WISHES = {
    "everything": queues.Filter(),
    "one state": queues.Filter(states=("in_progress",)),
    "category": queues.Filter(categories=("pohon",)),
    "office": queues.Filter(office=ROADS.code),
    "channel": queues.Filter(channel="sms"),
    "old": queues.Filter(until="2026-02-01T00:00:00.000Z"),
    "new": queues.Filter(since="2026-10-01T00:00:00.000Z"),
    "waiting for us": queues.Filter(waiting_for=(TOWN[0], ROADS.code)),
    "in doubt": queues.Filter(doubtful=True),
    "low rating": queues.Filter(low_rating=True, states=tuple(STATES)),
    "rare words": queues.Filter(words="nomor 77777"),
    "open and closed": queues.Filter(states=tuple(STATES)),
    "drawn": queues.Filter(area=SQUARE),
    "drawn elsewhere": queues.Filter(
        area=queues.Area(((((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),),))
    ),
}


@pytest.mark.parametrize("role", WHO)
def test_with_100_000_open_reports_a_page_costs_the_same_whatever_is_asked_by_whom(
    city: SQLiteTable, role: str
):
    who = WHO[role]
    for name, wanted in WISHES.items():
        for oldest_first in (False, True):
            counted = Counted(city)
            page = queues.page(counted, who, wanted, TOWN, oldest_first=oldest_first)  # type: ignore[arg-type]
            # Each list is opened once, and then read on in ever larger pieces until enough rows were judged.
            assert counted.queries <= 3 * queues.MOST_LISTS * 2 + queues.LOOKED_AT // queues.CHUNK + 12, name
            assert counted.rows <= 2 * queues.LOOKED_AT, name
            assert page.looked_at <= queues.LOOKED_AT, name
            assert len(page.rows) <= queues.PAGE, name
    counted = Counted(city)
    queues.counts(counted, who)  # type: ignore[arg-type]
    assert counted.rows <= 2 * len(TOWN)
    assert counted.queries <= 8


def test_many_areas_at_once_cost_no_more_than_few(city: SQLiteTable):
    """Named one by one, all kecamatan of the city read a list for each kota, and show what their own lists hold."""
    who = WHO["province"]
    named = tuple(sorted({kode[:8] for kode in TOWN}))
    counted = Counted(city)
    page = queues.page(counted, who, queues.Filter(boundaries=named), TOWN)  # type: ignore[arg-type]
    assert counted.queries <= 12
    assert page == queues.page(city, who, queues.Filter(), TOWN)
    few = named[:3]
    apart = sorted(
        row.id for code in few for row in queues.page(city, who, queues.Filter(boundaries=(code,)), TOWN).rows
    )
    together = queues.page(city, who, queues.Filter(boundaries=few), TOWN)
    assert len(together.rows) == queues.PAGE
    assert {row.id for row in together.rows} <= set(apart)


def test_the_few_in_doubt_are_found_at_once_among_a_hundred_thousand(city: SQLiteTable):
    page = queues.page(city, WHO["province"], queues.Filter(doubtful=True), TOWN)
    assert len(page.rows) == queues.PAGE
    assert page.looked_at == queues.PAGE


def test_marked_reports_are_their_two_kelurahans_and_nobody_elses(
    door: intake.Door, table: SQLiteTable, clock: Clock
):
    """The lists of a kota hold its neighbours' too: whoever reads them sees what their own lists would show."""
    doubtful = put(door, 1, doubt=CIDENG)
    low = put(door, 2, state="done", rating="unsatisfied")
    handed = put(door, 3, state="done", rating="unsatisfied", office=ROADS)
    put(door, 4, state="done", rating="satisfied")
    closed = queues.Filter(low_rating=True, states=tuple(STATES))
    doubt = queues.Filter(doubtful=True)
    assert ids(table, officer(at=(CIDENG,)), doubt) == [doubtful.id]
    assert ids(table, officer(at=(GAMBIR,)), doubt) == [doubtful.id]
    assert ids(table, officer(at=(FAR,)), doubt) == []
    assert ids(table, officer(at=(GAMBIR,)), closed) == [handed.id, low.id]
    assert ids(table, officer(at=(CIDENG,)), closed) == []
    assert ids(table, officer(agencies=(ROADS.code,)), closed) == [handed.id]


# Areas.


@st.composite
def areas(draw: st.DrawFn) -> Any:
    """Valid polygons on a coarse grid, some with a hole, so that corners and edges are often hit."""
    ring = draw(
        st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=9, unique=True)
    )
    made = shapely.make_valid(Polygon(ring))
    polygons = [g for g in getattr(made, "geoms", [made]) if isinstance(g, Polygon) and g.area > 0]
    made = shapely.union_all(polygons) if polygons else Polygon([(0, 0), (12, 0), (12, 12), (0, 12)])
    if draw(st.booleans()):
        made = made.difference(
            Point(draw(st.integers(0, 12)), draw(st.integers(0, 12))).buffer(1.3, quad_segs=2)
        )
    return (
        made
        if isinstance(made, Polygon | MultiPolygon) and made.area > 0
        else Polygon([(0, 0), (9, 0), (9, 9)])
    )


@given(areas(), st.lists(st.tuples(st.floats(-1, 13), st.floats(-1, 13)), min_size=20, max_size=40))
@settings(max_examples=150, deadline=None)
def test_a_drawn_area_holds_exactly_what_shapely_says(shape: Any, points: list[tuple[float, float]]):
    area = queues.read_area(json.loads(json.dumps(mapping(shape))))
    for x, y in points:
        point = Point(x, y)
        if shape.boundary.distance(point) > 1e-9:
            assert area.contains(x, y) == shape.contains(point)


def test_a_queue_filtered_by_a_drawn_area_is_what_shapely_says(door: intake.Door, table: SQLiteTable):
    rng = random.Random(3)
    made = [
        put(door, n, longitude=rng.uniform(106.81, 106.85), latitude=rng.uniform(-6.19, -6.15))
        for n in range(80)
    ]
    shape = Polygon([(106.815, -6.185), (106.845, -6.18), (106.83, -6.17), (106.84, -6.155), (106.82, -6.16)])
    wanted = queues.Filter(area=queues.read_area(json.loads(json.dumps(mapping(shape)))))
    inside = {it.id for it in made if shape.contains(Point(it.longitude, it.latitude))}
    assert set(ids(table, officer(at=(GAMBIR,)), wanted)) == inside
    assert 5 < len(inside) < 75


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], {}, {"type": "Point", "coordinates": [1, 2]}, {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, "1"], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [500, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 0], [1, 1], [0, 0]]]},
        {"type": "MultiPolygon", "coordinates": [[]]}, {"type": "FeatureCollection", "features": []},
        {"type": "Polygon", "coordinates": [[[0, 0], *[[1, 1]] * 5001, [0, 0]]]},
        {"type": "Feature", "geometry": {"type": "Feature", "geometry": {"type": "Feature", "geometry": {}}}},
    ],
)  # fmt: skip
def test_what_is_no_area_is_refused_in_words(wrong: Any):
    with pytest.raises(queues.AreaError, match=r"has|holds|is no"):
        queues.read_area(wrong)
