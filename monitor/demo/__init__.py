"""``headlines demo``: the real daemon on a portal, a mailbox and a sink of its own.

Nothing leaves the machine, unless the internet is reachable: then the catalogue's
portals are polled as well.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from monitor import telemetry
from monitor.actions.feeds import add_catalogue, internet_is_reachable
from monitor.config import Alerts, Polling, Settings
from monitor.daemon import Daemon
from monitor.demo.portal import Bulletin, Portal, load_bulletin
from monitor.demo.receivers import Mailbox, Sink
from monitor.demo.screen import Screen
from monitor.pipeline import PollReport
from monitor.service import Observers, open_database, utc_now
from monitor.signals import run
from monitor.storage import rules, sources
from monitor.storage.sources import NewSource
from monitor.store import Headline

INTERVAL_S = 5.0
HURRIED_INTERVAL_S = 1.0
TICK_S = 0.25
PUBLISH_EVERY_S = 4.0
# The drain must fit into the time that was asked for.
DRAIN_S = 2.0
FIRST_FRESH = "国产芯片厂商公布新一代AI处理器"


def run_demo(data: Path | None, *, seconds: float | None, offline: bool) -> int:
    """Show the loop until Ctrl-C; with ``seconds``, end in time and say by 0 or 1 how it went."""
    telemetry.configure("error", "auto")
    folder = data or Path(tempfile.mkdtemp(prefix="headlines-demo-"))
    try:
        return run(Demo(folder, seconds=seconds, offline=offline).show())
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads bring about."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


class Demo:
    """The players, and what must be seen before the demonstration counts as done."""

    def __init__(self, folder: Path, *, seconds: float | None, offline: bool) -> None:
        self._folder = folder
        self._seconds = seconds
        self._offline = offline
        self._secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.screen = Screen(FIRST_FRESH)
        self._bulletin: Bulletin = load_bulletin(utc_now())
        self._sink = Sink(self._secret, self.screen.on_hook)
        self._portal = Portal(self._bulletin.feeds, self._sink.take)
        self._mailbox = Mailbox(self.screen.on_mail)

    async def show(self) -> int:
        """Everything, from the first poll to the summary."""
        port = await self._mailbox.start()
        self._portal.start()
        try:
            settings = self._settings(port)
            await asyncio.to_thread(self._fill, settings)
            self.screen.say(f"portal on http://{self._portal.address}/, mailbox on port {port}")
            return await self._play(settings)
        finally:
            self._portal.stop()
            self._mailbox.stop()

    async def _play(self, settings: Settings) -> int:
        daemon = Daemon(
            settings,
            observers=Observers(self._on_headlines),
            on_poll=self._on_poll,
            tick_s=TICK_S,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, daemon.stop)
        publisher = asyncio.create_task(self._publish())
        finisher = asyncio.create_task(self._finish(daemon))
        others = None if self._offline else asyncio.create_task(self._add_portals(settings))
        polls = await daemon.run()
        for task in (publisher, finisher, *([others] if others else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return self._summary(polls)

    def _settings(self, port: int) -> Settings:
        hook = {
            "kind": "webhook",
            "url": f"http://{self._portal.address}/hook",
            "secrets": [self._secret],
        }
        mail = {
            "kind": "email",
            "host": "127.0.0.1",
            "port": port,
            "tls": "none",
            "sender": "headlines@localhost",
            "recipients": ["you@localhost"],
        }
        return Settings(
            data=self._folder,
            database=f"sqlite:///{self._folder / 'demo.db'}",
            polling=Polling(allow_private=(self._portal.address,)),
            alerts=Alerts(owner="mailbox"),
            channels={"mailbox": mail, "webhook": hook},
        )

    def _fill(self, settings: Settings) -> None:
        now = utc_now()
        base = f"http://{self._portal.address}"
        database = open_database(settings)
        interval_s = INTERVAL_S if self._seconds is None else HURRIED_INTERVAL_S
        new = [
            NewSource(f"{base}{feed.path}", name=feed.name, interval_s=interval_s)
            for feed in self._bulletin.feeds
        ]
        with database.write() as connection:
            sources.add_many(connection, new, now)
            known = {rule.name for rule in rules.list_all(connection)}
            for rule in self._bulletin.rules:
                if rule["name"] not in known:
                    both = ["mailbox", "webhook"]
                    rules.add(connection, rule["name"], rule["query"], both, now)
        database.close()

    def _on_headlines(self, headlines: Sequence[Headline]) -> None:
        self.screen.on_headlines(headlines)

    def _on_poll(self, report: PollReport) -> None:
        self.screen.on_poll(report)

    async def _publish(self) -> None:
        """The first fresh headline once all feeds were polled, then one every few seconds."""
        await until(lambda: self.screen.baselines >= len(self._portal.feeds))
        with self._portal.lock:
            next(iter(self._portal.feeds.values())).publish(FIRST_FRESH, utc_now())
        self.screen.say(f"the portal publishes: {FIRST_FRESH}")
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            title = self._portal.publish_next()
            if title is None:
                return
            self.screen.say(f"the portal publishes: {title}")

    async def _finish(self, daemon: Daemon) -> None:
        """End in time, or as soon as everything was seen and had time to arrive twice."""
        if self._seconds is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(self._seconds - DRAIN_S, self._seconds / 2)):
                await until(lambda: not self._missing())
                again = self._portal.fewest_reads() + 2
                await until(lambda: self._portal.fewest_reads() >= again)
        daemon.stop()

    def _missing(self) -> list[str]:
        missing = self.screen.missing()
        if self._portal.fewest_reads() < 2:
            missing.append("a second poll of every feed")
        if self._sink.refused:
            missing.append(f"{self._sink.refused} webhooks had a wrong signature")
        return missing

    async def _add_portals(self, settings: Settings) -> None:
        if await internet_is_reachable():
            added = await asyncio.to_thread(add_catalogue, settings)
            self.screen.say(f"the internet is reachable: {added} portals of the catalogue added")

    def _summary(self, polls: PollReport) -> int:
        self.screen.say(
            f"{polls.sources} feeds polled ({polls.not_modified} not modified, {polls.failed} "
            f"failed), {polls.new_entries} headlines, {self.screen.mails} mails, "
            f"{self.screen.hooks} webhooks"
        )
        missing = self._missing()
        if self._seconds is None:
            return 0
        for what in missing:
            self.screen.say(f"did not arrive: {what}")
        return 1 if missing else 0
