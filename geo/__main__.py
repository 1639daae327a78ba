"""The command line of boundaries: fetch, build, locate, diff. `python -m geo --help` explains each.

Answers go to standard output, everything else (progress, notices) to standard error.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from geo import fetch
from geo.facts import Kelurahan, read_facts
from geo.fetch import ROOT, FetchError, Obtained, Pin, Settings
from geo.locate import Locator
from geo.recipe import is_current, recipe
from geo.table import delimiter_of, find_columns, place_rows

if TYPE_CHECKING:
    from geo.coverage import Coverage, Source

BAD_LINES_SHOWN = 20
CHANGES_SHOWN = 10


def main(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ, root: Path = ROOT
) -> int:
    """Run one command; 0 when it went well, 1 with a message on standard error when not."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(environ, root)
        return int(options.run(options, settings))
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing is left to flush to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, FetchError) as error:
        # ValueError covers BoundaryError, IndexFileError and TableError: each says what to do.
        print(f"geo {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"geo {options.command}: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m geo", description="Boundaries of Jakarta's kelurahan.")
    commands = parser.add_subparsers(dest="command", required=True)

    one = commands.add_parser(
        "fetch", help="obtain boundaries: the nearest source, else the verified download"
    )
    one.add_argument(
        "--offline", action="store_true", help="never try the network (or set BOUNDARIES_OFFLINE=1)"
    )
    one.add_argument("--quiet", action="store_true", help="say nothing when boundaries are at hand")
    one.set_defaults(run=_fetch)

    one = commands.add_parser("build", help="clean and compile what fetch obtained; uses no network")
    one.add_argument("--if-needed", action="store_true", help="do nothing when the build folder is current")
    one.set_defaults(run=_build)

    one = commands.add_parser("locate", help="which kelurahan a point, or every row of a CSV file, lies in")
    one.add_argument("longitude", nargs="?", type=float, help="degrees, WGS 84")
    one.add_argument("latitude", nargs="?", type=float, help="degrees, WGS 84")
    one.add_argument(
        "--accuracy", type=float, metavar="M", help="radius of the doubt around the point, in metres"
    )
    one.add_argument("--csv", metavar="FILE", help="place every row of FILE (- for standard input)")
    one.add_argument("--output", metavar="FILE", help="where the CSV goes (default: standard output)")
    one.add_argument("--longitude", dest="longitude_column", metavar="NAME", help="column of the longitude")
    one.add_argument("--latitude", dest="latitude_column", metavar="NAME", help="column of the latitude")
    one.add_argument("--accuracy-column", metavar="NAME", help="column of the accuracy in metres")
    one.set_defaults(run=_locate)

    one = commands.add_parser("diff", help="what changes between two boundaries")
    one.add_argument(
        "old", help="an index file, a build folder, a GeoJSON file, an SQL dump or a folder of dumps"
    )
    one.add_argument("new", help="the same")
    one.add_argument("--points", metavar="CSV", help="also say which rows of CSV would change hands")
    one.add_argument("--longitude", dest="longitude_column", metavar="NAME", help="column of the longitude")
    one.add_argument("--latitude", dest="latitude_column", metavar="NAME", help="column of the latitude")
    one.set_defaults(run=_diff)
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _download(settings: Settings, pin: Pin) -> Obtained:
    """The download with a bar: bytes arrived, shown only on a terminal."""
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, desc="boundaries", file=sys.stderr, disable=None) as bar:
        return fetch.download(settings, pin, advance=bar.update)


def _fetch(options: argparse.Namespace, settings: Settings) -> int:
    if options.offline:
        settings = replace(settings, offline=True)
    found = fetch.obtain(settings, say=_say, fetch=_download)
    if not options.quiet or found.approximate:
        print(f"{found.kind}: {', '.join(str(p) for p in found.paths)}")
    return 0


