"""A small computation instead of a refusal: ours, for one asker, for a while, solved alike here and in a browser."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from chalicelib.front import puzzle
from hypothesis import given
from hypothesis import strategies as st

SECRET = b"s" * 32
NOW = 1_795_000_000
SCRIPT = Path(__file__).resolve().parents[3] / "web" / "static" / "js" / "puzzle.js"


def challenge(bits: int = 6, who: str = "203.0.113.9") -> puzzle.Challenge:
    return puzzle.issue(SECRET, who, day=NOW // 86400, now=NOW, bits=bits, nonce="0f" * 16)


def test_a_solution_begins_with_as_many_zero_bits_as_were_asked():
    asked = challenge(bits=10)
    number = puzzle.solve(asked.text)
    digest = hashlib.sha256(f"{asked.text}.{number}".encode()).digest()
    assert int.from_bytes(digest[:2]) >> 6 == 0
    assert puzzle.solved(asked, str(number))
    wrong = next(n for n in range(number))  # every smaller number fails, or it would have been the answer
    assert not puzzle.solved(asked, str(wrong))


def test_it_is_ours_for_one_asker_and_an_hour():
    asked = challenge()
    assert puzzle.read(asked.text) == asked
    assert puzzle.genuine(asked, SECRET, "203.0.113.9", now=NOW)
    assert puzzle.genuine(asked, SECRET, "203.0.113.9", now=NOW + puzzle.LIFE_S)
    assert not puzzle.genuine(asked, SECRET, "203.0.113.9", now=NOW + puzzle.LIFE_S + 1)
    assert not puzzle.genuine(asked, SECRET, "203.0.113.9", now=NOW - 1)
    assert not puzzle.genuine(asked, SECRET, "203.0.113.8", now=NOW)
    assert not puzzle.genuine(asked, b"t" * 32, "203.0.113.9", now=NOW)


@given(st.sampled_from(["day", "issued", "bits", "nonce"]), st.integers(1, 9))
def test_nothing_in_it_can_be_changed(field: str, by: int):
    asked = challenge()
    parts = asked.text.split(".")
    place = {"day": 1, "issued": 2, "bits": 3, "nonce": 4}[field]
    parts[place] = f"{int(parts[place], 16) ^ by:032x}" if field == "nonce" else str(int(parts[place]) + by)
    changed = puzzle.read(".".join(parts))
    assert changed is None or not puzzle.genuine(changed, SECRET, "203.0.113.9", now=NOW + 100)


@given(
    st.text(max_size=120) | st.from_regex(r"1\.[0-9]+\.[0-9]+\.[0-9]+\.[0-9a-f]+\.[0-9a-f]+", fullmatch=True)
)
def test_whatever_comes_back_is_a_challenge_or_none(text: str):
    found = puzzle.read(text)
    assert found is None or not puzzle.genuine(found, SECRET, "203.0.113.9", now=NOW)


@pytest.mark.parametrize("number", ["", "-1", "1e3", "x", "1 ", "٣", "9" * 17])
def test_a_number_is_digits_and_not_many(number: str):
    assert not puzzle.solved(challenge(bits=1), number)


def test_it_never_becomes_harder_than_a_phone_can_bear():
    assert challenge(bits=60).bits == puzzle.MOST_BITS


def test_the_forms_script_computes_the_same_hashes_and_the_same_number(tmp_path: Path):
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no node to run the form's script with")
    texts = ["", "a", "abc", "x" * 55, "x" * 56, "x" * 63, "x" * 64, "y" * 200]
    asked = challenge(bits=9).text
    module = tmp_path / "puzzle.mjs"
    module.write_text(SCRIPT.read_text("utf-8"))
    run = tmp_path / "run.mjs"
    run.write_text(
        'import { sha256, solve } from "./puzzle.mjs";\n'
        f"const hex = (text) => sha256(text).map((word) => word.toString(16).padStart(8, '0')).join('');\n"
        f"console.log(JSON.stringify([{json.dumps(texts)}.map(hex), await solve({json.dumps(asked)})]));\n"
    )
    done = subprocess.run([node, str(run)], capture_output=True, text=True, check=True)
    hashes, number = json.loads(done.stdout)
    assert hashes == [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert number == puzzle.solve(asked)
