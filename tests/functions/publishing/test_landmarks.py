"""Landmarks of the search: what several reports name close together, and neither one person's words nor a home."""

from __future__ import annotations

import json

import pytest
from chalicelib.publishing import landmarks
from chalicelib.records import Row
from hypothesis import given
from hypothesis import strategies as st

from web import data


def row(landmark: str, longitude: float | None = 106.8272, latitude: float | None = -6.1754) -> Row:
    return Row("7K3M9QX2", "jalan", "waiting", "", longitude, latitude, "", "", landmark=landmark)


def names(*rows: Row) -> list[str]:
    return [each.name for each in landmarks.named(rows)]


def test_what_one_report_names_is_told_to_nobody():
    assert names(row("Halte Contoh")) == []
    assert names(row("Halte Contoh, Halte Contoh")) == []


def test_what_two_reports_name_close_together_is_a_landmark_however_they_stand_to_it():
    found = landmarks.named([row("Depan Halte Contoh"), row("di seberang halte contoh.", 106.8276, -6.1752)])
    assert [(each.name, each.reports) for each in found] == [("Halte Contoh", 2)]
    assert (found[0].longitude, found[0].latitude) == (106.8274, -6.1753)


def test_the_same_word_far_apart_is_not_the_same_place():
    assert names(row("dekat masjid"), row("dekat masjid", 106.8372)) == []
    assert names(row("dekat masjid"), row("dekat masjid", 106.8372), row("masjid", 106.8374)) == ["masjid"]


def test_reports_without_a_position_make_no_landmark():
    assert names(row("Halte Contoh", None, None), row("Halte Contoh", None, None)) == []


@pytest.mark.parametrize(
    "words",
    [
        "rumah Pak Contoh",
        "kontrakan Contoh",
        "Jalan Contoh no 12",
        "RT 03",
        "Ibu Contoh",
        "dekat kos Contoh",
        "telepon •••",
        "kios 08123",
        "abc",
        "x" * 41,
    ],
)
def test_homes_people_and_what_was_taken_out_are_never_told(words: str):
    assert names(row(words), row(words), row(words)) == []


def test_a_hospital_is_no_home():
    assert names(row("dekat Rumah Sakit Contoh"), row("Rumah sakit contoh")) == ["Rumah Sakit Contoh"]


def test_several_places_in_one_landmark_are_each_one():
    assert names(row("Pasar Contoh, seberang Kantor Contoh"), row("kantor contoh; pasar contoh")) == [
        "Kantor Contoh",
        "Pasar Contoh",
    ]


@given(st.lists(st.tuples(st.text(max_size=60), st.floats(106.7, 106.9), st.floats(-6.3, -6.1)), max_size=60))
def test_there_are_never_more_than_twelve_and_each_has_its_reports(rows: list[tuple[str, float, float]]):
    found = landmarks.named([row(*each) for each in rows])
    assert len(found) <= landmarks.PER_KELURAHAN
    assert all(landmarks.NAMED_BY <= each.reports <= len(rows) for each in found)
    assert all("•" not in each.name and len(each.name) <= 40 for each in found)


def test_the_searchs_file_lists_them_by_kelurahan():
    body = {"name": "Halte Contoh", "longitude": 106.8, "latitude": -6.1, "reports": 3}
    assert json.loads(data.landmarks({"31.71.01.1001": [body]})) == {
        "landmarks": [["Halte Contoh", "31.71.01.1001", -6.1, 106.8, 3]]
    }
