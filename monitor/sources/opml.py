"""OPML 1.0-2.0: lists of sources, read and written without loss.

A document is kept as a tree of nodes with their attributes in order and by the names that
they were written with, so what this program has no use for survives a round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
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
class Place:
    """The folders around an outline, outermost first: as labels, and with their attributes.

    ``listed`` are the attributes of an outline that is listed there otherwise than at first.
    """

    labels: tuple[str, ...] = ()
    folders: tuple[Mapping[str, str], ...] = ()
    listed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpmlSource:
    """One subscription. ``labels`` are the folders around it, outermost first; ``elsewhere``
    are the other places where a document lists it.

    ``attributes`` are those that have no field of their own here, and a ``text`` that is not
    the title; ``folders`` are the attributes of each folder, where its label does not say it all.
    """

    url: str
    title: str = ""
    html_url: str = ""
    labels: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[Mapping[str, str], ...] = ()
    elsewhere: tuple[Place, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """All of its places, the first one first."""
        return (Place(self.labels, self.folders), *self.elsewhere)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a document says besides its feeds: namespaces and the like, its head, and the outlines
    with no feed in them, each with its place: links, folders that are empty."""

    attributes: tuple[tuple[str, str], ...] = ()
    head: tuple[Node, ...] = ()
    rest: tuple[tuple[Place, Node], ...] = ()


@dataclass(frozen=True, slots=True)
class Opml:
    """A whole document; ``problems`` are sentences about what was not right in it."""

    root: Node
    problems: tuple[str, ...] = ()

    def sources(self) -> list[OpmlSource]:
        """Every outline with an http(s) address, in order, each address once.

        Of one that is listed again the first is used, and where and how else it is listed.
        """
        found: dict[str, tuple[OpmlSource, Node, list[Place]]] = {}
        for source, node in _walk(self.root):
            first, as_first, elsewhere = found.setdefault(source.url, (source, node, []))
            listed = {} if node.attributes == as_first.attributes else dict(node.attributes)
            place = Place(source.labels, source.folders, listed)
            if place not in (*elsewhere, *first.places):
                elsewhere.append(place)
        return [replace(first, elsewhere=tuple(places)) for first, _, places in found.values()]

    @property
    def frame(self) -> Frame:
        """Everything but the feeds and the version."""
        attributes = tuple(pair for pair in self.root.attributes if pair[0] != "version")
        heads = (node for node in self.root.children if node.name.lower() == "head")
        head = tuple(child for head in heads for child in head.children)
        return Frame(attributes, head, tuple(_rest(self.root)))


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


def from_sources(
    sources: Iterable[OpmlSource], head: Mapping[str, str], frames: Iterable[Frame] = ()
) -> Opml:
    """A document of ``sources``, nested into folders by their labels.

    ``head`` is what its head says (``title``, ``dateCreated``) unless one of ``frames``, those
    of the documents that the sources came from, says it already: the first to say it counts.
    """
    folders = _Folder()
    for source in sources:
        for place in source.places:
            folders.at(place).outlines.append(_outline(source, place.listed))
    whole = _merged(frames)
    for place, node in whole.rest:
        folders.at(place).outlines.append(node)
    said = {node.name for node in whole.head}
    ours = tuple(Node(name, text=text) for name, text in head.items() if name not in said)
    head_node = Node("head", children=(*ours, *whole.head))
    body = Node("body", children=folders.nodes())
    attributes = (("version", "2.0"), *whole.attributes)
    return Opml(Node("opml", attributes, children=(head_node, body)))


def _merged(frames: Iterable[Frame]) -> Frame:
    attributes: dict[str, str] = {}
    head: dict[str, Node] = {}
    rest: list[tuple[Place, Node]] = []
    for frame in frames:
        attributes |= dict(frame.attributes) | attributes
        head |= {node.name: node for node in frame.head} | head
        rest += [each for each in frame.rest if each not in rest]
    return Frame(tuple(attributes.items()), tuple(head.values()), tuple(rest))


