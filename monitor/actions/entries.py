"""Stored entries, for reading."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.engine import RowMapping

from monitor.actions.opening import find_source, opened, section_finder
from monitor.config import Settings
from monitor.service import utc_now
from monitor.storage import entries

SHOWN = (
    "id", "title", "url", "source", "author", "published_at", "first_seen_at", "language",
    "section", "probability", "runner_up", "unsure", "section_hint", "corrected", "shown",
    "section_by",
)  # fmt: skip
UNSURE = "unsure"


def find(
    settings: Settings,
    *,
    section: str | None = None,
    source: str | None = None,
    span: timedelta | None = None,
    words: tuple[str, ...] = (),
    limit: int = 50,
) -> list[RowMapping]:
    """The newest entries that fit, newest first.

    Raises NotFound for an unknown source, UsageError for an unknown section.
    """
    if section is not None and section != UNSURE:
        section = section_finder(settings)(section)
    with opened(settings) as database, database.read() as connection:
        wanted = entries.Filter(
            section=section,
            source_id=find_source(connection, source)["id"] if source is not None else None,
            since=utc_now() - span if span is not None else None,
            words=words,
            limit=limit,
        )
        return entries.list_shown(connection, wanted)


def as_json(row: RowMapping) -> dict[str, Any]:
    """An entry as ``--json`` shows it: ``section`` is predicted, ``shown`` is what counts, and
    ``section_by`` whose word that is: person, model, source, block, url or category."""
    hints = [{"kind": kind, "section": section} for kind, _, section in row["hints"] or ()]
    return {**{name: row[name] for name in SHOWN}, "hints": hints}
