"""What waits for a digest is told by the daemon, and by a pass without one, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.alerts import Held, Reason
from monitor.storage import rules, telling
from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.fakes import make_entry


def hold(world: World, *titles: str) -> None:
    """Headlines whose quiet hours have just ended."""
    now = datetime.now(UTC)
    with world.database.write() as connection:
        rule = rules.get(connection, "rule")
        found = [
            Held("hook", rule, make_entry(title, story_id=place, rule="rule", rule_version=1),
                 Reason.QUIET, now - timedelta(seconds=1), 20, 0.0)
            for place, title in enumerate(titles, 1)
        ]  # fmt: skip
        telling.hold(connection, found, now - timedelta(hours=8))


def test_the_morning_s_digest_arrives_once(world: World) -> None:
    world.rule("chip", "hook")
    hold(world, "chip 1", "chip 2")
    world.command("poll")
    assert len(world.hooks.ids) == 1
    hold(world, "chip 3")
    world.start().ready(60)
    until(lambda: len(world.hooks.ids) == 2, 60, "the second digest")
    world.command("poll")
    assert len(world.hooks.ids) == len(set(world.hooks.ids)) == 2
    assert world.command("alerts", "list", "--state", "held").count("\n") == 1
