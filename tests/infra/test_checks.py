"""The operators' commands verify and erase: what they print, and the status they end with."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chalicelib import intake, records
from chalicelib.report import written_id
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Put
from chalicelib.submission import Submission

import geo

ROOT = Path(__file__).resolve().parents[2]


def command(folder: Path, *words: str) -> tuple[int, str, str]:
    env = {**os.environ, "DATA_DIR": str(folder), "DEMO": "0", "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}"}
    env.pop("ENGINE", None)
    done = subprocess.run(
        [sys.executable, "-m", "infra", *words],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def told(tmp_path: Path) -> str:
    table = SQLiteTable(tmp_path / "table.sqlite3")
    private = FolderFiles(tmp_path / "private", durable=False)
    door = intake.Door(
        table, private, geo.default_locator(), lambda: datetime.now(UTC), secrets.token_bytes, 1_000_000
    )
    middle = geo.default_locator().by_kode["31.71.01.1001"]
    submission = Submission(
        category="jalan",
        description="Pak Slamet menaruh pasir di jalan.",
        longitude=middle.longitude,
        latitude=middle.latitude,
    )
    report_id = intake.accept(door, submission, channel="web").id
    table.close()
    return report_id


def test_verify_is_silent_when_all_is_whole_and_names_the_event_when_one_byte_changed(
    tmp_path: Path, told: str
):
    assert command(tmp_path, "publish", "--all")[0] == 0
    status, said, also = command(tmp_path, "verify")
    assert (status, said) == (0, ""), also
    assert "every history is whole" in also
    table = SQLiteTable(tmp_path / "table.sqlite3")
    kept = table.get(records.event_key(told, 1))
    assert kept is not None
    table.transact([Put(kept.key, {**kept.body, "category": "jalam"})])
    table.close()
    status, said, also = command(tmp_path, "verify")
    assert status == 1
    assert said.startswith(f"BROKEN report {written_id(told)}, event 1: ")
    assert "1 broken" in also


def test_erase_removes_the_words_and_verify_finds_the_history_whole(tmp_path: Path, told: str):
    assert command(tmp_path, "erase", written_id(told), "1")[0] == 0
    assert command(tmp_path, "publish", "--all")[0] == 0
    assert command(tmp_path, "verify")[:2] == (0, "")
    everywhere = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert not [path for path in everywhere if b"Slamet" in path.read_bytes()]
    status, _, also = command(tmp_path, "erase", written_id(told), "1")
    assert status == 1
    assert "nothing was erased" in also
    status, _, also = command(tmp_path, "erase", "what", "1")
    assert status == 2
    assert "no report number" in also


def test_an_incident_is_opened_told_and_closed_by_command(tmp_path: Path):
    assert command(tmp_path, "incident", "open", "Peta lambat.", "The map is slow.")[0] == 0
    status, out, _ = command(tmp_path, "incident", "close", "1", "Selesai.", "It is over.")
    assert status == 0
    assert out.startswith("1  closed  since ")
    assert [line.partition("Z  ")[2] for line in out.splitlines()[1:]] == [
        "Peta lambat. / The map is slow.",
        "Selesai. / It is over.",
    ]
    status, out, said = command(tmp_path, "incident", "update", "1", "Lagi.", "Again.")
    assert (status, out) == (1, "")
    assert "incident 1 is closed" in said


def test_the_key_of_push_messages_stays_until_it_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from chalicelib import wiring

    from infra import checks

    table = SQLiteTable(tmp_path / "table.sqlite3")
    monkeypatch.setattr(wiring, "table", lambda: table)
    for renew in (False, False, True):
        assert checks.vapid(renew=renew) == 0
    first, again, renewed = capsys.readouterr().out.split()
    table.close()
    assert first == again != renewed
    assert len(first) == 87
