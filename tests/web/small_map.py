"""A small PMTiles file of vector tiles round Jakarta, made here: two roads each way in every tile."""

from __future__ import annotations

import gzip
import io

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from infra.basemap import Box, tile_range

JAKARTA: Box = (106.6, -6.5, 107.2, -5.9)


def number(n: int) -> bytes:
    """A number as protocol buffers write it."""
    low, rest = n & 127, n >> 7
    return bytes([low | 128]) + number(rest) if rest else bytes([low])


def field(name: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return number(name << 3) + number(content)
    return number(name << 3 | 2) + number(len(content)) + content


def zigzag(n: int) -> int:
    return n * 2 if n >= 0 else -n * 2 - 1


def road(start: tuple[int, int], end: tuple[int, int]) -> bytes:
    """A line in a tile of 4096 units (Mapbox Vector Tile 2.1): move to its start, one step to its end."""
    steps = [9, zigzag(start[0]), zigzag(start[1]), 10, zigzag(end[0] - start[0]), zigzag(end[1] - start[1])]
    geometry = b"".join(map(number, steps))
    return field(2, field(2, number(0) + number(0)) + field(3, 2) + field(4, geometry))


def tile() -> bytes:
    across = [road((0, at), (4096, at)) for at in (1000, 3000)]
    along = [road((at, 0), (at, 4096)) for at in (1000, 3000)]
    words = field(3, b"kind") + field(4, field(1, b"major_road"))
    layer = field(15, 2) + field(1, b"roads") + b"".join([*across, *along]) + words + field(5, 4096)
    return gzip.compress(field(3, layer), mtime=0)


def small_map(deepest: int = 12) -> bytes:
    """The whole file."""
    target = io.BytesIO()
    writer = Writer(target)
    same = tile()
    ids = {
        zxy_to_tileid(zoom, x, y)
        for zoom in range(deepest + 1)
        for columns, rows in [tile_range(JAKARTA, zoom)]
        for x in columns
        for y in rows
    }
    for each in sorted(ids):
        writer.write_tile(each, same)
    west, south, east, north = (round(degrees * 1e7) for degrees in JAKARTA)
    corners = {"min_lon_e7": west, "min_lat_e7": south, "max_lon_e7": east, "max_lat_e7": north}
    middle = {"center_zoom": 11, "center_lon_e7": (west + east) // 2, "center_lat_e7": (south + north) // 2}
    writer.finalize(
        {"tile_type": TileType.MVT, "tile_compression": Compression.GZIP, **corners, **middle}, {}
    )
    return target.getvalue()
