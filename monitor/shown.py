"""Stored entries as rules and alerts see them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import RowMapping

from monitor.messages import AlertEntry, Circumstances
from monitor.rules.matcher import Subject, age_s
from monitor.types import Placed


def subject_of(row: RowMapping, now: datetime, placed: Placed | None = None) -> Subject:
    """A stored entry as rules see it at ``now``; ``placed`` says where it stood among stories."""
    placed = placed or Placed(row["story_id"] or row["id"])
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
        portals=placed.portals,
        hot=placed.heat,
        is_first=placed.first,
        burst=placed.burst,
    )


def circumstances_of(subject: Subject) -> Circumstances:
    """What an alert keeps of the ``subject`` that a rule was asked about."""
    return Circumstances(
        language=subject.language,
        author=subject.author,
        source_url=subject.source_url,
        labels=subject.labels,
        rank=subject.rank,
        age_s=subject.age_s,
        hot=subject.hot,
        is_first=subject.is_first,
        burst=subject.burst,
    )


def subject_told(entry: AlertEntry) -> Subject:
    """The subject that a rule was asked about, as far as its alert keeps it."""
    then = entry.then or Circumstances()
    return Subject(
        title=entry.title,
        section=entry.section,
        probability=entry.probability,
        unsure=entry.unsure,
        source=entry.source,
        source_url=then.source_url,
        labels=then.labels,
        language=then.language,
        author=then.author,
        rank=then.rank,
        age_s=then.age_s,
        portals=entry.portals,
        hot=then.hot,
        is_first=then.is_first,
        burst=then.burst,
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
