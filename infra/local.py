"""Everything on one machine: the API through Chalice's own gateway, the publisher, and the site, in one process.

Durable: what was acknowledged is in SQLite, what was published is in a folder, and
after a kill the publisher goes on where it was. For trying out, for tests, and for
a small office; what is deployed is the same functions on AWS.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote

from chalicelib import access, settings, wiring
from chalicelib.front import guard, operation
from chalicelib.front.problems import Problem, preferred
from chalicelib.publish import Publisher
from chalicelib.report import read_id
from chalicelib.storage import files as files_port

from infra import dev_messages, encoding, following, patience, site_version
from infra.issuer import CLIENT, ISSUER_AT, Issuer
from infra.messenger import Messenger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_UPLOAD_SLACK = 1_000_000
RANGED = ".pmtiles"
"""Files that are read in parts."""
RANGE = re.compile(r"bytes=([0-9]{1,12})-([0-9]{1,12})")
LONGEST_RANGE = 8_000_000
STATUS_WORDS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    303: "See Other",
    304: "Not Modified",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
log = logging.getLogger("cctv-warga")

Answer = tuple[int, list[tuple[str, str]], bytes]


def security_headers(tiles: str = "", uploads: str = "") -> dict[str, str]:
    """Headers of every page; `tiles` is the origin of a basemap, `uploads` where photos go, if not here."""
    images = " ".join(["'self'", "data:", "blob:", *([tiles] if tiles else [])])
    connect = f"connect-src 'self' {uploads}; " if uploads else ""
    policy = (
        f"default-src 'self'; img-src {images}; script-src 'self'; style-src 'self'; font-src 'self'; {connect}"
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "geolocation=(self), camera=(self)",
    }


EMBEDDED = ("sematan/", "en/sematan/")
"""Where the only pages lie that may stand in other sites' frames: words and links, nothing to press."""


def framed(headers: Mapping[str, str]) -> dict[str, str]:
    """The same headers for a page that any site may show in a frame."""
    policy = headers["Content-Security-Policy"]
    return {
        **headers,
        "Content-Security-Policy": policy.replace("frame-ancestors 'none'", "frame-ancestors *"),
    }


class Gateway:
    """The functions behind Chalice's local API Gateway, with its refusals said in our own words."""

    def __init__(self) -> None:
        import app as functions
        from chalice import Chalice
        from chalice.config import Config
        from chalice.local import LambdaEventConverter, LocalChalice, LocalGateway, RouteMatcher

        # Chalice keeps the current request on the app; several threads need it kept per thread.
        functions.app.__class__ = type("ThreadedChalice", (LocalChalice, Chalice), {})
        self._gateway = LocalGateway(functions.app, Config())

        class Decoded(RouteMatcher):  # type: ignore[misc] # Chalice has no types
            """Parameters of a path as API Gateway hands them on, after the encoded path found its route."""

            def match_route(self, url: str) -> Any:
                found = super().match_route(url)
                captured = {name: unquote(value) for name, value in found.captured.items()}
                return found._replace(captured=captured)

        self._gateway.event_converter = LambdaEventConverter(
            Decoded(list(functions.app.routes)), functions.app.api.binary_types
        )

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """An answer to a request for `target`: path and query, both percent-encoded."""
        from chalice.local import LocalGatewayException

        asked = "GET" if method == "HEAD" else method
        try:
            got = self._gateway.handle_request(asked, target, headers, body)
        except LocalGatewayException:
            return self._refusal(404, Problem("not_found"), headers)
        if method == "OPTIONS" and "Access-Control-Allow-Origin" not in got["headers"]:
            # As deployed: only what other sites may read has an answer to their preflight requests.
            return self._refusal(405, Problem("method_not_allowed", "", {"value": method}), headers)
        if got["statusCode"] == 405:
            return self._refusal(
                405, Problem("method_not_allowed", "", {"value": method[:20]}), headers, got["headers"]
            )
        if got["statusCode"] == 500:
            return self._refusal(500, Problem("internal"), headers)
        many = {name: [value] for name, value in got["headers"].items()} | got["multiValueHeaders"]
        sent = got["body"] or b""
        data = (
            base64.b64decode(sent)
            if got.get("isBase64Encoded")
            else sent.encode()
            if isinstance(sent, str)
            else sent
        )
        return got["statusCode"], [(name, value) for name, values in many.items() for value in values], data

    @staticmethod
    def _refusal(
        status: int, problem: Problem, headers: Mapping[str, str], got: Mapping[str, str] | None = None
    ) -> Answer:
        allow = [("Allow", got["Allow"])] if got and "Allow" in got else []
        said = [("Content-Type", operation.JSON_TYPE), ("Cache-Control", "no-store"), *allow]
        return status, said, operation.errors((problem,), preferred(headers.get("accept-language", "")))


