"""What a reader collects from a document before anything is cleaned."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Draft:
    """The raw fields of a feed or of one of its entries.

    ``texts`` maps a field to ``(priority, text, kind)``; the lowest priority number wins,
    and the first of equals. ``kind`` is ``html`` (markup escaped in the text), ``text``
    (literal) or ``tree`` (markup was elements; the text is what stood between them).
    ``links`` holds ``(rank, href)``; the lowest rank wins.
    """

    base: str = ""
    texts: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    links: list[tuple[int, str]] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    language: str = ""

    def put(self, name: str, priority: int, text: str, kind: str = "text") -> None:
        """Keep ``text`` unless a better one is there or it is blank."""
        kept = self.texts.get(name)
        if (kept is None or priority < kept[0]) and text and not text.isspace():
            self.texts[name] = (priority, text, kind)

    def wants(self, name: str, priority: int) -> bool:
        """Whether a text of that priority would be kept."""
        kept = self.texts.get(name)
        return kept is None or priority < kept[0]

    def text(self, name: str) -> str:
        """The raw text of a field, stripped; empty when it is missing."""
        kept = self.texts.get(name)
        return kept[1].strip() if kept else ""


@dataclass(slots=True)
class Draught:
    """A whole document: its format, its own fields, and its entries in document order."""

    format: str = ""
    feed: Draft = field(default_factory=Draft)
    entries: list[Draft] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
