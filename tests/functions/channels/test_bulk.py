"""Importing: every row becomes one report or is left with a reason, and doing it twice changes nothing."""

from __future__ import annotations

import argparse
import csv
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from chalicelib import intake, lifecycle, records
from chalicelib.channels import bulk
from chalicelib.front.operation import Parts
from chalicelib.report import broken_at
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from hypothesis import given
from hypothesis import strategies as st

from infra import importing
from infra.open311_client import Server, ServerError
from tests.functions.channels.conftest import Caller, Photos
from tests.functions.channels.test_open311 import move
from tests.functions.conftest import CIDENG, GAMBIR, Clock, Dice, TwoKelurahan

MAPPING = """
source = "crm"
office = "CRM lama"
utc_offset = "+07:00"
[fields]
id = "tiket"
category = "jenis"
description = "uraian"
latitude = "lintang"
longitude = "bujur"
created = "masuk"
updated = "berubah"
state = "status"
text = "catatan"
[categories]
"Jalan Berlubang" = "jalan"
[states]
SELESAI = "done"
PROSES = "in_progress"
BARU = "waiting"
TOLAK = "rejected"
[reasons]
"bukan kewenangan" = "outside_authority"
[defaults]
language = "id"
"""
HEAD = ["tiket", "jenis", "uraian", "lintang", "bujur", "masuk", "berubah", "status", "catatan"]
ROWS = [
    ["A-1", "Jalan Berlubang", "Lubang di depan toko.", "-6.17", "106.83", "2026-03-01 08:00", "", "BARU", ""],
    ["A-2", "jalan", "Lubang lagi.", "-6.17", "106,81", "2026-03-02T08:00:00+07:00", "2026-03-05", "SELESAI", "Beres."],
    ["A-3", "sampah", "Sampah menumpuk.", "-6.16", "106.83", "2026-03-03", "2026-03-04 10:00", "PROSES", ""],
]  # fmt: skip


def write(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([HEAD, *rows])
    return path


@dataclass
class Office:
    """An operator at a terminal: imports files, sees what was printed and what was left."""

    parts: Parts
    folder: Path
    plan: bulk.Plan

    def take(self, path: Path, **changes: Any) -> int:
        asked = {"file": path, "rejects": None, "dry_run": False}
        importer = importing.made(self.parts, self.plan, private=True, photos=changes.pop("photos", False))
        return importing.from_file(importer, self.plan, argparse.Namespace(**{**asked, **changes}))

    def left(self, path: Path) -> list[dict[str, str]]:
        found = path.with_name(f"{path.name}.rejects.csv")
        if not found.exists():
            return []
        with found.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def report(self, row_id: str) -> Any:
        (report_id,) = self.importer().known([bulk.Row(row_id, None, None)]).values()
        found = records.load(self.parts.door.table, report_id)
        assert found is not None
        return found[0]

    def importer(self) -> bulk.Importer:
        return importing.made(self.parts, self.plan, private=True, photos=False)


@pytest.fixture
def office(parts: Parts, tmp_path: Path) -> Office:
    return Office(parts, tmp_path, bulk.read_mapping(MAPPING))


def content(table: SQLiteTable) -> list[Any]:
    """Everything that says something of reports."""
    ids = records.requested(table, ["all"], "2026-01-01", "2028-01-01", most=1000)
    return [
        [(item.key, item.version) for item in records.every(table, f"report#{report_id}")]
        for report_id in sorted(ids)
    ]


def test_rows_become_reports_with_their_dates_and_states(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str], parts: Parts
):
    assert office.take(write(tmp_path / "lama.csv", ROWS)) == 0
    assert "3 new, 0 changed, 0 same, 0 refused" in capsys.readouterr().out
    first, second, third = (office.report(f"A-{n}") for n in (1, 2, 3))
    assert (first.state, first.created, first.channel) == ("waiting", "2026-03-01T01:00:00.000Z", "bulk")
    assert (first.place.kode, second.place.kode, third.state) == (GAMBIR, CIDENG, "in_progress")
    assert (second.state, second.closed) == ("done", "2026-03-04T17:00:00.000Z")
    history = records.history(parts.door.table, second.id)
    assert broken_at(history) is None
    assert [event.kind for event in history] == ["received", "moved"]
    assert [event.imported for event in history] == ["2026-11-23T02:00:00.000Z"] * 2, "marked as imported"
    assert history[1].words["text"].text == "Beres."
    assert history[1].office is not None
    assert history[1].office.name == "CRM lama"
    assert records.counts(parts.door.table)[CIDENG] == {"done": 1}


