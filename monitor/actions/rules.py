"""Rules: kept, and tried on a title or on stored history before they are trusted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from monitor.actions.opening import opened, sections_of
from monitor.config import Settings
from monitor.errors import UsageError
from monitor.manners import manners_of
from monitor.model import open_classifier
from monitor.options import nearest
from monitor.rules import language
from monitor.rules.matcher import RuleSet, Subject, age_s
from monitor.service import utc_now
from monitor.storage import entries, rules, telling
from monitor.text import detect_language
from monitor.types import AlertEntry, Rule, RuleOptions

Spans = tuple[tuple[int, int], ...]
LONGEST_NAME = 200
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a query would have matched; ``newest`` first.

    ``per_day`` is over the time that entries were there for, one day at least.
    """

    matched: int
    looked_at: int
    per_day: float
    newest: tuple[AlertEntry, ...]


def add(
    settings: Settings,
    name: str,
    query: str,
    channels: tuple[str, ...],
    options: RuleOptions | None = None,
) -> bool:
    """Check and store a rule; whether it matches nearly everything. Raises UsageError."""
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise UsageError(
            f"{name[:40]!r} is no name for a rule: 1 to {LONGEST_NAME} visible characters"
        )
    channels = tuple(dict.fromkeys(channels))
    check_channels(channels, settings.channels)
    manners_of(options or RuleOptions(), where=name)
    parsed = language.parse(query, sections=frozenset(sections_of(settings)))
    with opened(settings) as database:
        database.run(
            lambda connection: rules.add(connection, name, query, channels, utc_now(), options)
        )
    return language.is_broad(parsed)


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
    if wanted.query is not None:
        language.parse(wanted.query, sections=frozenset(sections_of(settings)))

    def work(connection: Connection) -> Rule:
        before = rules.get(connection, name)
        changed = replace(
            before,
            query=before.query if wanted.query is None else wanted.query,
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
    until = utc_now() + span if span else None

    def work(connection: Connection) -> None:
        rules.snooze(connection, name, until)
        if until is None:
            telling.release_snoozed(connection, name, utc_now())

    with opened(settings) as database:
        database.run(work)
    return until


def check_channels(wanted: Collection[str], known: Collection[str]) -> None:
    """Raise UsageError for a channel that the settings lack: its alerts would reach nobody."""
    for name in wanted:
        if name not in known:
            hint = nearest(name, known) if known else "; none yet: add a table [channels.NAME]"
            raise UsageError(f"no channel is called {name!r} in headlines.toml{hint}")


def list_all(settings: Settings) -> list[Rule]:
    """Every rule."""
    with opened(settings) as database, database.read() as connection:
        return rules.list_all(connection)


def remove(settings: Settings, name: str) -> None:
    """Delete a rule. Raises NotFound."""
    with opened(settings) as database:
        database.run(lambda connection: rules.remove(connection, name))


def try_title(settings: Settings, query: str, title: str) -> Spans | None:
    """The spans of ``title`` that matched, or None when it does not match."""
    classifier = open_classifier(settings)
    parsed = language.parse(query, sections=frozenset(sections_of(settings)))
    prediction = classifier([title])[0]
    subject = Subject(
        title=title,
        section=prediction.section,
        probability=prediction.probability,
        unsure=prediction.unsure,
        language=detect_language(title),
    )
    hits = RuleSet([(0, parsed)]).match(subject)
    return hits[0].spans if hits else None


def try_history(settings: Settings, query: str, span: timedelta, limit: int) -> Trial:
    """Run a query on what was stored in the last ``span``."""
    parsed = language.parse(query, sections=frozenset(sections_of(settings)))
    matcher = RuleSet([(0, parsed)])
    now = utc_now()
    oldest = now
    found: list[AlertEntry] = []
    matched = looked_at = 0
    with opened(settings) as database, database.read() as connection:
        for row in entries.newest(connection, now - span):
            looked_at += 1
            oldest = row["first_seen_at"]
            hits = matcher.match(subject_of(row, now))
            if hits:
                matched += 1
                if len(found) < limit:
                    found.append(replace(alert_entry(row), spans=hits[0].spans))
    days = max((now - oldest) / DAY, 1.0)
    return Trial(matched, looked_at, matched / days, tuple(found))


def subject_of(row: RowMapping, now: datetime) -> Subject:
    """A stored entry as rules see it at ``now``."""
    return Subject(
        title=row["title"],
        section=row["shown"],
        probability=row["probability"],
        unsure=row["shown_unsure"],
        source=row["source"],
        source_url=row["source_url"],
        labels=tuple(row["labels"]),
        language=row["language"],
        author=row["author"] or "",
        rank=row["rank"],
        age_s=age_s(now, row["published_at"], row["first_seen_at"]),
    )


def alert_entry(row: RowMapping) -> AlertEntry:
    """A stored entry as alerts and lists tell it."""
    return AlertEntry(
        id=row["id"],
        title=row["title"],
        url=row["url"],
        source=row["source"],
        section=row["shown"],
        probability=row["probability"],
        unsure=row["shown_unsure"],
        published_at=row["published_at"],
        first_seen_at=row["first_seen_at"],
    )
