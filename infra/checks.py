"""What `python -m infra verify`, `recount`, `erase` and `vapid` do: finds what is wrong, removes words, shows a key.

Speaks to an operator: findings on standard output, a line each, progress and the sum on
standard error. Judges nothing itself: that is audit.py, recount.py and erasing.py.
"""

from __future__ import annotations

import secrets
import sys

from chalicelib import audit, wiring
from chalicelib.desk import Changed, Unknown
from chalicelib.followers import made_once
from chalicelib.privacy import erasing
from chalicelib.publishing import recount
from chalicelib.report import Office, read_id, written_id
from chalicelib.senders.push import new_key, public_key
from chalicelib.storage.table import Delete, Key

from infra import following

OPERATOR = Office("operator", "Pengelola CCTV Warga")
"""Who is named in public when words are erased."""


def count_again(*, mend: bool) -> int:
    """Count every report anew and print where the kept counters differ. Returns 1 when some do and stay so."""
    publisher = wiring.publisher(example=False)
    found = recount.differences(publisher.table, sorted(publisher.locator.by_kode), following.progress)
    for each in found:
        print(f"{each.key.partition} {each.key.sort} {each.name}: kept {each.kept}, counted {each.counted}")
    if found and mend:
        recount.mend(publisher.table, found)
    told = (
        f"{len(found)} counters differ{', now mended' if mend else ''}" if found else "every count is right"
    )
    print(told, file=sys.stderr)
    return 1 if found and not mend else 0


def verify() -> int:
    """Check everything against the table and print what does not hold. Returns 1 when something does not."""
    publisher = wiring.publisher(example=False)
    codes = sorted(publisher.locator.by_kode)
    broken = 0
    for found in audit.findings(
        publisher.table, publisher.site, codes, publisher.document, following.progress
    ):
        broken += 1
        number = read_id(found.report)
        where = f"report {written_id(number)}, event {found.seq}" if number else f"day {found.report}"
        print(f"BROKEN {where}: {found.why}", flush=True)
    print(f"{broken} broken" if broken else "every history is whole", file=sys.stderr)
    return 1 if broken else 0


def erase(number: str, event: int) -> int:
    """Remove the words of an event of a report. Returns 1 when there are none, 2 for what is no number."""
    report_id = read_id(number)
    if report_id is None:
        print(f"{number!r} is no report number; write it like 7K3M-9QX2", file=sys.stderr)
        return 2
    try:
        erasing.erase_words(wiring.table(), report_id, event, office=OPERATOR, now=wiring.now)
    except (Unknown, erasing.NothingThere, Changed) as error:
        print(f"nothing was erased: {error}", file=sys.stderr)
        return 1
    print(f"the words of event {event} of {written_id(report_id)} are erased; its page follows in moments")
    return 0


def vapid(*, renew: bool) -> int:
    """Show the public key that browsers subscribe to push messages with; makes the pair when there is none."""
    key = Key("secrets", "vapid")
    if renew:
        wiring.table().transact([Delete(key)])
    made = made_once(wiring.table(), key.sort, lambda: new_key(secrets.token_bytes))
    print(public_key(made))
    return 0