def _build(options: argparse.Namespace, settings: Settings) -> int:
    found = fetch.nearest(settings) or fetch.centroids()
    made_by = recipe([found.kind, found.attribution, settings.code_field, settings.name_field])
    if options.if_needed and is_current(settings.build, found.checksums(), made_by):
        return 0

    from tqdm import tqdm

    from geo import compile as compiler
    from geo import coverage

    if found.approximate:
        _say(
            "No boundaries on this machine: centroids stand in, approximately. "
            "`python -m geo fetch` obtains them."
        )
    facts = read_facts()
    with tqdm(total=3, desc="read", file=sys.stderr, disable=None) as bar:
        source = coverage.stand_in(facts) if found.approximate else _read(found, settings)
        bar.update()
        bar.set_description("clean")
        cleaned = coverage.clean(replace(source, attribution=found.attribution), facts)
        bar.update()
        bar.set_description("compile")
        manifest = compiler.compile_all(cleaned, settings.build, found.checksums(), made_by)
        bar.update()
    _report(cleaned, manifest["version"], settings.build)
    return 0


def _read(found: Obtained, settings: Settings) -> Source:
    from geo import coverage

    # Only a file of one's own has fields of one's own.
    if found.kind == "file":
        return coverage.read(found.paths, code_field=settings.code_field, name_field=settings.name_field)
    return coverage.read(found.paths)


def _report(cleaned: Coverage, version: str, folder: Path) -> None:
    repair = cleaned.repair
    print(f"{len(cleaned.kelurahan)} kelurahan from {cleaned.source}, boundaries version {version}")
    if cleaned.approximate:
        print("APPROXIMATE: made of centroids, not of boundaries")
    print(f"overlaps repaired: {repair.overlaps}, {repair.overlap_m2 / 1e6:.3f} km2")
    print(f"gaps filled: {repair.slivers}, {repair.sliver_m2 / 1e6:.3f} km2")
    if repair.invalid:
        print(f"made valid first: {', '.join(repair.invalid)}")
    print(f"largest changes of area (all in {folder / 'repairs.csv'}):")
    for kode, before, after, change in repair.changes()[:CHANGES_SHOWN]:
        print(f"  {kode}  {before:13,.0f} m2 -> {after:13,.0f} m2  {change:+.3f} %")
    print(f"written to {folder}")


def _locate(options: argparse.Namespace, settings: Settings) -> int:
    if (options.csv is None) == (options.longitude is None or options.latitude is None):
        raise ValueError("give LONGITUDE LATITUDE, or --csv FILE")
    locator = _open(settings.build)
    if locator.approximate:
        _say("Boundaries are approximate: centroids stand in.")
    if options.csv is None:
        place = locator.locate(options.longitude, options.latitude, options.accuracy)
        print(json.dumps({**asdict(place), "boundaries": locator.version}, ensure_ascii=False))
        return 0
    if (
        options.output
        and options.csv != "-"
        and Path(options.output).resolve() == Path(options.csv).resolve()
    ):
        raise ValueError(f"--output {options.output} is the file that is read; name another")
    with _opened(options.csv) as lines, _written(options.output) as output:
        shown = 0

        def bad(line: int, reason: str) -> None:
            nonlocal shown
            shown += 1
            if shown <= BAD_LINES_SHOWN:
                _say(f"line {line}: {reason}")

        tally = place_rows(
            lines,
            output,
            locator.locate,
            longitude=options.longitude_column,
            latitude=options.latitude_column,
            accuracy=options.accuracy_column,
            bad=bad,
        )
    if shown > BAD_LINES_SHOWN:
        _say(f"and {shown - BAD_LINES_SHOWN} more; each says why in its column reason")
    _say(
        f"{tally.rows} rows: {tally.rows - tally.bad - tally.outside} placed, "
        f"{tally.outside} outside, {tally.bad} bad"
    )
    return 0


