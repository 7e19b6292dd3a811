"""The bundled portal: four feeds on loopback that publish something new now and then."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from xml.sax.saxutils import escape


@dataclass(slots=True)
class Feed:
    """One feed: what it shows, newest first, what it will publish, how often it was read."""

    path: str
    format: str
    name: str
    shown: list[tuple[str, datetime]]
    coming: list[str]
    reads: int = 0

    def publish(self, title: str, at: datetime) -> None:
        """Put a headline at the top."""
        self.shown.insert(0, (title, at))


@dataclass(frozen=True, slots=True)
class Bulletin:
    """The feeds and the rules that watch them."""

    feeds: list[Feed]
    rules: list[dict[str, str]] = field(default_factory=list)


def load_bulletin(now: datetime) -> Bulletin:
    """What the package brings along, as of ``now``."""
    text = resources.files("monitor.demo").joinpath("bulletin.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    feeds = [
        Feed(
            item["path"],
            item["format"],
            item["name"],
            [(title, now) for title in item["first"]],
            list(item["fresh"]),
        )
        for item in table["feed"]
    ]
    return Bulletin(feeds, table["rule"])


class Portal:
    """Serves the feeds with validators, and hands each POST below ``/hook`` to ``on_hook``.

    ``on_hook`` gets headers and body and returns the status to answer.
    """

    def __init__(self, feeds: list[Feed], on_hook: Callable[[Any, bytes], int]) -> None:
        self.feeds = {feed.path: feed for feed in feeds}
        self.lock = threading.Lock()
        self._on_hook = on_hook
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Serve until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        """End serving."""
        self._server.shutdown()
        self._server.server_close()

    def publish_next(self) -> str | None:
        """Publish the next headline of the feed that has most to come; None when all is out."""
        with self.lock:
            feed = max(self.feeds.values(), key=lambda each: len(each.coming))
            if not feed.coming:
                return None
            title = feed.coming.pop(0)
            feed.publish(title, datetime.now(UTC))
            return title

    def fewest_reads(self) -> int:
        """How often the feed that was read least has been read."""
        with self.lock:
            return min(feed.reads for feed in self.feeds.values())

    def _read(self, path: str) -> tuple[str, bytes] | None:
        with self.lock:
            feed = self.feeds.get(path)
            if feed is None:
                return None
            feed.reads += 1
            return WRITERS[feed.format](feed, f"http://{self.address}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        portal = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = portal._read(self.path)
                if found is None:
                    self._answer(404, "text/plain", b"no such page")
                    return
                kind, body = found
                etag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
                if self.headers.get("If-None-Match") == etag:
                    self._answer(304, kind, b"", etag)
                else:
                    self._answer(200, kind, body, etag)

            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length") or 0), 1 << 20)
                status = portal._on_hook(self.headers, self.rfile.read(size))
                self._answer(status, "text/plain", b"ok" if status == 200 else b"bad signature")

            def _answer(self, status: int, kind: str, body: bytes, etag: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if etag:
                    self.send_header("ETag", etag)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """The terminal is for headlines."""

        return Handler


def link(base: str, feed: Feed, title: str) -> str:
    """A story's address, made from its title."""
    number = blake2b(title.encode(), digest_size=6).hexdigest()
    return f"{base}{feed.path}/{number}.html"


def write_rss(feed: Feed, base: str, encoding: str = "utf-8") -> tuple[str, bytes]:
    """RSS 2.0, in UTF-8 or GBK."""
    items = "".join(
        f"<item><title>{escape(title)}</title><link>{link(base, feed, title)}</link>"
        f'<guid isPermaLink="false">{link("", feed, title)}</guid>'
        f"<pubDate>{format_datetime(at)}</pubDate></item>"
        for title, at in feed.shown
    )
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel>'
        f"<title>{escape(feed.name)}</title><link>{base}/</link>"
        f"<description>{escape(feed.name)}</description>{items}</channel></rss>"
    )
    return f"application/rss+xml; charset={encoding}", text.encode(encoding)


def write_atom(feed: Feed, base: str) -> tuple[str, bytes]:
    """Atom 1.0."""
    entries = "".join(
        f"<entry><title>{escape(title)}</title><id>urn:sample:{link('', feed, title)}</id>"
        f'<link href="{link(base, feed, title)}"/><updated>{at.isoformat()}</updated></entry>'
        for title, at in feed.shown
    )
    text = (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>{escape(feed.name)}</title><id>urn:sample:{feed.path}</id>"
        f"<updated>{feed.shown[0][1].isoformat()}</updated>{entries}</feed>"
    )
    return "application/atom+xml", text.encode()


def write_json(feed: Feed, base: str) -> tuple[str, bytes]:
    """JSON Feed 1.1."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.name,
        "home_page_url": f"{base}/",
        "items": [
            {
                "id": link("", feed, title),
                "url": link(base, feed, title),
                "title": title,
                "date_published": at.isoformat(),
            }
            for title, at in feed.shown
        ],
    }
    return "application/feed+json", json.dumps(document, ensure_ascii=False).encode()


WRITERS: dict[str, Callable[[Feed, str], tuple[str, bytes]]] = {
    "rss": write_rss,
    "rss-gbk": lambda feed, base: write_rss(feed, base, "gbk"),
    "atom": write_atom,
    "json": write_json,
}
