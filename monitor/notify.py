"""systemd's readiness and watchdog protocol (sd_notify(3)); silent where nobody listens."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping

WATCHDOG_S = 8.0


class Notifier:
    """Sends states such as ``READY=1`` to the socket that ``NOTIFY_SOCKET`` names."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        path = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux's abstract names.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_s = _watchdog_s(environment)

    def send(self, *states: str) -> None:
        """Tell systemd. A socket that is gone, or full, is no reason to stop working."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(states).encode(), self._address)
        except OSError:
            return

    async def feed_watchdog(self) -> None:
        """Tell systemd that the loop turns, whatever the database does."""
        every_s = min(WATCHDOG_S, (self.watchdog_s or 60.0) / 2)
        while True:
            self.send("WATCHDOG=1")
            await asyncio.sleep(every_s)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """How often systemd must hear of us, in seconds; None when it does not ask."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    meant_for = environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or meant_for not in {"", str(os.getpid())}:
        return None
    return int(microseconds) / 1e6
