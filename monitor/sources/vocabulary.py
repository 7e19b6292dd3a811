"""The elements of all feed formats, and what each gives to an entry or a feed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from monitor.sources.drafts import Draft
from monitor.sources.links import join

ATOM_03 = "http://purl.org/atom/ns#"
# Namespace (lower case, no final slash) to the prefix that the tables below use.
PREFIXES = {
    ATOM_03: "",
    "http://www.w3.org/2005/atom": "",
    "https://www.w3.org/2005/atom": "",
    "http://purl.org/rss/1.0": "",
    "http://my.netscape.com/rdf/simple/0.9": "",
    "http://channel.netscape.com/rdf/simple/0.9": "",
    "http://my.netscape.com/publish/formats/rss-0.91.dtd": "",
    "http://backend.userland.com/rss": "",
    "http://backend.userland.com/rss2": "",
    "http://backend.userland.com/rss20": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://purl.org/dc/elements/1.1": "dc",
    "http://purl.org/dc/elements/1.0": "dc",
    "http://purl.org/dc/terms": "dcterms",
    "http://purl.org/rss/1.0/modules/content": "content",
    "http://purl.org/rss/1.0/modules/syndication": "sy",
    "http://search.yahoo.com/mrss": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
}
ROOTS = {"rss": "rss", "feed": "atom10", "rdf:rdf": "rss10", "rdf": "rss10"}
ENTRY_NAMES = frozenset({"item", "entry"})
# Elements with titles and links of their own, none of them the entry's.
OPAQUE = frozenset(
    {
        "source", "image", "textinput", "cloud", "contributor", "skiphours", "skipdays",
        "media:group", "media:content", "itunes:owner", "itunes:image", "generator", "rights",
        "schedule", "logo", "icon", "rdf:li",
    }
)  # fmt: skip
BLOCKS = frozenset(
    "p br div li tr td th h1 h2 h3 h4 h5 h6 ul ol dl dt dd hr blockquote pre table".split()
)


class Walker(Protocol):
    """What a field needs of the reader."""

    tree: bool
    base: str
    entry: Draft | None

    def capture(self, sink: Callable[[str], None]) -> None:
        """Collect the text of the element that just started."""


Field = Callable[[Walker, Draft, dict[str, str]], None]


def rss_format(version: str) -> str:
    """``2.0`` is ``rss20``; an unknown or missing version is ``rss``."""
    digits = version.strip().replace(".", "")[:3]
    if digits.startswith("2"):
        return "rss20"
    return f"rss{digits}" if digits.isdigit() else "rss"


def _plain(name: str, priority: int) -> Field:
    """A field whose text is literal: dates, ids, languages."""

    def field(walker: Walker, draft: Draft, attrs: dict[str, str]) -> None:
        walker.capture(lambda text: draft.put(name, priority, text))

    return field


def _construct(name: str, priority: int) -> Field:
    """A text construct: Atom's ``type`` says whether its text is markup; RSS's always is."""

    def field(walker: Walker, draft: Draft, attrs: dict[str, str]) -> None:
        kind = _kind(attrs)

        def sink(text: str) -> None:
            draft.put(name, priority, text, "tree" if walker.tree else kind)

        walker.capture(sink)

    return field


def _kind(attrs: dict[str, str]) -> str:
    if not attrs:
        return "html"
    if attrs.get("mode") == "base64":
        return "base64"
    declared = attrs.get("type", "html").lower()
    return (
        "text" if declared in {"text", "text/plain"} and attrs.get("mode") != "escaped" else "html"
    )


def _link(walker: Walker, draft: Draft, attrs: dict[str, str]) -> None:
    """RSS's link is text; Atom's is ``href`` with a relation (RFC 4287, 4.2.7)."""
    href = attrs.get("href")
    if href is None:
        walker.capture(lambda text: _rank_link(draft, 0, text))
        return
    relation = attrs.get("rel", "alternate").rpartition("/")[2].lower()
    if relation == "alternate":
        is_page = attrs.get("type", "text/html") in {"text/html", "application/xhtml+xml"}
        rank = 1 if is_page else 3
    elif relation in {"self", "via", "related", "enclosure"} and walker.entry is not None:
        rank = {"self": 4, "via": 5, "related": 7, "enclosure": 8}[relation]
    else:
        return
    _rank_link(draft, rank, join(walker.base, href) if walker.base else href)


def _rank_link(draft: Draft, rank: int, href: str) -> None:
    if href and not href.isspace():
        draft.links.append((rank, href))


def _guid(walker: Walker, draft: Draft, attrs: dict[str, str]) -> None:
    """RSS's guid is also the link unless it says that it is not one."""
    permalink = attrs.get("isPermaLink", attrs.get("ispermalink", "true")).lower() != "false"

    def sink(text: str) -> None:
        draft.put("guid", 0, text)
        if permalink and text.strip().startswith(("http://", "https://")):
            draft.links.append((2, text))

    walker.capture(sink)


def _category(walker: Walker, draft: Draft, attrs: dict[str, str]) -> None:
    term = attrs.get("label") or attrs.get("term")
    if term:
        draft.categories.append(term)
    else:
        walker.capture(draft.categories.append)


def _language(walker: Walker, draft: Draft, attrs: dict[str, str]) -> None:
    def sink(text: str) -> None:
        if walker.entry is None:
            draft.language = draft.language or text.strip()

    walker.capture(sink)


FIELDS: dict[str, Field] = {
    "title": _construct("title", 0),
    "dc:title": _construct("title", 1),
    "link": _link,
    "guid": _guid,
    "id": _plain("guid", 1),
    "dc:identifier": _plain("guid", 6),
    "pubdate": _plain("date", 0),
    "published": _plain("date", 0),
    "issued": _plain("date", 1),
    "dc:date": _plain("date", 2),
    "dcterms:issued": _plain("date", 2),
    "dcterms:created": _plain("date", 3),
    "created": _plain("date", 3),
    "updated": _plain("date", 4),
    "modified": _plain("date", 5),
    "dcterms:modified": _plain("date", 6),
    "description": _construct("summary", 0),
    "summary": _construct("summary", 0),
    "tagline": _construct("summary", 1),
    "subtitle": _construct("summary", 1),
    "abstract": _construct("summary", 0),
    "content": _construct("summary", 1),
    "content:encoded": _construct("summary", 1),
    "xhtml:body": _construct("summary", 2),
    "body": _construct("summary", 2),
    "xhtml:div": _construct("summary", 3),
    "fullitem": _construct("summary", 3),
    "itunes:summary": _construct("summary", 4),
    "author": _plain("author", 0),
    "dc:creator": _plain("author", 1),
    "dc:author": _plain("author", 1),
    "itunes:author": _plain("author", 2),
    "category": _category,
    "dc:subject": _category,
    "language": _language,
    "dc:language": _language,
    "ttl": _plain("ttl", 0),
    "sy:updateperiod": _plain("period", 0),
    "sy:updatefrequency": _plain("frequency", 0),
}
