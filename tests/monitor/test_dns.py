"""Name lookups through the system's resolver."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from monitor.dns import system_lookup


def test_a_known_name_has_numeric_addresses() -> None:
    assert "127.0.0.1" in asyncio.run(system_lookup("localhost", 80))


@pytest.mark.parametrize("name", ["nothing.invalid", "a" * 64 + ".example", "x..example"])
def test_a_name_that_has_none_is_an_os_error(name: str) -> None:
    with pytest.raises(socket.gaierror):
        asyncio.run(system_lookup(name, 80))


def test_a_name_server_that_hangs_holds_up_neither_others_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()
    broken: list[object] = []
    monkeypatch.setattr(threading, "excepthook", broken.append)
    system = socket.getaddrinfo

    def slow(host: str, port: int, **named: int) -> object:
        if host == "slow.example":
            release.wait(30)
        return system("127.0.0.1", port, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def main() -> list[str]:
        stuck = [asyncio.create_task(system_lookup("slow.example", 80)) for _ in range(40)]
        quick = await asyncio.wait_for(system_lookup("quick.example", 80), 5)
        for task in stuck:
            task.cancel()
        return quick

    started = time.monotonic()
    assert asyncio.run(main()) == ["127.0.0.1"]
    assert time.monotonic() - started < 5
    release.set()
    for thread in threading.enumerate():
        if thread.name == "dns-slow.example":
            thread.join(5)
    assert broken == []
