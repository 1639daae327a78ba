"""The audit of dependencies: a known hole is red, a service that cannot be asked never is."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from infra import advisories
from infra.advisories import Asked, Hole

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CLEAN = {"dependencies": [{"name": "pillow", "version": "12.0.0", "vulns": []}]}
HOLED = {
    "dependencies": [
        {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]},
        {"name": "ours", "version": "1.0", "skip_reason": "not found"},
    ]
}
UNKNOWN = {"dependencies": [{"name": "pillow", "version": "1.0", "skip_reason": "not found"}]}
NPM_CLEAN = {"vulnerabilities": {}}
NPM_HOLED = {
    "vulnerabilities": {
        "leaflet": {
            "range": "<1.9.4",
            "via": [{"url": "https://example.org/advisories/GHSA-1"}, "another"],
            "fixAvailable": {"name": "leaflet", "version": "1.9.4"},
        }
    }
}


def answering(python: Any, node: Any, errors: str = "") -> advisories.Run:
    """Services that say so; text is passed on as it is."""

    def run(words: Sequence[str]) -> tuple[str, str]:
        said = node if words[0] == "npm" else python
        return said if isinstance(said, str) else json.dumps(said), errors

    return run


def audit(run: advisories.Run, stamp: Path, *words: str) -> int:
    return advisories.main(words, run=run, stamp=stamp, now=NOW)


def test_no_hole_is_green_and_a_hole_is_red_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    stamp = tmp_path / "stamp"
    assert audit(answering(CLEAN, NPM_CLEAN), stamp) == 0
    assert audit(answering(HOLED, NPM_CLEAN), stamp) == 1
    assert audit(answering(CLEAN, NPM_HOLED), stamp) == 1
    said = capsys.readouterr().err
    assert "PYSEC-1 in pillow 1.0; mended in: 1.1" in said
    assert "GHSA-1 in leaflet <1.9.4; mended in: leaflet 1.9.4" in said


@pytest.mark.parametrize(
    ("python", "node", "errors"),
    [
        (UNKNOWN, "npm is missing", "npm error audit endpoint returned an error"),
        ("", "", "error: no answer within 90 seconds"),
        ("Traceback", '{"error": {"code": "ENOAUDIT"}}', ""),
        ("[]", "[]", "ConnectionError"),
    ],
)
def test_a_service_that_cannot_be_asked_is_said_and_is_never_red(
    python: Any, node: Any, errors: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert audit(answering(python, node, errors), tmp_path / "stamp") == 0
    said = capsys.readouterr().err
    assert said.count("not audited") == 2
    assert "no known hole" not in said


def test_one_service_that_is_not_there_does_not_hide_what_the_other_knows(tmp_path: Path):
    assert audit(answering(HOLED, "", "405"), tmp_path / "stamp") == 1
    assert audit(answering("", NPM_HOLED, "405"), tmp_path / "stamp") == 1


def test_once_a_day_is_enough_for_lint_and_a_hole_stays_red(tmp_path: Path):
    calls: list[str] = []

    def counted(python: Any) -> advisories.Run:
        def run(words: Sequence[str]) -> tuple[str, str]:
            calls.append(words[0])
            return answering(python, NPM_CLEAN)(words)

        return run

    stamp = tmp_path / "stamp"
    for _ in range(2):
        assert audit(counted(HOLED), stamp, "--daily") == 1
    assert len(calls) == 4
    for _ in range(3):
        assert audit(counted(CLEAN), stamp, "--daily") == 0
    assert len(calls) == 6
    assert audit(counted(CLEAN), stamp) == 0
    assert len(calls) == 8
    tomorrow = datetime(2026, 11, 24, tzinfo=UTC)
    assert advisories.main(["--daily"], run=counted(CLEAN), stamp=stamp, now=tomorrow) == 0
    assert len(calls) == 10


def test_what_was_accepted_passes_until_its_day(tmp_path: Path):
    file = tmp_path / "accepted.toml"
    file.write_text('[[accepted]]\nid = "GHSA-1"\nwhy = "only on Windows"\nuntil = 2026-11-30\n')
    passed = advisories.accepted(file, date(2026, 11, 30))
    answers = [Asked("npm's advisories", (Hole("GHSA-1", "leaflet", ""),))]
    assert advisories.verdict(answers, passed)[0] == 0
    assert advisories.verdict(answers, advisories.accepted(file, date(2026, 12, 1)))[0] == 1
    assert advisories.accepted(advisories.ACCEPTED, date(2026, 11, 23)) == set()


def test_a_command_that_hangs_or_is_missing_is_an_answer_and_no_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(advisories, "SECONDS", 0.2)
    said, errors = advisories.command([sys.executable, "-c", "import time; time.sleep(60)"])
    assert (said, "no answer" in errors) == ("", True)
    assert "cannot be run" in advisories.command(["there-is-no-such-program"])[1]


def test_every_lock_is_asked_about():
    asked: list[str] = []

    def run(words: Sequence[str]) -> tuple[str, str]:
        asked.extend(words)
        return "", ""

    advisories.python(run)
    advisories.node(run)
    for lock in ("requirements/dev.lock", "requirements/node.lock"):
        assert any(word.endswith(lock) for word in asked)
    assert str(advisories.ROOT) in asked
