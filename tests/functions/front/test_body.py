"""Bodies: the same values whichever way they were sent; whatever arrives, an answer or a reason, never a fault."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from chalicelib.front import body
from chalicelib.front.problems import Refused
from hypothesis import given
from hypothesis import strategies as st

MOST = 100_000
BOUNDARY = "batas"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

names = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=12).filter(
    lambda name: name not in body.LISTS
)
texts = st.text(st.characters(codec="utf-8"), max_size=60)


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + data + b"\r\n"


def multipart(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def refused(data: bytes, content_type: str, most: int = MOST) -> tuple[int, list[tuple[str, str]]]:
    with pytest.raises(Refused) as found:
        body.read(data, content_type, max_bytes=most)
    return found.value.status, [(p.code, p.field) for p in found.value.problems]


@given(st.dictionaries(names, texts, max_size=8))
def test_the_same_values_are_read_from_all_three_forms(values: dict[str, str]):
    as_json = body.read(json.dumps(values).encode(), "application/json", max_bytes=MOST)
    encoded = body.read(urlencode(values).encode(), "application/x-www-form-urlencoded", max_bytes=MOST)
    parts = [part(name, value.encode()) for name, value in values.items()]
    in_parts = body.read(multipart(*parts), MULTIPART, max_bytes=MOST)
    assert as_json == encoded == in_parts == (values, [])


@given(
    st.binary(max_size=300),
    st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", MULTIPART, "multipart/form-data"]
    ),
)
def test_whatever_arrives_is_read_or_refused(data: bytes, content_type: str):
    try:
        values, files = body.read(data, content_type, max_bytes=MOST)
    except Refused as reason:
        assert reason.status == 400
        assert reason.problems
    else:
        assert isinstance(values, dict)
        assert isinstance(files, list)


@given(st.binary(max_size=120))
def test_whatever_stands_between_boundaries_is_read_or_refused(data: bytes):
    framed = f"--{BOUNDARY}\r\n".encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    try:
        body.read(framed, MULTIPART, max_bytes=MOST)
    except Refused as reason:
        assert reason.status == 400


@given(st.text(max_size=60))
def test_whatever_the_content_type_says_it_is_known_or_refused(content_type: str):
    try:
        body.read(b"", content_type, max_bytes=MOST)
    except Refused as reason:
        assert reason.status in {400, 415}


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", " application/json ;x=y"]
)
def test_a_content_type_is_known_in_any_case_and_with_parameters(kind: str):
    assert body.read(b'{"a": "b"}', kind, max_bytes=MOST) == ({"a": "b"}, [])


def test_a_body_is_read_up_to_its_limit_and_not_a_byte_more():
    data = b'{"a": "b"}'
    assert body.read(data, "application/json", max_bytes=len(data))[0] == {"a": "b"}
    assert refused(data, "application/json", len(data) - 1) == (413, [("body_too_large", "")])


def test_photos_may_be_repeated_and_other_fields_may_not():
    values, _ = body.read(b"photo=a&photo=b&photo=", body.URLENCODED, max_bytes=MOST)
    assert values == {"photo": ["a", "b"]}
    assert refused(b"category=a&category=b", body.URLENCODED) == (400, [("repeated", "category")])
    twice = multipart(part("category", b"a"), part("category", b"b"))
    assert refused(twice, MULTIPART) == (400, [("repeated", "category")])


def test_json_that_names_a_field_twice_is_read_by_its_last_as_every_parser_does():
    values, _ = body.read(b'{"a": "x", "a": "y"}', body.JSON, max_bytes=MOST)
    assert values == {"a": "y"}


def test_files_are_kept_apart_and_empty_ones_left_out():
    data = multipart(
        part("category", b"jalan"),
        part("photo", b"\xff\xd8\xff", "a.jpg"),
        part("photo", b"", ""),
        part("other", b"\x89PNG", "b.png"),
    )
    assert body.read(data, MULTIPART, max_bytes=MOST) == (
        {"category": "jalan"},
        [b"\xff\xd8\xff", b"\x89PNG"],
    )


def test_text_of_a_photo_field_is_a_key_not_a_file():
    data = multipart(part("photo", b"upload:abc"), part("photo", b"\xff\xd8", "a.jpg"))
    assert body.read(data, MULTIPART, max_bytes=MOST) == ({"photo": ["upload:abc"]}, [b"\xff\xd8"])


def test_too_many_fields_are_refused():
    many = "&".join(f"f{n}=1" for n in range(body.MAX_FIELDS + 1)).encode()
    assert refused(many, body.URLENCODED)[0] == 400
    parts = [part(f"f{n}", b"1") for n in range(body.MAX_FIELDS + body.MAX_FILES + 1)]
    assert refused(multipart(*parts), MULTIPART)[0] == 400


@pytest.mark.parametrize(
    "data",
    [
        part("a", b"x"),
        multipart(part("a", b"\xff\xfe")),
        f"--{BOUNDARY}\r\nContent-Disposition: attachment\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        f"--{BOUNDARY}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        multipart(part("a", b"x"))[:-10],
    ],
    ids=["no end", "no UTF-8", "no form data", "no head", "cut off"],
)
def test_a_damaged_multipart_body_is_unreadable(data: bytes):
    assert refused(data, MULTIPART) == (400, [("body_unreadable", "")])


def test_a_form_shows_only_text_again():
    assert body.strings({"a": "x", "b": ["y"], "c": 3, "d": None}) == {"a": "x"}