class Site:
    """The published files, with the headers that the CDN would send."""

    def __init__(self, files: files_port.Files, headers: Mapping[str, str]) -> None:
        self._files = files
        self._headers = list(headers.items())
        self._framed = list(framed(headers).items())

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        """A file, a redirect to where it is, or the page for addresses that are not there."""
        if moved := canonical(path):
            return 301, [("Location", quote(moved)), ("Cache-Control", "max-age=3600"), *self._headers], b""
        name = path.lstrip("/")
        wanted = f"{name}index.html" if not name or name.endswith("/") else name
        if wanted.endswith(RANGED) and (asked := RANGE.fullmatch(headers.get("range", ""))):
            return self._part(wanted, int(asked[1]), int(asked[2]))
        try:
            found = self._files.get(wanted)
        except ValueError:
            found = None
        if found is None:
            root = "en/" if name.startswith("en/") else ""
            page = self._files.get(f"{root}404.html")
            data = page.data if page else b""
            said = [("Content-Type", operation.HTML_TYPE), ("Cache-Control", "max-age=2"), *self._headers]
            return 404, said, data
        # Weak: compressed or not, it is the same page.
        tag = f'W/"{hashlib.sha256(found.data).hexdigest()[:20]}"'
        mine = self._framed if wanted.startswith(EMBEDDED) else self._headers
        said = [("ETag", tag), *files_port.headers(wanted).items(), *mine]
        if tag in headers.get("if-none-match", ""):
            return 304, said, b""
        return 200, said, found.data

    def _part(self, name: str, first: int, last: int) -> Answer:
        """Some bytes of a large file, as buckets and CDNs answer `Range: bytes=first-last` (RFC 9110)."""
        try:
            found = self._files.part(name, first, min(last, first + LONGEST_RANGE - 1))
        except ValueError:
            found = None
        said = [*files_port.headers(name).items(), *self._headers]
        if found is None:
            return 404, [("Cache-Control", "max-age=2"), *self._headers], b""
        if not found.data:
            return 416, [("Content-Range", f"bytes */{found.size}"), *said], b""
        end = first + len(found.data) - 1
        return 206, [("Content-Range", f"bytes {first}-{end}/{found.size}"), *said], found.data


def canonical(path: str) -> str | None:
    """Where a path that people type should lead; None when it is fine as it is.

    `/laporan/7k3m-9qx2` means `/laporan/7K3M9QX2/`, and pages end in a slash.
    """
    parts = path.strip("/").split("/")
    base = parts[1:] if parts[:1] == ["en"] else parts
    if len(base) == 2 and base[0] == "laporan" and "." not in base[1]:
        code = read_id(base[1])
        wanted = f"/{'en/' if base is not parts else ''}laporan/{code}/"
        return wanted if code and path != wanted else None
    if path != "/" and not path.endswith("/") and "." not in parts[-1]:
        return f"/{'/'.join(parts)}/"
    return None


