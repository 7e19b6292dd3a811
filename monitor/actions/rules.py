"""Rules: kept, changed, snoozed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from monitor.actions.channels import unusable
from monitor.actions.opening import opened, sections_in_queries
from monitor.config import Settings
from monitor.errors import SettingsError, UsageError
from monitor.manners import manners_of
from monitor.options import nearest
from monitor.rules import language
from monitor.service import utc_now
from monitor.storage import rules, telling
from monitor.types import Rule, RuleOptions

LONGEST_NAME = 200


def add(
    settings: Settings,
    name: str,
    query: str,
    channels: tuple[str, ...],
    options: RuleOptions | None = None,
) -> None:
    """Check and store a rule. Raises UsageError."""
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise UsageError(
            f"{name[:40]!r} is no name for a rule: 1 to {LONGEST_NAME} visible characters"
        )
    name, channels = name.strip(), tuple(dict.fromkeys(channels))
    check_channels(channels, settings.channels)
    check_tables(settings, channels)
    manners_of(options or RuleOptions(), where=name)
    query = language.with_ids(query, sections_in_queries(settings))
    with opened(settings) as database:
        database.run(
            lambda connection: rules.add(connection, name, query, channels, utc_now(), options)
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to change of a rule; None leaves it. ``options`` are fields of RuleOptions."""

    query: str | None = None
    channels: tuple[str, ...] | None = None
    enabled: bool | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def edit(settings: Settings, name: str, wanted: Edit) -> Rule:
    """Change a rule; what is there now. Raises UsageError, NotFound."""
    if wanted.channels is not None:
        check_channels(wanted.channels, settings.channels)
        check_tables(settings, wanted.channels)
    query = wanted.query
    if query is not None:
        query = language.with_ids(query, sections_in_queries(settings))

    def work(connection: Connection) -> Rule:
        before = rules.get(connection, name)
        changed = replace(
            before,
            query=before.query if query is None else query,
            channels=before.channels
            if wanted.channels is None
            else tuple(dict.fromkeys(wanted.channels)),
            enabled=before.enabled if wanted.enabled is None else wanted.enabled,
            options=replace(before.options, **wanted.options),
        )
        manners_of(changed.options, where=name)
        rules.change(connection, changed, utc_now())
        return rules.get(connection, name)

    with opened(settings) as database:
        return database.run(work)


def snooze(settings: Settings, name: str, span: timedelta | None) -> datetime | None:
    """Hold what a rule matches for ``span``; None ends that. Until when. Raises NotFound."""
    now = utc_now()
    until = now + span if span else None

    def work(connection: Connection) -> None:
        rules.snooze(connection, name, until)
        telling.move_snoozed(connection, name, until or now)

    with opened(settings) as database:
        database.run(work)
    return until


def check_channels(wanted: Collection[str], known: Collection[str]) -> None:
    """Raise UsageError for a channel that the settings lack: its alerts would reach nobody."""
    for name in wanted:
        if name not in known:
            hint = nearest(name, known) if known else "; none yet: add a table [channels.NAME]"
            raise UsageError(f"no channel is called {name!r} in headlines.toml{hint}")


def check_tables(settings: Settings, wanted: Collection[str]) -> None:
    """Raise SettingsError where a table of the settings makes no channel."""
    problems = [
        problem for error in unusable(settings, wanted).values() for problem in error.problems
    ]
    if problems:
        raise SettingsError(problems)


def list_all(settings: Settings) -> list[Rule]:
    """Every rule."""
    with opened(settings) as database, database.read() as connection:
        return rules.list_all(connection)


def remove(settings: Settings, name: str) -> None:
    """Delete a rule. Raises NotFound."""
    with opened(settings) as database:
        database.run(lambda connection: rules.remove(connection, name))
