"""What every kind of channel is, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Protocol

from monitor.client import HttpClient
from monitor.errors import SettingsError
from monitor.messages import AlertEntry, Message, Receipt

ANSWER_LENGTH = 300
HIDDEN = "[hidden]"
Trace = Callable[[str, str], None]
# Shorter words may stand in an answer by chance; no secret that is worth hiding is that short.
SECRET_LENGTH = 4


class Channel(Protocol):
    """A place that messages go to. Conformance: tests/monitor/channels/test_conformance.py.

    ``send`` ends within ``deadline_s``. It returns when the receiver has taken the message,
    and raises TransportError when it has not, or when nobody can know. The same message may
    be given again, under the same id. Neither errors nor receipts hold a secret.
    """

    @property
    def name(self) -> str:
        """The channel's name in headlines.toml."""

    @property
    def deadline_s(self) -> float:
        """The longest time that ``send`` takes."""

    async def send(self, message: Message) -> Receipt:
        """Deliver ``message``. Raises TransportError."""


class Linker(Protocol):
    """Makes the signed addresses that an alert carries; empty where there is none to give."""

    def unsubscribe(self, message: Message) -> str:
        """Ends such messages in this channel with one POST (RFC 8058)."""

    def snooze(self, message: Message) -> str:
        """Silences the message's rule for a while."""

    def mute(self, message: Message, entry: AlertEntry) -> str:
        """Silences the story of ``entry``."""


class NoLinks:
    """Where no public address is set."""

    def unsubscribe(self, _message: Message) -> str:
        return ""

    def snooze(self, _message: Message) -> str:
        return ""

    def mute(self, _message: Message, _entry: AlertEntry) -> str:
        return ""


def no_trace(_who: str, _text: str) -> None:
    """Nobody listens to the conversation."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a channel is given to work with.

    ``folder`` is where relative paths of its settings begin, ``zone`` the time zone of the
    house, for readers who name none. ``trace`` hears each line of
    the conversation with the receiver, and who said it: us, them, or a note; no secrets.
    """

    client: HttpClient
    links: Linker = field(default_factory=NoLinks)
    folder: Path = Path()
    zone: tzinfo = UTC
    trace: Trace = no_trace


def answer(text: str, secrets: Iterable[str]) -> str:
    """A server's answer for the ledger and for logs: one line, cut, without our secrets.

    A server may repeat what it was sent, and what it was sent may be a password.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SECRET_LENGTH:
            text = text.replace(secret, HIDDEN)
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= ANSWER_LENGTH else line[: ANSWER_LENGTH - 1] + "…"


def read_file(file: str, where: str, folder: Path) -> str:
    """A file's text; a relative path begins at ``folder``. Raises SettingsError.

    The error names ``where``.
    """
    try:
        return (folder / Path(file).expanduser()).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError([("channels.file", f"{where}: {file}: {reason}")]) from error
