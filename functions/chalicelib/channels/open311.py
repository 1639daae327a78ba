"""Open311 GeoReport v2: other systems read reports, and send reports and updates. XML and JSON.

Reads what was asked, calls intake, desk and records, and says the answer in the
asked format. What the answers look like is in open311_model.py. Decisions that the
specification leaves open are in infra/docs/open311.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .. import body, keys, records, submission
from ..intake import IDEMPOTENCY_KEY, Kelurahan, accept
from ..lifecycle import STATES
from ..operation import JSON_TYPE, XML, Operation, Parts, Request, Response, language_of
from ..problems import Problem, Refused
from ..report import Report, read_id, stamp, written_id
from ..storage.table import Busy, Key, Put
from . import fetch, open311_model, open311_xml
from .open311_model import plain

MOST = 1000
"""A list holds at most so many requests or updates, all pages together."""
DAYS = 90
"""A list spans at most so many days."""
EXTENDED_PAGE = 100
"""With `extensions=true` a page holds at most so many requests: each brings its history."""
LONGEST = {"description": (1, 4000), "landmark": (1, 500)}
PHOTO_SECONDS = 8
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
XML_TYPE = "text/xml; charset=utf-8"
FORMATS = ("xml", "json")
KEPT_STATUS = frozenset({403, 404, 429, 503})
"""What is wrong otherwise is a 400, as the specification has it."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})")
NAMES = {
    "category": "service_code",
    "latitude": "lat",
    "longitude": "long",
    "contact_email": "email",
    "contact_phone": "phone",
    "landmark": "address_string",
    "kelurahan": "address_id",
    "photo": "media_url",
}
"""Our fields in Open311's words."""
_ATTRIBUTE = re.compile(r"attribute\[([^\]]{1,64})\](\[\])?")
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


# Reading.


def discovery(asked: Asked) -> Said:
    """GET discovery: where this server is, and what it speaks."""
    chosen = asked.parts.settings
    endpoint = open311_model.Endpoint(
        open311_model.SPECIFICATION,
        f"{asked.base}/open311/v2",
        open311_model.CHANGESET,
        "test" if chosen.open311_test else "production",
        open311_model.FORMATS,
    )
    found = open311_model.Discovery(
        open311_model.CHANGESET, chosen.open311_contact, chosen.open311_key_service, (endpoint,)
    )
    return Said("discovery", found)


def services(asked: Asked) -> Said:
    """GET services: every category."""
    rows = [open311_model.service(each, asked.language) for each in asked.parts.categories.values()]
    return Said("services", rows)


def definition(asked: Asked) -> Said:
    """GET services/{code}: what a category asks. One that asks nothing answers an empty list."""
    category = asked.parts.categories.get(asked.name)
    if category is None:
        raise Refused([Problem("service_unknown", "service_code", {"value": asked.name})], 404)
    return Said("service_definition", open311_model.definition(category, asked.language))


def list_requests(asked: Asked) -> Said:
    """GET requests: by ids, or by time of report with service_code and status; newest first."""
    table = asked.parts.door.table
    largest = EXTENDED_PAGE if asked.extensions else MOST
    if named := asked.listed("service_request_id"):
        page, size = _page(asked, largest)
        ids = [code for text in named if (code := read_id(text))]
        if len(named) > MOST:
            problem = Problem("too_many_ids", "service_request_id", {"count": len(named), "most": MOST})
            raise Refused([problem])
        found = records.load_many(table, ids)
        chosen = sorted(found.values(), key=lambda it: (it.created, it.id), reverse=True)
        chosen = chosen[(page - 1) * size : page * size]
    else:
        (page, size), (start, end), which = _all_of(
            lambda: _page(asked, largest), lambda: _window(asked), lambda: _which(asked)
        )
        most = min(page * size, MOST)
        ids = records.requested(table, which, start, end, most=most)[(page - 1) * size :] if which else []
        found = records.load_many(table, ids)
        chosen = [found[each] for each in ids if each in found]
    return Said("service_requests", _requests(asked, [it for it in chosen if not it.private]))


