"""Name lookups that cannot hold up anything else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable

Lookup = Callable[[str, int], Awaitable[list[str]]]


async def system_lookup(host: str, port: int) -> list[str]:
    """The numeric addresses of ``host``, best first, from the system's resolver.

    Each lookup has a daemon thread of its own: the loop's pool is small enough to be filled
    by a few dead name servers, and its threads would delay the program's exit.
    Raises OSError; the caller sets the time limit.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str], error: OSError | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(addresses)
        else:
            answer.set_exception(error)

    def work() -> None:
        addresses: list[str] = []
        error: OSError | None = None
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(info[4][0]) for info in found]
        except OSError as problem:
            error = problem
        except UnicodeError:
            error = socket.gaierror(socket.EAI_NONAME, "not a name that DNS can hold")
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, addresses, error)

    threading.Thread(target=work, name=f"dns-{host}", daemon=True).start()
    return await answer
