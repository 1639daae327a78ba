"""`python -m infra import`: reports from CSV, XLSX, GeoJSON or another server's Open311, each once.

Reads files and shows how far it is; what becomes of a row is decided in
chalicelib/channels/bulk.py. Interrupted, it is simply started again.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from chalicelib import settings, wiring
from chalicelib.channels import bulk, fetch
from chalicelib.channels.bulk import Importer, MappingError, Plan, Row, RowRefused
from chalicelib.front.operation import Parts
from chalicelib.front.problems import Refused
from chalicelib.storage.table import Key, Put

CHUNK = 500
OVERLAP = timedelta(hours=1)
"""An incremental import begins so long before the last one ended: clocks differ."""
PREVIEWED = 5
PHOTO_SECONDS = 20
Columns = Mapping[str, Any]


class FileError(ValueError):
    """A file cannot be read as what its name says; the message says why."""


@dataclass
class Left:
    """The rows that were not taken, in a CSV file that is made when there is a first one."""

    path: Path
    count: int = 0
    _file: TextIO | None = None
    _writer: Any = None

    def add(self, number: int | str, row_id: str, reason: str, columns: Columns) -> None:
        """Keep a row with the reason."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(["row", "id", "reason", "columns"])
        self._writer.writerow(
            [number, row_id, reason, json.dumps(dict(columns), ensure_ascii=False, default=str)]
        )
        self.count += 1

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()


@dataclass
class Summary:
    """What became of all rows."""

    outcomes: Counter[str] = field(default_factory=Counter)
    previews: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{self.outcomes[name]} {name}" for name in ("new", "changed", "same", "refused"))


def add_command(commands: Any) -> None:
    """The arguments of `import`."""
    command = commands.add_parser("import", help="take reports from a file or another server, each once")
    command.add_argument("file", nargs="?", type=Path, help="a .csv, .xlsx, .geojson or .json file")
    command.add_argument(
        "--open311", metavar="URL", help="another server's Open311, such as https://…/open311/v2/"
    )
    command.add_argument("--mapping", type=Path, help="TOML file: which column is which field")
    command.add_argument(
        "--source", default="", help="short name of the other system, when there is no mapping"
    )
    command.add_argument("--since", default="", help="with --open311 for the first time: a day, yyyy-mm-dd")
    command.add_argument(
        "--dry-run", action="store_true", help="write nothing; say what would become of the rows"
    )
    command.add_argument("--photos", action="store_true", help="fetch the photos, too")
    command.add_argument("--rejects", type=Path, help="where rows go that cannot be taken")


def main(asked: argparse.Namespace, chosen: settings.Settings) -> int:
    """Run the command: 0 when everything was taken, 1 when rows were left, 2 when it could not begin."""
    if (asked.file is None) == (asked.open311 is None):
        print("import: name either a file or --open311 URL", file=sys.stderr)
        return 2
    try:
        plan = _plan(asked)
        parts = _quick(wiring.parts(), chosen)
        importer = made(parts, plan, private=chosen.fetch_private, photos=asked.photos)
        try:
            if asked.open311:
                return from_server(importer, plan, asked, wiring.now())
            return from_file(importer, plan, asked)
        finally:
            parts.door.table.close()
    except (MappingError, FileError, OSError) as error:
        print(f"import: {error}", file=sys.stderr)
        return 2


def _quick(parts: Parts, chosen: settings.Settings) -> Parts:
    """The same parts with a table that does not wait for the disk: what a power cut takes is imported again."""
    if chosen.engine != "sqlite":
        return parts
    from chalicelib.storage.sqlite import SQLiteTable

    table = SQLiteTable(chosen.data_path / "table.sqlite3", repeatable=True)
    return replace(parts, door=replace(parts.door, table=table))


def made(parts: Parts, plan: Plan, *, private: bool, photos: bool) -> Importer:
    """The importer of a plan."""

    def fetched(url: str) -> bytes:
        try:
            got = fetch.fetch(
                url, max_bytes=parts.door.max_photo_bytes, seconds=PHOTO_SECONDS, private=private
            )
        except fetch.FetchError as error:
            raise RowRefused(f"the photo at {url} cannot be had: {error}") from None
        if got.status != 200 or not got.content_type.startswith("image/"):
            raise RowRefused(f"at {url} there is no photo: {got.status} {got.content_type}")
        return got.body

    return Importer(parts.door, parts.categories, plan.source, plan.office, fetched if photos else None)


