"""Stand-ins for the world outside, and messages to send into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from monitor.errors import TransportError
from monitor.messages import AlertEntry, Message, Receipt

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Answer = Receipt | TransportError | None


def make_entry(title: str = "央行宣布降息 25 个基点", **fields: Any) -> AlertEntry:
    """An entry as an alert tells it."""
    entry = AlertEntry(
        id=7,
        title=title,
        url="https://news.example/7?a=1&b=2",
        source="示例要闻",
        section="finance",
        probability=0.9321,
        unsure=False,
        published_at=NOW,
        first_seen_at=NOW,
        spans=(),
    )
    return replace(entry, **fields)


def make_message(number: str = "msg_1", title: str = "央行宣布降息", **fields: Any) -> Message:
    """A message about one entry."""
    message = Message(number, "rates", "降息", "one", NOW, (make_entry(title),))
    return replace(message, **fields)


class RecordingChannel:
    """Remembers what it was given; ``script`` answers the next calls, then everything arrives.

    ``gate`` holds every send until it is set; ``on_send`` is called as a send begins.
    """

    def __init__(self, name: str = "one", deadline_s: float = 5.0) -> None:
        self.name = name
        self.deadline_s = deadline_s
        self.given: list[Message] = []
        self.script: list[Answer] = []
        self.broken: TransportError | None = None
        self.gate: asyncio.Event | None = None
        self.on_send: Callable[[Message], None] | None = None
        self.active = 0
        self.most_active = 0

    @property
    def ids(self) -> list[str]:
        """The ids of the messages that were given, in order."""
        return [message.id for message in self.given]

    async def send(self, message: Message) -> Receipt:
        self.given.append(message)
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        try:
            if self.on_send:
                self.on_send(message)
            if self.gate:
                await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.active -= 1
        answer = self.script.pop(0) if self.script else self.broken
        if isinstance(answer, TransportError):
            raise answer
        return answer or Receipt("taken")
