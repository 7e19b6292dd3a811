"""What an address or a saved document yields: a feed, or the feeds that a page points to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monitor.actions.opening import check_address
from monitor.addresses import parse_allowed
from monitor.client import ClientSettings, HttpClient
from monitor.config import Settings
from monitor.errors import FetchError, ParseError, UsageError
from monitor.fetch import Fetcher, FetchSettings
from monitor.service import USER_AGENT, fetch_settings
from monitor.sources import discover
from monitor.sources.budget import ParserPool
from monitor.types import Failed, Fetched, FetchRequest, Outcome, ParsedFeed


@dataclass(frozen=True, slots=True)
class Look:
    """What an address gave: a feed, or else the feeds that its page points to."""

    url: str
    feed: ParsedFeed | None
    choices: tuple[discover.Candidate, ...] = ()


async def look(settings: Settings, url: str) -> Look:
    """Fetch an address and read it.

    Raises UsageError for a refused address, FetchError, or ParseError when no feed is found.
    """
    check_address(url, parse_allowed(settings.polling.allow_private))
    async with Reader(settings) as reader:
        outcome = await reader.fetch(url)
        try:
            return Look(outcome.url, await reader.parse(outcome))
        except ParseError as error:
            choices = await reader.choices(outcome)
            if not choices:
                raise ParseError(
                    f"{url}: {error}; the page names no feed, and its site has none at the "
                    "usual places: give the feed's own address"
                ) from error
            return Look(outcome.url, None, choices)


async def read_saved(path: Path, url: str) -> ParsedFeed:
    """What saved bytes would yield, had they come from ``url``. Raises ParseError, UsageError."""
    try:
        body = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    async with ParserPool(1) as parsers:
        try:
            return (await parsers.parse("feed", body, url=url)).feed
        except ParseError as error:
            raise ParseError(f"{path}: {error}") from error


class Reader:
    """A client, a fetcher and a parser for a command that looks at few addresses."""

    def __init__(self, settings: Settings, fetching: FetchSettings | None = None) -> None:
        self._fetching = fetching or fetch_settings(settings)
        self._client = HttpClient(
            ClientSettings(USER_AGENT, allow_private=settings.polling.allow_private)
        )
        self._parsers = ParserPool(1)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        self._fetcher = Fetcher(self._client, self._fetching)
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

    def fetch_all(self, requests: Sequence[FetchRequest]) -> AsyncGenerator[Outcome, None]:
        """Outcomes as they arrive; those of crowded hosts may be missing."""
        return self._fetcher.fetch_all(requests)

    async def parse(self, outcome: Fetched) -> ParsedFeed:
        """The feed in a body. Raises ParseError."""
        document = await self._parsers.parse(
            "feed",
            outcome.body,
            url=outcome.url,
            content_type=outcome.content_type,
            charset=outcome.charset,
        )
        return document.feed

    async def choices(self, page: Fetched) -> tuple[discover.Candidate, ...]:
        """The feeds that a page names; else the first found at the usual places of its site."""
        named = discover.from_page(page.body, page.url, page.charset)
        if named:
            return tuple(named)
        for url in discover.well_known(page.url):
            try:
                feed = await self.parse(await self.fetch(url))
            except (FetchError, ParseError):
                continue
            return (discover.Candidate(url, feed.title, feed.format),)
        return ()
