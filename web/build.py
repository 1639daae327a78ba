"""Builds what pages link to: scripts, styles, font, icons and compiled catalogues, into web/build/.

Everything under `aset/` carries a hash of its content in its name, so that it may be
kept for a year. Runs esbuild from node_modules; needs no network. Does nothing when
the inputs are those of the last build.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from web import i18n, messages

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = HERE / "build"
STATIC = HERE / "static"
CATEGORIES = ROOT / "functions" / "chalicelib" / "categories.toml"

ENTRIES = (
    "css/site.css", "css/font.css", "css/print.css", "css/home.css", "css/field.css", "css/form.css", "css/report.css",
    "css/print-report.css", "css/leaflet.css", "css/map.css", "css/more.css", "css/follow.css", "css/gaya.css",
    "css/mine.css", "js/mine.js",
    "css/desk.css", "js/desk.js",
    "js/site.js", "js/home.js", "js/form.js", "js/report.js", "js/follow.js", "js/service.js",
)  # fmt: skip
WORKER = "js/service-worker.js"
"""The service worker: a script of its own at the site's root, since it may only serve what lies below it."""
SHELL_CSS = ("site.css", "form.css", "field.css", "mine.css", "leaflet.css")
SHELL_JS = ("site.js", "form.js", "mine.js")
SHELL_LAZY = frozenset({"pin.js", "exif.js", "similar.js", "form-similar.js", "waiting.js"})
"""What of the lazily loaded scripts must be there without a connection; the basemap's, for one, need not."""
SHELL = {
    "pages": {"id": ["/lapor/", "/saya/", "/luring/"], "en": ["/en/lapor/", "/en/saya/", "/en/luring/"]},
    "offline": {"id": "/luring/", "en": "/en/luring/"},
    "data": ["/data/batas.json", "/manifest.webmanifest", "/favicon.svg"],
}
"""What the service worker keeps beside assets."""
OWN_WORDS = (
    ("home", ("site.js",)),
    ("report", ("site.js", "follow.js")),
    ("form", ("site.js",)),
    ("mine", ("site.js",)),
    ("desk", ()),
)
"""Pages whose scripts have a module of words of their own, and the scripts that run beside theirs."""
LATER = ("near.js", "filters.js", "search.js", "here.js")
"""What the map loads when somebody needs it; its words come with it."""
PAGE_ICONS = (
    "arrow-right", "arrow-left", "camera", "caret-down", "check", "clock", "copy", "crosshair-simple",
    "bell", "download-simple", "envelope-simple", "images", "link-simple", "lock-simple", "magnifying-glass",
    "map-pin", "map-trifold", "phone", "plus", "printer", "question", "rss", "share-network",
    "shield-check", "users-three",
    "warning", "x",
    "pencil-simple", "share-network", "hourglass-medium", "paper-plane-tilt", "wifi-slash", "trash", "upload-simple",
    "funnel", "keyboard", "polygon", "sign-out",
)  # fmt: skip
"""Phosphor icons that pages carry themselves, whatever the categories are."""
FIXED = {
    "favicon.svg": "icons/favicon.svg",
    "favicon.ico": "icons/favicon.ico",
    "aset/ikon-192.png": "icons/icon-192.png",
    "aset/ikon-512.png": "icons/icon-512.png",
    "aset/ikon-192-penuh.png": "icons/icon-192-maskable.png",
    "aset/ikon-512-penuh.png": "icons/icon-512-maskable.png",
    "aset/ikon-lapor.png": "icons/shortcut-report.png",
    "aset/ikon-saya.png": "icons/shortcut-mine.png",
    "robots.txt": "robots.txt",
    "manifest.webmanifest": "manifest.webmanifest",
}
"""Files that programs look for at a name of their own, and where they come from under static/."""


class BuildError(RuntimeError):
    """The assets cannot be built; the message says what is missing and what to do."""


