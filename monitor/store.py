"""The last step of a poll: entries, matches and owed deliveries, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection, RowMapping

from monitor import climbing, telling, text
from monitor.decide import Update
from monitor.familiar import Revised
from monitor.hints import Hint, derive
from monitor.hints.trust import Trust, choose
from monitor.identity import Keys
from monitor.messages import AlertEntry
from monitor.rulebook import RuleBook
from monitor.rules.matcher import Subject, age_s
from monitor.shown import circumstances_of, subject_of
from monitor.storage import corrections, entries, history, sources, subscriptions
from monitor.storage import stories as story_rows
from monitor.storage import telling as telling_rows
from monitor.storage.entries import Mark, Matched, NewEntry
from monitor.storage.schema import microseconds
from monitor.stories.address import portal_of
from monitor.stories.heat import Newcomer
from monitor.storybook import StoryBook
from monitor.telling import Standing
from monitor.types import Hit, ParsedEntry, Placed, Prediction


@dataclass(frozen=True, slots=True)
class Headline:
    """A stored entry as logs and the demonstration tell it."""

    entry: AlertEntry
    rules: tuple[str, ...]
    silent: bool
    revised: bool


class Draft(NamedTuple):
    """An entry about to be stored: what its document said, and what the classifier says.

    ``hinted`` is the hint that is shown in the classifier's stead, if any; ``said`` the section
    that a person corrected a revised one to.
    """

    update: Update
    parsed: ParsedEntry
    keys: Keys
    prediction: Prediction
    language: str
    revised: Revised | None = None
    hints: tuple[Hint, ...] = ()
    hinted: Hint | None = None
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction stored: entries by number, and the rules that each matched; ``ours``
    are the sources that it settled, ``moved`` those that have another address now."""

    new_entries: int
    deliveries: int
    stored: tuple[tuple[int, Draft], ...]
    hits: Mapping[int, Sequence[Hit]]
    placed: Mapping[int, Placed]
    ours: Set[int]
    moved: Set[int] = frozenset()


def draft(
    updates: Sequence[Update],
    classify: Callable[[Sequence[str]], Sequence[Prediction]],
    trust: Trust,
    sections: Mapping[str, str] | None = None,
) -> list[Draft]:
    """Every new and revised entry with its prediction, classified in one call, and its hints.

    ``sections`` says what the classifier calls those that hints may name; None allows all.
    """
    found: list[tuple[Update, ParsedEntry, Keys, Revised | None]] = []
    for update in updates:
        found += [(update, parsed, keys, None) for parsed, keys in update.new]
        found += [(update, item.parsed, item.keys, item) for item in update.revised]
    if not found:
        return []
    predictions = classify([parsed.title for _, parsed, _, _ in found])
    made = []
    for (update, parsed, keys, revised), prediction in zip(found, predictions, strict=True):
        hints = derive(parsed, update.source, sections)
        hinted = choose(prediction, hints, trust)
        language = text.detect_language(parsed.title)
        made.append(Draft(update, parsed, keys, prediction, language, revised, hints, hinted))
    return made


def write(
    connection: Connection,
    worker: str,
    updates: Sequence[Update],
    drafts: Sequence[Draft],
    book: RuleBook,
    stories: StoryBook,
    now: datetime,
) -> Written:
    """The transaction. Sources that another worker took meanwhile are left to it."""
    ours = sources.still_claimed(connection, worker, [update.source.id for update in updates])
    fresh = [d for d in drafts if d.revised is None and d.update.source.id in ours]
    changed = [d for d in drafts if d.revised is not None and d.update.source.id in ours]
    former = entries.former(connection, [d.revised.entry_id for d in changed if d.revised])
    said = corrections.said_of(connection, list(former)) if former else {}
    changed = [
        d._replace(
            said=said.get(d.revised.entry_id),
            parsed=_at_best(d.parsed, former[d.revised.entry_id].rank),
        )
        for d in changed
        if d.revised and d.revised.entry_id in former
    ]
    first = entries.allocate(connection, len(fresh)) if fresh else 0
    numbered = [(first + index, draft) for index, draft in enumerate(fresh)]
    renumbered = [(draft.revised.entry_id, draft) for draft in changed if draft.revised]

    placed = _place(connection, numbered, renumbered, former, stories, now)
    at = microseconds(now)
    entries.insert_many(
        connection,
        [_entry_row(number, draft, at, placed.get(number)) for number, draft in numbered],
        [mark for number, draft in (*numbered, *renumbered) for mark in _marks(number, draft, at)],
    )
    edited = [number for number, _ in renumbered]
    before = history.details(connection, edited) if edited else []
    entries.revise(
        connection,
        [_revision_row(number, draft, former[number].title) for number, draft in renumbered],
        now,
    )
    story_rows.settle_sections(connection, edited)
    stored = (*numbered, *renumbered)
    hits = _match(connection, stored, before, placed, book, now)
    standings = [
        _standing(number, draft, placed[number], hits.get(number, ()), now)
        for number, draft in stored
        if not draft.update.silent
    ]
    climbers = climbing.note(
        connection,
        [update for update in updates if update.source.id in ours],
        [(number, draft.update.source.id, draft.parsed) for number, draft in numbered],
        now,
    )
    standings += climbing.standings(connection, climbers, book, stories, now)
    sent = telling.tell(connection, standings, book, now)
    whole = [each for each in updates if each.source.id in ours and not each.partial]
    moved = _settle(connection, whole, now)
    return Written(len(numbered), sent, stored, hits, placed, ours, moved)


