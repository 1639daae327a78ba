"""Publishing: the site converges to the table, whatever happens on the way, and cost follows change."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalicelib import categories, desk, intake, publish, records
from chalicelib.lifecycle import Move
from chalicelib.report import Office
from chalicelib.storage.files import StoredFile
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Change, Key
from chalicelib.submission import Submission

import geo
from web.render import Renderer

from .conftest import Clock, Dice

GAMBIR = "31.71.01.1001"
OFFICE = Office(GAMBIR, "Kelurahan Gambir")


class Recorder:
    """A file store that counts what is written, and fails when told to."""

    def __init__(self, inner: FolderFiles) -> None:
        self.inner = inner
        self.written: list[tuple[str, int]] = []
        self.fail_after: int | None = None

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> bool:
        if self.fail_after is not None and len(self.written) >= self.fail_after:
            raise OSError("the store is gone")
        self.written.append((path, len(gzip.compress(data, 6, mtime=0))))
        return self.inner.put(path, data, if_absent=if_absent)

    def get(self, path: str) -> StoredFile | None:
        return self.inner.get(path)

    def exists(self, path: str) -> bool:
        return self.inner.exists(path)

    def delete(self, path: str) -> None:
        self.inner.delete(path)

    def list(self, prefix: str = "") -> Iterator[str]:
        return self.inner.list(prefix)

    def presign_upload(self, *_args: Any, **_more: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    locator = geo.default_locator()
    return Renderer.open(
        geo_build=geo.build_folder(),
        categories=list(categories.load().values()),
        approximate=locator.approximate,
        boundaries_version=locator.version,
        attribution="test",
    )


@pytest.fixture
def files(tmp_path: Path) -> Recorder:
    return Recorder(FolderFiles(tmp_path / "site", durable=False))


@pytest.fixture
def city(door: intake.Door) -> intake.Door:
    """The door, in the real city."""
    return intake.Door(
        door.table, door.private, geo.default_locator(), door.now, door.random_bytes, door.max_photo_bytes
    )


@pytest.fixture
def publisher(city: intake.Door, files: Recorder, renderer: Renderer) -> publish.Publisher:
    return publish.Publisher(
        table=city.table,
        site=files,
        private=city.private,
        renderer=renderer,
        locator=geo.default_locator(),
        neighbours={},
        outlines=b"{}",
        categories=categories.load(),
    )


def send(door: intake.Door, kode: str = GAMBIR, **changes: Any) -> intake.Accepted:
    middle = geo.default_locator().by_kode[kode]
    good = {
        "category": "jalan",
        "description": "Lubang besar di lajur kiri.",
        "longitude": middle.longitude,
        "latitude": middle.latitude,
    }
    return intake.accept(door, Submission(**{**good, **changes}), channel="web")


def drain(publisher: publish.Publisher) -> int:
    """Publish all that is in the stream, and what was marked."""
    count = 0
    while True:
        batch = publisher.table.changes("publish", 100)
        publisher.publish(batch.changes)
        publisher.table.acknowledge("publish", batch)
        if not batch.changes:
            break
        count += len(batch.changes)
    while publisher.tidy():
        pass
    return count


def snapshot(files: Recorder) -> dict[str, bytes]:
    found = {path: files.get(path) for path in files.list()}
    return {path: stored.data for path, stored in found.items() if stored}


def act(clock: Clock, dice: Dice, table: SQLiteTable, report_id: str, move: Move) -> None:
    desk.move(desk.Desk(table, clock, dice), report_id, move, role="officer", office=OFFICE)


def text(files: Recorder, path: str) -> str:
    stored = files.get(path)
    assert stored is not None, path
    return stored.data.decode()


def test_a_new_report_is_on_its_page_its_kelurahan_the_feed_the_map_and_in_the_counts(
    city: intake.Door, publisher: publish.Publisher, files: Recorder
):
    accepted = send(city)
    drain(publisher)
    assert "Lubang besar di lajur kiri." in text(files, f"laporan/{accepted.id}/index.html")
    assert 'lang="en"' in text(files, f"en/laporan/{accepted.id}/index.html")
    data = json.loads(text(files, f"laporan/{accepted.id}.json"))
    assert data["place"]["kode"] == GAMBIR
    assert data["history"][0]["kind"] == "received"
    assert accepted.id in text(files, f"kelurahan/{GAMBIR}/index.html")
    assert accepted.id in text(files, f"kelurahan/{GAMBIR}/feed.xml")
    assert accepted.id in text(files, f"data/aktif/{GAMBIR}.json")
    assert accepted.id in text(files, f"data/arsip/{GAMBIR}/202611.json")
    collection = json.loads(text(files, f"kelurahan/{GAMBIR}/laporan.geojson"))
    assert len(collection["features"]) == 1
    assert GAMBIR in text(files, "data/ringkas.json")
    assert files.exists("index.html")
    assert files.exists("en/index.html")


def test_one_change_rewrites_eight_files_and_marks_the_rest(
    city: intake.Door, publisher: publish.Publisher, files: Recorder
):
    accepted = send(city)
    batch = publisher.table.changes("publish", 100)
    publisher.publish(batch.changes)
    assert sorted(path for path, _ in files.written) == sorted(
        [
            f"laporan/{accepted.id}/index.html",
            f"en/laporan/{accepted.id}/index.html",
            f"laporan/{accepted.id}.json",
            f"kelurahan/{GAMBIR}/index.html",
            f"en/kelurahan/{GAMBIR}/index.html",
            f"kelurahan/{GAMBIR}/feed.xml",
            f"kelurahan/{GAMBIR}/laporan.geojson",
            f"data/aktif/{GAMBIR}.json",
        ]
    )
    marks = [records.dirty_target(item.key) for item in records.every(publisher.table, "dirty")]
    kota, kecamatan, month = GAMBIR[:5], GAMBIR[:8], "2026-11"
    assert marks == [
        f"archive#{GAMBIR}#{month}",
        f"area#{kota}",
        f"area#{kecamatan}",
        f"area#{GAMBIR}",
        "city",
        f"recap#{month}",
    ]


def test_a_landmark_that_two_reports_name_reaches_the_search_and_goes_when_they_are_moved_away(
    city: intake.Door, publisher: publish.Publisher, files: Recorder
):
    publisher.everything()
    assert json.loads(text(files, "data/patokan.json")) == {"landmarks": []}
    send(city, landmark="Depan Halte Contoh")
    send(city, landmark="rumah Pak Contoh")
    drain(publisher)
    assert json.loads(text(files, "data/patokan.json")) == {"landmarks": []}
    send(city, landmark="seberang halte contoh", private=True)
    drain(publisher)
    assert json.loads(text(files, "data/patokan.json")) == {"landmarks": []}
    send(city, landmark="seberang halte contoh")
    drain(publisher)
    (found,) = json.loads(text(files, "data/patokan.json"))["landmarks"]
    assert (found[0].lower(), found[1], found[4]) == ("halte contoh", GAMBIR, 2)


def test_a_private_report_is_never_published(
    city: intake.Door, publisher: publish.Publisher, files: Recorder
):
    accepted = send(city, private=True)
    drain(publisher)
    assert not [
        path for path, data in snapshot(files).items() if accepted.id in path or accepted.id.encode() in data
    ]


def test_contact_key_and_original_words_are_in_no_file(
    city: intake.Door, publisher: publish.Publisher, files: Recorder, photo: Callable[..., bytes]
):
    accepted = intake.accept(
        city,
        Submission(
            category="kabel",
            description="Kabel turun, hubungi 0812-3456-7890 saja.",
            longitude=106.8272,
            latitude=-6.1754,
            contact_email="rahasia@contoh.id",
        ),
        channel="web",
        files=[photo()],
    )
    drain(publisher)
    everything = b"".join(snapshot(files).values())
    loaded = records.load(city.table, accepted.id)
    assert loaded is not None
    for secret in (
        b"rahasia@contoh.id",
        b"3456-7890",
        accepted.follow_key.encode(),
        loaded[0].follow_hash.encode(),
        b"RahasiaKamera",
    ):
        assert secret not in everything
    assert files.exists(intake.photo_paths(accepted.id, loaded[0].photos[0])[0])


def test_a_rebuild_writes_byte_for_byte_what_the_increments_wrote(
    city: intake.Door,
    publisher: publish.Publisher,
    files: Recorder,
    clock: Clock,
    dice: Dice,
    table: SQLiteTable,
    tmp_path: Path,
):
    publisher.everything()
    reports = []
    for number in range(12):
        clock.later(days=9 if number % 4 == 0 else 0, minutes=7)
        reports.append(send(city, kode=(GAMBIR, "31.71.01.1002")[number % 2]))
        if number % 3 == 0:
            act(clock, dice, table, reports[number // 2].id, Move("in_progress", "Dikerjakan.", percent=50))
        if number % 5 == 0:
            drain(publisher)
    act(clock, dice, table, reports[0].id, Move("done", "Selesai."))
    drain(publisher)
    increments = snapshot(files)
    # Something that no longer belongs here, as a restored backup might leave.
    files.put("laporan/ZZZZZZZZ/index.html", b"old")
    files.put(f"data/arsip/{GAMBIR}/201901.json", b"old")
    publisher.everything()
    assert snapshot(files) == increments
    elsewhere = Recorder(FolderFiles(tmp_path / "elsewhere", durable=False))
    object.__setattr__(publisher, "site", elsewhere)
    publisher.everything()
    assert snapshot(elsewhere) == increments


def test_a_crash_at_any_write_leads_to_the_same_site_after_a_retry(
    city: intake.Door,
    publisher: publish.Publisher,
    files: Recorder,
    clock: Clock,
    dice: Dice,
    table: SQLiteTable,
    photo: Callable[..., bytes],
    tmp_path: Path,
):
    accepted = send(city)
    drain(publisher)
    act(clock, dice, table, accepted.id, Move("done", "Selesai."))
    second = intake.accept(
        city,
        Submission(category="kabel", description="Kabel turun rendah.", longitude=106.8272, latitude=-6.1754),
        channel="web",
        files=[photo()],
    )
    crashes = 0
    for allowed in range(100):
        files.written.clear()
        files.fail_after = allowed
        try:
            drain(publisher)
            break
        except OSError:
            crashes += 1
    else:
        pytest.fail("publishing never got through")
    files.fail_after = None
    assert crashes >= 12
    found = snapshot(files)
    clean = Recorder(FolderFiles(tmp_path / "clean", durable=False))
    object.__setattr__(publisher, "site", clean)
    publisher.report(accepted.id)
    publisher.report(second.id)
    publisher.kelurahan(GAMBIR)
    publisher.archive(GAMBIR, "2026-11")
    publisher.city()
    publisher.area(GAMBIR[:5])
    publisher.area(GAMBIR[:8])
    publisher.area(GAMBIR)
    publisher.recap("2026-11")
    assert found == snapshot(clean)


def test_the_same_changes_twice_and_in_any_order_give_the_same_site(
    city: intake.Door, publisher: publish.Publisher, files: Recorder
):
    for _ in range(3):
        send(city)
    changes = publisher.table.changes("publish", 100).changes
    publisher.publish(changes)
    once = snapshot(files)
    publisher.publish(list(reversed(changes)))
    publisher.publish(changes[:2])
    assert snapshot(files) == once


def test_many_publishers_and_many_reports_at_once_lose_no_update(
    city: intake.Door, publisher: publish.Publisher, files: Recorder
):
    """Four publishers with positions of their own rewrite the same files while reports stream in."""
    done = threading.Event()
    failures: list[BaseException] = []

    def follow(consumer: str) -> None:
        try:
            while True:
                finished = done.is_set()
                batch = publisher.table.changes(consumer, 3)
                try:
                    publisher.publish(batch.changes)
                except publish.MovedOn:
                    continue
                publisher.table.acknowledge(consumer, batch)
                if finished and not batch.changes:
                    return
        except BaseException as error:
            failures.append(error)

    def report() -> None:
        try:
            for _ in range(15):
                send(city)
        except BaseException as error:
            failures.append(error)

    followers = [threading.Thread(target=follow, args=(f"p{i}",)) for i in range(4)]
    senders = [threading.Thread(target=report) for _ in range(3)]
    for thread in followers + senders:
        thread.start()
    for thread in senders:
        thread.join()
    done.set()
    for thread in followers:
        thread.join()
    assert not failures
    increments = snapshot(files)
    publisher.kelurahan(GAMBIR)
    for report_id in records.public_ids(publisher.table, GAMBIR):
        publisher.report(report_id)
    assert snapshot(files) == increments
    assert json.loads(increments[f"data/aktif/{GAMBIR}.json"])["total"] == 45


def test_a_slow_publisher_that_read_old_state_does_not_have_the_last_word(
    city: intake.Door, publisher: publish.Publisher, files: Recorder, monkeypatch: pytest.MonkeyPatch
):
    send(city)
    original, raced = files.put, []

    def put(path: str, data: bytes, *, if_absent: bool = False) -> bool:
        if path.startswith("data/aktif/") and not raced:
            # Between reading and writing, another report arrives and another publisher is faster.
            raced.append(send(city).id)
            publisher.kelurahan(GAMBIR)
        return original(path, data, if_absent=if_absent)

    monkeypatch.setattr(files, "put", put)
    publisher.kelurahan(GAMBIR)
    assert raced[0] in text(files, f"data/aktif/{GAMBIR}.json")


def test_a_mark_set_while_it_is_worked_off_stays(
    city: intake.Door, publisher: publish.Publisher, monkeypatch: pytest.MonkeyPatch
):
    send(city)
    publisher.publish(publisher.table.changes("publish", 100).changes)
    city_files = publish.Publisher.city

    def marked_again(self: publish.Publisher) -> None:
        city_files(self)
        publisher.table.transact([publish.Put(records.dirty_key(publish.CITY, "later"), {})])

    monkeypatch.setattr(publish.Publisher, "city", marked_again)
    publisher.tidy()
    monkeypatch.undo()
    left = [item.key for item in records.every(publisher.table, "dirty")]
    assert left == [records.dirty_key(publish.CITY, "later")]
    publisher.tidy()
    assert not list(records.every(publisher.table, "dirty"))


def test_targets_come_from_keys_alone_and_each_once():
    changes = [
        Change(Key("report#AAAAAAAA", "head"), "insert", "1"),
        Change(Key("report#AAAAAAAA", "event#000001"), "insert", "2"),
        Change(Key(f"list#public#open#{GAMBIR}", "2026-11-23T02:00:00.000Z#AAAAAAAA"), "insert", "3"),
        Change(Key(f"list#public#closed#{GAMBIR}", "2026-10-01T02:00:00.000Z#BBBBBBBB"), "remove", "4"),
        Change(Key(f"list#private#open#{GAMBIR}", "2026-11-23T02:00:00.000Z#CCCCCCCC"), "insert", "5"),
        Change(Key("list#public#open#-", "2026-11-23T02:00:00.000Z#DDDDDDDD"), "insert", "6"),
        Change(Key("contact#AAAAAAAA", "contact"), "insert", "7"),
        Change(Key("dirty", "city#7"), "modify", "8"),
        Change(Key("report#AAAAAAAA", "head"), "modify", "9"),
    ]
    found = publish.targets(changes)
    assert found.reports == ("AAAAAAAA",)
    assert found.kelurahan == (GAMBIR,)
    assert found.archives == ((GAMBIR, "2026-10"), (GAMBIR, "2026-11"))
    assert found.city
    assert not publish.targets([]).city


def _fill(table: SQLiteTable, reports: int) -> None:
    """Reports in all kelurahan by the shortest way: as the records that accept() writes, many in a transaction."""
    codes = sorted(geo.default_locator().by_kode)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    import sqlite3

    for number in range(reports):
        kode = codes[number % len(codes)]
        middle = geo.default_locator().by_kode[kode]
        phase, state = ("open", "waiting") if number % 11 == 0 else ("closed", "done")
        stamp = (
            f"{at:%Y}-{1 + number % 10:02d}-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:00.000Z"
        )
        report_id = f"{number:08d}"
        body = {
            "id": report_id,
            "category": "jalan",
            "state": state,
            "text": f"Lubang di lajur kiri nomor {number}.",
            "longitude": middle.longitude,
            "latitude": middle.latitude,
            "created": stamp,
            "updated": stamp,
        }
        batch = publish.Put(Key(f"list#public#{phase}#{kode}", f"{stamp}#{report_id}"), body)
        _PENDING.append(batch)
        _COUNTS[kode] = _COUNTS.get(kode, {})
        _COUNTS[kode][state] = _COUNTS[kode].get(state, 0) + 1
    assert sqlite3.sqlite_version


_PENDING: list[Any] = []
_COUNTS: dict[str, dict[str, int]] = {}


@pytest.mark.parametrize("move", [False, True], ids=["new", "moved"])
def test_files_and_bytes_per_change_are_the_same_at_300_and_at_30000_reports(
    renderer: Renderer, tmp_path: Path, clock: Clock, dice: Dice, move: bool
):
    from chalicelib.storage.table import Add

    costs = {}
    for size in (300, 30_000):
        _PENDING.clear()
        _COUNTS.clear()
        table = SQLiteTable(tmp_path / f"{size}.sqlite3", now=clock.seconds)
        _fill(table, size)
        for start in range(0, len(_PENDING), 25):
            table.transact(_PENDING[start : start + 25])
        for kode, counters in _COUNTS.items():
            table.transact([Add(Key("counts", kode), {**counters, "changes": sum(counters.values())})])
        files = Recorder(FolderFiles(tmp_path / f"site{size}", durable=False))
        door = intake.Door(
            table,
            FolderFiles(tmp_path / f"private{size}"),
            geo.default_locator(),
            clock,
            Dice(seed=str(size)),
            1_000_000,
        )
        publisher = publish.Publisher(
            table, files, door.private, renderer, geo.default_locator(), {}, b"{}", categories.load()
        )
        while table.changes("publish", 1000).changes:
            table.acknowledge("publish", table.changes("publish", 1000))
        accepted = send(door)
        if move:
            drain(publisher)
            act(clock, dice, table, accepted.id, Move("in_progress", "Dikerjakan.", percent=50))
        files.written.clear()
        publisher.publish(table.changes("publish", 100).changes)
        costs[size] = (len(files.written), sum(size for _, size in files.written))
        table.close()
    assert costs[300][0] == costs[30_000][0] == 8
    # The kelurahan's own list is longer, and is bounded: at most 400 rows, then nothing grows any more.
    assert costs[30_000][1] < 30_000
