"""By what an entry is recognised when its source is polled again. Pure.

An entry is known by its id; without one by its link; without that by title and day.
Two more keys, link-with-title and title, recognise it when a feed changes its ids.
Keys are 63-bit hashes that include the source, so one lookup serves many sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from monitor.stories import canonical_url
from monitor.types import ParsedEntry


@dataclass(frozen=True, slots=True)
class Keys:
    """``primary`` decides; ``link_title`` and ``title`` are asked when it is unknown."""

    primary: int
    link_title: int | None
    title: int
    title_hash: int

    def all(self) -> tuple[int, ...]:
        """Every distinct key, the primary one first."""
        rest = (self.link_title, self.title) if self.link_title is not None else (self.title,)
        return tuple(dict.fromkeys((self.primary, *rest)))


def keys_of(source_id: int, entries: Sequence[ParsedEntry]) -> list[Keys]:
    """The keys of a document's entries, in their order.

    An id or a link that several entries of the document share says nothing about one
    of them and is passed over.
    """
    guids = Counter(entry.guid for entry in entries if entry.guid)
    links = Counter(entry.url for entry in entries if entry.url)
    return [
        _keys(
            source_id,
            entry,
            guid=entry.guid if entry.guid and guids[entry.guid] == 1 else None,
            link=entry.url if entry.url and links[entry.url] == 1 else None,
        )
        for entry in entries
    ]


def _keys(source_id: int, entry: ParsedEntry, guid: str | None, link: str | None) -> Keys:
    title = entry.title
    url = canonical_url(entry.url) if entry.url else ""
    link_title = hash63(source_id, "link-title", url, title) if url else None
    if guid:
        primary = hash63(source_id, "id", guid)
    elif link:
        primary = hash63(source_id, "link", url)
    elif link_title is not None:
        primary = link_title
    else:
        day = entry.published_at.date().isoformat() if entry.published_at else ""
        primary = hash63(source_id, "title-day", title, day)
    return Keys(
        primary=primary,
        link_title=link_title,
        title=hash63(source_id, "title", title),
        title_hash=hash63(0, title),
    )


def hash63(number: int, *parts: str) -> int:
    """A non-negative 63-bit hash that both databases can hold; collisions are negligible here."""
    data = "\x1f".join((str(number), *parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") >> 1
