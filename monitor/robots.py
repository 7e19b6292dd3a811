"""What a server's robots.txt allows (RFC 9309), asked for the pages that are watched.

Feeds and hot lists are made for programs and are not asked about, as feed readers do.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from protego import Protego
from yarl import URL

from monitor.client import DEFAULT_LIMITS, HttpClient
from monitor.errors import FetchError
from monitor.types import FailureKind

KEPT = timedelta(days=1)
HOSTS = 2_000
# RFC 9309 asks for at least so much; what is beyond is not read.
MAX_BYTES = 500 * 1024
LIMITS = replace(DEFAULT_LIMITS, total_s=15.0, max_bytes=4 * MAX_BYTES)


@dataclass(frozen=True, slots=True)
class _Known:
    """``rules`` None: everything is allowed."""

    rules: Protego | None
    read_at: datetime


class Robots:
    """The files of the servers that were asked, each kept for a day."""

    def __init__(self, client: HttpClient, agent: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._agent = agent.partition("/")[0]
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def check(self, url: str) -> None:
        """Raises FetchError where ``url`` is not to be asked for, or where that is not known."""
        try:
            origin = str(URL(url).origin())
        except ValueError:
            return  # no address: whoever asks for it will say so
        known = self._known.get(origin)
        if known is None or abs(self._now() - known.read_at) >= KEPT:
            known = await self._read(origin, known)
            self._known[origin] = known
            self._known.move_to_end(origin)
            while len(self._known) > HOSTS:
                self._known.popitem(last=False)
        if known.rules is not None and not known.rules.can_fetch(url, self._agent):
            raise FetchError(
                FailureKind.ROBOTS,
                f"{origin}/robots.txt asks {self._agent} not to read this page; "
                "robots = false in [polling] reads it all the same",
            )

    async def _read(self, origin: str, before: _Known | None) -> _Known:
        """The file as it is now; what was known ``before`` holds while the server is in trouble.

        Raises FetchError, of a kind that tells our network from the server's: nothing may be
        read then.
        """
        try:
            response = await self._client.get(f"{origin}/robots.txt", limits=LIMITS)
        except FetchError as error:
            if before is not None:
                return before
            raise FetchError(
                error.kind if error.kind.is_network else FailureKind.ROBOTS,
                f"{origin}/robots.txt could not be read: {error}",
            ) from error
        if response.status >= 500 or response.status == 429:
            if before is not None:
                return before
            raise FetchError(
                FailureKind.ROBOTS,
                f"{origin}/robots.txt answered {response.status}: its pages wait until it is there",
                status=response.status,
            )
        if response.status >= 400:
            return _Known(None, self._now())
        text = response.body[:MAX_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        return _Known(await asyncio.to_thread(Protego.parse, text), self._now())
