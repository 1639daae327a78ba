"""Open311 GeoReport v2, declared: every call with its address, its parameters and what it answers.

What the calls do is in open311_reading.py and open311_sending.py, the formats in
open311_format.py, the shapes in open311_model.py.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..front import body
from ..front.operation import XML, Operation
from . import open311_model
from .open311_format import FORMATS, Work, handler
from .open311_reading import (
    definition,
    discovery,
    list_requests,
    list_updates,
    services,
    show_request,
    show_token,
)
from .open311_sending import create_request, create_update


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
        handle = handler(work, ending, writes=method == "POST")
        found.append(
            Operation(
                f"{name}_{ending}",
                method,
                f"{path}.{ending}",
                summary,
                handle,
                {**right, **only},
                shared=True,
                **more,
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
        handler(work, None, place),
        {200: (answer, XML), **READ},
        query=query,
        places={place: schema},
        shared=True,
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
