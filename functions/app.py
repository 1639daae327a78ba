"""The front door of the functions: routes and triggers, a few lines each, no logic.

The only file that knows Chalice. What each route takes and answers is declared in
chalicelib/api.py; a test keeps the two in step.
"""

import sys
from pathlib import Path

# In the bundle geo and web lie in vendor/, which Chalice unpacks beside this file.
sys.path.insert(0, str(Path(__file__).parent / "vendor"))

from chalice import Chalice, Response
from chalicelib import api, wiring
from chalicelib.operation import Request

app = Chalice(app_name="cctv-warga")
app.api.binary_types = ["multipart/form-data"]
ANY_TYPE = ["*/*"]  # api.answer judges content types itself, to answer in the asker's language


def answer(name: str, **path: str) -> Response:
    """Hand the current request to an operation and its answer back to Chalice."""
    request = app.current_request
    asked = Request(path, dict(request.query_params or {}), dict(request.headers), request.raw_body)
    got = api.answer(wiring.parts(), name, asked)
    return Response(body=got.body.decode(), status_code=got.status, headers=dict(got.headers))


@app.route("/api/reports", methods=["POST"], content_types=ANY_TYPE)
def create_report() -> Response:
    return answer("create_report")


@app.route("/api/reports/{report_id}", methods=["GET"])
def get_report(report_id: str) -> Response:
    return answer("get_report", report_id=report_id)


@app.route("/api/reports/{report_id}/receipt", methods=["GET"])
def show_receipt(report_id: str) -> Response:
    return answer("show_receipt", report_id=report_id)


@app.route("/api/find", methods=["GET"])
def find_report() -> Response:
    return answer("find_report")


@app.route("/api/locate", methods=["GET"])
def locate() -> Response:
    return answer("locate")


@app.route("/api/categories", methods=["GET"])
def list_categories() -> Response:
    return answer("list_categories")


@app.route("/api/uploads", methods=["POST"], content_types=ANY_TYPE)
def create_upload() -> Response:
    return answer("create_upload")


@app.route("/api/health", methods=["GET"])
def health() -> Response:
    return answer("health")


@app.route("/api/openapi.json", methods=["GET"])
def openapi() -> Response:
    return answer("openapi")
