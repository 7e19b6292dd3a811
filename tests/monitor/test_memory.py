"""What was freed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from monitor import memory

# What stays lies between what is freed, so that the C library cannot shorten its heap by itself.
WORK = """
import os, sys
from pathlib import Path
from monitor import memory

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

memory.share_arenas()
blocks = [bytes(2_000) for _ in range(50_000)]
kept = blocks[::50]
del blocks
before = resident_mb()
memory.give_back()
print(before - resident_mb(), kept[0] == bytes(2_000))
"""


def test_freed_memory_is_given_back() -> None:
    memory.give_back()  # anywhere, it does no harm
    if platform.libc_ver()[0] != "glibc" or not Path("/proc/self/statm").exists():
        return
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    given, same = done.stdout.split()
    assert float(given) > 50
    assert same == "True"
