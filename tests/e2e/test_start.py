"""Starting: quickly, with many sources, without what only training or odd feeds need."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from monitor.storage import migrate
from tests.e2e.conftest import World
from tests.e2e.process import HEADLINES, clean_environment, until

HEAVY = ("sklearn", "scipy", "jieba", "feedparser", "alembic", "pandas", "joblib")
# Runs the command and tells, when it has ended, what was imported meanwhile.
TELL_IMPORTS = (
    "import atexit, sys; atexit.register(lambda: print('\\n'.join(sys.modules)));"
    "from monitor.cli import main; sys.exit(main())"
)


def test_a_start_with_1000_sources_is_quick(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.portal.add("/a", "chip")
    world.add(*(world.portal.server.url(f"/a?{number}") for number in range(1000)), every_s=3600)
    times = []
    for _ in range(3):
        daemon = world.start()
        times.append(daemon.ready())
        assert "STATUS=watching 1000 sources" in daemon.notify.states
        daemon.kill()
    with capsys.disabled():
        print(f"\nready with 1,000 sources after {', '.join(f'{each:.2f}' for each in times)} s")


def test_a_working_daemon_has_not_imported_what_training_needs(world: World) -> None:
    """It has polled, classified and delivered; the documents' parser has a process of its own."""
    world.add(world.portal.add("/a", "a chip of 国产芯片"), history=True)
    world.rule("chip")
    process = subprocess.Popen(
        [sys.executable, "-c", TELL_IMPORTS, "run", "--config", world.settings],
        cwd=world.folder,
        env={**clean_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        until(lambda: world.all_settled(2), 60, "it has worked")
    finally:
        process.terminate()
        imported, _ = process.communicate(timeout=12)
    modules = set(imported.split())
    assert "monitor.daemon" in modules
    assert sorted(modules & set(HEAVY)) == []


def test_a_daemon_brings_an_older_database_up_to_date(world: World) -> None:
    migrate.downgrade(world.database, "base")
    daemon = world.start()
    daemon.ready()
    assert migrate.version(world.database) == migrate.HEAD
    world.add(world.portal.add("/a", "chip"))
    world.wait_for_baselines(1)
    daemon.end()


def test_a_daemon_refuses_a_database_that_is_newer_than_itself(world: World) -> None:
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    done = subprocess.run(
        [HEADLINES, "run", "--config", world.settings],
        cwd=world.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "version" in done.stderr
    assert "Traceback" not in done.stderr
