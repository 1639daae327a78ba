"""The asset build: quiet when nothing changed, clear when something is missing."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from web import build as web_build
from web.__main__ import main
from web.render import Renderer
from web.views import FormView


def test_a_second_build_has_nothing_to_do(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (built / "manifest.json").stat().st_mtime_ns
    assert main(["build"]) == 0
    assert capsys.readouterr().out == ""
    assert (built / "manifest.json").stat().st_mtime_ns == before


def test_a_changed_input_is_noticed(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = json.loads((built / "manifest.json").read_text())
    assert web_build._fingerprint(manifest["category_icons"]) == manifest["inputs"]
    assert web_build._fingerprint([*manifest["category_icons"], "anchor"]) != manifest["inputs"]
    static = tmp_path / "web" / "static"
    static.mkdir(parents=True)
    (tmp_path / "package-lock.json").write_text("{}")
    here = tmp_path / "web"
    (here / "build.py").write_text("")
    monkeypatch.setattr(web_build, "ROOT", tmp_path)
    monkeypatch.setattr(web_build, "HERE", here)
    monkeypatch.setattr(web_build, "STATIC", static)
    first = web_build._fingerprint([])
    (static / "a.css").write_text("a{}")
    assert web_build._fingerprint([]) != first


def test_without_node_modules_the_build_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(web_build, "_fingerprint", lambda icons: "changed")
    monkeypatch.setattr(web_build, "ROOT", tmp_path)
    monkeypatch.setattr(web_build, "BUILD", tmp_path / "build")
    assert main(["build"]) == 1
    assert "npm ci" in capsys.readouterr().err


def test_categories_that_cannot_be_read_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "mine.toml"
    broken.write_text("[x]\nid = 'X'\n")
    assert main(["build", "--categories", str(broken)]) == 1
    assert "mine.toml" in capsys.readouterr().err


def test_the_service_worker_names_only_what_is_published_and_all_that_the_form_loads(
    renderer: Renderer,
) -> None:
    files = dict(renderer.assets())
    worker = files["sw.js"].decode()
    named = set(re.findall(r'"/(aset/[^"]+)"', worker))
    assert named <= set(files)
    for html in (renderer.report_form(FormView({}), "id"), renderer.mine("en"), renderer.offline("id")):
        linked = set(re.findall(r'(?:href|src|data-words|data-styles)="/(aset/[^"#]*)', html))
        # Print and the headings' face may be missing without a connection.
        assert {name for name in linked if "/print-" not in name and "/font-" not in name} <= named
    for name in named:
        imported = re.findall(rb'(?:from|import)\(?"\./([^"]+)"', files[name])
        # A basemap's own scripts come only where there is a connection for its tiles.
        assert {f"aset/{each.decode()}" for each in imported if each.startswith(b"chunk-")} <= named, name


def test_the_site_can_be_installed(renderer: Renderer) -> None:
    files = dict(renderer.assets())
    told = json.loads(files["manifest.webmanifest"])
    for icon in (*told["icons"], *(icon for each in told["shortcuts"] for icon in each["icons"])):
        content = files[icon["src"].removeprefix("/")]
        if icon["type"] == "image/png":
            width, height = Image.open(io.BytesIO(content)).size
            assert icon["sizes"] == f"{width}x{height}"
    purposes = {(icon["purpose"], icon["sizes"]) for icon in told["icons"]}
    assert {
        ("any", "192x192"),
        ("any", "512x512"),
        ("maskable", "192x192"),
        ("maskable", "512x512"),
    } <= purposes
    assert {each["url"] for each in told["shortcuts"]} == {"/lapor/", "/saya/"}
    assert told["scope"] == told["id"] == "/"


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((web_build.ROOT / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
