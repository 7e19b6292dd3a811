"""Every error this package raises on purpose, in one tree.

    HeadlineError                 what went wrong, and what to do about it
    ├── UsageError                the user's input: a wrong option, query, file (exit code 2)
    │   ├── SettingsError         headlines.toml or the environment
    │   └── QueryError            a rule's text; knows the position
    ├── FetchError                a source could not be fetched; knows its FailureKind
    ├── ParseError                a document could not be read
    │   └── BudgetExceeded        ... within its time and memory
    ├── TransportError            a delivery did not arrive; permanent or retryable
    ├── ConfinementError          a confined process ended without its answer
    ├── StorageError              the database
    │   ├── Unstorable            ... takes no such value
    │   └── MigrationNeeded       ... is older or newer than this program
    └── NotFound                  a name or number that nothing has (exit code 1)

A library's own exceptions are wrapped, with their cause chained, in the module
that is that library's home.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.types import FailureKind


class HeadlineError(Exception):
    """The root: ``str(error)`` is a sentence for the user."""


class UsageError(HeadlineError):
    """The input is wrong; nothing was done."""


class SettingsError(UsageError):
    """Settings that cannot be used: ``problems`` lists each as ``(check id, sentence)``."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"[{check}] {sentence}" for check, sentence in problems))


class QueryError(UsageError):
    """A rule's text that cannot be read.

    ``position`` counts characters of ``text`` from 0; ``expected`` says what could stand there.
    ``str(error)`` shows the text with a caret under the position.
    """

    def __init__(self, text: str, position: int, expected: str) -> None:
        self.text = text
        self.position = position
        self.expected = expected
        super().__init__(f"{expected}\n  {text}\n  {caret_line(text, position)}")


def columns(text: str) -> int:
    """How many columns of a terminal ``text`` takes: wide characters two, and marks none."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def caret_line(text: str, position: int) -> str:
    """Spaces up to ``position`` of ``text`` and a caret."""
    return " " * columns(text[:position]) + "^"


class FetchError(HeadlineError):
    """A request that gave no usable answer.

    ``kind`` says what happened, ``status`` is the HTTP status where there was one,
    ``retry_after_s`` what the server asked for.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.kind = kind
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(message)


class ParseError(HeadlineError):
    """A document that is not what its source's kind reads."""


class BudgetExceeded(ParseError):
    """Parsing took more time or memory than a document may."""


class TransportError(HeadlineError):
    """A message that a channel did not take.

    ``permanent`` means another try cannot help (SMTP 5xx, HTTP 410);
    ``gone`` means that the receiver asked never to be called again (HTTP 410).
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        gone: bool = False,
        retry_after_s: float | None = None,
        partly: bool = False,
    ) -> None:
        self.permanent = permanent
        self.partly = partly  # some of its readers have it: the channel itself works
        self.gone = gone
        self.retry_after_s = retry_after_s
        super().__init__(message)


class ConfinementError(HeadlineError):
    """A process that works on untrusted matter took too much, or fell."""


class StorageError(HeadlineError):
    """The database refused or was not reachable."""


class Unstorable(StorageError):
    """A value that the database takes from nobody: to try again cannot help."""


class MigrationNeeded(StorageError):
    """The database's schema is not the one this program knows."""


class NotFound(HeadlineError):
    """No source, rule, channel, entry, delivery or release has that name."""
