"""What every engine of the file port does in exactly the same way."""

from __future__ import annotations

from typing import Any

import pytest
from chalicelib.storage.files import FRESH, IMMUTABLE, headers

EVERY_BYTE = bytes(range(256)) * 1000


def test_a_file_comes_back_as_it_was_put_and_a_new_one_takes_its_place(files: Any) -> None:
    assert files.get("laporan/7K3M9QX2.json") is None
    assert files.exists("laporan/7K3M9QX2.json") is False
    assert files.put("laporan/7K3M9QX2.json", EVERY_BYTE) is True
    first = files.get("laporan/7K3M9QX2.json")
    assert (first.path, first.data, first.content_type) == (
        "laporan/7K3M9QX2.json",
        EVERY_BYTE,
        "application/json",
    )
    assert files.exists("laporan/7K3M9QX2.json") is True
    assert files.put("laporan/7K3M9QX2.json", b"") is True
    second = files.get("laporan/7K3M9QX2.json")
    assert second.data == b""
    assert second.etag != first.etag
    files.put("laporan/7K3M9QX2.json", EVERY_BYTE)
    assert files.get("laporan/7K3M9QX2.json").etag == first.etag


def test_a_file_is_read_in_parts_which_end_where_it_ends(files: Any) -> None:
    files.put("peta/a.pmtiles", EVERY_BYTE)
    assert files.part("peta/a.pmtiles", 1, 3).data == b"\x01\x02\x03"
    assert files.part("peta/a.pmtiles", 1, 3).size == len(EVERY_BYTE)
    assert files.part("peta/a.pmtiles", len(EVERY_BYTE) - 2, len(EVERY_BYTE) + 99).data == EVERY_BYTE[-2:]
    assert files.part("peta/a.pmtiles", len(EVERY_BYTE), len(EVERY_BYTE) + 9).data == b""
    assert files.part("peta/b.pmtiles", 0, 9) is None
    with pytest.raises(ValueError, match="path"):
        files.part("../a", 0, 9)


def test_a_deleted_file_is_gone_and_deleting_it_again_is_no_mistake(files: Any) -> None:
    files.put("a/b.txt", b"x")
    files.delete("a/b.txt")
    files.delete("a/b.txt")
    files.delete("never/was.txt")
    assert files.get("a/b.txt") is None
    assert list(files.list()) == []


def test_a_file_put_if_absent_never_replaces_another(files: Any) -> None:
    assert files.put("a/b.txt", b"first", if_absent=True) is True
    assert files.put("a/b.txt", b"second", if_absent=True) is False
    assert files.get("a/b.txt").data == b"first"
    files.delete("a/b.txt")
    assert files.put("a/b.txt", b"third", if_absent=True) is True


def test_paths_are_listed_in_order_and_by_any_beginning(files: Any) -> None:
    paths = [
        "a-b/x.json", "a.txt", "a/b/c/d.txt", "a/b.txt", "a/b0.txt", "a0.txt",
        "data/arsip/31.71.01.1001/202610.json", ".well-known/security.txt", "index.html", "A.txt",
    ]  # fmt: skip
    for path in paths:
        files.put(path, b"x")
    assert list(files.list()) == sorted(paths)
    for prefix in (
        "a",
        "a/",
        "a/b",
        "a/b/",
        "data/arsip/31.71",
        "nothing",
        "index.html",
        "index.html/",
        ".well",
        "a-b/",
    ):
        assert list(files.list(prefix)) == sorted(path for path in paths if path.startswith(prefix)), prefix


def test_content_types_come_from_the_one_table(files: Any) -> None:
    for path, content_type in {
        "index.html": "text/html; charset=utf-8",
        "kelurahan/31.71.01.1001/feed.xml": "application/atom+xml; charset=utf-8",
        "kelurahan/31.71.01.1001/laporan.geojson": "application/geo+json",
        "aset/peta-3f2a.js": "text/javascript; charset=utf-8",
        "foto/7K3M9QX2/ab.JPG": "image/jpeg",
        "uploads/0123456789abcdef": "application/octet-stream",
    }.items():
        files.put(path, b"x")
        assert files.get(path).content_type == headers(path)["Content-Type"] == content_type


def test_only_what_carries_its_hash_in_its_name_is_kept_for_a_year() -> None:
    assert headers("aset/peta-3f2a.js")["Cache-Control"] == IMMUTABLE
    for path in ("index.html", "foto/7K3M9QX2/ab.jpg", "data/aset/x.json", "aset.html"):
        assert headers(path)["Cache-Control"] == FRESH


IMPOSSIBLE_PATHS = [
    "", "/", "/etc/passwd", "a/../b", "..", "../a", "a/..", "./a", "a/./b", "a//b", "a/", "a\\b", "..\\a", "a\0b",
    "a\nb", "C:/a", "a b", "é", "a%2e%2e/b", "a?b", "a#b", ".partial/x", ".git/config", "a/.hidden", "~" * 901,
    "b" * 201, "a" + "/a" * 500, "\udc00", "a:b", "*", "<x>",
]  # fmt: skip


def test_a_path_that_leads_elsewhere_is_refused_by_every_method(files: Any) -> None:
    for path in IMPOSSIBLE_PATHS:
        for call in (
            lambda path=path: files.put(path, b"x"),
            lambda path=path: files.get(path),
            lambda path=path: files.exists(path),
            lambda path=path: files.delete(path),
            lambda path=path: files.presign_upload(
                path, max_bytes=1, content_types=["image/png"], expires_s=1
            ),
        ):
            with pytest.raises(ValueError, match="path"):
                call()
    assert list(files.list()) == []


def test_a_beginning_that_leads_elsewhere_is_refused(files: Any) -> None:
    for prefix in ("/", "../", "a/../", "a//", "\\", ".git", ".partial/", "a/.h", "é", "a\0"):
        with pytest.raises(ValueError, match=r"prefix|path"):
            list(files.list(prefix))


def test_an_upload_that_makes_no_sense_is_not_allowed(files: Any) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"max_bytes": 0}, "max_bytes"),
        ({"max_bytes": 10**10}, "max_bytes"),
        ({"expires_s": 0}, "expires_s"),
        ({"expires_s": 604_801}, "expires_s"),
        ({"content_types": []}, "content_types"),
        ({"content_types": ["image/*"]}, "content type"),
        ({"content_types": ["image/png\r\nx: y"]}, "content type"),
    ]
    for each, message in wrong:
        asked = {"max_bytes": 10, "content_types": ["image/png"], "expires_s": 60} | each
        with pytest.raises(ValueError, match=message):
            files.presign_upload("uploads/a", **asked)
