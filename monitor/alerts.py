"""Which deliveries an update owes. Pure: the same facts always give the same messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from monitor.types import AlertEntry, Hit, Message, Rule


def deliveries_for(
    entry: AlertEntry,
    hits: Sequence[Hit],
    rules: Mapping[int, Rule],
    identity_key: int,
    now: datetime,
) -> list[Message]:
    """One message for each rule that ``entry`` matched and each of the rule's channels.

    ``identity_key`` is what the entry is recognised by. Rule, channel and key make the
    message's id: deciding again, after a crash or for a revised title, gives the same id.
    """
    return [
        Message(
            id=message_id("alert", rule.name, channel, str(identity_key)),
            rule=rule.name,
            query=rule.query,
            channel=channel,
            created_at=now,
            entries=(replace(entry, spans=hit.spans),),
        )
        for hit in hits
        for rule in (rules[hit.rule_id],)
        for channel in dict.fromkeys(rule.channels)
    ]


def notice(text: str, channel: str, about: str, now: datetime) -> Message:
    """A message in which the program tells of its own trouble with ``about``."""
    number = message_id("notice", channel, about, now.isoformat())
    return Message(number, rule="", query="", channel=channel, created_at=now, notice=text)


def message_id(*parts: str) -> str:
    """``msg_`` and 40 hexadecimal digits that depend on nothing but ``parts``."""
    digest = blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        # The length keeps ("ab", "c") and ("a", "bc") apart whatever a name contains.
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"msg_{digest.hexdigest()}"
