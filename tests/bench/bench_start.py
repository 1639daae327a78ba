"""What a cold function costs: imports, first answers, peak memory, and the bundle when there is one."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.bench.measure import ROOT, Options, Row, child, folder

IMPORT_MS, API_MB, BUNDLE_MB = 250.0, 128.0, 25.0

START = """
import json, sys, time
a = time.perf_counter()
import app
b = time.perf_counter()
heavy = [m for m in ('boto3', 'numpy', 'shapely', 'PIL', 'jinja2', 'babel') if m in sys.modules]
times = [(b - a) * 1000]
if sys.argv[1] == 'dynamodb':
    # What the first write needs, then the first photo. Making a client asks nobody.
    from chalicelib import wiring
    from chalicelib.storage import aws
    wiring.table()
    wiring.files('private')
    for service in ('dynamodb', 's3'):
        aws.client(service, endpoint_url=None, region='ap-southeast-3')
        times.append((time.perf_counter() - a) * 1000)
print(json.dumps({'times': times, 'heavy': heavy}))
"""
ALONE = """
import json, time
a = time.perf_counter()
import boto3
boto3.client('dynamodb', region_name='ap-southeast-3')
print(json.dumps({'alone': (time.perf_counter() - a) * 1000}))
"""
AWS = {
    "ENGINE": "dynamodb",
    "SITE_BUCKET": "site",
    "PRIVATE_BUCKET": "private",
    "AWS_DEFAULT_REGION": "ap-southeast-3",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
}
REQUEST = """
import io, json, sys, time
a = time.perf_counter()
import app
from chalicelib import api, wiring
from chalicelib.front.operation import Request
import base64
from PIL import Image
kept = io.BytesIO()
Image.effect_noise((1200, 1600), 40).convert('RGB').save(kept, 'JPEG', quality=70)
body = {'category': 'jalan', 'description': 'Lubang besar di lajur kiri.', 'longitude': 106.8272,
        'latitude': -6.1754, 'accuracy': 12}
if sys.argv[1] == 'photo':
    body['photo'] = [base64.b64encode(kept.getvalue()).decode()]
    del kept
head = {'content-type': 'application/json'}
b = time.perf_counter()
got = api.answer(wiring.parts(), 'create_report', Request({}, {}, head, json.dumps(body).encode()))
c = time.perf_counter()
assert got.status == 201, got.body
print(json.dumps({'first': (c - b) * 1000, 'peak': peak()}))
"""


def rows(options: Options) -> Iterator[Row]:
    """Import and first answer of the API function in new processes, its memory, the bundle."""
    rounds = options.rounds(11, 3)
    runs = [child(START, "sqlite") for _ in range(rounds)]
    heavy = runs[0]["heavy"]
    yield Row(
        "import of the API function, without AWS",
        (statistics.median(run["times"][0] for run in runs),),
        "ms",
        note=f"imports {', '.join(heavy)}" if heavy else "none of boto3, numpy, shapely, Pillow, Jinja2",
    )
    runs = [child(START, "dynamodb", **AWS) for _ in range(rounds)]
    alone = statistics.median(child(ALONE)["alone"] for _ in range(rounds))
    yield Row(
        "import of the API function, with its DynamoDB client",
        (statistics.median(run["times"][1] for run in runs),),
        "ms",
        (IMPORT_MS,),
        note=f"boto3 and a bare DynamoDB client alone: {alone:.0f} ms",
    )
    yield Row(
        "the same with an S3 client as well, for a report with a photo",
        (statistics.median(run["times"][2] for run in runs),),
        "ms",
        (IMPORT_MS,),
    )
    with folder() as data:
        answers = [child(REQUEST, "words", DATA_DIR=str(data / str(i))) for i in range(options.rounds(5, 2))]
        yield Row(
            "first report in a new process, SQLite, boundaries loaded on the way",
            (statistics.median(run["first"] for run in answers),),
            "ms",
        )
        photo = child(REQUEST, "photo", DATA_DIR=str(data / "photo"))
        yield Row("peak memory, API function, one report with a photo", (photo["peak"],), "MB", (API_MB,))
    bundles = sorted([*ROOT.glob("dist/*.zip"), *ROOT.glob("functions/.chalice/deployments/*.zip")])
    if bundles:
        size = max(path.stat().st_size for path in bundles) / 1e6
        yield Row("bundle, zipped", (size,), "MB", (BUNDLE_MB,))
    else:
        yield Row("bundle, zipped", unit="MB", budget=(BUNDLE_MB,), note="no bundle was packaged here")
