"""Templates of words: examples that say so, complete in both languages, and what cannot be filled in is refused."""

from __future__ import annotations

import pytest
from chalicelib import categories
from chalicelib.officers import phrases
from chalicelib.officers.phrases import Phrase


def test_what_ships_is_labelled_as_examples_and_is_whole():
    assert "EXAMPLES" in phrases.SHIPPED.read_text("utf-8")
    known = categories.load()
    for code, each in phrases.shipped().items():
        assert code.startswith("contoh-")
        assert phrases.check(each) == ""
        assert set(each.categories) <= set(known)
    assert {each.state for each in phrases.shipped().values()} <= set(phrases.STEPS)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Phrase("A", "done", {"id": "x", "en": "y"}), "no code"),
        (Phrase("a-b", "gone", {"id": "x", "en": "y"}), "choose from"),
        (Phrase("a-b", "done", {"id": "x"}), "needs words"),
        (Phrase("a-b", "done", {"id": "x", "en": "  "}), "needs words"),
        (Phrase("a-b", "done", {"id": "{nama}", "en": "y"}), "nothing that can be filled in"),
        (Phrase("a-b", "done", {"id": "{number", "en": "y"}), "no partner"),
    ],
)
def test_a_template_that_cannot_be_used_is_named(wrong: Phrase, said: str):
    assert said in phrases.check(wrong)
