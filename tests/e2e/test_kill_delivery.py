"""SIGKILL anywhere in delivery: at least once, and twice only under the same id."""

from __future__ import annotations

import itertools
import random
import threading

import pytest

from tests.e2e.conftest import World
from tests.e2e.process import DaemonProcess, until
from tests.soak import count

ALERTS = count(120, 1_000)
KILLS = count(20, 100)


@pytest.mark.soak
def test_hostile_02_killed_while_delivering_every_alert_arrives_under_one_id(
    world: World,
) -> None:
    """Half of the kills come before the receiver answers, half after; by webhook and by mail."""
    titles = [f"chip {at}" for at in range(ALERTS)]
    world.add(world.portal.add("/a", *titles), every_s=3600, history=True)
    world.rule("chip")
    rng = random.Random(3)
    kinds = itertools.cycle(("hook before", "mail before", "hook after"))
    target: DaemonProcess | None = None
    left, kind = 0, ""
    lock = threading.Lock()

    def arrival(of: str) -> None:
        nonlocal left
        with lock:
            if of == kind and target is not None:
                left -= 1
                if left == 0:
                    target.kill()

    world.hooks.on_arrival = lambda _: arrival("hook before")
    world.hooks.on_answered = lambda _: arrival("hook after")
    world.mails.on_mail = lambda _: arrival("mail before")
    for _ in range(KILLS):
        with lock:
            left, kind = rng.randint(1, 5), next(kinds)
            target = world.start()
        until(lambda: not world.daemons[-1].alive, 60, f"the kill ({kind})")
    target = None
    last = world.start()
    last.ready(60)
    until(lambda: world.all_settled(2 * ALERTS), count(60, 600), "everything has arrived")
    last.end()
    mail_ids = world.mail_ids()
    assert set(world.hooks.by_title) == set(titles)
    assert set(world.hooks.by_title.values()) == {1}
    assert len(set(world.hooks.ids)) == len(set(mail_ids)) == ALERTS
    assert world.hooks.repeated <= KILLS
    assert len(mail_ids) - len(set(mail_ids)) <= KILLS
    # Had no kill hit between a receiver's yes and its being written down, this would prove little.
    assert world.hooks.repeated > 0
    assert world.hooks.refused == []