def show_request(asked: Asked) -> Said:
    """GET requests/{id}: an array of one."""
    return Said("service_requests", _requests(asked, [_public(asked, asked.name)]))


def show_token(asked: Asked) -> Said:
    """GET tokens/{token}: the request it became. Every report is stored when it is answered, so its id is its token."""
    it = _public(asked, asked.name)
    return Said("service_requests", [open311_model.Token(it.id, asked.name)])


def list_updates(asked: Asked) -> Said:
    """GET servicerequestupdates: what happened to public reports in a time, oldest first."""
    table = asked.parts.door.table
    if named := asked.listed("service_request_id"):
        if len(named) > EXTENDED_PAGE:
            values = {"count": len(named), "most": EXTENDED_PAGE}
            raise Refused([Problem("too_many_ids", "service_request_id", values)])
        page, size = _page(asked, MOST)
        heads = records.load_many(table, [code for text in named if (code := read_id(text))])
        rows = [(it.id, seq) for it in heads.values() for seq in range(2, it.seq + 1)]
    else:
        (page, size), (start, end) = _all_of(lambda: _page(asked, MOST), lambda: _window(asked))
        rows = records.updates(table, start, end, most=min(page * size, MOST))[(page - 1) * size :]
        heads = records.load_many(table, list({report_id for report_id, _ in rows}))
    public = [row for row in rows if row[0] in heads and not heads[row[0]].private]
    events = sorted(
        records.events_of(table, public).values(), key=lambda each: (each.at, each.report, each.seq)
    )
    if named:
        events = events[(page - 1) * size : min(page * size, MOST)]
    told = [open311_model.update(each, asked.base) for each in events if open311_model.tells(each)]
    return Said("service_request_updates", told)


# Writing.


def create_request(asked: Asked) -> Said:
    """POST requests: a report, through the one door. Everything that is wrong is named at once."""
    fields, files = _form(asked)
    client = _client(asked, fields, "report")
    key = asked.request.headers.get("idempotency-key") or None
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused([Problem("idempotency_key", "Idempotency-Key")])
    sent = _submission(asked, fields)
    media = [url for url in fields.get("media_url", []) if url]
    if len(media) + len(files) > submission.MAX_PHOTOS:
        values = {"count": len(media) + len(files), "most": submission.MAX_PHOTOS}
        raise Refused([Problem("photo_too_many", "media_url", values)])
    fetched = _fetched(asked.parts, media)
    accepted = accept(
        asked.parts.door,
        sent,
        channel="open311",
        files=[*files, *fetched],
        key=f"{client.id if client else 'open311'}-{key}"[:128] if key else None,
    )
    if client is not None:
        asked.parts.door.table.transact([Put(_filed(client, accepted.id), {})])
    extended = asked.extensions or fields.get("extensions") == ["true"]
    made = open311_model.Created311(
        accepted.id,
        None,
        None,
        follow_key=accepted.follow_key if extended else msgspec.UNSET,
        status_url=f"{asked.base}/laporan/{accepted.id}/" if extended else msgspec.UNSET,
    )
    return Said("service_requests", [made], 200 if accepted.repeated else 201)


def create_update(asked: Asked) -> Said:
    """POST servicerequestupdates: an officer's update moves the report, a reporter's is a note or opens it again."""
    from . import open311_updates

    fields, _ = _form(asked)
    client = _client(asked, fields, "update")
    if client is None:
        raise Refused([Problem("api_key_missing", "api_key")], 403)
    date = _one(fields, "updated_datetime")
    problems = [] if not date or _date(date) else [Problem("not_a_date", "updated_datetime", {"value": date})]
    update = open311_updates.read(fields, problems)
    _public(asked, update.service_request_id)
    made, repeated = open311_updates.apply(asked.parts.door, client, update, _filed(client, update.report_id))
    said = [open311_model.CreatedUpdate(made)]
    return Said("service_request_updates", said, 200 if repeated else 201)


