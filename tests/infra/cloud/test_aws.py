"""The deployed functions, rehearsed against a stand-in for AWS: from report to page, within their rights."""

from __future__ import annotations

import fnmatch
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from chalicelib import holder, logs, notices, records, triggers, wiring
from chalicelib.channels import webhooks
from chalicelib.follow import Target
from chalicelib.followers import EMAIL, Book
from moto import mock_aws

from infra import aws, package

ROOT = package.ROOT
POLICIES = {
    name: json.loads((ROOT / "functions/.chalice" / file["iam_policy_file"]).read_text("utf-8"))["Statement"]
    for name, file in json.loads((ROOT / "functions/.chalice/config.json").read_text("utf-8"))[
        "lambda_functions"
    ].items()
}
REPORT = {
    "category": "jalan",
    "description": "Lubang besar di tengah jalan raya",
    "latitude": -6.1754,
    "longitude": 106.8272,
}


def jpeg(size: tuple[int, int] = (640, 480)) -> bytes:
    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", size, (120, 90, 60)).save(kept, "JPEG")
    return kept.getvalue()


def forget() -> None:
    for made in (
        wiring.current,
        wiring.table,
        wiring.files,
        wiring.parts,
        wiring.deployed_publisher,
        wiring.renderer,
    ):
        made.cache_clear()


Call = tuple[str, str, dict[str, Any]]