def test_the_second_time_nothing_changes(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: SQLiteTable
):
    path = write(tmp_path / "lama.csv", ROWS)
    office.take(path)
    before = content(table)
    capsys.readouterr()
    assert office.take(path) == 0
    assert "0 new, 0 changed, 3 same, 0 refused" in capsys.readouterr().out
    assert content(table) == before


def test_what_changed_there_changes_here_once(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str], parts: Parts
):
    office.take(write(tmp_path / "lama.csv", ROWS))
    later = [[*ROWS[0][:6], "2026-04-01 09:00", "SELESAI", "Ditambal."], *ROWS[1:]]
    path = write(tmp_path / "baru.csv", later)
    capsys.readouterr()
    for expected in ("0 new, 1 changed, 2 same", "0 new, 0 changed, 3 same"):
        assert office.take(path) == 0
        assert expected in capsys.readouterr().out
    it = office.report("A-1")
    assert (it.state, it.closed) == ("done", "2026-04-01T02:00:00.000Z")


def test_an_import_that_was_interrupted_goes_on_where_it_was(
    office: Office, tmp_path: Path, table: SQLiteTable, monkeypatch: pytest.MonkeyPatch
):
    path = write(tmp_path / "lama.csv", ROWS)
    transact, left = table.transact, 3

    def failing(writes: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        transact(writes)

    with monkeypatch.context() as patched:
        patched.setattr(table, "transact", failing)
        with pytest.raises(KeyboardInterrupt):
            office.take(path)
    assert len(content(table)) == 2
    assert office.take(path) == 0
    assert [office.report(f"A-{n}").state for n in (1, 2, 3)] == ["waiting", "done", "in_progress"]
    assert len(content(table)) == 3


def test_two_imports_at_once_take_each_row_once(office: Office, tmp_path: Path, table: SQLiteTable):
    path = write(tmp_path / "lama.csv", [[f"B-{n}", *ROWS[1][1:]] for n in range(20)])
    start = threading.Barrier(3)

    def run() -> None:
        start.wait()
        office.take(path)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = content(table)
    assert len(found) == 20
    assert office.left(path) == []
    assert all(len([k for k, _ in items if k.sort.startswith("event#")]) == 2 for items in found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tiket": ""}, "no id"),
        ({"jenis": "Macan"}, "not one of the choices"),
        ({"uraian": ""}, "missing"),
        ({"lintang": "utara"}, "not a number"),
        ({"lintang": "-6.9", "bujur": "107.6"}, "outside Jakarta"),
        ({"masuk": "kemarin"}, "created is 'kemarin'"),
        ({"masuk": ""}, "created is missing"),
        ({"masuk": "2030-01-01"}, "in the past"),
        ({"status": "HILANG"}, "[states] must name it"),
        ({"status": "SELESAI", "berubah": "2030-01-01"}, "lies in the future"),
        ({"status": "duplicate", "berubah": "2026-03-04"}, "duplicate of ''"),
    ],
)
def test_a_row_that_cannot_be_taken_is_left_with_the_reason(
    office: Office, tmp_path: Path, changes: dict[str, str], words: str
):
    bad = [changes.get(name, value) for name, value in zip(HEAD, ROWS[0], strict=True)]
    path = write(tmp_path / "lama.csv", [ROWS[1], bad, ROWS[2]])
    assert office.take(path) == 1
    (left,) = office.left(path)
    assert words in left["reason"]
    assert (left["row"], left["id"]) == ("3", bad[0])
    assert json.loads(left["columns"])["uraian"] == bad[2]
    assert office.report("A-2").state == "done"
    assert office.report("A-3").state == "in_progress"


def test_a_dry_run_says_what_would_be_and_writes_nothing(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: SQLiteTable
):
    bad = ["A-9", "Macan", *ROWS[0][2:]]
    path = write(tmp_path / "lama.csv", [*ROWS, bad])
    assert office.take(path, dry_run=True) == 1
    out = capsys.readouterr().out
    assert "would be: 3 new, 0 changed, 0 same, 1 refused" in out
    assert "A-2: jalan, Cideng" in out
    assert content(table) == []
    office.take(path)
    capsys.readouterr()
    office.take(path, dry_run=True)
    assert "would be: 0 new, 0 changed, 3 same, 1 refused" in capsys.readouterr().out


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_however_it_was_saved(office: Office, tmp_path: Path, delimiter: str):
    path = write(tmp_path / "lama.csv", ROWS, delimiter)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert office.take(path) == 0
    assert office.report("A-2").longitude == 106.81


