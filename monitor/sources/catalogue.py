"""The bundled catalogue of portals, read and checked."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from monitor.errors import SettingsError
from monitor.options import nearest
from monitor.stories.address import canonical_url

BUNDLED = Path(__file__).with_name("catalogue.toml")
STATES = frozenset({"on", "off", "old", "dead"})
WAYS = frozenset({"offline", "fetched"})
_FEED_KEYS = frozenset(
    {"name", "url", "section", "kind", "adapter", "state", "seen", "checked_on", "checked_how"}
    | {"note"}
)
_PORTAL_KEYS = frozenset({"name", "language", "feeds"})
_PACK_KEYS = frozenset({"name", "title", "language", "sources"})


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A source that may be subscribed to.

    ``state``: ``on`` is the default choice, ``off`` another, ``old`` was last seen in use before
    2019, ``dead`` answered that it is gone. ``seen`` says when others were seen using the address.
    ``checked_on`` is the day on which it was fetched and read, None until it was;
    ``checked_how`` is ``fetched`` then, else ``offline``: only its form was checked.
    ``adapter`` names what reads a page or a hot list.
    """

    url: str
    name: str
    portal: str
    language: str
    section: str | None = None
    kind: str = "feed"
    adapter: str = ""
    state: str = "off"
    seen: str = ""
    checked_on: date | None = None
    checked_how: str = "offline"
    note: str = ""

    @property
    def on(self) -> bool:
        """Whether it belongs to the default choice."""
        return self.state == "on"


@dataclass(frozen=True, slots=True)
class Pack:
    """Sources to start with together; ``sources`` are addresses of the catalogue."""

    name: str
    title: str
    language: str
    sources: tuple[str, ...]


@functools.cache
def bundled() -> tuple[CatalogueEntry, ...]:
    """The catalogue that comes with the program."""
    return load(BUNDLED)


@functools.cache
def packs() -> tuple[Pack, ...]:
    """The starter packs of the bundled catalogue."""
    return load_packs(BUNDLED, {entry.url for entry in bundled()})


@functools.cache
def default_sections() -> tuple[str, ...]:
    """The ids of the default taxonomy, in display order."""
    text = (files("training_data") / "sections.toml").read_text(encoding="utf-8")
    return tuple(section["id"] for section in tomllib.loads(text)["section"])


def load(path: Path, sections: Collection[str] | None = None) -> tuple[CatalogueEntry, ...]:
    """The entries of a catalogue file, in order; ``sections`` are the ids it may use.

    Raises SettingsError that lists every problem: unknown keys, sections and kinds,
    addresses that are not http or https or that stand twice.
    """
    portals = _read(path).get("portal", [])
    problems = list(_problems(portals, sections or default_sections()))
    if problems:
        raise SettingsError([("catalogue.entry", f"{path}: {problem}") for problem in problems])
    return tuple(_entry(portal, feed) for portal in portals for feed in portal["feeds"])


def load_packs(path: Path, known: Collection[str]) -> tuple[Pack, ...]:
    """The starter packs of a catalogue file whose addresses are ``known``.

    Raises SettingsError that lists every problem.
    """
    packs = _read(path).get("pack", [])
    problems = list(_pack_problems(packs, known))
    if problems:
        raise SettingsError([("catalogue.pack", f"{path}: {problem}") for problem in problems])
    return tuple(
        Pack(pack["name"], pack["title"], pack["language"], tuple(pack["sources"]))
        for pack in packs
    )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([("catalogue.read", f"{path}: {error}")]) from error


def _pack_problems(packs: Iterable[Mapping[str, Any]], known: Collection[str]) -> Iterator[str]:
    names: set[object] = set()
    for pack in packs:
        name = pack.get("name", "(a pack without a name)")
        if missing := _PACK_KEYS - pack.keys():
            yield f"{name}: {', '.join(sorted(missing))} must be set"
        if name in names:
            yield f"{name}: the pack stands twice"
        names.add(name)
        sources = pack.get("sources", [])
        for url in sources:
            if url not in known:
                yield f"{name}: the catalogue has no {url!r}"
        if len(set(sources)) < len(sources):
            yield f"{name}: an address stands twice"


def _entry(portal: Mapping[str, str], feed: Mapping[str, object]) -> CatalogueEntry:
    checked = feed.get("checked_on")
    return CatalogueEntry(
        url=str(feed["url"]),
        name=str(feed["name"]),
        portal=portal["name"],
        language=portal["language"],
        section=str(feed["section"]) if "section" in feed else None,
        kind=str(feed.get("kind", "feed")),
        adapter=str(feed.get("adapter", "")),
        state=str(feed.get("state", "off")),
        seen=str(feed.get("seen", "")),
        checked_on=checked if isinstance(checked, date) else None,
        checked_how=str(feed.get("checked_how", "offline")),
        note=str(feed.get("note", "")),
    )


def _problems(portals: Iterable[Mapping[str, object]], sections: Collection[str]) -> Iterator[str]:
    seen: set[object] = set()
    for portal in portals:
        name = portal.get("name", "(a portal without a name)")
        missing = _PORTAL_KEYS - portal.keys()
        if missing:
            yield f"{name}: {', '.join(sorted(missing))} must be set"
        feeds = portal.get("feeds")
        for feed in feeds if isinstance(feeds, list) else ():
            yield from (f"{name}: {problem}" for problem in _feed_problems(feed, sections))
            url = canonical_url(str(feed.get("url")))
            if url in seen:
                yield f"{name}: {feed.get('url')} stands twice"
            seen.add(url)


def _feed_problems(feed: Mapping[str, object], sections: Collection[str]) -> Iterator[str]:
    from monitor.sources import SOURCE_KINDS

    url = feed.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        yield f"{url!r} is not an http or https address"
    if not feed.get("name"):
        yield f"{url} has no name"
    for key in feed.keys() - _FEED_KEYS:
        yield f"{url}: unknown key {key!r}{nearest(key, _FEED_KEYS)}"
    section = feed.get("section")
    if section is not None and section not in sections:
        yield f"{url}: unknown section {section!r}{nearest(str(section), sections)}"
    if feed.get("kind", "feed") not in SOURCE_KINDS:
        yield f"{url}: unknown kind {feed['kind']!r}{nearest(str(feed['kind']), SOURCE_KINDS)}"
    elif (feed.get("kind", "feed") == "feed") == bool(feed.get("adapter")):
        yield f"{url}: pages and hot lists name their adapter, and nothing else does"
    if feed.get("state", "off") not in STATES:
        yield f"{url}: state is on, off, old or dead, not {feed['state']!r}"
    yield from _check_problems(feed)


def _check_problems(feed: Mapping[str, object]) -> Iterator[str]:
    url = feed.get("url")
    if "checked_on" in feed and not isinstance(feed["checked_on"], date):
        yield f"{url}: checked_on is a date such as 2026-01-31"
    if feed.get("checked_how", "offline") not in WAYS:
        yield f"{url}: checked_how is offline or fetched, not {feed['checked_how']!r}"
    if ("checked_on" in feed) != (feed.get("checked_how") == "fetched"):
        yield f'{url}: checked_on and checked_how = "fetched" stand together'
