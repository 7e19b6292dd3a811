"""What a database that is held up by somebody else says, and that it goes on after."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from monitor.storage import Database, database, migrate, sources
from tests.e2e.process import until


def test_a_long_wait_for_another_writer_is_told_and_then_the_work_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path / 'headlines.db'}"
    other = Database(url)
    migrate.ensure(other)
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(database, "WORTH_A_WORD_S", 0.1)
    ours = Database(url)
    counts: list[int] = []

    def work() -> None:
        counts.append(ours.run(lambda connection: len(sources.list_all(connection))))

    with caplog.at_level(logging.WARNING, "headlines"):
        with other.write():
            waiting = threading.Thread(target=work)
            waiting.start()
            until(lambda: "tried again" in caplog.text, 60, "the wait is told")
            assert "locked" in caplog.text
        waiting.join(60)
    assert counts == [0]
    ours.close()
    other.close()
