"""What a poll says of places on ranked lists, and the rules that waited for one."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from monitor.decide import Update
from monitor.ranking import MOST_POLLS, RANKED, Ranking, begin, go_on
from monitor.rulebook import RuleBook
from monitor.shown import alert_entry, circumstances_of, subject_of
from monitor.storage import entries, history, rankings, stories
from monitor.storage.entries import Matched
from monitor.storage.schema import microseconds
from monitor.stories import heat
from monitor.stories.address import portal_of
from monitor.storybook import StoryBook
from monitor.telling import Standing
from monitor.types import Hit, ParsedEntry, Placed

Fresh = Sequence[tuple[int, int, ParsedEntry]]


def note(
    connection: Connection, updates: Sequence[Update], fresh: Fresh, now: datetime
) -> dict[int, int | None]:
    """Store where entries stand now; the known ones that stand higher than ever, and their best
    places before.

    ``fresh`` are the new entries of the poll, with their numbers and sources.
    """
    rows = [
        (number, source_id, begin(parsed.rank, parsed.heat, now))
        for number, source_id, parsed in fresh
        if parsed.rank is not None
    ]
    listing = [update for update in updates if update.listed]
    numbers = [each.entry_id for update in listing for each in update.listed]
    known = rankings.load(connection, numbers)
    best = rankings.placed(connection, [number for number in numbers if number not in known])
    best |= {number: before.best for number, before in known.items()}
    rows += _go_on(connection, listing, known, best, now)
    rankings.save(connection, rows)
    higher = {
        number: after.best
        for number, _, after in rows
        if number in best and after.best < (best[number] or math.inf)
    }
    rankings.rise(connection, higher)
    _warm(connection, updates, {n: s for n, s, _ in rows if n in higher}, higher, now)
    for update in updates:
        if update.unchanged and update.source.kind in RANKED:
            rankings.hold(connection, update.source.id, now, _longest(update))
    return {number: best[number] for number in higher}


def _warm(
    connection: Connection,
    updates: Sequence[Update],
    source_of: Mapping[int, int],
    higher: Mapping[int, int],
    now: datetime,
) -> None:
    """A better place warms the entry's story."""
    if not higher:
        return
    portals = {update.source.id: portal_of(update.source.url) for update in updates}
    story_of = {
        number: former.story_id
        for number, former in entries.former(connection, list(higher)).items()
        if former.story_id is not None
    }
    before = stories.load(connection, set(story_of.values()))
    after = dict(before)
    for number, story in story_of.items():
        if story in after:
            portal = portals[source_of[number]]
            after[story] = heat.climb(after[story], portal, higher[number], now)
    stories.save(connection, [after[key] for key in after if after[key] is not before[key]])


def _go_on(
    connection: Connection,
    listing: Sequence[Update],
    known: Mapping[int, Ranking],
    alive: Container[int],
    now: datetime,
) -> Iterator[tuple[int, int, Ranking]]:
    """The next place of each listed entry that still exists."""
    if not listing:
        return
    last = rankings.last_listed(connection, [update.source.id for update in listing], now)
    for update in listing:
        for each in update.listed:
            before = known.get(each.entry_id)
            if before is not None:
                # Of what was noted under a clock that was ahead nobody knows better.
                stayed = before.last_at > now or before.last_at == last.get(update.source.id)
                longest_s = _longest(update).total_seconds()
                after = go_on(before, each, now, stayed=stayed, longest_s=longest_s)
                yield each.entry_id, update.source.id, after
            elif each.entry_id in alive:
                yield each.entry_id, update.source.id, begin(each.rank, each.heat, now)


def _longest(update: Update) -> timedelta:
    source = update.source
    return timedelta(seconds=MOST_POLLS * max(source.interval_s, source.wait_s or 0.0))


def standings(
    connection: Connection,
    climbers: Mapping[int, int | None],
    book: RuleBook,
    book_of_stories: StoryBook,
    now: datetime,
) -> list[Standing]:
    """What rules that ask for a place say of entries that have reached it now; the others stand
    for their stories, which have become hotter, where rules follow up on that.

    A rule that has matched an entry is not asked again, nor one that its place before was enough
    for: it was no news then.
    """
    if not climbers or not (book.ranked or book.is_escalating):
        return []
    rows = history.details(connection, list(climbers))
    story_of = {row["id"]: row["story_id"] for row in rows if row["story_id"] is not None}
    placed = book_of_stories.facts(connection, story_of, now)
    matched = entries.matched_pairs(connection, climbers)
    found, kept = [], []
    for row in rows:
        number = row["id"]
        place = placed.get(number, Placed(number))
        subject = subject_of(row, now, place)
        hits = [
            hit
            for hit in book.matcher.match(subject)
            if hit.rule_id in book.ranked and (hit.rule_id, number) not in matched
        ]
        if hits:
            before = replace(subject_of(row, now, Placed(number)), rank=climbers[number])
            enough = {hit.rule_id for hit in book.matcher.match(before)}
            hits = [hit for hit in hits if hit.rule_id not in enough]
        kept += [_matched(hit, number, now) for hit in hits]
        if hits or book.is_escalating:
            then = circumstances_of(subject)
            entry = replace(
                alert_entry(row), story_id=place.story_id, portals=place.portals, then=then
            )
            found.append(Standing(entry, hits, place.heat))
    entries.insert_matches(connection, kept)
    return found


def _matched(hit: Hit, number: int, now: datetime) -> Matched:
    return Matched(hit.rule_id, number, json.dumps(hit.spans), microseconds(now))
