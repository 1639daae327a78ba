"""Builds what is deployed: the functions' bundle and the whole CloudFormation template.

Chalice writes the template and puts code into the bundle; the dependencies are added
here, from the lock that the tests ran with and checked by hash, because Chalice takes
the newest and says nothing when one is missing. Uploads nothing: deploy.py does.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "dist"
BUNDLE = "deployment.zip"
TEMPLATE = "sam.json"
CHALICES = "sam.yaml"
BUDGET_BYTES = 25_000_000
"""Largest bundle, zipped: design's budget. Lambda's own limits are twice and ten times as much."""
PYTHON = "3.12"
"""Lambda's runtime. From 3.12 on it has a glibc (2.34) that today's wheels of Pillow take; 3.11's is too old."""
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""Lambda's architectures as wheels name them."""
RUNTIME_GIVES = {"chalice", "boto3", "botocore"}
"""Chalice puts what runs of itself into the bundle; boto3 comes with the runtime."""
LEFT_OUT = (
    "*/__pycache__/*",
    "*.pyc",
    "*.pyi",
    "*/py.typed",
    "bin/*",
    ".lock",
    "*/tests/*",
    "*.dist-info/*",
    # Sources of what lies built beside them, and what was only made to be looked at.
    "web/static/*",
    "web/locale/*",
    "geo/build/repairs.csv",
    # Names and areas of all countries' numbers: only numbers are checked here.
    "phonenumbers/geodata/*",
    "phonenumbers/carrierdata/*",
    "phonenumbers/tzdata/*",
)
KEPT_LOCALES = ("root", "id", "id_ID", "en", "en_US")
NEEDED = (
    "app.py",
    "chalice/app.py",
    "chalicelib/front/api.py",
    "chalicelib/triggers.py",
    "chalicelib/officers/agencies.toml",
    "chalicelib/categories.toml",
    "chalicelib/officers/phrases.toml",
    "geo/locate.py",
    "geo/build/kelurahan.index",
    "geo/build/shapes.json",
    "geo/build/outlines.json",
    "geo/build/batas.json",
    "web/api-examples.json",
    "web/render.py",
    "web/templates/home.html",
    "web/build/manifest.json",
    "web/build/locale/id/LC_MESSAGES/messages.mo",
    "web/build/locale/en/LC_MESSAGES/messages.mo",
)
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


class PackageError(RuntimeError):
    """The bundle or the template cannot be made, or is not what it must be; the message says what to do."""


def package(
    out: Path = OUT, *, stage: str = "dev", architecture: str | None = None, python: str = PYTHON
) -> tuple[Path, Path]:
    """Make `out`/deployment.zip and `out`/sam.json; returns both. Raises PackageError.

    `architecture` (arm64 or x86_64) replaces the one of .chalice/config.json, `python` the runtime.
    """
    for built, command in (
        ("geo/build/kelurahan.index", "make boundaries"),
        ("web/build/manifest.json", "make assets"),
    ):
        if not (ROOT / built).is_file():
            raise PackageError(f"{built} is not built: run '{command}' first")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        project = Path(folder) / "functions"
        architecture = _stage_project(project, architecture)
        libraries = Path(folder) / "libraries"
        install(libraries, architecture, python)
        made = Path(folder) / "made"
        _chalice(project, made, stage)
        repack(made / BUNDLE, libraries, out / BUNDLE)
        _write_template(read_template(made / CHALICES), python, out / TEMPLATE)
    if problems := [*faults_of_bundle(out / BUNDLE), *faults_of_template(read_template(out / TEMPLATE))]:
        raise PackageError("; ".join(problems))
    return out / BUNDLE, out / TEMPLATE


def locked_requirements(
    declared: Path = ROOT / "functions" / "requirements.txt",
    lock: Path = ROOT / "requirements" / "dev.lock",
    *,
    python: str = PYTHON,
) -> str:
    """The part of the lock that the bundle needs: what is declared for it, and what that needs in turn.

    Hashes and all, in the form of a requirements file. Raises PackageError for what is not locked.
    """
    entries = dict(_lock_entries(lock.read_text("utf-8")))
    wanted: dict[str, None] = {}
    waiting = [Requirement(line) for line in _lines(declared.read_text("utf-8"))]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate(
            {"extra": "", "python_version": python, "python_full_version": f"{python}.0"}
        )
        if not applies or name in wanted or name in RUNTIME_GIVES:
            continue
        if name not in entries:
            raise PackageError(f"{name} is not in {lock.name}: run 'make lock', then 'make setup'")
        wanted[name] = None
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            raise PackageError(f"{name} is not installed: run 'make setup'") from None
        waiting += [Requirement(text) for text in needs]
    return "".join(entries[name] for name in sorted(wanted))


