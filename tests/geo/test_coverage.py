"""Reading, checking and repairing sources: what is wrong is named, what comes out is a coverage."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box

from geo import coverage
from geo.coverage import BoundaryError, Source, clean, parse_geojson, parse_sql, read
from geo.facts import Kelurahan, read_facts

A, B, C = "99.01.01.0001", "99.01.01.0002", "99.01.01.0003"


@pytest.fixture
def facts(names: Callable[[int], list[Kelurahan]]) -> dict[str, Kelurahan]:
    return {item.kode: item for item in names(3)}


def strip(number: int, start: float | None = None) -> Polygon:
    """The n-th of three strips of 0.01 degrees side by side."""
    west = 106.8 + 0.01 * number
    return box(start if start is not None else west, -6.2, west + 0.01, -6.19)


def source(*areas: tuple[str, Polygon]) -> Source:
    return Source("some source", tuple((code, "", area) for code, area in areas))


def test_gaps_are_filled_and_overlaps_shared_out(facts):
    # The second strip draws back from the first in the middle; the third reaches into the second.
    drawn_back = Polygon(
        [(106.81, -6.2), (106.82, -6.2), (106.82, -6.19), (106.81, -6.19), (106.81003, -6.195)]
    )
    messy = source((A, strip(0)), (B, drawn_back), (C, strip(2, 106.82 - 0.00004)))
    made = clean(messy, facts)
    assert shapely.coverage_is_valid(np.array(made.areas))
    assert shapely.union_all(made.areas).equals(box(106.8, -6.2, 106.83, -6.19))
    assert (made.repair.slivers, made.repair.overlaps) == (1, 1)
    # 0.01 degrees north are 1,106 m; 0.00003 and 0.00004 degrees east are 3.3 and 4.4 m.
    assert made.repair.sliver_m2 == pytest.approx(1105.8 * 3.32 / 2, rel=0.01)
    assert made.repair.overlap_m2 == pytest.approx(1105.8 * 4.43, rel=0.01)
    by_code = {code: (before, after) for code, before, after in made.repair.areas}
    assert by_code[A][0] == pytest.approx(1106.9 * 1105.8, rel=0.001)
    assert made.repair.changes()[0][0] in {A, B, C}


def test_six_decimals_are_kept(facts):
    made = clean(source((A, strip(0)), (B, strip(1)), (C, strip(2))), facts)
    for area in made.areas:
        numbers = shapely.get_coordinates(area)
        assert (numbers == np.round(numbers, 6)).all()


def test_missing_double_unknown_and_empty_codes_are_all_named(facts):
    wrong = source((A, strip(0)), (A, strip(1)), ("77.00.00.0000", strip(2)), (C, Polygon()))
    with pytest.raises(BoundaryError) as error:
        clean(wrong, facts)
    said = str(error.value)
    assert f"1 missing: {B}" in said
    assert f"1 double: {A}" in said
    assert "1 unknown: 77.00.00.0000" in said
    assert f"1 empty: {C}" in said


def test_a_polygon_that_crosses_itself_is_made_valid_and_named(facts):
    bow = Polygon([(106.8, -6.2), (106.81, -6.19), (106.81, -6.2), (106.8, -6.19)])
    made = clean(source((A, bow), (B, strip(1)), (C, strip(2))), facts)
    assert made.repair.invalid == (A,)
    assert shapely.coverage_is_valid(np.array(made.areas))


def test_a_kelurahan_that_lies_wholly_in_another_is_named_when_nothing_is_left(facts):
    with pytest.raises(BoundaryError, match=r"nothing is left after repair of|no valid coverage"):
        clean(source((A, strip(0)), (B, strip(1)), (C, box(106.8, -6.2, 106.8000001, -6.1999999))), facts)


def feature(code: object, geometry: object, field: str = "kode") -> dict[str, object]:
    return {"type": "Feature", "properties": {field: code, "nama": "Name"}, "geometry": geometry}


SQUARE = {"type": "Polygon", "coordinates": [[[106.8, -6.2], [106.81, -6.2], [106.81, -6.19], [106.8, -6.2]]]}


def collection(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def test_geojson_gives_code_name_and_polygon():
    several = {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]]}
    found = list(parse_geojson(collection(feature(A, SQUARE), feature(B, several))))
    assert [(code, name, area.geom_type) for code, name, area in found] == [
        (A, "Name", "Polygon"),
        (B, "Name", "MultiPolygon"),
    ]
    assert next(parse_geojson(collection(feature(A, SQUARE, "id")), "id"))[0] == A


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no GeoJSON FeatureCollection"),
        ("[]", "no GeoJSON FeatureCollection"),
        (collection(feature(None, SQUARE)), "feature 1 has no code in property 'kode'"),
        (
            collection(feature(A, SQUARE), feature(B, SQUARE, "id")),
            "feature 2 has no code.*BOUNDARIES_CODE_FIELD",
        ),
        (collection(feature(A, None)), "feature 1 has no geometry"),
        (collection(feature(A, {"type": "Point", "coordinates": [1, 2]})), r"feature 1 \(99.*\) is a Point"),
        (collection(feature(A, {"type": "Polygon", "coordinates": [[[1, 2]]]})), f"{A}: not a polygon"),
        (
            collection(
                feature(
                    A,
                    {"type": "Polygon", "coordinates": [[[7e5, 9e6], [7e5, 9.1e6], [8e5, 9e6], [7e5, 9e6]]]},
                )
            ),
            r"must be degrees \(EPSG:4326\)",
        ),
    ],
)
def test_geojson_that_is_none_says_what_is_wrong(text, said):
    with pytest.raises(BoundaryError, match=said):
        list(parse_geojson(text))


DUMP = """/* A header, with a row that is none: ('x','y',1,2,'[]') */
-- another comment
DELETE FROM wilayah_boundaries WHERE kode LIKE '99.%';
INSERT INTO wilayah_boundaries(kode,nama,lat,lng,path) VALUES
\t ('99.01.01.0001','Ujung''s End',-6.195,106.805,'[[[-6.2,106.8],[-6.2,106.81],[-6.19,106.81],[-6.2,106.8]]]'),
\t ('99.01.01.0002','Two; parts (both)',NULL,106.8,'[[[[-6.2,106.82],[-6.2,106.83],[-6.19,106.83],[-6.2,106.82]]],
[[[-6.3,106.82],[-6.3,106.83],[-6.29,106.83],[-6.3,106.82]]]]');
INSERT INTO wilayah_boundaries(kode,nama,lat,lng,path) VALUES
\t ('99.01.01.0003','Three',1,2,'[[[-6.2,106.9],[-6.2,106.91],[-6.19,106.91],[-6.2,106.9]]]');
"""


def test_an_sql_dump_is_latitude_first_three_or_four_levels_deep():
    found = list(parse_sql(DUMP))
    assert [(code, name) for code, name, _ in found] == [
        (A, "Ujung's End"),
        (B, "Two; parts (both)"),
        (C, "Three"),
    ]
    one, two, _ = (area for _, _, area in found)
    assert one.bounds == (106.8, -6.2, 106.81, -6.19)
    assert isinstance(two, MultiPolygon)
    assert two.bounds == (106.82, -6.3, 106.83, -6.19)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1;", "not a dump of boundaries"),
        (DUMP[:420], "cut short"),
        (
            DUMP.replace("[[[-6.2,106.8]", "[[-6.2,106.8]").replace("[-6.2,106.8]]]'", "[-6.2,106.8]]'"),
            "2 levels deep",
        ),
        (DUMP.replace("[[[-6.2,106.9]", "[[[-6.2,106.9"), "0003: its path is no JSON"),
        (DUMP.replace(",1,2,", ",1,"), "4 values for 5 columns"),
        (DUMP.replace("nama,lat,lng,path", "nama,lat,lng,outline"), "kode and path are needed"),
        (DUMP.replace("-6.2,106.9", "106.9,-6.2"), "longitude first"),
    ],
)
def test_a_dump_that_is_none_says_what_is_wrong(text, said):
    with pytest.raises(BoundaryError, match=said):
        list(parse_sql(text))


def test_files_are_read_by_suffix_and_a_folder_stands_for_its_dumps(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.sql").write_text(DUMP)
    (tmp_path / "b.geojson").write_text("\ufeff" + collection(feature("x", SQUARE)), encoding="utf-8")
    assert [code for code, *_ in read([tmp_path]).areas] == [A, B, C]
    assert [code for code, *_ in read([tmp_path / "b.geojson"]).areas] == ["x"]
    (tmp_path / "c.geojson").write_text("{}")
    with pytest.raises(BoundaryError, match=r"c\.geojson: no GeoJSON"):
        read([tmp_path / "c.geojson"])
    (tmp_path / "none").mkdir()
    with pytest.raises(BoundaryError, match=r"no \.sql file"):
        read([tmp_path / "none"])


def test_the_committed_facts_are_267_kelurahan_of_44_kecamatan_and_6_kota():
    facts = read_facts()
    assert len(facts) == 267
    assert len({item.kode[:8] for item in facts.values()}) == 44
    assert len({item.kode[:5] for item in facts.values()}) == 6
    for item in facts.values():
        assert item.kelurahan.strip(" .") == item.kelurahan
        assert item.kecamatan.strip(" .") == item.kecamatan
        assert len(item.kode_pos) == 5
    for prefix, column in ((8, "kecamatan"), (5, "kota")):
        named: dict[str, set[str]] = {}
        for item in facts.values():
            named.setdefault(item.kode[:prefix], set()).add(getattr(item, column))
        assert all(len(found) == 1 for found in named.values())


def test_facts_that_are_none_name_the_line(tmp_path):
    header = "kode,kelurahan,kecamatan,kota,longitude,latitude,kode_pos\n"
    row = "99.01.01.0001,a,b,c,1,2,3\n"
    for text, said in (
        (header + row + row, "line 3: code 99.01.01.0001 comes twice"),
        (header + "1,2\n", "line 2"),
    ):
        (tmp_path / "f.csv").write_text(text)
        with pytest.raises(ValueError, match=said):
            read_facts(tmp_path / "f.csv")


def test_the_stand_in_gives_every_kelurahan_the_land_nearest_to_its_centroid(approximate_coverage):
    from geo import index
    from geo.locate import Locator
    from geo.plane import metres_per_degree

    made = approximate_coverage
    assert made.approximate
    assert len(made.areas) == 267
    locator = Locator(index.build(made.kelurahan, made.rings(), approximate=True))
    assert locator.approximate
    for item in made.kelurahan:
        place = locator.locate(item.longitude, item.latitude)
        assert (place.kode, place.method) == (item.kode, "inside")
    rnd = np.random.default_rng(1)
    kx, ky = metres_per_degree(-6.2)
    inside = 0
    for longitude, latitude in rnd.uniform((106.7, -6.35), (106.96, -6.1), (2000, 2)).tolist():
        away = {
            item.kode: np.hypot((item.longitude - longitude) * kx, (item.latitude - latitude) * ky)
            for item in made.kelurahan
        }
        first, second = sorted(away.values())[:2]
        place = locator.locate(longitude, latitude)
        if second - first < 20 or abs(first - coverage.LAND_RADIUS_M) < 50:
            continue
        assert (place.kode == min(away, key=lambda k: away[k])) == (first < coverage.LAND_RADIUS_M)
        inside += place.method == "inside"
    assert inside > 1000


@pytest.mark.polygons
def test_jakarta_is_repaired_to_a_coverage_that_changes_no_area_by_one_percent(real_coverage):
    assert len(real_coverage.areas) == 267
    assert shapely.coverage_is_valid(np.array(real_coverage.areas))
    assert abs(real_coverage.repair.changes()[0][3]) < 1
    assert sum(after for _, _, after in real_coverage.repair.areas) / 1e6 == pytest.approx(661, abs=10)