def test_xlsx_and_geojson_say_the_same_as_csv(office: Office, tmp_path: Path):
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEAD)
    for row in ROWS:
        masuk = datetime.fromisoformat(row[5]).replace(tzinfo=None)
        sheet.append([*row[:3], float(row[3]), float(row[4].replace(",", ".")), masuk, *row[6:]])
    book.save(tmp_path / "lama.xlsx")
    features = [
        {
            "type": "Feature",
            "id": f"G{row[0]}",
            "geometry": {"type": "Point", "coordinates": [float(row[4].replace(",", ".")), float(row[3])]},
            "properties": {"category": "jalan", "description": row[2], "created": "2026-03-01T00:00:00Z"},
        }
        for row in ROWS
    ]
    (tmp_path / "lama.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert office.take(tmp_path / "lama.xlsx") == 0
    assert (office.report("A-1").place.kode, office.report("A-3").created) == (
        GAMBIR,
        "2026-03-02T17:00:00.000Z",
    )
    plain = replace(office, plan=bulk.read_mapping('source = "peta"'))
    assert plain.take(tmp_path / "lama.geojson") == 0
    assert plain.report("GA-2").place.kode == CIDENG


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", b"%PDF"),
        ("a.csv", b""),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.xlsx", b"no zip"),
        ("a.geojson", b"[]"),
        ("a.geojson", b"{"),
        ("a.geojson", b'{"features": [1]}'),
        ("a.geojson", b'{"features": [{"geometry": {"type": "Point", "coordinates": []}}]}'),
    ],
)
def test_a_file_that_is_none_is_said_as_such(office: Office, tmp_path: Path, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(importing.FileError, match="a\\."):
        office.take(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "no TOML"),
        ("", "source is ''"),
        ('source = "a b"', "source is 'a b'"),
        ('source = "a"\nfoo = 1', "unknown ['foo']"),
        ('source = "a"\n[fields]\nfoo = "b"', "[fields] has ['foo']"),
        ('source = "a"\n[fields]\nid = 1', "[fields] must hold texts"),
        ('source = "a"\n[states]\nx = "gone"', "[states] leads to ['gone']"),
        ('source = "a"\n[reasons]\nx = "gone"', "[reasons] leads to ['gone']"),
        ('source = "a"\nutc_offset = "seven"', "utc_offset is 'seven'"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(text: str, words: str):
    with pytest.raises(bulk.MappingError) as caught:
        bulk.read_mapping(text)
    assert words in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from([*HEAD, "x"]), st.none() | st.text(max_size=30) | st.integers() | st.floats()
    )
)
def test_whatever_stands_in_a_row_is_read_or_left(columns: dict[str, Any]):
    try:
        row = bulk.read_row(bulk.read_mapping(MAPPING), columns)
    except bulk.RowRefused as refused:
        assert str(refused)
    else:
        assert row.id


def test_photos_are_fetched_when_asked(
    office: Office, tmp_path: Path, photos: Photos, photo: Callable[..., bytes], parts: Parts
):
    photos.answers["/1.jpg"] = (200, {"Content-Type": "image/jpeg"}, photo())
    path = tmp_path / "f.csv"
    path.write_text(
        "id,category,description,latitude,longitude,created,media_url\n"
        f"F-1,jalan,Lubang.,-6.17,106.83,2026-03-01,{photos.url}/1.jpg\n"
        f"F-2,jalan,Lubang.,-6.17,106.83,2026-03-01,{photos.url}/gone.jpg\n"
    )
    plain = replace(office, plan=bulk.read_mapping('source = "foto"'))
    assert plain.take(path, photos=True) == 1
    assert len(plain.report("F-1").photos) == 1
    assert [row["id"] for row in plain.left(path)] == ["F-2"]
    assert "there is no photo" in plain.left(path)[0]["reason"]


# From another server.


