"""A whole small world: portal, mailbox, webhook receiver, database, and daemons in processes."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitor.errors import StorageError
from monitor.storage import Database, migrate, rules, sources
from monitor.storage.schema import delivery, entry, source
from monitor.storage.sources import NewSource
from tests.e2e.process import HEADLINES, DaemonProcess, clean_environment, until
from tests.e2e.receivers import Hooks, Portal
from tests.httpserver import HttpServer
from tests.mailserver import MailServer

SECRET = "whsec_" + base64.b64encode(b"a key that only two know of 32 b").decode()


class World:
    """What a test acts on. Rules name the channels ``hook`` and ``mail``."""

    def __init__(
        self, folder: Path, url: str, portal: Portal, hooks: Hooks, mails: MailServer
    ) -> None:
        self.folder = folder
        self.database = Database(url)
        migrate.ensure(self.database)
        self.url = url
        self.portal = portal
        self.hooks = hooks
        self.mails = mails
        self.settings = folder / "headlines.toml"
        self.daemons: list[DaemonProcess] = []
        self.write_settings()

    def write_settings(self, **changes: Mapping[str, object] | None) -> None:
        """The settings file; ``changes`` replace whole tables, None leaves one out."""
        tables: dict[str, Mapping[str, object] | None] = {
            "polling": {"allow_private": self.own_addresses},
            "channels.hook": {"kind": "webhook", "url": self.hooks.url, "secrets": [SECRET]},
            "channels.mail": {
                "kind": "email",
                "host": "127.0.0.1",
                "port": self.mails.port,
                "tls": "none",
                "sender": "headlines@monitor.example",
                "recipients": ["you@reader.example"],
            },
            **changes,
        }
        lines = [f'data = "{self.folder / "data"}"', f"database = {json.dumps(self.url)}"]
        for name, table in tables.items():
            if table is not None:
                lines.append(f"[{name}]")
                lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        self.settings.write_text("\n".join(lines), encoding="utf-8")

    @property
    def own_addresses(self) -> list[str]:
        """Portal and receiver: private addresses that the settings allow."""
        return [f"127.0.0.1:{server.port}" for server in (self.portal.server, self.hooks.server)]

    def add(self, *urls: str, every_s: float = 1.0, history: bool = False) -> None:
        """Watch ``urls``; their names are the addresses."""
        new = [NewSource(url, interval_s=every_s, history=history) for url in urls]
        with self.database.write() as connection:
            sources.add_many(connection, new, datetime.now(UTC))

    def rule(self, query: str, *channels: str, name: str = "rule") -> None:
        with self.database.write() as connection:
            rules.add(connection, name, query, channels or ("hook", "mail"), datetime.now(UTC))

    def start(self, environment: Mapping[str, str] | None = None) -> DaemonProcess:
        """Another daemon."""
        daemon = DaemonProcess(self.settings, len(self.daemons), environment)
        self.daemons.append(daemon)
        return daemon

    def command(self, *words: str) -> str:
        """What a command of the same settings prints; it must succeed."""
        done = subprocess.run(
            [HEADLINES, *words, "--config", self.settings],
            cwd=self.folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def all(self, column: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> list[Any]:
        try:
            with self.database.read() as connection:
                return list(connection.scalars(sa.select(column).where(*where)))
        except StorageError:
            # A test ended this session, too; the pool opens another.
            with self.database.read() as connection:
                return list(connection.scalars(sa.select(column).where(*where)))

    @property
    def stored(self) -> list[str]:
        """The titles of all entries."""
        return self.all(entry.c.title)

    @property
    def baselines(self) -> int:
        """How many sources have been polled."""
        return len(self.all(source.c.id, source.c.baseline_at.is_not(None)))

    @property
    def owed(self) -> int:
        """How many deliveries have not arrived."""
        return len(self.all(delivery.c.id, delivery.c.state != "sent"))

    def all_settled(self, count: int) -> bool:
        """Whether there are ``count`` deliveries, and all have arrived."""
        states = self.all(delivery.c.state)
        return len(states) == count and set(states) == {"sent"}

    def wait_for_baselines(self, count: int, timeout_s: float = 15.0) -> None:
        until(lambda: self.baselines >= count, timeout_s, f"{count} sources are polled")

    def mail_ids(self) -> list[str]:
        return [str(mail.message["Message-ID"]) for mail in self.mails.mails]

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.close()
            print(f"--- {daemon.log.name}\n{daemon.text()}")  # shown when the test failed
        self.database.close()


@pytest.fixture
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """On SQLite; ``indirect`` parameters name another engine."""
    engine = getattr(request, "param", "sqlite")
    url = str(request.getfixturevalue(f"{engine}_url"))
    # A socket's path has to be short.
    folder = tmp_path_factory.mktemp("w")
    with HttpServer() as site, HttpServer() as receiver, MailServer() as mails:
        found = World(folder, url, Portal(site), Hooks(receiver, SECRET), mails)
        try:
            yield found
        finally:
            found.close()
            shutil.rmtree(folder, ignore_errors=True)
