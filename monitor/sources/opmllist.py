"""The one list that imported OPML documents grow into: what they say, and what is true here now.

Nothing that a document says is taken away but the outlines of feeds that were removed here.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace

from monitor.sources.opml import Node, address, folder_label, is_outline, title_of, walk

# What a source of ours has and OPML has no name for; read back when another installation imports.
SECTION, INTERVAL, NAME = "headlinesSection", "headlinesInterval", "headlinesName"
OWN = frozenset({SECTION, INTERVAL, NAME})
EMPTY = Node("opml", children=(Node("head"), Node("body")))
_DATES = frozenset({"dateCreated", "dateModified"})


@dataclass(frozen=True, slots=True)
class Present:
    """A source as it is now. ``usual`` tells that its interval is everybody's."""

    url: str
    name: str = ""
    section: str | None = None
    interval_s: float = 0.0
    usual: bool = True


def seconds(text: str) -> float | None:
    """An interval as an outline says it; None for what is none."""
    known = text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0
    return float(text) if known else None


def own(source: Present, said: Mapping[str, str], *, named: bool) -> dict[str, str]:
    """The attributes of ours that its first outline needs, which says ``said``.

    ``named`` tells that an outline gives it its name.
    """
    found = {SECTION: source.section} if source.section else {}
    if not source.usual or seconds(said.get(INTERVAL, "")):
        found[INTERVAL] = f"{max(1, round(source.interval_s))}"
    if source.name and not named:
        found[NAME] = source.name
    return found


def refreshed(root: Node, present: Mapping[str, Present], refused: Collection[str]) -> Node:
    """The list with what has changed here since.

    ``present`` knows sources by their addresses, former ones too. Outlines of others are left
    out, unless ``refused``: what stands in them stays.
    """
    return _Refreshing(root, present, refused).node(root)


class _Refreshing:
    def __init__(
        self, root: Node, present: Mapping[str, Present], refused: Collection[str]
    ) -> None:
        self._present, self._refused = present, refused
        self._names: dict[str, set[str]] = defaultdict(set)
        self._done: set[str] = set()
        for url, node, _ in walk(root):
            if source := present.get(url):
                self._names[source.url].add(title_of(node))

    def node(self, node: Node) -> Node:
        url = address(node)
        if source := self._present.get(url) if url else None:
            node = replace(node, attributes=tuple(self._attributes(node, url, source).items()))
        children = tuple(new for child in node.children for new in self._instead(child))
        return replace(node, children=children)

    def _instead(self, node: Node) -> Iterator[Node]:
        """The outline, or where its feed was removed the outlines in it."""
        url = address(node)
        if not url or url in self._present or url in self._refused:
            yield self.node(node)
            return
        spaces = _spaces(node)
        for child in node.children:
            if is_outline(child):
                yield from self._instead(_declaring(child, spaces))

    def _attributes(self, node: Node, url: str, source: Present) -> dict[str, str]:
        found = {
            name: source.url if _names_it(name, value, url) else value
            for name, value in node.attributes
        }
        if source.url not in self._done:
            self._done.add(source.url)
            found |= own(source, found, named=source.name in self._names[source.url])
        return found


def merged(kept: Node, new: Node, present: Mapping[str, Present]) -> tuple[Node, tuple[str, ...]]:
    """The list grown by a document: outlines that stand in the same folders already stand once.

    Also the names of what the document's head says otherwise: what was said first stays.
    """
    was, now = _parts(kept), _parts(new)
    root = _attributes(kept, new, {})
    body_attributes = _attributes(was.body, now.body, _spaces(kept))
    in_head = _other(_spaces(new), dict(root))
    in_body = _other(_spaces(new) | _spaces(now.body), dict(root) | _spaces_of(body_attributes))
    head, left = _heads(was.head, _declaring_within(now.head, in_head))
    body = _grown(was.body, _declaring_within(now.body, in_body), _same(present))
    body = replace(body, attributes=body_attributes)
    rest = _grown(was.rest, _declaring_within(now.rest, in_head), _same(present))
    return Node("opml", root, kept.text or new.text, (head, body, *rest.children)), left


def added(root: Node, outlines: Node) -> Node:
    """The list with a document of sources that it does not have, in its folders of their labels."""
    parts = _parts(root)
    body = _grown(parts.body, _parts(outlines).body, _label_or_self)
    return replace(root, children=(parts.head, body, *parts.rest.children))