class Server:
    """The WSGI application: API, uploads and site."""

    def __init__(self, chosen: settings.Settings, uploads: str = "") -> None:
        self._settings = chosen
        self._gateway = Gateway()
        headers = security_headers(wiring.renderer().basemap.origin, uploads)
        self._headers = headers
        self._site = Site(wiring.files("site"), headers)
        self._issuer = None if chosen.oidc_issuer else example_officers(chosen)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        headers = encoding.headers_of(environ)
        headers[guard.VIEWER] = environ.get("REMOTE_ADDR", "")
        try:
            status, said, body = self._answer(method, environ, headers)
        except Exception:
            log.exception("a request failed")
            status, said, body = Gateway._refusal(500, Problem("internal"), headers)
        said, body = encoding.encoded(said, body, headers)
        if status not in {204, 304}:
            said = [*said, ("Content-Length", str(len(body)))]
        start_response(f"{status} {STATUS_WORDS.get(status, 'Status')}", said)
        return [b""] if method == "HEAD" else [body]

    def _answer(self, method: str, environ: WSGIEnvironment, headers: dict[str, str]) -> Answer:
        path = environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace")
        if path.startswith(("/api/", "/open311/")):
            query = environ.get("QUERY_STRING", "")
            length = int(environ.get("CONTENT_LENGTH") or 0)
            # One byte more than is allowed is enough for the API to say that it is too much.
            body = (
                environ["wsgi.input"].read(min(length, self._settings.max_body_bytes + 1)) if length else b""
            )
            # Encoded again, or a ? or # that stands for itself would end the path.
            target = quote(path, safe="/") + (f"?{query}" if query else "")
            status, said, data = self._gateway.answer(method, target, headers, body)
            if any(name.lower() == "content-type" and value.startswith("text/html") for name, value in said):
                said = [*said, *((n, v) for n, v in self._headers.items() if n not in operation.SECURITY)]
            return status, said, data
        if self._issuer and path.startswith(f"{ISSUER_AT}/"):
            return self._sign_in(method, path, environ, headers)
        if path == wiring.UPLOADS_AT:
            return self._upload(method, environ, headers)
        if path.startswith(f"{dev_messages.AT}/") and self._settings.mail_way == "folder":
            status, said, data = dev_messages.answer(wiring.messages_folder(), path)
            return status, [*said, *self._headers.items()], data
        if method not in {"GET", "HEAD"}:
            return Gateway._refusal(
                405,
                Problem("method_not_allowed", "", {"value": method[:20]}),
                headers,
                {"Allow": "GET, HEAD"},
            )
        return self._site.answer(path, headers)

    def _sign_in(self, method: str, path: str, environ: WSGIEnvironment, headers: dict[str, str]) -> Answer:
        """The example officers' sign-in, which is there when no other provider is set up."""
        length = min(int(environ.get("CONTENT_LENGTH") or 0), 65536)
        body = environ["wsgi.input"].read(length) if length else b""
        asked = path.removeprefix(ISSUER_AT)
        if self._issuer is None:
            return Gateway._refusal(404, Problem("not_found"), headers)
        status, said, data = self._issuer.answer(
            method, asked, environ.get("QUERY_STRING", ""), headers, body
        )
        return status, [*said, *self._headers.items()], data

    def _upload(self, method: str, environ: WSGIEnvironment, headers: dict[str, str]) -> Answer:
        """Take a photo as the deployed bucket would: the ticket's fields decide what is taken."""
        from chalicelib.storage.folder import FolderFiles, UploadRefused
        from multipart import MultipartError, MultipartParser, parse_options_header

        if method != "POST":
            return Gateway._refusal(
                405, Problem("method_not_allowed", "", {"value": method[:20]}), headers, {"Allow": "POST"}
            )
        boundary = parse_options_header(headers.get("content-type", ""))[1].get("boundary", "")
        fields: dict[str, str] = {}
        data = b""
        try:
            most = self._settings.max_photo_bytes + MAX_UPLOAD_SLACK
            length = int(environ.get("CONTENT_LENGTH") or 0)
            if length > most:
                return Gateway._refusal(413, Problem("body_too_large"), headers)
            parser = MultipartParser(
                environ["wsgi.input"], boundary, length, memory_limit=most, spool_limit=most
            )
            for part in parser.parts():
                if part.name == "file":
                    data = part.raw
                else:
                    fields[part.name] = part.value
        except (MultipartError, UnicodeDecodeError, ValueError):
            return Gateway._refusal(
                400, Problem("body_unreadable", "", {"content_type": "multipart/form-data"}), headers
            )
        store = wiring.files("private")
        if not isinstance(store, FolderFiles):
            return Gateway._refusal(404, Problem("not_found"), headers)
        try:
            store.receive_upload(fields, data, now=wiring.now())
        except UploadRefused:
            return Gateway._refusal(403, Problem("upload_unknown", "file", {"number": 1}), headers)
        return 204, [("Cache-Control", "no-store")], b""


