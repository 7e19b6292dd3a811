"""What an address says of itself: whether it is a story's, and whose."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from monitor.stories.address import portal_of

_PARTS = re.compile(r"https?://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_IP = re.compile(r"[\d.]+|.*:.*")
_DATED = re.compile(r"/(?:19|20)\d\d[-/_]?(?:0\d|1[0-2])|\d{8}")
_STORY_END = re.compile(
    r"(?:\d{5,}|[0-9a-f]{12,}|[\w-]*\d[\w-]*\.s?html?|[\w-]{15,}\.s?html?|"
    r"/(?=[a-z]*[0-9])(?=[0-9]*[a-z])[0-9a-z]{9,})/?$",
    re.IGNORECASE,
)
_SLUG = re.compile(r"/(?:[a-z0-9]+-){3,}[a-z0-9]+/?$", re.IGNORECASE)
_QUERY = re.compile(r"(?:^|[?&])\w*id=\w{3,}|\d{8,}")
_NO_STORY = re.compile(
    r"/(?:tags?|category|categories|authors?|by|profile|users?|u|search|login|register|about|contact|"
    r"help|videos?|photos?|gallery|galleries|pictures|slideshows?|podcasts?|audio|live|special|zt|"
    r"topics?|newsletters?|subscribe|subscriptions?|events?|jobs?|shop|store|weather|games?|book|book_reader|novels?)"
    r"(?:/|$|\.)",
    re.IGNORECASE,
)


class Parts(NamedTuple):
    """Of an address on the web."""

    host: str
    path: str
    query: str


def split(url: str) -> Parts:
    """The parts of an absolute address; empty ones of any other."""
    found = _PARTS.match(url)
    if found is None:
        return Parts("", "", "")
    host = found[1].rpartition("@")[2].lower()
    port = host.rpartition(":")
    host = port[0] if port[2].isdecimal() and "]" not in port[2] else host
    return Parts(host.strip("[]"), found[2], found[3] or "")


def is_story(parts: Parts) -> bool:
    """Whether an address is shaped like a story's: dated, numbered, or a long slug."""
    path = parts.path
    if path in {"", "/"} or _NO_STORY.search(path):
        return False
    return bool(
        _DATED.search(path)
        or _STORY_END.search(path)
        or _SLUG.search(path)
        or (parts.query and _QUERY.search(parts.query))
    )


@functools.lru_cache(maxsize=1024)
def site_of(host: str) -> str:
    """The part of a host's name that its owner registered; an IP address is one itself."""
    return host if _IP.fullmatch(host) else portal_of(f"https://{host}/")


def shape_of(parts: Parts) -> str:
    """An address with its changing parts made equal."""
    folder, _, last = parts.path.rstrip("/").rpartition("/")
    ending = last.rpartition(".")[2][:6] if "." in last else ""
    return f"{site_of(parts.host)}{re.sub('[0-9]+', '0', folder)}/{ending}"
