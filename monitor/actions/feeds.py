"""Sources in a person's hands: added, listed, paused, removed; portals of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import RowMapping

from monitor.actions.checking import internet_is_reachable
from monitor.actions.opening import check_address, find_source, opened
from monitor.addresses import parse_allowed
from monitor.config import Settings
from monitor.errors import UsageError
from monitor.options import nearest
from monitor.service import utc_now
from monitor.sources import catalogue
from monitor.sources.catalogue import CatalogueEntry
from monitor.storage import sources
from monitor.storage.sources import NewSource
from monitor.types import SourceState

__all__ = [
    "add", "add_catalogue", "internet_is_reachable", "list_all", "pack", "portals", "remove",
    "set_state",
]  # fmt: skip


def add(settings: Settings, new: Sequence[NewSource]) -> int:
    """Store sources in one transaction; how many were not known yet.

    Raises UsageError for an address that is refused. No name is resolved here.
    """
    allowed = parse_allowed(settings.polling.allow_private)
    for item in new:
        check_address(item.url, allowed)
    return store(settings, new)


def store(settings: Settings, new: Sequence[NewSource]) -> int:
    """``add`` for addresses that were checked before."""
    with opened(settings) as database:
        return database.run(lambda connection: sources.add_many(connection, new, utc_now()))


def list_all(settings: Settings) -> list[RowMapping]:
    """Every source."""
    with opened(settings) as database, database.read() as connection:
        return sources.list_all(connection)


def remove(settings: Settings, key: str) -> tuple[str, int]:
    """Delete a source by number, name or address; its name and how many entries went."""
    with opened(settings) as database, database.write() as connection:
        row = find_source(connection, key)
        return row["name"], sources.remove(connection, row["id"])


def set_state(settings: Settings, key: str, state: SourceState) -> str:
    """Pause or resume a source; its name."""
    with opened(settings) as database, database.write() as connection:
        row = find_source(connection, key)
        sources.set_state(connection, row["id"], state, utc_now())
        return str(row["name"])


def portals() -> tuple[CatalogueEntry, ...]:
    """The bundled catalogue."""
    return catalogue.bundled()


def pack(name: str) -> catalogue.Pack:
    """A starter pack by name. Raises UsageError."""
    packs = {each.name: each for each in catalogue.packs()}
    if name not in packs:
        raise UsageError(
            f"there is no pack {name!r}{nearest(name, packs)}: "
            "'headlines feeds catalogue --packs' lists them"
        )
    return packs[name]


def add_catalogue(settings: Settings, wanted: Sequence[str] | None = None) -> int:
    """Add portals of the catalogue: those that are on, or the ``wanted`` addresses."""
    chosen = [
        portal
        for portal in portals()
        if (portal.url in wanted if wanted is not None else portal.on)
    ]
    missing = set(wanted or ()) - {portal.url for portal in chosen}
    if missing:
        raise UsageError(
            f"the catalogue has no {min(missing)!r}: 'headlines feeds catalogue --all' shows it"
        )
    return add(
        settings,
        [
            NewSource(
                portal.url,
                kind=portal.kind,
                name=f"{portal.portal} {portal.name}",
                section=portal.section,
                language=portal.language,
                interval_s=settings.polling.interval_s,
                options={"adapter": portal.adapter} if portal.adapter else None,
            )
            for portal in chosen
        ],
    )
