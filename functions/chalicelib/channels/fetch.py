"""Fetching from and sending to addresses that others name: bounded in time and size, never into our own network.

A name is resolved once, every address it has is judged, and the connection goes to the
very address that was judged, so that a name cannot change its mind in between. Redirects
are judged anew. Knows nothing of reports.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

if TYPE_CHECKING:
    from ssl import SSLContext

REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
MOST_URL = 2000
CHUNK = 65_536

Resolve = Callable[[str, int], list[str]]
"""The addresses of a host, as text; OSError when it has none."""


class FetchError(Exception):
    """It was not fetched. `code`: address, unreachable, too_large, or status (with `status`)."""

    def __init__(self, code: str, detail: str, status: int = 0) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was answered, and from where in the end."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says of a host."""
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether an address is out on the internet: not private, loopback, link-local, shared, multicast or reserved.

    Addresses that carry an IPv4 address inside (mapped, 6to4, NAT64, Teredo) are judged by both.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped or found.sixtofour or found.teredo or found in NAT64:
            return False
        return found.is_global and not found.is_multicast
    return found.is_global and not found.is_multicast and not found.is_reserved


NAT64 = ipaddress.ip_network("64:ff9b::/96")


def fetch(
    url: str,
    *,
    max_bytes: int,
    seconds: float,
    private: bool = False,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    resolve: Resolve = addresses,
) -> Fetched:
    """Ask `url`; redirects are followed for GET only. `private` allows any address and port, for development.

    Bounded by `max_bytes` of body and `seconds` in all. Raises FetchError.
    """
    deadline = time.monotonic() + seconds
    for _ in range(REDIRECTS + 1):
        got = _once(
            url,
            method,
            body,
            headers=headers or {},
            max_bytes=max_bytes,
            deadline=deadline,
            private=private,
            resolve=resolve,
        )
        target = got.headers.get("location")
        if got.status not in {301, 302, 303, 307, 308} or not target or method != "GET":
            return got
        try:
            url = urljoin(got.url, target)
        except ValueError:
            raise FetchError("address", "a redirect to no address") from None
    raise FetchError("unreachable", f"more than {REDIRECTS} redirects")


def judged(url: str, *, private: bool) -> SplitResult:
    """The parts of an address that may be asked. Raises FetchError (address)."""
    if len(url) > MOST_URL:
        raise FetchError("address", f"longer than {MOST_URL} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise FetchError("address", "not an address") from None
    if parts.scheme not in PORTS or not host or parts.username or parts.password:
        raise FetchError("address", "neither http nor https, or no plain host")
    if not private and port not in {None, PORTS[parts.scheme]}:
        raise FetchError("address", f"port {port}")
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise FetchError("address", "control characters or spaces")
    return parts


def _once(
    url: str,
    method: str,
    body: bytes | None,
    *,
    headers: Mapping[str, str],
    max_bytes: int,
    deadline: float,
    private: bool,
    resolve: Resolve,
) -> Fetched:
    parts = judged(url, private=private)
    host = (parts.hostname or "").encode("idna").decode("ascii")
    port = parts.port or PORTS[parts.scheme]
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError):
        raise FetchError("unreachable", f"{host} has no address") from None
    if not found or (not private and not all(is_public(each) for each in found)):
        raise FetchError("address", f"{host} is not on the public internet")
    connection = _Connection(host, port, found[0], _left(deadline), tls=parts.scheme == "https")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
        f"?{quote(parts.query, safe='/?%:@!$&()*+,;=~-._')}" if parts.query else ""
    )
    try:
        connection.request(method, target, body, {"Accept-Encoding": "identity", **headers})
        # Closing the connection is not enough: http.client lets an answer hold on to the socket.
        with connection.getresponse() as answer:
            data = _body(answer, connection, max_bytes, deadline)
            return Fetched(url, answer.status, _headers(answer.headers), data)
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError("unreachable", f"{type(error).__name__} from {host}") from None
    finally:
        connection.close()


def _headers(message: HTTPMessage) -> dict[str, str]:
    return {name.lower(): value for name, value in message.items()}


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise FetchError("unreachable", "it took too long")
    return left


def _body(answer: HTTPResponse, connection: _Connection, max_bytes: int, deadline: float) -> bytes:
    """The body, piece by piece: whoever sends it slowly is not waited for longer than the deadline."""
    pieces: list[bytes] = []
    size = 0
    while True:
        connection.wire.settimeout(_left(deadline))
        piece = answer.read1(CHUNK)
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > max_bytes:
            raise FetchError("too_large", f"more than {max_bytes} bytes")
        pieces.append(piece)


class _Connection(HTTPConnection):
    """A connection to an address that was judged, under the name that was asked for."""

    def __init__(self, host: str, port: int, address: str, timeout: float, *, tls: bool) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._tls = tls
        self.default_port = PORTS["https" if tls else "http"]

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        try:
            self.sock = _context().wrap_socket(plain, server_hostname=self.host) if self._tls else plain
        except BaseException:
            plain.close()
            raise
        # http.client forgets the socket while the answer is still being read.
        self.wire: socket.socket = self.sock


def _context() -> SSLContext:
    import ssl

    return ssl.create_default_context()
