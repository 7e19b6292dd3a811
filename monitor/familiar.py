"""Which of a document's entries are known, and by what: new, revised and ranked ones. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.identity import Keys
from monitor.ranking import Listed
from monitor.types import Known, ParsedEntry

# A feed whose ids and links are all new while its titles are not has changed its ids,
# not its news. One or two repeated titles prove nothing: some headlines come back daily.
# Much may be news after a night, so half of the titles are enough.
UNSTABLE_SHARE = 0.8
FAMILIAR_SHARE = 0.5
UNSTABLE_MINIMUM = 3
REFRESH_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Revised:
    """A known entry whose title changed."""

    entry_id: int
    parsed: ParsedEntry
    keys: Keys


@dataclass(frozen=True, slots=True)
class Sorted:
    """A document's entries: new ones, revised ones, and ``refresh``, keys whose marks are getting
    old. ``renamed`` is all that stands for entries of which something has another id: next time
    they are known by that, since by then too few may be left to tell that ids have changed, and a
    title may be edited."""

    new: tuple[tuple[ParsedEntry, Keys], ...]
    revised: tuple[Revised, ...]
    refresh: tuple[int, ...]
    renamed: tuple[tuple[int, Keys], ...]


def sort(
    entries: list[tuple[ParsedEntry, Keys]], known: Mapping[int, Known], now: datetime
) -> Sorted:
    """What becomes of each of a document's entries."""
    new: list[tuple[ParsedEntry, Keys]] = []
    revised: list[Revised] = []
    refresh: list[int] = []
    taken: set[int] = set()
    stand_for: defaultdict[int, list[Keys]] = defaultdict(list)
    unstable = _ids_are_unstable(entries, known)
    for parsed, keys in entries:
        match = _known_as(keys, known, unstable=unstable)
        if match is None:
            # One document may list the same thing twice.
            if keys.primary not in taken and (keys.link_title or -1) not in taken:
                new.append((parsed, keys))
                taken.update({keys.primary, keys.link_title or keys.primary})
            continue
        stand_for[match.entry_id].append(keys)
        if match.title_hash != keys.title_hash and match.entry_id not in taken:
            revised.append(Revised(match.entry_id, parsed, keys))
            taken.add(match.entry_id)
        if now - match.seen_at > REFRESH_AFTER:
            refresh += [key for key in keys.all() if key in known]
    changed = unstable or _ids_have_changed(entries, known)
    renamed = [
        (number, keys)
        for number, found in stand_for.items()
        if changed and any(keys.primary not in known for keys in found)
        for keys in found
    ]
    return Sorted(tuple(new), tuple(revised), tuple(refresh), tuple(renamed))


def listed(
    entries: list[tuple[ParsedEntry, Keys]], known: Mapping[int, Known]
) -> tuple[Listed, ...]:
    """The known entries that have a place, each its first."""
    found: dict[int, Listed] = {}
    unstable = _ids_are_unstable(entries, known)
    for parsed, keys in entries:
        if parsed.rank is None:
            continue
        match = _known_as(keys, known, unstable=unstable)
        if match is not None:
            listed = Listed(match.entry_id, parsed.rank, parsed.heat)
            found.setdefault(match.entry_id, listed)
    return tuple(found.values())


def _known_as(keys: Keys, known: Mapping[int, Known], *, unstable: bool) -> Known | None:
    match, exact = known.get(keys.primary), known.get(keys.link_title or -1)
    if match is None:
        match = exact
    elif exact is not None and match.title_hash != keys.title_hash:
        # Several headlines may share a link: the one with this title is no edit of another.
        match = exact if exact.entry_id != match.entry_id else match
    return known.get(keys.title) if match is None and unstable else match


def _ids_are_unstable(entries: list[tuple[ParsedEntry, Keys]], known: Mapping[int, Known]) -> bool:
    strangers = [
        keys
        for _, keys in entries
        if keys.primary not in known and (keys.link_title or -1) not in known
    ]
    if len(strangers) < UNSTABLE_MINIMUM or len(strangers) < UNSTABLE_SHARE * len(entries):
        return False
    familiar = sum(keys.title in known for keys in strangers)
    return familiar >= max(UNSTABLE_MINIMUM, FAMILIAR_SHARE * len(strangers))


def _ids_have_changed(entries: list[tuple[ParsedEntry, Keys]], known: Mapping[int, Known]) -> bool:
    """Whether nearly all that is known by link and title has a new id: where it is one entry, it
    may be an id that others had, too."""
    exact = [keys for _, keys in entries if (keys.link_title or -1) in known]
    changed = sum(keys.primary not in known for keys in exact)
    return changed >= max(UNSTABLE_MINIMUM, UNSTABLE_SHARE * len(exact))
