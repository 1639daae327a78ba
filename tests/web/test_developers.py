"""The page for developers names every operation with its fields, its answers and an example, in both languages."""

from __future__ import annotations

import html

import pytest
from chalicelib.front import api, openapi

from web import developers
from web.render import Renderer

from .strict_html import read


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_operation_stands_on_the_page_with_an_example(renderer: Renderer, language: str) -> None:
    page = developers.page(renderer, language, openapi.current())
    assert read(page).problems == []
    for operation in api.OPERATIONS:
        assert f'id="{operation.name}"' in page
        assert html.escape(operation.path, quote=False) in page
    shown = list(developers.operations(openapi.current(), []))
    assert page.count('class="api"') == len(shown) == len(api.OPERATIONS)


def test_summaries_are_in_the_readers_language(renderer: Renderer) -> None:
    pages = {language: developers.page(renderer, language, openapi.current()) for language in ("id", "en")}
    assert "Laporkan masalah" in pages["id"]
    assert "Report a problem" in pages["en"]
    for operation in api.OPERATIONS:
        assert html.escape(operation.summary) in html.unescape(pages["en"]).replace("'", "&#39;") or (
            operation.summary in html.unescape(pages["en"])
        )


def test_a_field_says_its_type_its_limits_and_whether_it_is_needed() -> None:
    (create,) = (
        each for each in developers.operations(openapi.current(), []) if each.name == "create_report"
    )
    by_name = {each.name: each for each in create.fields}
    assert by_name["description"].required
    assert "at most" in by_name["description"].said
    assert (by_name["latitude"].kind, by_name["latitude"].required) == ("number", False)
    assert (by_name["photo"].kind, by_name["Idempotency-Key"].place) == ("list of string", "header")
    assert "one of en, id" in by_name["language"].said


def test_what_is_described_is_escaped(renderer: Renderer) -> None:
    document = {
        "info": {"version": "1"},
        "paths": {
            "/api/x": {
                "get": {
                    "operationId": "x",
                    "summary": "<script>alert(1)</script>",
                    "responses": {"200": {"description": "<b>"}},
                }
            }
        },
        "components": {"schemas": {}},
    }
    example = {
        "operation": "x", "method": "GET", "target": "/api/x?<i>", "headers": {}, "body": "", "status": 200,
        "type": "text/xml", "location": "", "answer": "<errors/>",
    }  # fmt: skip
    page = developers.page(renderer, "en", document, [example])
    assert read(page).problems == []
    assert "<script>alert" not in page
    assert "&lt;errors/&gt;" in page
