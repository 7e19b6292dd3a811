"""Signed links that act for the reader of an alert: mute, snooze, unsubscribe. Pure.

A link is ``PUBLIC_URL/do/TOKEN``. The token names the action, the message that carried it
and when it expires, and is signed (HMAC-SHA256) with a key that the database keeps: who
has not got the message cannot make one. What was used is remembered elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from monitor.messages import AlertEntry, Message

PATH = "/do/"
LASTS = timedelta(days=7)
# A mail's List-Unsubscribe has to work long after the mail was sent.
UNSUBSCRIBE_LASTS = timedelta(days=60)
SIGNATURE_BYTES = 20
LONGEST_TOKEN = 400


class Action(enum.StrEnum):
    """What a link does."""

    MUTE = "mute"
    SNOOZE = "snooze"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token says. ``story`` is the one to mute, else 0."""

    action: Action
    message_id: str
    story: int
    expires_at: datetime

    @property
    def mark(self) -> str:
        """What is remembered of its use."""
        return f"{self.action}:{self.message_id}:{self.story}"


class Linker:
    """Makes and reads links. Without a ``public_url`` there are none."""

    def __init__(self, key: bytes = b"", public_url: str = "") -> None:
        self._key = key
        self._base = public_url.rstrip("/")

    def unsubscribe(self, message: Message) -> str:
        """Takes the message's channel from its rules: by one POST (RFC 8058)."""
        return self._url(Action.UNSUBSCRIBE, message, 0, UNSUBSCRIBE_LASTS)

    def snooze(self, message: Message) -> str:
        """Holds what the message's rule matches for a day."""
        return self._url(Action.SNOOZE, message, 0, LASTS) if message.rule else ""

    def mute(self, message: Message, entry: AlertEntry) -> str:
        """Silences the story of ``entry``."""
        return self._url(Action.MUTE, message, entry.story_id, LASTS) if entry.story_id else ""

    def _url(self, action: Action, message: Message, story: int, lasts: timedelta) -> str:
        """Depends on the message alone, so that every attempt sends the same bytes."""
        if not self._base or message.notice:
            return ""
        ticket = Ticket(action, message.id, story, message.created_at + lasts)
        return f"{self._base}{PATH}{self.token(ticket)}"

    def token(self, ticket: Ticket) -> str:
        """``ticket``, signed, in characters that an address can hold."""
        seconds = int(ticket.expires_at.timestamp())
        said = f"{ticket.action}:{ticket.message_id}:{ticket.story}:{seconds}".encode()
        return f"{_encode(said)}.{_encode(self._sign(said))}"

    def read(self, token: str) -> Ticket | None:
        """What a token says; None for one that was not made with our key."""
        first, _, second = token.partition(".")
        try:
            if len(token) > LONGEST_TOKEN:
                return None
            said, signature = _decode(first), _decode(second)
            if not self._key or not hmac.compare_digest(signature, self._sign(said)):
                return None
            action, message_id, story, seconds = said.decode().split(":")
            return Ticket(
                Action(action), message_id, int(story), datetime.fromtimestamp(int(seconds), UTC)
            )
        except (ValueError, binascii.Error, OverflowError):
            return None

    def _sign(self, said: bytes) -> bytes:
        return hmac.digest(self._key, b"headline-link:" + said, sha256)[:SIGNATURE_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
