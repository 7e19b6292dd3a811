"""Whose name it is, and whether that process still lives: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from monitor.worker import is_dead, worker_name

PRINT_NAME = "from monitor.worker import worker_name; print(worker_name(), flush=True); input()"


def named_process() -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PRINT_NAME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_names_differ_and_their_own_process_lives() -> None:
    assert worker_name() != worker_name()
    assert not is_dead(worker_name())


def test_a_process_is_dead_once_it_was_killed_even_before_anybody_waits_for_it() -> None:
    process, name = named_process()
    assert not is_dead(name)
    process.send_signal(signal.SIGSTOP)
    assert not is_dead(name), "asleep is not dead"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(name), "it is a zombie"
    process.communicate()
    assert is_dead(name)


def test_a_number_that_was_given_again_is_another_process() -> None:
    host, pid, started, place, token = worker_name().split(":")
    assert is_dead(f"{host}:{pid}:{int(started) - 1}:{place}:{token}")


@pytest.mark.parametrize(
    "name",
    ["", "tester", "host:1", "host:x:1:aa:bb", ":::::", f"host:{2**70}:5:{{place}}:aa"],
)
def test_what_cannot_be_judged_counts_as_alive(name: str) -> None:
    place = worker_name().split(":")[3]
    assert not is_dead(name.format(place=place))


def test_a_process_of_another_machine_counts_as_alive() -> None:
    process, name = named_process()
    process.communicate("\n")
    host, pid, started, _, token = name.split(":")
    assert is_dead(name)
    assert not is_dead(f"{host}:{pid}:{started}:0123456789ab:{token}")
    assert not is_dead(f"{host}:{pid}:{started}::{token}")
