"""Documentation is part of the product: what can be set, called, moved or run stands on its page, and is true."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalicelib import categories, lifecycle, records, settings, submission
from chalicelib.front import api

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "infra" / "docs"
AUDIENCES = ("citizens", "officers", "operators", "developers")
MADE_HERE = {
    ".git", ".venv", ".venv-bench", "node_modules", ".cache", ".data", ".hypothesis", ".mypy_cache",
    ".pytest_cache", ".ruff_cache", ".schemathesis", "__pycache__", "dist", "test-results",
}  # fmt: skip
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# Put together here, so that this file does not hold what it looks for.
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("yarnpkg", "com"),
            ("npmmirror", "com"),
            ("crates", "io"),
            ("proxy", "golang", "org"),
            ("repo1", "maven", "org"),
        )
    )
)
BUILD_MACHINE = re.compile(r"(?<![\w.*~{}$-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot")) + r")/\w")


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


@functools.cache
def handbook(name: str) -> str:
    """An audience's page, with the pages of infra/docs that it sends its readers on to."""
    text = page(name)
    further = {
        target.partition("#")[0]
        for target in LINK.findall(text)
        if re.fullmatch(r"[a-z0-9-]+\.md(#.*)?", target)
    }
    return text + "".join(
        (DOCS / each).read_text("utf-8")
        for each in sorted(further)
        if each and each.removesuffix(".md") not in AUDIENCES and (DOCS / each).exists()
    )


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file of the repository: what git knows or would take; without git, what is not made here."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        found = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not MADE_HERE & set(path.relative_to(ROOT).parts)]
    return tuple(path for path in found if path.is_file() and not path.is_symlink())


def make_targets() -> list[str]:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    return list(re.findall(r"^([a-z0-9][a-z0-9-]*):(?!=)", makefile, re.MULTILINE))


def commands() -> Iterator[str]:
    """Every `python -m MODULE COMMAND` that the product has."""
    for module in ("geo", "web", "infra"):
        source = (ROOT / module / "__main__.py").read_text("utf-8")
        names = re.findall(r"\.add_parser\(\s*\"([a-z0-9-]+)\"", source)
        assert names, f"{module}/__main__.py declares no command that this test can see"
        yield from (f"python -m {module} {name}" for name in names)
    for path in sorted((ROOT / "infra").glob("*.py")):
        if path.stem != "__main__" and 'if __name__ == "__main__"' in path.read_text("utf-8"):
            yield f"python -m infra.{path.stem}"


@pytest.mark.parametrize(("name", "default", "meaning"), settings.names())
def test_every_setting_stands_in_the_operators_table_with_its_default_and_meaning(
    name: str, default: str, meaning: str
):
    assert f"| `{name}` | {f'`{default}`' if default else 'empty'} | {meaning} |" in page("operators")


def test_every_setting_of_boundaries_is_documented():
    names = {
        name
        for path in (ROOT / "geo").glob("*.py")
        for name in re.findall(r"environ(?:\.get\(|\[)\s*\"([A-Z_]+)\"", path.read_text("utf-8"))
    }
    assert {"BOUNDARIES", "GEO_BUILD"} <= names
    missing = [name for name in sorted(names) if f"| `{name}` |" not in page("operators")]
    assert not missing


