"""WebSub (W3C Recommendation, 23 January 2018): hubs tell of new entries as they appear.

A push is a reason to look at once, no more: its source becomes due, and the next poll reads the
feed whole, as always. So a push is never a second way for entries to come in, a lost or forged
one costs nothing but time or a request, and polling goes on whatever the hub does.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from aiohttp import ClientError, web
from sqlalchemy.engine import Connection, RowMapping
from yarl import URL

from monitor.addresses import parse_allowed, safe_url
from monitor.client import HttpClient, Limits, Response
from monitor.errors import FetchError, StorageError
from monitor.redirects import next_hop
from monitor.schedule import backoff_s
from monitor.storage import Database, subscriptions
from monitor.telemetry import logger
from monitor.text import clean_title, without_secrets
from monitor.types import FailureKind

log = logger("websub")
PATH = "/websub/"
LEASE_S = 10 * 86_400  # what is asked for; hubs decide
LEAST_LEASE_S = 60
MOST_LEASE_S = int(subscriptions.LONGEST_LEASE.total_seconds())
RENEW_AFTER = 0.8  # of a lease
VERIFY_S = 3_600.0  # a hub that has not verified by then is asked again
RETRY_S = 600.0
PAUSE_S = 60.0  # for other hubs of a host that did not answer
BATCH = 50
HOSTS_AT_ONCE = 8
_TURN_S = 30.0  # of one host; others wait for the end of a turn
_LIMITS = Limits(connect_s=10.0, total_s=15.0, max_bytes=64 * 1024, cut_body=True)
_HOPS = 3
_SILENT = frozenset(kind for kind in FailureKind if kind.is_network)
_LONGEST_CHALLENGE = 4_096
_MOST_BYTES = 15 * 1024 * 1024
_READ_S = 30.0
_READERS = 8
_LOOKS = 2  # at the database at once: threads are few, and polls and alerts need them
_MOST_WAITING = 32
_TOKEN = re.compile(r"[\w-]{32}", re.ASCII)
_DIGESTS = frozenset({"sha1", "sha256", "sha384", "sha512"})


Found = TypeVar("Found")
Work = Callable[[Connection], Found]


class WebSub:
    """Asks hubs for subscriptions, and answers what they send to ``public_url``."""

    def __init__(
        self,
        database: Database,
        client: HttpClient,
        public_url: str,
        now: Callable[[], datetime],
        rng: random.Random,
        *,
        read_s: float = _READ_S,
        turn_s: float = _TURN_S,
    ) -> None:
        self._database = database
        self._client = client
        self._public = public_url.rstrip("/")
        self._now = now
        self._rng = rng
        self._read_s, self._turn_s = read_s, turn_s
        self._told = False  # the address to answer at
        self._readers = asyncio.Semaphore(_READERS)
        self._looks = asyncio.Semaphore(_LOOKS)
        self._waiting = 0

    # asking

    async def ask_due(self) -> None:
        """Ask each hub whose subscription is new, runs out, or was refused some time ago:
        several hosts at once, each one at a time. Who is cut short is asked again."""
        now = self._now()
        if not self._told:
            at = partial(subscriptions.answer_at, base=_fingerprint(self._public), now=now)
            await asyncio.to_thread(self._database.run, at)
            self._told = True
        due = partial(subscriptions.due, now=now, limit=BATCH)
        rows = await asyncio.to_thread(self._database.look, due)
        by_host: dict[str, list[RowMapping]] = defaultdict(list)
        for row in rows:
            by_host[_place(row["hub"])].append(row)
        room = asyncio.Semaphore(HOSTS_AT_ONCE)
        turns = (self._ask_host(each, room) for each in by_host.values())
        for result in await asyncio.gather(*turns, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _ask_host(self, rows: Sequence[RowMapping], room: asyncio.Semaphore) -> None:
        clock = asyncio.get_running_loop().time
        async with room:
            hub, silent, ends_at = "", "", clock() + self._turn_s
            for at, row in enumerate(rows):
                if at and clock() >= ends_at:
                    return  # the others are due still, and so may be what waits for this turn
                if not silent:
                    hub, silent = row["hub"], await self._ask(row)
                elif row["hub"] == hub:  # its subscriptions need not wait for an answer each
                    await self._refused(row, silent)
                else:
                    await self._change(row, next_at=self._after(PAUSE_S))

    async def _ask(self, row: RowMapping) -> str:
        """Ask once, and note a refusal. Returns why its host is not to be asked more now."""
        # Before it is asked: a hub may verify before it answers, and we may be killed here.
        state = row["state"] if row["state"] == subscriptions.ACTIVE else subscriptions.ASKED
        put_off = self._after(VERIFY_S)
        try:
            if not await self._change(row, state=state, next_at=put_off):
                return ""
            response = await self._post(row)
        except FetchError as error:
            await self._refused(row, str(error))
            return str(error) if error.kind in _SILENT else ""
        except asyncio.CancelledError:
            await self._change(row, unless_moved=put_off, next_at=self._now())
            raise
        if not 200 <= response.status < 300:
            await self._refused(row, f"the hub answered {response.status}")
        return ""

    async def _post(self, row: RowMapping) -> Response:
        form = {
            "hub.mode": "subscribe",
            "hub.topic": row["topic"],
            "hub.callback": f"{self._public}{PATH}{row['token']}",
            "hub.secret": row["secret"],
            "hub.lease_seconds": str(LEASE_S),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body, allowed = urlencode(form).encode(), parse_allowed(self._client.allow_private)
        visited = [safe_url(row["hub"], allowed)]
        while True:
            response = await self._client.request(
                "POST", str(visited[-1]), headers=headers, body=body, limits=_LIMITS
            )
            location = response.headers.get("Location")
            if response.status not in {307, 308} or not location:
                return response
            visited.append(next_hop(location, visited, _HOPS, allowed))

    async def _refused(self, row: RowMapping, why: str) -> None:
        failures = row["failures"] + 1
        wait_s = backoff_s(failures, RETRY_S, self._rng.random())
        hub, why = without_secrets(row["hub"]), without_secrets(why)
        at = self._after(wait_s)
        if await self._change(row, failures=failures, last_error=why, next_at=at):
            log.warning("hub %s: %s; asked again in %.0f s", hub, why, wait_s)

    def _after(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    async def _change(self, row: RowMapping, **values: Any) -> bool:
        """Whether the row was there to change: a feed that names another hub replaces it."""
        change = partial(subscriptions.change, token=row["token"], **values)
        return await asyncio.to_thread(self._database.run, change)

    # answering

    async def verify(self, request: web.Request) -> web.Response:
        """The hub asks whether the subscription was meant (5.3), or says that it is denied."""
        try:
            row = await self._row(request)
            if row is None:
                return web.Response(status=404)
            return await self._verified(row, request.query.get)
        except _Crowded:
            return _later()
        except StorageError as error:
            log.error("a hub's question could not be answered: %s", error)
            return _later()

    async def _verified(self, row: RowMapping, query: Callable[[str, str], str]) -> web.Response:
        mode, challenge = query("hub.mode", ""), query("hub.challenge", "")
        if query("hub.topic", "") != row["topic"]:
            return web.Response(status=404)
        if mode == "denied":
            why = without_secrets(clean_title(query("hub.reason", ""), 200)[0]) or "no reason given"
            later = self._now() + subscriptions.AGAIN_AFTER_DENIAL
            log.warning("hub %s denies %s: %s", *_shown(row), why)
            await self._note(row, state=subscriptions.DENIED, last_error=why, next_at=later)
            return web.Response(status=200)
        waited = row["state"] in {subscriptions.ASKED, subscriptions.ACTIVE}
        if mode != "subscribe" or not waited or not 0 < len(challenge) <= _LONGEST_CHALLENGE:
            return web.Response(status=404)
        lease_s = _lease_s(query("hub.lease_seconds", ""))
        if not await self._note(
            row,
            state=subscriptions.ACTIVE,
            failures=0,
            last_error=None,
            lease_ends_at=self._after(lease_s),
            next_at=self._after(lease_s * RENEW_AFTER),
        ):
            return web.Response(status=404)
        log.info("hub %s pushes %s", *_shown(row))
        return web.Response(text=challenge, content_type="text/plain")

    async def receive(self, request: web.Request) -> web.Response:
        """New content (7): its source is due when this is answered. A body whose signature is
        missing or wrong is taken and ignored, as 8 asks; one that breaks off is, too."""
        try:
            return await self._received(request)
        except TimeoutError:
            return web.Response(status=408)
        except (ClientError, ConnectionError, web.RequestPayloadError) as error:
            log.warning("a push broke off: %s", type(error).__name__)
            return web.Response(status=400)
        except _Crowded:
            return _later()
        except StorageError as error:
            log.error("a push could not be noted: %s", error)
            return _later()

    async def _received(self, request: web.Request) -> web.Response:
        row = await self._row(request)
        if row is None:
            return web.Response(status=410)
        if self._readers.locked():
            return _later()
        async with self._readers, asyncio.timeout(self._read_s):
            signed = await _is_signed(request, row["secret"])
        if signed:
            await self._push(row["token"])
        else:
            log.warning("a push for %s was not signed by its hub", _shown(row)[1])
        return web.Response(status=202)

    async def _push(self, token: str) -> None:
        """Note it; not once more while the last is fresh, since hubs may send many at once."""
        now = self._now()
        is_noted = partial(subscriptions.is_noted, token=token, now=now)
        if not await self._asked(self._database.look, is_noted):
            pushed = partial(subscriptions.pushed, token=token, now=now)
            await self._asked(self._database.run, pushed)

    async def _row(self, request: web.Request) -> RowMapping | None:
        token = request.match_info["token"]
        if not _TOKEN.fullmatch(token):
            return None
        return await self._asked(self._database.look, partial(subscriptions.by_token, token=token))

    async def _note(self, row: RowMapping, **values: Any) -> bool:
        change = partial(subscriptions.change, token=row["token"], **values)
        return await self._asked(self._database.run, change)

    async def _asked(self, way: Callable[[Work[Found]], Found], work: Work[Found]) -> Found:
        """Work on the database for who asks from outside: a little at once, or _Crowded."""
        if self._waiting >= _MOST_WAITING:
            raise _Crowded
        self._waiting += 1
        try:
            async with self._looks:
                return await asyncio.to_thread(way, work)
        finally:
            self._waiting -= 1


class _Crowded(Exception):
    """More want an answer than can be given soon."""


def _later() -> web.Response:
    return web.Response(status=503, headers={"Retry-After": "10"})


def _place(hub: str) -> str:
    """Host and port."""
    try:
        return URL(hub).host_port_subcomponent or ""
    except ValueError:
        return ""


def _fingerprint(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def _shown(row: RowMapping) -> tuple[str, str]:
    """Hub and topic as logs may show them."""
    return without_secrets(row["hub"]), without_secrets(row["topic"])


def _lease_s(text: str) -> int:
    """What the hub grants; the asked time where it does not say."""
    granted = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else LEASE_S
    return min(max(granted, LEAST_LEASE_S), MOST_LEASE_S)


async def _is_signed(request: web.Request, secret: str) -> bool:
    """Whether X-Hub-Signature is that of the body as sent, which is read to its end, neither
    unpacked nor kept."""
    method, _, signature = request.headers.get("X-Hub-Signature", "").partition("=")
    if method.lower() not in _DIGESTS:
        return False
    digest = hmac.new(secret.encode(), digestmod=getattr(hashlib, method.lower()))
    size = 0
    async for data in request.content.iter_chunked(65_536):
        size += len(data)
        if size > _MOST_BYTES:
            return False
        digest.update(data)
    said = signature.strip().lower().encode(errors="replace")
    return hmac.compare_digest(digest.hexdigest().encode(), said)
