"""Rules brought in from other programs' files, and written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from monitor.actions.opening import opened, sections_in_queries
from monitor.actions.rules import check_channels
from monitor.actions.wholewords import lost_hits
from monitor.config import Settings
from monitor.errors import QueryError, SettingsError, UsageError
from monitor.manners import manners_of, read_options, write_options
from monitor.rules import importers, language
from monitor.rules.importers import Choices, Draft, Fate, Note
from monitor.rules.importers.draft import LARGEST_FILE
from monitor.rules.values import Sections
from monitor.service import utc_now
from monitor.storage import rules
from monitor.types import Rule, RuleOptions


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to import: ``format`` None is guessed; ``channels`` and ``options`` go to every rule
    (channels only to those whose file names none); ``replace`` changes rules of the same name.
    """

    format: str | None = None
    choices: Choices = field(default_factory=Choices)
    channels: tuple[str, ...] = ()
    options: Mapping[str, Any] | None = None
    replace: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import did. ``rules`` are those that are there now; ``skipped`` stand already."""

    format: str
    rules: tuple[Rule, ...]
    skipped: tuple[str, ...]
    notes: tuple[Note, ...]


def import_file(settings: Settings, path: Path, wanted: Wanted) -> Brought:
    """Read a file and store its rules, all or none. Raises UsageError, OSError."""
    manners_of(RuleOptions(**(wanted.options or {})), where="options")
    check_channels(wanted.channels, settings.channels)
    text = read_text(path)
    format_name = wanted.format or importers.guess(text, path.name)
    found = importers.read(text, format_name, replace(wanted.choices, name=path.stem))
    notes = list(found.notes)
    if wanted.choices.whole_words:
        notes += _lost(settings, found.drafts)
    sections = sections_in_queries(settings)
    ready = []
    for draft in found.drafts:
        try:
            ready.append(_rule(draft, settings, wanted, sections))
        except (QueryError, SettingsError, UsageError) as error:
            reason = error.expected if isinstance(error, QueryError) else str(error)
            kept = (draft.line, Fate.KEPT, draft.name)
            notes = [each for each in notes if (each.line, each.fate, each.what) != kept]
            notes.append(Note(draft.line, Fate.LOST, draft.name, reason))
    if any(not rule.channels and rule.options.mode != "none" for rule in ready):
        raise UsageError(
            "say where the alerts go: --channel NAME (or --mode none: on the page alone)"
        )
    stored, skipped = (_rehearse if wanted.dry_run else _store)(settings, ready, wanted)
    notes.sort(key=lambda note: note.line)
    return Brought(format_name, tuple(stored), tuple(skipped), tuple(notes))


def _lost(settings: Settings, drafts: Sequence[Draft]) -> list[Note]:
    lost = lost_hits(settings, [draft.query for draft in drafts])
    return [
        Note(0, Fate.CHANGED, word, f"a whole word: loses {count} of 30 days, such as {title!r}")
        for word, (count, title) in lost.items()
    ]


def read_text(path: Path) -> str:
    """The text of a file of at most 4 MiB. Raises UsageError, OSError."""
    if path.stat().st_size > LARGEST_FILE:
        raise UsageError(f"{path}: more than {LARGEST_FILE >> 20} MiB; no rule file is so large")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 ({error}); save it as UTF-8") from error


def _rule(draft: Draft, settings: Settings, wanted: Wanted, sections: Sections) -> Rule:
    query = language.with_ids(draft.query, sections)
    options = replace(read_options(draft.options, draft.name), **(wanted.options or {}))
    manners_of(options, where=draft.name)
    check_channels(draft.channels or (), settings.channels)
    channels = draft.channels if draft.channels is not None else wanted.channels
    if not channels and draft.channels is None and len(settings.channels) == 1:
        channels = tuple(settings.channels)
    return Rule(0, draft.name, query, tuple(dict.fromkeys(channels)), draft.enabled, options)


def _rehearse(
    settings: Settings, ready: Sequence[Rule], wanted: Wanted
) -> tuple[list[Rule], list[str]]:
    """What ``_store`` would do."""
    there: set[str] = set()
    if not wanted.replace and settings.data.exists():
        with opened(settings) as database, database.read() as connection:
            there = {rule.name for rule in rules.list_all(connection)}
    stored = [rule for rule in ready if rule.name not in there]
    return stored, [rule.name for rule in ready if rule.name in there]


def _store(
    settings: Settings, ready: Sequence[Rule], wanted: Wanted
) -> tuple[list[Rule], list[str]]:
    def work(connection: Connection) -> tuple[list[Rule], list[str]]:
        there = {rule.name: rule for rule in rules.list_all(connection)}
        stored, skipped = [], []
        for rule in ready:
            before = there.get(rule.name)
            if before is None:
                rules.add(connection, rule.name, rule.query, rule.channels, now, rule.options)
                before = rules.get(connection, rule.name)
            elif not wanted.replace:
                skipped.append(rule.name)
                continue
            changed = replace(
                before, query=rule.query, channels=rule.channels, enabled=rule.enabled,
                options=rule.options,
            )  # fmt: skip
            if changed != before:
                rules.change(connection, changed, now)
            stored.append(rules.get(connection, rule.name))
        return stored, skipped

    now = utc_now()
    with opened(settings) as database:
        return database.run(work)


def export(settings: Settings) -> str:
    """Every rule as a TOML file that ``import_file`` reads back to the same."""
    with opened(settings) as database, database.read() as connection:
        stored = rules.list_all(connection)
    return importers.write(
        Draft(rule.name, rule.query, write_options(rule.options), rule.channels, rule.enabled)
        for rule in stored
    )
