"""The form's stand-in server: the made-up site of stubbed.py, with the phone's own pages, that can be switched off.

Not a test: what test_form_browser.py and test_queue_browser.py share.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from PIL import Image

from tests.web.stubbed import GAMBIR, TYPES, Stub, handler, until
from web.render import Renderer

MONAS = {"latitude": -6.1754, "longitude": 106.8272}
WORDS = "Lubang besar di depan halte, sudah dua motor jatuh."
QR = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 3"><path d="M0 0h3v3H0z"/></svg>'


class Site(Stub):
    """A stub whose API can be away (`down`), which draws QR codes and remembers what each path was asked with."""

    down = False
    drawn: list[dict[str, str]]


@contextmanager
def served(files: dict[str, bytes]) -> Iterator[Site]:
    """A site of these files at a free port, until the block ends."""
    site = Site(files=files, place={**GAMBIR, "method": "inside", "probability": 1.0, "runner_up": None})
    site.drawn = []
    base: Any = handler(site)

    class Handler(base):  # type: ignore[misc]
        def do_GET(self) -> None:
            if site.down:
                self.close_connection = True
            elif self.path.endswith("/qr"):
                site.drawn.append({name.lower(): value for name, value in self.headers.items()})
                self.reply(200, TYPES["svg"], QR)
            elif self.path.startswith("/api/reports/"):
                body = json.dumps({"state": {"code": "waiting"}, "category": {"code": "jalan"}}).encode()
                self.reply(200, TYPES["json"], body)
            else:
                super().do_GET()

        def do_POST(self) -> None:
            if site.down:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.close_connection = True
            else:
                site.asked.append(self.path)
                super().do_POST()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


def own_pages(renderer: Renderer) -> dict[str, bytes]:
    """What the phone keeps beside the form, in both languages."""
    return {
        f"{root}{name}/index.html": draw(language).encode()
        for language, root in (("id", ""), ("en", "en/"))
        for name, draw in (("saya", renderer.mine), ("luring", renderer.offline))
    }


def open_form(page: Any, site: Stub, spot: str = "#-6.17540,106.82720", root: str = "") -> None:
    """The form with its pin on a spot that the server has named."""
    page.goto(f"{site.url}{root}/lapor/{spot}")
    page.wait_for_selector("#pinmap .crosshair")
    if spot:
        until(page, "document.getElementById('found').textContent.includes('Gambir')")


def begin(page: Any, category: str = "jalan", words: str = WORDS) -> None:
    """Category and words of a report."""
    page.check(f"input[value={category}]", force=True)
    page.fill("#description", words)


def worker_ready(page: Any) -> None:
    """Wait until the service worker has kept what it keeps."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(page, "caches.keys().then(names => names.length > 0)")
    until(page, "navigator.serviceWorker.controller !== null")


def kept(page: Any, store: str) -> list[dict[str, Any]]:
    """All records of a store of the phone's, photos as their number of bytes."""
    found: list[dict[str, Any]] = page.evaluate(
        """store => new Promise(done => {
          const opening = indexedDB.open("cctv-warga");
          opening.onsuccess = () => {
            const all = opening.result.transaction(store).objectStore(store).getAll();
            all.onsuccess = () => {
              opening.result.close();
              const sized = each => ({...each, photos: (each.photos ?? []).map(photo => photo.data.byteLength)});
              done(all.result.map(sized));
            };
          };
        })""",
        store,
    )
    return found


def put(page: Any, record: dict[str, Any]) -> None:
    """Write a record into the queue as another build would have; photos as text become bytes."""
    page.evaluate(
        """record => new Promise((done, failed) => {
          const opening = indexedDB.open("cctv-warga");
          opening.onerror = () => failed(opening.error);
          opening.onsuccess = () => {
            for (const photo of record.photos) photo.data = new TextEncoder().encode(photo.data).buffer;
            const write = opening.result.transaction("queue", "readwrite");
            write.objectStore("queue").put(record);
            write.oncomplete = () => { opening.result.close(); done(); };
          };
        })""",
        record,
    )


def photo_file(place: bool = True, kind: str = "JPEG", **more: Any) -> dict[str, Any]:
    """A photo as Playwright takes files; with `place` its Exif says 6°10'31.2"S 106°49'37.2"E, and `more` GPS tags."""
    exif = Image.Exif()
    exif[0x010F] = "TellTalePhoneMaker"
    if place:
        gps: dict[Any, Any] = {1: "S", 2: (6.0, 10.0, 31.2), 3: "E", 4: (106.0, 49.0, 37.2)}
        exif.get_ifd(0x8825).update(gps | {int(tag): value for tag, value in more.items()})
    data = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(data, kind, exif=exif)
    return {"name": f"foto.{kind.lower()}", "mimeType": f"image/{kind.lower()}", "buffer": data.getvalue()}
