"""Who a claim or a lease belongs to: a process, named so that its death can be noticed."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from hashlib import blake2b
from pathlib import Path

# systemd's identity of this machine; where there is none, the kernel's of this boot.
MACHINE_FILES = (Path("/etc/machine-id"), Path("/proc/sys/kernel/random/boot_id"))


def worker_name() -> str:
    """``HOST:PID:START:PLACE:RANDOM`` of this process; no other, and no earlier one, has it.

    START and PLACE are empty where the system does not tell them.
    """
    pid = os.getpid()
    started = _started(pid) or ""
    return f"{socket.gethostname()}:{pid}:{started}:{_place()}:{secrets.token_hex(4)}"


def is_dead(name: str) -> bool:
    """Whether ``name`` is a process of this machine that has ended; False in any doubt."""
    _, _, rest = name.partition(":")
    pid, _, rest = rest.partition(":")
    started, _, rest = rest.partition(":")
    place, _, _ = rest.partition(":")
    if not (pid.isdecimal() and started and place) or place != _place():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False  # somebody else's process: it is there
    now = _started(int(pid))
    # The number may have been given again. What cannot be read may be alive.
    return now is not None and now != started


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; "" once it has ended, None if unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if len(fields) < 20 else "" if fields[0] in {"Z", "X"} else fields[19]


def _place() -> str:
    """This machine, and within it the room in which process numbers are unique."""
    with contextlib.suppress(OSError):
        room = str(Path("/proc/self/ns/pid").readlink())
        for path in MACHINE_FILES:
            with contextlib.suppress(OSError):
                machine = path.read_text(encoding="ascii", errors="replace").strip()
                if machine:
                    return blake2b(f"{machine} {room}".encode(), digest_size=6).hexdigest()
    return ""