@pytest.fixture
def served(caller: Caller) -> Iterator[str]:
    """The instance of `caller`, over HTTP. Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            got = caller.call(
                "GET", asked.path, query=parse_qs(asked.query), headers={"host": self.headers["Host"]}
            )
            self.send_response(got.status)
            self.send_header("Content-Type", got.headers["Content-Type"])
            self.send_header("Content-Length", str(len(got.body)))
            self.end_headers()
            self.wfile.write(got.body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/open311/v2/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mirror(parts: Parts, tmp_path: Path, clock: Clock) -> Iterator[Office]:
    """A second, empty instance."""
    table = SQLiteTable(tmp_path / "mirror.sqlite3", now=clock.seconds)
    door = intake.Door(
        table, FolderFiles(tmp_path / "mirror"), TwoKelurahan(), clock, Dice(seed="mirror"), 2_000_000
    )
    yield Office(replace(parts, door=door), tmp_path, bulk.read_mapping('source = "kota"'))
    table.close()


def pull(office: Office, url: str, **changes: Any) -> int:
    asked = {"open311": url, "since": "", "dry_run": False, "rejects": office.folder / "left.csv"}
    namespace = argparse.Namespace(**{**asked, **changes})
    return importing.from_server(office.importer(), office.plan, namespace, office.parts.door.now())


def test_a_second_instance_mirrors_the_first(
    caller: Caller,
    filed: Callable[..., str],
    parts: Parts,
    clock: Clock,
    served: str,
    mirror: Office,
    capsys: pytest.CaptureFixture[str],
):
    clock.later(days=-20)
    lamp = filed(
        service_code="lampu", **{"attribute[tiang]": "GB-17", "attribute[gejala]": ["mati", "kedip"]}
    )
    clock.later(days=3)
    done = filed(address_string="depan pasar")
    clock.later(hours=5)
    move(parts, done, lifecycle.Move("in_progress", "Dikerjakan."))
    clock.later(hours=5)
    move(parts, done, lifecycle.Move("done", "Sudah ditambal."))
    twin = filed()
    clock.later(minutes=1)
    move(parts, twin, lifecycle.Move("duplicate", duplicate_of=done))
    clock.later(days=10)
    assert pull(mirror, served) == 0
    assert "3 new, 0 changed, 0 same, 0 refused" in capsys.readouterr().out

    def told(table: Any, report_id: str) -> Any:
        found = records.load(table, report_id)
        assert found is not None
        it = found[0]
        events = records.history(table, report_id)
        assert broken_at(events) is None
        moves = [(e.at, e.to_state, e.words["text"].text if "text" in e.words else "") for e in events]
        return (
            it.created,
            it.category,
            it.description,
            it.landmark,
            it.attributes,
            it.longitude,
            it.state,
            moves,
        )

    mine, theirs = parts.door.table, mirror.parts.door.table
    for report_id in (lamp, done, twin):
        assert told(theirs, mirror.report(report_id).id) == told(mine, report_id)
    assert mirror.report(twin).duplicate_of == mirror.report(done).id

    before = content(theirs)  # type: ignore[arg-type]
    assert pull(mirror, served, since="2026-10-01") == 0
    assert "0 new, 0 changed, 3 same, 0 refused" in capsys.readouterr().out
    assert content(theirs) == before  # type: ignore[arg-type]

    clock.later(days=1)
    move(parts, lamp, lifecycle.Move("in_progress", "Teknisi datang."))
    clock.later(minutes=5)
    assert pull(mirror, served) == 0
    assert "0 new, 1 changed, 0 same, 0 refused" in capsys.readouterr().out, "incremental: only what is new"
    assert mirror.report(lamp).state == "in_progress"


def test_an_update_of_a_report_that_was_never_mirrored_brings_the_report(
    filed: Callable[..., str], parts: Parts, clock: Clock, served: str, mirror: Office
):
    clock.later(days=-100)
    old = filed()
    clock.later(days=95)
    move(parts, old, lifecycle.Move("in_progress", "Akhirnya."))
    clock.later(days=5)
    assert pull(mirror, served) == 0
    assert mirror.report(old).state == "in_progress"


def test_a_dry_run_of_a_mirror_writes_nothing(
    filed: Callable[..., str], clock: Clock, served: str, mirror: Office, capsys: pytest.CaptureFixture[str]
):
    filed()
    clock.later(minutes=1)
    assert pull(mirror, served, dry_run=True) == 0
    assert "would be: 1 new" in capsys.readouterr().out
    assert content(mirror.parts.door.table) == []  # type: ignore[arg-type]


def test_a_list_that_is_full_is_asked_again_in_halves(
    served: str, monkeypatch: pytest.MonkeyPatch, clock: Clock
):
    server = Server(served, bulk.read_mapping('source = "kota"'))
    asked: list[timedelta] = []

    def full(_self: Server, path: str, start: datetime, end: datetime) -> list[Any]:
        asked.append(end - start)
        return [None] * (1000 if path == "requests" and end - start > timedelta(days=1) else 0)

    monkeypatch.setattr(Server, "_list", full)
    monkeypatch.setattr(Server, "_joined", lambda *_args: [])
    list(server.rows(clock() - timedelta(days=7), clock()))
    assert max(asked) == timedelta(days=7)
    assert min(asked) <= timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b"", "answered 500"),
        (200, b"<a", "no XML"),
        (200, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no XML"),
    ],
)
def test_a_server_that_speaks_something_else_is_said_as_such(
    photos: Photos, clock: Clock, status: int, body: bytes, words: str
):
    photos.answers["*"] = (status, {"Content-Type": "text/xml"}, body)
    server = Server(photos.url, bulk.read_mapping('source = "kota"'))
    with pytest.raises(ServerError, match=words):
        list(server.rows(clock() - timedelta(days=1), clock()))
