"""Officers at their desk, for tests: example officers with tokens, and answers held against their declarations."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chalicelib import access, categories, intake, records
from chalicelib.access import Gate, Keys
from chalicelib.front.operation import Parts, Response
from chalicelib.officers import agencies
from chalicelib.report import Office
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from chalicelib.submission import Submission

from infra.issuer import CLIENT, EXAMPLES, Issuer

from .conftest import Clock
from .front.test_api import Client

URL = "http://127.0.0.1:1/_issuer"
ROADS = Office("contoh-jalan", "Dinas jalan (contoh)")
HOME = "contoh-petugas-gambir"
NEXT_DOOR = "contoh-petugas-cideng"
AGENCY = "contoh-dinas-jalan"
PROVINCE = "contoh-pengawas"


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    Issuer(None, path, "", Clock()).rotate()  # type: ignore[arg-type]
    return path


class Desk(Client):
    """Asks as officers, with their tokens; every answer is held against its declaration."""

    def __init__(self, parts: Parts, issuer: Issuer) -> None:
        super().__init__(parts)
        self.issuer = issuer
        self.turn = itertools.count()

    def of(self, officer: str, name: str, value: Any = None, *, report: str = "", key: str = "") -> Response:
        headers = {
            "authorization": f"Bearer {self.issuer.token(officer)}",
            "content-type": "application/json",
        }
        if key:
            headers["idempotency-key"] = key
        path = {"report_id": report} if report else {}
        return self.ask(
            name, path=path, headers=headers, body=b"" if value is None else json.dumps(value).encode()
        )

    def see(self, report: str, officer: str = HOME) -> Any:
        got = self.of(officer, "staff_report", report=report)
        assert got.status == 200, got.body
        return json.loads(got.body)

    def do(
        self, report: str, action: str, *, officer: str = HOME, status: int = 200, key: str = "", **more: Any
    ) -> Any:
        """A deed on what was last seen; the answer as data."""
        seen = more.pop("seen", None) or records.load(self.parts.door.table, report)[0].seq  # type: ignore[index]
        got = self.of(officer, "staff_act", {"action": action, "seen": seen, **more}, report=report, key=key)
        assert got.status == status, got.body
        return json.loads(got.body)

    def queue(self, officer: str, **wish: Any) -> list[str]:
        got = self.of(officer, "staff_queue", wish)
        assert got.status == 200, got.body
        return [row["id"] for row in json.loads(got.body)["rows"]]

    def codes(self, got: Any) -> list[str]:
        return [error["code"] for error in got["errors"]]


@pytest.fixture
def at(door: intake.Door, site: FolderFiles, clock: Clock, keys_file: Path) -> Desk:
    issuer = Issuer(door.table, keys_file, URL, clock)
    access.add_missing(door.table, EXAMPLES)
    gate = Gate(door.table, Keys(issuer.jwks, clock), URL, CLIENT, clock)
    parts = Parts(
        settings=Settings(),
        door=door,
        site=site,
        categories=categories.load(),
        renderer=lambda: pytest.fail("officers' answers draw no page"),
        approximate=False,
        gate=gate,
        sign_in=lambda: {
            "authorize_url": "a", "token_url": "b", "logout_url": "c", "client_id": CLIENT, "example": True
        },
        agencies=agencies.load(),
    )  # fmt: skip
    return Desk(parts, issuer)


@pytest.fixture
def send(door: intake.Door) -> Callable[..., str]:
    def make(**more: Any) -> str:
        given: dict[str, Any] = {
            "category": "jalan", "description": "Lubang besar di lajur kiri.", "latitude": -6.17, "longitude": 106.83,
        }  # fmt: skip
        return intake.accept(door, Submission(**{**given, **more}), channel="web", may_ask=False).id

    return make