def _at_best(parsed: ParsedEntry, rank: int | None) -> ParsedEntry:
    """``parsed`` at its best place, where that was ``rank`` so far."""
    places = [place for place in (parsed.rank, rank) if place]
    return parsed._replace(rank=min(places, default=None))


Numbered = Sequence[tuple[int, Draft]]


def _place(
    connection: Connection,
    fresh: Numbered,
    revised: Numbered,
    former: Mapping[int, entries.Former],
    stories: StoryBook,
    now: datetime,
) -> dict[int, Placed]:
    """The stories of what is not silent. A revised title stays in the story that it had."""
    loud = [(number, draft) for number, draft in (*fresh, *revised) if not draft.update.silent]
    known = {number: story for number, (_, story, _) in former.items() if story is not None}
    new = [_newcomer(number, draft, now) for number, draft in loud if number not in known]
    placed = stories.place(connection, new, now)
    merged = {old: each.story_id for each in placed.values() for old in each.merged}
    known = {number: merged.get(story, story) for number, story in known.items()}
    joined = {n: placed[n].story_id for n in former if n in placed}
    story_rows.assign(connection, joined)
    # What climbed before it was grouped was told under its own number.
    telling_rows.merge(connection, {n: story for n, story in joined.items() if story != n})
    lone = {number: Placed(number) for number, _ in loud}
    return lone | placed | stories.facts(connection, known, now)


def _newcomer(number: int, draft: Draft, now: datetime) -> Newcomer:
    parsed = draft.parsed
    section, _ = _section(draft)
    portal = portal_of(draft.update.source.url)
    return Newcomer(number, parsed.title, parsed.url, portal, section, parsed.rank, now)


def _match(
    connection: Connection,
    numbered: Numbered,
    before: Sequence[RowMapping],
    placed: Mapping[int, Placed],
    book: RuleBook,
    now: datetime,
) -> dict[int, list[Hit]]:
    """Match what is not silent against all rules, and store the matches. Of a title that was
    edited, what it matched ``before`` is no news."""
    loud = [(number, draft) for number, draft in numbered if not draft.update.silent]
    if not loud or not book.rules:
        return {}
    subjects = {number: subject(draft, placed[number], now) for number, draft in loud}
    hits = book.matcher.match_many(list(subjects.values()))
    hits_of = {number: found for number, found in zip(subjects, hits, strict=True) if found}
    edited = [row for row in before if row["id"] in hits_of]
    told = entries.matched_pairs(connection, [row["id"] for row in edited])
    for row in edited:
        number = row["id"]
        was = book.matcher.match(_as_it_came(row, subjects[number], now))
        known = {hit.rule_id for hit in was}
        hits_of[number] = [
            hit
            for hit in hits_of[number]
            if hit.rule_id not in known and (hit.rule_id, number) not in told
        ]
    entries.insert_matches(
        connection,
        [
            Matched(hit.rule_id, number, json.dumps(hit.spans), microseconds(now))
            for number, found in hits_of.items()
            for hit in found
        ],
    )
    return hits_of


def _as_it_came(row: RowMapping, edited: Subject, now: datetime) -> Subject:
    """What rules saw of an entry under its former title: no story yet, and no person's word. An
    edit makes nothing young."""
    was = subject_of(row, now, Placed(row["id"]))
    section = row["hinted"] or row["section"]
    unsure = row["unsure"] and row["hinted"] is None
    return replace(was, section=section, unsure=unsure, age_s=edited.age_s)


def _standing(
    number: int, draft: Draft, placed: Placed, hits: Sequence[Hit], now: datetime
) -> Standing:
    entry = _alert_entry(number, draft, now, placed)
    if hits:
        entry = replace(entry, then=circumstances_of(subject(draft, placed, now)))
    return Standing(entry, hits, placed.heat, draft.revised is not None)


