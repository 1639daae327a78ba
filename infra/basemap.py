"""The basemap: cut the map of Jakarta out of a large PMTiles file, and put it where the site serves it.

Reads a file here or, in ranges, one on the web; needs only the tiles' directories and the
tiles that are wanted, so that the whole planet need not be fetched. Draws nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import urllib.error
import urllib.request
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import asinh, pi, radians, tan
from pathlib import Path
from typing import Any, BinaryIO

# The writer carries no types.
# mypy: disallow-untyped-calls=False
from pmtiles.tile import deserialize_directory, deserialize_header, zxy_to_tileid
from pmtiles.writer import Writer

HEADER_BYTES = 127
GAP = 64 * 1024
"""Bytes between two wanted tiles that are fetched along, since another request costs more."""
MOST_AT_ONCE = 8 * 1024 * 1024
DEEPEST = 3
"""Directories below directories, as the format allows them."""
MARGIN = 0.02
"""Degrees round the boundaries that belong to the map."""
ZOOM = 15
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\.pmtiles")

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees, WGS 84."""
Read = Callable[[int, int], bytes]
"""Bytes of a source, by offset and length."""
Progress = Callable[[Sequence[Any], str], Iterable[Any]]


class BasemapError(RuntimeError):
    """The map cannot be cut or put; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What was cut: how many tiles, and how many bytes of the source were read for them."""

    tiles: int
    read: int


@dataclass(frozen=True, slots=True)
class _Tile:
    id: int
    offset: int
    length: int


def tile_range(box: Box, zoom: int) -> tuple[range, range]:
    """Columns and rows of the tiles that a box touches (Web Mercator, as every web map numbers them)."""
    west, south, east, north = box
    many = 1 << zoom

    def column(longitude: float) -> int:
        return min(many - 1, max(0, int((longitude + 180) / 360 * many)))

    def row(latitude: float) -> int:
        return min(many - 1, max(0, int((1 - asinh(tan(radians(latitude))) / pi) / 2 * many)))

    return range(column(west), column(east) + 1), range(row(north), row(south) + 1)


def tile_ids(boxes: Sequence[Box], zooms: range) -> list[int]:
    """The ids of all tiles that the boxes touch, in order."""
    found = set()
    for box in boxes:
        for zoom in zooms:
            columns, rows = tile_range(box, zoom)
            found |= {zxy_to_tileid(zoom, x, y) for x in columns for y in rows}
    return sorted(found)


def cut(
    read: Read,
    target: BinaryIO,
    boxes: Sequence[Box],
    *,
    zoom: int = ZOOM,
    progress: Progress = lambda many, _what: many,
) -> Cut:
    """Write the tiles of `boxes` up to `zoom` from a PMTiles source to `target`, a file of the same kind.

    Raises BasemapError when the source is no PMTiles file of version 3, or has nothing there.
    """
    count = _Counted(read)
    beginning = count(0, HEADER_BYTES)
    try:
        header = deserialize_header(beginning)
    except Exception as error:  # the package raises its own bare exceptions
        raise BasemapError("this is no PMTiles file of version 3") from error
    if header["version"] != 3:
        raise BasemapError(f"this is a PMTiles file of version {header['version']}: version 3 is read")
    wanted = tile_ids(boxes, range(header["min_zoom"], min(zoom, header["max_zoom"]) + 1))
    root = (header["root_offset"], header["root_length"])
    tiles = list(_find(count, header["leaf_directory_offset"], wanted, root))
    if not tiles:
        raise BasemapError("the source has no tile inside these bounds")
    metadata = _metadata(count(header["metadata_offset"], header["metadata_length"]))
    writer = Writer(target)
    kept = _fetch(count, header["tile_data_offset"], tiles, progress)
    for tile in sorted(tiles, key=lambda tile: tile.id):
        writer.write_tile(tile.id, kept[(tile.offset, tile.length)])
    west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
    east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
    writer.finalize(
        {
            "tile_type": header["tile_type"],
            "tile_compression": header["tile_compression"],
            "min_lon_e7": round(west * 1e7),
            "min_lat_e7": round(south * 1e7),
            "max_lon_e7": round(east * 1e7),
            "max_lat_e7": round(north * 1e7),
            "center_zoom": min(11, zoom),
            "center_lon_e7": round((west + east) / 2 * 1e7),
            "center_lat_e7": round((south + north) / 2 * 1e7),
        },
        metadata,
    )
    return Cut(len(tiles), count.bytes)