class _Folder:
    """Outlines of one folder while they are sorted into it."""

    def __init__(self) -> None:
        self.attributes: dict[str, str] = {}
        self.outlines: list[Node] = []
        self.folders: dict[str, _Folder] = {}

    def at(self, place: Place) -> _Folder:
        """The folder at ``place`` below this one, made where it is missing."""
        folder = self
        for label, attributes in zip_longest(place.labels, place.folders[: len(place.labels)]):
            folder = folder.folders.setdefault(label, _Folder())
            folder.attributes = {**(attributes or {}), **folder.attributes}
        return folder

    def nodes(self) -> tuple[Node, ...]:
        folders = (folder._node(label) for label, folder in self.folders.items())
        return (*folders, *self.outlines)

    def _node(self, label: str) -> Node:
        attributes = self.attributes or {"text": label}
        return Node("outline", tuple(attributes.items()), children=self.nodes())


def _outline(source: OpmlSource, listed: Mapping[str, str]) -> Node:
    if listed:
        return Node("outline", tuple(listed.items()))
    title = source.title or source.url
    attributes = {"text": title, **source.attributes, "type": source.attributes.get("type", "rss")}
    attributes["xmlUrl"] = source.url
    if source.html_url:
        attributes["htmlUrl"] = source.html_url
    return Node("outline", tuple(attributes.items()))


def _walk(root: Node) -> Iterator[tuple[OpmlSource, Node]]:
    stack: list[tuple[Node, tuple[Node, ...]]] = [(root, ())]
    while stack:
        node, around = stack.pop()
        if url := _feed(node):
            yield _source(node, url, around), node
        inner = _inside(node, around)
        stack.extend((child, inner) for child in reversed(node.children))


def _rest(root: Node) -> Iterator[tuple[Place, Node]]:
    """The largest outlines with no feed in them, and where they stand."""
    full = _with_feeds(root)
    stack: list[tuple[Node, tuple[Node, ...]]] = [(root, ())]
    while stack:
        node, around = stack.pop()
        if node.name.lower() == "outline" and id(node) not in full:
            yield Place(tuple(map(_label, around)), _attributes(around)), node
            continue
        inner = _inside(node, around)
        stack.extend((child, inner) for child in reversed(node.children))


def _with_feeds(root: Node) -> set[int]:
    """The ``id`` of each node that is a feed or has one in it."""
    full: set[int] = set()
    stack = [(root, False)]
    while stack:
        node, seen = stack.pop()
        if not seen:
            stack.append((node, True))
            stack.extend((child, False) for child in node.children)
        elif _feed(node) or any(id(child) in full for child in node.children):
            full.add(id(node))
    return full


def _inside(node: Node, around: tuple[Node, ...]) -> tuple[Node, ...]:
    """The folders around what stands in ``node``, which is in ``around``."""
    is_folder = node.name.lower() == "outline" and not _feed(node) and _label(node)
    return (*around, node) if is_folder else around


def _feed(node: Node) -> str:
    return _url(node) if node.name.lower() == "outline" else ""


def _attributes(folders: tuple[Node, ...]) -> tuple[Mapping[str, str], ...]:
    return tuple(dict(folder.attributes) for folder in folders)


def _label(folder: Node) -> str:
    return clean_title(folder.get("text") or folder.get("title"), 200)[0]


def _url(node: Node) -> str:
    url = node.get("xmlUrl").strip() or (node.get("url").strip() if _is_feed(node) else "")
    return url if url.lower().startswith(("http://", "https://")) else ""


def _is_feed(node: Node) -> bool:
    return node.get("type").lower() in {"rss", "atom", "feed"}


def _source(node: Node, url: str, around: tuple[Node, ...]) -> OpmlSource:
    title = clean_title(node.get("title") or node.get("text"))[0]
    core = {name.lower() for name in _CORE - {"type"}}
    if node.get("text") != title:  # what the title does not say
        core.remove("text")
    return OpmlSource(
        url=url,
        title=title,
        html_url=node.get("htmlUrl").strip(),
        labels=tuple(map(_label, around)),
        attributes={name: value for name, value in node.attributes if name.lower() not in core},
        folders=_attributes(around),
    )


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
        other += node.name.lower() == "outline" and not (raw or url or node.children)
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
