"""What every corpus yields, and where the project's own data lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Example:
    """A title with its label. ``origin`` says where it stands, as ``file:line``.

    A ``term`` is an item of a word list: it teaches, but is not like what will be scored.
    Examples of one ``group`` (a subtopic, a story) are never on both sides when calibrating.
    ``at`` is when it was first seen, in seconds since 1970; 0 where nobody knows.
    """

    title: str
    label: str
    weight: float = 1.0
    origin: str = ""
    term: bool = False
    group: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds no example, and why."""

    path: Path
    line: int
    reason: str


Item = Example | BadLine


class Format(NamedTuple):
    """How a kind of corpus is read.

    ``read`` gets what follows the colon and yields examples with native labels, and bad
    lines. ``sections`` maps native labels to sections: a label that it lacks is left
    out. None says that labels are sections already.
    """

    read: Callable[[str], Iterable[Item]]
    sections: Mapping[str, str] | None


def training_folder() -> Path:
    """The folder of the data written for this project."""
    import training_data

    return Path(next(iter(training_data.__path__)))
