"""A process that draws one page: ``python -m monitor.rendering.draw``, one JSON line on standard
input, one on standard output and the page's bytes behind it.

Asked with ``{"url", "agent", "allow", "executable", "total_s", "settle_s", "max_bytes"}`` it
answers ``{"status", "url", "headers"}``, or ``{"error", "kind"}`` with a FailureKind. Nothing of
it outlives the parent: the browser ends when the pipe to it does, and this process with the
parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

from playwright.async_api import BrowserContext, Error, Page, Response, Route, async_playwright

from monitor.addresses import parse_allowed
from monitor.rendering.gate import MARK, Gate
from monitor.types import FailureKind

_MOST_BYTES = 60 * 1024 * 1024
_MOST_CONNECTIONS = 400
_CPU_S = 60
_HEAP_MB = 256
_PR_SET_PDEATHSIG = 1
# They have done their work, and say nothing of what is drawn.
_WITHOUT_SCRIPTS = "document.querySelectorAll('script').forEach(script => script.remove())"
_UNWANTED = frozenset({"image", "media", "font"})
_FLAGS = (
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its name in older ones
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the gate looks names up
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--renderer-process-limit=1",
    f"--js-flags=--max-old-space-size={_HEAP_MB}",
)


def main() -> int:
    """Draw what standard input asks for; always 0, trouble is part of the answer."""
    _hold()
    request = json.loads(sys.stdin.buffer.readline())
    head, body = asyncio.run(_draw(request))
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
    sys.stdout.buffer.flush()
    return 0


def _hold() -> None:
    """Limits that the browser inherits, and the parent's end as our own."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def _draw(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    async with Gate(parse_allowed(request["allow"]), _MOST_BYTES, _MOST_CONNECTIONS) as gate:
        try:
            async with asyncio.timeout(request["total_s"]):
                head, body = await _visit(request, gate)
        except TimeoutError:
            return _no(FailureKind.TIMEOUT, f"was not drawn within {request['total_s']:g} s"), b""
        except Error as error:
            return _explain(gate, f"could not be drawn: {_short(error)}"), b""
    if MARK in head["headers"]:
        return _explain(gate, "could not be had"), b""
    if len(body) > request["max_bytes"]:
        return _no(FailureKind.TOO_LARGE, "is larger, when drawn, than is accepted"), b""
    return head, body


def _no(kind: FailureKind, error: str) -> dict[str, Any]:
    return {"kind": kind, "error": error}


def _explain(gate: Gate, error: str) -> dict[str, Any]:
    """Why the document itself was not had: what the gate did not let pass, or could not reach."""
    kind, why = FailureKind.BROWSER, [error]
    if gate.refused:
        kind, why = FailureKind.REFUSED_ADDRESS, [error, *gate.refused]
    elif gate.unreached:
        kind, why = FailureKind.CONNECT, [error, *gate.unreached]
    return _no(kind, "; ".join(why[:2]))


async def _visit(request: dict[str, Any], gate: Gate) -> tuple[dict[str, Any], bytes]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=request["executable"],
            proxy={"server": f"http://127.0.0.1:{gate.port}", "bypass": "<-loopback>"},
            args=list(_FLAGS),
            chromium_sandbox=os.geteuid() != 0,  # it refuses to be root's
        )
        context = await browser.new_context(
            user_agent=request["agent"],
            service_workers="block",
            accept_downloads=False,
        )
        await context.route("**/*", _sort_out)
        page = await context.new_page()
        answer = await _open(page, context, request)
        head = {
            "status": answer.status if answer else 0,
            "url": page.url,
            "headers": await answer.all_headers() if answer else {},
        }
        await page.evaluate(_WITHOUT_SCRIPTS)
        body = (await page.content()).encode("utf-8", "replace")
        await browser.close()
        return head, body


async def _open(page: Page, context: BrowserContext, request: dict[str, Any]) -> Response | None:
    """The document's answer, when its scripts have come to rest or have had their time."""
    context.on("page", lambda other: asyncio.ensure_future(other.close()))  # windows it opens
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
    answer = await page.goto(request["url"], wait_until="domcontentloaded", timeout=0)
    with contextlib.suppress(Error):  # a page that never rests is taken as it stands
        await page.wait_for_load_state("networkidle", timeout=request["settle_s"] * 1000)
    return answer


async def _sort_out(route: Route) -> None:
    if route.request.resource_type in _UNWANTED:
        await route.abort()
    else:
        await route.continue_()


def _short(error: Error) -> str:
    return error.message.strip().partition("\n")[0][:300]


if __name__ == "__main__":
    raise SystemExit(main())
