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
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.engine import RowMapping
from yarl import URL

from monitor.client import HttpClient, Limits, Response
from monitor.errors import FetchError, StorageError
from monitor.schedule import backoff_s
from monitor.storage import Database, subscriptions
from monitor.telemetry import logger

log = logger("websub")
PATH = "/websub/"
LEASE_S = 10 * 86_400  # what is asked for; hubs decide
LEAST_LEASE_S, MOST_LEASE_S = 60, 30 * 86_400
RENEW_AFTER = 0.8  # of a lease
VERIFY_S = 3_600.0  # a hub that has not verified by then is asked again
RETRY_S = 600.0
AGAIN_AFTER_DENIAL = timedelta(days=7)
AT_ONCE = 50
_LIMITS = Limits(connect_s=10.0, total_s=15.0, max_bytes=64 * 1024, cut_body=True)
_HOPS = 3
_LONGEST_CHALLENGE = 4_096
_MOST_BYTES = 15 * 1024 * 1024
_READ_S = 30.0
_READERS = 8
_DIGESTS = frozenset({"sha1", "sha256", "sha384", "sha512"})


class WebSub:
    """Asks hubs for subscriptions, and answers what they send to ``public_url``."""

    def __init__(
        self,
        database: Database,
        client: HttpClient,
        public_url: str,
        now: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._database = database
        self._client = client
        self._public = public_url.rstrip("/")
        self._now = now
        self._rng = rng
        self._readers = asyncio.Semaphore(_READERS)

    # asking

    async def ask_due(self) -> None:
        """Ask each hub whose subscription is new, runs out, or was refused some time ago."""
        now = self._now()
        rows = await asyncio.to_thread(
            self._database.look, lambda connection: subscriptions.due(connection, now, AT_ONCE)
        )
        for row in rows:
            await self._ask(row)

    async def _ask(self, row: RowMapping) -> None:
        # Before it is asked: a hub may verify before it answers, and we may be killed here.
        state = row["state"] if row["state"] == subscriptions.ACTIVE else subscriptions.ASKED
        await self._change(row, state=state, next_at=self._after(VERIFY_S))
        try:
            response = await self._post(row)
        except FetchError as error:
            return await self._refused(row, str(error))
        if not 200 <= response.status < 300:
            return await self._refused(row, f"the hub answered {response.status}")
        return None

    async def _post(self, row: RowMapping) -> Response:
        form = {
            "hub.mode": "subscribe",
            "hub.topic": row["topic"],
            "hub.callback": f"{self._public}{PATH}{row['token']}",
            "hub.secret": row["secret"],
            "hub.lease_seconds": str(LEASE_S),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, body = row["hub"], urlencode(form).encode()
        for _ in range(_HOPS):
            response = await self._client.request(
                "POST", url, headers=headers, body=body, limits=_LIMITS
            )
            location = response.headers.get("Location")
            if response.status not in {307, 308} or not location:
                break
            url = str(URL(url).join(URL(location)))
        return response

    async def _refused(self, row: RowMapping, why: str) -> None:
        failures = row["failures"] + 1
        wait_s = backoff_s(failures, RETRY_S, self._rng.random())
        log.warning("hub %s: %s; asked again in %.0f s", row["hub"], why, wait_s)
        await self._change(row, failures=failures, last_error=why, next_at=self._after(wait_s))

    def _after(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    async def _change(self, row: RowMapping, **values: object) -> None:
        source_id = row["source_id"]
        await asyncio.to_thread(
            self._database.run,
            lambda connection: subscriptions.change(connection, source_id, **values),
        )

    # answering

    async def verify(self, request: web.Request) -> web.Response:
        """The hub asks whether the subscription was meant (5.3), or says that it is denied."""
        try:
            row = await self._row(request)
            if row is None:
                return web.Response(status=404)
            return await self._verified(row, request.query.get)
        except StorageError as error:
            log.error("a hub's question could not be answered: %s", error)
            return web.Response(status=503)

    async def _verified(self, row: RowMapping, query: Callable[[str, str], str]) -> web.Response:
        mode, challenge = query("hub.mode", ""), query("hub.challenge", "")
        if query("hub.topic", "") != row["topic"]:
            return web.Response(status=404)
        if mode == "denied":
            why = query("hub.reason", "")[:200] or "no reason given"
            log.warning("hub %s denies %s: %s", row["hub"], row["topic"], why)
            later = self._now() + AGAIN_AFTER_DENIAL
            await self._change(row, state=subscriptions.DENIED, last_error=why, next_at=later)
            return web.Response(status=200)
        waited = row["state"] in {subscriptions.ASKED, subscriptions.ACTIVE}
        if mode != "subscribe" or not waited or not 0 < len(challenge) <= _LONGEST_CHALLENGE:
            return web.Response(status=404)
        lease_s = _lease_s(query("hub.lease_seconds", ""))
        await self._change(
            row,
            state=subscriptions.ACTIVE,
            failures=0,
            last_error=None,
            lease_ends_at=self._after(lease_s),
            next_at=self._after(lease_s * RENEW_AFTER),
        )
        log.info("hub %s pushes %s", row["hub"], row["topic"])
        return web.Response(text=challenge, content_type="text/plain")

    async def receive(self, request: web.Request) -> web.Response:
        """New content (7): its source is due when this is answered. A body whose signature is
        missing or wrong is taken and ignored, as 8 asks."""
        try:
            row = await self._row(request)
            if row is None:
                return web.Response(status=410)
            if self._readers.locked():
                return web.Response(status=503)
            async with self._readers, asyncio.timeout(_READ_S):
                if not await _is_signed(request, row["secret"]):
                    log.warning("a push for %s was not signed by its hub", row["topic"])
                    return web.Response(status=202)
            due = partial(subscriptions.pushed, source_id=row["source_id"], now=self._now())
            await asyncio.to_thread(self._database.run, due)
        except TimeoutError:
            return web.Response(status=408)
        except StorageError as error:
            log.error("a push could not be noted: %s", error)
            return web.Response(status=503)
        return web.Response(status=202)

    async def _row(self, request: web.Request) -> RowMapping | None:
        token = request.match_info["token"]
        return await asyncio.to_thread(
            self._database.look, lambda connection: subscriptions.by_token(connection, token)
        )


def _lease_s(text: str) -> int:
    """What the hub grants; the asked time where it does not say."""
    granted = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else LEASE_S
    return min(max(granted, LEAST_LEASE_S), MOST_LEASE_S)


async def _is_signed(request: web.Request, secret: str) -> bool:
    """Whether X-Hub-Signature is that of the body, which is read to its end and not kept."""
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
    return hmac.compare_digest(digest.hexdigest(), signature.strip().lower())
