"""A portal changes; mail and webhook arrive, each once."""

from __future__ import annotations

import asyncio
from functools import partial

from monitor.config import load
from monitor.daemon import Daemon
from tests.e2e.conftest import World
from tests.e2e.process import until


def test_a_new_headline_arrives_by_mail_and_by_webhook_each_once(world: World) -> None:
    url = world.portal.add("/news", "an old chip", "an old match")
    world.add(url)
    world.rule("chip")
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    world.portal.publish("/news", "a new chip", "a new match")
    until(lambda: world.hooks.ids and world.mails.mails, 60, "mail and webhook")
    asked = world.portal.asked("/news")
    until(lambda: world.portal.asked("/news") >= asked + 2, 60, "two more polls")
    daemon.end()
    assert list(world.hooks.titles.values()) == ["a new chip"]
    assert len(world.hooks.ids) == len(world.mails.mails) == 1
    [mail] = world.mails.mails
    [number] = world.hooks.ids
    assert "a new chip" in mail.text()
    assert mail.message["Message-ID"] != number
    assert mail.recipients == ("you@reader.example",)
    assert world.hooks.refused == []
    assert sorted(world.stored) == ["a new chip", "a new match", "an old chip", "an old match"]
    assert world.owed == 0


def test_what_a_poll_owes_does_not_wait_for_the_next_tick(world: World) -> None:
    world.rule("chip", "hook")
    world.add(world.portal.add("/news", "a new chip"), history=True)
    daemon = Daemon(load(world.settings), tick_s=300)

    async def work() -> None:
        running = asyncio.create_task(daemon.run())
        arrived = partial(until, lambda: world.hooks.ids, 60, "the alert arrives")
        await asyncio.to_thread(arrived)
        daemon.stop()
        await running

    asyncio.run(work())
    assert world.owed == 0
