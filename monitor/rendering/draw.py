"""A process that draws one page: ``python -m monitor.rendering.draw``, one JSON line on standard
input, one on standard output and the page's bytes behind it.

Asked with ``{"parent", "url", "agent", "allow", "executable", "total_s", "settle_s",
"max_bytes", "bounds"}`` it answers ``{"status", "url", "headers"}``, or ``{"error", "kind"}``
with a FailureKind. Nothing of it outlives the parent: the browser ends when the pipe to it
does, and this process with the parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import tempfile
from typing import Any

from playwright.async_api import (
    BrowserContext,
    Error,
    Page,
    ProxySettings,
    Request,
    Response,
    Route,
)
from playwright.async_api import async_playwright as playwright
from yarl import URL

from monitor.addresses import parse_allowed
from monitor.rendering.bounds import Bounds, hold
from monitor.rendering.family import end_all, exceeded
from monitor.rendering.gate import MARK, Gate
from monitor.text import clean_title
from monitor.types import FailureKind

# They have done their work, and say nothing of what is drawn.
_WITHOUT_SCRIPTS = "document.querySelectorAll('script').forEach(script => script.remove())"
_UNWANTED = frozenset({"image", "media", "font"})
_FLAGS = (
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its name in older ones
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the gate looks names up
    # One process for the sites of a page: none has anything to keep from the others here.
    "--disable-site-isolation-trials",
)
_OWN_PAGES = "chrome-error:"  # what stands where no page could be had
_MADE = ("about:", "blob:")
_ADDRESS = re.compile(r"\b[a-z]+://[^\s\"']+")
# What Chromium's names of failures begin with, and what they are called here.
_KINDS = {
    "net::ERR_CERT_": FailureKind.TLS,
    "net::ERR_SSL_": FailureKind.TLS,
    "net::ERR_BAD_SSL_": FailureKind.TLS,
    "net::ERR_TOO_MANY_REDIRECTS": FailureKind.REDIRECT_LIMIT,
    "net::ERR_EMPTY_RESPONSE": FailureKind.PROTOCOL,
    "net::ERR_INVALID_": FailureKind.PROTOCOL,
    "net::ERR_CONTENT_": FailureKind.PROTOCOL,
    "net::ERR_RESPONSE_HEADERS_": FailureKind.PROTOCOL,
    "net::ERR_CONNECTION_": FailureKind.CONNECT,
}
_MOVES = 5  # of a page, while it is read

Answer = tuple[dict[str, Any], bytes]


def main() -> int:
    """Draw what standard input asks for; always 0, trouble is part of the answer."""
    request = json.loads(sys.stdin.buffer.readline())
    bounds = Bounds(**request["bounds"])
    hold(bounds)
    if os.getppid() != request["parent"]:  # which was killed before it could take us along
        return 0
    head, body = asyncio.run(_draw(request, bounds))
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
    sys.stdout.buffer.flush()
    return 0


async def _draw(request: dict[str, Any], bounds: Bounds) -> Answer:
    allowed = parse_allowed(request["allow"])
    async with Gate(allowed, bounds.loaded_bytes, bounds.connections) as gate:
        visit = asyncio.create_task(_visit(request, gate))
        watch = asyncio.create_task(exceeded(bounds, tempfile.gettempdir()))
        await asyncio.wait(
            {visit, watch}, timeout=request["total_s"], return_when=asyncio.FIRST_COMPLETED
        )
        if watch.done():
            answer = _no(FailureKind.BROWSER, watch.result())
        elif visit.done():
            answer = visit.result()
        else:
            answer = _no(FailureKind.TIMEOUT, f"was not drawn within {request['total_s']:g} s")
        end_all()  # first, or what hangs would be asked to close itself
        for task in (visit, watch):
            task.cancel()
        await asyncio.gather(visit, watch, return_exceptions=True)
    return answer


def _no(kind: FailureKind, error: str) -> Answer:
    return {"kind": kind, "error": error}, b""


async def _visit(request: dict[str, Any], gate: Gate) -> Answer:
    document = Document()
    try:
        head, body = await _have(request, gate, document)
    except Exception as error:  # not all of the library's are its Error
        return _explain(gate, document, f"could not be drawn: {_short(error)}")
    if MARK in head["headers"] or head["url"].startswith(_OWN_PAGES):
        return _explain(gate, document, "could not be had")
    if len(body) > request["max_bytes"]:
        return _no(FailureKind.TOO_LARGE, "is larger, when drawn, than is accepted")
    return head, body


class Document:
    """The newest document of the page itself, not of its frames: a page may send us on."""

    def __init__(self) -> None:
        self.place = ""
        self.answer: Response | None = None

    def follow(self, page: Page) -> None:
        """From here on."""
        page.on("request", lambda request: self._ask(page, request))
        page.on("response", lambda answer: self._hear(page, answer))

    def _ask(self, page: Page, request: Request) -> None:
        if request.is_navigation_request() and request.frame == page.main_frame:
            url = URL(request.url)
            self.place = f"{url.raw_host}:{url.port}"

    def _hear(self, page: Page, answer: Response) -> None:
        request = answer.request
        if request.is_navigation_request() and request.frame == page.main_frame:
            self.answer = answer


def _explain(gate: Gate, document: Document, error: str) -> Answer:
    """Why the document was not had. What else the page asked for in vain is not why."""
    if document.place in gate.failed:
        kind, why = gate.failed[document.place]
        return _no(kind, f"{error}; {why}")
    kinds = (kind for name, kind in _KINDS.items() if name in error)
    return _no(next(kinds, FailureKind.BROWSER), error)


async def _have(request: dict[str, Any], gate: Gate, document: Document) -> Answer:
    async with playwright() as control:
        browser = await control.chromium.launch(
            executable_path=request["executable"],
            proxy=_proxy(gate.dead_end),  # what it wants for itself: updates, accounts
            args=list(_FLAGS),
            chromium_sandbox=os.geteuid() != 0,  # it refuses to be root's
        )
        context = await browser.new_context(
            proxy=_proxy(gate.port),
            user_agent=request["agent"],
            service_workers="block",
            accept_downloads=False,
        )
        await context.route("**/*", _sort_out)
        page = await context.new_page()
        document.follow(page)
        await _open(page, context, request)
        body = await _read(page)
        answer = document.answer
        head = {
            "status": answer.status if answer else 0,
            "url": _address(page, answer),
            "headers": await answer.all_headers() if answer else {},
        }
        await browser.close()
        return head, body


def _address(page: Page, answer: Response | None) -> str:
    """Of the page, or of the document that made it from nothing (``blob:``, ``about:``); without
    a password, which links are not to inherit."""
    address = page.url
    if answer is not None and address.startswith(_MADE):
        address = answer.url
    url = URL(address)
    return address if url.user is None else str(url.with_user(None))


def _proxy(port: int) -> ProxySettings:
    return {"server": f"http://127.0.0.1:{port}", "bypass": "<-loopback>"}


async def _open(page: Page, context: BrowserContext, request: dict[str, Any]) -> None:
    """Returns when the page's scripts have come to rest or have had their time; what stands
    there then is the page, whatever of it still loads. The document has half of all time."""
    context.on("page", lambda other: asyncio.ensure_future(other.close()))  # windows it opens
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
    await page.goto(request["url"], wait_until="commit", timeout=0)
    with contextlib.suppress(Error):
        await page.wait_for_load_state("domcontentloaded", timeout=request["total_s"] * 1000 / 2)
    rest_s = min(request["settle_s"], request["total_s"] / 4)
    with contextlib.suppress(Error):
        await page.wait_for_load_state("networkidle", timeout=rest_s * 1000)


async def _read(page: Page) -> bytes:
    """The page's text. It may be on its way to another page just then: that one's. A page that
    does not let its scripts be removed is taken with them."""
    for _ in range(_MOVES):
        try:
            await page.evaluate(_WITHOUT_SCRIPTS)
            return await _text(page)
        except Error:
            if page.is_closed():
                raise
            with contextlib.suppress(Error):
                await page.wait_for_load_state("domcontentloaded", timeout=1000)
    return await _text(page)


async def _text(page: Page) -> bytes:
    return (await page.content()).encode("utf-8", "replace")


async def _sort_out(route: Route) -> None:
    if route.request.resource_type in _UNWANTED:
        await route.abort()
    else:
        await route.continue_()


def _short(error: Exception) -> str:
    """What the library says, without the addresses, which may hold passwords and tokens."""
    text = _ADDRESS.sub("its address", str(error).strip().partition("\n")[0])
    return clean_title(text, 300)[0] or type(error).__name__


if __name__ == "__main__":
    raise SystemExit(main())
