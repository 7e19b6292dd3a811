"""The feeds that a page offers. Pure: it reads a page, it fetches nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.sources.decode import decode
from monitor.sources.links import absolute, join
from monitor.text import clean_title, unescape

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
_ANCHOR_PIECES, _ANCHOR_CHARS = 20, 400
_TAG = re.compile(
    r"<(?P<name>link|base|a)(?P<attrs>(?:[\s/][^<>\"']*+(?:\"[^\"<]*+\"|'[^'<]*+')?+)*+)>"
    r"|<(?P<close>/a)\s*+>|</?[a-z][^<>]*+>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""(?<![^\s"'/])([^\s"'<>/=]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))"""
)
_HIDDEN = [
    (re.compile(opening, re.IGNORECASE), re.compile(closing, re.IGNORECASE))
    for opening, closing in (
        ("<!--", "-->"),
        (r"<script\b", "</script"),
        (r"<style\b", "</style"),
        (r"<template\b", "</template"),
    )
]


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
    page.read(text)
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


class _Page:
    """Collects candidates in one linear pass; ``<base>`` counts from where it stands.

    The standard library's HTML parser takes quadratic time on tags that never close.
    """

    def __init__(self, url: str) -> None:
        self.base = url
        self.declared: list[Candidate] = []
        self.linked: list[Candidate] = []
        self._anchor = ""
        self._text: list[str] = []

    def read(self, text: str) -> None:
        at = 0
        for tag in _TAG.finditer(_without_hidden(text)):
            if self._anchor and len(self._text) < _ANCHOR_PIECES:
                self._text.append(tag.string[at : min(tag.start(), at + _ANCHOR_CHARS)])
            at = tag.end()
            if (name := tag["name"]) is not None:
                self._open(name.lower(), _attributes(tag["attrs"]))
            elif tag["close"] is not None:
                self._finish_anchor()
        self._finish_anchor()

    def _open(self, name: str, values: dict[str, str]) -> None:
        href = values.get("href", "").strip()
        if name == "base" and href:
            self.base = join(self.base, href)
        elif name == "link":
            self._declare(values, href)
        elif name == "a":
            self._finish_anchor()
            url = absolute(href, self.base) if href else ""
            if url and _FEED_PATH.search(url.partition("#")[0]):
                self._anchor = url

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
            title = clean_title(unescape("".join(self._text)), 200)[0]
            self.linked.append(Candidate(self._anchor, title, ""))
        self._anchor = ""
        self._text.clear()


def _without_hidden(text: str) -> str:
    """``text`` without comments and scripts; one that never closes hides nothing."""
    for opening, closing in _HIDDEN:
        kept, at = [], 0
        while (start := opening.search(text, at)) and (end := closing.search(text, start.end())):
            kept.append(text[at : start.start()])
            at = end.end()
        text = "".join((*kept, text[at:]))
    return text


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found