def headed(root: Node, title: str, created: str) -> Node:
    """The list as a document made at ``created``, with ``title`` where it has none."""
    parts = _parts(root)
    said = tuple(child for child in parts.head.children if child.name != "dateCreated")
    ours = [Node("dateCreated", text=created)]
    if all(child.name != "title" for child in said):
        ours.insert(0, Node("title", text=title))
    head = replace(parts.head, children=(*ours, *said))
    version = () if root.get("version") else (("version", "2.0"),)
    children = (head, parts.body, *parts.rest.children)
    return replace(root, attributes=(*version, *root.attributes), children=children)


def outlines_in(root: Node) -> int:
    """How many outlines there are."""
    found, stack = 0, [root]
    while stack:
        node = stack.pop()
        found += is_outline(node)
        stack.extend(node.children)
    return found


@dataclass(frozen=True, slots=True)
class _Parts:
    head: Node
    body: Node
    rest: Node


def _parts(root: Node) -> _Parts:
    """Its head, its body, and what else stands in it; of several heads all that they hold."""
    rest = tuple(child for child in root.children if child.name.lower() not in {"head", "body"})
    return _Parts(_part(root, "head"), _part(root, "body"), Node("rest", children=rest))


def _part(root: Node, name: str) -> Node:
    found = [child for child in root.children if child.name.lower() == name] or [Node(name)]
    first, *more = found
    for node in more:
        attributes = _attributes(first, node, {})
        first = replace(first, attributes=attributes, children=(*first.children, *node.children))
    return first


def _heads(kept: Node, new: Node) -> tuple[Node, tuple[str, ...]]:
    """The head grown, and the names of what the new one says otherwise."""
    names = {child.name for child in kept.children}
    lasting, known = names - _DATES, set(kept.children)
    more = tuple(child for child in new.children if child.name not in names)
    other = {child.name for child in new.children if child.name in lasting and child not in known}
    modified = {child.name: child for child in new.children if child.name == "dateModified"}
    children = (*(modified.get(child.name, child) for child in kept.children), *more)
    attributes = _attributes(kept, new, {})
    return replace(kept, attributes=attributes, children=children), tuple(sorted(other))


def _grown(kept: Node, new: Node, key: Callable[[Node], Hashable]) -> Node:
    """``kept`` with the children of ``new`` that it does not have, all the way down."""
    places: dict[Hashable, deque[int]] = defaultdict(deque)
    for index, child in enumerate(kept.children):
        places[key(child)].append(index)
    children = list(kept.children)
    for child in new.children:
        same = places.get(key(child))
        if same:
            index = same.popleft()
            children[index] = _grown(children[index], child, key)
        else:
            children.append(child)
    return replace(kept, children=tuple(children), text=kept.text or new.text)


def _same(present: Mapping[str, Present]) -> Callable[[Node], Hashable]:
    """What makes two elements one: all that they say, but where a feed moved to and our own."""

    def key(node: Node) -> Hashable:
        url = address(node)
        source = present.get(url) if url else None
        said = (
            (name, source.url if source and _names_it(name, value, url) else value)
            for name, value in node.attributes
            if name not in OWN
        )
        return node.name, frozenset(said), node.text

    return key


def _label_or_self(node: Node) -> Hashable:
    return folder_label(node) or _same({})(node)


def _names_it(name: str, value: str, url: str) -> bool:
    return name.lower() in {"xmlurl", "url"} and value.strip() == url


# Namespaces: a prefix that the list uses for another one is declared again where it is used.


def _attributes(kept: Node, new: Node, around: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those of ``kept``, and what only ``new`` says and changes no prefix of what is kept."""
    said = {name for name, _ in kept.attributes} | set(around)
    if kept.attributes:
        said.add("xmlns")
    return (*kept.attributes, *(pair for pair in new.attributes if pair[0] not in said))


def _spaces(node: Node) -> dict[str, str]:
    return _spaces_of(node.attributes)


def _spaces_of(attributes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {name: value for name, value in attributes if name.startswith("xmlns:")}


def _other(wanted: Mapping[str, str], around: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if around.get(name) != value}


def _declaring_within(
    node: Node, spaces: Mapping[str, str], done: frozenset[str] = frozenset()
) -> Node:
    if not spaces:
        return node
    children = tuple(_declaring(child, spaces, done) for child in node.children)
    return replace(node, children=children)


def _declaring(node: Node, spaces: Mapping[str, str], done: frozenset[str] = frozenset()) -> Node:
    """The element, with those of ``spaces`` declared where their prefixes are used in it, but
    ``done``, which are declared around it."""
    done |= _spaces(node).keys()
    names = (node.name, *(name for name, _ in node.attributes))
    used = dict.fromkeys(f"xmlns:{name.partition(':')[0]}" for name in names if ":" in name)
    needed = tuple((name, spaces[name]) for name in used if name in spaces and name not in done)
    declared = replace(node, attributes=(*node.attributes, *needed))
    return _declaring_within(declared, spaces, done | used.keys())
