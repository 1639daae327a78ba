"""A strict reader of the pages: nesting, ids, references, and what the Content-Security-Policy forbids.

Only for tests. It accepts HTML's optional end tags of table parts and of nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
CLOSED_BY = {  # the tags that end one that was left open
    "td": {"td", "th", "tr", "tbody", "table"},
    "th": {"td", "th", "tr", "tbody", "table"},
    "tr": {"tr", "tbody", "table"},
    "thead": {"tbody", "table"},
    "tbody": {"tbody", "table"},
}
SVG_ALONE = {"path", "circle", "rect", "ellipse", "use"}
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls")


@dataclass
class Page:
    problems: list[str] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    references: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    tags: Counter[str] = field(default_factory=Counter)
    fields: dict[str, list[dict[str, str | None]]] = field(default_factory=dict)
    text: str = ""
    language: str | None = None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs)
        while self.open and tag in CLOSED_BY.get(self.open[-1], ()):
            self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in SVG_ALONE:
            self.page.problems.append(f"<{tag}/> is not self-closing in HTML")
        self._start(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag and tag in CLOSED_BY.get(self.open[-1], ()):
            self.open.pop()
        if not self.open or self.open[-1] != tag:
            self.page.problems.append(f"</{tag}> does not close {self.open[-3:]} at {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.page.text += data

    def _start(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        page = self.page
        page.tags[tag] += 1
        names = [name for name, _ in attrs]
        found = dict(attrs)
        if doubled := [name for name, n in Counter(names).items() if n > 1]:
            page.problems.append(f"<{tag}> has {doubled} twice")
        for name in names:
            if name == "style" or name.startswith("on"):
                page.problems.append(f"<{tag} {name}> is forbidden by the Content-Security-Policy")
        if tag == "style" or (tag == "script" and not found.get("src")):
            page.problems.append(f"inline <{tag}> is forbidden by the Content-Security-Policy")
        for name in ("src", "href", "action"):
            value = found.get(name) or ""
            external = value.startswith(("http:", "https:", "//")) and "rel" not in found
            if external or value.lower().replace("\t", "").startswith(("javascript:", "data:")):
                page.problems.append(f"<{tag} {name}={value!r}>")
            if name == "href" and tag == "a":
                page.links.append(value)
        if tag == "html":
            page.language = found.get("lang")
        if tag == "img" and found.get("alt") is None:
            page.problems.append("<img> without alt")
        if "id" in found:
            page.ids[found["id"] or ""] += 1
        for name in REFERENCES:
            for wanted in (found.get(name) or "").split():
                page.references.append((f"<{tag} {name}>", wanted))
        if (found.get("href") or "").startswith("#") and len(found["href"] or "") > 1:
            page.references.append((f"<{tag} href>", (found["href"] or "")[1:]))
        if re.fullmatch("h[1-6]", tag) and "template" not in self.open:
            page.headings.append(int(tag[1]))
        if tag in {"input", "select", "textarea"}:
            page.fields.setdefault(found.get("name") or "", []).append(found)
            labelled = "label" in self.open or found.get("type") == "hidden"
            if not labelled:
                page.references.append((f"label of <{tag}>", found.get("id") or "missing"))
                page.problems += (
                    [] if found.get("id") else [f"<{tag} name={found.get('name')}> without label"]
                )


def read(html: str) -> Page:
    """Read a page; `problems` lists everything that is wrong with it."""
    reader = _Reader()
    if not html.startswith("<!doctype html>"):
        reader.page.problems.append("no doctype")
    reader.feed(html)
    reader.close()
    page = reader.page
    page.problems += [f"never closed: {tag}" for tag in reader.open]
    page.problems += [f"id {name!r} {n} times" for name, n in page.ids.items() if n > 1]
    page.problems += [
        f"{where} refers to {name!r}" for where, name in page.references if name not in page.ids
    ]
    if page.headings.count(1) != 1:
        page.problems.append(f"{page.headings.count(1)} main headings")
    page.problems += [
        f"heading {b} after {a}" for a, b in zip(page.headings, page.headings[1:], strict=False) if b > a + 1
    ]
    for tag in ("main", "header", "footer", "nav", "title"):
        if page.tags[tag] != 1:
            page.problems.append(f"{page.tags[tag]} <{tag}>")
    return page
