"""What an address says of itself: whether it is a story's, and whose."""

from __future__ import annotations

import functools
import re
from urllib.parse import SplitResult

from monitor.stories.address import portal_of

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
    r"/(?:tags?|category|categories|authors?|by|profile|user|u|search|login|register|about|contact|"
    r"help|videos?|photos?|gallery|galleries|pictures|slideshows?|podcasts?|audio|live|special|zt|"
    r"topics?|newsletters?|subscribe|subscriptions?|events?|jobs?|shop|store|weather|games?|book|book_reader|novels?)"
    r"(?:/|$|\.)",
    re.IGNORECASE,
)


def is_story(parts: SplitResult) -> bool:
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


def shape_of(parts: SplitResult) -> str:
    """An address with its changing parts made equal."""
    folder, _, last = parts.path.rstrip("/").rpartition("/")
    ending = last.rpartition(".")[2][:6] if "." in last else ""
    return f"{site_of(parts.hostname or '')}{re.sub('[0-9]+', '0', folder)}/{ending}"
