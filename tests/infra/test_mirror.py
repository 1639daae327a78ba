"""A second instance mirrors the first over Open311, each a process of its own, as two offices would run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.running import ROOT, Running, eventually, surroundings

SPOTS = ((106.8272, -6.1754), (106.8166, -6.2045), (106.7637, -6.1745))


def mirrored(address: str, data: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "infra", "import", "--open311", f"{address}/open311/v2/", "--source", "first"],
        cwd=ROOT, env=surroundings(DATA_DIR=str(data), FETCH_PRIVATE="1"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_a_second_instance_has_what_the_first_has_and_takes_each_report_once(
    start: Callable[..., Running], data_dir: Path, prepared: Path, tmp_path: Path
) -> None:
    first = start(data_dir)
    sent = [
        first.post(
            "/api/reports",
            {
                "category": "jalan", "description": f"Lubang nomor {n} di lajur kiri.",
                "longitude": longitude, "latitude": latitude, "accuracy": 5,
            },
        ).json
        for n, (longitude, latitude) in enumerate(SPOTS, start=1)
    ]  # fmt: skip
    second_data = tmp_path / "second"
    second = start(second_data)

    assert mirrored(first.url, second_data).startswith("3 new, 0 changed, 0 same, 0 refused")
    assert mirrored(first.url, second_data).startswith("0 new"), "the second time there is nothing new"

    found = second.get("/open311/v2/requests.json?extensions=true").json
    assert sorted(each["description"] for each in found) == [
        f"Lubang nomor {n} di lajur kiri." for n in (1, 2, 3)
    ]
    for each in found:
        page = f"/laporan/{each['service_request_id']}/"
        eventually(lambda page=page: second.get(page).status == 200, f"the page {page} of the mirror")
    places = {each["place"]["kode"] for each in sent}
    mirror = {
        second.get(f"/api/reports/{each['service_request_id']}").json["place"]["kode"] for each in found
    }
    assert mirror == places, "each lies in the kelurahan where the first instance found it"