def _plan(asked: argparse.Namespace) -> Plan:
    if asked.mapping:
        return bulk.read_mapping(asked.mapping.read_text("utf-8"))
    if not asked.source:
        raise MappingError('name the other system: --source NAME, or a --mapping file with source = "NAME"')
    return bulk.read_mapping(f"source = {json.dumps(asked.source)}")


# Files.


def from_file(importer: Importer, plan: Plan, asked: argparse.Namespace) -> int:
    """Import a file."""
    left = Left(asked.rejects or asked.file.with_name(f"{asked.file.name}.rejects.csv"))
    summary = Summary()
    total = count(asked.file)
    try:
        for chunk in _chunks(_watched(rows(asked.file), total)):
            take(importer, plan, chunk, left, summary, dry=asked.dry_run)
    finally:
        left.close()
    return _told(summary, left, dry=asked.dry_run)


def take(
    importer: Importer,
    plan: Plan,
    chunk: list[tuple[int, Columns]],
    left: Left,
    summary: Summary,
    *,
    dry: bool,
) -> None:
    """Import some rows of a file, or say what would become of them."""
    found: list[Row] = []
    where: dict[int, tuple[int, Columns]] = {}
    for number, columns in chunk:
        try:
            row = bulk.read_row(plan, columns)
        except RowRefused as refused:
            summary.outcomes["refused"] += 1
            left.add(number, str(columns.get(plan.fields.get("id", "id"), "")), str(refused), columns)
            continue
        found.append(row)
        where[id(row)] = (number, columns)
    for row, outcome, reason in _previewed(importer, found, summary) if dry else importer.take(found):
        summary.outcomes[outcome] += 1
        if outcome == "refused":
            number, columns = where[id(row)]
            left.add(number, row.id, reason, columns)


def _previewed(importer: Importer, found: list[Row], summary: Summary) -> Iterator[tuple[Row, str, str]]:
    for row in found:
        try:
            words = importer.preview(row)
        except RowRefused as refused:
            yield row, "refused", str(refused)
        except Refused as refused:
            yield row, "refused", "; ".join(f"{p.field}: {p.message('en')}" for p in refused.problems)
        else:
            if len(summary.previews) < PREVIEWED:
                summary.previews.append(f"{row.id}: {words}")
            yield row, "same" if words == "known" else "new", ""


