"""The local server over a site that is finished: it serves, and neither publishes nor does chores meanwhile."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "functions"))

from chalicelib import wiring
from chalicelib.publish import Publisher
from chalicelib.settings import Settings

from infra import local


class Still:
    """Follows nothing: what is measured is the page, not a publisher beside it."""

    def __init__(self, _publisher: Publisher, _chosen: Settings) -> None:
        pass

    def start(self) -> None:
        """Nothing begins."""

    def stop(self) -> None:
        """Nothing ends."""


if __name__ == "__main__":
    sys.exit(local.run(wiring.current(), follow=Still))
