"""``headlines`` in this process, with what it printed, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main

HEADLINES = Path(sys.executable).with_name("headlines")


@dataclass(frozen=True, slots=True)
class Printed:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


class CommandLine:
    """Runs commands in ``folder``, whose headlines.toml the first ``configure`` writes."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *argv: str | Path) -> Printed:
        self._capsys.readouterr()
        code = main([str(each) for each in argv])
        printed = Printed(code, *self._capsys.readouterr())
        assert "Traceback" not in printed.err
        assert "defect" not in printed.err
        return printed

    def good(self, *argv: str | Path) -> Printed:
        """A command that must work."""
        printed = self(*argv)
        assert printed.code == 0, printed.err
        return printed

    def configure(self, text: str = "", database: str = "") -> None:
        """Write headlines.toml; loopback may be polled."""
        top = f'database = "{database}"\n' if database else ""
        polling = '[polling]\nallow_private = ["127.0.0.1"]\n'
        (self.folder / "headlines.toml").write_text(f"{top}{polling}{text}", encoding="utf-8")

    def process(
        self, *argv: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """The installed ``headlines``, in a process of its own."""
        clean = {key: value for key, value in os.environ.items() if key[:10] != "HEADLINES_"}
        return subprocess.run(
            [HEADLINES, *argv],
            cwd=self.folder,
            env={**clean, **(environment or {})},
            timeout=120,
            check=False,
            **{"capture_output": True, **options},
        )