class Watched:
    """Notes which function made which call to AWS."""

    def __init__(self) -> None:
        self.acting = ""
        self.calls: list[Call] = []

    def as_function(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*arguments: Any) -> Any:
            before, self.acting = self.acting, name
            try:
                return handler(*arguments)
            finally:
                self.acting = before

        return acting


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Watched, aws.Functions]]:
    """The product in this process on moto, with every call to AWS noted."""
    import app
    from botocore.client import BaseClient

    told = Watched()
    for name, value in aws.environment("").items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"):
        monkeypatch.delenv(name)
    genuine = BaseClient._make_api_call

    def noted(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if told.acting:
            told.calls.append((told.acting, f"{self.meta.service_model.service_name}:{operation}", arguments))
        return genuine(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    for name in ("publisher", "retention", "photo", "every_minute", "messenger", "notifier", "daily"):
        monkeypatch.setattr(app, name, told.as_function(name, getattr(app, name)))
    forget()
    with mock_aws():
        yield told, aws.Functions(aws.create(), pause=lambda tries: None)
    forget()


def ask(
    told: Watched, method: str, path: str, body: dict[str, Any], more: dict[str, str] | None = None
) -> dict[str, Any]:
    """A request as API Gateway hands it to the function."""
    import app

    headers = {"content-type": "application/json", **(more or {})}
    event = {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "isBase64Encoded": False,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": json.dumps(body),
        "requestContext": {"resourcePath": path, "httpMethod": method, "requestId": "req-1", "identity": {}},
    }
    answer = told.as_function("api_handler", app.app)(event, None)
    return {"status": answer["statusCode"], "headers": answer["headers"], **json.loads(answer["body"])}


def resolved(resource: Any) -> str:
    """A policy's resource with the names of the rehearsal."""
    if "Fn::GetAtt" in resource:
        return ".".join(resource["Fn::GetAtt"])
    text: str = resource["Fn::Sub"]
    return text.replace("arn:${AWS::Partition}:s3:::${AWS::StackName}-", "rehearsal-").replace(
        "-${AWS::AccountId}", ""
    )


def needs(service: str, arguments: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(action, resource, leading key) of a call, as IAM looks at it."""
    operation = service.partition(":")[2]
    if service.startswith("dynamodb:"):
        if operation == "TransactWriteItems":
            actions = {
                "Put": "PutItem",
                "Update": "UpdateItem",
                "Delete": "DeleteItem",
                "ConditionCheck": "ConditionCheckItem",
            }
            for item in arguments["TransactItems"]:
                ((kind, stated),) = item.items()
                yield (
                    f"dynamodb:{actions[kind]}",
                    "Table.Arn",
                    (stated.get("Key") or stated.get("Item"))["partition"]["S"],
                )
        elif operation == "BatchGetItem":
            for key in arguments["RequestItems"][aws.NAMES["TABLE"]]["Keys"]:
                yield "dynamodb:BatchGetItem", "Table.Arn", key["partition"]["S"]
        elif operation == "Query":
            yield "dynamodb:Query", "Table.Arn", arguments["ExpressionAttributeValues"][":partition"]["S"]
        else:
            yield f"dynamodb:{operation}", "Table.Arn", arguments["Key"]["partition"]["S"]
    elif operation == "ListObjectsV2":
        yield "s3:ListBucket", arguments["Bucket"], ""
    else:
        action = "GetObject" if operation == "HeadObject" else operation
        yield f"s3:{action}", f"{arguments['Bucket']}/{arguments['Key']}", ""
        if action == "GetObject":
            # Without this right a missing file would be a 403 and not a 404.
            yield "s3:ListBucket", arguments["Bucket"], ""


def allowed(function: str, action: str, resource: str, leading: str) -> bool:
    for statement in POLICIES[function]:
        keys = (
            statement.get("Condition", {})
            .get("ForAllValues:StringLike", {})
            .get("dynamodb:LeadingKeys", ["*"])
        )
        if (
            action in statement["Action"]
            and any(fnmatch.fnmatchcase(resource, resolved(each)) for each in statement["Resource"])
            and (not leading or any(fnmatch.fnmatchcase(leading, key) for key in keys))
        ):
            return True
    return False


def test_from_report_to_page_within_the_rights_of_each_function(
    watched: tuple[Watched, aws.Functions], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, functions = watched
    asked: list[str] = []

    def send(url: str, data: bytes, headers: Mapping[str, str]) -> int:
        asked.append(url)
        return 500 if "down" in url else 204

    monkeypatch.setattr(webhooks, "sender", lambda private: send)
    urls = ["https://koran.example/", "https://down.example/"]
    for url in urls:
        webhooks.add(wiring.table(), name="Koran", url=url, now=wiring.now(), random_bytes=os.urandom)
    ticket = ask(told, "POST", "/api/uploads", {"content_type": "image/jpeg"})
    wiring.files("private").put(ticket["fields"]["key"], jpeg())
    functions.step()
    made = ask(
        told, "POST", "/api/reports", {**REPORT, "photo": ticket["key"], "contact_email": "warga@example.com"}
    )
    assert (made["status"], made["place"]["kelurahan"]) == (201, "Gambir")
    assert made["headers"][logs.REQUEST_HEADER] == "req-1"
    functions.step()
    functions.every_minute()
    assert functions.messenger() == {"sent": 1, "later": 1, "dead": 0}
    assert functions.messenger() == {"sent": 0, "later": 0, "dead": 0}
    # Where mail is not set up, a notice is dropped: but who may read and write what is the same.
    (notice,) = wiring.table().query(notices.DUE).items
    assert notice.body["kind"] == "reporter"
    assert functions.notifier() == {"done": 1}
    book = Book(wiring.table(), wiring.now, os.urandom)
    who, wish = book.ask(
        EMAIL, "b@example.com", Target("report", report=made["id"]), rhythm="now", language="id"
    )
    book.confirm(who.id, wish.number)
    holder.add(wiring.parts().door, made["id"], made["follow_key"], "Masih ada.")
    functions.step()
    told_now = functions.notifier()
    assert told_now in ({"refused": 1}, {"held": 1})
    site = wiring.files("site")
    page = site.get(f"laporan/{made['id']}/index.html")
    assert page is not None
    assert "Lubang besar" in page.data.decode()
    kode = made["place"]["kode"]
    assert made["id"] in (site.get(f"kelurahan/{kode}/feed.xml") or page).data.decode()
    assert site.exists("index.html")
    assert site.exists("data/ringkas.json")
    # The daily function tomorrow, and on the day when this report's kelurahan is due.
    today = triggers.jakarta_day(wiring.now())
    codes = sorted(wiring.parts().door.locator.by_kode)
    due = next(day for day in range(1, 31) if kode in triggers.of_day(codes, today + timedelta(days=day)))
    genuine = wiring.now
    for days in {1, due}:
        monkeypatch.setattr(wiring, "now", lambda days=days: genuine() + timedelta(days=days))
        found = functions.daily()
    assert found["broken"] == 0
    assert functions.dead_letters() == []
    assert sorted(asked) == sorted(urls), "the report's event went out once to each"
    refused = sorted(
        {
            f"{function} may not {action} on {resource} {leading}"
            for function, service, arguments in told.calls
            for action, resource, leading in needs(service, arguments)
            if not allowed(function, action, resource, leading)
        }
    )
    assert not refused, "\n".join(refused)
    assert {function for function, _, _ in told.calls} == set(POLICIES)


def test_an_upload_that_is_no_photo_is_deleted_and_a_photo_stays(
    watched: tuple[Watched, aws.Functions],
) -> None:
    _, functions = watched
    private = wiring.files("private")
    private.put("uploads/" + "a" * 32, b"<script>alert(1)</script>")
    private.put("uploads/" + "b" * 32, jpeg())
    private.put("foto/7K3M9QX2/keep.jpg", b"not looked at")
    functions.step()
    assert not private.exists("uploads/" + "a" * 32)
    assert private.exists("uploads/" + "b" * 32)
    assert private.exists("foto/7K3M9QX2/keep.jpg")


def test_contact_data_ends_90_days_after_closing_and_lives_on_when_reopened(
    watched: tuple[Watched, aws.Functions],
) -> None:
    import secrets

    from chalicelib import desk
    from chalicelib.lifecycle import Move
    from chalicelib.report import Office

    told, functions = watched
    made = ask(told, "POST", "/api/reports", {**REPORT, "contact_email": "warga@example.com"})
    table = wiring.table()
    work = desk.Desk(table, wiring.now, secrets.token_bytes)

    def move(to: str, **more: Any) -> None:
        office = Office("31.71.01.1001", "Kelurahan Gambir")
        desk.move(work, made["id"], Move(to=to, **more), role="officer", office=office)
        functions.step()

    move("in_progress", percent=10, text="Dikerjakan hari ini.")
    contact = table.get(records.contact_key(made["id"]))
    assert contact is not None
    assert contact.expires is None
    move("rejected", reason="not_found", text="Tidak ditemukan di lokasi ini.")
    contact = table.get(records.contact_key(made["id"]))
    assert contact is not None
    assert contact.body == {"email": "warga@example.com"}
    assert 89 * 86400 < (contact.expires or 0) - time.time() <= 90 * 86400


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[str]:
    """`make run ENGINE=aws` in a process of its own; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": f"{ROOT}/functions:{ROOT}",
        "ENGINE": "aws",
        "PORT": str(port),
        "DATA_DIR": str(tmp_path / "data"),
    }
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra", "run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            log.seek(0)
            assert line == f"ready http://127.0.0.1:{port}/\n", log.read()
            yield line.split()[1].rstrip("/")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.communicate()


def call(address: str, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    try:
        connection.request(method, path, body or None, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.journey
def test_one_command_rehearses_the_deployed_product_from_report_to_page(rehearsal: str) -> None:
    status, answer = call(rehearsal, "POST", "/api/reports", json.dumps(REPORT).encode(), "application/json")
    made = json.loads(answer)
    assert (status, made["place"]["kode"][:3]) == (201, "31.")
    pages = [
        f"/laporan/{made['id']}/",
        f"/kelurahan/{made['place']['kode']}/",
        f"/data/aktif/{made['place']['kode']}.json",
    ]
    for page in pages:
        assert within(30, lambda page=page: made["id"] in call(rehearsal, "GET", page)[1].decode()), page
    # A large photo goes the way that a browser sends it: to the bucket, with the fields of the ticket.
    _, answer = call(rehearsal, "POST", "/api/uploads", b'{"content_type": "image/jpeg"}', "application/json")
    ticket = json.loads(answer)
    form = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode()
        for n, v in ticket["fields"].items()
    )
    form += (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        + jpeg()
        + b"\r\n--b--\r\n"
    )
    where = urlsplit(ticket["url"])
    status, _ = call(
        f"{where.scheme}://{where.netloc}", "POST", where.path, form, "multipart/form-data; boundary=b"
    )
    assert status == 204
    more = json.dumps({**REPORT, "photo": ticket["key"]}).encode()
    status, answer = call(rehearsal, "POST", "/api/reports", more, "application/json")
    assert status == 201, answer
    shown = f"/laporan/{json.loads(answer)['id']}/"
    assert within(30, lambda: b"/foto/" in call(rehearsal, "GET", shown)[1])


def test_the_id_of_a_request_goes_from_the_browser_to_the_log_of_the_publisher(
    watched: tuple[Watched, aws.Functions], caplog: pytest.LogCaptureFixture
) -> None:
    told, functions = watched
    sent = "0123456789abcdef0123456789abcdef"
    with caplog.at_level("INFO"):
        made = ask(told, "POST", "/api/reports", REPORT, {"x-request-id": sent})
        functions.step()
    assert made["headers"][logs.REQUEST_HEADER] == sent
    lines = [json.loads(logs.Lines().format(r)) for r in caplog.records if hasattr(r, logs.TRACE)]
    assert [(line["message"], line["trace"]) for line in lines] == [
        (f"published report#{made['id']} at event 1", sent)
    ]
    # It is nobody's business but the operators': no public file and no answer of the API holds it.
    site = wiring.files("site")
    for path in site.list(""):
        assert sent not in (site.get(path) or site.get(path)).data.decode("latin-1")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("headers", "id_of"),
    [
        ({}, "given"),
        ({"x-request-id": "a" * 32}, "a" * 32),
        ({"x-amz-cf-id": "Ab_-cdefgh=="}, "Ab_-cdefgh=="),
        ({"x-request-id": "a" * 32, "x-amz-cf-id": "b" * 40}, "a" * 32),
        ({"x-request-id": "no spaces, please"}, "given"),
        ({"x-request-id": "short"}, "given"),
        ({"x-request-id": "x" * 65}, "given"),
    ],
)
def test_whose_id_a_request_has(headers: dict[str, str], id_of: str) -> None:
    assert logs.id_of(headers, "given") == id_of


def test_who_follows_is_asked_and_told_by_mail_through_ses(
    watched: tuple[Watched, aws.Functions], monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ses.models import ses_backends

    told, functions = watched
    monkeypatch.setattr(app_of(), "notifier", told.as_function("notifier", app_of().notifier))
    for name, value in aws.mail("https://warga.example.id").items():
        monkeypatch.setenv(name, value)
    forget()
    wiring.post.cache_clear()
    follow = {"area": "31.71.01.1001", "email": "warga@example.com", "language": "id"}
    assert ask(told, "POST", "/api/follow", follow)["status"] in {201, 202}
    functions.step()
    functions.notifier()
    (sent,) = ses_backends["123456789012"][aws.REGION].sent_messages
    assert "warga@example.com" in str(sent.destinations)
    assert "https://warga.example.id/" in str(sent.raw_data)
    assert {f for f, service, _ in told.calls if service.startswith("sesv2:")} == {"notifier"}
    wiring.post.cache_clear()


def app_of() -> Any:
    """The functions' front door."""
    import app

    return app
