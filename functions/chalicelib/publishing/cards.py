"""The pictures of shared reports: which ones are due, drawn one at a time when nothing else is.

A report's page names its card by what the card shows; a card is drawn once, and again only
when that changed. Drawing takes longer than writing a page, so it never holds one up.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from web import card
from web.render import Renderer

from .. import records
from ..categories import Category
from ..intake import photo_paths
from ..report import Report
from ..storage.files import Files
from ..storage.table import Delete, Key, Put, Table

log = logging.getLogger(__name__)
PARTITION = "cards"
"""Reports whose card is not drawn yet, by the time they came in: the newest is shared first."""


@dataclass(frozen=True)
class Cards:
    """What cards are made of and where they go."""

    table: Table
    site: Files
    private: Files
    renderer: Renderer
    categories: Mapping[str, Category]

    def path(self, it: Report) -> str:
        """Where a public report's card lies, drawn or not; "" without a place."""
        view = self._view(it)
        return card.path(view, self.renderer.boundaries_version) if view else ""

    def want(self, it: Report, path: str) -> None:
        """Have the card drawn when its turn comes, unless it is there."""
        if path and not self.site.exists(path):
            self.table.transact([Put(_mark(it), {})])

    def draw(self, *, limit: int) -> int:
        """Draw at most `limit` cards that are due, the newest report's first. Returns how many there were."""
        due = self.table.query(PARTITION, descending=True, limit=limit).items
        for item in due:
            found = records.load(self.table, item.key.sort.rpartition("#")[2])
            if found and not found[0].private:
                try:
                    self._draw(found[0])
                except (OSError, ValueError):
                    # A page is whole without its picture, and the next one must not wait for this.
                    log.exception("the picture of report %s could not be drawn", found[0].id)
            self.table.transact([Delete(item.key)])
        return len(due)

    def _draw(self, it: Report) -> None:
        view = self._view(it)
        if view is None:
            return
        wanted = card.path(view, self.renderer.boundaries_version)
        photo = self.private.get(view.photo) or self.site.get(view.photo) if view.photo else None
        font = card.font_of(self.renderer.web_build, self.renderer.manifest)
        self.site.put(wanted, card.draw(view, photo.data if photo else None, self.renderer.maps, font))
        for old in list(self.site.list(f"foto/{it.id}/kartu-")):
            if old != wanted:
                self.site.delete(old)

    def _view(self, it: Report) -> card.CardView | None:
        if it.place is None:
            return None
        category = self.categories.get(it.category)
        exact = it.place.method != "chosen"
        return card.CardView(
            report=it.id,
            category=category.names["id"] if category else it.category,
            kode=it.place.kode,
            kelurahan=it.place.kelurahan,
            kecamatan=it.place.kecamatan,
            kota=it.place.kota,
            longitude=it.longitude if exact else None,
            latitude=it.latitude if exact else None,
            photo=photo_paths(it.id, it.photos[0])[0] if it.photos else "",
            example=it.example,
        )


def _mark(it: Report) -> Key:
    return Key(PARTITION, f"{it.created}#{it.id}")
