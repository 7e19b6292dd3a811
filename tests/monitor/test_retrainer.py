"""Retraining by the clock: when it is due, how it is started, and what is told of its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from monitor import retrainer, trustbook
from monitor.config import Alerts, Retrain, Settings
from monitor.storage import Database, hints
from tests.e2e.process import until

THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FOUND = {
    "release": "abc", "nothing_new": False, "promoted": True, "refusal": "", "before": {},
    "after": {}, "corrections": 1, "fixed": 1, "broken": 0,
}  # fmt: skip


def settings(schedule: str, zone: str = "UTC") -> Settings:
    return Settings(Path("/nowhere"), "", alerts=Alerts(timezone=zone), retrain=Retrain(schedule))


def test_it_is_due_once_a_day_by_the_users_clock(database: Database) -> None:
    wanted = settings("daily@04:00", "Asia/Shanghai")  # 20:00 UTC
    assert not retrainer.due(database, wanted, THURSDAY)  # the first look at a schedule
    assert not retrainer.due(database, wanted, THURSDAY + 7 * HOUR)
    assert retrainer.due(database, wanted, THURSDAY + 8 * HOUR)
    assert not retrainer.due(database, wanted, THURSDAY + 9 * HOUR)
    assert retrainer.due(database, wanted, THURSDAY + 32 * HOUR)


def test_one_that_was_missed_is_done_later_and_once(database: Database) -> None:
    wanted = settings("sunday@04:00")
    assert not retrainer.due(database, wanted, THURSDAY)
    assert retrainer.due(database, wanted, THURSDAY + timedelta(days=30))
    assert not retrainer.due(database, wanted, THURSDAY + timedelta(days=30, hours=1))


def test_without_a_schedule_nothing_is_ever_due(database: Database) -> None:
    assert not retrainer.due(database, settings("off"), THURSDAY)
    assert not retrainer.due(database, settings("off"), THURSDAY + timedelta(days=400))


def test_the_process_is_told_what_to_learn(tmp_path: Path) -> None:
    wanted = Settings(
        tmp_path, "", file=tmp_path / "h.toml",
        retrain=Retrain("off", ("csv:a.csv", "jsonl:b"), from_feeds=True),
    )  # fmt: skip
    assert retrainer.command(wanted)[3:] == [
        "retrain", "--json", "--data", str(tmp_path), "--config", str(tmp_path / "h.toml"),
        "--corpus", "csv:a.csv", "--corpus", "jsonl:b", "--from-feeds",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("out", "code", "told"),
    [
        (json.dumps(FOUND), 0, "has promoted release abc"),
        (json.dumps({**FOUND, "nothing_new": True}), 0, "nothing new to learn"),
        (
            json.dumps({**FOUND, "promoted": False, "refusal": "it breaks 2 corrections"}),
            1,
            "promoted nothing: it breaks 2 corrections",
        ),
        ("", -9, "failed (-9), the old model serves: out of memory"),
    ],
)
def test_what_came_of_it_is_logged(
    out: str, code: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        retrainer.tell(code, out.encode(), "out of memory")
    assert told in caplog.text


def play(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let ``program`` stand for the retraining."""
    monkeypatch.setattr(retrainer, "command", lambda _: [sys.executable, "-c", program])


def test_it_runs_with_a_lowered_priority(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    whole = retrainer.command(settings("off"))
    program = whole[2].partition("from monitor")[0]
    at = tmp_path / "nice"
    says = f"idle = getattr(os, 'SCHED_IDLE', None); open({str(at)!r}, 'w').write(str("
    says += "[os.nice(0), idle is None or os.sched_getscheduler(0) == idle]))"
    code = f"{program}{says}; print({json.dumps(FOUND)!r})"
    play(monkeypatch, code)
    with caplog.at_level(logging.INFO):
        asyncio.run(retrainer.retrain(settings("daily@04:00")))
    assert json.loads(at.read_text().lower()) == [min(19, os.nice(0) + retrainer.NICENESS), True]
    assert "has promoted release abc" in caplog.text


def test_it_does_not_outlive_the_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at = tmp_path / "pid"
    stubborn = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    play(monkeypatch, f"{stubborn} open({str(at)!r}, 'w').write(str(os.getpid())); time.sleep(99)")
    monkeypatch.setattr(retrainer, "GRACE_S", 0.1)

    async def begin_and_end() -> None:
        task = asyncio.create_task(retrainer.retrain(settings("daily@04:00")))
        begun = partial(until, lambda: at.exists() and at.read_text(), 30.0, "it has begun")
        await asyncio.to_thread(begun)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(begin_and_end())
    with pytest.raises(ProcessLookupError):
        os.kill(int(at.read_text()), 0)


def test_a_clock_that_was_years_ahead_does_not_end_retraining(database: Database) -> None:
    wanted = settings("daily@04:00")
    assert not retrainer.due(database, wanted, THURSDAY)
    retrainer.due(database, wanted, THURSDAY + timedelta(days=3650))  # a dead battery's clock
    later = [retrainer.due(database, wanted, THURSDAY + timedelta(days=n)) for n in range(1, 15)]
    assert any(later)


def test_a_clock_that_was_ahead_does_not_end_measuring(database: Database) -> None:
    trustbook.measure_if_due(database, THURSDAY + timedelta(days=3650))
    trustbook.measure_if_due(database, THURSDAY)
    trustbook.measure_if_due(database, THURSDAY + timedelta(days=2))
    with database.read() as connection:
        assert hints.measured_at(connection) == THURSDAY + timedelta(days=2)