def example_officers(chosen: settings.Settings) -> Issuer:
    """A provider of example officers on this machine, and the gate that knows it. Makes missing accounts."""
    url = f"http://127.0.0.1:{chosen.port}{ISSUER_AT}"
    renderer = wiring.renderer()
    issuer = Issuer(
        wiring.table(),
        chosen.data_path / "issuer.json",
        url,
        wiring.now,
        stylesheet="/" + renderer.manifest["assets"]["site.css"],
    )
    access.add_missing(wiring.table(), issuer.officers)
    where = {
        "authorize_url": f"{ISSUER_AT}/authorize",
        "token_url": f"{ISSUER_AT}/token",
        "logout_url": f"{ISSUER_AT}/revoke",
        "client_id": CLIENT,
        "example": True,
    }
    keys = access.Keys(issuer.jwks, wiring.now)
    wiring.sign_in_with(access.Gate(wiring.table(), keys, url, CLIENT, wiring.now), where)
    return issuer


class Follower(Protocol):
    """What keeps the site up to date while the server runs."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def run(
    chosen: settings.Settings,
    *,
    ready: Callable[[str], None] = lambda line: print(line, flush=True),
    follow: Callable[[Publisher, settings.Settings], Follower] = following.PublisherThread,
    uploads: str = "",
) -> int:
    """Serve until interrupted. Returns the exit status.

    `follow` makes what publishes changes; `uploads` is where browsers send large photos, when that is not here.
    """
    from waitress.server import create_server

    if message := _port_taken(chosen.port):
        print(message, file=sys.stderr)
        return 2
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    table = wiring.table()
    thread: Follower | None = None
    messenger: Messenger | None = None
    try:
        example = following.first_filling(table, chosen)
        publisher = wiring.publisher(example=example, progress=following.progress)
        following.prepare(publisher, site_version.of_site(chosen, example=example))
        server: Any = create_server(
            Server(chosen),
            host="127.0.0.1",
            port=chosen.port,
            threads=8,
            ident=None,
            max_request_body_size=chosen.max_photo_bytes + MAX_UPLOAD_SLACK,
            max_request_header_size=patience.HEADER_BYTES,
            channel_timeout=chosen.patience_s,
            cleanup_interval=min(chosen.patience_s, 10),
            connection_limit=patience.CONNECTIONS,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
            trusted_proxy=chosen.trusted_proxy or None,
            trusted_proxy_headers={"x-forwarded-for"} if chosen.trusted_proxy else set(),
        )
        server.channel_class = patience.channel(chosen.patience_s)
        thread = follow(publisher, chosen)
        thread.start()
        if follow is following.PublisherThread:
            messenger = Messenger(wiring.post())
            messenger.start()
        if wiring.parts().approximate:
            print("boundaries are approximate: see `python -m geo fetch`", file=sys.stderr)
        ready(f"ready http://127.0.0.1:{chosen.port}/")
        # Ends by the interrupt, which it turns into an orderly end of the requests at hand.
        server.run()
        server.close()
    except KeyboardInterrupt:
        log.info("interrupted before it was ready")
    for each_thread in (messenger, thread):
        if each_thread:
            each_thread.stop()
    table.close()
    print("stopped", file=sys.stderr)
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End in order; being asked again changes nothing."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _port_taken(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return (
                f"port {port} on 127.0.0.1 cannot be used ({error.strerror}): "
                f"stop what listens there, or choose another with PORT={port + 1 if port < 65535 else 8000}"
            )
    return None
