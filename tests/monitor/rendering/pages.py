"""Pages of a local server, drawn; and the processes that draw them, as seen from outside."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

import psutil
import pytest

from monitor.errors import FetchError
from monitor.exchange import DEFAULT_LIMITS, Limits, Response
from monitor.rendering import family
from monitor.rendering.bounds import Bounds
from monitor.rendering.browser import Browser
from tests.httpserver import HttpServer, Reply

HTML = {"Content-Type": "text/html; charset=utf-8"}
QUICK = replace(DEFAULT_LIMITS, total_s=20.0)


def page(server: HttpServer, body: str, path: str = "/") -> None:
    server.route(path, Reply(body=body.encode(), headers=HTML))


def draw(
    server: HttpServer,
    url: str = "",
    *,
    limits: Limits = QUICK,
    program: str = "",
    bounds: Bounds | None = None,
    allow: tuple[str, ...] = (),
) -> Response:
    async def main() -> Response:
        opened = (f"127.0.0.1:{server.port}", *allow)
        drawing = Browser("tester/1", opened, program, bounds or Bounds())
        return await drawing.get(url or server.url(), limits=limits)

    return asyncio.run(main())


def refusal(
    server: HttpServer,
    url: str = "",
    *,
    limits: Limits = QUICK,
    program: str = "",
    bounds: Bounds | None = None,
    allow: tuple[str, ...] = (),
) -> FetchError:
    with pytest.raises(FetchError) as caught:
        draw(server, url, limits=limits, program=program, bounds=bounds, allow=allow)
    return caught.value


class Family:
    """Watches all that a process starts from here on: ``commands`` by process id, and ``most_mb``,
    the memory that they had at one time."""

    def __init__(self, pid: int | None = None) -> None:
        self._seen: dict[tuple[int, float], psutil.Process] = {}
        self.commands: dict[int, str] = {}
        self.most_mb = 0.0
        self._root = psutil.Process(pid)
        self._older = {each.pid for each in self._root.children(recursive=True)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def living(self, part: str) -> list[psutil.Process]:
        """Those with ``part`` on their command line that live now."""
        return [each for each in self._living() if part in self.commands.get(each.pid, "")]

    def gone(self) -> bool:
        """Whether there were some, and none lives."""
        return bool(self._seen) and not self._living()

    def _living(self) -> list[psutil.Process]:
        return [each for each in list(self._seen.values()) if _lives(each)]

    def _watch(self) -> None:
        while not self._stop.wait(0.03):
            try:
                found = [
                    each
                    for each in self._root.children(recursive=True)
                    if each.pid not in self._older
                ]
            except psutil.Error:
                return
            for each in found:
                with contextlib.suppress(psutil.Error):
                    self._seen[each.pid, each.create_time()] = each
                    self.commands[each.pid] = " ".join(each.cmdline())
            self.most_mb = max(self.most_mb, family.cost(found)[0])


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
