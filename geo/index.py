"""The compiled boundary index: how it is made from a clean coverage, written and read back.

Making it needs numpy, at build time only; reading it needs the standard library alone.
What a point's answer is, is decided in `geo.locate`, not here.

Coordinates are whole numbers of 1e-7 degrees, so no platform's floats can move a border.

Owners. 0 is outside; owner n is the n-th kelurahan of the index, counted from 1.

Edges. Every border segment is kept once, lower end first, with the owners to its left and
right when one walks up it. A point p lies left of an edge that its ray to the east crosses when
`ay <= py < by` and p is strictly left of the edge there: the half-open rule. Crossing an edge
changes the owner from `left` to `right`, so `owner(p) = base XOR left XOR right XOR ...` over
all edges crossed until a place whose owner `base` is known, whatever their order. On a valid
coverage that gives every point exactly one owner, also on vertices and shared borders.

Cells. The plane is cut into squares of `2 ** coarse` units, those that a border touches into
squares of `2 ** fine` units. A cell's value v, with k owners in all (outside counted):
    v < 32 k    no border in the cell: owner v >> 5, and v & 31 rings of fine cells between the
                cell and the next cell with a border (31 means that many or more)
    otherwise   coarse: block v - 32 k of fine cells; fine: list v - 32 k of (base, edges)
A list holds the edges of its row from the cell eastward to the first place that no edge
touches from top to bottom; `base` is the owner there.

File, little-endian: MAGIC, version, length and CRC-32 of the header, header (JSON), then the
sections one after the other, compressed, with the length and CRC-32 of each in the header.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geo.facts import Kelurahan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

UNITS = 10_000_000
"""Units in a degree: 1e-7 degrees is about a centimetre."""
RINGS = 32
RING_BITS = 5
MAGIC = b"CCTVWidx"
VERSION = 1
PREAMBLE = struct.Struct("<8sIII")
MAX_BYTES = 256 * 1024 * 1024
"""Bound on what a section may decompress to: a damaged header cannot ask for all memory."""
MAX_COARSE_CELLS = 2_000_000
FINE_BELOW_COARSE = 2
"""A coarse cell is 2 ** 2 fine cells wide."""

Ring = tuple[tuple[int, int], ...]
"""A closed ring in units, longitude first; interior on the left (shells counter-clockwise, holes
clockwise)."""


class IndexFileError(ValueError):
    """The file is not an index that this version can use; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Index:
    """A compiled index in memory, see the head of this module."""

    kelurahan: tuple[Kelurahan, ...]
    version: str
    """Short hash of the coverage: the same boundaries have the same version anywhere."""
    approximate: bool
    west: int
    south: int
    columns: int
    rows: int
    """Coarse cells from the south-west corner (`west`, `south`), in units."""
    coarse: int
    fine: int
    edges: array[int]
    """Five numbers an edge: ax, ay, bx, by relative to the corner (lower end first), left << 16 | right."""
    cells: array[int]
    blocks: array[int]
    bases: array[int]
    starts: array[int]
    members: array[int]
    """List i of a fine border cell: base `bases[i]`, edges `members[starts[i]:starts[i + 1]]`."""
    block_starts: array[int]
    block_members: array[int]
    """Every edge that touches the coarse cell of block i, level ones too."""


SECTIONS = ("edges", "cells", "blocks", "bases", "starts", "members", "block_starts", "block_members")


def segments(owner_rings: Sequence[Sequence[Ring]]) -> dict[tuple[int, int, int, int], list[int]]:
    """Every border segment of a coverage once: (ax, ay, bx, by), lower end first, to its owners [left,
    right].

    Ends at the same height go west first. `owner_rings[i]` are the rings of owner i + 1. Raises ValueError
    when two owners claim the same side of a segment: the coverage overlaps itself.
    """
    found: dict[tuple[int, int, int, int], list[int]] = {}
    for owner, rings in enumerate(owner_rings, start=1):
        for ring in rings:
            ax, ay = ring[-1]
            for bx, by in ring:
                if (ax, ay) == (bx, by):
                    continue
                up = (ay, ax) < (by, bx)
                key = (ax, ay, bx, by) if up else (bx, by, ax, ay)
                sides = found.setdefault(key, [0, 0])
                side = 0 if up else 1
                if sides[side]:
                    raise ValueError(
                        f"owners {sides[side]} and {owner} both claim one side of the segment {key} "
                        "(1e-7 degrees): the coverage overlaps; clean it first"
                    )
                sides[side] = owner
                ax, ay = bx, by
    # A segment with the same owner on both sides is a crack inside one kelurahan: no border.
    return {key: sides for key, sides in found.items() if sides[0] != sides[1]}


