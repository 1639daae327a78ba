"""The operators' commands for other systems: keys, webhooks, channels and import."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from chalicelib import records, wiring
from chalicelib.channels import webhooks
from chalicelib.front import keys
from chalicelib.front.operation import Parts
from chalicelib.settings import Settings
from chalicelib.storage.sqlite import SQLiteTable

from infra import importing, partners
from tests.functions.conftest import GAMBIR, Clock


@pytest.fixture
def asked(
    table: SQLiteTable, clock: Clock, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> argparse.ArgumentParser:
    """The parser of all commands here, on an instance in a temporary folder."""
    monkeypatch.setattr(wiring, "table", lambda: table)
    monkeypatch.setattr(wiring, "now", clock)
    monkeypatch.setattr(wiring, "parts", lambda: parts)
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command")
    partners.add_command(commands)
    importing.add_command(commands)
    return parser


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_key_is_made_listed_and_revoked(
    asked: argparse.ArgumentParser, table: SQLiteTable, clock: Clock, capsys: pytest.CaptureFixture[str]
):
    made = "keys add Dinas --right report --right update --role officer --office dinas Bina --boundary 31.71"
    assert partners.main(asked.parse_args(made.split())) == 0
    text = printed(capsys)[1]
    client = keys.check(table, text, "update")
    assert (client.role, client.boundaries, client.per_minute) == ("officer", ("31.71",), 60)
    assert partners.main(asked.parse_args(["keys", "list"])) == 0
    (line,) = printed(capsys)
    assert line.startswith(f"{client.id}  Dinas: report, update as officer for Bina (dinas) within 31.71")
    assert text.rpartition("_")[2] not in line
    assert partners.main(asked.parse_args(["keys", "revoke", client.id])) == 0
    assert "revoked 2026-11-23" in printed(capsys)[0]
    assert partners.main(asked.parse_args(["keys", "revoke", "00000000"])) == 2
    assert partners.main(asked.parse_args(["keys", "add", "X", "--role", "officer"])) == 2


def test_a_webhook_is_made_renewed_and_removed(
    asked: argparse.ArgumentParser, table: SQLiteTable, capsys: pytest.CaptureFixture[str]
):
    def run(line: str) -> int:
        return partners.hooks(asked.parse_args(line.split()), private=False)

    assert run("webhooks add Koran https://koran.test/masuk --boundary 31.71 --state done") == 0
    hook_id, secret = printed(capsys)
    assert secret.startswith("whsec_")
    assert run("webhooks list") == 0
    assert printed(capsys) == [f"{hook_id}  Koran: https://koran.test/masuk, 0 dead"]
    assert run(f"webhooks rotate {hook_id}") == 0
    assert printed(capsys)[0] not in {secret, ""}
    assert (run(f"webhooks dead {hook_id}"), run(f"webhooks replay {hook_id}")) == (0, 0)
    assert printed(capsys) == ["0 messages are due again"]
    assert run(f"webhooks remove {hook_id}") == 0
    assert webhooks.hooks(table) == []
    assert run(f"webhooks remove {hook_id}") == 2
    assert run("webhooks add Koran ftp://koran.test/") == 2


def test_a_channel_is_opened_and_closed(asked: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]):
    def run(line: str) -> int:
        return partners.hooks(asked.parse_args(line.split()), private=False)

    assert run("channels open rt-siaga") == 0
    assert printed(capsys)[0].startswith("whsec_")
    assert (run("channels close rt-siaga"), run("channels close rt-siaga"), run("channels open X")) == (
        0,
        2,
        2,
    )


def test_a_file_is_imported_by_the_command_and_is_on_disk_then(
    asked: argparse.ArgumentParser, table: SQLiteTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, chosen = tmp_path / "lama.csv", Settings(data_dir=str(tmp_path))
    file.write_text(
        "id,category,description,latitude,longitude,created\nA,jalan,Lubang.,-6.17,106.83,2026-03-01\n"
    )
    line = ["import", str(file), "--source", "lama"]
    for expected in ("1 new", "1 same"):
        assert importing.main(asked.parse_args(line), chosen) == 0
        assert expected in printed(capsys)[-1]
    assert records.counts(table) == {GAMBIR: {"waiting": 1}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["import"], "either a file or --open311"),
        (["import", "a.csv", "--open311", "http://a.test/"], "either a file or --open311"),
        (["import", "a.csv"], "--source NAME"),
        (["import", "gone.csv", "--source", "lama"], "gone.csv"),
        (["import", "a.pdf", "--source", "lama"], "only .csv"),
        (["import", "a.csv", "--mapping", "gone.toml"], "gone.toml"),
        (["import", "--open311", "http://127.0.0.1:9/", "--source", "kota", "--since", "x"], "yyyy-mm-dd"),
        (["import", "--open311", "http://127.0.0.1:9/", "--source", "kota"], "the next time goes on"),
    ],
)
def test_an_import_that_cannot_begin_says_why(
    asked: argparse.ArgumentParser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: list[str],
    words: str,
):
    monkeypatch.chdir(tmp_path)
    assert importing.main(asked.parse_args(line), Settings(data_dir=str(tmp_path))) == 2
    assert words in capsys.readouterr().err


def test_a_table_for_repeatable_work_keeps_what_it_wrote(tmp_path: Path, clock: Clock):
    from chalicelib.storage.table import Key, Put

    quick = SQLiteTable(tmp_path / "t.sqlite3", now=clock.seconds, repeatable=True)
    quick.transact([Put(Key("a", "b"), {"n": 1})])
    quick.close()
    again = SQLiteTable(tmp_path / "t.sqlite3", now=clock.seconds)
    found = again.get(Key("a", "b"))
    again.close()
    assert found is not None
    assert found.body == {"n": 1}
