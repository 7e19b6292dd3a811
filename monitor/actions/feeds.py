"""Sources in a person's hands: looked at, added, imported, exported, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import RowMapping

from monitor.addresses import check_url, parse_allowed
from monitor.client import ClientSettings, HttpClient
from monitor.config import Settings
from monitor.errors import FetchError, ParseError, UsageError
from monitor.fetch import Fetcher
from monitor.service import USER_AGENT, fetch_settings, open_database, utc_now
from monitor.sources import catalogue, discover, opml
from monitor.sources.budget import ParserPool
from monitor.sources.catalogue import CatalogueEntry
from monitor.storage import sources
from monitor.storage.sources import NewSource
from monitor.types import Failed, Fetched, FetchRequest, Outcome, ParsedFeed, SourceState

REACHABLE_S = 3.0
CHECKED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Look:
    """What an address gave: a feed, or else the feeds that its page points to."""

    url: str
    feed: ParsedFeed | None
    choices: tuple[discover.Candidate, ...] = ()


async def look(settings: Settings, url: str) -> Look:
    """Fetch an address and read it. Raises FetchError, or ParseError when no feed is found."""
    check_url(url, parse_allowed(settings.polling.allow_private))
    async with _Reader(settings) as reader:
        outcome = await reader.fetch(url)
        try:
            return Look(outcome.url, await reader.parse(outcome))
        except ParseError as error:
            choices = await reader.choices(outcome)
            if not choices:
                raise ParseError(f"{url}: {error}; no feed was found from there either") from error
            return Look(outcome.url, None, choices)


async def read_saved(path: Path, url: str) -> ParsedFeed:
    """What saved bytes would yield, had they come from ``url``. Raises ParseError, UsageError."""
    try:
        body = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    async with ParserPool(1) as parsers:
        return await parsers.parse("feed", body, url=url)


class _Reader:
    """A client, a fetcher and a parser for a command that looks at few addresses."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = HttpClient(
            ClientSettings(USER_AGENT, allow_private=settings.polling.allow_private)
        )
        self._parsers = ParserPool(1)

    async def __aenter__(self) -> _Reader:
        await self._client.__aenter__()
        self._fetcher = Fetcher(self._client, fetch_settings(self._settings))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parsers.close()
        await self._client.__aexit__(None, None, None)

    async def fetch(self, url: str) -> Fetched:
        """The body at ``url``. Raises FetchError."""
        outcome = await self._fetcher.fetch(FetchRequest(0, url))
        if isinstance(outcome, Fetched):
            return outcome
        if isinstance(outcome, Failed):
            raise FetchError(outcome.kind, f"{url}: {outcome.message}", status=outcome.status)
        raise ParseError(f"{url}: the server says that nothing has changed, to a first request")

    async def parse(self, outcome: Fetched) -> ParsedFeed:
        """The feed in a body. Raises ParseError."""
        return await self._parsers.parse(
            "feed",
            outcome.body,
            url=outcome.url,
            content_type=outcome.content_type,
            charset=outcome.charset,
        )

    async def choices(self, page: Fetched) -> tuple[discover.Candidate, ...]:
        """The feeds that a page names; else those found at the usual places of its site."""
        named = discover.from_page(page.body, page.url, page.charset)
        if named:
            return tuple(named)
        found = []
        for url in discover.well_known(page.url):
            try:
                feed = await self.parse(await self.fetch(url))
            except (FetchError, ParseError):
                continue
            found.append(discover.Candidate(url, feed.title, feed.format))
        return tuple(found)


def add(settings: Settings, new: Sequence[NewSource]) -> int:
    """Store sources; how many were not known yet. Raises FetchError for a refused address."""
    allowed = parse_allowed(settings.polling.allow_private)
    for item in new:
        check_url(item.url, allowed)
    database = open_database(settings)
    return database.run(lambda connection: sources.add_many(connection, new, utc_now()))


def list_all(settings: Settings) -> list[RowMapping]:
    """Every source."""
    with open_database(settings).read() as connection:
        return sources.list_all(connection)


def remove(settings: Settings, key: str) -> tuple[str, int]:
    """Delete a source by number, name or address; its name and how many entries went."""
    database = open_database(settings)
    with database.write() as connection:
        row = sources.find(connection, key)
        return row["name"], sources.remove(connection, row["id"])


