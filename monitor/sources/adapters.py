"""How portals are read, as data: the records of ``portals/*.toml``, loaded and checked.

An adapter knows its portal's hosts. A *page* adapter has rules for kinds of pages; a rule
has blocks, a block has ways in order: the first that yields anything is taken. A *hotlist*
adapter has JMESPath expressions. ``portals/adapter.schema.json`` describes the form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NoReturn
from urllib.parse import urlsplit

from monitor.errors import SettingsError

PAGE, HOTLIST = "page", "hotlist"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to find a block's headlines; ``generation`` says which layout it belongs to.

    Either ``items`` (CSS) below each ``root``, or ``tabs`` and ``panels``, where the n-th
    tab names the n-th panel, or ``heading`` alone (a regular expression): the links after a
    text node that it matches whole, up to one that ``until`` matches. Fields are selectors
    within an item, the first that finds a text wins: ``CSS``, ``CSS@attribute`` or
    ``@attribute``.
    """

    generation: str = ""
    root: str = ""
    label: str = ""
    items: str = ""
    tabs: str = ""
    panels: str = ""
    heading: str = ""
    until: str = ""
    title: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    heat: tuple[str, ...] = ()
    rank: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page. ``label`` names it unless a way finds a name; ``only`` is a regular
    expression that the found name must match. ``ranked``: its order is a ranking."""

    label: str
    ways: tuple[Way, ...]
    section: str | None = None
    ranked: bool = False
    only: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """Where a story's own page has its headline, time, source and edition path."""

    headline: tuple[str, ...]
    time: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageRule:
    """A kind of page: the first rule of an adapter whose ``address`` matches is used.

    ``sweep``: links to stories that stand in no block are entries as well.
    """

    name: str
    address: tuple[re.Pattern[str], ...]
    blocks: tuple[Block, ...] = ()
    article: Article | None = None
    sweep: bool = True


@dataclass(frozen=True, slots=True)
class ListRule:
    """JMESPath expressions of a hot list: ``items`` from the document, the rest from an item.

    ``link`` may be a template with ``{id}`` and ``{title}`` (escaped) in place of an
    expression when ``template`` is set. ``shape`` finds a list without its address: an
    expression that is true of its documents alone.
    """

    items: str
    title: str
    address: tuple[re.Pattern[str], ...] = ()
    link: str = ""
    template: str = ""
    id: str = ""
    rank: str = ""
    heat: str = ""
    time: str = ""
    source: str = ""
    summary: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A document of the tests, where it came from, and how many entries it has."""

    file: str
    url: str
    entries: int


@dataclass(frozen=True, slots=True)
class Adapter:
    """One portal. ``story`` are addresses of stories; ``not_story`` are exceptions from it.
    ``drop`` are CSS selectors of what is never read: navigation, advertisements.
    ``trackers`` are parameters of its addresses that say only where a link stood.
    ``zone``, e.g. +0800, is meant by times that name none."""

    name: str
    title: str
    kind: str
    language: str
    hosts: tuple[str, ...] = ()
    story: tuple[re.Pattern[str], ...] = ()
    not_story: tuple[re.Pattern[str], ...] = ()
    drop: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    shortest: int = 5
    zone: str = ""
    pages: tuple[PageRule, ...] = ()
    lists: tuple[ListRule, ...] = ()
    examples: tuple[Example, ...] = ()

    def page_for(self, url: str) -> PageRule | None:
        """The rule of the page at ``url``."""
        return next((rule for rule in self.pages if matches(rule.address, url)), None)

    def list_for(self, url: str) -> ListRule | None:
        """The rule of the hot list at ``url``."""
        return next((rule for rule in self.lists if matches(rule.address, url)), None)

    def is_story(self, url: str) -> bool:
        """Whether ``url`` is the address of a story, not one that only carries it along."""
        end = url.find("?")
        return any(
            (found := pattern.search(url)) and (end < 0 or found.start() < end)
            for pattern in self.story
        ) and not matches(self.not_story, url)


def matches(patterns: tuple[re.Pattern[str], ...], url: str) -> bool:
    """Whether any pattern is found in ``url``."""
    return any(pattern.search(url) for pattern in patterns)


@cache
def bundled() -> dict[str, Adapter]:
    """The adapters that come with the program, by name. Raises SettingsError."""
    found: dict[str, Adapter] = {}
    folder = files("monitor.sources") / "portals"
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            adapter = load(file.read_text("utf-8"), f"portals/{file.name}")
            found[adapter.name] = adapter
    return found


def for_address(url: str) -> Adapter | None:
    """The adapter that has a rule for the page or list at ``url``."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return None
    for adapter in bundled().values():
        if any(host == known or host.endswith("." + known) for known in adapter.hosts) and (
            adapter.page_for(url) or adapter.list_for(url)
        ):
            return adapter
    return None


