"""The feeds that a page offers. Pure: it reads a page, it fetches nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from monitor.sources.decode import decode
from monitor.sources.links import absolute, join
from monitor.text import clean_title

# Tried on a host whose page names no feed, likeliest first.
WELL_KNOWN = (
    "/feed",
    "/rss",
    "/rss.xml",
    "/feed.xml",
    "/atom.xml",
    "/index.xml",
    "/feed/",
    "/feed.json",
    "/rss/index.xml",
    "/feeds/posts/default",
    "/?feed=rss2",
    "/index.rdf",
)
_FORMATS = {
    "application/rss+xml": "rss",
    "application/atom+xml": "atom",
    "application/rdf+xml": "rdf",
    "application/feed+json": "json",
    "application/json": "json",
    "text/xml": "xml",
    "application/xml": "xml",
    "application/x-rss+xml": "rss",
    "text/rss+xml": "rss",
}
_FEED_PATH = re.compile(
    r"(?:/(?:rss|feeds?|atom)(?:/|$|\.|_)|\.(?:rss|atom|rdf)$|(?:rss|feed|atom)[\w-]*\.(?:xml|json)$"
    r"|[?&]feed=(?:rss|atom))",
    re.IGNORECASE,
)
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_MAX_BODY = 5_000_000
_MAX_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that is probably a feed; ``format`` is what the page says it is."""

    url: str
    title: str
    format: str


def from_page(body: bytes, url: str, charset: str | None = None) -> list[Candidate]:
    """The feeds that a page declares (``<link rel=alternate>``), then those that it links to.

    Each address once, in the page's order, at most 100; ``url`` resolves relative ones.
    """
    page = _Page(url)
    text = decode(body[:_MAX_BODY], charset or _meta_charset(body)).text
    page.feed(text)
    page.close()
    found: dict[str, Candidate] = {}
    for candidate in (*page.declared, *page.linked):
        if len(found) < _MAX_CANDIDATES:
            found.setdefault(candidate.url, candidate)
    return list(found.values())


def well_known(url: str) -> list[str]:
    """The addresses to try on the host of ``url``."""
    return [found for path in WELL_KNOWN if (found := absolute(path, url))]


def _meta_charset(body: bytes) -> str | None:
    found = _META.search(body, 0, 4096)
    return found[1].decode() if found else None


class _Page(HTMLParser):
    """Collects candidates; ``<base>`` counts from where it stands."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = url
        self.declared: list[Candidate] = []
        self.linked: list[Candidate] = []
        self._anchor = ""
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"link", "a", "base"}:
            return
        values = {name: value or "" for name, value in attrs}
        href = values.get("href", "").strip()
        if tag == "base" and href:
            self.base = join(self.base, href)
        elif tag == "link":
            self._declare(values, href)
        elif tag == "a":
            self._finish_anchor()
            url = absolute(href, self.base) if href else ""
            if url and _FEED_PATH.search(url.partition("#")[0]):
                self._anchor = url

    def handle_data(self, data: str) -> None:
        if self._anchor and len(self._text) < 20:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._finish_anchor()

    def close(self) -> None:
        super().close()
        self._finish_anchor()

    def _declare(self, values: dict[str, str], href: str) -> None:
        relations = values.get("rel", "").lower().split()
        kind = values.get("type", "").partition(";")[0].strip().lower()
        is_feed = "feed" in relations or ("alternate" in relations and kind in _FORMATS)
        oembed = "oembed" in kind or "oembed" in href or "wp-json" in href
        if is_feed and href and not oembed and (url := absolute(href, self.base)):
            title = clean_title(values.get("title", ""), 200)[0]
            self.declared.append(Candidate(url, title, _FORMATS.get(kind, "")))

    def _finish_anchor(self) -> None:
        if self._anchor:
            title = clean_title("".join(self._text), 200)[0]
            self.linked.append(Candidate(self._anchor, title, ""))
        self._anchor = ""
        self._text.clear()