class _Counted:
    """A source that knows how much was read, and refuses to go on when it got less than it asked for."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.bytes = 0

    def __call__(self, offset: int, length: int) -> bytes:
        data = self._read(offset, length)
        if len(data) != length:
            raise BasemapError(f"the source ends early: {len(data)} of {length} bytes at {offset}")
        self.bytes += length
        return data


def _metadata(data: bytes) -> Any:
    try:
        return json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data or b"{}")
    except (ValueError, OSError, EOFError) as error:
        raise BasemapError("the source's description of itself cannot be read") from error


def _find(
    read: Read, leaves: int, wanted: Sequence[int], directory: tuple[int, int], depth: int = 0
) -> Iterator[_Tile]:
    """Where the wanted tiles lie, from the directories that can name them."""
    data = read(*directory)
    try:
        entries = deserialize_directory(data)
    except Exception as error:  # whatever a damaged directory makes the package raise
        raise BasemapError(f"the directory at {directory[0]} of the source cannot be read") from error
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        if entry.run_length:
            first = bisect_left(wanted, entry.tile_id)
            last = bisect_left(wanted, entry.tile_id + entry.run_length)
            yield from (_Tile(each, entry.offset, entry.length) for each in wanted[first:last])
            continue
        first = bisect_left(wanted, entry.tile_id)
        last = bisect_left(wanted, following.tile_id) if following else len(wanted)
        if first < last and depth < DEEPEST:
            below = (leaves + entry.offset, entry.length)
            yield from _find(read, leaves, wanted[first:last], below, depth + 1)


def _fetch(
    read: Read, start: int, tiles: Sequence[_Tile], progress: Progress
) -> dict[tuple[int, int], bytes]:
    """The content of the tiles by where it lies: near ones in one request."""
    spots = sorted({(tile.offset, tile.length) for tile in tiles})
    groups: list[list[tuple[int, int]]] = []
    for spot in spots:
        if groups:
            begin, end = groups[-1][0][0], sum(groups[-1][-1])
            if spot[0] - end <= GAP and sum(spot) - begin <= MOST_AT_ONCE:
                groups[-1].append(spot)
                continue
        groups.append([spot])
    found = {}
    for group in progress(groups, "tiles"):
        begin, end = group[0][0], max(sum(spot) for spot in group)
        data = read(start + begin, end - begin)
        for offset, length in group:
            found[(offset, length)] = data[offset - begin : offset - begin + length]
    return found


def reader(source: str) -> Read:
    """Reads a file here by its name, or one at an http(s) address in ranges. Raises BasemapError."""
    if re.match(r"https?://", source):
        return lambda offset, length: _from_web(source, offset, length)
    path = Path(source)
    if not path.is_file():
        raise BasemapError(f"{source}: there is no such file")

    def read(offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    return read


def _from_web(url: str, offset: int, length: int) -> bytes:
    if not length:
        return b""
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-{offset + length - 1}"})  # noqa: S310 - http or https, see reader
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            if answer.status != 206:
                raise BasemapError(f"{url} does not answer in ranges: fetch the file, and name it instead")
            return bytes(answer.read(length))
    except OSError as error:
        raise BasemapError(f"{url} cannot be read: {error}") from error


def city_boxes(geo_build: Path) -> list[Box]:
    """The rectangles of the mainland and of the islands, with a margin. Raises BasemapError when not built."""
    try:
        sheets = json.loads((geo_build / "shapes.json").read_text("utf-8"))["sheets"].values()
    except (OSError, ValueError, KeyError) as error:
        raise BasemapError(
            f"{geo_build}/shapes.json cannot be read: run 'python -m geo build' first"
        ) from error
    return [
        (w - MARGIN, s - MARGIN, e + MARGIN, n + MARGIN) for w, s, e, n in (each["bounds"] for each in sheets)
    ]


def box(text: str) -> Box:
    """A box as it is typed: west,south,east,north. Raises argparse.ArgumentTypeError."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError("takes west,south,east,north in degrees") from None
    if not (-180 <= west < east <= 180 and -85 <= south < north <= 85):
        raise argparse.ArgumentTypeError("west must lie before east, and south below north, within the map")
    return west, south, east, north


def add_command(commands: Any) -> None:
    """`basemap cut` and `basemap put`."""
    basemap = commands.add_parser("basemap", help="cut a PMTiles basemap, and put it on the site")
    deeds = basemap.add_subparsers(dest="deed", required=True)
    cutting = deeds.add_parser("cut", help="cut Jakarta out of a PMTiles file, here or on the web")
    cutting.add_argument("source", help="a file, or an http(s) address that answers in ranges")
    cutting.add_argument("target", type=Path, help="the file to write, such as jakarta.pmtiles")
    cutting.add_argument("--bounds", type=box, help="west,south,east,north in place of the boundaries' own")
    cutting.add_argument(
        "--zoom", type=int, default=ZOOM, choices=range(1, 17), help="deepest zoom, default 15"
    )
    putting = deeds.add_parser("put", help="put a file where the site serves it, under /peta/")
    putting.add_argument("file", type=Path)


def main(asked: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    try:
        print(_cut_to_file(asked) if asked.deed == "cut" else _put(asked.file))
    except BasemapError as error:
        print(f"basemap: {error}", file=sys.stderr)
        return 1
    return 0


def _cut_to_file(asked: argparse.Namespace) -> str:
    import geo
    from infra.following import progress

    boxes = [asked.bounds] if asked.bounds else city_boxes(geo.build_folder())
    # Under another name until it is whole: half a map is never taken for one.
    fresh = asked.target.with_name(f"{asked.target.name}.new")
    try:
        with fresh.open("wb") as file:
            done = cut(reader(asked.source), file, boxes, zoom=asked.zoom, progress=progress)
        fresh.replace(asked.target)
    finally:
        fresh.unlink(missing_ok=True)
    size = asked.target.stat().st_size
    return f"{asked.target}: {done.tiles} tiles, {size / 1e6:.1f} MB; {done.read / 1e6:.1f} MB of the source were read"


def _put(file: Path) -> str:
    from chalicelib import wiring

    if not NAME.fullmatch(file.name):
        raise BasemapError(f"{file.name}: a name such as jakarta.pmtiles is needed, of A-Z a-z 0-9 _ -")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BasemapError(f"{file} cannot be read: {error.strerror}") from error
    if data[:8] != b"PMTiles\x03":
        raise BasemapError(f"{file} is no PMTiles file of version 3")
    wiring.files("site").put(f"peta/{file.name}", data)
    return f"put; set BASEMAP_PMTILES=/peta/{file.name} and BASEMAP_ATTRIBUTION, and start again"
