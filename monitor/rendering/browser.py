"""The parent's side: one process a page, one page at a time."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from multidict import CIMultiDict

from monitor.addresses import check_url, parse_allowed
from monitor.confined import process as confined
from monitor.errors import FetchError
from monitor.exchange import DEFAULT_LIMITS, Limits, Response
from monitor.rendering.bounds import Bounds
from monitor.types import FailureKind

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SETTLE_S = 5.0
_START_S = 15.0  # of the process and the browser, beside the page's own time
_WAIT_S = 300.0  # for other pages
_HEAD_BYTES = 256 * 1024
_PREFIX = "headlines-page-"
_LEFT_S = 3600.0
_LONGEST_PLACE = 40  # letters; Chromium adds some 45, and a socket's path has room for 107
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ")


class Browser:
    """Draws pages as Chromium does. ``executable`` is its path; empty: the first on PATH.

    ``allow`` opens private places, as for every fetch; all other requests of a page that do
    not go to the public internet are refused.
    """

    def __init__(
        self,
        agent: str,
        allow: Sequence[str] = (),
        executable: str = "",
        bounds: Bounds | None = None,
    ) -> None:
        self._agent = agent
        self._allow = tuple(allow)
        self._permitted = parse_allowed(self._allow)
        self._executable = executable
        self._bounds = bounds or Bounds()
        self._turn = asyncio.Semaphore(1)

    async def get(self, url: str, *, limits: Limits = DEFAULT_LIMITS) -> Response:
        """The page at ``url`` as its scripts drew it. Raises FetchError."""
        check_url(url, self._permitted)
        executable = self._executable or find()
        if problem := trouble(executable):
            raise FetchError(FailureKind.BROWSER, problem)
        request = {
            "parent": os.getpid(),
            "url": url,
            "agent": self._agent,
            "allow": self._allow,
            "executable": executable,
            "total_s": limits.total_s,
            "settle_s": SETTLE_S,
            "max_bytes": limits.max_bytes,
            "bounds": asdict(self._bounds),
        }
        async with self._my_turn():
            started_s = asyncio.get_running_loop().time()
            try:
                with _folder() as folder:
                    output = await _converse(request, folder, limits)
            except OSError as error:  # no room on the disk, no more processes
                raise FetchError(
                    FailureKind.BROWSER, f"a browser could not be started: {error.strerror}"
                ) from error
            elapsed_s = asyncio.get_running_loop().time() - started_s
        return _response(url, output, elapsed_s)

    @contextlib.asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._turn.acquire()
        except TimeoutError:
            raise FetchError(
                FailureKind.BROWSER, f"other pages kept the browser for {_WAIT_S:g} s"
            ) from None
        try:
            yield
        finally:
            self._turn.release()


def find() -> str:
    """The path of the system's browser; empty when there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), "")


def trouble(executable: str) -> str:
    """Why no page can be drawn, and what would help; empty when nothing is known."""
    if not all(map(importlib.util.find_spec, ("playwright", "psutil"))):
        return "a browser is to draw this page: install 'headline-monitor[browser]'"
    if not executable:
        return (
            "a browser is to draw this page, and none was found: install Chromium "
            "(Debian, Ubuntu: apt install chromium), or set browser of [polling]"
        )
    if shutil.which(executable) is None:
        return f"a browser is to draw this page: {executable} (browser of [polling]) is no program"
    return ""


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """Where one page is drawn. Sockets are made in it, whose paths have little room."""
    own = tempfile.gettempdir()
    places = [own] if len(own) <= _LONGEST_PLACE else ["/tmp", "/var/tmp", own]
    place = next(each for each in places if each == own or os.access(each, os.W_OK))
    _sweep(Path(place))
    with tempfile.TemporaryDirectory(
        prefix=_PREFIX, dir=place, ignore_cleanup_errors=True
    ) as folder:
        yield folder


def _sweep(place: Path) -> None:
    """Remove what is left of pages whose program was killed."""
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _LEFT_S:
                shutil.rmtree(folder, ignore_errors=True)


async def _converse(request: dict[str, Any], folder: str, limits: Limits) -> bytes:
    """What the process said; it and all that it started are gone then."""
    from monitor.rendering import family  # of the extra

    process = await asyncio.create_subprocess_exec(
        *confined.command("monitor.rendering.draw"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(folder),
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    most = limits.max_bytes + _HEAD_BYTES
    drawing = family.of(process.pid)
    try:
        async with asyncio.timeout(limits.total_s + _START_S):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.close()
            return await _read(process.stdout, most)
    except TimeoutError:
        raise FetchError(
            FailureKind.TIMEOUT, f"the page was not drawn within {limits.total_s + _START_S:g} s"
        ) from None
    except (BrokenPipeError, ConnectionResetError):
        return b""
    finally:
        await asyncio.to_thread(family.end, drawing)
        await process.wait()


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    parts = bytearray()
    while data := await stream.read(65_536):
        parts += data
        if len(parts) > most:
            raise FetchError(FailureKind.TOO_LARGE, "the drawn page is larger than is accepted")
    return bytes(parts)


def _environment(folder: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    own = confined.environment()
    return {**kept, "PYTHONPATH": own["PYTHONPATH"], "HOME": folder, "TMPDIR": folder}


def _response(url: str, output: bytes, elapsed_s: float) -> Response:
    line, _, body = output.partition(b"\n")
    try:
        head = json.loads(line)
    except ValueError:
        raise FetchError(
            FailureKind.BROWSER, "the browser ended without an answer: too much memory or time"
        ) from None
    if "error" in head:
        raise FetchError(FailureKind(head["kind"]), f"the page {head['error']}")
    status = head["status"] or HTTPStatus.OK
    headers = CIMultiDict(head["headers"])
    # The text is what the scripts made of the document: no validator of that fits it.
    for name in ("ETag", "Last-Modified", "Content-Encoding"):
        headers.popall(name, None)
    headers["Content-Type"] = "text/html; charset=utf-8"
    return Response(status, head["url"] or url, headers, body, None, elapsed_s)
