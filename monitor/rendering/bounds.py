"""What a page may cost, and the part of it that the kernel sees to."""

from __future__ import annotations

import ctypes
import resource
import signal
import sys
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one page: ``loaded_bytes`` over the network, both ways, and ``connections`` there;
    ``processor_s`` and ``memory_mb`` of all its processes together; ``disk_mb`` in its folder.

    The kernel holds each process to ``memory_mb`` besides, where it can (Linux).
    """

    loaded_bytes: int = 60 * _MB
    connections: int = 400
    processor_s: float = 60.0
    memory_mb: int = 1024
    disk_mb: int = 256


def hold(bounds: Bounds) -> None:
    """This process's part, which the browser inherits: limits of the kernel, the parent's end as
    our own, and no child of a child that gets away."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        most = bounds.memory_mb * _MB
        # Of what is private and may be written; Chromium reserves far more addresses than that.
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
