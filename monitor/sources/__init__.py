"""Kinds of sources: what a name in the settings means, and how its documents are read.

To add a kind: one file with an ``Options`` record and a ``parse`` function, one line here.
A kind's file is imported when it is first asked: only parser processes read documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from monitor.types import ParsedFeed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Parse(Protocol):
    """Reads one document. Raises ParseError, nothing else."""

    def __call__(
        self,
        body: bytes,
        *,
        url: str,
        content_type: str = "",
        charset: str | None = None,
        options: Any = None,
    ) -> ParsedFeed: ...


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A way to read documents; ``file`` is where it is written. ``robots``: it reads what is
    made for people, so a server's robots.txt is asked first.
    """

    name: str
    file: str
    robots: bool = False

    @property
    def options(self) -> type[DataclassInstance]:
        """The record of its settings."""
        found: type[DataclassInstance] = self._module.Options
        return found

    @property
    def parse(self) -> Parse:
        """What reads a document."""
        found: Parse = self._module.parse
        return found

    @property
    def _module(self) -> ModuleType:
        return import_module(f"monitor.sources.{self.file}")


SOURCE_KINDS: dict[str, SourceKind] = {
    "feed": SourceKind("feed", "feed"),
    "page": SourceKind("page", "page", robots=True),
    "hotlist": SourceKind("hotlist", "hotlist"),
    "auto": SourceKind("auto", "recognise"),
}