def install(target: Path, architecture: str, python: str = PYTHON, *, dry: bool = False) -> None:
    """Install the locked libraries for Lambda into a folder; `dry` only finds out whether that can be.

    Raises PackageError, with uv's own words.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(locked_requirements(python=python))
        file.flush()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
                *("--only-binary", ":all:", "--python-platform", PLATFORMS[architecture]),
                *("--python-version", python),
                *("--target", str(target), "--link-mode", "copy", "--requirements", file.name),
                *(["--dry-run"] if dry else []),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        )
    if done.returncode:
        raise PackageError(f"the libraries could not be installed: {done.stderr.strip()[-1500:]}")


def faults_of_bundle(bundle: Path) -> list[str]:
    """What is wrong with a bundle: missing, not wanted, or too large."""
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
    faults = [f"the bundle lacks {name}" for name in NEEDED if name not in names]
    for package_name in _top_level():
        if not any(name.split("/")[0].split(".")[0] == package_name for name in names):
            faults.append(f"the bundle lacks the library {package_name}")
    faults += [f"the bundle holds {name}" for name in names if _left_out(name)]
    faults += [f"{name} is in the bundle twice" for name in {n for n in names if names.count(n) > 1}]
    size = bundle.stat().st_size
    if size > BUDGET_BYTES:
        faults.append(f"the bundle has {size} bytes: at most {BUDGET_BYTES}")
    return faults


def faults_of_template(template: dict[str, Any]) -> list[str]:
    """Resources without a Type: what a misspelled name in template.yaml leaves behind."""
    resources = template["Resources"]
    return [
        f"the resource {name} has no Type: template.yaml names something that Chalice does not write"
        for name, resource in resources.items()
        if "Type" not in resource
    ]


def read_template(path: Path) -> dict[str, Any]:
    """A CloudFormation template with its short forms (!Ref, !GetAtt) written out."""
    from chalice.package import YAMLTemplateSerializer

    template: dict[str, Any] = YAMLTemplateSerializer().load_template(path.read_text("utf-8"), str(path))
    return template


def _stage_project(project: Path, architecture: str | None) -> str:
    """Copy the Chalice project, without dependencies for Chalice to fetch. Returns the architecture."""
    source = ROOT / "functions"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "deployments")
    shutil.copytree(source / "chalicelib", project / "chalicelib", ignore=ignored)
    shutil.copytree(source / ".chalice", project / ".chalice", ignore=ignored)
    shutil.copyfile(source / "app.py", project / "app.py")
    (project / "requirements.txt").write_text("", "utf-8")
    (project / "vendor").mkdir()
    for link in (source / "vendor").iterdir():
        (project / "vendor" / link.name).symlink_to(link.resolve(), target_is_directory=True)
    settings = project / ".chalice" / "config.json"
    config = json.loads(settings.read_text("utf-8"))
    chosen = str(architecture or config["lambda_architecture"])
    if chosen not in PLATFORMS:
        raise PackageError(f"architecture {chosen!r}: takes {' or '.join(PLATFORMS)}")
    settings.write_text(json.dumps(config | {"lambda_architecture": chosen}), "utf-8")
    return chosen


def _chalice(project: Path, out: Path, stage: str) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONPATH"))
    }
    done = subprocess.run(
        [
            *(sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())", "package"),
            *("--stage", stage, "--template-format", "yaml"),
            *("--merge-template", str(ROOT / "template.yaml"), str(out)),
        ],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1", "AWS_DEFAULT_REGION": "ap-southeast-3"},
    )
    if done.returncode or not (out / BUNDLE).is_file():
        raise PackageError(f"chalice package failed: {(done.stderr or done.stdout).strip()[-1500:]}")


def _write_template(template: dict[str, Any], python: str, out: Path) -> None:
    """The template with our runtime: Chalice writes the Python that it runs on itself."""
    for resource in template["Resources"].values():
        if resource.get("Type") == "AWS::Serverless::Function":
            resource["Properties"]["Runtime"] = f"python{python}"
    out.write_text(json.dumps(template, indent=1) + "\n", "utf-8")


def repack(made: Path, libraries: Path, out: Path) -> None:
    """One zip of code and libraries: only what is needed, and the same bytes for the same input."""
    files: dict[str, bytes] = {}
    for path in sorted(libraries.rglob("*")):
        name = path.relative_to(libraries).as_posix()
        if path.is_file() and not _left_out(name):
            files[name] = path.read_bytes()
    with zipfile.ZipFile(made) as archive:
        for name in archive.namelist():
            if not _left_out(name):
                files[name] = archive.read(name)
    temporary = out.with_suffix(".part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _FIRST_DAY)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    temporary.replace(out)


def _left_out(name: str) -> bool:
    if fnmatch.fnmatch(name, "babel/locale-data/*.dat"):
        return Path(name).stem not in KEPT_LOCALES
    return any(fnmatch.fnmatch(f"/{name}" if pattern[0] == "*" else name, pattern) for pattern in LEFT_OUT)


def _top_level() -> Iterator[str]:
    """Import names of the libraries that are declared for the bundle."""
    names = {"Pillow": "PIL", "pillow": "PIL", "email-validator": "email_validator"}
    for line in _lines((ROOT / "functions" / "requirements.txt").read_text("utf-8")):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            yield names.get(requirement.name, requirement.name)


def _lines(text: str) -> Iterable[str]:
    return (line.partition(" #")[0].strip() for line in text.splitlines() if line.strip() and line[0] != "#")


def _lock_entries(text: str) -> Iterator[tuple[str, str]]:
    """(name, its lines) of a lock file: each entry begins at the margin and goes on indented."""
    for entry in re.findall(r"^[A-Za-z0-9].*\n(?:[ \t].*\n)*", text, re.MULTILINE):
        yield canonicalize_name(re.split(r"[=\[ ;]", entry, maxsplit=1)[0]), entry


def main(*, stage: str, architecture: str | None) -> int:
    """`python -m infra package`; returns the exit status."""
    try:
        bundle, template = package(stage=stage, architecture=architecture)
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    print(
        f"{bundle.relative_to(ROOT)}  {bundle.stat().st_size / 1e6:.1f} MB of {BUDGET_BYTES / 1e6:.0f} MB\n"
        f"{template.relative_to(ROOT)}"
    )
    return 0
