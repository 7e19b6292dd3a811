"""What was owed, sent and given up, why it was, and how the channels do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from classifiers.segment import use_words
from monitor.actions.channels import unusable
from monitor.actions.opening import opened
from monitor.alerts import message_id
from monitor.config import Settings
from monitor.errors import NotFound, QueryError
from monitor.messages import AlertEntry
from monitor.options import nearest
from monitor.rulebook import known_words
from monitor.rules import language, tree
from monitor.rules.matcher import RuleSet
from monitor.rules.plan import make_step
from monitor.service import utc_now
from monitor.shown import subject_told
from monitor.storage import deliveries, entries, ledger, rules, stories, telling
from monitor.storage.ledger import Wanted
from monitor.storage.messages import decode

STATES = ("pending", "claimed", "sent", "dead", "held")
AT_ONCE = 500


def alert_list(settings: Settings, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The newest deliveries, with the title that caused each; or what is held."""
    with opened(settings) as database, database.read() as connection:
        _check_names(connection, settings, wanted)
        if wanted.state == "held":
            yield from map(held_as_json, ledger.waiting(connection, wanted))
        else:
            yield from map(as_json, ledger.newest(connection, wanted))


def _check_names(connection: Connection, settings: Settings, wanted: Wanted) -> None:
    """Raise NotFound for a rule or a channel that neither is there nor was owed anything."""
    stored = {rule.name for rule in rules.list_all(connection)} if wanted.rule else set[str]()
    for what, name, known in (
        ("rule", wanted.rule, stored),
        ("channel", wanted.channel, settings.channels.keys()),
    ):
        if name and name not in known and not ledger.names(connection, what, name):
            hint = nearest(name, known) if known else "; there is none yet"
            raise NotFound(f"no {what} is called {name!r}{hint}")


def as_json(row: RowMapping) -> dict[str, Any]:
    """A delivery as the command line shows it."""
    message = row["message"]
    told = message.get("entries") or []
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "channel": row["channel"],
        "rule": row["rule"],
        "attempts": row["attempts"],
        "created_at": row["created_at"],
        "next_attempt_at": row["next_attempt_at"] if row["state"] == "pending" else None,
        "settled_at": row["settled_at"],
        "headlines": message.get("total") or len(told),
        "title": told[0]["title"] if told else message.get("notice", ""),
        "detail": row["detail"],
    }


def held_as_json(row: RowMapping) -> dict[str, Any]:
    """What waits for a digest, in the same shape: it has no id before that is made."""
    return {
        "id": None,
        "kind": "digest",
        "state": "held",
        "channel": row["channel"],
        "rule": row["rule"],
        "attempts": 0,
        "created_at": row["held_at"],
        "next_attempt_at": row["release_at"],
        "settled_at": None,
        "headlines": 1,
        "title": row["entry"]["title"],
        "detail": row["reason"],
    }


def show(settings: Settings, number: str) -> dict[str, Any]:
    """All that is known of a delivery: why it fired, to whom, each attempt. Raises NotFound."""
    use_words(settings.text.words)
    with opened(settings) as database, database.read() as connection:
        row = ledger.get(connection, number)
        message = decode(row["message"])
        versions = {(entry.rule, entry.rule_version) for entry in message.entries}
        queries = rules.queries(connection, versions)
        why = [
            reason(entry, queries.get((entry.rule, entry.rule_version), message.query))
            for entry in message.entries
        ]
        return {
            **as_json(row),
            "query": message.query,
            "notice": message.notice or None,
            "counts": [
                {name: getattr(each, name) for name in ("rule", "version", "query", "total")}
                for each in message.counts
            ],
            "entries": why,
            "tries": [dict(each) for each in ledger.attempts_of(connection, number)],
        }


def reason(entry: AlertEntry, query: str) -> dict[str, Any]:
    """Why an entry matched, with the rule and the section as they were then."""
    return {
        "id": entry.id,
        "title": entry.title,
        "url": entry.url,
        "source": entry.source,
        "story": entry.story_id,
        "portals": entry.portals,
        "section": entry.section,
        "probability": entry.probability,
        "unsure": entry.unsure,
        "rule": entry.rule,
        "rule_version": entry.rule_version,
        "query": query,
        "spans": entry.spans,
        "matched": [entry.title[start:end] for start, end in entry.spans],
        "clauses": clauses(query, entry),
    }


