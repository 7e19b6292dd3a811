"""``feeds catalogue | check | test``: what could be watched, and what it would yield."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.errors import UsageError
from monitor.options import nearest
from monitor.types import ParsedEntry, ParsedFeed

PORTAL = (
    "url", "portal", "name", "language", "section", "kind", "adapter", "on", "state",
    "seen", "checked_on", "checked_how", "note",
)  # fmt: skip
ENTRY = ("title", "url", "author", "published_at", "rank")
RENDER = "let a browser draw the page first (the extra headline-monitor[browser])"
SELECTOR = "CSS of a page's headlines: links, or what holds them; instead of an adapter"


def add_actions(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put these actions below ``feeds``."""
    catalogue = actions.add_parser(
        "catalogue", parents=[everywhere], help="bundled portals; --add watches them"
    )
    catalogue.add_argument("--all", action="store_true", help="also those that are off")
    catalogue.add_argument("--section", metavar="S")
    catalogue.add_argument("--language", metavar="L")
    catalogue.add_argument("--add", metavar="URL", nargs="*", help="all that is listed, or these")
    catalogue.add_argument("--pack", metavar="NAME", help="a starter pack; with --add: watch it")
    catalogue.add_argument("--packs", action="store_true", help="the starter packs")
    add_json(catalogue)
    catalogue.set_defaults(run=run_catalogue)
    check = actions.add_parser("check", parents=[everywhere], help="try sources once and report")
    check.add_argument("--catalogue", action="store_true", help="the catalogue's instead")
    check.add_argument("--pack", metavar="NAME", help="a starter pack of the catalogue instead")
    check.add_argument(
        "--patch", metavar="FILE", type=Path, help="write what the catalogue should say now"
    )
    add_json(check)
    check.set_defaults(run=run_check)
    test = actions.add_parser("test", parents=[everywhere], help="what a source would yield")
    test.add_argument(
        "url", metavar="URL", nargs="?", help="with --file: where the bytes came from"
    )
    test.add_argument("--file", metavar="SAVED", type=Path, help="read these bytes instead")
    test.add_argument("--selector", metavar="CSS", default="", help=SELECTOR)
    test.add_argument("--render", action="store_true", help=RENDER)
    add_json(test)
    test.set_defaults(run=run_test)


def catalogued(name: str) -> str:
    """The section of the catalogue, which has the default ones, that a name stands for."""
    from classifiers.taxonomy import read_taxonomy

    known = read_taxonomy()
    found = known.find(name)
    if found is None:
        raise UsageError(f"there is no section {name!r}{nearest(name, known.ids)}")
    return found


