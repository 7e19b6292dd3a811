"""Yesterday's backup is put back: what it owed is sent under the same id, and nothing is lost."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from monitor.storage import Database
from tests.e2e.conftest import World
from tests.e2e.process import until


def back_up(database: Path, to: Path) -> None:
    """As the guide says, while the daemon works."""
    connection = sqlite3.connect(database)
    connection.execute("VACUUM INTO ?", (str(to),))
    connection.close()


def restore(world: World, backup: Path) -> None:
    """As the guide says; the daemon is dead."""
    path = Path(world.database.url.removeprefix("sqlite:///"))
    world.database.close()
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    shutil.copy(backup, path)
    world.database = Database(world.url)


def test_a_restored_backup_goes_on_from_where_it_was(world: World) -> None:
    path = Path(world.database.url.removeprefix("sqlite:///"))
    backup = world.folder / "backup.db"
    world.add(world.portal.add("/news", "an old chip"))
    world.rule("chip", "hook")
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    world.portal.publish("/news", "the first chip")
    until(lambda: world.all_settled(1), 60, "the first alert arrives")

    world.hooks.status = 503
    world.portal.publish("/news", "a chip that is owed")
    daemon.hear("was not delivered (attempt 1)")
    back_up(path, backup)
    world.hooks.status = 200
    world.portal.publish("/news", "a chip after the backup")
    until(lambda: world.all_settled(3), 60, "all alerts arrive")
    before = dict(world.hooks.titles)
    daemon.kill()

    restore(world, backup)
    shown = ["an old chip", "the first chip", "a chip that is owed"]
    world.portal.replace("/news", *shown, "quite another chip", "a chip after the backup")
    arrived = len(world.hooks.ids)
    again = world.start()
    until(lambda: len(world.hooks.ids) > arrived, 60, "something arrives")
    again.kill()
    last = world.start()
    last.ready()
    until(lambda: world.all_settled(4), 90, "all alerts arrive")
    last.end()
    assert sorted(world.stored) == sorted(world.portal.titles)
    assert world.hooks.by_title == {
        "the first chip": 1,
        "a chip that is owed": 1,  # sent again, under its id
        "quite another chip": 1,  # has the number that was another's, and not the id
        "a chip after the backup": 2,  # nobody knows any more that it was told
    }
    assert before.items() <= world.hooks.titles.items()
    [first] = [number for number, title in before.items() if title == "the first chip"]
    assert world.hooks.ids.count(first) == 1
    assert world.hooks.refused == []
