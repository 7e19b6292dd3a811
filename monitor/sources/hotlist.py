"""Hot lists: JSON by JMESPath, as an adapter says, to ranked entries. The home of jmespath.

A list is known by its address, else by its shape: NewsNow's answers and the common raw
lists need no address of their own. An empty list is no error; it is no news.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

from monitor.errors import ParseError
from monitor.sources import adapters
from monitor.sources.adapters import HOTLIST, Adapter, ListRule
from monitor.sources.clean import name_of, plain, title_of
from monitor.sources.counts import count_of, rank_of
from monitor.sources.dates import parse_date
from monitor.sources.decode import decode
from monitor.sources.jsonfeed import load
from monitor.sources.links import absolute
from monitor.types import ParsedEntry, ParsedFeed

_MAX_ENTRIES = 1_000
_GUID_MAX = 1_000
# Most expressions are names alone: to follow them takes a tenth of what JMESPath takes.
_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """``adapter`` names one of ``portals/``; empty: by address, else by shape."""

    adapter: str = ""


def parse(
    body: bytes,
    *,
    url: str,
    content_type: str = "",
    charset: str | None = None,
    options: Options | None = None,
) -> ParsedFeed:
    """Read a hot list. Raises ParseError for what is no JSON or no known list."""
    decoded = decode(body, charset)
    document = load(decoded.text.lstrip("\ufeff \t\r\n\0"))
    adapter, rule = _rule(document, url, options or Options())
    items = _items(rule, document)
    problems = list(decoded.problems)
    if not isinstance(items, list):
        raise ParseError(
            f"the document is not a list of {adapter.title}: no list stands at {rule.items!r}"
        )
    entries = _entries(items, rule, url)
    if not entries:
        problems.append("the list is empty")
    return ParsedFeed(
        f"hotlist:{adapter.name}", entries, adapter.title, url, adapter.language,
        problems=tuple(problems),
    )  # fmt: skip


def recognise(body: bytes, url: str, charset: str | None = None) -> Adapter | None:
    """The adapter that reads this JSON, by address or by shape; None when none does."""
    try:
        document = load(decode(body, charset).text.lstrip("\ufeff \t\r\n\0"))
        return _rule(document, url, Options())[0]
    except ParseError:
        return None


def _rule(document: object, url: str, options: Options) -> tuple[Adapter, ListRule]:
    if options.adapter:
        adapter = adapters.known().get(options.adapter)
        if adapter is None or adapter.kind != HOTLIST:
            raise ParseError(f"there is no hot list adapter {options.adapter!r}")
        rule = _by_shape(adapter, document) or adapter.list_for(url) or _empty(adapter, document)
        return adapter, rule or adapter.lists[0]
    known = adapters.for_address(url)
    if known and known.kind == HOTLIST:
        rule = _by_shape(known, document) or known.list_for(url)
        if rule and isinstance(_items(rule, document), list):
            return known, rule
    for adapter in adapters.known().values():
        if found := _by_shape(adapter, document):
            return adapter, found
    raise ParseError("the JSON document is no hot list that an adapter knows, by address or shape")


def _empty(adapter: Adapter, document: object) -> ListRule | None:
    """The rule that finds a list, though it is empty and so has no shape."""
    return next((rule for rule in adapter.lists if _items(rule, document) == []), None)


def _items(rule: ListRule, document: object) -> object:
    """What ``items`` finds; also an empty list where JMESPath's ``||`` passes over it."""
    if document == []:
        return document
    found = search(rule.items, document)
    if isinstance(found, list):
        return found
    tried = (part(document) for part in _alternatives(rule.items))
    return next((each for each in tried if isinstance(each, list)), found)


def _by_shape(adapter: Adapter, document: object) -> ListRule | None:
    return next(
        (rule for rule in adapter.lists if rule.shape and search(rule.shape, document) is True),
        None,
    )


def _entries(items: list[Any], rule: ListRule, url: str) -> tuple[ParsedEntry, ...]:
    """The ranked entries; what stands twice keeps its first place."""
    found: dict[str, ParsedEntry] = {}
    for item in items[:_MAX_ENTRIES]:
        entry = _entry(item, rule, url, len(found) + 1)
        if entry is not None:
            found.setdefault(entry.guid or entry.title, entry)
    return tuple(found.values())


def _entry(item: object, rule: ListRule, url: str, place: int) -> ParsedEntry | None:
    title, cut = title_of(_text(rule.title, item), "text")
    if not title:
        return None
    identity = _text(rule.id, item) or title
    link = _text(rule.link, item)
    if rule.template and (not rule.link or not link):
        link = rule.template.format(id=quote(identity, safe=""), title=quote(title, safe=""))
    time = _text(rule.time, item)
    return ParsedEntry(
        title=title,
        url=absolute(link, url) if link else "",
        guid=identity[:_GUID_MAX].replace("\0", ""),
        author=name_of(_text(rule.source, item)) or None,
        published_at=parse_date(time) if time else None,
        summary=plain(_text(rule.summary, item), "html"),
        rank=rank_of(_text(rule.rank, item), 10_000) or place,
        title_cut=cut,
        heat=count_of(_text(rule.heat, item)),
    )


def _text(expression: str, item: object) -> str:
    """What an expression finds, as text; nothing for lists and objects."""
    value = search(expression, item) if expression else None
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() if isinstance(value, str | int | float) else ""


def search(expression: str, value: object) -> object:
    """What JMESPath finds in plain JSON values; None where a value is of an unfit type.

    Raises ParseError for a bad expression.
    """
    import jmespath.exceptions

    try:
        return _compiled(expression)(value)
    except jmespath.exceptions.JMESPathError as error:
        raise ParseError(f"{expression!r}: {error}") from error


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Callable[[object], object]:
    if _PLAIN.fullmatch(expression):
        return _walker(expression.split("."))
    import jmespath

    return _tolerant(jmespath.compile(expression).search)


@lru_cache(maxsize=64)
def _alternatives(expression: str) -> tuple[Callable[[object], object], ...]:
    """The sides of the outermost ``||`` of an expression, in order."""
    import jmespath
    from jmespath.visitor import TreeInterpreter

    nodes, sides = [jmespath.compile(expression).parsed], []
    while nodes:
        node = nodes.pop()
        if node["type"] == "or_expression":
            nodes += reversed(node["children"])
        else:
            sides.append(_tolerant(partial(TreeInterpreter().visit, node)))
    return tuple(sides)


def _tolerant(search: Callable[[object], object]) -> Callable[[object], object]:
    """``search`` that finds None in values of an unfit type."""
    from jmespath.exceptions import JMESPathTypeError

    def find(value: object) -> object:
        try:
            return search(value)
        except JMESPathTypeError:
            return None

    return find


def _walker(names: list[str]) -> Callable[[object], object]:
    """What JMESPath does with ``a.b``."""

    def walk(value: object) -> object:
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return walk
