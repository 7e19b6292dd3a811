"""What every kind of channel is, and what they share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from monitor.errors import SettingsError
from monitor.types import Message, Receipt

ANSWER_LENGTH = 300
HIDDEN = "[hidden]"
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


def read_secret(file: str, where: str) -> str:
    """The stripped text of a secret's file. Raises SettingsError that names ``where``."""
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError([("channels.file", f"{where}: {file}: {reason}")]) from error
