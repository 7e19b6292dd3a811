"""Kinds of sources: what a name in the settings means, and how its documents are read.

To add a kind: one file with an ``Options`` record and a ``parse`` function, one line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from monitor.sources import feed, hotlist, page, recognise
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
    """A way to read documents; ``options`` is the record of its settings."""

    name: str
    options: type[DataclassInstance]
    parse: Parse


SOURCE_KINDS: dict[str, SourceKind] = {
    "feed": SourceKind("feed", feed.Options, feed.parse),
    "page": SourceKind("page", page.Options, page.parse),
    "hotlist": SourceKind("hotlist", hotlist.Options, hotlist.parse),
    "auto": SourceKind("auto", recognise.Options, recognise.parse),
}
