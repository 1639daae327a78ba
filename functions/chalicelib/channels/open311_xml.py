"""The XML of Open311: plain data to documents that strict clients read. Describes no request.

No namespace, no `nil`; lists become elements named in one table; what XML 1.0 cannot
hold is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

ITEMS = {
    "attributes": "attribute",
    "endpoints": "endpoint",
    "errors": "error",
    "formats": "format",
    "notes": "note",
    "photos": "photo",
    "service_request_updates": "request_update",
    "service_requests": "request",
    "services": "service",
    "values": "value",
}
"""The name of one element of a list, by the name of the list."""
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(root: str, data: Any) -> bytes:
    """A document of plain data (dicts, lists, text, numbers, truth, None) under the element `root`."""
    return (HEAD + _element(root, data)).encode("utf-8")


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_element(key, each) for key, each in value.items())
    elif isinstance(value, list | tuple):
        inside = "".join(_element(ITEMS[name], each) for each in value)
    elif value is None:
        inside = ""
    elif isinstance(value, bool):
        inside = "true" if value else "false"
    else:
        # A carriage return would be read as a newline by every parser: written as itself it stays.
        inside = escape(_IMPOSSIBLE.sub("", str(value)), {"\r": "&#13;"})
    return f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"
