"""What categories ask: attributes are checked when they are declared and when they are answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chalicelib import attributes, categories, submission
from chalicelib.front.problems import Refused
from hypothesis import given
from hypothesis import strategies as st

NAMES = {"id": "Nama", "en": "Name"}
LIST = {"values": [{"key": "a", "id": "A", "en": "A"}]}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("text", "must be a table"),
        ({**NAMES, "code": "A b", "datatype": "string"}, "has the code 'A b'"),
        ({**NAMES, "datatype": "string"}, "has the code None"),
        ({**NAMES, "code": "a", "datatype": "colour"}, "datatype 'colour'"),
        ({"code": "a", "datatype": "string", "id": "x"}, "needs a text 'en'"),
        ({**NAMES, "code": "a", "datatype": "string", "hint_id": 1}, "hint_id = 1"),
        ({**NAMES, "code": "a", "datatype": "string", "required": "yes"}, "required = 'yes'"),
        ({**NAMES, "code": "a", "datatype": "string", "automated": "x"}, "server_set or hidden_field"),
        ({**NAMES, "code": "a", "datatype": "string", "colour": "red"}, "unknown fields ['colour']"),
        ({**NAMES, "code": "a", "datatype": "string", **LIST}, "takes none"),
        ({**NAMES, "code": "a", "datatype": "singlevaluelist"}, "needs values"),
        ({**NAMES, "code": "a", "datatype": "singlevaluelist", "values": [{"key": "a"}]}, "needs key, id and en"),
        ({**NAMES, "code": "a", "datatype": "multivaluelist", "values": LIST["values"] * 2}, "two values"),
    ],
)  # fmt: skip
def test_an_attribute_that_cannot_be_says_why(row: Any, words: str):
    with pytest.raises(attributes.NotAnAttribute) as caught:
        attributes.declared(row)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('group_id = "Jalan"', "both group_id and group_en"),
        ('keywords = "lubang"', "keywords as a list"),
        ('keywords = ["a,b"]', "without commas"),
        ('attributes = "x"', "[[jalan.attributes]]"),
        ('attributes = [{code = "a"}]', "attribute 1 a has the datatype None"),
        (
            'attributes = [{code="a",datatype="text",id="x",en="x"},{code="a",datatype="text",id="x",en="x"}]',
            "two attributes with one code",
        ),
        (
            '[b]\nid = "Jalan"\nen = "B"\nicon = "x"\nhint_id = "x"\nhint_en = "x"',
            "two categories are called 'Jalan'",
        ),
    ],
)
def test_a_categories_file_that_cannot_be_used_names_the_place(tmp_path: Path, more: str, words: str):
    path = tmp_path / "categories.toml"
    path.write_text(f'[jalan]\nid = "Jalan"\nen = "Road"\nicon = "x"\nhint_id = "x"\nhint_en = "x"\n{more}\n')
    with pytest.raises(categories.CategoriesError) as caught:
        categories.load(path)
    assert words in str(caught.value)


def test_shipped_categories_ask_nothing_that_other_forms_could_not_leave_out():
    for category in categories.load().values():
        assert not [each.code for each in category.attributes if each.required]


def test_answers_are_read_with_the_report_also_in_json():
    raw: dict[str, Any] = {
        "category": "air", "description": "Air mati di gang.", "latitude": -6.17, "longitude": 106.83,
        "attributes": {"hari": 3},
    }  # fmt: skip
    assert submission.read(raw, categories=categories.load()).attributes == {"hari": ("3",)}
    for wrong, code, field in (
        ({"hari": "many"}, "not_a_number", "attribute[hari]"),
        ({"hari": ["1", "2"]}, "repeated", "attribute[hari]"),
        ({"asing": "x"}, "unknown_field", "attribute[asing]"),
        ("x", "attributes_wrong", "attributes"),
        ({"hari": {}}, "attributes_wrong", "attributes"),
        ({f"a{n}": "" for n in range(41)}, "attributes_wrong", "attributes"),
    ):
        with pytest.raises(Refused) as caught:
            submission.read({**raw, "attributes": wrong}, categories=categories.load())
        assert [(p.code, p.field) for p in caught.value.problems] == [(code, field)]


def test_answers_are_put_in_words_for_people():
    asked = categories.load()["jalan"].attributes
    (found,) = attributes.answered(asked, {"bagian": ("trotoar", "lajur")})
    assert (found.names["id"], found.public) == ("Bagian mana yang rusak?", True)
    assert [value.names["id"] for value in found.values] == ["Trotoar", "Lajur kendaraan"]


def test_an_answer_to_what_is_asked_no_longer_stays_and_counts_as_not_public():
    (found,) = attributes.answered((), {"lama": ("7",)})
    assert (found.code, found.names["en"], found.values[0].key, found.public) == ("lama", "lama", "7", False)


def test_a_form_means_the_answers_of_the_chosen_category_only():
    sent = {
        "category": "banjir",
        "attribute[banjir][tinggi]": ["lutut"],
        "attribute[banjir][sejak]": [" "],
        "attribute[jalan][bagian]": ["lajur", "trotoar"],
    }
    assert attributes.of_form(sent) == {"category": "banjir", "attributes": {"tinggi": ["lutut"]}}
    assert attributes.of_form({"category": "jalan"}) == {"category": "jalan"}


@given(
    st.dictionaries(st.sampled_from(["tinggi", "sejak", "x"]), st.lists(st.text(max_size=20), max_size=4)),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_answered_is_kept_or_a_problem(sent: dict[str, list[str]], complete: bool, strict: bool):
    asked = categories.load()["banjir"].attributes
    answers, problems = attributes.read(asked, sent, complete=complete, strict=strict)
    assert set(answers) <= {each.code for each in asked}
    assert all(problem.message("id") for problem in problems)
    for code, texts in sent.items():
        said = any(text.strip() for text in texts)
        assert not said or code in answers or not strict or any(code in problem.field for problem in problems)
