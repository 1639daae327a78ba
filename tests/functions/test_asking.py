"""What a category asks further: asked by the form, kept, shown at the desk, and public where it is marked so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from chalicelib import categories, intake, proof, public, records, submission

from web.render import Renderer
from web.views import FormView

from .conftest import GAMBIR
from .desks import Desk
from .front.test_api import GOOD, Client, client, parts

__all__ = ["client", "parts"]  # fixtures
FORM = "application/x-www-form-urlencoded"
ASKS = """
[air]
id = "Air bersih"
en = "Water supply"
icon = "drop"
hint_id = "Mati."
hint_en = "Off."
attributes = [
  { code = "hari", datatype = "number", id = "Berapa hari?", en = "How many days?" },
  { code = "pelanggan", datatype = "string", id = "Nomor pelanggan", en = "Customer number", public = false },
]
"""


def sent(**more: Any) -> dict[str, Any]:
    return {**{name: str(value) for name, value in GOOD.items()}, "form": "html", "language": "id", **more}


def post(client: Client, fields: dict[str, Any]) -> Any:
    body = urlencode(fields, doseq=True).encode()
    return client.ask("create_report", headers={"content-type": FORM, "accept": "text/html"}, body=body)


def test_a_plain_form_sends_the_answers_of_its_category_and_they_are_public_in_words(client: Client):
    fields = {
        "attribute[jalan][bagian]": ["trotoar", "saluran"],
        "attribute[banjir][tinggi]": "lutut",
        "attribute[banjir][sejak]": "",
    }
    got = post(client, sent(**fields))
    assert got.status == 303, got.body
    number = got.headers["Location"].rstrip("/").rpartition("/")[2]
    shown = json.loads(client.ask("get_report", path={"report_id": number}).body)
    (answer,) = shown["attributes"]
    assert (answer["code"], answer["question_en"]) == ("bagian", "Which part is damaged?")
    assert [value["name_id"] for value in answer["values"]] == ["Trotoar", "Tutup saluran"]
    assert "attributes" in shown["history"][0]["words"]


def test_a_wrong_answer_is_named_and_what_was_answered_stands_in_the_form_again(client: Client):
    got = post(client, sent(description="x", **{"attribute[jalan][bagian]": ["trotoar", "atap"]}))
    page = got.body.decode()
    assert got.status == 400
    assert "“atap”" in page
    assert 'value="trotoar" checked' in page
    assert 'value="lajur" checked' not in page


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_form_asks_what_each_category_asks(renderer: Renderer, language: str):
    page = renderer.report_form(FormView({}), language)
    for category in categories.load().values():
        for each in category.attributes:
            assert f'name="attribute[{category.code}][{each.code}]"' in page
            assert each.names[language] in page


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    from .front.test_api import pages

    return pages()


@pytest.fixture
def asks(tmp_path: Path) -> dict[str, categories.Category]:
    path = tmp_path / "asks.toml"
    path.write_text(ASKS, "utf-8")
    return categories.load(path)


def test_an_answer_for_officers_only_is_at_the_desk_and_in_nothing_public(
    at: Desk, door: intake.Door, asks: dict[str, categories.Category]
):
    raw = {"category": "air", "description": "Air mati total.", "kelurahan": GAMBIR, "landmark": "Masjid",
           "attributes": {"hari": "3", "pelanggan": "PLG-4477"}}  # fmt: skip
    made = intake.accept(door, submission.read(raw, categories=asks), channel="web")
    found = records.load(door.table, made.id)
    assert found is not None
    events = records.history(door.table, made.id)
    told = public.document(public.report(found[0], events, asks))
    assert b"PLG-4477" not in told
    assert b'"code":"hari"' in told
    facts = json.loads(told)
    assert "attributes" in facts["history"][0]["commitments"], "the chain still binds it"
    assert proof.check(found[0], events) is None
    shown = Desk(replace(at.parts, categories=asks), at.issuer).see(made.id)
    assert [(a["code"], a["values"][0]["key"]) for a in shown["answers"]] == [
        ("hari", "3"),
        ("pelanggan", "PLG-4477"),
    ]
