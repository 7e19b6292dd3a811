"""The elements of all feed formats, and what each gives to an entry or a feed."""

from __future__ import annotations

import functools

XML = "{http://www.w3.org/XML/1998/namespace}"
ATOM_03 = "http://purl.org/atom/ns#"
# Namespace (lower case, no final slash) to the prefix that the tables below use.
PREFIXES = {
    "": "",
    ATOM_03: "",
    "http://www.w3.org/2005/atom": "",
    "https://www.w3.org/2005/atom": "",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf:",
    "http://purl.org/dc/elements/1.1": "dc:",
    "http://purl.org/dc/elements/1.0": "dc:",
    "http://purl.org/dc/terms": "dcterms:",
    "http://purl.org/rss/1.0/modules/content": "content:",
    "http://purl.org/rss/1.0/modules/syndication": "sy:",
    "http://search.yahoo.com/mrss": "media:",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "http://www.w3.org/1999/xhtml": "xhtml:",
}
# A prefix that nothing declares means what it usually means.
USUAL = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "media": "http://search.yahoo.com/mrss/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "xhtml": "http://www.w3.org/1999/xhtml",
    "atom": "http://www.w3.org/2005/Atom",
}
# Modules have names of their own; all else in an unknown namespace is RSS in disguise.
_MODULES = ("module", "ext", "georss", "feedburner", "slash", "wfw", "podcast", "creativecommons")
ROOTS = {"rss": "rss", "feed": "atom10", "rdf:rdf": "rss10", "rdf": "rss10", "channel": "cdf"}
BLOCKS = frozenset(
    {
        "p", "br", "div", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol",
        "dl", "dt", "dd", "hr", "blockquote", "pre", "table",
    }
)  # fmt: skip

# Element to (field, priority): the lowest number wins. Constructs may be markup.
_CONSTRUCTS = {
    "title": ("title", 0),
    "dc:title": ("title", 1),
    "media:title": ("title", 2),
    "description": ("summary", 0),
    "summary": ("summary", 0),
    "abstract": ("summary", 0),
    "tagline": ("summary", 1),
    "subtitle": ("summary", 1),
    "content": ("summary", 1),
    "content:encoded": ("summary", 1),
    "xhtml:body": ("summary", 2),
    "body": ("summary", 2),
    "xhtml:div": ("summary", 3),
    "fullitem": ("summary", 3),
    "itunes:summary": ("summary", 4),
    "media:description": ("summary", 5),
}
_LITERALS = {
    "id": ("guid", 1),
    "dc:identifier": ("guid", 6),
    "pubdate": ("date", 0),
    "published": ("date", 0),
    "issued": ("date", 1),
    "dc:date": ("date", 2),
    "dcterms:issued": ("date", 2),
    "dcterms:created": ("date", 3),
    "created": ("date", 3),
    "updated": ("date", 4),
    "modified": ("date", 5),
    "dcterms:modified": ("date", 6),
    "author": ("author", 0),
    "dc:creator": ("author", 1),
    "dc:author": ("author", 1),
    "itunes:author": ("author", 2),
    "language": ("language", 0),
    "dc:language": ("language", 1),
    "ttl": ("ttl", 0),
    "sy:updateperiod": ("period", 0),
    "sy:updatefrequency": ("frequency", 0),
}
CONSTRUCT, LITERAL, LINK, GUID, CATEGORY, ENTRY, CONTAINER, LISTED, OTHER = range(9)
_MEANINGS: dict[str, tuple[int, str, int]] = {
    **{key: (CONSTRUCT, *field) for key, field in _CONSTRUCTS.items()},
    **{key: (LITERAL, *field) for key, field in _LITERALS.items()},
    **{key: (CATEGORY, key, 0) for key in ("category", "dc:subject")},
    **{key: (ENTRY, key, 0) for key in ("item", "entry")},
    **{
        key: (CONTAINER, key, 0)
        for key in ("rss", "feed", "rdf:rdf", "rdf", "channel", "items", "rdf:items")
    },
    **{key: (LISTED, key, 0) for key in ("skiphours", "skipdays")},
    "link": (LINK, "link", 0),
    "guid": (GUID, "guid", 0),
}
# Which of several links is the entry's (RFC 4287, 4.2.7).
RELATIONS = {"alternate": 1, "self": 4, "via": 5, "related": 7, "enclosure": 8}


@functools.lru_cache(maxsize=4096)
def key_of(tag: str) -> str:
    """The tables' name for ``{namespace}Local``: ``title``, ``dc:date``, ``content:encoded``."""
    if not tag.startswith("{"):
        return tag.lower()
    uri, _, local = tag[1:].rpartition("}")
    uri = uri.lower().rstrip("/")
    prefix = PREFIXES.get(uri)
    if prefix is None:
        prefix = "other:" if any(word in uri for word in _MODULES) else ""
    return prefix + local.lower()


@functools.lru_cache(maxsize=4096)
def meaning(tag: str) -> tuple[int, str, int]:
    """What an element is (CONSTRUCT ... OTHER), its field, and the field's priority."""
    return _MEANINGS.get(key_of(tag), (OTHER, "", 0))


def rss_format(version: str) -> str:
    """``2.0`` is ``rss20``; an unknown or missing version is ``rss``."""
    digits = version.strip().replace(".", "")[:3]
    if digits.startswith("2"):
        return "rss20"
    return f"rss{digits}" if digits.isdigit() else "rss"
