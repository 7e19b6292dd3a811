"""The TOML files of adapters, read and checked: a wrong one is told with its file and place.

``portals/adapter.schema.json`` describes the form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import NoReturn

from monitor.errors import SettingsError
from monitor.sources.adapters import (
    HOTLIST,
    PAGE,
    Adapter,
    Article,
    Block,
    Example,
    ListRule,
    PageRule,
    Way,
)


def read(text: str, name: str) -> Adapter:
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
        rest=table.flag("rest", False),
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
