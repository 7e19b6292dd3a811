"""What the links of an alert ask for: described for the page that asks, and done once."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from monitor import alerts
from monitor.errors import NotFound
from monitor.links import Action, Ticket
from monitor.storage import deliveries, ledger, rules, secrets, telling
from monitor.telemetry import logger
from monitor.types import Rule

log = logger("links")
SNOOZE = timedelta(days=1)
MOST_TOLD = 10  # rules, of which a notice tells how to undo what was done


@dataclass(frozen=True, slots=True)
class Wish:
    """A ticket with what it is about; ``rules`` and ``title`` as the alert told them."""

    ticket: Ticket
    channel: str
    rules: tuple[str, ...]
    title: str


def look(connection: Connection, ticket: Ticket, now: datetime) -> Wish | None:
    """What a ticket asks for; None when it has expired, or its alert is forgotten or, since a
    backup was restored, another one.

    It lasts from when the alert arrived, which may have waited for its channel.
    """
    try:
        row = ledger.get(connection, ticket.message_id)
    except NotFound:
        return None
    waited = max(row["settled_at"] or row["created_at"], row["created_at"]) - row["created_at"]
    ticket = replace(ticket, expires_at=ticket.expires_at + waited)
    title = _title(row, ticket.story)
    if ticket.expires_at <= now or (ticket.story and not title):
        return None
    return Wish(ticket, row["channel"], rules_of(row), title)


def rules_of(row: RowMapping) -> tuple[str, ...]:
    """The rules that a delivery is about."""
    counts = row["message"].get("counts") or ()
    return tuple(each["rule"] for each in counts) or (row["rule"],)


def _title(row: RowMapping, story: int) -> str:
    entries: list[dict[str, Any]] = row["message"].get("entries") or []
    found = (each["title"] for each in entries if story in {0, each.get("story_id", 0)})
    return next(found, "")


def grant(connection: Connection, wish: Wish, owner: str, now: datetime) -> bool:
    """Do what was asked; False when this link was used before.

    Unsubscribing twice is no mistake. ``owner`` is a channel that hears of it.
    """
    ticket = wish.ticket
    fresh = secrets.use(connection, ticket.mark, ticket.expires_at)
    if not fresh and ticket.action is not Action.UNSUBSCRIBE:
        return False
    if ticket.action is Action.MUTE:
        telling.mute(connection, ticket.story, wish.title, now)
    elif ticket.action is Action.SNOOZE:
        for rule in _existing(connection, wish):
            until = max(now + SNOOZE, rule.snoozed_until or now)
            rules.snooze(connection, rule.name, until)
            telling.move_snoozed(connection, rule.name, until)
    else:
        _unsubscribe(connection, wish, owner, now)
    log.info("a link of %s did its work: %s", ticket.message_id, ticket.action)
    return True


def _existing(connection: Connection, wish: Wish) -> list[Rule]:
    found = []
    for name in wish.rules:
        try:
            found.append(rules.get(connection, name))
        except NotFound:
            continue
    return found


def _unsubscribe(connection: Connection, wish: Wish, owner: str, now: datetime) -> None:
    """Take the channel from the rules; one that is left without any is only for the page."""
    changed = [rule for rule in _existing(connection, wish) if wish.channel in rule.channels]
    for rule in changed:
        left = tuple(name for name in rule.channels if name != wish.channel)
        rules.change(connection, replace(rule, channels=left), now)
    if changed and owner and owner != wish.channel:
        names = ", ".join(repr(rule.name) for rule in changed)
        undo = "; ".join(map(_as_it_was, changed[:MOST_TOLD]))
        text = (
            f"Somebody unsubscribed the channel {wish.channel!r} from: {names}. To undo it: {undo}"
        )
        zh = f"有人让通道 {wish.channel!r} 退订了规则：{names}。如要恢复：{undo}"
        note = alerts.notice(text, zh, owner, f"unsubscribe {wish.ticket.message_id}", now)
        deliveries.insert_many(connection, [note], now)


def _as_it_was(rule: Rule) -> str:
    """The command that gives a rule the channels that it has."""
    channels = " ".join(f"--channel {shlex.quote(name)}" for name in rule.channels)
    return f"headlines rules edit {shlex.quote(rule.name)} {channels}"
