"""The bundle holds what runs and nothing else, and runs with nothing else on its path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import package

ASK = """
import json, sys, types
sys.path[:] = [sys.argv[1], *[p for p in sys.path if "site-packages" not in p]]

class NoNetwork:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"boto3", "botocore", "numpy", "shapely"}:
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, NoNetwork())
import app
from urllib.parse import parse_qs
def ask(path, query=None):
    event = {
        "resource": path, "path": path, "httpMethod": "GET", "headers": {}, "multiValueHeaders": {},
        "queryStringParameters": query, "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
        "pathParameters": None, "stageVariables": None, "body": None, "isBase64Encoded": False,
        "requestContext": {"resourcePath": path, "httpMethod": "GET", "requestId": "r-1", "identity": {}},
    }
    return app.app(event, types.SimpleNamespace(aws_request_id="l-1"))
located = ask("/api/locate", {"latitude": "-6.1754", "longitude": "106.8272"})
described = ask("/api/openapi.json")
import chalicelib.triggers, web.render
from chalicelib import wiring
page = wiring.renderer().not_found("id")
outside = [m.__file__ for m in sys.modules.values()
           if getattr(m, "__file__", None) and "site-packages" in m.__file__]
print(json.dumps({"located": located, "described": described["statusCode"], "page": page[:15], "outside": outside}))
"""


def test_the_bundle_is_complete_and_holds_nothing_else(packaged: Path) -> None:
    assert package.faults_of_bundle(packaged / package.BUNDLE) == []
    with zipfile.ZipFile(packaged / package.BUNDLE) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops.isdisjoint(
        {"tests", "infra", "node_modules", "boto3", "botocore", "numpy", "shapely", "vendor"}
    )
    assert not [name for name in names if name.endswith((".pyc", ".po")) or "__pycache__" in name]
    # Polygons never leave the machine that compiled them: only what is drawn from them does.
    geo = {name for name in names if name.startswith("geo/build/")}
    assert geo == {
        f"geo/build/{n}"
        for n in ("batas.json", "kelurahan.index", "manifest.json", "outlines.json", "shapes.json")
    }
    assert not [name for name in names if name.endswith((".geojson", ".sql", ".gz", ".zip"))]


def test_every_published_asset_is_in_the_bundle(packaged: Path) -> None:
    built = {
        path.relative_to(package.ROOT).as_posix() for path in (package.ROOT / "web/build/aset").iterdir()
    }
    with zipfile.ZipFile(packaged / package.BUNDLE) as archive:
        assert built
        assert built <= set(archive.namelist())


def test_the_bundle_keeps_to_its_budget(packaged: Path) -> None:
    with zipfile.ZipFile(packaged / package.BUNDLE) as archive:
        unzipped = sum(info.file_size for info in archive.infolist())
    assert (packaged / package.BUNDLE).stat().st_size <= package.BUDGET_BYTES
    assert unzipped <= 250_000_000


def test_the_bundle_answers_with_nothing_else_on_its_path(packaged: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packaged / package.BUNDLE) as archive:
        archive.extractall(tmp_path / "task")
    environment = {
        "ENGINE": "dynamodb",
        "TABLE": "t",
        "SITE_BUCKET": "s",
        "PRIVATE_BUCKET": "p",
        "STAGE": "test",
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", ASK, str(tmp_path / "task")],
        cwd=tmp_path,
        env=environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    place = json.loads(answer["located"]["body"])["place"]
    manifest = json.loads((package.ROOT / "geo/build/manifest.json").read_text("utf-8"))
    assert answer["located"]["statusCode"] == 200
    assert place["kode"].startswith("31.7")
    if not manifest["approximate"]:
        assert (place["kelurahan"], place["kode"]) == ("Gambir", "31.71.01.1001")
    assert (answer["described"], answer["page"].lower()) == (200, "<!doctype html>")
    assert answer["outside"] == []


def test_every_library_has_a_wheel_for_what_is_deployed(packaged: Path, tmp_path: Path) -> None:
    for architecture in package.PLATFORMS:
        package.install(tmp_path / architecture, architecture, dry=True)


def test_a_library_that_is_declared_but_missing_is_named(packaged: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.zip"
    with zipfile.ZipFile(packaged / package.BUNDLE) as archive, zipfile.ZipFile(short, "w") as less:
        for name in archive.namelist():
            if not name.startswith(("msgspec/", "geo/build/kelurahan.index")):
                less.writestr(name, b"")
        less.writestr("geo/__pycache__/x.pyc", b"")
    found = package.faults_of_bundle(short)
    assert "the bundle lacks the library msgspec" in found
    assert "the bundle lacks geo/build/kelurahan.index" in found
    assert "the bundle holds geo/__pycache__/x.pyc" in found


def test_only_locked_versions_with_hashes_enter_the_bundle() -> None:
    text = package.locked_requirements()
    names = [line.split("==")[0] for line in text.splitlines() if line and not line.startswith((" ", "\t"))]
    assert {"jinja2", "markupsafe", "msgspec", "pillow", "babel", "dnspython"} <= set(names)
    assert set(names).isdisjoint({"chalice", "boto3", "botocore", "numpy", "shapely", "pytest", "moto"})
    assert text.count("--hash=sha256:") >= len(names)


def test_a_requirement_that_is_not_locked_is_refused(tmp_path: Path) -> None:
    declared = tmp_path / "requirements.txt"
    declared.write_text("jinja2\nnot-in-the-lock-at-all>=1\n", "utf-8")
    with pytest.raises(package.PackageError, match=r"not-in-the-lock-at-all is not in dev\.lock"):
        package.locked_requirements(declared)


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(package.PackageError, match="takes arm64 or x86_64"):
        package.package(tmp_path, architecture="mips")


def test_the_same_input_gives_the_same_bytes_whenever_and_in_whatever_order_it_was_written(
    tmp_path: Path,
) -> None:
    made = []
    for turn, names in enumerate((["b/one.py", "a.py"], ["a.py", "b/one.py"])):
        libraries = tmp_path / str(turn)
        for name in names:
            (libraries / name).parent.mkdir(parents=True, exist_ok=True)
            (libraries / name).write_text(f"# {name}", "utf-8")
            os.utime(libraries / name, (1_000_000_000 + turn * 9999, 1_000_000_000 + turn * 9999))
        with zipfile.ZipFile(tmp_path / f"code{turn}.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("app.py", (2020 + turn, 1, 1, 0, 0, 0)), b"# app")
        package.repack(tmp_path / f"code{turn}.zip", libraries, tmp_path / f"bundle{turn}.zip")
        made.append((tmp_path / f"bundle{turn}.zip").read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "bundle0.zip") as archive:
        assert archive.namelist() == ["a.py", "app.py", "b/one.py"]
