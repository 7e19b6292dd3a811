"""How portals are read, as data: the records of ``portals/*.toml``, and which one reads what.

An adapter knows its portal's hosts. A *page* adapter has rules for kinds of pages; a rule
has blocks, a block has ways in order: the first that yields anything is taken. A *hotlist*
adapter has JMESPath expressions. A user's own adapters, from the folder that the settings
name, are asked before the bundled ones, and one of the same name replaces a bundled one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from monitor.errors import SettingsError

PAGE, HOTLIST = "page", "hotlist"
_WAY_OUT = "; docs/portals.md says how one is written, and without the file all goes on"


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

    ``sweep``: links to stories that stand in no block are entries as well. ``rest``: it reads
    the pages on the adapter's hosts that no rule of any adapter names.
    """

    name: str
    address: tuple[re.Pattern[str], ...]
    blocks: tuple[Block, ...] = ()
    article: Article | None = None
    sweep: bool = True
    rest: bool = False


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
        """The rule of the page at ``url``, if need be one for the rest."""
        return self.named_page(url) or next(
            (
                rule
                for rule in self.pages
                if rule.rest and self.has_host(url) and matches(rule.address, url)
            ),
            None,
        )

    def named_page(self, url: str) -> PageRule | None:
        """The rule that names the page at ``url``."""
        return next(
            (rule for rule in self.pages if not rule.rest and matches(rule.address, url)), None
        )

    def has_host(self, url: str) -> bool:
        """Whether ``url`` is on one of the adapter's hosts, or below it."""
        try:
            host = (urlsplit(url).hostname or "").lower()
        except ValueError:
            return False
        return any(host == name or host.endswith("." + name) for name in self.hosts)

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
    folder = files("monitor.sources") / "portals"
    texts = (
        (file.name, file.read_text("utf-8"))
        for file in sorted(folder.iterdir(), key=lambda each: each.name)
        if file.name.endswith(".toml")
    )
    return _named(texts, "portals")


def yours(folder: Path) -> dict[str, Adapter]:
    """The user's adapters in ``folder``, by name. Raises SettingsError, with a way out."""
    try:
        paths = sorted(folder.glob("*.toml"))
        found = _named(((path.name, path.read_text("utf-8")) for path in paths), str(folder))
        for path in paths:
            if path.stem not in found:
                reason = f"{path}: name: {path.stem!r} is expected, as the file is called"
                raise SettingsError([("portals.toml", reason)])
    except SettingsError as error:
        raise SettingsError(
            [(name, f"{text}{_WAY_OUT}") for name, text in error.problems]
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([("portals.toml", f"{folder}: {error}{_WAY_OUT}")]) from error
    return found


def _named(texts: Iterable[tuple[str, str]], folder: str) -> dict[str, Adapter]:
    adapters = [load(text, f"{folder}/{name}") for name, text in texts]
    return {adapter.name: adapter for adapter in adapters}


class _InUse:
    """The adapters of this process."""

    yours: Mapping[str, Adapter] = {}


def use(folder: Path | None) -> None:
    """Ask the adapters in ``folder`` from now on, before the bundled ones; None: those alone.

    Raises SettingsError; then all is as it was.
    """
    _InUse.yours = yours(folder) if folder else {}


def known() -> dict[str, Adapter]:
    """Every adapter by name, the user's first."""
    return {**_InUse.yours, **{k: v for k, v in bundled().items() if k not in _InUse.yours}}


def for_address(url: str) -> Adapter | None:
    """The adapter that has a rule for the page or list at ``url``; one that names it first."""
    at_home = [adapter for adapter in known().values() if adapter.has_host(url)]
    named = (each for each in at_home if each.named_page(url) or each.list_for(url))
    return next(named, None) or next((each for each in at_home if each.page_for(url)), None)


def load(text: str, name: str) -> Adapter:
    """The adapter in a TOML text. Raises SettingsError naming file and place."""
    from monitor.sources.adapterfile import read

    return read(text, name)
