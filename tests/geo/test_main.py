"""The command line: what it prints, what it keeps, how it ends."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import shapely

from geo import compile as compiler
from geo import index
from geo.__main__ import main
from geo.coverage import Coverage
from geo.facts import read_facts
from geo.locate import Locator
from geo.recipe import is_current, recipe
from geo.table import TableError, place_rows

ROOT = Path(__file__).resolve().parents[2]
SIZE = 100_000
WEST, SOUTH = 1_068_000_000, -62_000_000


def square(number: int, wide: int = SIZE) -> index.Ring:
    west = WEST + number * SIZE
    return ((west, SOUTH), (west + wide, SOUTH), (west + wide, SOUTH + SIZE), (west, SOUTH + SIZE))


@pytest.fixture
def built(tmp_path, names) -> Path:
    """A build folder with two squares side by side."""
    index.write(index.build(names(2), [[square(0)], [square(1)]]), tmp_path / "build" / "kelurahan.index")
    return tmp_path / "build"


@pytest.fixture
def run(built, tmp_path, capsys):
    def call(*arguments: str, **environ: str) -> tuple[int, str, str]:
        code = main(
            arguments, {"GEO_BUILD": str(built), "BOUNDARIES_OFFLINE": "1", **environ}, tmp_path / "checkout"
        )
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_locate_answers_one_point_as_json(run):
    code, out, err = run("locate", "106.805", "-6.195")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert (answer["kode"], answer["method"], len(answer["boundaries"])) == ("99.01.01.0001", "inside", 12)
    assert json.loads(run("locate", "106.81", "-6.195", "--accuracy", "40")[1])[
        "probability"
    ] == pytest.approx(0.5)


def test_locate_refuses_with_a_reason(run):
    code, out, err = run("locate", "--", "-6.195", "106.805")
    assert (code, out) == (1, "")
    assert "look swapped" in err
    assert "give LONGITUDE LATITUDE, or --csv FILE" in run("locate", "106.8")[2]


def test_nothing_built_says_what_to_run(run, tmp_path):
    code, _, err = run("locate", "106.8", "-6.2", GEO_BUILD=str(tmp_path / "none"))
    assert code == 1
    assert "python -m geo build" in err


TABLE = (
    "\ufeffid,Lat,LNG,accuracy,note\n"
    "1,-6.195,106.805,,first\n"
    "2,106.805,-6.195,,swapped\n"
    "3,-6.195,106.81,40,\"two\nlines\"\n"
    "4,-6.195,,,no longitude\n"
    "5,-6.195\n"
    "6,\"-6,195\",106.805,,decimal comma\n"
    "7,-6.195,107.9,,far away\n"
    "8,nan,106.805,,not a number\n"
    "9,-6.195,106.805,-4,negative\n"
)  # fmt: skip


def test_a_table_keeps_every_row_and_bad_ones_say_why(run, tmp_path):
    (tmp_path / "in.csv").write_text(TABLE, encoding="utf-8")
    code, out, err = run("locate", "--csv", str(tmp_path / "in.csv"), "--accuracy-column", "accuracy")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["id"] for row in rows] == list("123456789")
    assert [row["kode"] for row in rows] == ["99.01.01.0001", "", "99.01.01.0002"] + [""] * 6
    assert rows[2]["note"] == "two\nlines"
    assert (rows[2]["probability"], rows[2]["runner_up"]) == ("0.5", "99.01.01.0001")
    assert [bool(row["reason"]) for row in rows] == [False, True, False, True, True, True, False, True, True]
    assert rows[6]["method"] == "outside"
    assert "swapped" in rows[1]["reason"]
    assert "decimals after a point" in rows[5]["reason"]
    assert "line 3: " in err
    assert "line 6: no longitude" in err
    assert "line 7: 2 cells where the header has 5" in err
    assert "9 rows: 2 placed, 1 outside, 6 bad" in err


def test_columns_are_named_by_option_and_names_taken_are_avoided(run, tmp_path):
    (tmp_path / "in.csv").write_text("kode;breite;laenge\na;-6.195;106.815\n", encoding="utf-8")
    code, out, _ = run(
        "locate", "--csv", str(tmp_path / "in.csv"), "--longitude", "laenge", "--latitude", "Breite"
    )
    assert code == 0
    (row,) = csv.DictReader(io.StringIO(out), delimiter=";")
    assert (row["kode"], row["geo_kode"]) == ("a", "99.01.01.0002")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\n", "empty"),
        ("a,b\n1,2\n", "no column for the longitude"),
        ("lon,b\n1,2\n", "--latitude"),
    ],
)
def test_a_table_without_coordinates_is_refused_and_leaves_no_output(run, tmp_path, text, said):
    (tmp_path / "in.csv").write_text(text)
    code, _, err = run("locate", "--csv", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv"))
    assert code == 1
    assert said in err
    assert not list(tmp_path.glob("out.csv*"))


def test_the_output_is_never_the_input(run, tmp_path):
    (tmp_path / "in.csv").write_text("lon,lat\n106.805,-6.195\n")
    code, _, err = run("locate", "--csv", str(tmp_path / "in.csv"), "--output", str(tmp_path / "in.csv"))
    assert code == 1
    assert "name another" in err
    assert (tmp_path / "in.csv").read_text() == "lon,lat\n106.805,-6.195\n"


def test_bytes_that_are_no_utf_8_pass_through_unharmed(run, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"lon,lat,note\n106.805,-6.195,caf\xe9\n")
    assert run("locate", "--csv", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv"))[0] == 0
    assert b",caf\xe9,99.01.01.0001," in (tmp_path / "out.csv").read_bytes()


def test_rows_stream_one_by_one(names):
    locator = Locator(index.build(names(1), [[square(0)]]))
    written = io.StringIO()
    seen: list[int] = []

    def lines():
        yield "lon,lat\n"
        for _ in range(1000):
            seen.append(written.getvalue().count("\n"))
            yield "106.805,-6.195\n"

    tally = place_rows(lines(), written, locator.locate)
    assert tally.rows == 1000
    # Each row is out before the next but one is read.
    assert all(count >= number for number, count in enumerate(seen[1:]))
    with pytest.raises(TableError):
        place_rows(iter([]), written, locator.locate)


def test_standard_input_is_a_table_too(built):
    done = subprocess.run(
        [sys.executable, "-m", "geo", "locate", "--csv", "-"],
        input="lon,lat\n106.805,-6.195\n",
        cwd=ROOT,
        env={"GEO_BUILD": str(built), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "99.01.01.0001" in done.stdout
    assert "1 placed" in done.stderr


def test_fetch_names_the_source_and_falls_to_centroids_offline(run, tmp_path):
    code, out, err = run("fetch")
    assert (code, out.split(":")[0]) == (0, "centroids")
    assert "approximate" in err
    (tmp_path / "own.geojson").write_text("{}")
    assert run("fetch", "--offline", BOUNDARIES=str(tmp_path / "own.geojson"))[1].startswith("file:")
    code, _, err = run("fetch", BOUNDARIES=str(tmp_path / "gone"))
    assert (code, "no such file" in err) == (1, True)


def test_fetch_without_a_network_falls_to_centroids(built, tmp_path, capsys):
    code = main(["fetch"], {"BOUNDARIES_URL": "http://127.0.0.1:9/"}, tmp_path / "checkout")
    out, err = capsys.readouterr()
    assert (code, out.split(":")[0]) == (0, "centroids")
    assert "download of boundaries failed" in err


def geojson(rects: dict[str, tuple[float, float, float, float]]) -> str:
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"code": code, "nama": "Name"},
                    "geometry": shapely.geometry.mapping(shapely.box(*rect)),
                }
                for code, rect in rects.items()
            ],
        }
    )


def mosaic(codes: list[str]) -> dict[str, tuple[float, float, float, float]]:
    """A rectangle for each code, side by side in rows."""
    return {
        code: (106.7 + n % 20 / 100, -6.3 + n // 20 / 100, 106.71 + n % 20 / 100, -6.29 + n // 20 / 100)
        for n, code in enumerate(codes)
    }


def test_build_compiles_a_file_of_ones_own_and_reports(run, tmp_path):
    codes = list(read_facts())
    (tmp_path / "own.geojson").write_text(geojson(mosaic(codes)))
    environ = {
        "BOUNDARIES": str(tmp_path / "own.geojson"),
        "BOUNDARIES_CODE_FIELD": "code",
        "BOUNDARIES_ATTRIBUTION": "Mosaic makers",
        "GEO_BUILD": str(tmp_path / "made"),
    }
    code, out, err = run("build", **environ)
    assert (code, err) == (0, "")
    assert "267 kelurahan from own.geojson" in out
    assert "overlaps repaired: 0" in out
    assert "APPROXIMATE" not in out
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    assert (manifest["approximate"], manifest["attribution"]) == (False, "Mosaic makers")
    assert list(manifest["built_from"]) == ["own.geojson"]
    place = Locator.open(tmp_path / "made" / "kelurahan.index").locate(106.705, -6.295)
    assert (place.kode, place.kelurahan) == (codes[0], read_facts()[codes[0]].kelurahan)
    assert len((tmp_path / "made" / "repairs.csv").read_text().splitlines()) == 268


def test_build_refuses_a_source_with_the_wrong_codes_and_names_them(run, tmp_path):
    codes = list(read_facts())
    (tmp_path / "own.geojson").write_text(geojson(mosaic([*codes[1:], "31.99.99.9999"])))
    code, _, err = run(
        "build",
        BOUNDARIES=str(tmp_path / "own.geojson"),
        BOUNDARIES_CODE_FIELD="code",
        GEO_BUILD=str(tmp_path / "m"),
    )
    assert code == 1
    assert f"1 missing: {codes[0]}" in err
    assert "1 unknown: 31.99.99.9999" in err
    assert not (tmp_path / "m").exists()


def test_build_with_nothing_at_hand_is_approximate_and_says_so(run, tmp_path):
    code, out, err = run("build", GEO_BUILD=str(tmp_path / "made"))
    assert code == 0
    assert "APPROXIMATE" in out
    assert "python -m geo fetch" in err
    assert Locator.open(tmp_path / "made" / "kelurahan.index").approximate
    assert "approximate" in run("locate", "106.8272", "-6.1754", GEO_BUILD=str(tmp_path / "made"))[2]


def test_diff_says_who_came_who_went_and_what_moves(run, tmp_path):
    (tmp_path / "old.geojson").write_text(
        geojson(
            {
                "A": (106.8, -6.2, 106.81, -6.19),
                "B": (106.81, -6.2, 106.82, -6.19),
                "C": (106.82, -6.2, 106.83, -6.19),
            }
        )
    )
    (tmp_path / "new.geojson").write_text(
        geojson(
            {
                "A": (106.8, -6.2, 106.812, -6.19),
                "B": (106.812, -6.2, 106.82, -6.19),
                "D": (106.82, -6.2, 106.83, -6.19),
            }
        )
    )
    (tmp_path / "points.csv").write_text(
        "lat,lon\n-6.195,106.805\n-6.195,106.811\n-6.195,106.825\nx,1\n-6.195,106.815\n-6.195,106.9\n"
    )
    code, out, err = run(
        "diff",
        str(tmp_path / "old.geojson"),
        str(tmp_path / "new.geojson"),
        "--points",
        str(tmp_path / "points.csv"),
        BOUNDARIES_CODE_FIELD="code",
    )
    assert code == 0
    assert "appeared: 1\n  D" in out
    assert "disappeared: 1\n  C" in out
    assert "changed: 2" in out
    assert "C -> D" in out
    assert "B -> A" in out
    assert "points that move: 2 of 5" in out
    assert "line 3: B -> A" in out
    assert "line 4: C -> D" in out
    assert "line 5: left out" in err


def test_diff_of_the_same_boundaries_is_nothing(run, built):
    code, out, _ = run("diff", str(built), str(built / "kelurahan.index"))
    assert code == 0
    assert "appeared: 0\ndisappeared: 0\nchanged: 0\nground that changes hands: 0.0000 km2" in out


def test_diff_with_the_outside_is_named_too(run, built, tmp_path, names):
    index.write(index.build(names(2), [[square(0, SIZE // 2)], [square(1)]]), tmp_path / "smaller.index")
    out = run("diff", str(built), str(tmp_path / "smaller.index"))[1]
    assert "99.01.01.0001 -> -  " in out
    assert "- -> 99.01.01.0001" in run("diff", str(tmp_path / "smaller.index"), str(built))[1]


def test_areas_come_back_from_an_index_as_they_went_in(mesh):
    from geo.compare import areas_of

    made = mesh(21, 5, 5, 4, 30_000, 0.2)
    found = areas_of(made.locator())
    for owner, area in enumerate(found.values(), start=1):
        triangles = [
            shapely.Polygon([(x / 1e7, y / 1e7) for x, y in ring]) for o, ring in made.triangles if o == owner
        ]
        assert area.area == pytest.approx(sum(t.area for t in triangles), rel=1e-9)
        for triangle in random.Random(1).sample(triangles, min(5, len(triangles))):
            assert area.contains(triangle.centroid)


def test_a_build_that_is_current_is_not_made_again(tmp_path: Path, approximate_coverage: Coverage):
    build = tmp_path / "build"
    assert not is_current(build, {}, recipe())
    compiler.compile_all(approximate_coverage, build, {"a": "1"}, recipe())
    assert is_current(build, {"a": "1"}, recipe())
    assert not is_current(build, {"a": "2"}, recipe()), "another source"
    assert not is_current(build, {"a": "1"}, recipe(["other"])), "another setting"
    (build / "batas.json").write_text("cut")
    assert not is_current(build, {"a": "1"}, recipe()), "a damaged file"
