"""The browser's check of a history is the server's: same bytes for every event, same verdict for every change."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from chalicelib.report import (
    CHAIN_VERSION,
    NO_EVENT,
    Event,
    Office,
    Photo,
    Words,
    broken_at,
    canonical,
    event_from,
    sealed,
    to_body,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHAIN = Path(__file__).resolve().parents[2] / "web" / "static" / "js" / "chain.js"
SCRIPT = """
import { canonical, erased, firstBreak } from %s;
let text = "";
for await (const part of process.stdin) text += part;
const answers = [];
for (const history of JSON.parse(text)) {
  answers.push({ lines: history.map(canonical), broken: await firstBreak(history), erased: erased(history) });
}
process.stdout.write(JSON.stringify(answers));
"""
node = shutil.which("node")
pytestmark = pytest.mark.skipif(node is None, reason="Node is missing")


def asked(tmp_path: Path, histories: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What the browser's script says of some histories."""
    script = tmp_path / "check.mjs"
    module = tmp_path / "chain.mjs"
    module.write_text(CHAIN.read_text("utf-8"), "utf-8")
    script.write_text(SCRIPT % json.dumps(str(module)), "utf-8")
    done = subprocess.run(
        [str(node), str(script)], input=json.dumps(histories).encode(), capture_output=True, check=True
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
events = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["moved", "noted", "rated"]),
            "office": st.none() | st.builds(Office, st.text("a.1", max_size=5), words),
            "to_state": st.none() | st.sampled_from(["waiting", "done"]),
            "percent": st.none() | st.integers(0, 99),
            "reasons": st.lists(words, max_size=2).map(tuple),
            "photos": st.lists(st.builds(Photo, words, *[st.integers(1, 4000)] * 4), max_size=1).map(tuple),
            "example": st.booleans(),
            "words": st.dictionaries(
                st.sampled_from(["text", "landmark"]), st.builds(Words, st.text("0af"), words)
            ),
        }
    ),
    min_size=1,
    max_size=5,
)


def chained(rows: list[dict[str, Any]]) -> list[Event]:
    made: list[Event] = []
    for seq, row in enumerate(rows, start=1):
        event = Event(report="7K3M9QX2", seq=seq, at="2026-11-23T00:00:00.000Z", **row)
        made.append(sealed(event, made[-1].hash if made else NO_EVENT))
    return made


def published(made: list[Event]) -> list[dict[str, Any]]:
    return [{**to_body(event), "version": CHAIN_VERSION} for event in made]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events, min_size=15, max_size=30))
def test_browser_and_server_hash_the_same_bytes(tmp_path: Path, many: list[list[dict[str, Any]]]):
    histories = [chained(rows) for rows in many]
    for made, answer in zip(histories, asked(tmp_path, [published(m) for m in histories]), strict=True):
        assert [line.encode() for line in answer["lines"]] == [canonical(event) for event in made]
        assert answer["broken"] is None


def test_difficult_letters_are_the_same_bytes(tmp_path: Path):
    difficult = 'Jl. “Cikini” № 5 \\ / " \b\f\n\r\t\x00\x1f\x7f\x80\u2028\u2029 é é 🚧 ك \ufeff \U0010ffff'
    made = chained([{"kind": "moved", "office": Office("dinas", difficult), "reasons": (difficult,)}])
    [answer] = asked(tmp_path, [published(made)])
    assert answer["lines"][0].encode() == canonical(made[0])
    assert answer["broken"] is None


def history() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"kind": "received", "to_state": "waiting", "words": {"description": Words("5a", "Lubang “besar”.")}},
        {"kind": "moved", "to_state": "in_progress", "percent": 40, "office": Office("dinas", "Dinas Ä")},
        {"kind": "noted", "words": {"text": Words("17", "Terima kasih.")}},
    ]
    return published(chained(rows))


CHANGES: list[tuple[int, str, Any, str]] = [
    (0, "at", "2026-11-23T00:00:00.001Z", "hash"),
    (1, "percent", 41, "hash"),
    (1, "office", {"code": "dinas", "name": "Dinas A"}, "hash"),
    (1, "previous", "0" * 64, "previous"),
    (1, "seq", 3, "order"),
    (2, "hash", "0" * 64, "hash"),
    (0, "words", {"description": {"salt": "5a", "text": "Lubang “kecil”."}}, "words"),
    (2, "words", {"text": {"salt": "18", "text": "Terima kasih."}}, "words"),
    (2, "words", {"other": {"salt": "18", "text": "x"}}, "words"),
    (1, "added", "x", "hash"),
]


def test_one_change_is_named_by_browser_and_server_alike(tmp_path: Path):
    changed = []
    for spot, name, value, _ in CHANGES:
        one = copy.deepcopy(history())
        one[spot][name] = value
        changed.append(one)
    answers = asked(tmp_path, changed)
    for (spot, name, _, why), one, answer in zip(CHANGES, changed, answers, strict=True):
        assert answer["broken"] == {"seq": spot + 1, "why": why}, name
        if name != "added":  # the server does not even read a field that it does not know
            plain = [{k: v for k, v in event.items() if k != "version"} for event in one]
            assert broken_at([event_from(event) for event in plain]) == spot + 1


def test_a_missing_or_exchanged_event_is_named(tmp_path: Path):
    whole = history()
    cut, turned = [whole[0], whole[2]], [whole[1], whole[0], whole[2]]
    assert [a["broken"]["seq"] for a in asked(tmp_path, [cut, turned])] == [2, 1]


def test_erased_words_are_no_break_and_are_counted(tmp_path: Path):
    one = history()
    del one[0]["words"]
    assert [(a["broken"], a["erased"]) for a in asked(tmp_path, [history(), one])] == [(None, 0), (None, 1)]