def set_state(settings: Settings, key: str, state: SourceState) -> str:
    """Pause or resume a source; its name."""
    database = open_database(settings)
    with database.write() as connection:
        row = sources.find(connection, key)
        sources.set_state(connection, row["id"], state, utc_now())
        return str(row["name"])


def portals() -> tuple[CatalogueEntry, ...]:
    """The bundled catalogue."""
    return catalogue.bundled()


def add_catalogue(settings: Settings, wanted: Sequence[str] | None = None) -> int:
    """Add portals of the catalogue: those that are on, or the ``wanted`` addresses."""
    chosen = [
        portal
        for portal in portals()
        if (portal.url in wanted if wanted is not None else portal.on)
    ]
    if wanted is not None and len(chosen) < len(set(wanted)):
        missing = set(wanted) - {portal.url for portal in chosen}
        raise UsageError(f"the catalogue has no {min(missing)!r}: see 'feeds catalogue'")
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
            )
            for portal in chosen
        ],
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """What one try of an address gave; ``entries`` is None when it failed."""

    name: str
    url: str
    entries: int | None
    message: str


async def check(settings: Settings, wanted: Sequence[tuple[str, str]]) -> list[Checked]:
    """Try each ``(name, url)`` once, politely, and say how it went, in the order given."""
    results: dict[int, Checked] = {}
    async with _Reader(settings) as reader:
        for start in range(0, len(wanted), CHECKED_AT_ONCE):
            part = wanted[start : start + CHECKED_AT_ONCE]
            requests = [FetchRequest(start + at, url) for at, (_, url) in enumerate(part)]
            while requests:
                async with aclosing(reader._fetcher.fetch_all(requests)) as outcomes:
                    async for outcome in outcomes:
                        name, url = wanted[outcome.source_id]
                        results[outcome.source_id] = await _judge(reader, name, url, outcome)
                requests = [item for item in requests if item.source_id not in results]
    return [results[number] for number in sorted(results)]


async def _judge(reader: _Reader, name: str, url: str, outcome: Outcome) -> Checked:
    if isinstance(outcome, Failed):
        return Checked(name, url, None, f"{outcome.kind}: {outcome.message}")
    if not isinstance(outcome, Fetched):
        return Checked(name, url, 0, "not modified")
    try:
        feed = await reader.parse(outcome)
    except ParseError as error:
        return Checked(name, url, None, str(error))
    moved = f"; moved to {outcome.permanent_url}" if outcome.permanent_url else ""
    return Checked(name, url, len(feed.entries), f"{feed.format}{moved}")


async def internet_is_reachable() -> bool:
    """Whether one of the first portals of the catalogue takes a connection."""

    async def connect(host: str) -> bool:
        try:
            async with asyncio.timeout(REACHABLE_S):
                _, writer = await asyncio.open_connection(host, 443)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    hosts = dict.fromkeys(urlsplit(portal.url).hostname or "" for portal in portals() if portal.on)
    tries = [asyncio.create_task(connect(host)) for host in list(hosts)[:3]]
    answers: list[Any] = await asyncio.gather(*tries, return_exceptions=True)
    return any(answer is True for answer in answers)


def import_opml(
    settings: Settings, path: Path, every_s: float | None
) -> tuple[int, int, list[str]]:
    """Add the sources of an OPML file: how many are new, how many it has, and its problems."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    document = opml.read_opml(body)
    outlines = document.sources()
    problems = list(document.problems)
    allowed = parse_allowed(settings.polling.allow_private)
    new = []
    for outline in outlines:
        try:
            check_url(outline.url, allowed)
        except FetchError as error:
            problems.append(f"{outline.url}: left out: {error}")
            continue
        new.append(
            NewSource(
                outline.url,
                name=outline.title,
                labels=outline.labels,
                interval_s=every_s or settings.polling.interval_s,
                options={
                    "opml": {"html_url": outline.html_url, "attributes": dict(outline.attributes)}
                },
            )
        )
    return add(settings, new), len(outlines), problems


def export_opml(settings: Settings) -> bytes:
    """Every source as OPML; labels become folders, attributes that came in go out."""
    outlines = []
    for row in list_all(settings):
        kept = row["options"].get("opml", {})
        outlines.append(
            opml.OpmlSource(
                url=row["url"],
                title=row["name"],
                html_url=kept.get("html_url", ""),
                labels=tuple(row["labels"]),
                attributes=kept.get("attributes", {}),
            )
        )
    head = {"title": "Headline Monitor", "dateCreated": format_datetime(utc_now())}
    return opml.write_opml(opml.from_sources(outlines, head))
