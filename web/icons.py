"""The icons of one page: each drawn once at its end and shown anywhere by name.

Drawings come from Phosphor through the build's manifest, the shapes of states from our
own vocabulary; nothing is read from disk here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from web.vocabulary import SHAPES

if TYPE_CHECKING:
    from markupsafe import Markup


class Icons:
    """The icons that one page uses: each drawn once at its end, shown anywhere by name."""

    def __init__(self, drawings: Mapping[str, str]) -> None:
        self._drawings = drawings
        self._used: dict[str, tuple[str, str]] = {}

    def show(self, name: str, extra: str = "") -> Markup:
        """A Phosphor icon by name, or a state's shape by `state:<code>`; decorative, so not read aloud."""
        from markupsafe import Markup

        self.need(name)
        kind = f"i {extra}".strip()
        return Markup('<svg class="{}" aria-hidden="true"><use href="#{}"/></svg>').format(
            kind, symbol_id(name)
        )

    def need(self, name: str) -> str:
        """Have an icon drawn on this page; the id to refer to."""
        if name not in self._used:
            code = name.removeprefix("state:")
            drawing = SHAPES.get(code) if name != code else self._drawings.get(name)
            if drawing is None:
                raise ValueError(
                    f"icon {name!r} was not built: run 'python -m web build --categories FILE' with your file"
                )
            self._used[name] = ("0 0 16 16" if name != code else "0 0 256 256", drawing)
        return symbol_id(name)

    def sheet(self) -> Markup:
        """The definitions of every icon that was shown, for the end of the page."""
        from markupsafe import Markup

        # Drawings come from Phosphor and from SHAPES above, never from people.
        symbols = "".join(
            f'<symbol id="{symbol_id(name)}" viewBox="{box}">{drawing}</symbol>'
            for name, (box, drawing) in self._used.items()
        )
        return Markup(f'<svg class="sheet" aria-hidden="true" width="0" height="0">{symbols}</svg>')  # noqa: S704


def symbol_id(name: str) -> str:
    """The id of an icon's drawing on its page."""
    return name.replace("state:", "s-") if name.startswith("state:") else f"i-{name}"
