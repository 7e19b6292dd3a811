"""The portal that is watched, and the webhook receiver that checks and counts."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from urllib.parse import quote

from standardwebhooks import Webhook, WebhookVerificationError

from tests.httpserver import Exchange, HttpServer, Reply

Moment = Callable[[int], None]


def nothing(_count: int) -> None:
    """What happens at a moment unless a test says otherwise."""


class Portal:
    """Serves growing RSS feeds. Titles are ids; ``reveals`` more of each show at every request.

    ``on_request`` hears the number of each request before it is answered. ``answered`` holds
    every title that was sent in full.
    """

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.on_request: Moment = nothing
        self.reveals = 0
        self.answered: set[str] = set()
        self._feeds: dict[str, list[str]] = {}
        self._shown: dict[str, int] = {}
        self._lock = threading.Lock()
        self._count = 0

    def add(self, path: str, *titles: str, shown: int | None = None) -> str:
        """A feed with ``titles``, of which the first ``shown`` are to be seen; its address."""
        self._feeds[path] = list(titles)
        self._shown[path] = len(titles) if shown is None else shown
        self.server.route(path, self._answer)
        return self.server.url(path)

    def publish(self, path: str, *titles: str) -> None:
        """More headlines."""
        with self._lock:
            self._feeds[path] += titles
            self._shown[path] = len(self._feeds[path])

    def replace(self, path: str, *titles: str) -> None:
        """Other headlines instead of those there are."""
        with self._lock:
            self._feeds[path] = list(titles)
            self._shown[path] = len(titles)

    @property
    def titles(self) -> set[str]:
        """All that there is, shown or not."""
        return {title for titles in self._feeds.values() for title in titles}

    def asked(self, path: str) -> int:
        return self.server.count(path)

    async def _answer(self, exchange: Exchange) -> None:
        path = exchange.request.path
        with self._lock:
            self._count += 1
            count = self._count
            self._shown[path] += self.reveals
            titles = self._feeds[path][: self._shown[path]]
        self.on_request(count)
        body = rss(path, titles)
        etag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
        if exchange.request.headers.get("if-none-match") == etag:
            await exchange.send(Reply(304))
        else:
            await exchange.send(Reply(body=body, headers={"ETag": etag}))
        self.answered.update(titles)


def rss(path: str, titles: list[str]) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>http://news.example{path}/{quote(title)}</link>"
        f'<guid isPermaLink="false">{path}-{at}</guid></item>'
        for at, title in enumerate(titles)
    )
    text = f'<rss version="2.0"><channel><title>{path}</title>{items}</channel></rss>'
    return text.encode()


class Hooks:
    """Takes webhooks; ``ids`` in the order of arrival, ``titles`` by id.

    ``flaky`` refuses the first attempt of half of the messages; ``failed`` are their ids.
    ``on_arrival`` hears the number of each before it is answered, ``on_answered`` after.
    """

    def __init__(self, server: HttpServer, secret: str) -> None:
        self.ids: list[str] = []
        self.titles: dict[str, str] = {}
        self.refused: list[str] = []
        self.status = 200
        self.delay_s = 0.0
        self.flaky = False
        self.failed: set[str] = set()
        self.on_arrival: Moment = nothing
        self.on_answered: Moment = nothing
        self._key = Webhook(secret)
        self.server = server
        server.route("/hook", self._take)

    @property
    def url(self) -> str:
        return self.server.url("/hook")

    @property
    def repeated(self) -> int:
        """How many arrivals were not the first of their id."""
        return len(self.ids) - len(set(self.ids))

    @property
    def by_title(self) -> Counter[str]:
        """Under how many ids each title came."""
        return Counter(self.titles.values())

    async def _take(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            document = self._key.verify(request.body, dict(request.headers))
        except WebhookVerificationError as error:
            self.refused.append(str(error))
            await exchange.send(Reply(401))
            return
        if self.status != 200:
            await exchange.send(Reply(self.status))
            return
        number = request.headers["webhook-id"]
        assert document["id"] == number
        if self.flaky and number not in self.failed and int(number[-1], 16) % 2:
            self.failed.add(number)
            await exchange.send(Reply(503))
            return
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        self.ids.append(number)
        self.titles[number] = document["data"]["entries"][0]["title"]
        count = len(self.ids)
        self.on_arrival(count)
        await exchange.send(Reply(200, b"ok"))
        self.on_answered(count)
