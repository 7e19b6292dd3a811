"""The fast reader: a strict parse into a tree, and one walk over it.

Elements are recognised by namespace and lower-cased name, so RSS 0.9x/1.0/2.0, Atom
0.3/1.0, RDF and CDF are all one table. Nothing outside the document is ever loaded.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from monitor.sources.drafts import Draft, Draught
from monitor.sources.entities import refuse_dangerous
from monitor.sources.links import join
from monitor.sources.vocabulary import (
    ATOM_03,
    BLOCKS,
    CATEGORY,
    CONSTRUCT,
    CONTAINER,
    ENTRY,
    GUID,
    LINK,
    LISTED,
    LITERAL,
    OTHER,
    RELATIONS,
    ROOTS,
    XML,
    key_of,
    meaning,
    rss_format,
)

MAX_ENTRIES = 5_000
_MAX_DEPTH = 8
_TEXT_ENOUGH = 6_000
_BASE, _LANG = XML + "base", XML + "lang"


class IllFormed(Exception):
    """The document is not well-formed XML; ``str(error)`` says where."""


def walk(document: bytes) -> Draught:
    """Read a UTF-8 document, whatever charset it declares.

    Raises IllFormed when it is not well-formed, ParseError when its entities are an attack.
    """
    refuse_dangerous(document)
    parser = XMLParser(target=TreeBuilder(), encoding="utf-8")
    try:
        parser.feed(document)
        root = parser.close()
    except ParseError as error:
        if "out of memory" in str(error):
            raise MemoryError from error
        raise IllFormed(str(error)) from error
    return _Walk().read(root)


class _Walk:
    """Collects the drafts of one document."""

    def __init__(self) -> None:
        self.out = Draught()

    def read(self, root: Element) -> Draught:
        root = _feed_root(root)
        key = key_of(root.tag)
        self.out.format = _format(key, root)
        self.container(root, "", 0)
        return self.out

    def container(self, element: Element, base: str, depth: int) -> None:
        """The fields and entries of a channel, a feed, or what holds them."""
        feed = self.out.feed
        base = _base(element, base)
        feed.base = feed.base or base
        feed.language = feed.language or element.get(_LANG, "")
        if key_of(element.tag) == "channel" and (href := _attribute(element, "href")):
            feed.links.append((0, href))
        for child in element:
            what, name, priority = meaning(child.tag)
            if what == ENTRY:
                self.entry(child, base)
            elif what != CONTAINER:
                _field(feed, child, what, name, priority, is_entry=False)
            elif depth < _MAX_DEPTH:
                self.container(child, base, depth + 1)

    def entry(self, element: Element, base: str) -> None:
        entries = self.out.entries
        if len(entries) >= MAX_ENTRIES:
            note = f"only the first {MAX_ENTRIES} entries were read"
            if note not in self.out.problems:
                self.out.problems.append(note)
            return
        draft = Draft(_base(element, base))
        entries.append(draft)
        if element.keys():
            _entry_attributes(draft, element)
        texts = draft.texts
        for child in element:
            what, name, priority = meaning(child.tag)
            if what == OTHER:
                continue
            if what > LITERAL or name in texts or len(child) or child.keys():
                _field(draft, child, what, name, priority)
            elif (text := child.text) and not text.isspace():  # nearly all: worth a shortcut
                texts[name] = (priority, text, "html" if what == CONSTRUCT else "text")


def _feed_root(root: Element) -> Element:
    """``root``, or the feed that an unknown wrapper holds."""
    if key_of(root.tag) in ROOTS:
        return root
    return next((child for child in root.iter() if key_of(child.tag) in ROOTS), root)


def _format(key: str, root: Element) -> str:
    if key == "rss":
        return rss_format(root.get("version", ""))
    if key == "feed" and ATOM_03 in root.tag:
        return "atom03"
    return ROOTS.get(key, "")


def _field(
    draft: Draft, child: Element, what: int, name: str, priority: int, *, is_entry: bool = True
) -> None:
    """Put what ``child`` says into ``draft``."""
    if what == LITERAL:
        draft.put(name, priority, _author(child) if len(child) else child.text or "")
    elif what == CONSTRUCT:
        if len(child):
            if draft.wants(name, priority):
                draft.put(name, priority, _text_of(child), "tree")
        elif text := child.text:
            draft.put(name, priority, text, _kind(child) if child.keys() else "html")
    elif what == LINK:
        _link(draft, child, draft.base, is_entry=is_entry)
    elif what == GUID:
        _guid(draft, child)
    elif what == LISTED:
        draft.put(name, priority, " ".join(child.itertext()))
    elif what == CATEGORY and (term := child.get("label") or child.get("term") or child.text):
        draft.categories.append(term)


def _entry_attributes(draft: Draft, element: Element) -> None:
    """RSS 1.0 identifies an item by ``rdf:about``, CDF addresses it by ``href``."""
    for name, value in element.items():
        local = name.rpartition("}")[2].lower()
        if local == "about":
            draft.put("guid", 5, value)
            draft.links.append((6, value))
        elif local == "href":
            draft.links.append((0, value))


def _kind(child: Element) -> str:
    """Atom's ``type`` says whether text is markup; without one it is read as markup."""
    mode = child.get("mode")
    if mode == "base64":
        return "base64"
    declared = child.get("type", "html").lower()
    return "text" if declared in {"text", "text/plain"} and mode != "escaped" else "html"


