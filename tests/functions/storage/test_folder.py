"""What only the folder must prove: never half a file, processes at once, a sudden death, uploads."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalicelib.storage.folder import FolderFiles, Grant, UploadRefused, sign, verify

from tests.running import python

SECRET = b"a secret for tests only"
WRITER = """
    import sys
    from chalicelib.storage.folder import FolderFiles
    root, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    files = FolderFiles(root)
    for n in range(count):
        letter = bytes([65 + n % 26])
        files.put("shared/index.html", letter * (10_000 + n))
        files.put(f"{name}/{n % 7}/{n:06d}.json", letter * (1 + n * 37 % 5000))
        print(n)
"""


def content(n: int) -> bytes:
    return bytes([65 + n % 26]) * (1 + n * 37 % 5000)


@pytest.mark.parametrize("after", [0, 203, 640])
def test_killed_in_the_middle_every_acknowledged_file_is_there_and_whole(tmp_path: Path, after: int) -> None:
    process = python(WRITER, str(tmp_path / "site"), "a", "1000")
    assert process.stdout
    acknowledged = -1
    for line in process.stdout:
        acknowledged = int(line)
        if acknowledged >= after:
            process.kill()
            break
    acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().split("\n") if line)])
    process.stdout.close()
    process.wait(30)
    assert process.returncode == -9

    files = FolderFiles(tmp_path / "site")
    paths = sorted(files.list("a/"), key=lambda path: path.rpartition("/")[2])
    assert acknowledged + 1 <= len(paths) <= acknowledged + 2
    for n, path in enumerate(paths):
        assert path == f"a/{n % 7}/{n:06d}.json"
        found = files.get(path)
        assert found
        assert found.data == content(n)
    shared = files.get("shared/index.html")
    assert shared
    n = len(shared.data) - 10_000
    assert acknowledged <= n <= acknowledged + 2
    assert shared.data == bytes([65 + n % 26]) * len(shared.data)


def test_two_processes_write_at_once_and_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / "site")
    processes = [python(WRITER, str(tmp_path / "site"), name, "150") for name in ("a", "b")]
    seen = 0
    while any(process.poll() is None for process in processes):
        if found := files.get("shared/index.html"):
            seen += 1
            assert found.data == found.data[:1] * len(found.data)
            assert len(found.data) >= 10_000
    for process in processes:
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert seen
    assert len(list(files.list("a/"))) == len(list(files.list("b/"))) == 150
    # Nothing half-written stays behind.
    assert list((tmp_path / "site" / ".partial").iterdir()) == []


def test_only_one_of_two_processes_puts_an_absent_file(tmp_path: Path) -> None:
    code = """
        import sys
        from chalicelib.storage.folder import FolderFiles
        files = FolderFiles(sys.argv[1])
        print(sum(files.put(f"claim/{n}", sys.argv[2].encode(), if_absent=True) for n in range(200)))
    """
    processes = [python(code, str(tmp_path), name) for name in ("a", "b")]
    won = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(won) == 200
    files = FolderFiles(tmp_path)
    assert sum(files.get(f"claim/{n}").data == b"a" for n in range(200)) == won[0]  # type: ignore[union-attr]


def test_what_a_dead_process_left_half_written_is_cleared_later_and_never_listed(tmp_path: Path) -> None:
    FolderFiles(tmp_path)
    old, young = tmp_path / ".partial" / "old", tmp_path / ".partial" / "young"
    for each in (old, young):
        each.write_bytes(b"half a fi")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    files = FolderFiles(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)
    assert list(files.list()) == []


def test_a_name_cannot_be_a_file_and_a_folder(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path)
    files.put("a/b", b"x")
    with pytest.raises(ValueError, match="folder of other files"):
        files.put("a", b"x")
    with pytest.raises(ValueError, match="leads through a file"):
        files.put("a/b/c", b"x")
    assert list((tmp_path / ".partial").iterdir()) == []
    assert (files.get("a"), files.get("a/b/c"), files.exists("a")) == (None, None, False)


def test_one_of_many_that_put_a_file_at_once_stays_whole(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path)
    bodies = [bytes([n]) * 200_000 for n in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda body: files.put("a/b.bin", body), bodies))
    found = files.get("a/b.bin")
    assert found
    assert found.data in bodies


# Uploads.


@pytest.fixture
def folder(tmp_path: Path, clock: Any) -> FolderFiles:
    return FolderFiles(tmp_path, upload_secret=SECRET, upload_url="/_local/uploads", now=clock)


def ticket(folder: FolderFiles, *content_types: str) -> dict[str, str]:
    upload = folder.presign_upload(
        "uploads/abc", max_bytes=1000, content_types=content_types or ("image/jpeg",), expires_s=600
    )
    assert upload.url == "/_local/uploads"
    return dict(upload.fields)


def refused(folder: FolderFiles, fields: dict[str, str], data: bytes = b"x", **more: Any) -> str:
    with pytest.raises(UploadRefused) as refusal:
        folder.receive_upload(fields, data, **more)
    assert folder.exists("uploads/abc") is False
    return refusal.value.code


def test_an_allowed_upload_is_stored_where_it_was_allowed(folder: FolderFiles) -> None:
    fields = ticket(folder)
    assert fields["Content-Type"] == "image/jpeg"
    assert folder.receive_upload(fields, b"x" * 1000) == "uploads/abc"
    found = folder.get("uploads/abc")
    assert found
    assert found.data == b"x" * 1000


def test_an_upload_too_late_is_refused_to_the_second(folder: FolderFiles, clock: Any) -> None:
    fields = ticket(folder)
    clock.time += 600
    assert refused(folder, fields) == "expired"
    late = datetime.fromtimestamp(clock.time + 1, UTC)
    assert refused(folder, fields, now=late) == "expired"
    clock.time -= 1
    assert folder.receive_upload(fields, b"x")


def test_an_upload_of_another_size_type_or_place_is_refused(folder: FolderFiles) -> None:
    fields = ticket(folder)
    assert refused(folder, fields, b"x" * 1001) == "too_large"
    assert refused(folder, fields, b"") == "empty"
    assert refused(folder, fields | {"Content-Type": "image/svg+xml"}) == "wrong_type"
    assert refused(folder, {k: v for k, v in fields.items() if k != "Content-Type"}) == "wrong_type"
    assert refused(folder, fields | {"key": "index.html"}) == "wrong_path"
    assert refused(folder, {k: v for k, v in fields.items() if k != "key"}) == "wrong_path"


def test_one_of_several_types_is_the_senders_choice(folder: FolderFiles) -> None:
    fields = ticket(folder, "image/jpeg", "image/png")
    assert "Content-Type" not in fields
    assert refused(folder, fields | {"Content-Type": "image/gif"}) == "wrong_type"
    assert folder.receive_upload(fields | {"Content-Type": "Image/PNG"}, b"x")


def test_a_token_that_was_changed_anywhere_is_refused(folder: FolderFiles) -> None:
    fields = ticket(folder)
    token = fields["token"]
    payload, _, mac = token.partition(".")
    stated = json.loads(base64.urlsafe_b64decode(payload + "=="))
    larger = base64.urlsafe_b64encode(json.dumps(stated | {"max": 10**9}).encode()).decode().rstrip("=")
    foreign = sign(b"another secret, as long", Grant("uploads/abc", 1000, ("image/jpeg",), 2_000_000_000))
    wrong = [
        "",
        ".",
        "x",
        payload,
        f"{payload}.",
        f".{mac}",
        f"{larger}.{mac}",
        foreign,
        token + "A",
        token + "=",
        token * 400,
        "é.é",
    ]
    for place in range(len(token)):
        wrong.append(token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :])
    for bad in wrong:
        assert refused(folder, fields | {"token": bad}) == "invalid"
    assert refused(folder, {"key": "uploads/abc"}) == "invalid"


def test_a_folder_without_a_secret_takes_no_uploads(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path)
    with pytest.raises(ValueError, match="upload_secret"):
        files.presign_upload("uploads/abc", max_bytes=1, content_types=["image/png"], expires_s=1)
    empty = sign(b"", Grant("uploads/abc", 1000, ("image/png",), 2_000_000_000))
    with pytest.raises(UploadRefused):
        verify(b"", empty, 0)
    with pytest.raises(ValueError, match="at least 16"):
        FolderFiles(tmp_path, upload_secret=b"short")