class _opened:  # noqa: N801 - reads as what it does: with _opened(file) as lines
    """Lines of a file with a bar of the bytes read; bytes that are no UTF-8 pass through unharmed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Iterator[str]:
        from tqdm import tqdm

        if self.name == "-":
            # Standard input is bytes to us, and stays open for whoever owns it.
            self.file: TextIO = TextIOWrapper(
                sys.stdin.buffer, encoding="utf-8-sig", errors="surrogateescape", newline=""
            )
            size = None
        else:
            self.file = Path(self.name).open(encoding="utf-8-sig", errors="surrogateescape", newline="")
            size = Path(self.name).stat().st_size
        self.bar = tqdm(total=size, unit="B", unit_scale=True, desc="rows", file=sys.stderr, disable=None)
        return self._lines()

    def _lines(self) -> Iterator[str]:
        for line in self.file:
            self.bar.update(len(line.encode("utf-8", "surrogateescape")))
            yield line

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        if isinstance(self.file, TextIOWrapper) and self.name == "-":
            self.file.detach()
        else:
            self.file.close()


class _written:  # noqa: N801
    """Where the table goes. A file appears complete or not at all."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def __enter__(self) -> TextIO:
        if self.name is None:
            self.file: TextIO = sys.stdout
            if hasattr(sys.stdout, "reconfigure"):
                sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        else:
            self.part = Path(self.name + ".part")
            self.file = self.part.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        return self.file

    def __exit__(self, kind: object, *_: object) -> None:
        if self.name is None:
            self.file.flush()
            return
        self.file.close()
        if kind is None:
            self.part.replace(self.name)
        else:
            self.part.unlink(missing_ok=True)


def _open(folder: Path) -> Locator:
    path = folder / "kelurahan.index"
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: nothing is built yet; run `python -m geo fetch`, then `python -m geo build`"
        )
    return Locator.open(path)


def _diff(options: argparse.Namespace, settings: Settings) -> int:
    from geo.compare import compare, moving

    old, new = (_boundaries(Path(name), settings) for name in (options.old, options.new))
    found = compare(old, new)
    names = {**old.by_kode, **new.by_kode}
    print(f"{found.old_version} -> {found.new_version}")
    for title, codes in (("appeared", found.appeared), ("disappeared", found.disappeared)):
        print(f"{title}: {len(codes)}")
        for code in codes:
            print(f"  {_named(code, names)}")
    print(f"changed: {len(found.changed)}")
    for code, before, after in found.changed:
        print(f"  {_named(code, names)}  {before:,.0f} m2 -> {after:,.0f} m2")
    print(f"ground that changes hands: {sum(row[2] for row in found.moved) / 1e6:.4f} km2")
    for was, becomes, area in found.moved:
        print(f"  {was} -> {becomes}  {area:,.0f} m2")
    if options.points:
        with _opened(options.points) as lines:
            rows, points = [], []
            for line, longitude, latitude in _points(lines, options):
                rows.append(line)
                points.append((longitude, latitude))
        moves = list(moving(old, new, points))
        print(f"points that move: {len(moves)} of {len(points)}")
        for number, before_code, after_code in moves:
            print(f"  line {rows[number]}: {before_code or '-'} -> {after_code or '-'}")
    return 0


def _named(code: str, names: Mapping[str, Kelurahan]) -> str:
    item = names.get(code)
    return f"{code} {item.kelurahan}" if item else code


def _points(lines: Iterator[str], options: argparse.Namespace) -> Iterator[tuple[int, float, float]]:
    """Line, longitude and latitude of every row that has them; the others are named on standard error."""
    first = next(lines, "")
    delimiter = delimiter_of(first)
    header = next(csv.reader([first], delimiter=delimiter), [])
    columns = find_columns(header, options.longitude_column, options.latitude_column)
    reader = csv.reader(lines, delimiter=delimiter)
    for row in reader:
        try:
            yield reader.line_num + 1, float(row[columns.longitude]), float(row[columns.latitude])
        except (ValueError, IndexError) as error:
            _say(f"line {reader.line_num + 1}: left out, {error}")


def _boundaries(path: Path, settings: Settings) -> Locator:
    """A locator over an index file, a build folder or a source."""
    if path.is_dir() and (path / "kelurahan.index").is_file():
        return Locator.open(path / "kelurahan.index")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_file() and path.suffix.lower() not in {".sql", ".json", ".geojson"}:
        return Locator.open(path)
    from geo import coverage, index

    source = coverage.read([path], code_field=settings.code_field, name_field=settings.name_field)
    known = read_facts()
    # New boundaries may have kelurahan that the facts do not know yet: that is what diff is for.
    facts = {
        code: known.get(code) or Kelurahan(code, name, "", "", 0.0, 0.0, "") for code, name, _ in source.areas
    }
    cleaned = coverage.clean(source, facts)
    return Locator(index.build(cleaned.kelurahan, cleaned.rings()))


if __name__ == "__main__":
    sys.exit(main())
