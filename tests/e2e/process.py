"""The daemon as a process: started as a user starts it, heard through log and systemd's socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

HEADLINES = Path(sys.executable).with_name("headlines")


def until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Return when ``condition`` holds; AssertionError that says ``what`` was awaited."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.01)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would reach into the daemon's settings."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEADLINES_", "NOTIFY_", "WATCHDOG_"))
    }


class NotifySocket:
    """What systemd would listen on; ``states`` are all that it was told, in order."""

    def __init__(self, path: Path) -> None:
        self.states: list[str] = []
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def heard(self, state: str) -> bool:
        """Whether a state that begins so has been told."""
        return any(each.startswith(state) for each in list(self.states))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _listen(self) -> None:
        while datagram := self._socket.recv(4096):
            self.states += datagram.decode().split("\n")


class DaemonProcess:
    """``headlines run`` with its settings file; standard error goes to ``log``."""

    def __init__(
        self, settings: Path, number: int, environment: Mapping[str, str] | None = None
    ) -> None:
        folder = settings.parent
        self.log = folder / f"daemon-{number}.log"
        self.notify = NotifySocket(folder / f"notify-{number}")
        environment = {
            **clean_environment(),
            "NOTIFY_SOCKET": str(self.notify.path),
            **(environment or {}),
        }
        self.started_s = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [HEADLINES, "run", "--config", settings],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self, timeout_s: float = 60.0, status: str = "STATUS=watching") -> float:
        """Wait until it works (or another ``status``); how long that took, in seconds."""

        def is_ready() -> bool:
            assert self.alive, f"the daemon ended:\n{self.text()}"
            return self.notify.heard("READY=1") and self.notify.heard(status)

        until(is_ready, timeout_s, f"the daemon is ready\n{self.text()}")
        return time.monotonic() - self.started_s

    def text(self) -> str:
        """Its standard error so far."""
        return self.log.read_text(encoding="utf-8")

    def events(self) -> list[dict[str, Any]]:
        """Its log so far; a line that is no JSON object fails."""
        return [json.loads(line) for line in self.text().splitlines(keepends=False)]

    def said(self, words: str) -> bool:
        """Whether a log line holds ``words``."""
        return words in self.text()

    def hear(self, words: str, timeout_s: float = 60.0) -> None:
        """Wait for a log line that holds ``words``."""
        until(lambda: self.said(words), timeout_s, f"the log says {words!r}\n{self.text()}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.process.kill()
        self.process.wait(10)

    def end(self, timeout_s: float = 30.0) -> float:
        """SIGTERM; the time until it ended with code 0, in seconds."""
        started_s = time.monotonic()
        self.signal(signal.SIGTERM)
        assert self.process.wait(timeout_s) == 0, self.text()
        return time.monotonic() - started_s

    def close(self) -> None:
        if self.alive:
            self.process.kill()
        self.process.wait(10)
        self.notify.close()
