"""``feeds trust``: how often each origin of hints agrees with what turned out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor import trustbook
from monitor.actions.opening import find_source, opened
from monitor.config import Settings
from monitor.hints import KINDS
from monitor.hints.trust import Count, Trust
from monitor.hints.trust import trust as trust_of
from monitor.service import utc_now
from monitor.storage import sources
from monitor.storage.hints import Measured


@dataclass(frozen=True, slots=True)
class Row:
    """One origin: of ``said`` judged entries it was right of ``agreed``.

    ``share`` is None where nothing was judged. ``origin`` is what spoke, in words; ``source``
    the source's name, where it is one source's. A correction counts as five entries.
    """

    kind: str
    origin: str
    source: str
    section: str
    said: int
    agreed: int
    share: float | None
    trust: float


@dataclass(frozen=True, slots=True)
class Trusted:
    """By kind of origin, by source and kind, and by single origin; most heard first."""

    measured_at: datetime
    kinds: tuple[Row, ...]
    sources: tuple[Row, ...]
    origins: tuple[Row, ...]


def measure(settings: Settings, source: str | None = None) -> Trusted:
    """Measure now, keep it, and tell; of one ``source`` only where that is asked for.

    Kinds are told for all sources together. Raises NotFound, StorageError.
    """
    with opened(settings) as database:
        wanted = None
        if source is not None:
            wanted = database.look(lambda connection: find_source(connection, source)["id"])
        found = trustbook.measure(database, utc_now())
        rows = database.look(sources.list_all)
    names = {row["id"]: row["name"] for row in rows}
    told = [each for each in found.rows if wanted in {None, each.source_id}]
    return Trusted(
        found.measured_at or utc_now(),
        tuple(_kind(kind, found.trust) for kind in KINDS),
        tuple(_sources(told, names, found.trust)),
        tuple(_origin(each, names, found.trust) for each in told),
    )


def _kind(kind: str, known: Trust) -> Row:
    count = known.kinds.get(kind, Count())
    return Row(kind, "", "", "", *count, _share(count), known.expected[kind])


def _sources(rows: Iterable[Measured], names: Mapping[int, str], known: Trust) -> list[Row]:
    counts: dict[tuple[int, str], Count] = {}
    for each in rows:
        at = each.source_id, each.kind
        counts[at] = counts.get(at, Count()).plus(Count(each.said, each.agreed))
    return [
        Row(
            kind, "", names.get(source, ""), "", *count, _share(count),
            trust_of(known.expected[kind], count),
        )
        for (source, kind), count in sorted(counts.items(), key=lambda item: -item[1].said)
    ]  # fmt: skip


def _origin(each: Measured, names: Mapping[int, str], known: Trust) -> Row:
    """A source is called by its name, a block or category without the source's number."""
    number, colon, name = each.key.partition(":")
    spoken = name if colon and number == str(each.source_id) else each.key
    source = names.get(each.source_id, "")
    count = Count(each.said, each.agreed)
    pooled = known.origins.get((each.kind, each.key), count)
    return Row(
        each.kind, source if each.key == str(each.source_id) else spoken, source, each.section,
        *count, _share(count), trust_of(known.expected[each.kind], pooled),
    )  # fmt: skip


def _share(count: Count) -> float | None:
    return count.agreed / count.said if count.said else None


def as_json(found: Trusted) -> dict[str, Any]:
    """The document of ``feeds trust --json``."""
    return {
        "measured_at": found.measured_at,
        "kinds": [_fields(row, "kind") for row in found.kinds],
        "sources": [_fields(row, "source", "kind") for row in found.sources],
        "origins": [_fields(row, "kind", "origin", "source", "section") for row in found.origins],
    }


def _fields(row: Row, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*names, "said", "agreed", "share", "trust")}
