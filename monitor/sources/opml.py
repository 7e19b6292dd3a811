"""OPML 1.0-2.0: lists of sources, read and written without loss.

A document is kept as a tree of nodes with their attributes in order and by the names that
they were written with, so what this program has no use for survives a round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from monitor.errors import ParseError
from monitor.sources.decode import decode
from monitor.sources.entities import refuse_dangerous
from monitor.sources.repair import repair
from monitor.text import clean_title

MAX_DEPTH = 250
_KEPT = "not watched, kept for the export"
_CORE = frozenset({"text", "title", "type", "xmlUrl", "htmlUrl"})


@dataclass(frozen=True, slots=True)
class Node:
    """An element: raw name, attributes in order, its own text, its children."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    children: tuple[Node, ...] = ()

    def get(self, name: str) -> str:
        """An attribute whatever the case of its name; empty when missing."""
        wanted = name.lower()
        return next((value for key, value in self.attributes if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class OpmlSource:
    """One subscription. ``labels`` are the folders around it, wherever it is listed, each once.

    ``attributes`` are those that have no field of their own here, and a ``text`` that is not
    the title.
    """

    url: str
    title: str = ""
    html_url: str = ""
    labels: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opml:
    """A whole document; ``problems`` are sentences about what was not right in it."""

    root: Node
    problems: tuple[str, ...] = ()

    def sources(self) -> list[OpmlSource]:
        """Every outline with an http(s) address, in order, each address once, as first listed."""
        first: dict[str, Node] = {}
        labels: dict[str, dict[str, None]] = {}
        for url, node, around in walk(self.root):
            first.setdefault(url, node)
            labels.setdefault(url, {}).update(dict.fromkeys(around))
        return [_source(node, url, tuple(labels[url])) for url, node in first.items()]


def read_opml(body: bytes, charset: str | None = None) -> Opml:
    """Read a document in any charset; ill-formed ones are repaired.

    Raises ParseError when it is no OPML, declares dangerous entities, or is nested
    deeper than 250.
    """
    decoded = decode(body, charset)
    problems = list(decoded.problems)
    text = decoded.text.lstrip("\ufeff \t\r\n")
    try:
        root = _tree(text)
    except expat.ExpatError as error:
        problems.append(f"not well-formed XML ({error}); repaired")
        try:
            root = _tree(repair(text))
        except expat.ExpatError:
            raise ParseError(f"the document is not OPML: {error}") from error
    if root.name.lower() != "opml":
        raise ParseError(f"the document is not OPML: its root is <{root.name}>")
    return Opml(root, (*problems, *_complaints(root)))


def write_opml(opml: Opml) -> bytes:
    """The document as UTF-8, one element a line."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', *_lines(opml.root, 0), ""]
    return "\n".join(lines).encode()


def from_sources(sources: Iterable[OpmlSource], head: Mapping[str, str]) -> Opml:
    """A document of ``sources``, nested into folders by their labels.

    ``head`` is what its head says: ``title``, ``dateCreated``.
    """
    folders = _Folder()
    for source in sources:
        folders.at(source.labels).outlines.append(_outline(source))
    said = tuple(Node(name, text=text) for name, text in head.items())
    children = (Node("head", children=said), Node("body", children=folders.nodes()))
    return Opml(Node("opml", (("version", "2.0"),), children=children))


def walk(root: Node) -> Iterator[tuple[str, Node, tuple[str, ...]]]:
    """Each outline with an http(s) address, in order: the address, the outline, the labels of
    the folders around it."""
    stack: list[tuple[Node, tuple[str, ...]]] = [(root, ())]
    while stack:
        node, around = stack.pop()
        if url := address(node):
            yield url, node, around
        label = folder_label(node) if node.children else ""
        inner = (*around, label) if label else around
        stack.extend((child, inner) for child in reversed(node.children))


def address(node: Node) -> str:
    """The http(s) address of an outline that is a feed; empty for all else."""
    return _url(node) if is_outline(node) else ""


def folder_label(node: Node) -> str:
    """What an outline that is no feed is called; empty for all else."""
    return title_of(node, text_first=True) if is_outline(node) and not _url(node) else ""


def title_of(node: Node, *, text_first: bool = False) -> str:
    """The title as it is shown; of a folder its ``text``."""
    title, text = node.get("title"), node.get("text")
    return clean_title(text or title, 200)[0] if text_first else clean_title(title or text)[0]


def is_outline(node: Node) -> bool:
    """Whether it is an outline, however written."""
    return node.name.lower() == "outline"


class _Folder:
    """Outlines of one folder while they are sorted into it."""

    def __init__(self) -> None:
        self.outlines: list[Node] = []
        self.folders: dict[str, _Folder] = {}

    def at(self, labels: Iterable[str]) -> _Folder:
        """The folder below this one, made where it is missing."""
        folder = self
        for label in labels:
            folder = folder.folders.setdefault(label, _Folder())
        return folder

    def nodes(self) -> tuple[Node, ...]:
        folders = (
            Node("outline", (("text", label),), children=folder.nodes())
            for label, folder in self.folders.items()
        )
        return (*folders, *self.outlines)


def _outline(source: OpmlSource) -> Node:
    title = source.title or source.url
    attributes = {"text": title, **source.attributes, "type": source.attributes.get("type", "rss")}
    attributes["xmlUrl"] = source.url
    if source.html_url:
        attributes["htmlUrl"] = source.html_url
    return Node("outline", tuple(attributes.items()))


def _url(node: Node) -> str:
    url = node.get("xmlUrl").strip() or (node.get("url").strip() if _is_feed(node) else "")
    return url if url.lower().startswith(("http://", "https://")) else ""


def _is_feed(node: Node) -> bool:
    return node.get("type").lower() in {"rss", "atom", "feed"}


def _source(node: Node, url: str, labels: tuple[str, ...]) -> OpmlSource:
    title = title_of(node)
    core = {name.lower() for name in _CORE - {"type"}}
    if node.get("text") != title:  # what the title does not say
        core.remove("text")
    attributes = {name: value for name, value in node.attributes if name.lower() not in core}
    return OpmlSource(url, title, node.get("htmlUrl").strip(), labels, attributes)


def _complaints(root: Node) -> Iterator[str]:
    """What a user should know about outlines that name no usable address."""
    seen: set[str] = set()
    twice = bad = other = 0
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.children)
        raw = node.get("xmlUrl").strip()
        url = _url(node)
        bad += bool(raw and not url)
        other += is_outline(node) and not (raw or url or node.children)
        twice += url in seen if url else 0
        seen.add(url)
    if bad:
        yield f"{bad} outlines have an address that is not http or https: {_KEPT}"
    if twice:
        yield f"{twice} outlines repeat an address; each address is one source"
    if other:
        yield f"{other} outlines name no feed: {_KEPT}"


class _Builder:
    """Expat's callbacks: raw names and attributes into nodes."""

    def __init__(self) -> None:
        self.stack: list[tuple[str, tuple[tuple[str, str], ...], list[str], list[Node]]] = []
        self.root: Node | None = None

    def start(self, name: str, attributes: list[str]) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise ParseError(f"the OPML document is nested deeper than {MAX_DEPTH}; refused")
        pairs = tuple(zip(attributes[::2], attributes[1::2], strict=True))
        self.stack.append((name, pairs, [], []))

    def text(self, text: str) -> None:
        self.stack[-1][2].append(text)

    def end(self, _: str) -> None:
        name, pairs, texts, children = self.stack.pop()
        node = Node(name, pairs, "".join(texts).strip(), tuple(children))
        if self.stack:
            self.stack[-1][3].append(node)
        else:
            self.root = node


def _tree(text: str) -> Node:
    document = text.encode("utf-8", "replace")
    refuse_dangerous(document)
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.Parse(document, True)
    assert builder.root is not None  # a document without a root is an ExpatError
    return builder.root


def _lines(node: Node, depth: int) -> Iterator[str]:
    indent = "  " * depth
    attributes = "".join(
        f" {name}={quoteattr(value, {chr(10): '&#10;', chr(13): '&#13;', chr(9): '&#9;'})}"
        for name, value in node.attributes
    )
    opening = f"{indent}<{node.name}{attributes}"
    if not node.children:
        text = escape(node.text)
        yield f"{opening}>{text}</{node.name}>" if text else f"{opening}/>"
        return
    yield f"{opening}>{escape(node.text)}"
    for child in node.children:
        yield from _lines(child, depth + 1)
    yield f"{indent}</{node.name}>"
