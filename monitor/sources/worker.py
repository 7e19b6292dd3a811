"""A parser process: reads documents from standard input, answers on standard output.

Started by ``ParserPool`` as ``python -m monitor.sources.worker CPU_S MEMORY_MB [PORTALS]``,
the folder of the user's adapters. It ends when its input ends, and the kernel ends it when a
document takes more than its time.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from monitor.errors import BudgetExceeded, ParseError, SettingsError
from monitor.identity import keys_of
from monitor.sources import SOURCE_KINDS, adapters, wire

_RECURSION_LIMIT = 1_000
_FEED = b"<rss version='2.0'><channel><title>x</title></channel></rss>"
_PAGE_BYTES = resource.getpagesize()


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    cpu_s, memory_mb = float(arguments[0]), int(arguments[1])
    limit = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which drains
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    sys.setrecursionlimit(_RECURSION_LIMIT)
    if len(arguments) > 2:
        _use_portals(Path(arguments[2]))
    answer("feed", _FEED, "", "", None, {}, 0)  # imports what most documents need
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)  # trees die by reference count
    serve(sys.stdin.buffer, sys.stdout.buffer, cpu_s)


def _use_portals(folder: Path) -> None:
    """The user's adapters; where they have become wrong, what needs one of them fails."""
    try:
        adapters.use(folder)
    except SettingsError as error:
        print(f"headlines: {error}", file=sys.stderr)


def serve(requests: BinaryIO, answers: BinaryIO, cpu_s: float) -> None:
    """Answer each frame of ``requests`` in order; SIGPROF ends the process after ``cpu_s``."""
    while len(header := requests.read(wire.HEADER.size)) == wire.HEADER.size:
        payload = requests.read(wire.HEADER.unpack(header)[0])
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        frame = _frame(payload)
        del payload
        if frame is None:  # packed here, where the document's memory is free again
            frame = wire.pack((wire.EXCEEDED, "memory", _held_mb()))
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(frame)
        answers.flush()
        del frame


def _frame(payload: bytes) -> bytes | None:
    """The answer to one request; None when it took too much memory."""
    try:
        outcome, value = answer(*wire.unpack(payload))
        return wire.pack((outcome, value, _held_mb()))
    except MemoryError:
        return None


def answer(
    kind: str,
    body: bytes,
    url: str,
    content_type: str,
    charset: str | None,
    options: dict[str, Any],
    source_id: int,
) -> tuple[int, Any]:
    """Parse one document; every failure becomes a value. MemoryError passes."""
    try:
        source = SOURCE_KINDS[kind]
        record = source.options(**options)
        feed = source.parse(
            body, url=url, content_type=content_type, charset=charset, options=record
        )
        return wire.DONE, wire.from_document(feed, keys_of(source_id, feed.entries))
    except BudgetExceeded as error:
        return wire.EXCEEDED, str(error)
    except ParseError as error:
        return wire.REFUSED, str(error)
    except MemoryError:
        raise
    except Exception as error:
        return wire.BROKEN, f"{type(error).__name__}: {error}"


def _held_mb() -> int:
    """The memory that this process holds now; 0 where the kernel does not tell.

    Not ``ru_maxrss``: that begins with what the parent held when it forked.
    """
    try:
        with Path("/proc/self/statm").open("rb") as statm:
            return int(statm.read().split()[1]) * _PAGE_BYTES // 1024**2
    except OSError:
        return 0


if __name__ == "__main__":
    main(sys.argv[1:])
