"""The fast reader: one pass of a strict, non-validating XML parser over a feed.

Elements are recognised by namespace where they declare one, by their usual prefix where
they do not, and by lower-cased name, so RSS 0.9x/1.0/2.0, Atom 0.3/1.0, RDF and CDF are
all one table. Nothing outside the document is ever loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat

from monitor.errors import ParseError
from monitor.sources.drafts import Draft, Draught
from monitor.sources.entities import EntityGuard
from monitor.sources.links import join
from monitor.sources.vocabulary import (
    ATOM_03,
    BLOCKS,
    ENTRY_NAMES,
    FIELDS,
    OPAQUE,
    PREFIXES,
    ROOTS,
    rss_format,
)

MAX_ENTRIES = 5_000


class IllFormed(Exception):
    """The document is not well-formed XML. ``draught`` holds what came before the place."""

    def __init__(self, reason: str, draught: Draught) -> None:
        self.reason = reason
        self.draught = draught
        super().__init__(reason)


def walk(document: bytes) -> Draught:
    """Read a UTF-8 document, whatever charset it declares.

    Raises IllFormed when it is not well-formed, ParseError when its entities are an attack.
    """
    walker = _Walker(document)
    try:
        walker.parser.Parse(document, True)
    except expat.ExpatError as error:
        if error.code == expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]:
            raise MemoryError from error
        if "amplification" in str(error):
            raise ParseError("the document's entities expand beyond measure; refused") from error
        raise IllFormed(str(error), walker.out) from error
    return walker.out


class _Walker:
    """Expat's callbacks. ``sink`` is set while the text of a field is being collected."""

    def __init__(self, document: bytes) -> None:
        self.out = Draught()
        self.entry: Draft | None = None
        self.entry_depth = 0
        self.depth = 0
        self.sink: Callable[[str], None] | None = None
        self.nested = 0
        self.tree = False
        self.parts: list[str] = []
        self.base = ""
        self.scopes: list[tuple[int, str, str]] = []
        self.prefixes: dict[str, str] = {}
        self.caches: dict[str, dict[str, str]] = {}
        self.keys: dict[str, str] = {}
        self.parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.UseForeignDTD(True)  # an undeclared entity is skipped, not an error
        EntityGuard(document).attach(parser, self.parts.append)

    def key(self, name: str) -> str:
        """The table's name for an element: ``title``, ``dc:date``, ``content:encoded``."""
        prefix, colon, local = name.rpartition(":")
        uri = self.prefixes.get(prefix, "")
        known = PREFIXES.get(uri.lower().rstrip("/"), prefix.lower() if colon else "")
        key = f"{known}:{local.lower()}" if known else local.lower()
        self.keys[name] = key
        return key

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        if self.sink is not None:
            self.nest(name)
            return
        if attrs:
            self.scope(attrs)
        key = self.keys.get(name) or self.key(name)
        if key in ENTRY_NAMES and self.entry is None:
            self.open_entry(attrs)
        elif key in OPAQUE:
            self.capture(_ignore)
        elif key in FIELDS:
            field = FIELDS[key]
            target = self.entry if self.entry is not None else self.out.feed
            field(self, target, attrs)
        elif not self.out.format and key in ROOTS:
            self.root(key, attrs)
        elif key == "channel":
            self.channel(attrs)

    def nest(self, name: str) -> None:
        """An element within a field: its text counts, its tags separate words."""
        self.nested += 1
        self.tree = True
        key = self.keys.get(name) or self.key(name)
        if key == "name" or key == "dc:name":
            self.parts.clear()
        elif key.rpartition(":")[2] in BLOCKS:
            self.parts.append(" ")

    def end(self, name: str) -> None:
        if self.scopes and self.scopes[-1][0] == self.depth:
            _, self.base, default = self.scopes.pop()
            self.set_default(default)
        self.depth -= 1
        if self.sink is not None:
            if self.nested:
                self.nested -= 1
                if (self.keys.get(name) or "") == "name":
                    self.parser.CharacterDataHandler = None
            else:
                sink, self.sink = self.sink, None
                self.parser.CharacterDataHandler = None
                sink("".join(self.parts))
        elif self.entry is not None and self.depth < self.entry_depth:
            self.entry = None

    def scope(self, attrs: dict[str, str]) -> None:
        """Take note of namespaces, ``xml:base`` and ``xml:lang``."""
        before = (self.depth, self.base, self.prefixes.get("", ""))
        for name, value in attrs.items():
            if name == "xmlns":
                self.set_default(value)
            elif name.startswith("xmlns:"):
                if self.prefixes.get(name[6:]) != value:
                    self.prefixes[name[6:]] = value
                    self.caches.clear()
                    self.set_default(self.prefixes.get("", ""))
            elif name == "xml:base":
                self.base = join(self.base, value.strip())
            elif name == "xml:lang" and self.entry is None and not self.out.feed.language:
                self.out.feed.language = value
        if before != (self.depth, self.base, self.prefixes.get("", "")):
            self.scopes.append(before)

    def set_default(self, uri: str) -> None:
        """Enter a default namespace; names are remembered for each."""
        self.prefixes[""] = uri
        self.keys = self.caches.setdefault(uri, {})

    def root(self, key: str, attrs: dict[str, str]) -> None:
        self.out.feed.base = self.base
        if key == "rss":
            self.out.format = rss_format(attrs.get("version", ""))
        elif key == "feed":
            self.out.format = "atom03" if ATOM_03 in self.prefixes.values() else "atom10"
        else:
            self.out.format = ROOTS[key]

    def channel(self, attrs: dict[str, str]) -> None:
        """RSS's channel, or CDF's when it is the root and has an address of its own."""
        if not self.out.format:
            self.out.format = "cdf" if self.depth == 1 else "rss"
        for name, value in attrs.items():
            if name.lower() == "href":
                self.out.feed.links.append((0, value))

    def open_entry(self, attrs: dict[str, str]) -> None:
        if len(self.out.entries) >= MAX_ENTRIES:
            if len(self.out.entries) == MAX_ENTRIES and not self.out.problems:
                self.out.problems.append(f"only the first {MAX_ENTRIES} entries were read")
            self.capture(_ignore)
            return
        self.entry, self.entry_depth = Draft(base=self.base), self.depth
        self.out.entries.append(self.entry)
        for name, value in attrs.items():
            key = name.lower()
            if key == "href":
                self.entry.links.append((0, value))
            elif key.endswith(":about"):
                self.entry.put("guid", 5, value)
                self.entry.links.append((6, value))

    def capture(self, sink: Callable[[str], None]) -> None:
        """Collect the text of the element that just started and hand it to ``sink``."""
        self.sink, self.nested, self.tree = sink, 0, False
        self.parts.clear()
        self.parser.CharacterDataHandler = None if sink is _ignore else self.parts.append


def _ignore(_: str) -> None:
    """The sink of elements that are none of ours."""