# From what was sent to what is meant.


def _form(asked: Asked) -> tuple[dict[str, list[str]], list[bytes]]:
    """Every value of every field, and files. The key and the jurisdiction may stand in the query, too."""
    pairs, files = body.read_pairs(
        asked.request.body,
        asked.request.headers.get("content-type", ""),
        max_bytes=asked.parts.settings.max_body_bytes,
    )
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    for name in ("api_key", "jurisdiction_id"):
        if not _one(fields, name) and asked.one(name):
            fields[name] = [asked.one(name)]
    _check_jurisdiction(asked.parts, _one(fields, "jurisdiction_id"))
    return fields, files


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    """The last value of a field that should come once; "" when it is absent."""
    return fields[name][-1].strip() if fields.get(name) else ""


def _client(asked: Asked, fields: Mapping[str, Sequence[str]], right: str) -> keys.Client | None:
    text = _one(fields, "api_key")
    if not text and right == "report" and asked.parts.settings.open311_anonymous:
        return None
    table = asked.parts.door.table
    client = keys.check(table, text, right)
    taken = keys.count(table, client, now=asked.parts.door.now())
    asked.headers.update(taken.headers)
    if not taken.allowed:
        values = {"most": taken.limit.most, "seconds": taken.reset_s}
        raise Refused([Problem("rate", "api_key", values)], 429)
    return client


def _filed(client: keys.Client, report_id: str) -> Key:
    """Where it is kept that a client filed a report itself."""
    return Key(f"client#{client.id}", f"filed#{report_id}")


def _submission(asked: Asked, fields: Mapping[str, Sequence[str]]) -> submission.Submission:
    """The report that a form means. Raises Refused, in Open311's names for fields."""
    categories, by_kode = asked.parts.categories, asked.parts.door.locator.by_kode
    category = categories.get(_one(fields, "service_code"))
    address, kode = _one(fields, "address_string"), _one(fields, "address_id")
    raw: dict[str, Any] = {
        "category": _one(fields, "service_code"),
        # Without words a report says what its service is called: they are optional here.
        "description": _one(fields, "description") or (category.names["id"] if category else "-"),
        "latitude": _one(fields, "lat"),
        "longitude": _one(fields, "long"),
        "contact_email": _one(fields, "email"),
        "contact_phone": _one(fields, "phone"),
        "landmark": address,
        "language": asked.language,
        "attributes": _attributes(fields, category.attributes if category else ()),
    }
    located = bool(raw["latitude"] or raw["longitude"])
    if not located and (kode or address):
        row = by_kode.get(kode) or (None if kode else kelurahan_in(address, by_kode))
        raw["kelurahan"] = kode or (row.kode if row else "")
        raw["landmark"] = address or (f"Kelurahan {row.kelurahan}" if row else "")
    problems: list[Problem] = []
    if not located and not kode and not address:
        problems.append(Problem("address_missing", "lat"))
    if not located and kode and kode not in by_kode:
        problems.append(Problem("kelurahan_unknown", "address_id", {"value": kode}))
    if raw["category"] and category is None:
        problems.append(Problem("service_unknown", "service_code", {"value": raw["category"]}))
    try:
        sent = submission.read(
            raw, categories=categories, lengths=LONGEST, complete=True, placeless=not located
        )
    except Refused as refused:
        known = {problem.field for problem in problems}
        more = [_renamed(problem) for problem in refused.problems]
        problems += [problem for problem in more if problem.field not in known]
    if problems:
        raise Refused(problems)
    return sent


def _attributes(fields: Mapping[str, Sequence[str]], asked: Sequence[Any]) -> dict[str, list[str]]:
    """The answers to what is asked; others are ignored, as are all parameters that nobody knows."""
    codes = {each.code for each in asked if each.variable}
    found: dict[str, list[str]] = {}
    for name, values in fields.items():
        match = _ATTRIBUTE.fullmatch(name)
        if match and match.group(1) in codes:
            found.setdefault(match.group(1), []).extend(values)
    return found


