"""QR codes as SVG, drawn where they are shown: what they hold is never sent to anybody else.

Knows nothing of reports except how a follow key travels: in a fragment, which browsers
send to no server and which therefore stands in no log.
"""

from __future__ import annotations

import io


def svg(text: str) -> str:
    """A QR code (ISO/IEC 18004, error correction M) with its quiet zone, black on white in any colour scheme.

    No size of its own and no style: whoever shows it decides. Raises ValueError for text that does not fit.
    """
    import segno

    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, border=4, dark="#000", light="#fff", omitsize=True, nl=False
    )
    return out.getvalue().decode()


def key_text(site_url: str, report_id: str, follow_key: str) -> str:
    """What the QR code of a report says: the address that keeps it on another phone; key in the fragment.

    Without the site's address (one machine, reachable by nobody else) number and key as people read them.
    """
    if site_url:
        return f"{site_url}/saya/#{report_id}.{follow_key}"
    return f"{report_id} {follow_key}"
