"""``headlines doctor``: numbered checks, and what to do about each that fails."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from classifiers.errors import ClassifierError
from monitor.config import Settings, load
from monitor.errors import HeadlineError, MigrationNeeded, SettingsError
from monitor.model import Classifier
from monitor.service import check_channels
from monitor.storage import Database, migrate
from monitor.storage.schema import lease

FREE_BYTES = 500 * 1024 * 1024
OPEN_FILES = 1024
CONNECT_S = 5.0
EARLIEST = 1_750_000_000  # this program was not there before; a clock that says so is wrong
PROBE_NAME = "example.org"


@dataclass(frozen=True, slots=True)
class Finding:
    """``result`` is ok, failed or skipped; ``advice`` says what to do about a failure."""

    number: int
    check: str
    result: str
    detail: str
    advice: str = ""


def as_json(finding: Finding) -> dict[str, Any]:
    """A finding as ``--json`` shows it."""
    return {
        "number": finding.number,
        "check": finding.check,
        "result": finding.result,
        "detail": finding.detail,
        "advice": finding.advice,
    }


def examine(file: Path | None, data: Path | None) -> list[Finding]:
    """Every check, in order; those that need settings are skipped without them."""
    try:
        settings = load(file, data)
        check_channels(settings)
    except SettingsError as error:
        detail = "; ".join(sentence for _, sentence in error.problems)
        advice = "correct the file; 'headlines init' writes a fresh one"
        return [Finding(1, "settings", "failed", detail, advice)]
    where = str(settings.file) if settings.file else "defaults: no headlines.toml here"
    found = [Finding(1, "settings", "ok", where)]
    for number, (name, check) in enumerate(CHECKS.items(), start=2):
        result, detail, advice = check(settings)
        found.append(Finding(number, name, result, detail, advice))
    return found


Answer = tuple[str, str, str]


def check_database(settings: Settings) -> Answer:
    """Can it be written, and is it at the right version?"""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database)
        migrate.ensure(database)
        with contextlib.suppress(_Undo), database.write() as connection:
            connection.execute(sa.delete(lease).where(lease.c.name == "doctor"))
            raise _Undo
        database.close()
    except MigrationNeeded as error:
        return "failed", str(error), "install the newest headline-monitor, then try again"
    except (HeadlineError, OSError) as error:
        return "failed", str(error), "check the address, the folder's owner and the server"
    return "ok", f"writable, version {migrate.HEAD}", ""


class _Undo(Exception):
    """Ends a transaction that only tried whether it could write."""


def check_model(settings: Settings) -> Answer:
    """Is the live release there and whole?"""
    try:
        classifier = Classifier(settings.data / "models")
    except ClassifierError as error:
        return "failed", str(error), "'headlines models rollback', or reinstall the package"
    scorer = classifier.scorer
    return "ok", f"release {scorer.release}, {len(scorer.sections)} sections", ""


def check_clock(settings: Settings) -> Answer:
    """A clock that is plainly wrong spoils schedules and webhook signatures."""
    now = time.time()
    if now < EARLIEST:
        stamp = time.strftime("%Y-%m-%d", time.gmtime(now))
        return "failed", f"the clock says {stamp}", "set the clock (timedatectl set-ntp true)"
    return "ok", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)), ""


def check_dns(settings: Settings) -> Answer:
    """Are names resolved?"""
    started = time.monotonic()
    try:
        socket.getaddrinfo(PROBE_NAME, 443)
    except OSError as error:
        return "failed", f"{PROBE_NAME}: {error}", "check /etc/resolv.conf and the network"
    return "ok", f"{PROBE_NAME} in {time.monotonic() - started:.2f} s", ""


def check_smtp(settings: Settings) -> Answer:
    """Does each mail server take connections?"""
    servers = [table for table in settings.channels.values() if table.get("kind") == "email"]
    if not servers:
        return "skipped", "no e-mail channel is configured", ""
    for table in servers:
        host, port = str(table.get("host", "")), _port(table)
        try:
            socket.create_connection((host, port), CONNECT_S).close()
        except OSError as error:
            advice = "check host and port; many networks block port 25"
            return "failed", f"{host}:{port}: {error}", advice
    return "ok", ", ".join(f"{table.get('host')}:{_port(table)}" for table in servers), ""


def _port(table: Mapping[str, object]) -> int:
    return int(str(table.get("port", 587)))


def check_disk(settings: Settings) -> Answer:
    """Is there room for months of headlines?"""
    free = shutil.disk_usage(settings.data).free
    detail = f"{free / 1e9:.1f} GB free at {settings.data}"
    if free < FREE_BYTES:
        return "failed", detail, "free some space, or lower retention.days"
    return "ok", detail, ""


def check_files(settings: Settings) -> Answer:
    """May enough files be open? Each request is one."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(OPEN_FILES, 4 * settings.polling.concurrency)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        return "failed", f"{soft} files may be open", f"raise it to {wanted} (ulimit -n)"
    return "ok", f"{soft} files may be open", ""


CHECKS: dict[str, Callable[[Settings], Answer]] = {
    "database": check_database,
    "model": check_model,
    "clock": check_clock,
    "dns": check_dns,
    "smtp": check_smtp,
    "disk": check_disk,
    "files": check_files,
}