def clauses(query: str, entry: AlertEntry) -> list[str]:
    """Which of a query's alternatives (the parts between its outer ORs) the entry met."""
    try:
        parsed = language.parse(query)
    except QueryError:
        return []
    parts = parsed.root.children if isinstance(parsed.root, tree.Or) else (parsed.root,)
    alone = RuleSet([(0, parsed)], known_words())
    own, seen = alone.plan(0).keywords, alone.look(subject_told(entry))
    return [str(part) for part in parts if make_step(part, own).test(seen)]


def retry(settings: Settings, number: str) -> None:
    """Owe a dead delivery again, under its old id. Raises NotFound."""
    with opened(settings) as database:
        found = database.run(lambda connection: deliveries.retry(connection, number, utc_now()))
    if not found:
        raise NotFound(
            f"no dead delivery is called {number!r}; see: headlines alerts list --state dead"
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """What is sent again: deliveries made since an instant, of one rule or channel or of any."""

    since: datetime
    rule: str | None = None
    channel: str | None = None


def replay(settings: Settings, wanted: Replay) -> int:
    """Owe what was settled once more, under new ids; how many. All of it, or nothing.

    Notices, and what is itself a replay, are left out.
    """
    now = utc_now()
    found = Wanted(None, wanted.rule, wanted.channel, wanted.since, None)

    def work(connection: Connection) -> int:
        batch = []
        total = 0
        _check_names(connection, settings, found)
        for row in ledger.newest(connection, found):
            if row["state"] in {"sent", "dead"} and row["kind"] not in {"notice", "replay"}:
                number = message_id("replay", row["id"], now.isoformat())
                batch.append(replace(decode(row["message"]), id=number, created_at=now))
            if len(batch) == AT_ONCE:
                total += deliveries.insert_many(connection, batch, now, kind="replay")
                batch = []
        return total + deliveries.insert_many(connection, batch, now, kind="replay")

    with opened(settings) as database:
        return database.run(work)


def mute(settings: Settings, wanted: str, *, on: bool = True) -> str:
    """Mute the story of a number, or of an alert's id; its title. Raises NotFound."""
    with opened(settings) as database:
        return database.run(lambda connection: _mute(connection, wanted, on=on))


def _mute(connection: Connection, wanted: str, *, on: bool) -> str:
    if wanted.isdecimal() and len(wanted) < 19:
        story, title = int(wanted), None
        if former := entries.former(connection, [story]).get(story):
            title = former.title  # the number of any headline stands for its story
            story = former.story_id or story
        elif known := stories.root_of(connection, story):  # its first headline is gone
            story, title = known.id, known.title
        if title is None and on:
            raise NotFound(f"there is no story {wanted}: 'headlines hot' shows their numbers")
    else:
        told = decode(ledger.get(connection, wanted)["message"]).entries
        if len({entry.story_id for entry in told}) != 1 or not told[0].story_id:
            raise NotFound(f"{wanted} is not about one story: name the story's number")
        story, title = told[0].story_id, told[0].title
    changed = (
        telling.mute(connection, story, title or "", utc_now())
        if on
        else telling.unmute(connection, story)
    )
    if not changed:
        raise NotFound(f"story {story} is {'muted already' if on else 'not muted'}")
    return f"{story} {title or ''}".strip()


def revive_channel(settings: Settings, name: str) -> bool:
    """Forget a channel's trouble, so that what waits for it is due; False when it had none."""
    with opened(settings) as database:
        return database.run(lambda connection: deliveries.enable(connection, name))


def channel_list(settings: Settings) -> list[dict[str, Any]]:
    """Every channel of the settings, with what the outbox knows of it.

    A channel that is owed something and stands in no settings is listed as missing.
    """
    with opened(settings) as database, database.read() as connection:
        states = deliveries.channel_states(connection)
        waiting = deliveries.waiting(connection)
    missing = [name for name in sorted(waiting) if name not in settings.channels]
    broken = unusable(settings, settings.channels.keys())
    found: list[Mapping[str, Any]] = [
        {
            "name": name,
            "kind": table["kind"],
            "state": f"unusable: {broken[name]}" if name in broken else states.get(name, "working"),
        }
        for name, table in settings.channels.items()
    ]
    found += [
        {"name": name, "kind": None, "state": "missing from headlines.toml"} for name in missing
    ]
    return [{**row, "waiting": waiting.get(str(row["name"]), 0)} for row in found]
