"""The bundled catalogue of portals, read and checked."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

from monitor.errors import SettingsError
from monitor.options import nearest

BUNDLED = Path(__file__).with_name("catalogue.toml")
_FEED_KEYS = frozenset({"name", "url", "section", "kind", "state", "seen", "checked_on", "note"})
_PORTAL_KEYS = frozenset({"name", "language", "feeds"})


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A source that may be subscribed to.

    ``on`` marks the default choice. ``seen`` says when others were seen using the address;
    ``checked_on`` is the day this project fetched and read it, None until it did.
    """

    url: str
    name: str
    portal: str
    language: str
    section: str | None = None
    kind: str = "feed"
    on: bool = False
    seen: str = ""
    checked_on: date | None = None
    note: str = ""


@functools.cache
def bundled() -> tuple[CatalogueEntry, ...]:
    """The catalogue that comes with the program."""
    return load(BUNDLED)


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
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([("catalogue.read", f"{path}: {error}")]) from error
    portals = table.get("portal", [])
    problems = list(_problems(portals, sections or default_sections()))
    if problems:
        raise SettingsError([("catalogue.entry", f"{path}: {problem}") for problem in problems])
    return tuple(_entry(portal, feed) for portal in portals for feed in portal["feeds"])


def _entry(portal: Mapping[str, str], feed: Mapping[str, object]) -> CatalogueEntry:
    checked = feed.get("checked_on")
    return CatalogueEntry(
        url=str(feed["url"]),
        name=str(feed["name"]),
        portal=portal["name"],
        language=portal["language"],
        section=str(feed["section"]) if "section" in feed else None,
        kind=str(feed.get("kind", "feed")),
        on=feed.get("state", "off") == "on",
        seen=str(feed.get("seen", "")),
        checked_on=checked if isinstance(checked, date) else None,
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
            if feed.get("url") in seen:
                yield f"{name}: {feed.get('url')} stands twice"
            seen.add(feed.get("url"))


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
    if feed.get("state", "off") not in {"on", "off"}:
        yield f"{url}: state is on or off, not {feed['state']!r}"
    if "checked_on" in feed and not isinstance(feed["checked_on"], date):
        yield f"{url}: checked_on is a date such as 2026-01-31"
