"""The basemap is cut out of a PMTiles file, here or on a server that answers in ranges, and served in parts."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pmtiles.reader import MemorySource, Reader, all_tiles
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from infra import __main__ as infra
from infra import basemap

JAKARTA = (106.68, -6.38, 106.98, -6.07)
DEEPEST = 7
ATTRIBUTION = {"attribution": "made here", "name": "squares"}


@pytest.fixture(scope="module")
def world() -> bytes:
    """Every tile of the world to zoom 7, each with content of its own but the sea: one that is everywhere."""
    target = io.BytesIO()
    writer = Writer(target)
    for zoom in range(DEEPEST + 1):
        places = sorted((zxy_to_tileid(zoom, x, y), x, y) for x in range(1 << zoom) for y in range(1 << zoom))
        for tile, x, y in places:
            writer.write_tile(tile, content(zoom, x, y))
    corners = {"min_lon_e7": -1800000000, "min_lat_e7": -850000000, "max_lon_e7": 1800000000}
    middle = {"max_lat_e7": 850000000, "center_zoom": 2, "center_lon_e7": 0, "center_lat_e7": 0}
    kind = {"tile_type": TileType.MVT, "tile_compression": Compression.GZIP}
    writer.finalize({**kind, **corners, **middle}, ATTRIBUTION)
    return target.getvalue()


def content(zoom: int, x: int, y: int) -> bytes:
    return b"sea" if y % 3 == 0 else f"{zoom}/{x}/{y} ".encode() * 20


def inside(box: basemap.Box, zoom: int) -> set[tuple[int, int, int]]:
    return {
        (each, x, y)
        for each in range(zoom + 1)
        for columns, rows in [basemap.tile_range(box, each)]
        for x in columns
        for y in rows
    }


def test_the_cut_holds_the_tiles_of_the_box_and_no_others_and_reads_little(world: bytes):
    target = io.BytesIO()
    done = basemap.cut(MemorySource(world), target, [JAKARTA])
    tiles = dict(all_tiles(MemorySource(target.getvalue())))
    assert set(tiles) == inside(JAKARTA, DEEPEST)
    assert all(data == content(*place) for place, data in tiles.items())
    assert done.tiles == len(tiles)
    assert done.read < len(world) / 5
    found = Reader(MemorySource(target.getvalue()))
    assert found.metadata() == ATTRIBUTION
    header = found.header()
    assert (header["min_zoom"], header["max_zoom"], header["tile_type"]) == (0, DEEPEST, TileType.MVT)
    assert (header["min_lon_e7"], header["max_lat_e7"]) == (1066800000, -60700000)


def test_a_cut_of_a_cut_to_a_lower_zoom_is_smaller_and_right(world: bytes):
    first, second = io.BytesIO(), io.BytesIO()
    basemap.cut(MemorySource(world), first, [(90, -20, 140, 20)])
    basemap.cut(MemorySource(first.getvalue()), second, [JAKARTA], zoom=4)
    assert set(dict(all_tiles(MemorySource(second.getvalue())))) == inside(JAKARTA, 4)
    assert len(second.getvalue()) < len(first.getvalue())


@given(st.floats(-179, 178), st.floats(-84, 83), st.floats(0.001, 40), st.floats(0.001, 40))
def test_the_tiles_of_a_box_hold_its_corners_at_every_zoom(
    west: float, south: float, wide: float, high: float
):
    box = (west, south, min(180.0, west + wide), min(85.0, south + high))
    for zoom in range(12):
        columns, rows = basemap.tile_range(box, zoom)
        assert len(columns) >= 1
        assert len(rows) >= 1
        for longitude, latitude in ((box[0], box[1]), (box[2], box[3])):
            one = basemap.tile_range((longitude, latitude, longitude, latitude), zoom)
            assert one[0][0] in columns
            assert one[1][0] in rows


def test_several_boxes_do_not_bring_what_lies_between_them(world: bytes):
    target = io.BytesIO()
    boxes = [(0.0, 0.0, 1.0, 1.0), (100.0, 0.0, 101.0, 1.0)]
    basemap.cut(MemorySource(world), target, boxes)
    assert set(dict(all_tiles(MemorySource(target.getvalue())))) == inside(boxes[0], 7) | inside(boxes[1], 7)


@pytest.mark.parametrize("end", [0, 5, 126, 127, 140, 5000])
def test_a_source_that_is_damaged_or_something_else_is_refused_in_words(world: bytes, end: int):
    with pytest.raises(basemap.BasemapError):
        basemap.cut(MemorySource(world[:end]), io.BytesIO(), [JAKARTA])
    with pytest.raises(basemap.BasemapError, match="PMTiles"):
        basemap.cut(MemorySource(b"<html>" * 1000), io.BytesIO(), [JAKARTA])


@pytest.fixture
def web(world: bytes) -> Iterator[dict[str, Any]]:
    """A server with the world: `ranges` says whether it answers in them; `asked` what it was asked for."""
    told: dict[str, Any] = {"ranges": True, "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            told["asked"].append(self.headers["Range"])
            first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            body = world[int(first) : int(last) + 1] if told["ranges"] else world
            self.send_response(206 if told["ranges"] else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told["url"] = f"http://127.0.0.1:{server.server_port}/planet.pmtiles"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_command_cuts_from_the_web_in_few_requests(
    web: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    target = tmp_path / "jakarta.pmtiles"
    bounds = ",".join(map(str, JAKARTA))
    assert infra.main(["basemap", "cut", web["url"], str(target), f"--bounds={bounds}"]) == 0
    assert set(dict(all_tiles(MemorySource(target.read_bytes())))) == inside(JAKARTA, DEEPEST)
    assert len(web["asked"]) < 20
    assert f"{len(inside(JAKARTA, DEEPEST))} tiles" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["jakarta.pmtiles"]


def test_a_server_without_ranges_is_named_and_nothing_is_left_behind(
    web: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    web["ranges"] = False
    target = tmp_path / "jakarta.pmtiles"
    assert infra.main(["basemap", "cut", web["url"], str(target), "--bounds=106,-7,107,-6"]) == 1
    assert "does not answer in ranges" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bounds", ["1,2,3", "a,b,c,d", "107,-6,106,-5", "106,-5,107,-6"])
def test_bounds_that_cannot_be_are_refused(bounds: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        infra.main(["basemap", "cut", "a.pmtiles", "b.pmtiles", f"--bounds={bounds}"])
    assert "--bounds" in capsys.readouterr().err


def test_without_bounds_the_map_covers_every_kelurahan():
    import geo

    boxes = basemap.city_boxes(geo.build_folder())
    for row in geo.default_locator().by_kode.values():
        assert any(w < row.longitude < e and s < row.latitude < n for w, s, e, n in boxes), row.kelurahan


def test_what_is_put_lies_where_the_site_serves_it(
    world: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from chalicelib import wiring
    from chalicelib.storage.folder import FolderFiles

    from infra.local import Site, security_headers

    store = FolderFiles(tmp_path / "site")
    monkeypatch.setattr(wiring, "files", lambda _name: store)
    file = tmp_path / "jakarta.pmtiles"
    file.write_bytes(world)
    assert infra.main(["basemap", "put", str(file)]) == 0
    assert "BASEMAP_PMTILES=/peta/jakarta.pmtiles" in capsys.readouterr().out

    site = Site(store, security_headers())
    status, said, body = site.answer("/peta/jakarta.pmtiles", {"range": "bytes=0-6"})
    assert (status, body) == (206, b"PMTiles")
    assert dict(said)["Content-Range"] == f"bytes 0-6/{len(world)}"
    assert dict(said)["Content-Type"] == "application/vnd.pmtiles"
    end = len(world)
    assert site.answer("/peta/jakarta.pmtiles", {"range": f"bytes={end}-{end + 5}"})[0] == 416
    assert site.answer("/peta/keduanya.pmtiles", {"range": "bytes=0-5"})[0] == 404
    assert site.answer("/peta/jakarta.pmtiles", {"range": "lines=0-5"})[2] == world
    (tmp_path / "other.pmtiles").write_bytes(b"<html>")
    assert infra.main(["basemap", "put", str(tmp_path / "other.pmtiles")]) == 1
    assert infra.main(["basemap", "put", str(tmp_path / "not there.pmtiles")]) == 1