def load(text: str, name: str) -> Adapter:
    """The adapter in a TOML text. Raises SettingsError naming file and place."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([("portals.toml", f"{name}: {error}")]) from error
    top = _Table(document, name, "")
    kind = top.text("kind", PAGE)
    if kind not in {PAGE, HOTLIST}:
        top.fail("kind", f"{PAGE!r} or {HOTLIST!r} is expected")
    adapter = Adapter(
        name=top.required("name"),
        title=top.required("title"),
        kind=kind,
        language=top.required("language"),
        hosts=top.texts("hosts"),
        story=top.patterns("story"),
        not_story=top.patterns("not_story"),
        drop=top.texts("drop"),
        trackers=top.texts("trackers"),
        shortest=top.number("shortest", 5),
        zone=top.text("zone"),
        pages=tuple(_page(table) for table in top.tables("page")),
        lists=tuple(_list(table) for table in top.tables("list")),
        examples=tuple(_example(table) for table in top.tables("example")),
    )
    if not (adapter.pages if kind == PAGE else adapter.lists):
        top.fail(kind if kind == PAGE else "list", "at least one is expected")
    top.end()
    return adapter


def _page(table: _Table) -> PageRule:
    article = next((_article(each) for each in table.tables("article")), None)
    rule = PageRule(
        name=table.required("name"),
        address=table.patterns("address"),
        blocks=tuple(_block(each) for each in table.tables("block")),
        article=article,
        sweep=table.flag("sweep", True),
    )
    table.end()
    return rule


def _article(table: _Table) -> Article:
    article = Article(*(table.texts(name) for name in ("headline", "time", "source", "path")))
    if not article.headline:
        table.fail("headline", "a selector is expected")
    table.end()
    return article


def _block(table: _Table) -> Block:
    block = Block(
        label=table.required("label"),
        ways=tuple(_way(each) for each in table.tables("way")),
        section=table.text("section") or None,
        ranked=table.flag("ranked", False),
        only=table.regex("only"),
    )
    if not block.ways:
        table.fail("way", "at least one is expected")
    table.end()
    return block


def _way(table: _Table) -> Way:
    way = Way(
        generation=table.text("generation"),
        root=table.text("root"),
        label=table.text("label"),
        items=table.text("items"),
        tabs=table.text("tabs"),
        panels=table.text("panels"),
        heading=table.regex("heading"),
        until=table.regex("until"),
        title=table.texts("title"),
        link=table.texts("link"),
        time=table.texts("time"),
        source=table.texts("source"),
        heat=table.texts("heat"),
        rank=table.texts("rank"),
    )
    if not (way.items or way.heading or (way.tabs and way.panels)):
        table.fail("items", "a selector is expected, or tabs and panels, or a heading")
    table.end()
    return way


def _list(table: _Table) -> ListRule:
    names = ("link", "template", "id", "rank", "heat", "time", "source", "summary", "shape")
    rule = ListRule(
        items=table.required("items"),
        title=table.required("title"),
        address=table.patterns("address"),
        **{name: table.text(name) for name in names},
    )
    table.end()
    return rule


def _example(table: _Table) -> Example:
    example = Example(table.required("file"), table.required("url"), table.number("entries", 0))
    table.end()
    return example


class _Table:
    """A table of a TOML document that knows where it stands and which keys were asked for."""

    def __init__(self, values: Mapping[str, object], file: str, place: str) -> None:
        self._values = values
        self._file = file
        self._place = place
        self._asked: set[str] = set()

    def fail(self, key: str, sentence: str) -> NoReturn:
        place = f"{self._place}.{key}" if self._place else key
        raise SettingsError([("portals.toml", f"{self._file}: {place}: {sentence}")])

    def end(self) -> None:
        for key in self._values:
            if key not in self._asked:
                self.fail(key, "unknown key")

    def _get(self, key: str) -> object:
        self._asked.add(key)
        return self._values.get(key)

    def text(self, key: str, default: str = "") -> str:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.fail(key, "a string is expected")
        return value

    def required(self, key: str) -> str:
        return self.text(key) or self.fail(key, "a string is expected")

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._get(key)
        if value is None:
            return ()
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in values):
            self.fail(key, "a string or a list of strings is expected")
        return tuple(values)

    def number(self, key: str, default: int) -> int:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.fail(key, "a whole number is expected")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fail(key, "true or false is expected")
        return value

    def regex(self, key: str) -> str:
        text = self.text(key)
        self._compiled(key, text)
        return text

    def patterns(self, key: str) -> tuple[re.Pattern[str], ...]:
        return tuple(self._compiled(key, text) for text in self.texts(key))

    def _compiled(self, key: str, text: str) -> re.Pattern[str]:
        try:
            return re.compile(text)
        except re.error as error:
            self.fail(key, f"no regular expression: {error}")

    def tables(self, key: str) -> Iterator[_Table]:
        value = self._get(key)
        tables = [] if value is None else value if isinstance(value, list) else [value]
        for number, each in enumerate(tables):
            if not isinstance(each, dict):
                self.fail(key, "a table is expected")
            place = f"{key}[{number}]"
            yield _Table(each, self._file, f"{self._place}.{place}" if self._place else place)
