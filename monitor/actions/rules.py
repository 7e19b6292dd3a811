"""Rules: kept, and tried on a title or on stored history before they are trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.engine import RowMapping

from monitor.config import Settings
from monitor.model import Classifier
from monitor.rules import language
from monitor.rules.matcher import RuleSet, Subject
from monitor.service import open_database, utc_now
from monitor.storage import entries, rules
from monitor.text import detect_language
from monitor.types import AlertEntry, Rule

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a query would have matched; ``newest`` first."""

    matched: int
    looked_at: int
    per_day: float
    newest: tuple[AlertEntry, ...]


def add(settings: Settings, name: str, query: str, channels: tuple[str, ...]) -> bool:
    """Check and store a rule; whether it matches nearly everything. Raises UsageError."""
    parsed = language.parse(query, sections=sections_of(settings))
    database = open_database(settings)
    database.run(lambda connection: rules.add(connection, name, query, channels, utc_now()))
    return language.is_broad(parsed)


def list_all(settings: Settings) -> list[Rule]:
    """Every rule."""
    with open_database(settings).read() as connection:
        return rules.list_all(connection)


def remove(settings: Settings, name: str) -> None:
    """Delete a rule. Raises NotFound."""
    open_database(settings).run(lambda connection: rules.remove(connection, name))


def sections_of(settings: Settings) -> frozenset[str]:
    """The sections that the live model knows."""
    return frozenset(Classifier(settings.data / "models").scorer.sections)


def try_title(settings: Settings, query: str, title: str) -> Spans | None:
    """The spans of ``title`` that matched, or None when it does not match."""
    classifier = Classifier(settings.data / "models")
    parsed = language.parse(query, sections=frozenset(classifier.scorer.sections))
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
    parsed = language.parse(query, sections=sections_of(settings))
    matcher = RuleSet([(0, parsed)])
    since = utc_now() - span
    found: list[AlertEntry] = []
    matched = looked_at = 0
    with open_database(settings).read() as connection:
        for row in entries.newest(connection, since):
            looked_at += 1
            hits = matcher.match(subject_of(row))
            if hits:
                matched += 1
                if len(found) < limit:
                    found.append(replace(alert_entry(row), spans=hits[0].spans))
    days = max(span.total_seconds() / 86400, 1e-9)
    return Trial(matched, looked_at, matched / days, tuple(found))


def subject_of(row: RowMapping) -> Subject:
    """A stored entry as rules see it."""
    return Subject(
        title=row["title"],
        section=row["shown"],
        probability=row["probability"],
        unsure=row["unsure"] and row["shown"] == row["section"] and not row["corrected"],
        source=row["source"],
        source_url=row["source_url"],
        labels=tuple(row["labels"]),
        language=row["language"],
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
        unsure=row["unsure"],
        published_at=row["published_at"],
        first_seen_at=row["first_seen_at"],
    )
