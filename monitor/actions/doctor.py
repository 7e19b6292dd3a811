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

from classifiers import native
from classifiers.compiled import Scorer
from classifiers.corpus import parse_spec
from classifiers.errors import ClassifierError, CorpusError
from classifiers.registry import starter_folder
from classifiers.segment import read_words
from classifiers.taxonomy import read_mapping
from monitor.actions.corpora import FORMAT, register_database
from monitor.actions.models import registry
from monitor.actions.opening import opened, sections_in_queries, taxonomy_of
from monitor.actions.rules import list_all as list_rules
from monitor.addresses import parse_allowed
from monitor.channels import email
from monitor.config import Settings, load
from monitor.errors import HeadlineError, MigrationNeeded, UsageError
from monitor.rendering import browser
from monitor.rules import language
from monitor.service import check_channels
from monitor.storage import migrate, sources
from monitor.storage.schema import lease
from monitor.stories import reading

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
    """Every check, in order; those that need settings are skipped without them.

    A database that is older than this program is brought up, as a start of the daemon would.
    """
    try:
        settings = load(file, data)
        check_channels(settings)
        parse_allowed(settings.polling.allow_private)
    except UsageError as error:
        advice = "correct the file; 'headlines init' elsewhere writes a fresh one to compare"
        detail = " | ".join(str(error).splitlines())
        found = [Finding(1, "settings", "failed", detail, advice)]
        return found + [
            Finding(number, name, "skipped", "needs the settings")
            for number, name in enumerate(CHECKS, start=2)
        ]
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
        with (
            opened(settings) as database,
            contextlib.suppress(_Undo),
            database.write() as connection,
        ):
            connection.execute(sa.delete(lease).where(lease.c.name == "doctor"))
            raise _Undo
    except MigrationNeeded as error:
        return "failed", str(error), "install the newest headline-monitor, then try again"
    except HeadlineError as error:
        return "failed", str(error), "check the address, the folder's owner and the server"
    return "ok", f"writable, version {migrate.HEAD}", ""


class _Undo(Exception):
    """Ends a transaction that only tried whether it could write."""


def check_model(settings: Settings) -> Answer:
    """Is the live release there and whole?"""
    try:
        serving = registry(settings).current() or starter_folder()
        scorer = Scorer.load(serving)
    except ClassifierError as error:
        advice = "'headlines models list', then 'models promote' one without a problem"
        return "failed", str(error), f"{advice}; if the starter itself is damaged, reinstall"
    detail = f"release {scorer.release}, {len(scorer.sections)} sections"
    return "ok", f"{detail}, scored by {native.description(scorer.scanner is not None)}", ""


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
        except (OSError, UnicodeError) as error:
            advice = "check host and port; many networks block port 25"
            return "failed", f"{host}:{port}: {error}", advice
    return "ok", ", ".join(f"{table.get('host')}:{_port(table)}" for table in servers), ""


def _port(table: Mapping[str, object]) -> int:
    """The port that is set, else the usual one for the kind of encryption."""
    return int(str(table.get("port") or 0)) or email.PORTS[str(table.get("tls", "starttls"))]


def check_disk(settings: Settings) -> Answer:
    """Is there room for months of headlines?"""
    folder = next(each for each in (settings.data, *settings.data.parents) if each.is_dir())
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free at {folder}"
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


def check_rules(settings: Settings) -> Answer:
    """Can every rule be read, and does every channel that one names exist?"""
    known = sections(settings)
    problems = []
    try:
        stored = list_rules(settings)
    except HeadlineError:
        return "skipped", "needs the database", ""
    for rule in stored:
        try:
            language.parse(rule.query, sections=known)
        except UsageError as error:
            problems.append(f"{rule.name}: {str(error).splitlines()[0]}")
        problems += [
            f"{rule.name}: there is no channel {name!r}"
            for name in rule.channels
            if name not in settings.channels
        ]
    if problems:
        advice = "add the channel, or remove the rule and add it as it should be"
        return "failed", "; ".join(problems), advice
    return "ok", f"{len(stored)} rules", ""


def sections(settings: Settings) -> frozenset[str] | None:
    """The live model's; None where it cannot be used, which is another check's to tell."""
    try:
        return sections_in_queries(settings)
    except ClassifierError:
        return None


def check_learning(settings: Settings) -> Answer:
    """Can the user's sections and words be read, and the corpora of the schedule be found?"""
    register_database(settings)
    told = []
    try:
        own = taxonomy_of(settings)
        words = read_words(settings.text.words) if settings.text.words else ()
        for spec in settings.retrain.corpora:
            format_, path, mapping = parse_spec(spec)
            if format_ != FORMAT and path and not (folder_of(settings) / path).exists():
                raise CorpusError("no such file", path)
            if mapping:
                read_mapping(folder_of(settings) / mapping)
    except CorpusError as error:
        return "failed", str(error), "correct the file, or what names it in headlines.toml"
    told += [f"{len(own.ids)} sections of your own"] if own else []
    told += [f"{len(words)} words of your own"] if words else []
    told.append(f"retraining: {settings.retrain.schedule}")
    return "ok", ", ".join(told), ""


def folder_of(settings: Settings) -> Path:
    """Where relative paths of the settings start."""
    return settings.file.parent if settings.file else Path.cwd()


def check_browser(settings: Settings) -> Answer:
    """Can pages be drawn, where a source asks for it?"""
    try:
        with opened(settings) as database, database.read() as connection:
            wanted = sources.how_many_are_drawn(connection)
    except HeadlineError as error:
        return "skipped", str(error), ""
    if not wanted:
        return "skipped", "no source is drawn by a browser", ""
    program = settings.polling.browser or browser.find()
    if problem := browser.trouble(program):
        return "failed", problem, "until then these sources fail, and are tried again"
    return "ok", f"{program}, for {wanted} sources", ""


def check_reading(settings: Settings) -> Answer:
    """Can pairs of titles be read, where what it takes is installed?"""
    if not settings.stories.reading:
        return "skipped", "off in [stories]", ""
    if not reading.is_installed():
        return "skipped", "not installed: pip install 'headline-monitor[reading]'", ""
    reading.use(True)
    if problem := reading.missing():
        return "failed", problem, "until then titles are compared without it"
    return "ok", "titles in doubt are read by a model of language", ""


CHECKS: dict[str, Callable[[Settings], Answer]] = {
    "database": check_database,
    "model": check_model,
    "clock": check_clock,
    "dns": check_dns,
    "smtp": check_smtp,
    "disk": check_disk,
    "files": check_files,
    "rules": check_rules,
    "learning": check_learning,
    "browser": check_browser,
    "reading": check_reading,
}