def run_catalogue(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds

    if arguments.packs:
        return show_packs(as_json=arguments.json)
    pack = feeds.pack(arguments.pack).sources if arguments.pack else None
    section = arguments.section and catalogued(arguments.section)
    shown = [
        portal
        for portal in feeds.portals()
        if (portal.url in pack if pack else portal.on or arguments.all)
        and section in {None, portal.section}
        and arguments.language in {None, portal.language}
    ]
    if arguments.add is not None:
        wanted = arguments.add or [portal.url for portal in shown]
        say(f"added {feeds.add_catalogue(settings_of(arguments), wanted)} portals")
        return 0
    if arguments.json:
        print_json([{name: getattr(portal, name) for name in PORTAL} for portal in shown])
    else:
        print_table(
            ("portal", "name", "kind", "section", "state", "seen", "checked on", "address"),
            [
                (
                    portal.portal, portal.name, portal.kind, portal.section, portal.state,
                    portal.seen, portal.checked_on or "never", portal.url,
                )
                for portal in shown
            ],
        )  # fmt: skip
    return 0


def show_packs(*, as_json: bool) -> int:
    """The starter packs of the catalogue."""
    from monitor.sources import catalogue

    packs = catalogue.packs()
    if as_json:
        names = ("name", "title", "language", "sources")
        print_json([{name: getattr(pack, name) for name in names} for pack in packs])
    else:
        print_table(
            ("pack", "title", "language", "sources"),
            [(pack.name, pack.title, pack.language, len(pack.sources)) for pack in packs],
        )
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds
    from monitor.actions.checking import check, patch
    from monitor.service import utc_now

    settings = settings_of(arguments)
    pages: dict[str, dict[str, object]] = {}
    lists: dict[str, str] = {}
    if arguments.catalogue or arguments.pack or arguments.patch:
        pack = feeds.pack(arguments.pack).sources if arguments.pack else None
        portals = [each for each in feeds.portals() if pack is None or each.url in pack]
        wanted = [(f"{portal.portal} {portal.name}", portal.url) for portal in portals]
        pages = {portal.url: {} for portal in portals if portal.kind == "page"}
        lists = {each.url: each.adapter or "" for each in portals if each.kind == "hotlist"}
    else:
        rows = feeds.list_all(settings)
        wanted = [(row["name"], row["url"]) for row in rows]
        pages = {row["url"]: row["options"] for row in rows if row["kind"] == "page"}
        listing = [row for row in rows if row["kind"] == "hotlist"]
        lists = {row["url"]: row["options"].get("adapter", "") for row in listing}
    results = asyncio.run(check(settings, wanted, pages, lists))
    if arguments.json:
        names = ("name", "url", "entries", "message")
        print_json([{name: getattr(item, name) for name in names} for item in results])
    else:
        print_table(
            ("name", "entries", "what", "address"),
            [(item.name, item.entries, item.message, item.url) for item in results],
        )
    if arguments.patch:
        changes = patch(results, utc_now().date())
        arguments.patch.write_text(changes, encoding="utf-8")
        found = sum(line.startswith("+ ") for line in changes.splitlines())
        complain(f"{found} entries of the catalogue change: {arguments.patch}")
    failed = sum(item.entries is None for item in results)
    complain(f"{len(results) - failed} of {len(results)} gave a feed")
    return 1 if failed else 0


def run_test(arguments: argparse.Namespace) -> int:
    from monitor.actions import looking

    settings, selector = settings_of(arguments), arguments.selector
    if arguments.file is not None:
        feed = asyncio.run(
            looking.read_saved(settings, arguments.file, arguments.url or "", selector)
        )
    elif arguments.url is None:
        raise UsageError("which one? give its URL, or --file SAVED")
    else:
        found = asyncio.run(
            looking.look(settings, arguments.url, selector, render=arguments.render)
        )
        if found.feed is None:
            complain(f"{arguments.url} is a page, not a feed; its feeds:")
            for choice in found.choices:
                complain(f"{choice.url}  {choice.title}")
            return 1
        feed = found.feed
    show_feed(feed, arguments.url or str(arguments.file), as_json=arguments.json)
    return 0


def show_feed(feed: ParsedFeed, url: str, *, as_json: bool) -> None:
    """What a document yields, as the contract's JSON or as a table."""
    from monitor.sources import recognise

    kind = recognise.kind_of(feed)[0]
    if as_json:
        print_json({
            "kind": kind,
            "format": feed.format,
            "title": feed.title,
            "entries": [_entry(entry, feed, kind) for entry in feed.entries],
            "problems": list(feed.problems),
        })  # fmt: skip
        return
    for problem in feed.problems:
        complain(problem)
    say(f"{kind} ({feed.format}): {feed.title or url}, {len(feed.entries)} entries")
    if kind == recognise.FEED:
        print_table(
            ("published", "title", "address"),
            [(entry.published_at, entry.title, entry.url) for entry in feed.entries],
        )
        return
    print_table(
        ("rank", "section", "source", "published", "title", "address"),
        [
            (
                entry.rank, section_of(entry), entry.author, entry.published_at, entry.title,
                entry.url,
            )
            for entry in feed.entries
        ],
    )  # fmt: skip


def section_of(entry: ParsedEntry) -> str | None:
    """What an entry's block or its address says of its section."""
    from monitor.hints import of_address

    return entry.section_hint or next((each.section for each in of_address(entry.url)), None)


def _entry(entry: ParsedEntry, feed: ParsedFeed, kind: str) -> dict[str, object]:
    """One entry of the contract; a page's and a hot list's have where they stood as well."""
    shown: dict[str, object] = {name: getattr(entry, name) for name in ENTRY}
    if kind == "feed":
        return {**shown, "source": feed.title, "section": entry.section_hint}
    return {
        **shown,
        "source": entry.author or feed.title,
        "section": section_of(entry),
        "places": list(entry.categories),
        "heat": entry.heat,
    }
