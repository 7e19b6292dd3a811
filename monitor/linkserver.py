"""Answers the links of alerts: GET shows what a link would do, POST does it; and hubs.

Mail programs and chat servers open every address that they see; so nothing is changed by
looking. There are no other pages here, and no cookies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from html import escape

from aiohttp import web

from monitor import websub, wishes
from monitor.errors import StorageError
from monitor.links import LONGEST_TOKEN, PATH, Action, Linker
from monitor.storage import Database
from monitor.telemetry import logger
from monitor.websub import WebSub
from monitor.wishes import Wish

log = logger("links")
LARGEST_BODY = 16 * 1024
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "headlines",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
BAD = "This link is not valid, or has expired. 链接无效或已过期。"
USED = "This link was used before. 此链接已使用过。"
DONE = "Done. 已完成。"
LATER = "The database does not answer; please try again. 数据库暂时没有响应，请稍后再试。"


class LinkServer:
    """Listens on HOST:PORT; ``owner`` is the channel that hears of unsubscribing. ``websub``
    answers hubs."""

    def __init__(
        self,
        database: Database,
        linker: Linker,
        owner: str,
        now: Callable[[], datetime],
        websub: WebSub | None = None,
    ) -> None:
        self._database = database
        self._linker = linker
        self._owner = owner
        self._now = now
        self._websub = websub
        self._runner: web.AppRunner | None = None
        self.address = ("", 0)

    async def start(self, listen: str) -> None:
        """Begin to answer. Raises OSError when the address cannot be used."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_get(PATH + "{token}", self._show)
        app.router.add_post(PATH + "{token}", self._act)
        if self._websub is not None:
            app.router.add_get(websub.PATH + "{token}", self._websub.verify, allow_head=False)
            app.router.add_post(websub.PATH + "{token}", self._websub.receive)
        app.on_response_prepare.append(_add_headers)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            auto_decompress=False,  # nothing is unpacked for strangers
        )
        await runner.setup()
        self._runner = runner
        host, _, port = listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]"), int(port))
        await site.start()
        self.address = runner.addresses[0][:2]
        log.info("links of alerts are answered on %s:%s", *self.address)

    async def close(self) -> None:
        """End listening."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _show(self, request: web.Request) -> web.Response:
        try:
            wish = await self._wish(request)
        except StorageError:
            return page(503, LATER)
        if wish is None:
            return page(404, BAD)
        return page(200, describe(wish), button=True)

    async def _act(self, request: web.Request) -> web.Response:
        try:
            wish = await self._wish(request)
            if wish is None:
                return page(404, BAD)
            granted = await asyncio.to_thread(
                self._database.run,
                lambda connection: wishes.grant(connection, wish, self._owner, self._now()),
            )
        except StorageError as error:
            log.error("a link could not do its work: %s", error)
            return page(503, LATER)
        return page(200, f"{DONE} {describe(wish)}") if granted else page(410, USED)

    async def _wish(self, request: web.Request) -> Wish | None:
        token = request.match_info["token"]
        ticket = self._linker.read(token) if len(token) <= LONGEST_TOKEN else None
        if ticket is None:
            return None
        return await asyncio.to_thread(
            self._database.look, lambda connection: wishes.look(connection, ticket, self._now())
        )


def describe(wish: Wish) -> str:
    """What a link does, in both languages."""
    named = ", ".join(wish.rules)
    if wish.ticket.action is Action.MUTE:
        return f"No more alerts of this story 不再提醒此事件: {wish.title}"
    if wish.ticket.action is Action.SNOOZE:
        return f"Hold the alerts of this rule for a day 暂停此规则一天: {named}"
    return f"End alerts to {wish.channel} by 不再向 {wish.channel} 发送以下规则的提醒: {named}"


def page(status: int, text: str, *, button: bool = False) -> web.Response:
    """A page that says ``text``, with a button that does what its address asks for."""
    form = (
        '<form method="post"><button style="font-size:1.1em;padding:.5em 1.5em">'
        "Confirm 确认</button></form>"
        if button
        else ""
    )
    body = (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Headline Monitor</title>'
        '<meta name="color-scheme" content="light dark"></head>'
        '<body style="font-family:system-ui,sans-serif;max-width:36em;margin:3em auto;'
        f'padding:0 1em"><p>{escape(text)}</p>{form}</body></html>'
    )
    return web.Response(status=status, text=body, content_type="text/html", charset="utf-8")


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Every answer has them, errors too; what runs here is nobody's business."""
    response.headers.update(HEADERS)
