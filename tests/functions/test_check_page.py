"""The page that explains how to check a history: its commands, run as they stand, give what it says."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from chalicelib import categories, desk, intake, public, publish, records
from chalicelib.lifecycle import Move
from chalicelib.publishing import roots
from chalicelib.report import Office
from chalicelib.storage.folder import FolderFiles
from chalicelib.submission import Submission

import geo
from web.render import Renderer

from .conftest import GAMBIR, Clock, Dice, TwoKelurahan

CURL = """#!/bin/sh
# Stands in for curl: the same words, from a folder.
path="$(printf '%s' "$2" | sed 's,^[a-z]*://[^/]*/,,')"
if [ "$3" = "-o" ]; then cp "{site}/$path" "$4"; else cat "{site}/$path"; fi
"""


@pytest.fixture(params=["id", "en"])
def page(request: pytest.FixtureRequest) -> str:
    locator = geo.default_locator()
    renderer = Renderer.open(
        geo_build=geo.build_folder(),
        categories=list(categories.load().values()),
        site_url="https://warga.example",
        approximate=locator.approximate,
        boundaries_version=locator.version,
        attribution="test",
    )
    return renderer.check(request.param)


def commands(page: str, name: str) -> str:
    found = re.search(rf'id="{name}"><code>(.*?)</code>', page, re.DOTALL)
    assert found, name
    return html.unescape(found[1])


def run(script: str, folder: Path, path: Mapping[str, str]) -> list[str]:
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", script], cwd=folder, capture_output=True, text=True, env=path, check=True
    )
    return done.stdout.splitlines()


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    tools = tmp_path / "bin"
    tools.mkdir()
    curl = tools / "curl"
    curl.write_text(CURL.format(site=tmp_path / "site"), "utf-8")
    curl.chmod(0o755)
    return {"PATH": f"{tools}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def test_the_commands_of_the_page_check_a_published_history(
    page: str,
    door: intake.Door,
    site: FolderFiles,
    clock: Clock,
    dice: Dice,
    tmp_path: Path,
    shell: dict[str, str],
):
    submission = Submission(
        category="jalan",
        description='Lubang “besar” di Jl. Cikini, kata orang ,"hash":"00".',
        longitude=106.83,
        latitude=-6.17,
    )
    told = intake.accept(door, submission, channel="web").id
    officers = desk.Desk(door.table, clock, dice)
    desk.move(
        officers, told, Move("done", 'Sudah. ,"hash":"11"'), role="officer", office=Office(GAMBIR, "Gambir")
    )
    it, _ = records.load(door.table, told)
    history = records.history(door.table, told)
    site.put(f"laporan/{told}.json", public.document(public.report(it, history, categories.load())))
    steps = commands(page, "langkah").replace("7K3M9QX2", told)
    for seq, event in enumerate(history, start=1):
        hashed, sealed = run(steps.replace("'2s", f"'{seq + 1}s"), tmp_path, shell)
        assert hashed.split()[0] == sealed == event.hash
    changed = site.get(f"laporan/{told}.json").data.replace(b'"category":"jalan"', b'"category":"jalam"')
    site.put(f"laporan/{told}.json", changed)
    hashed, sealed = run(steps, tmp_path, shell)
    assert hashed.split()[0] != sealed


def test_the_commands_of_the_page_check_a_day(
    page: str, door: intake.Door, site: FolderFiles, clock: Clock, tmp_path: Path, shell: dict[str, str]
):
    submission = Submission(
        category="jalan", description="Lubang besar di jalan.", longitude=106.83, latitude=-6.17
    )
    told = intake.accept(door, submission, channel="web").id
    clock.later(days=1)
    publisher = publish.Publisher(
        table=door.table,
        site=site,
        private=door.private,
        renderer=None,  # type: ignore[arg-type]
        locator=TwoKelurahan(),
        neighbours={},
        outlines=b"{}",
        categories=categories.load(),
    )
    roots.write_new(publisher.table, publisher.site, clock())
    situs = commands(page, "langkah").splitlines()[0]
    script = f"{situs}\n{commands(page, 'hari').replace('7K3M9QX2', told)}\n"
    lines = run(script.replace("\ngrep", "\necho\ngrep"), tmp_path, shell)
    assert lines[0].split()[0] == json.loads(lines[1])["root"]
    assert lines[2] == f"{told} 1 {records.load(door.table, told)[0].head}"


def test_the_example_of_the_page_for_words_is_right(page: str, tmp_path: Path, shell: dict[str, str]):
    [hashed] = run(commands(page, "kata"), tmp_path, shell)
    # printf writes no new line after the text, as the commitment has none.
    found = re.search(r'<code class="long" id="janji">([0-9a-f]{64})</code>', page)
    assert found
    assert hashed.split()[0] == found[1]
