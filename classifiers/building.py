"""Compiles C that lies beside a module into a shared library, and opens it through ctypes.

A library says what source it was built from; one that was built from another is not opened.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Library = TypeVar("Library", bound=ctypes.CDLL)

# ``numpy`` leaves compiled code out.
SWITCH = "HEADLINES_SCORER"
_FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-fPIC", "-shared")
_COMPILE_S = 120


@dataclass(frozen=True, slots=True)
class Code:
    """``sources`` and ``headers`` lie in one folder; ``library`` is where it is built to, and
    ``digest`` names its function that says what source it is of."""

    sources: tuple[Path, ...]
    headers: tuple[Path, ...]
    library: Path
    digest: str

    def build(self, out: Path | None = None) -> str:
        """Compile the library, to ``out`` if it is given, in one rename; returns what went
        wrong, else an empty string."""
        compiler, target = _compiler(), out or self.library
        if compiler is None:
            return "no C compiler (cc, gcc or clang) was found"
        with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as folder:
            made = Path(folder) / target.name
            digest = f'-DSOURCE_DIGEST="{self._digest()}"'
            command = [
                *(*compiler, *_FLAGS, digest, f"-I{self.library.parent}"),
                *(*map(str, self.sources), "-o", str(made), "-lm"),
            ]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=_COMPILE_S, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return str(error)
            if done.returncode:
                return done.stderr.strip() or f"{compiler[0]} ended with {done.returncode}"
            made.replace(target)
        return ""

    def open(self, kind: type[Library], path: Path | None = None) -> Library:
        """Open the library, or another one. OSError when it is none; ValueError when it is of
        another source."""
        found = kind(str(path or self.library))
        try:
            digest = found[self.digest]
        except AttributeError as error:
            raise ValueError(f"{path or self.library} does not say its source") from error
        digest.restype = ctypes.c_char_p
        if digest().decode() != self._digest():
            raise ValueError(f"{(path or self.library).name} was built from another source")
        return found

    def _digest(self) -> str:
        parts = (each.read_bytes() for each in (*self.sources, *self.headers))
        return hashlib.sha256(b"".join(parts)).hexdigest()


def is_wanted() -> bool:
    """Whether compiled code may be used."""
    return os.environ.get(SWITCH, "") != "numpy"


def _compiler() -> list[str] | None:
    """``CC`` if it is set, else what Python was built with, else the usual names."""
    wanted = (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang")
    for each in wanted:
        words: list[Any] = str(each or "").split()
        if words and shutil.which(words[0]):
            return words
    return None
