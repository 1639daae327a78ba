"""One style: colours, sizes and radii are tokens of site.css, and every pair of colours that meets can be read.

Contrast is WCAG 2.2's: 4.5 to 1 for text, 3 to 1 for what is drawn and must be told from its ground.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from web.build import STATIC

FILES = sorted((STATIC / "css").glob("*.css"))
GROUNDS = ("paper", "sheet", "wash", "red-wash", "yellow-wash", "green-wash", "grey-wash")
TEXT: dict[str, tuple[str, ...]] = {
    "ink": (*GROUNDS, "sea"),
    "soft": (*GROUNDS, "sea"),
    "accent": GROUNDS,
    "accent-deep": (*GROUNDS, "line"),
    "on-accent": ("accent", "accent-deep"),
    "paper": ("ink",),
    "red": ("paper", "sheet", "wash", "red-wash"),
    "yellow": ("paper", "sheet", "wash", "yellow-wash"),
    "green": ("paper", "sheet", "wash", "green-wash"),
    "grey": ("paper", "sheet", "wash", "grey-wash"),
}
"""Which colours words are written in, and on what."""
DRAWN: dict[str, tuple[str, ...]] = {
    "accent": ("paper", "sheet", "c0"),
    "soft": ("sheet", "paper", "wash"),
    "yellow": ("sheet",),
    "green": ("paper", "sheet"),
    "red": ("paper", "sheet", "sea"),
    "c5": ("paper", "sea", "c0"),
    "c4": ("paper",),
}
"""Outlines of fields, bars, pins and the darkest shades, and what they are told from."""
SIZES = {
    "font-size": r"var\(--t\d\)|inherit|[\d.]+em|[\d.]+pt|clamp\(.*",
    "border-radius": r"(var\(--r\d\)|0|50%|inherit|\s)+",
}
SPACES = {0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4}
"""Distances in rem: eighths up to one, then ever wider steps."""


@lru_cache(maxsize=1)
def tokens() -> dict[str, dict[str, str]]:
    """The colour tokens of both schemes, the light one's where the dark one has none of its own."""
    text = (STATIC / "css" / "site.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    found = {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", part))
        for name, part in (("light", light), ("dark", dark))
    }
    return {"light": found["light"], "dark": found["light"] | found["dark"]}


def luminance(colour: str) -> float:
    """Relative luminance of `#rgb` or `#rrggbb`, as WCAG defines it."""
    digits = colour.lstrip("#")
    digits = "".join(each * 2 for each in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def rules(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(selector, declarations) of a style sheet; conditions around them do not matter here."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
        pairs = (each.split(":", 1) for each in body.split(";") if ":" in each)
        yield selector.strip(), {name.strip(): value.strip() for name, value in pairs}


def test_the_formula_is_wcags():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read_on_every_ground_it_stands_on(scheme: str):
    colours = tokens()[scheme]
    poor = {
        f"{front} on {ground}": round(ratio, 2)
        for front, grounds in TEXT.items()
        for ground in grounds
        if (ratio := contrast(colours[front], colours[ground])) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_drawn_can_be_told_from_its_ground(scheme: str):
    colours = tokens()[scheme]
    poor = {
        f"{front} on {ground}": round(ratio, 2)
        for front, grounds in DRAWN.items()
        for ground in grounds
        if (ratio := contrast(colours[front], colours[ground])) < 3
    }
    assert poor == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_maps_shades_go_one_way_and_neighbours_differ(scheme: str):
    shades = [luminance(tokens()[scheme][f"c{n}"]) for n in range(6)]
    assert shades == sorted(shades, reverse=scheme == "light")
    steps = [contrast(tokens()[scheme][f"c{n}"], tokens()[scheme][f"c{n + 1}"]) for n in range(5)]
    assert min(steps) >= 1.1


def test_the_pairs_that_style_sheets_name_are_all_among_those():
    """Where one rule sets both colours, the pair must be one that is computed above."""
    unknown = set()
    for path in FILES:
        for selector, said in rules(path):
            front = re.fullmatch(r"var\(--([\w-]+)\)", said.get("color", ""))
            ground = re.search(r"var\(--([\w-]+)\)", said.get("background", said.get("background-color", "")))
            if front and ground and ground[1] not in TEXT.get(front[1], ()):
                unknown.add(f"{path.name} {selector}: {front[1]} on {ground[1]}")
    assert unknown == set()


def test_every_colour_of_words_is_a_token_whose_grounds_are_known():
    used = {
        match
        for path in FILES
        for _, said in rules(path)
        for match in re.findall(r"var\(--([\w-]+)\)", said.get("color", ""))
    }
    assert used <= set(TEXT)


@pytest.mark.parametrize(
    "path", [p for p in FILES if not p.name.startswith("print")], ids=lambda path: path.name
)
def test_style_sheets_name_no_colour_size_or_radius_of_their_own(path: Path):
    own = []
    for selector, said in rules(path):
        if selector.endswith(":root"):
            continue
        for name, value in said.items():
            if re.search(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsl", value):
                own.append(f"{selector} {{ {name}: {value} }}")
            # Words in a drawing are measured in the drawing's own units.
            drawn = selector.endswith(" text")
            if name in SIZES and not drawn and not re.fullmatch(SIZES[name], value):
                own.append(f"{selector} {{ {name}: {value} }}")
    assert own == []


@pytest.mark.parametrize(
    "path", [p for p in FILES if not p.name.startswith("print")], ids=lambda path: path.name
)
def test_distances_come_from_one_scale(path: Path):
    odd = [
        f"{selector} {{ {name}: {value} }}"
        for selector, said in rules(path)
        for name, value in said.items()
        if re.fullmatch(r"(margin|padding|gap|row-gap|column-gap)(-\w+)?", name)
        for number in re.findall(r"(?<![\w.])(\d*\.?\d+)rem\b", value)
        if float(number) <= 4 and float(number) not in SPACES
    ]
    assert odd == []
