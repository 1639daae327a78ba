"""Every fault's test fails when the handling of that fault is taken away; with it, it passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.infra.cloud.removed import FAULTS, REMOVED
from tests.running import ROOT


def outcome(test: str, removed: str) -> tuple[int, str]:
    """(pytest's exit status, what it said) of one test without one handling; "" takes nothing away."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-p", "tests.infra.cloud.removed", test]
    environment = {**os.environ, "REMOVED": removed, "PYTHONPATH": f"{ROOT}/functions:{ROOT}"}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.journey
@pytest.mark.parametrize("name", REMOVED)
def test_a_fault_is_noticed_when_nobody_handles_it(name: str) -> None:
    status, said = outcome(REMOVED[name].test, name)
    # 1: tests ran and failed. Anything else would be a fault of this test: not found, not collected, not importable.
    assert status == 1, f"nobody noticed that {REMOVED[name].handling!r} was taken away:\n{said[-2000:]}"
    assert re.search(r"^FAILED ", said, re.MULTILINE), said[-2000:]
    assert " error" not in said.splitlines()[-1], said[-2000:]


def test_every_test_of_a_fault_has_a_handling_that_is_taken_away() -> None:
    text = (ROOT / FAULTS).read_text("utf-8")
    named = {each.test.rpartition("::")[2] for each in REMOVED.values()}
    # The delivery is ours only in rehearsals: its own tests take nothing of the product away.
    rehearsal = {
        "test_delivery_hands_over_every_record_and_sets_aside_exactly_the_poison",
        "test_the_handlers_name_only_the_records_that_failed",
    }
    there = set(re.findall(r"^def (test_\w+)", text, re.MULTILINE))
    assert there - rehearsal == named & there
    assert len(named) >= 10
