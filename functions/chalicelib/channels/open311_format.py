"""What every call of Open311 has in common: what was asked, and the answer in the asked format.

A call is a function from Asked to Said; handler() makes an operation's handler of it.
Knows no single call, and nothing of reports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..front.operation import JSON_TYPE, Parts, Request, Response, language_of
from ..front.problems import Problem, Refused
from ..storage.table import Busy
from . import open311_model, open311_xml
from .open311_model import plain

XML_TYPE = "text/xml; charset=utf-8"
FORMATS = ("xml", "json")
KEPT_STATUS = frozenset({403, 404, 429, 503})
"""What is wrong otherwise is a 400, as the specification has it."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9a-f:]{2,45}\](:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way: `name` is what stood in the path before the format."""

    parts: Parts
    request: Request
    name: str
    language: str
    headers: dict[str, str] = field(default_factory=dict)
    """What the answer says beside its body, whatever it is."""

    def one(self, name: str) -> str:
        """A parameter of the query; "" when it is absent or empty."""
        return self.request.query.get(name, "").strip()

    def listed(self, name: str) -> list[str]:
        """The values of a comma list, each once, also when the parameter was repeated."""
        many = self.request.many.get(name) or [self.request.query.get(name, "")]
        texts = (text.strip() for value in many for text in value.split(","))
        return list(dict.fromkeys(text for text in texts if text))

    @property
    def extensions(self) -> bool:
        return self.one("extensions").lower() == "true"

    @property
    def base(self) -> str:
        """The address of the site, without a slash at the end: the setting, or as the client called us."""
        if self.parts.settings.site_url:
            return self.parts.settings.site_url.rstrip("/")
        host = self.request.headers.get("host", "")
        scheme = "https" if self.request.headers.get("x-forwarded-proto") == "https" else "http"
        return f"{scheme}://{host}" if _HOST.fullmatch(host) else ""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer before it has a format: `root` is the XML document's element."""

    root: str
    data: Any
    status: int = 200


Work = Callable[[Asked], Said]


def all_of(*reads: Callable[[], Any]) -> list[Any]:
    """What each of them reads. Raises Refused with everything that is wrong in any of them."""
    found: list[Any] = []
    problems: list[Problem] = []
    for read in reads:
        try:
            found.append(read())
        except Refused as refused:
            problems.extend(refused.problems)
    if problems:
        raise Refused(problems)
    return found


def check_jurisdiction(parts: Parts, asked: str) -> None:
    served = parts.settings.open311_jurisdiction
    if served and asked and asked != served:
        raise Refused([Problem("jurisdiction_unknown", "jurisdiction_id", {"value": asked})], 404)


def handler(
    work: Work, ending: str | None, place: str = "", *, writes: bool = False
) -> Callable[[Parts, Request], Response]:
    """A handler: finds out the format, works, and says the answer or what was wrong in it.

    Without an `ending` the format is the end of the name at `place` in the path.
    """

    def handle(parts: Parts, request: Request) -> Response:
        name, _, found = request.path.get(place, "").rpartition(".") if ending is None else ("", "", ending)
        asked = Asked(parts, request, name, language_of(request, {}))
        form = found if found in FORMATS else "xml"
        try:
            if found not in FORMATS:
                raise Refused([Problem("format_unknown", "", {"value": found})], 404)
            check_jurisdiction(parts, asked.one("jurisdiction_id"))
            said = work(asked)
        except Refused as refused:
            return _refusal(asked, form, refused)
        except Busy:
            return _refusal(asked, form, Refused([Problem("busy")], 503))
        return _response(asked, form, said, {"Cache-Control": "no-store" if writes else "no-cache"})

    return handle


def _response(asked: Asked, form: str, said: Said, headers: Mapping[str, str] | None = None) -> Response:
    data = (
        open311_xml.document(said.root, plain(said.data)) if form == "xml" else msgspec.json.encode(said.data)
    )
    kept = {
        "Content-Type": XML_TYPE if form == "xml" else JSON_TYPE,
        "Vary": "Accept-Language",
        **(headers or {}),
        **asked.headers,
    }
    return Response(said.status, kept, data)


def _refusal(asked: Asked, form: str, refused: Refused) -> Response:
    status = refused.status if refused.status in KEPT_STATUS else 400
    rows = [
        open311_model.Problem311(str(status), _words(problem, asked.language), problem.field, problem.code)
        for problem in refused.problems
    ]
    headers = {"Cache-Control": "no-store"}
    if status in {429, 503}:
        waits = [p.values["seconds"] for p in refused.problems if "seconds" in p.values]
        headers["Retry-After"] = str(max(waits, default=60))
    headers |= refused.headers
    return _response(asked, form, Said("errors", rows, status), headers)


def _words(problem: Problem, language: str) -> str:
    words = problem.message(language)
    return f"{problem.field}: {words}" if problem.field else words
