"""From counts to the shades of a map: where classes begin, which shade a count has, what the legend says.

Numbers only; colours belong to the style sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def class_breaks(counts: Iterable[int]) -> list[int]:
    """Where the map's shades begin: up to five ascending numbers, from the counts' own distribution.

    The first is 1; the others are the quintiles of what is above zero, rounded to numbers that are easy to
    read, so that a quiet month and a flood both show where the most is.
    """
    above = sorted(count for count in counts if count > 0)
    if not above:
        return [1]
    breaks = [1]
    for part in (1, 2, 3, 4):
        step = _round_number(above[min(len(above) * part // 5, len(above) - 1)])
        # Where most have the same small number the steps still go up, one by one.
        step = max(step, breaks[-1] + 1)
        if step <= above[-1]:
            breaks.append(step)
    return breaks


def _round_number(count: int) -> int:
    if count <= 10:
        return count
    step = 5 if count < 50 else 10 ** (len(str(count)) - 1) // 2
    return round(count / step) * step


def shade(count: int, breaks: Sequence[int]) -> int:
    """The shade of a count: 0 for none, then 1 for the first class and so on."""
    return sum(1 for begin in breaks if count >= begin)


def legend(breaks: Sequence[int]) -> list[tuple[int, int, int | None]]:
    """(shade, from, to) of each class; `to` is None for the last."""
    ends = [begin - 1 for begin in breaks[1:]]
    return [
        (0, 0, 0),
        *((i, begin, end) for i, (begin, end) in enumerate(zip(breaks, [*ends, None], strict=True), start=1)),
    ]


def by_shade(
    shapes: Iterable[tuple[str, str]], shades: Mapping[str, int]
) -> list[tuple[int, list[tuple[str, str]]]]:
    """(shade, its shapes), from none to most: drawn in groups, which is shorter than a class on each."""
    groups: dict[int, list[tuple[str, str]]] = {}
    for kode, d in shapes:
        groups.setdefault(shades.get(kode, 0), []).append((kode, d))
    return sorted(groups.items())
