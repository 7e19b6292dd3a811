"""By what an entry is recognised when its source is polled again. Pure.

An entry is known by its id; without one by its link; without that by title and day.
Two more keys, link-with-title and title, recognise it when a feed changes its ids.
Keys are 63-bit hashes that include the source, so one lookup serves many sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from monitor.stories import canonical_url
from monitor.types import ParsedEntry


class Keys(NamedTuple):
    """``primary`` decides; ``link_title`` and ``title`` are asked when it is unknown."""

    primary: int
    link_title: int | None
    title: int
    title_hash: int

    def all(self) -> tuple[int, ...]:
        """Every distinct key, the primary one first."""
        if self.link_title is None or self.link_title == self.primary:
            return self.primary, self.title
        return self.primary, self.link_title, self.title


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
    title = digest(entry.title)
    link_digest = digest(canonical_url(entry.url)) if entry.url else None
    link_title = None
    if link_digest is not None:
        link_title = mix(mix(source_id, LINK_TITLE, link_digest), LINK_TITLE, title)
    if guid:
        primary = mix(source_id, ID, digest(guid))
    elif link and link_digest is not None:
        primary = mix(source_id, LINK, link_digest)
    elif link_title is not None:
        primary = link_title
    else:
        day = entry.published_at.date().toordinal() if entry.published_at else 0
        primary = mix(mix(source_id, TITLE_DAY, title), TITLE_DAY, day)
    return Keys(primary, link_title, mix(source_id, TITLE, title), title >> 1)


def title_key(source_id: int, title: str) -> int:
    """The ``title`` key of an entry of a source that has this title."""
    return mix(source_id, TITLE, digest(title))


# What a key is made of takes part in it, so that an id never equals a link.
ID, LINK, LINK_TITLE, TITLE, TITLE_DAY = range(1, 6)
_MASK = (1 << 64) - 1


def digest(text: str) -> int:
    """64 bits of BLAKE2b."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def mix(number: int, kind: int, digest64: int) -> int:
    """A 63-bit key that both databases can hold; collisions of well-mixed bits are negligible."""
    mixed = ((number * 8 + kind) * 0x9E3779B97F4A7C15 + digest64) & _MASK
    mixed = ((mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93) & _MASK
    mixed = ((mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93) & _MASK
    return (mixed ^ (mixed >> 32)) >> 1
