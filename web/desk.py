"""The officers' desk as a page: what stands on it before anybody signed in. Everything else comes from the API.

The same page for everyone: it holds no report and no name, so that it can lie on the
public site like any other file.
"""

from __future__ import annotations

from web.render import Renderer
from web.vocabulary import REASONS, STATES


def page(renderer: Renderer, language: str) -> str:
    """The desk in a language (`id` or `en`): frame, filters, forms' words and icons."""
    return renderer._page(
        "desk.html",
        language,
        "/petugas/",
        categories=list(renderer.categories.values()),
        reasons=list(REASONS),
        open_states=[state.code for state in STATES.values() if not state.closed],
        all_states=list(STATES),
    )