def rows(path: Path) -> Iterator[tuple[int, Columns]]:
    """(number, columns) of each row of a file; numbers as a person counts them there. Raises FileError."""
    readers: Mapping[str, Callable[[Path], Iterator[tuple[int, Columns]]]] = {
        ".csv": _csv_rows,
        ".tsv": _csv_rows,
        ".xlsx": _xlsx_rows,
        ".geojson": _geojson_rows,
        ".json": _geojson_rows,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise FileError(f"{path.name}: only {', '.join(readers)} are read")
    return reader(path)


def count(path: Path) -> int | None:
    """About how many rows a file has, for the progress bar; None when that is not cheap to know."""
    if path.suffix.lower() not in {".csv", ".tsv"}:
        return None
    with path.open("rb") as file:
        return max(sum(1 for _ in file) - 1, 0)


def _csv_rows(path: Path) -> Iterator[tuple[int, Columns]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            head = file.read(65_536)
            dialect: Any = csv.Sniffer().sniff(head, ",;\t") if head.strip() else csv.excel
        except csv.Error:
            dialect = csv.excel
        except UnicodeDecodeError as error:
            raise FileError(f"{path.name} is not in UTF-8: {error}") from error
        file.seek(0)
        reader = csv.DictReader(file, dialect=dialect)
        if not reader.fieldnames:
            raise FileError(f"{path.name} has no line with the names of columns")
        try:
            for columns in reader:
                yield (
                    reader.line_num,
                    {str(name): value for name, value in columns.items() if name is not None},
                )
        except (csv.Error, UnicodeDecodeError) as error:
            raise FileError(f"{path.name}, about line {reader.line_num}: {error}") from error


def _xlsx_rows(path: Path) -> Iterator[tuple[int, Columns]]:
    import zipfile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise FileError(f"{path.name} cannot be read as XLSX ({type(error).__name__})") from error
    try:
        sheet = book.worksheets[0].iter_rows(values_only=True)
        names = [str(name).strip() if name is not None else "" for name in next(sheet, ())]
        if not any(names):
            raise FileError(f"{path.name} has no first row with the names of columns")
        for number, cells in enumerate(sheet, start=2):
            if any(cell is not None for cell in cells):
                yield number, {name: _cell(cell) for name, cell in zip(names, cells, strict=False) if name}
    finally:
        book.close()


def _cell(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _geojson_rows(path: Path) -> Iterator[tuple[int, Columns]]:
    try:
        found = json.loads(path.read_bytes())
        features = found["features"]
        for number, feature in enumerate(features, start=1):
            columns = dict(feature.get("properties") or {})
            columns.setdefault("id", feature.get("id"))
            geometry = feature.get("geometry") or {}
            if geometry.get("type") == "Point":
                columns["longitude"], columns["latitude"] = geometry["coordinates"][:2]
            yield number, columns
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(
            f"{path.name} is no GeoJSON FeatureCollection of points ({type(error).__name__})"
        ) from error


# Another server.


def from_server(importer: Importer, plan: Plan, asked: argparse.Namespace, now: datetime) -> int:
    """Import what another server's Open311 has that is new since the last time."""
    from infra.open311_client import Server, ServerError

    server = Server(asked.open311, plan)
    table = importer.door.table
    position = Key(f"import#{plan.source}", "position")
    kept = table.get(position)
    if asked.since:
        try:
            start = datetime.fromisoformat(asked.since).replace(tzinfo=UTC)
        except ValueError:
            raise FileError(f"--since {asked.since}: write a day as yyyy-mm-dd") from None
    elif kept:
        start = datetime.fromisoformat(kept.body["until"]) - OVERLAP
    else:
        start = now - timedelta(days=90)
    left = Left(asked.rejects or Path(f"{plan.source}.rejects.csv"))
    summary = Summary()
    try:
        for found in _watched(server.rows(start, now), None):
            known = _completed(server, importer, found)
            outcomes = _previewed(importer, known, summary) if asked.dry_run else importer.take(known)
            for row, outcome, reason in outcomes:
                summary.outcomes[outcome] += 1
                if outcome == "refused":
                    left.add("", row.id, reason, dict(row.raw or {}))
    except ServerError as error:
        print(f"import: {error}; what was taken stays, and the next time goes on", file=sys.stderr)
        print(summary)
        return 2
    finally:
        left.close()
    if not asked.dry_run:
        table.transact([Put(position, {"until": now.isoformat()})])
    return _told(summary, left, dry=asked.dry_run)


def _completed(server: Any, importer: Importer, found: list[Row]) -> list[Row]:
    """Rows of which only updates are known get their report from the server, unless it is here already."""
    whole: list[Row] = []
    known = importer.known(found)
    for row in found:
        if row.raw is None and row.id not in known and (asked := server.request(row.id)):
            whole.append(replace(asked, steps=row.steps))
        else:
            whole.append(row)
    return whole


# What is shown.


def _watched(many: Iterable[Any], total: int | None) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(many, desc="import", unit="", total=total, file=sys.stderr, disable=not sys.stderr.isatty())


def _chunks(many: Iterable[tuple[int, Columns]]) -> Iterator[list[tuple[int, Columns]]]:
    chunk: list[tuple[int, Columns]] = []
    for each in many:
        chunk.append(each)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _told(summary: Summary, left: Left, *, dry: bool) -> int:
    for line in summary.previews:
        print(line)
    print(f"{'would be: ' if dry else ''}{summary}")
    if left.count:
        print(f"{left.count} rows were left; {left.path} says why")
    return 1 if left.count else 0