def coverage_version(kelurahan: Sequence[Kelurahan], owner_rings: Sequence[Sequence[Ring]]) -> str:
    """Twelve hexadecimal digits that name these boundaries: a hash of codes and rings."""
    digest = hashlib.sha256()
    for item, rings in zip(kelurahan, owner_rings, strict=True):
        digest.update(item.kode.encode())
        digest.update(json.dumps([[list(p) for p in ring] for ring in rings], separators=(",", ":")).encode())
    return digest.hexdigest()[:12]


def build(
    kelurahan: Sequence[Kelurahan],
    owner_rings: Sequence[Sequence[Ring]],
    *,
    approximate: bool = False,
    coarse: int | None = None,
) -> Index:
    """Compile an index from the rings of a clean coverage, in 1e-7 degrees.

    `coarse`: the width of a coarse cell is 2 ** coarse units; by default 91 m, or more where the area is so
    wide that there would be more than two million cells. Raises ValueError when the coverage is empty or not
    valid.
    """
    if not kelurahan or len(kelurahan) != len(owner_rings):
        raise ValueError(f"{len(kelurahan)} kelurahan with {len(owner_rings)} outlines: nothing to compile")
    if len(kelurahan) > 0xFFFF:
        raise ValueError(f"{len(kelurahan)} kelurahan: the format holds at most 65,535")
    for item, rings in zip(kelurahan, owner_rings, strict=True):
        if sum(map(_twice_area, rings)) < 0:
            raise ValueError(
                f"{item.kode}: its outline turns the wrong way, shells must go counter-clockwise"
            )
    sides = segments(owner_rings)
    order = sorted(sides)
    if not order:
        raise ValueError("the coverage has no border: every ring is empty")
    west, south = min(min(k[0], k[2]) for k in order), min(k[1] for k in order)
    width, height = max(max(k[0], k[2]) for k in order) - west, max(k[3] for k in order) - south
    if coarse is None:
        coarse = 13
        while ((width >> coarse) + 1) * ((height >> coarse) + 1) > MAX_COARSE_CELLS:
            coarse += 1
    fine = coarse - FINE_BELOW_COARSE
    # Whole coarse cells, so that a fine row or column always lies in exactly one.
    columns, rows = (width >> coarse) + 1, (height >> coarse) + 1
    edges = [
        (ax - west, ay - south, bx - west, by - south, *sides[ax, ay, bx, by]) for ax, ay, bx, by in order
    ]
    touched = _cells_touched(edges, fine)
    grid, lists = _fill(edges, touched, columns << FINE_BELOW_COARSE, rows << FINE_BELOW_COARSE, fine)
    cells, blocks, marked = _two_levels(grid, len(kelurahan) + 1)
    starts, members, bases = [0], list[int](), list[int]()
    for base, ids in lists:
        bases.append(base)
        members.extend(ids)
        starts.append(len(members))
    block_starts, block_members = [0], []
    near = _cells_touched(edges, coarse)
    for cell in marked:
        block_members.extend(near[cell // columns][cell % columns])
        block_starts.append(len(block_members))
    flat = array("i")
    for ax, ay, bx, by, left, right in edges:
        # left and right share a signed 32-bit number: the format reads it back unsigned.
        pair = left << 16 | right
        flat.extend((ax, ay, bx, by, pair - (1 << 32) if pair >= 1 << 31 else pair))
    return Index(
        tuple(kelurahan),
        coverage_version(kelurahan, owner_rings),
        approximate,
        west,
        south,
        columns,
        rows,
        coarse,
        fine,
        flat,
        _narrow(cells),
        _narrow(blocks),
        _narrow(bases),
        _narrow(starts),
        _narrow(members),
        _narrow(block_starts),
        _narrow(block_members),
    )


def _twice_area(ring: Ring) -> int:
    """Twice the signed area: positive when the ring goes counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, (*ring[1:], *ring[:1]), strict=True))


def _narrow(values: Sequence[int]) -> array[int]:
    """Two bytes a number where that is enough, else four."""
    return array("H" if max(values, default=0) <= 0xFFFF else "I", values)


def _cells_touched(edges: Sequence[tuple[int, ...]], shift: int) -> dict[int, dict[int, list[int]]]:
    """Row to column to the edges that touch the cell [X, X + size) x [Y, Y + size), exactly."""
    touched: dict[int, dict[int, list[int]]] = {}
    size = 1 << shift
    for number, (ax, ay, bx, by, _, _) in enumerate(edges):
        dx, dy = bx - ax, by - ay
        for row in range(ay >> shift, (by >> shift) + 1):
            low, high = max(ay, row * size), min(by, row * size + size)
            if dy:
                # Floor division of the exact rational abscissa: no rounding to go wrong.
                first = ax + (low - ay) * dx // dy
                last = ax + (high - ay) * dx // dy
            else:
                first, last = ax, bx
            if first > last:
                first, last = last, first
            cells = touched.setdefault(row, {})
            for column in range(first >> shift, (last >> shift) + 1):
                cells.setdefault(column, []).append(number)
    return touched


def _owner(base: int, ids: Sequence[int], edges: Sequence[tuple[int, ...]], px: int, py: int) -> int:
    """The half-open rule over `ids`, as the head of the module states it."""
    owner = base
    for number in ids:
        ax, ay, bx, by, left, right = edges[number]
        if ay <= py < by and (px - ax) * (by - ay) < (bx - ax) * (py - ay):
            owner ^= left ^ right
    return owner


def _fill(
    edges: Sequence[tuple[int, ...]],
    touched: dict[int, dict[int, list[int]]],
    columns: int,
    rows: int,
    shift: int,
) -> tuple[npt.NDArray[np.int64], list[tuple[int, tuple[int, ...]]]]:
    """Fine cells as numbers: owner where no border is, -1 - list where one is; and the lists."""
    import numpy as np

    size = 1 << shift
    grid = np.zeros((rows, columns), dtype=np.int64)
    lists: dict[tuple[int, tuple[int, ...]], int] = {}
    for row in sorted(touched):
        cells = touched[row]
        y = row * size
        base, run, east, shown = 0, set[int](), columns, set[int]()
        for column in sorted(cells, reverse=True):
            here = set(cells[column])
            if column + 1 < east or not (here & shown):
                # No edge touches the line between this cell and what lies east of it: the owner
                # there is one owner from top to bottom, and the next ray can stop at it.
                base = _owner(base, sorted(run), edges, (column + 1) * size - 1, y)
                grid[row, column + 1 : east] = base
                run.clear()
            run |= here
            ids = tuple(sorted(n for n in run if edges[n][1] < y + size and edges[n][3] > y))
            grid[row, column] = -1 - lists.setdefault((base, ids), len(lists))
            east, shown = column, here
        west_of_all = _owner(base, sorted(run), edges, -1, y)
        if west_of_all:
            raise ValueError(
                f"row {row} of the grid ends inside owner {west_of_all}: the rings do not close; "
                "clean the coverage first"
            )
    return grid, list(lists)


def _two_levels(grid: npt.NDArray[np.int64], owners: int) -> tuple[list[int], list[int], list[int]]:
    """Coarse cells, blocks of fine cells, and the coarse cells that the blocks belong to."""
    import numpy as np

    border = grid < 0
    values = np.where(border, owners * RINGS - 1 - grid, grid * RINGS + _rings(border))
    side = 1 << FINE_BELOW_COARSE
    rows, columns = grid.shape[0] // side, grid.shape[1] // side
    tiles = (
        values.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(rows * columns, side * side)
    )
    # The smallest value of a cell without a border is its owner with the fewest rings: a safe lower bound.
    cells = tiles.min(axis=1)
    marked = np.flatnonzero((tiles >= owners * RINGS).any(axis=1))
    cells[marked] = owners * RINGS + np.arange(len(marked))
    return cells.tolist(), tiles[marked].ravel().tolist(), marked.tolist()


def _rings(border: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Rings of cells between each cell and the next border cell, at most RINGS - 1; diagonals count as
    one."""
    import numpy as np

    far = RINGS - 1
    distance = np.where(border, 0, far + 1).astype(np.int16)
    for _ in range(far):
        # Along the row first, then along the column: the larger of both steps is the ring.
        np.minimum(distance[:, 1:], distance[:, :-1] + 1, out=distance[:, 1:])
        np.minimum(distance[:, :-1], distance[:, 1:] + 1, out=distance[:, :-1])
    across = distance
    result = across.copy()
    for step in range(1, far + 1):
        for shifted, target in ((across[step:], result[:-step]), (across[:-step], result[step:])):
            np.minimum(target, np.maximum(shifted, step), out=target)
    # A border cell next door leaves no whole cell between: ring 1 of the walk is 0 rings between.
    return np.clip(result - 1, 0, far).astype(np.int64)


def write(index: Index, path: Path) -> None:
    """Write `index` to `path`, complete or not at all."""
    sections, bodies = [], []
    for name in SECTIONS:
        values: array[int] = getattr(index, name)
        raw = _little_endian(values).tobytes()
        body = zlib.compress(raw, 9)
        sections.append([name, values.typecode, len(raw), len(body), zlib.crc32(body)])
        bodies.append(body)
    header = {
        "kelurahan": [list(asdict(item).values()) for item in index.kelurahan],
        "version": index.version,
        "approximate": index.approximate,
        "grid": [index.west, index.south, index.columns, index.rows, index.coarse, index.fine],
        "sections": sections,
    }
    text = zlib.compress(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode(), 9)
    data = PREAMBLE.pack(MAGIC, VERSION, len(text), zlib.crc32(text)) + text + b"".join(bodies)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def _little_endian(values: array[int]) -> array[int]:
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped


def read(path: Path) -> Index:
    """Open an index file; nothing in it is trusted before its checksum.

    Raises IndexFileError, saying what is wrong, for a file that is no index, of another version, cut short or
    damaged, and FileNotFoundError when there is none.
    """
    data = memoryview(path.read_bytes())
    again = "build it again with `python -m geo build`"
    if len(data) < PREAMBLE.size:
        raise IndexFileError(f"{path}: {len(data)} bytes are too few for a boundary index; {again}")
    magic, version, length, crc = PREAMBLE.unpack_from(data)
    if magic != MAGIC:
        raise IndexFileError(
            f"{path}: begins with {bytes(magic)!r}, not {MAGIC!r}: no boundary index; {again}"
        )
    if version != VERSION:
        raise IndexFileError(f"{path}: format version {version}, this program reads {VERSION}; {again}")
    text = data[PREAMBLE.size : PREAMBLE.size + length]
    if len(text) != length or zlib.crc32(text) != crc:
        raise IndexFileError(f"{path}: the header is cut short or damaged; {again}")
    try:
        header = json.loads(_inflate(text, MAX_BYTES))
        kelurahan = tuple(Kelurahan(*item) for item in header["kelurahan"])
        west, south, columns, rows, coarse, fine = (int(n) for n in header["grid"])
        arrays = dict(_sections(data[PREAMBLE.size + length :], header["sections"]))
        index = Index(
            kelurahan=kelurahan,
            version=str(header["version"]),
            approximate=bool(header["approximate"]),
            west=west,
            south=south,
            columns=columns,
            rows=rows,
            coarse=coarse,
            fine=fine,
            edges=arrays["edges"],
            cells=arrays["cells"],
            blocks=arrays["blocks"],
            bases=arrays["bases"],
            starts=arrays["starts"],
            members=arrays["members"],
            block_starts=arrays["block_starts"],
            block_members=arrays["block_members"],
        )
    except IndexFileError as error:
        raise IndexFileError(f"{path}: {error}; {again}") from error
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise IndexFileError(f"{path}: the header makes no sense ({error!r}); {again}") from error
    _check(index, path, again)
    return index


def _sections(data: memoryview, described: list[Any]) -> Iterator[tuple[str, array[int]]]:
    """The arrays behind the header, each checked against its length and checksum."""
    at = 0
    if [name for name, *_ in described] != list(SECTIONS):
        raise IndexFileError(f"holds the sections {[name for name, *_ in described]}, not {list(SECTIONS)}")
    for name, typecode, raw_length, length, crc in described:
        body = data[at : at + length]
        at += length
        if len(body) != length:
            raise IndexFileError(f"section {name} is cut short: {len(body)} of {length} bytes")
        if zlib.crc32(body) != crc:
            raise IndexFileError(f"section {name} is damaged: its checksum differs")
        if typecode not in {"i", "H", "I"}:
            raise IndexFileError(f"section {name} has the unknown type {typecode!r}")
        values: array[int] = array(typecode)
        raw = _inflate(body, min(raw_length, MAX_BYTES))
        if len(raw) != raw_length or raw_length % values.itemsize:
            raise IndexFileError(f"section {name} has {len(raw)} bytes, the header says {raw_length}")
        values.frombytes(raw)
        yield name, _little_endian(values)
    if at != len(data):
        raise IndexFileError(f"{len(data) - at} bytes too many at the end")


def _inflate(body: memoryview, limit: int) -> bytes:
    unpacked = zlib.decompressobj()
    raw = unpacked.decompress(body, limit + 1)
    if len(raw) > limit or not unpacked.eof:
        raise IndexFileError(
            f"a part unpacks to more than the {limit} bytes that it should have, or is cut short"
        )
    return raw


def _check(index: Index, path: Path, again: str) -> None:
    """Cheap sums that a file of the right checksums from the wrong program would miss."""
    blocks = len(index.block_starts) - 1
    lists = len(index.bases)
    consistent = (
        index.fine == index.coarse - FINE_BELOW_COARSE
        and len(index.cells) == index.columns * index.rows
        and len(index.blocks) == blocks << (2 * FINE_BELOW_COARSE)
        and len(index.starts) == lists + 1
        and len(index.edges) % 5 == 0
        and (not lists or index.starts[-1] == len(index.members))
        and (not blocks or index.block_starts[-1] == len(index.block_members))
    )
    if not consistent:
        raise IndexFileError(f"{path}: its parts do not fit together; {again}")
