"""The officers' manual has a picture for every task that pictures are taken of, and they weigh little."""

from __future__ import annotations

import re

from PIL import Image

from .pictures import FOLDER, HEIGHT, TASKS, WIDTH

DOCS = FOLDER.parent
SHOWN = re.compile(r"!\[([^\]]+)\]\(pictures/([a-z-]+)\.webp\)")


def test_every_task_has_its_picture_in_the_manual_and_every_picture_is_a_task():
    names = [task.name for task in TASKS]
    assert len(set(names)) == len(names)
    assert {path.stem for path in FOLDER.iterdir()} == set(names)
    shown = SHOWN.findall((DOCS / "officers.md").read_text("utf-8"))
    assert sorted(name for _, name in shown) == sorted(names)
    assert all(len(words) > 5 for words, _ in shown)


def test_pictures_are_small_and_as_large_as_their_screen():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_500_000
    for task in TASKS:
        with Image.open(FOLDER / f"{task.name}.webp") as picture:
            assert picture.size == (WIDTH[task.screen], HEIGHT[task.screen])


def test_the_manual_names_every_button_by_its_word():
    """What the manual says to press is what stands on the desk."""
    from web.i18n import translation

    text = (DOCS / "officers.md").read_text("utf-8")
    words = translation("id").gettext
    for button in (
        "Take it",
        "Give to a person",
        "Hand over",
        "Hand down",
        "Progress",
        "Done",
        "Reject",
        "Duplicate",
        "Ask the reporter",
        "Correct",
        "Move the pin",
        "Manage",
        "Draw an area",
        "Sign in",
        "Sign out",
    ):
        assert f"**{words(button)}**" in text, button