def _link(draft: Draft, child: Element, base: str, *, is_entry: bool) -> None:
    """RSS's link is text; Atom's is ``href`` with a relation."""
    href = child.get("href")
    if href is None:
        href, rank = child.text or "", 0
    else:
        relation = child.get("rel", "alternate").rpartition("/")[2].lower()
        if not is_entry and relation in {"hub", "self"}:
            draft.put(relation, 0, join(base, href.strip()) if base else href)
            return
        rank = RELATIONS.get(relation, 0)
        if not rank or (rank > 1 and not is_entry):
            return
        if rank == 1 and child.get("type", "text/html") not in {
            "text/html",
            "application/xhtml+xml",
        }:
            rank = 3
    own = _base(child, base) if child.keys() else base
    if href and not href.isspace():
        draft.links.append((rank, join(own, href.strip()) if own else href))


def _guid(draft: Draft, child: Element) -> None:
    """RSS's guid is also the link unless it says that it is not one."""
    text = (child.text or "").strip()
    draft.put("guid", 0, text)
    if text.startswith(("http://", "https://")):
        permalink = _attribute(child, "ispermalink") if child.keys() else ""
        if permalink.lower() != "false":
            draft.links.append((2, text))


def _author(element: Element) -> str:
    """The name within an Atom person, else all text."""
    for child in element.iter():
        if key_of(child.tag) in {"name", "other:name", "dc:title"} and child.text:
            return child.text
    return " ".join(element.itertext())


def _text_of(element: Element) -> str:
    """The text within ``element``, up to a length; blocks are set apart by spaces, scripts
    left out."""
    parts: list[str] = []
    length = 0
    stack: list[Element | str] = [element]
    while stack and length < _TEXT_ENOUGH:
        top = stack.pop()
        if isinstance(top, str):
            parts.append(top)
            length += len(top)
            continue
        local = key_of(top.tag).rpartition(":")[2]
        if local in {"script", "style"}:
            continue
        edge = " " if local in BLOCKS else ""
        parts.append(edge + (top.text or ""))
        length += len(parts[-1])
        stack.append(edge)
        for child in reversed(top):
            stack.extend((child.tail or "", child))
    return "".join(parts)


def _attribute(element: Element, wanted: str) -> str:
    """The value of an attribute, whatever the case of its name."""
    return next((value for name, value in element.items() if name.lower() == wanted), "")


def _base(element: Element, base: str) -> str:
    own = element.get(_BASE)
    return join(base, own.strip()) if own else base
