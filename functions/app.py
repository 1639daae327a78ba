"""The front door of the functions: routes and triggers, a few lines each, no logic.

The only file that knows Chalice. What each route takes and answers is declared in
chalicelib/front/api.py; a test keeps the two in step.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# In the bundle geo and web lie in vendor/, which Chalice unpacks beside this file.
sys.path.insert(0, str(Path(__file__).parent / "vendor"))

from chalice import Chalice, CORSConfig, Response
from chalice.app import MultiDict
from chalicelib import following, logs, sharing, staff, wiring
from chalicelib.channels import open311, webhooks
from chalicelib.front import api, guard
from chalicelib.front.operation import Request

if logs.deployed():
    logs.setup()
app = Chalice(app_name="cctv-warga", configure_logs=not logs.deployed())
app.api.binary_types = ["multipart/form-data"]
SHARED = CORSConfig(
    allow_headers=list(sharing.ASK_HEADERS),
    expose_headers=list(sharing.TOLD_HEADERS),
    max_age=sharing.PREFLIGHT_SECONDS,
)
"""For what pages of other sites may read: API Gateway itself answers their preflight requests."""
ANY_TYPE = ["*/*"]  # api.answer judges content types itself, to answer in the asker's language


def answer(name: str, **path: str) -> Response:
    """Hand the current request to an operation and its answer back to Chalice."""
    request = app.current_request
    logs.request_id.set(logs.id_of(request.headers, str((request.context or {}).get("requestId", ""))))
    query = request.query_params or MultiDict({})
    many = {name: tuple(query.getlist(name)) for name in query}
    headers = dict(request.headers)
    source = str(((request.context or {}).get("identity") or {}).get("sourceIp") or "")
    headers[guard.VIEWER] = guard.viewer(headers, source, wiring.current().cdn_token)
    asked = Request(path, dict(query), headers, request.raw_body, many)
    got = api.answer(wiring.parts(), name, asked)
    answered = {logs.REQUEST_HEADER: logs.request_id.get()} if logs.request_id.get() else {}
    return Response(body=got.body.decode(), status_code=got.status, headers=dict(got.headers) | answered)


@app.route("/api/reports", methods=["POST"], content_types=ANY_TYPE)
def create_report() -> Response:
    return answer("create_report")


@app.route("/api/reports/{report_id}", methods=["GET"], cors=SHARED)
def get_report(report_id: str) -> Response:
    return answer("get_report", report_id=report_id)


@app.route("/api/reports/{report_id}/receipt", methods=["GET"])
def show_receipt(report_id: str) -> Response:
    return answer("show_receipt", report_id=report_id)


@app.route("/api/reports/{report_id}/key", methods=["POST"], content_types=ANY_TYPE)
def open_own(report_id: str) -> Response:
    return answer("open_own", report_id=report_id)


@app.route("/api/reports/{report_id}/page", methods=["GET"])
def show_own(report_id: str) -> Response:
    return answer("show_own", report_id=report_id)


@app.route("/api/reports/{report_id}/qr", methods=["GET"])
def show_qr(report_id: str) -> Response:
    return answer("show_qr", report_id=report_id)


@app.route("/api/reports/{report_id}/feedback", methods=["POST"], content_types=ANY_TYPE)
def give_feedback(report_id: str) -> Response:
    return answer("give_feedback", report_id=report_id)


@app.route("/api/reports/{report_id}/support", methods=["POST"], content_types=ANY_TYPE)
def add_support(report_id: str) -> Response:
    return answer("add_support", report_id=report_id)


@app.route("/api/find", methods=["GET"])
def find_report() -> Response:
    return answer("find_report")


@app.route("/api/locate", methods=["GET"], cors=SHARED)
def locate() -> Response:
    return answer("locate")


@app.route("/api/categories", methods=["GET"], cors=SHARED)
def list_categories() -> Response:
    return answer("list_categories")


@app.route("/api/uploads", methods=["POST"], content_types=ANY_TYPE)
def create_upload() -> Response:
    return answer("create_upload")


@app.route("/api/health", methods=["GET"], cors=SHARED)
def health() -> Response:
    return answer("health")


@app.route("/api/openapi.json", methods=["GET"], cors=SHARED)
def openapi() -> Response:
    return answer("openapi")


def answering(name: str) -> Callable[..., Response]:
    """A route that does nothing but answer an operation: for families of routes that are declared as data."""
    return lambda **path: answer(name, **path)


# staff asks who officers are, everywhere by the same gate.
for each in (*following.OPERATIONS, *open311.OPERATIONS, *webhooks.OPERATIONS, *staff.OPERATIONS):
    route = app.route(
        each.path,
        methods=[each.method],
        name=each.name,
        content_types=ANY_TYPE,
        cors=SHARED if each.shared else None,
    )
    route(answering(each.name))


# Triggers. Their modules are imported when first used: the API's cold start needs none of them.
# What wakes them, and how failures are retried, is in template.yaml.


@app.on_dynamodb_record(stream_arn="arn:aws:dynamodb:::set-by-template.yaml", name="publisher")
def publisher(event: Any) -> dict[str, Any]:
    from chalicelib import triggers

    logs.request_id.set(event.context.aws_request_id)
    return triggers.publish(wiring.deployed_publisher(), event.to_dict(), wiring.now())


@app.on_dynamodb_record(stream_arn="arn:aws:dynamodb:::set-by-template.yaml", name="retention")
def retention(event: Any) -> dict[str, Any]:
    from chalicelib import triggers

    logs.request_id.set(event.context.aws_request_id)
    days, hours = wiring.current().contact_days, wiring.rules()
    return triggers.keep_time_limits(
        wiring.table(), event.to_dict(), contact_days=days, now=wiring.now(), rules=hours
    )


@app.lambda_function(name="photo")
def photo(event: dict[str, Any], context: Any) -> int:
    from chalicelib import triggers

    logs.request_id.set(context.aws_request_id)
    most = wiring.current().max_photo_bytes
    return triggers.look_at_uploads(wiring.files("private"), event, max_photo_bytes=most)


@app.schedule("rate(1 minute)", name="every_minute")
def every_minute(event: Any) -> int:
    from chalicelib import triggers

    logs.request_id.set(event.context.aws_request_id)
    done = triggers.tidy(wiring.deployed_publisher(), event.context.get_remaining_time_in_millis)
    wiring.deployed_publisher().service(wiring.now())
    triggers.draw(wiring.deployed_publisher(), event.context.get_remaining_time_in_millis)
    return done


@app.schedule("rate(1 minute)", name="messenger")
def messenger(event: Any) -> dict[str, int]:
    from chalicelib import triggers

    logs.request_id.set(event.context.aws_request_id)
    return triggers.send_webhooks(
        wiring.table(),
        wiring.category_table(),
        webhooks.sender(private=wiring.current().fetch_private),
        wiring.now(),
        event.context.get_remaining_time_in_millis,
    )


@app.schedule("rate(1 minute)", name="notifier")
def notifier(event: Any) -> dict[str, int]:
    from chalicelib import triggers

    logs.request_id.set(event.context.aws_request_id)
    remaining = event.context.get_remaining_time_in_millis
    return triggers.send_notices(wiring.post(), wiring.now(), remaining)


@app.schedule("cron(0 19 * * ? *)", name="daily")
def daily(event: Any) -> dict[str, int]:
    from chalicelib import triggers

    logs.request_id.set(event.context.aws_request_id)
    publisher = wiring.deployed_publisher()
    publisher.open_data(wiring.now())
    return triggers.daily(publisher, wiring.now(), event.context.get_remaining_time_in_millis)
