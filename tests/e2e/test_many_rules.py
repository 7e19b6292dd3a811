"""Many rules on a full database, two daemons, and a receiver that often fails."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.soak import count

RULES = count(40, 200)
FEEDS = count(20, 100)
STORED = count(50, 500)  # of each feed
PUBLISHED = count(4, 5)  # by each feed


@pytest.mark.soak
@pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)
def test_hostile_02_08_each_alert_arrives_and_none_under_two_ids(world: World) -> None:
    """Half of the messages are refused at first, and the working daemon is killed midway."""
    world.hooks.flaky = True
    paths = [f"/{feed}" for feed in range(FEEDS)]
    for place, path in enumerate(paths):
        # Titles that tell different numbers are different stories.
        old = (f"archive {place * 1000 + number} of {path[1:]}" for number in range(STORED))
        world.add(world.portal.add(path, *old), every_s=2.0)
    for number in range(RULES):
        world.rule(f"signal{number}", "hook", name=f"rule {number}")
    world.start().ready(60)
    second = world.start()
    second.ready(60, status="STATUS=standing by")
    world.wait_for_baselines(FEEDS, count(60, 600))
    assert len(world.stored) == FEEDS * STORED

    news = FEEDS * PUBLISHED
    titles = [f"signal{number % RULES} item {number + 100_000}" for number in range(news)]
    killed = []

    def arrival(number: int) -> None:
        if number == news // 4:
            killed.append(world.daemons[0].pid)
            world.daemons[0].process.kill()

    world.hooks.on_arrival = arrival
    for place, path in enumerate(paths):
        world.portal.publish(path, *titles[place * PUBLISHED : (place + 1) * PUBLISHED])
    until(lambda: world.all_settled(news), count(90, 600), "everything has arrived")
    assert killed
    second.ready(60, status="STATUS=watching")
    assert world.hooks.by_title == dict.fromkeys(titles, 1)
    assert len(set(world.hooks.ids)) == news
    assert world.hooks.repeated <= 1, "what was on its way at the kill may come twice"
    assert len(world.hooks.failed) > news / 4, "about half of the messages were refused once"
    second.end()