def build(*, categories: Path = CATEGORIES, force: bool = False) -> bool:
    """Bring web/build/ up to date. Returns False when there was nothing to do. Raises BuildError.

    `categories` is the settings file whose icons pages must be able to show.
    """
    shown = sorted({"map-pin", *_category_icons(categories)})
    wanted = _fingerprint(shown)
    if not force and _built() == wanted:
        return False
    with _alone():
        if not force and _built() == wanted:
            return False
        _build(shown, wanted)
    i18n.translation.cache_clear()
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time, also between processes: tests run in parallel."""
    lock = ROOT / ".cache" / "web-build.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(shown: list[str], wanted: str) -> None:
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        raise BuildError(f"{esbuild} is missing: run 'npm ci' in {ROOT} first")
    fresh = BUILD.with_name("build.new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "aset").mkdir(parents=True)
    _compile_catalogues(fresh / "locale")
    assets, shell = _bundle(esbuild, fresh)
    words = _script_words(fresh)
    assets |= words | _icon_sheet(fresh, _icons(shown))
    _worker(esbuild, fresh, [*shell, assets["icons.svg"]], words)
    for name, source in FIXED.items():
        (fresh / name).write_bytes((STATIC / source).read_bytes())
    manifest = {
        "inputs": wanted,
        "assets": assets,
        "fixed": sorted([*FIXED, "sw.js"]),
        "icons": _icons(PAGE_ICONS),
        "category_icons": shown,
    }
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")
    shutil.rmtree(BUILD, ignore_errors=True)
    fresh.rename(BUILD)


def _category_icons(path: Path) -> list[str]:
    try:
        rows = tomllib.loads(path.read_text("utf-8"))
        return [str(row["icon"]) for row in rows.values()]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"{path}: cannot read the categories' icons ({error!r})") from error


def _fingerprint(icons: Iterable[str]) -> str:
    """A hash over everything that decides what the build writes."""
    digest = hashlib.sha256(json.dumps(list(icons)).encode())
    inputs = [
        *STATIC.rglob("*"),
        *(HERE / "locale").rglob("*.po"),
        ROOT / "package-lock.json",
        HERE / "build.py",
    ]
    for path in sorted(p for p in inputs if p.is_file()):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _built() -> str | None:
    try:
        return str(json.loads((BUILD / "manifest.json").read_text("utf-8"))["inputs"])
    except (OSError, ValueError, KeyError):
        return None


def _compile_catalogues(folder: Path) -> None:
    for language in i18n.LANGUAGES:
        target = folder / language / "LC_MESSAGES" / "messages.mo"
        target.parent.mkdir(parents=True)
        target.write_bytes(i18n.compile_catalogue(i18n.catalogue(language)))


def _bundle(esbuild: Path, fresh: Path) -> tuple[dict[str, str], list[str]]:
    """Bundle, minify and name by content; answers each entry's path on the site by name, and the form's shell."""
    meta = fresh / "meta.json"
    command = [
        str(esbuild), *(str(STATIC / entry) for entry in ENTRIES),
        "--bundle", "--minify", "--splitting", "--format=esm", "--target=es2020,safari15,firefox90",
        "--loader:.woff2=file", "--loader:.png=empty", "--legal-comments=none", "--log-level=warning",
        "--entry-names=[name]-[hash]", "--chunk-names=[name]-[hash]", "--asset-names=[name]-[hash]",
        f"--outdir={fresh / 'aset'}", f"--metafile={meta}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"esbuild failed ({done.returncode}):\n{done.stderr.strip()}")
    outputs: dict[str, dict[str, Any]] = json.loads(meta.read_text("utf-8"))["outputs"]
    meta.unlink()
    names: dict[str, str] = {}
    for path, facts in outputs.items():
        entry = facts.get("entryPoint", "")
        # What a script imports when needed is an entry, too; pages link only to those named here.
        if any(entry.endswith(f"static/{name}") for name in ENTRIES):
            names[Path(entry).name] = f"aset/{Path(path).name}"
        elif path.endswith(".woff2"):
            names["font.woff2"] = f"aset/{Path(path).name}"
    if missing := {Path(name).name for name in ENTRIES} - set(names):
        raise BuildError(f"esbuild wrote no {', '.join(sorted(missing))}; it wrote {sorted(outputs)}")
    return names, _shell(outputs)


def _shell(outputs: dict[str, dict[str, Any]]) -> list[str]:
    """Paths of the scripts and styles that the form and "my reports" are made of, with all they import."""
    by_entry = {
        Path(facts["entryPoint"]).name: path for path, facts in outputs.items() if "entryPoint" in facts
    }
    todo = [by_entry[name] for name in (*SHELL_CSS, *SHELL_JS)]
    found: set[str] = set()
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        for each in outputs[path]["imports"]:
            lazy = each["kind"] == "dynamic-import"
            entry = Path(outputs.get(each["path"], {}).get("entryPoint", "")).name
            if (
                each["path"] in outputs
                and each["path"].endswith((".js", ".css"))
                and (not lazy or entry in SHELL_LAZY)
            ):
                todo.append(each["path"])
    return sorted(f"aset/{Path(path).name}" for path in found)


def _worker(esbuild: Path, fresh: Path, assets: list[str], words: dict[str, str]) -> None:
    """Write sw.js, which knows by name what it has to keep: it changes whenever one of those does."""
    shell = {
        **SHELL,
        "assets": [f"/{path}" for path in assets],
        "words": {
            language: [f"/{words[f'{name}-{language}.js']}" for name in ("form-words", "mine-words")]
            for language in i18n.LANGUAGES
        },
    }
    text = json.dumps(shell, sort_keys=True)
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    command = [
        str(esbuild), str(STATIC / WORKER), "--bundle", "--minify", "--format=iife",
        "--target=es2020,safari15,firefox90", "--legal-comments=none", "--log-level=warning",
        f"--define:SHELL={text}", f"--define:BUILD={json.dumps(version)}", f"--outfile={fresh / 'sw.js'}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"esbuild failed ({done.returncode}):\n{done.stderr.strip()}")


def script_groups() -> dict[str, set[str]]:
    """Which scripts share a module of words, by its name: a page loads only what its own scripts say."""
    entries = {Path(entry).name for entry in ENTRIES if entry.endswith(".js")}
    own = {
        f"{name}-words": messages.scripts_of((*shared, f"{name}.js"), later=LATER)
        for name, shared in OWN_WORDS
    }
    others = entries - {f"{name}.js" for name, _ in OWN_WORDS}
    at_home = own["home-words"]
    return {**own, "words": messages.scripts_of(others), "map-words": messages.scripts_of(LATER) - at_home}


def _script_words(fresh: Path) -> dict[str, str]:
    """Small modules of words per language, loaded by scripts: pages carry no script of their own."""
    names = {}
    for name, scripts in script_groups().items():
        for language in i18n.LANGUAGES:
            said = messages.script_messages(language, scripts)
            words = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            text = f"export default {words};\n".encode()
            path = f"aset/{name}-{language}-{hashlib.sha256(text).hexdigest()[:8].upper()}.js"
            (fresh / path).write_bytes(text)
            names[f"{name}-{language}.js"] = path
    return names


def _icon_sheet(fresh: Path, drawings: dict[str, str]) -> dict[str, str]:
    """One SVG with the categories' icons as symbols: loaded once, kept for a year."""
    symbols = "".join(
        f'<symbol id="{n}" viewBox="0 0 256 256">{drawing}</symbol>' for n, drawing in drawings.items()
    )
    text = f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>\n'.encode()
    path = f"aset/ikon-{hashlib.sha256(text).hexdigest()[:8].upper()}.svg"
    (fresh / path).write_bytes(text)
    return {"icons.svg": path}


def _icons(names: Iterable[str]) -> dict[str, str]:
    """The drawing inside each Phosphor icon (regular weight, a square of 256 by 256)."""
    folder = ROOT / "node_modules" / "@phosphor-icons" / "core" / "assets" / "regular"
    drawings = {}
    for name in names:
        try:
            text = (folder / f"{name}.svg").read_text("utf-8")
        except OSError as error:
            raise BuildError(f"icon {name!r} is not among Phosphor's regular icons ({folder})") from error
        drawing = re.fullmatch(r"\s*<svg [^>]*>(.*)</svg>\s*", text, re.DOTALL)
        if not drawing:
            raise BuildError(f"{folder / name}.svg: not the form of SVG that was expected")
        drawings[name] = drawing[1]
    return drawings