def tell(written: Written, book: RuleBook, now: datetime) -> list[Headline]:
    """What was stored, for those who watch."""
    return [
        Headline(
            entry=_alert_entry(number, draft, now, written.placed.get(number)),
            rules=tuple(book.rules[hit.rule_id].name for hit in written.hits.get(number, ())),
            silent=draft.update.silent,
            revised=draft.revised is not None,
        )
        for number, draft in written.stored
    ]


def _settle(connection: Connection, updates: Sequence[Update], now: datetime) -> set[int]:
    """Write what is known of the sources; returns those that have moved."""
    at = microseconds(now)
    renamed = [
        Mark(key, update.source.id, number, keys.title_hash, at)
        for update in updates
        for number, keys in update.renamed
        for key in keys.all()
    ]
    entries.replace_marks(connection, renamed)
    refresh = {key: update.source.id for update in updates for key in update.refresh}
    entries.refresh_marks(connection, refresh, now)
    wanted = {update.source.id: update.polled.url for update in updates if update.moved_from}
    moving = sources.may_move(connection, wanted)
    polled = [
        update.polled
        if update.source.id in moving
        else replace(update.polled, url=update.source.url)
        for update in updates
    ]
    sources.settle(connection, polled)
    subscriptions.repeat(connection, [each.id for each in polled], now)
    moves = [
        (update.source.id, update.source.url) for update in updates if update.source.id in moving
    ]
    if moves:
        sources.record_moves(connection, moves, now)
    return moving


def _section(draft: Draft) -> tuple[str, bool]:
    """The section to show, and whether it is unsure: what a person or a hint says is sure."""
    if draft.said is not None:
        return draft.said, False
    if draft.hinted is not None:
        return draft.hinted.section, False
    return draft.prediction.section, draft.prediction.unsure


def subject(draft: Draft, placed: Placed, now: datetime) -> Subject:
    """What rules see of an entry that is about to be stored."""
    source = draft.update.source
    section, unsure = _section(draft)
    return Subject(
        title=draft.parsed.title,
        section=section,
        probability=draft.prediction.probability,
        unsure=unsure,
        source=source.name,
        source_url=source.url,
        labels=source.labels,
        language=draft.language,
        author=draft.parsed.author or "",
        rank=draft.parsed.rank,
        age_s=age_s(now, draft.parsed.published_at, now),
        portals=placed.portals,
        hot=placed.heat,
        is_first=placed.first,
        burst=placed.burst,
    )


def _alert_entry(
    number: int, draft: Draft, now: datetime, placed: Placed | None = None
) -> AlertEntry:
    section, unsure = _section(draft)
    return AlertEntry(
        id=number,
        title=draft.parsed.title,
        url=draft.parsed.url,
        source=draft.update.source.name,
        section=section,
        probability=draft.prediction.probability,
        unsure=unsure,
        published_at=draft.parsed.published_at,
        first_seen_at=now,
        story_id=placed.story_id if placed else 0,
        portals=placed.portals if placed else 1,
    )


def _entry_row(number: int, draft: Draft, at: int, placed: Placed | None) -> NewEntry:
    parsed, prediction = draft.parsed, draft.prediction
    return NewEntry(
        number,
        draft.update.source.id,
        parsed.title,
        parsed.title_cut,
        parsed.url,
        parsed.guid,
        parsed.author,
        parsed.summary,
        json.dumps(parsed.categories, ensure_ascii=False) if parsed.categories else "[]",
        parsed.rank,
        draft.language,
        parsed.section_hint or draft.update.source.section,
        microseconds(parsed.published_at) if parsed.published_at else None,
        at,
        prediction.section,
        prediction.probability,
        prediction.runner_up,
        prediction.unsure,
        prediction.release,
        placed.story_id if placed else None,
        json.dumps(draft.hints, ensure_ascii=False) if draft.hints else "[]",
        draft.hinted.section if draft.hinted else None,
        draft.hinted.kind if draft.hinted else None,
        json.dumps(parsed.placements, ensure_ascii=False) if parsed.placements else None,
    )


def _title_columns(draft: Draft) -> dict[str, Any]:
    prediction = draft.prediction
    return {
        "title": draft.parsed.title,
        "title_cut": draft.parsed.title_cut,
        "language": draft.language,
        "section": prediction.section,
        "probability": prediction.probability,
        "runner_up": prediction.runner_up,
        "unsure": prediction.unsure,
        "release": prediction.release,
        "hints": draft.hints,
        "hinted": draft.hinted.section if draft.hinted else None,
        "hinted_by": draft.hinted.kind if draft.hinted else None,
    }


def _revision_row(number: int, draft: Draft, former: str) -> dict[str, Any]:
    return {"id": number, "former": former, **_title_columns(draft)}


def _marks(number: int, draft: Draft, at: int) -> list[Mark]:
    source_id, title_hash = draft.update.source.id, draft.keys.title_hash
    return [Mark(key, source_id, number, title_hash, at) for key in draft.keys.all()]