@pytest.mark.parametrize("operation", api.OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_of_the_api_is_documented(operation: api.Operation):
    assert f"`{operation.method} {operation.path}`" in handbook("developers")


def test_every_kind_of_record_is_documented():
    kinds = re.findall(r"^\| ([a-z]+[^ |]*) +\|", records.__doc__ or "", re.MULTILINE)[1:]
    assert len(kinds) >= 7
    assert [kind for kind in kinds if f"| `{kind}` |" not in handbook("developers")] == []


@pytest.mark.parametrize("state", lifecycle.STATES.values(), ids=lambda state: state.code)
def test_every_state_is_documented_with_its_word(state: lifecycle.State):
    closed = "yes" if state.closed else "no"
    assert f"| {state.screen} | `{state.code}` | {closed} |" in page("officers")


def test_the_table_of_moves_is_the_table_that_decides():
    rows = []
    for state, targets in lifecycle.MOVES.items():
        by_who: dict[str, list[str]] = {}
        for target, roles in targets.items():
            assert roles - {lifecycle.REPORTER} == lifecycle.WORKERS, "the page says staff: write who it is"
            who = "staff, reporter" if lifecycle.REPORTER in roles else "staff"
            by_who.setdefault(who, []).append(lifecycle.STATES[target].screen)
        rows += [
            f"| {lifecycle.STATES[state].screen} | {', '.join(targets)} | {who} |"
            for who, targets in by_who.items()
        ]
    table = "\n".join(["| from | to | who |", "| --- | --- | --- |", *rows, ""])
    assert table in page("officers"), f"infra/docs/officers.md needs this table:\n{table}"
    for role in lifecycle.WORKERS:
        assert role in page("officers")
    assert f"within {lifecycle.REOPEN_DAYS} days" in page("officers")
    missing = [reason for reason in lifecycle.REJECT_REASONS if f"| `{reason}` |" not in page("officers")]
    assert not missing


@pytest.mark.parametrize("target", make_targets())
def test_every_make_target_is_documented(target: str):
    assert re.search(rf"`make {target}\b(?!-)", handbook("operators"))


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_is_documented(command: str):
    assert re.search(rf"`{re.escape(command)}\b(?!-)", handbook("operators"))


def test_every_group_of_the_bench_is_documented():
    source = (ROOT / "tests" / "bench" / "__main__.py").read_text("utf-8")
    groups = re.findall(r"^    \"([a-z]+)\": bench_", source, re.MULTILINE)
    assert groups
    assert f"({', '.join(groups)})" in page("developers")


def test_the_commands_of_the_readme_exist():
    readme = (ROOT / "README.md").read_text("utf-8")
    named = set(
        re.findall(r"\bmake ([a-z0-9-]+)", "\n".join(re.findall(r"`[^`\n]+`|^make .*$", readme, re.M)))
    )
    assert {"run", "test"} <= named
    assert named <= set(make_targets())


def test_the_report_of_the_readme_is_one_that_is_accepted():
    readme = (ROOT / "README.md").read_text("utf-8")
    sent = re.search(r"curl [^\n]*/api/reports [^\n]* -d '(\{.*?\})'", readme, re.DOTALL)
    assert sent
    assert submission.read(json.loads(sent.group(1)), categories=categories.load()).category == "jalan"


def test_the_example_of_the_chain_can_be_followed_with_sha256sum():
    text = page("developers")
    event = re.search(r"```json\n(\{\"at\":.*\})\n```", text)
    assert event
    found = hashlib.sha256(event.group(1).encode()).hexdigest()
    assert text.count(f"# {found}") == 2
    words = re.search(r"printf '%s\\n%s' (\w{32}) '([^']+)' \| sha256sum\n# (\w{64})", text)
    assert words
    assert hashlib.sha256(f"{words[1]}\n{words[2]}".encode()).hexdigest() == words[3]
    assert json.loads(event.group(1))["commitments"]["description"] == words[3]


def slug(heading: str) -> str:
    """The anchor that a heading gets where Markdown is shown."""
    plain = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize(
    "path", sorted(p for p in files() if p.suffix == ".md"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_relative_link_leads_somewhere(path: Path):
    text = FENCE.sub("", path.read_text("utf-8"))
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.exists() or ROOT not in [there, *there.parents]:
            broken.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", there.read_text("utf-8")), re.MULTILINE)
            if anchor not in map(slug, headings):
                broken.append(target)
    assert not broken


def test_every_decision_is_in_the_index():
    folder = ROOT / "infra" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    pages = sorted(p.name for p in folder.glob("[0-9]*.md"))
    assert [name for name in pages if f"]({name})" not in index] == []


def test_the_changelog_speaks_to_every_audience():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    first = re.split(r"^## ", text, flags=re.MULTILINE)[1]
    for audience in AUDIENCES:
        entry = re.search(rf"^### For {audience}\n(.*?)(?=^###? |\Z)", first, re.MULTILINE | re.DOTALL)
        assert entry, audience
        assert entry.group(1).strip().startswith("- "), audience


def test_the_readme_leads_to_every_audience_and_shows_a_picture_that_is_small():
    readme = (ROOT / "README.md").read_text("utf-8")
    for audience in AUDIENCES:
        assert f"](infra/docs/{audience}.md)" in readme
    picture = re.search(r"!\[[^\]]+\]\((infra/docs/images/[^)]+)\)", readme)
    assert picture
    assert (ROOT / picture.group(1)).stat().st_size < 200_000


def test_no_file_names_a_package_registry_or_a_path_of_a_build_machine():
    found = []
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a font
        for pattern in (REGISTRIES, BUILD_MACHINE):
            if match := pattern.search(text):
                found.append(f"{path.relative_to(ROOT)}: {match.group()}")
    assert not found
