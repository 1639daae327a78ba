"""A client that follows the documentation alone: its commands as they stand, against a running server."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import parse
from PIL import Image

from tests.running import ROOT, Running, ask, eventually, surroundings

PAGE = (ROOT / "infra" / "docs" / "open311.md").read_text("utf-8")
NAMES = ("services", "definition", "sent", "read", "window", "update", "updates")


def commands() -> str:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    first, _, rest = str(block).partition("\n")
    assert first.startswith("SITE="), "the first line says where, in which format and with which key"
    return rest


@pytest.fixture(scope="module")
def curl() -> None:
    if not all(shutil.which(name) for name in ("curl", "grep", "bash", "date")):
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail("REQUIRE_ALL=1, and there is no curl to run the commands of the page with")
        pytest.skip("there is no curl to run the commands of the page with")


def key_of(server: Running) -> str:
    """An officer's key, made as the page says, but for the whole province."""
    asked = re.search(r"python -m infra (keys add .*?)\npython -m", PAGE, re.DOTALL)
    assert asked
    words = shlex.split(asked.group(1).replace("\\\n", " "))
    words = [*words[: words.index("--boundary")], "--boundary", "31"]
    done = subprocess.run(
        [sys.executable, "-m", "infra", *words],
        cwd=ROOT, env=surroundings(DATA_DIR=str(server.data_dir)), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"cw_\w+", done.stdout)
    assert found, done.stdout
    return found.group()


def plain(path: Path) -> Any:
    """An answer as plain data, whichever its format: XML's elements by name, lists where the page says lists."""
    if path.suffix == ".json":
        return json.loads(path.read_bytes())

    def of(element: Any) -> Any:
        children = list(element)
        if not children:
            return element.text or ""
        if len({child.tag for child in children}) == 1 and element.tag == f"{children[0].tag}s":
            return [of(child) for child in children]
        return {child.tag: of(child) for child in children}

    root = parse(path, forbid_dtd=True).getroot()
    if root.tag in {"service_requests", "service_request_updates"}:
        return [of(child) for child in root]
    return of(root)


@pytest.mark.usefixtures("curl")
@pytest.mark.parametrize("form", ["xml", "json"])
def test_the_commands_of_the_page_do_what_it_says(server: Running, tmp_path: Path, form: str) -> None:
    Image.new("RGB", (640, 480), (120, 90, 60)).save(tmp_path / "lubang.jpg")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()],
        cwd=tmp_path, env=surroundings(SITE=server.url, FORMAT=form, KEY=key_of(server)), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    got = {name: plain(tmp_path / f"{name}.{form}") for name in NAMES}

    assert {"jalan", "banjir"} <= {each["service_code"] for each in got["services"]}
    assert got["definition"]["service_code"] == "jalan"
    (question,) = got["definition"]["attributes"]
    assert (question["code"], question["datatype"]) == ("bagian", "multivaluelist")
    number = got["sent"][0]["service_request_id"]

    (read,) = got["read"]
    assert (read["service_request_id"], read["status"], read["service_code"]) == (number, "open", "jalan")
    assert read["description"] == "Lubang di lajur kiri"
    assert [answer["code"] for answer in read["attributes"]] == ["bagian"]
    assert number in [each["service_request_id"] for each in got["window"]]
    for row in (read, *got["window"]):
        assert row["requested_datetime"].endswith("Z")
        assert row["updated_datetime"].endswith("Z")

    image = eventually(lambda: _image(server, read["media_url"]), "the photo at media_url")
    assert image.startswith(b"\xff\xd8")

    mine = [each for each in got["updates"] if each["service_request_id"] == number]
    assert [(each["status"], each["description"]) for each in mine] == [("in_progress", "Petugas berangkat")]
    assert got["update"][0]["update_id"] == mine[0]["update_id"]


def _image(server: Running, url: str) -> bytes:
    got = ask(url if url.startswith("http") else server.url + url)
    assert got.status == 404 or got.headers["content-type"] == "image/jpeg"
    return got.body if got.status == 200 else b""
