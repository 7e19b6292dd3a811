"""What an address or a saved document yields: a feed, a portal's page, a hot list, or the feeds
that a page points to; for want of any, the headlines that a page seems to have."""

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
from monitor.robots import Robots
from monitor.service import USER_AGENT, browser_of, fetch_settings, utc_now
from monitor.sources import discover
from monitor.sources.budget import ParserPool
from monitor.types import Failed, Fetched, FetchRequest, Outcome, ParsedFeed

FEWEST_GUESSED = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What an address gave: entries, or else the feeds that its page points to.

    ``guessed``: no adapter knows the page and it names no feed; ``feed`` is what it seems to
    hold.
    """

    url: str
    feed: ParsedFeed | None
    choices: tuple[discover.Candidate, ...] = ()
    guessed: bool = False


async def look(settings: Settings, url: str, selector: str = "", *, render: bool = False) -> Look:
    """Fetch an address and read it; ``selector`` (CSS) reads it as a page, by that alone.

    ``render``: a browser draws it first, and what it draws is a page.
    Raises UsageError for a refused address, FetchError, or ParseError when nothing is found.
    """
    check_address(url, parse_allowed(settings.polling.allow_private))
    async with Reader(settings) as reader:
        outcome = await reader.fetch(url, render=render)
        try:
            return Look(outcome.url, await reader.parse(outcome, selector))
        except ParseError as error:
            if selector:
                raise
            choices = () if render else await reader.choices(outcome)
            if choices:
                return Look(outcome.url, None, choices)
            guessed = await reader.guess(outcome)
            if guessed and len(guessed.entries) >= FEWEST_GUESSED:
                return Look(outcome.url, guessed, guessed=True)
            seen = "; ".join(guessed.problems) if guessed and not guessed.entries else ""
            raise ParseError(
                f"{url}: {seen or error}; the page names no feed, its site has none at the "
                "usual places, and no list of headlines is seen on it: give the feed's own "
                "address, or --selector with the CSS of its headlines"
            ) from error


async def objection(settings: Settings, url: str) -> str:
    """Why polls will not read the page at ``url``, by its server's robots.txt; empty: they will."""
    allow = settings.polling.allow_private
    if not settings.polling.robots:
        return ""
    async with HttpClient(ClientSettings(USER_AGENT, allow_private=allow)) as client:
        try:
            await Robots(client, USER_AGENT, utc_now).check(url)
        except FetchError as error:
            return str(error)
    return ""


async def read_saved(settings: Settings, path: Path, url: str, selector: str = "") -> ParsedFeed:
    """What saved bytes would yield, had they come from ``url``. Raises ParseError, UsageError."""
    try:
        body = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    options = {"selector": selector, "guess": True}
    async with ParserPool(1, portals=settings.sources.portals) as parsers:
        try:
            return (await parsers.parse("auto", body, url=url, options=options)).feed
        except ParseError as error:
            raise ParseError(f"{path}: {error}") from error


class Reader:
    """A client, a fetcher and a parser for a command that looks at few addresses."""

    def __init__(self, settings: Settings, fetching: FetchSettings | None = None) -> None:
        self._fetching = fetching or fetch_settings(settings)
        self._client = HttpClient(
            ClientSettings(USER_AGENT, allow_private=settings.polling.allow_private)
        )
        self._parsers = ParserPool(1, portals=settings.sources.portals)
        self._browser = browser_of(settings.polling)
        asked = settings.polling.robots
        self._robots = Robots(self._client, USER_AGENT, utc_now) if asked else None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        self._fetcher = Fetcher(
            self._client, self._fetching, robots=self._robots, browser=self._browser
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parsers.close()
        await self._client.__aexit__(None, None, None)

    async def fetch(self, url: str, *, render: bool = False) -> Fetched:
        """The body at ``url``. Raises FetchError."""
        outcome = await self._fetcher.fetch(FetchRequest(0, url, render=render))
        if isinstance(outcome, Fetched):
            return outcome
        if isinstance(outcome, Failed):
            raise FetchError(outcome.kind, f"{url}: {outcome.message}", status=outcome.status)
        raise ParseError(f"{url}: the server says that nothing has changed, to a first request")

    def fetch_all(self, requests: Sequence[FetchRequest]) -> AsyncGenerator[Outcome, None]:
        """Outcomes as they arrive; those of crowded hosts may be missing."""
        return self._fetcher.fetch_all(requests)

    async def parse(
        self, outcome: Fetched, selector: str = "", *, guess: bool = False, hotlist: str = ""
    ) -> ParsedFeed:
        """What a body holds. Raises ParseError."""
        document = await self._parsers.parse(
            "auto",
            outcome.body,
            url=outcome.url,
            content_type=outcome.content_type,
            charset=outcome.charset,
            options={"selector": selector, "guess": guess, "hotlist": hotlist},
        )
        return document.feed

    async def guess(self, page: Fetched) -> ParsedFeed | None:
        """What a page without feed and adapter seems to hold; None when it is no page."""
        try:
            return await self.parse(page, guess=True)
        except ParseError:
            return None

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
