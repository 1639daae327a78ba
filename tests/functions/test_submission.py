"""Reading a report from whatever was sent: every wrong field is named, every good one is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalicelib import categories, submission
from chalicelib.front.problems import MESSAGES, Problem, Refused
from hypothesis import given
from hypothesis import strategies as st

CATEGORIES = categories.load()
GOOD: dict[str, Any] = {
    "category": "jalan",
    "description": "Lubang besar di lajur kiri.",
    "latitude": -6.1754,
    "longitude": 106.8272,
}


def read(**changes: Any) -> submission.Submission:
    raw = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return submission.read(raw, categories=CATEGORIES)


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        read(**changes)
    assert caught.value.status == 400
    for problem in caught.value.problems:
        for language in ("id", "en"):
            assert problem.message(language)
    return {problem.field: problem.code for problem in caught.value.problems}


def test_a_report_needs_a_category_words_and_a_place():
    assert read().latitude == -6.1754
    with pytest.raises(Refused) as caught:
        submission.read({}, categories=CATEGORIES)
    assert {(p.field, p.code) for p in caught.value.problems} == {
        ("category", "missing"),
        ("description", "missing"),
        ("latitude", "position_missing"),
    }


def test_forms_and_json_mean_the_same():
    as_form = {name: str(value) for name, value in GOOD.items()} | {
        "private": "on",
        "accuracy": "12.5",
        "photo": [],
    }
    assert read(**as_form) == read(private=True, accuracy=12.5)


def test_a_comma_is_read_as_a_decimal_point():
    assert read(latitude="-6,1754").latitude == -6.1754


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"description": "Rusak"}, {"description": "too_short"}),
        ({"description": "x" * 2001}, {"description": "too_long"}),
        ({"description": 5}, {"description": "not_text"}),
        ({"category": "zebra"}, {"category": "not_a_choice"}),
        ({"latitude": "utara"}, {"latitude": "not_a_number"}),
        ({"latitude": "nan"}, {"latitude": "not_a_number"}),
        ({"latitude": "1e999"}, {"latitude": "not_a_number"}),
        ({"latitude": True}, {"latitude": "not_a_number"}),
        ({"latitude": -91}, {"latitude": "out_of_range"}),
        ({"longitude": 181}, {"longitude": "out_of_range"}),
        ({"latitude": 106.8272, "longitude": -6.1754}, {"latitude": "position_swapped"}),
        ({"longitude": ...}, {"longitude": "position_half"}),
        ({"accuracy": -1}, {"accuracy": "out_of_range"}),
        ({"private": "maybe"}, {"private": "not_yes_or_no"}),
        ({"language": "jv"}, {"language": "not_a_choice"}),
        ({"landmark": "x" * 201}, {"landmark": "too_long"}),
        ({"contact_email": "budi@"}, {"contact_email": "email_wrong"}),
        ({"contact_phone": "12"}, {"contact_phone": "phone_wrong"}),
        ({"photo": ["a", "b", "c", "d"]}, {"photo": "photo_too_many"}),
        ({"photo": 7}, {"photo": "not_text"}),
        ({"kelurahan": "31.71.01.1001", "latitude": ..., "longitude": ...}, {"landmark": "landmark_missing"}),
        ({"categori": "jalan"}, {"categori": "unknown_field"}),
        (
            {"description": "pendek", "latitude": "x"},
            {"description": "too_short", "latitude": "not_a_number"},
        ),
    ],
)
def test_what_is_wrong_is_named_by_field(changes: dict[str, Any], expected: dict[str, str]):
    assert problems(**changes) == expected


def test_contact_is_validated_and_written_one_way():
    it = read(contact_email="Budi@Example.COM", contact_phone="0812-3456-7890")
    assert (it.contact_email, it.contact_phone) == ("Budi@example.com", "+6281234567890")


def test_text_is_cleaned_of_what_does_not_show():
    assert submission.clean("a\r\nb\tc\u202edesrever\x00 ") == "a\nb cdesrever"
    assert submission.clean("\ud800 lone") == "? lone"


@given(st.text(max_size=300))
def test_cleaning_twice_is_cleaning_once(text: str):
    once = submission.clean(text)
    assert submission.clean(once) == once
    once.encode("utf-8")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(sorted(submission.FIELDS)) | st.text(max_size=8), json_values, max_size=14
    )
)
def test_whatever_is_sent_is_read_or_refused_with_words(raw: dict[str, Any]):
    try:
        it = submission.read(raw, categories=CATEGORIES)
    except Refused as refused:
        assert refused.problems
        for problem in refused.problems:
            assert problem.message("id")
            json.dumps(problem.message("en"))
    else:
        assert 10 <= len(it.description) <= 2000
        assert it.category in CATEGORIES


def test_a_quoted_value_is_never_longer_than_a_line():
    assert len(Problem("not_a_choice", "category", {"value": "x" * 9000, "choices": "y"}).message("id")) < 200


def test_no_message_is_left_without_a_translation():
    from web.i18n import translation

    for code, text in MESSAGES.items():
        assert translation("id").gettext(text) != text, code