def _renamed(problem: Problem) -> Problem:
    return Problem(problem.code, NAMES.get(problem.field, problem.field), problem.values)


def kelurahan_in(address: str, by_kode: Mapping[str, Kelurahan]) -> Kelurahan | None:
    """The kelurahan that an address names as such ("Kel. Gambir"), if it is one only.

    Of several with one name the kecamatan or kota in the address decides; else None, and
    an officer places the report.
    """
    words = f" {re.sub(r'[^a-z0-9]+', ' ', address.lower())} "
    found = [
        row
        for row in by_kode.values()
        if re.search(rf" (kel|kelurahan) {re.escape(_letters(row.kelurahan))} ", words)
    ]
    # "Kel. Cempaka Putih Barat" names no "Cempaka Putih".
    longest = max((len(row.kelurahan) for row in found), default=0)
    found = [row for row in found if len(row.kelurahan) == longest]
    for part in ("kecamatan", "kota"):
        if len(found) > 1:
            found = [row for row in found if f" {_letters(getattr(row, part))} " in words]
    return found[0] if len(found) == 1 else None


def _letters(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
    # Nobody writes the official beginning of a kota's name.
    return re.sub(r"^(kota|kabupaten) administrasi ", "", plain)


def _fetched(parts: Parts, media: Sequence[str]) -> list[bytes]:
    """The photos behind addresses. Raises Refused naming each that cannot be had."""
    found: list[bytes] = []
    problems: list[Problem] = []
    most = parts.settings.max_photo_bytes
    for url in media:
        values = {"value": url, "most": most // 1_000_000}
        try:
            got = fetch.fetch(
                url.strip(), max_bytes=most, seconds=PHOTO_SECONDS, private=parts.settings.fetch_private
            )
        except fetch.FetchError as error:
            problems.append(Problem(f"media_{error.code}", "media_url", values))
            continue
        if got.status != 200:
            problems.append(Problem("media_unreachable", "media_url", values))
        elif not got.content_type.startswith("image/"):
            problems.append(Problem("media_not_image", "media_url", values))
        else:
            found.append(got.body)
    if problems:
        raise Refused(problems)
    return found


def _public(asked: Asked, text: str) -> Report:
    """The public report with a number as somebody wrote it. Raises Refused (404)."""
    report_id = read_id(text)
    found = records.load(asked.parts.door.table, report_id) if report_id else None
    if found is None or found[0].private:
        value = written_id(report_id) if report_id else text
        raise Refused([Problem("report_unknown", "service_request_id", {"value": value})], 404)
    return found[0]


def _requests(asked: Asked, reports: Sequence[Report]) -> list[open311_model.ServiceRequest]:
    """Reports in Open311's words; their newest events, or all for the extensions, in as few reads as possible."""
    table = asked.parts.door.table
    wanted = [
        (it.id, seq) for it in reports for seq in (range(1, it.seq + 1) if asked.extensions else [it.seq])
    ]
    events = records.events_of(table, wanted)
    return [
        open311_model.request(
            it,
            events.get((it.id, it.seq)),
            categories=asked.parts.categories,
            locator=asked.parts.door.locator,
            base=asked.base,
            language=asked.language,
            history=[e for seq in range(1, it.seq + 1) if (e := events.get((it.id, seq)))]
            if asked.extensions
            else None,
        )
        for it in reports
    ]


def _all_of(*reads: Callable[[], Any]) -> list[Any]:
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


def _window(asked: Asked) -> tuple[str, str]:
    """The asked time as two stamps, at most DAYS apart.

    Without dates the last DAYS days; with one date the DAYS days after or before it; of a
    longer time the last DAYS days. Raises Refused.
    """
    problems: list[Problem] = []
    dates: dict[str, datetime | None] = {}
    for name in ("start_date", "end_date"):
        text = asked.one(name)
        dates[name] = _date(text) if text else None
        if text and dates[name] is None:
            problems.append(Problem("not_a_date", name, {"value": text}))
    start, end = dates["start_date"], dates["end_date"]
    if start and end and start > end:
        problems.append(
            Problem(
                "window_reversed",
                "start_date",
                {"start": asked.one("start_date"), "end": asked.one("end_date")},
            )
        )
    if problems:
        raise Refused(problems)
    span = timedelta(days=DAYS)
    if end is None:
        end = _moved(start, span) if start else asked.parts.door.now()
    earliest = _moved(end, -span)
    start = max(start, earliest) if start else earliest
    return stamp(start), stamp(end)


def _moved(moment: datetime, step: timedelta) -> datetime:
    """A moment later or earlier, no further than the calendar goes."""
    try:
        return moment + step
    except OverflowError:
        return FIRST if step < timedelta() else LAST


def _date(text: str) -> datetime | None:
    """A W3C date with its offset; None when it is none. A plus that became a space in the address is a plus."""
    written = text.replace(" ", "+")
    if not DATE.fullmatch(written):
        return None
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _which(asked: Asked) -> list[str]:
    """The rows by time that hold exactly the asked services and states; none when no service of ours is asked."""
    words = [word.lower() for word in asked.listed("status")]
    phases = sorted({state.open311 for state in STATES.values()})
    if wrong := [word for word in words if word not in phases]:
        raise Refused([Problem("not_a_choice", "status", {"value": wrong[0], "choices": ", ".join(phases)})])
    wanted = [phase for phase in phases if not words or phase in words]
    named = asked.listed("service_code")
    codes = [code for code in asked.parts.categories if code in named]
    if named and len(codes) < len(asked.parts.categories):
        return [f"{phase}#{code}" for phase in wanted for code in codes]
    return ["all"] if len(wanted) == len(phases) else wanted


def _page(asked: Asked, most: int) -> tuple[int, int]:
    """(page, page_size): from page 1 with all that a list may hold."""
    found: dict[str, int] = {}
    problems: list[Problem] = []
    for name, default, limit in (("page", 1, MOST), ("page_size", most, most)):
        text = asked.one(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,9}", text):
            problems.append(Problem("not_a_number", name, {"value": text}))
        elif not 1 <= int(text) <= MOST:
            problems.append(Problem("out_of_range", name, {"value": text, "least": 1, "most": MOST}))
        else:
            found[name] = min(int(text), limit)
    if problems:
        raise Refused(problems)
    return found["page"], found["page_size"]


def _check_jurisdiction(parts: Parts, asked: str) -> None:
    served = parts.settings.open311_jurisdiction
    if served and asked and asked != served:
        raise Refused([Problem("jurisdiction_unknown", "jurisdiction_id", {"value": asked})], 404)


# Formats and declarations.


def _handler(work: Work, ending: str | None, place: str) -> Callable[[Parts, Request], Response]:
    """A handler: finds out the format, works, and says the answer or what was wrong in it."""

    def handle(parts: Parts, request: Request) -> Response:
        name, _, found = request.path.get(place, "").rpartition(".") if ending is None else ("", "", ending)
        asked = Asked(parts, request, name, language_of(request, {}))
        form = found if found in FORMATS else "xml"
        try:
            if found not in FORMATS:
                raise Refused([Problem("format_unknown", "", {"value": found})], 404)
            _check_jurisdiction(parts, asked.one("jurisdiction_id"))
            said = work(asked)
        except Refused as refused:
            return _refusal(asked, form, refused)
        except Busy:
            return _refusal(asked, form, Refused([Problem("busy")], 503))
        return _response(asked, form, said)

    return handle


def _response(asked: Asked, form: str, said: Said, headers: Mapping[str, str] | None = None) -> Response:
    data = (
        open311_xml.document(said.root, plain(said.data)) if form == "xml" else msgspec.json.encode(said.data)
    )
    kept = {
        "Content-Type": XML_TYPE if form == "xml" else JSON_TYPE,
        "Access-Control-Allow-Origin": "*",
        **(headers or {}),
        **asked.headers,
    }
    if asked.request.body or said.status != 200:
        return Response(said.status, kept, data)
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    kept |= {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    if tag in asked.request.headers.get("if-none-match", ""):
        kept.pop("Content-Type")
        return Response(304, kept, b"")
    return Response(200, kept, data)


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
    return _response(asked, form, Said("errors", rows, status), headers)


def _words(problem: Problem, language: str) -> str:
    words = problem.message(language)
    return f"{problem.field}: {words}" if problem.field else words


class LanguageQuery(msgspec.Struct, frozen=True):
    """Parameters of every reading call."""

    jurisdiction_id: Annotated[str, Meta(description="Only where one is set.")] = ""
    language: Annotated[str, Meta(description="id or en, for names and messages.")] = ""


class RequestQuery(LanguageQuery, frozen=True):
    """Whether what this server knows beyond the specification is wanted."""

    extensions: Annotated[str, Meta(description="true: adds extended_attributes, attributes and notes.")] = ""


class UpdatesQuery(LanguageQuery, frozen=True):
    """Which updates are wanted."""

    service_request_id: Annotated[str, Meta(description="Comma list; overrides the dates.")] = ""
    start_date: Annotated[str, Meta(description="W3C date with offset, such as 2026-11-23T00:00:00Z.")] = ""
    end_date: Annotated[str, Meta(description="W3C date with offset.")] = ""
    page: Annotated[str, Meta(description="From 1.")] = ""
    page_size: Annotated[str, Meta(description="1 to 1000; 100 at most with extensions=true.")] = ""


class RequestsQuery(UpdatesQuery, frozen=True):
    """Which requests are wanted."""

    service_code: Annotated[str, Meta(description="Comma list.")] = ""
    status: Annotated[str, Meta(description="Comma list of open and closed.")] = ""
    extensions: Annotated[str, Meta(description="true: adds extended_attributes, attributes and notes.")] = ""


class NewRequest(msgspec.Struct, frozen=True):
    """A report. Answers to the service's questions go in `attribute[code]`; photos also as files photo1 to photo3."""

    service_code: str
    lat: Annotated[str, Meta(description="Degrees north, WGS 84.")] = ""
    long: Annotated[str, Meta(description="Degrees east, WGS 84.")] = ""
    address_string: Annotated[str, Meta(description="In place of lat and long: an officer places it.")] = ""
    address_id: Annotated[str, Meta(description="In place of lat and long: the code of a kelurahan.")] = ""
    description: Annotated[str, Meta(description="Up to 4,000 characters.")] = ""
    email: str = ""
    phone: str = ""
    first_name: Annotated[str, Meta(description="Not kept.")] = ""
    last_name: Annotated[str, Meta(description="Not kept.")] = ""
    device_id: Annotated[str, Meta(description="Not kept.")] = ""
    account_id: Annotated[str, Meta(description="Not kept.")] = ""
    media_url: Annotated[str, Meta(description="Address of a photo, to be fetched; may be repeated.")] = ""
    api_key: str = ""
    jurisdiction_id: str = ""


class NewUpdate(msgspec.Struct, frozen=True):
    """An update of a report."""

    service_request_id: str
    update_id: Annotated[str, Meta(description="The sender's own id: the same one is taken once.")]
    api_key: str
    status: Annotated[str, Meta(description="OPEN, FIXED, IN_PROGRESS, REOPEN, ... or unchanged.")] = ""
    description: str = ""
    updated_datetime: str = ""
    duplicate_of: Annotated[str, Meta(description="With DUPLICATE: the other request.")] = ""


ERRORS = list[open311_model.Problem311]
FORMS = (body.URLENCODED, body.MULTIPART)
READ = {304: (None,), 400: (ERRORS, XML), 404: (ERRORS, XML), 503: (ERRORS, XML)}
WRITE = dict.fromkeys((400, 403, 404, 429, 503), (ERRORS, XML))


def _pair(name: str, path: str, summary: str, work: Work, answer: Any, **more: Any) -> list[Operation]:
    """One call in both formats, each at its own address."""
    method = "POST" if "takes" in more else "GET"
    found: list[Operation] = []
    for ending in FORMATS:
        kind = XML if ending == "xml" else answer
        wrong = WRITE if method == "POST" else READ
        right = {200: (kind,), 201: (kind,)} if method == "POST" else {200: (kind,)}
        only = {
            s: tuple(k for k in kinds if k is None or (k == XML) == (ending == "xml"))
            for s, kinds in wrong.items()
        }
        handler = _handler(work, ending, "")
        found.append(
            Operation(
                f"{name}_{ending}", method, f"{path}.{ending}", summary, handler, {**right, **only}, **more
            )
        )
    return found


def _file(
    name: str, path: str, summary: str, work: Work, answer: Any, *, place: str, query: Any
) -> Operation:
    """One call whose format is the end of the last name in its path: API Gateway knows no `{id}.json`."""
    schema = {"type": "string", "pattern": r"^[^/]+\.(xml|json)$"}
    return Operation(
        name,
        "GET",
        f"{path}/{{{place}}}",
        summary,
        _handler(work, None, place),
        {200: (answer, XML), **READ},
        query=query,
        places={place: schema},
    )


OPERATIONS = (
    *_pair(
        "open311_discovery",
        "/open311/discovery",
        "Open311: where and what this server is",
        discovery,
        open311_model.Discovery,
        query=LanguageQuery,
    ),
    *_pair(
        "open311_v2_discovery",
        "/open311/v2/discovery",
        "Open311: where and what this server is, beside its endpoint",
        discovery,
        open311_model.Discovery,
        query=LanguageQuery,
    ),
    *_pair(
        "open311_services",
        "/open311/v2/services",
        "Open311: what can be reported",
        services,
        list[open311_model.Service],
        query=LanguageQuery,
    ),
    _file(
        "open311_definition",
        "/open311/v2/services",
        "Open311: what a service asks",
        definition,
        open311_model.Definition,
        place="service_file",
        query=LanguageQuery,
    ),
    *_pair(
        "open311_list_requests",
        "/open311/v2/requests",
        "Open311: list reports",
        list_requests,
        list[open311_model.ServiceRequest],
        query=RequestsQuery,
    ),
    *_pair(
        "open311_create_request",
        "/open311/v2/requests",
        "Open311: send a report",
        create_request,
        list[open311_model.Created311],
        takes=NewRequest,
        content_types=FORMS,
        headers={"Idempotency-Key": "8 to 100 letters, digits, - or _: the same key gives the same report."},
    ),
    _file(
        "open311_show_request",
        "/open311/v2/requests",
        "Open311: read a report",
        show_request,
        list[open311_model.ServiceRequest],
        place="request_file",
        query=RequestQuery,
    ),
    _file(
        "open311_show_token",
        "/open311/v2/tokens",
        "Open311: which report a token became",
        show_token,
        list[open311_model.Token],
        place="token_file",
        query=LanguageQuery,
    ),
    *_pair(
        "open311_list_updates",
        "/open311/v2/servicerequestupdates",
        "Open311: what happened to reports",
        list_updates,
        list[open311_model.Update],
        query=UpdatesQuery,
    ),
    *_pair(
        "open311_create_update",
        "/open311/v2/servicerequestupdates",
        "Open311: send an update of a report",
        create_update,
        list[open311_model.CreatedUpdate],
        takes=NewUpdate,
        content_types=FORMS,
    ),
)
