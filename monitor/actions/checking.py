"""Many addresses tried once each, politely, and without waiting for what is plainly dead."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import urlsplit

from monitor.actions.looking import Reader
from monitor.config import Settings
from monitor.errors import ParseError
from monitor.queues import host_key
from monitor.reach import looks_like_our_network_is_down
from monitor.service import fetch_settings
from monitor.sources import catalogue
from monitor.sources.cataloguepatch import Finding, diff, rewritten
from monitor.types import Failed, FailureKind, Fetched, FetchRequest, Outcome

# With these, 300 hosts that take connections and never answer are through in a minute.
CONCURRENCY = 128
TIMEOUT_S = 20.0
CONNECT_S = 8.0
AT_ONCE = 200
PROBES = 24  # hosts asked first, to see whether this machine reaches anything
REACHABLE_S = 3.0
OFFLINE = "not tried: no host answers; is this machine online?"


@dataclass(frozen=True, slots=True)
class Checked:
    """What one try of an address gave; ``entries`` is None when it failed.

    ``gone``: the server says that there is nothing. ``moved``: where it sends us for good.
    """

    name: str
    url: str
    entries: int | None
    message: str
    gone: bool = False
    moved: str = ""


@dataclass(slots=True)
class _Round:
    """What was asked for, and what is known so far, by place in the list."""

    wanted: Sequence[tuple[str, str]]
    pages: Mapping[str, Mapping[str, object]]
    lists: Mapping[str, str]
    results: dict[int, Checked] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)  # host -> why

    def request(self, place: int) -> FetchRequest:
        """As a poll would ask: robots.txt counts for pages alone."""
        url = self.wanted[place][1]
        render = self.pages.get(url, {}).get("render") is True
        return FetchRequest(place, url, robots=url in self.pages, render=render)

    def refuse(self, places: Iterable[int], reason: str) -> None:
        for place in places:
            name, url = self.wanted[place]
            self.results[place] = Checked(name, url, None, reason)


async def check(
    settings: Settings,
    wanted: Sequence[tuple[str, str]],
    pages: Mapping[str, Mapping[str, object]] | None = None,
    lists: Mapping[str, str] | None = None,
) -> list[Checked]:
    """Try each ``(name, url)`` once and say how it went, in the order given.

    ``pages`` has the options of those addresses that are watched as pages, ``lists`` the
    adapters of those that are hot lists.

    One address of each host comes first: a host that cannot be reached is not asked again,
    and when none of the first hosts answers, the others are not tried.
    """
    by_host: dict[str, list[int]] = {}
    for place, (_, url) in enumerate(wanted):
        by_host.setdefault(host_key(url), []).append(place)
    firsts = [places[0] for places in by_host.values()]
    rest = [place for places in by_host.values() for place in places[1:]]
    state = _Round(wanted, pages or {}, lists or {})
    fetching = replace(
        fetch_settings(settings),
        concurrency=CONCURRENCY,
        timeout_s=min(TIMEOUT_S, settings.polling.timeout_s),
        connect_timeout_s=min(CONNECT_S, settings.polling.connect_timeout_s),
    )
    async with Reader(settings, fetching) as reader:
        probed = await _try(reader, state, firsts[:PROBES])
        if looks_like_our_network_is_down(probed):
            state.refuse((*firsts[PROBES:], *rest), OFFLINE)
        else:
            await _try(reader, state, firsts[PROBES:])
            await _try(reader, state, _answering(state, rest))
    return [state.results[place] for place in sorted(state.results)]


def _answering(state: _Round, places: Sequence[int]) -> list[int]:
    """Those of ``places`` whose host answered; the others are settled with its reason."""
    alive = []
    for place in places:
        reason = state.dead.get(host_key(state.wanted[place][1]))
        if reason is None:
            alive.append(place)
        else:
            state.refuse([place], f"not tried: its host failed before: {reason}")
    return alive


async def _try(reader: Reader, state: _Round, places: Sequence[int]) -> list[Outcome]:
    """Ask for every one of ``places``, a crowded host's in as many rounds as it takes."""
    found: list[Outcome] = []
    for start in range(0, len(places), AT_ONCE):
        open_ = list(places[start : start + AT_ONCE])
        while open_:
            requests = [state.request(place) for place in open_]
            async with aclosing(reader.fetch_all(requests)) as outcomes:
                async for outcome in outcomes:
                    name, url = state.wanted[outcome.source_id]
                    if isinstance(outcome, Failed) and outcome.kind.is_network:
                        state.dead[host_key(url)] = str(outcome.kind)
                    state.results[outcome.source_id] = await _judge(
                        reader, name, url, outcome, state
                    )
                    found.append(replace(outcome, body=b"")
                                 if isinstance(outcome, Fetched) else outcome)  # fmt: skip
            open_ = [place for place in open_ if place not in state.results]
    return found


async def _judge(reader: Reader, name: str, url: str, outcome: Outcome, state: _Round) -> Checked:
    if isinstance(outcome, Failed):
        gone = outcome.kind is FailureKind.GONE or outcome.status == 404
        return Checked(name, url, None, f"{outcome.kind}: {outcome.message}", gone)
    if not isinstance(outcome, Fetched):
        return Checked(name, url, 0, "not modified")
    try:
        selector = str(state.pages.get(url, {}).get("selector", ""))
        feed = await reader.parse(
            outcome, selector, guess=url in state.pages, hotlist=state.lists.get(url, "")
        )
    except ParseError as error:
        return Checked(name, url, None, f"parse: {error}")
    moved = f"; moved to {outcome.permanent_url}" if outcome.permanent_url else ""
    return Checked(
        name, url, len(feed.entries), f"{feed.format}{moved}", moved=outcome.permanent_url or ""
    )


def patch(results: Iterable[Checked], today: date) -> str:
    """A patch of the bundled catalogue with what a check of it found; empty: nothing new."""
    findings = [
        Finding(item.url, item.gone, item.moved) for item in results if item.gone or item.entries
    ]
    before = catalogue.BUNDLED.read_text(encoding="utf-8")
    return diff(before, rewritten(before, findings, today))


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

    portals = [portal for portal in catalogue.bundled() if portal.on]
    hosts = dict.fromkeys(urlsplit(portal.url).hostname or "" for portal in portals)
    tries = [asyncio.create_task(connect(host)) for host in list(hosts)[:3]]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    return any(answer is True for answer in answers)
