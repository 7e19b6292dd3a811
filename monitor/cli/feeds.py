"""``feeds add | list | remove | pause | resume | import | export | catalogue | check | test``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, settings_of
from monitor.errors import UsageError


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    parser = commands.add_parser("feeds", help="the sources to watch")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_adding(actions, everywhere)
    _add_listing(actions, everywhere)
    _add_trying(actions, everywhere)


def _add_adding(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    add = actions.add_parser("add", parents=[everywhere], help="watch a feed, or a page's feed")
    add.add_argument("url", metavar="URL")
    add.add_argument("--name", metavar="N", help="default: the feed's own title")
    add.add_argument("--section", metavar="S", help="the section that this source declares")
    add.add_argument("--every", metavar="AGE", help="such as 10m; default: polling.interval")
    add.add_argument("--label", metavar="L", action="append", default=[])
    add.add_argument("--pick", metavar="N", type=int, help="which of a page's feeds, from 1")
    add.add_argument(
        "--history", action="store_true", help="alert on what stands in the feed already"
    )
    add.add_argument("--keep", metavar="DAYS", type=int, help="retention of this source's entries")
    add.add_argument("--unchecked", action="store_true", help="store it without fetching it")
    add.set_defaults(run=run_add)
    load = actions.add_parser("import", parents=[everywhere], help="add the feeds of an OPML file")
    load.add_argument("file", metavar="FILE", type=Path)
    load.add_argument("--every", metavar="AGE")
    load.set_defaults(run=run_import)


def _add_listing(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    show = actions.add_parser("list", parents=[everywhere], help="the sources and how they do")
    add_json(show)
    show.set_defaults(run=run_list)
    for name, text in (
        ("remove", "forget a source and its entries"),
        ("pause", "stop polling a source"),
        ("resume", "poll it again"),
    ):
        action = actions.add_parser(name, parents=[everywhere], help=text)
        action.add_argument("source", metavar="SOURCE", help="number, name or address")
        action.set_defaults(run=run_change, change=name)
    export = actions.add_parser("export", parents=[everywhere], help="OPML on standard output")
    export.set_defaults(run=run_export)


def _add_trying(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    catalogue = actions.add_parser(
        "catalogue", parents=[everywhere], help="bundled portals; --add watches them"
    )
    catalogue.add_argument("--all", action="store_true", help="also those that are off")
    catalogue.add_argument("--section", metavar="S")
    catalogue.add_argument("--language", metavar="L")
    catalogue.add_argument("--add", metavar="URL", nargs="*", help="all that are on, or these")
    add_json(catalogue)
    catalogue.set_defaults(run=run_catalogue)
    check = actions.add_parser("check", parents=[everywhere], help="try sources once and report")
    check.add_argument("--catalogue", action="store_true", help="the catalogue's instead")
    add_json(check)
    check.set_defaults(run=run_check)
    test = actions.add_parser("test", parents=[everywhere], help="what a source would yield")
    test.add_argument("url", metavar="URL")
    test.add_argument("--file", metavar="SAVED", type=Path, help="read these bytes instead")
    add_json(test)
    test.set_defaults(run=run_test)


def run_add(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds
    from monitor.cli.age import age
    from monitor.storage.sources import NewSource

    settings = settings_of(arguments)
    check_section(settings, arguments.section)
    url, title, language = arguments.url, "", None
    if not arguments.unchecked:
        found = asyncio.run(feeds.look(settings, arguments.url))
        if found.feed is None:
            choice = choose(found.choices, arguments.pick)
            url, title = choice.url, choice.title
        else:
            url, title, language = arguments.url, found.feed.title, found.feed.language
    added = feeds.add(
        settings,
        [
            NewSource(
                url,
                name=arguments.name or title,
                section=arguments.section,
                language=language,
                interval_s=age(arguments.every).total_seconds()
                if arguments.every
                else settings.polling.interval_s,
                labels=tuple(arguments.label),
                history=arguments.history,
                retention_days=arguments.keep,
            )
        ],
    )
    print(f"watching {url}" if added else f"{url} is watched already")
    return 0


def check_section(settings: Any, section: str | None) -> None:
    """Raise UsageError for a section that the live model does not know."""
    from monitor.actions.rules import sections_of
    from monitor.options import nearest

    known = sections_of(settings) if section else frozenset()
    if section and section not in known:
        raise UsageError(f"there is no section {section!r}{nearest(section, known)}")


def choose(choices: Any, pick: int | None) -> Any:
    """The candidate to take: the only one, the picked one, or the one a person names."""
    if len(choices) == 1:
        return choices[0]
    for number, choice in enumerate(choices, start=1):
        print(f"{number:>3}  {choice.url}  {choice.title}", file=sys.stderr)
    if pick is None and sys.stdin.isatty():
        answer = input("which of them? ")
        pick = int(answer) if answer.isdecimal() else 0
    if pick is None:
        raise UsageError(f"this page has {len(choices)} feeds: add --pick N")
    if not 1 <= pick <= len(choices):
        raise UsageError(f"--pick: a number from 1 to {len(choices)} is expected")
    return choices[pick - 1]


def run_import(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds
    from monitor.cli.age import age

    every = age(arguments.every).total_seconds() if arguments.every else None
    new, total, problems = feeds.import_opml(settings_of(arguments), arguments.file, every)
    for problem in problems:
        complain(problem)
    print(f"{total} feeds in {arguments.file}: {new} added, {total - new} known or left out")
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds

    rows = feeds.list_all(settings_of(arguments))
    if arguments.json:
        print_json([{key: value for key, value in row.items() if key != "options"} for row in rows])
    else:
        print_table(
            ("id", "name", "state", "section", "last seen", "next", "error"),
            [
                (
                    row["id"], row["name"], row["state"], row["section"], row["last_fetch_at"],
                    row["next_fetch_at"], row["last_error"],
                )
                for row in rows
            ],
        )  # fmt: skip
    return 0


def run_change(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds
    from monitor.types import SourceState

    settings = settings_of(arguments)
    if arguments.change == "remove":
        name, entries = feeds.remove(settings, arguments.source)
        print(f"{name} is forgotten, with {entries} entries")
        return 0
    state = SourceState.PAUSED if arguments.change == "pause" else SourceState.ACTIVE
    print(f"{feeds.set_state(settings, arguments.source, state)} is {state}")
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds

    sys.stdout.buffer.write(feeds.export_opml(settings_of(arguments)))
    return 0


def run_catalogue(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds

    if arguments.add is not None:
        added = feeds.add_catalogue(settings_of(arguments), arguments.add or None)
        print(f"added {added} portals")
        return 0
    shown = [
        portal
        for portal in feeds.portals()
        if (portal.on or arguments.all)
        and arguments.section in {None, portal.section}
        and arguments.language in {None, portal.language}
    ]
    if arguments.json:
        names = (
            "url", "portal", "name", "language", "section", "kind", "on", "seen", "checked_on",
            "note",
        )  # fmt: skip
        print_json([{name: getattr(portal, name) for name in names} for portal in shown])
    else:
        print_table(
            ("portal", "name", "section", "on", "seen", "checked on", "address"),
            [
                (
                    portal.portal, portal.name, portal.section, "on" if portal.on else "off",
                    portal.seen, portal.checked_on or "never", portal.url,
                )
                for portal in shown
            ],
        )  # fmt: skip
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds

    settings = settings_of(arguments)
    if arguments.catalogue:
        wanted = [(f"{portal.portal} {portal.name}", portal.url) for portal in feeds.portals()]
    else:
        wanted = [(row["name"], row["url"]) for row in feeds.list_all(settings)]
    results = asyncio.run(feeds.check(settings, wanted))
    if arguments.json:
        names = ("name", "url", "entries", "message")
        print_json([{name: getattr(item, name) for name in names} for item in results])
    else:
        print_table(
            ("name", "entries", "what", "address"),
            [(item.name, item.entries, item.message, item.url) for item in results],
        )
    return 1 if any(item.entries is None for item in results) else 0


def run_test(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds

    if arguments.file:
        feed = asyncio.run(feeds.read_saved(arguments.file, arguments.url))
    else:
        found = asyncio.run(feeds.look(settings_of(arguments), arguments.url))
        if found.feed is None:
            complain("this is a page, not a feed; its feeds:")
            for choice in found.choices:
                print(f"{choice.url}  {choice.title}", file=sys.stderr)
            return 1
        feed = found.feed
    show_feed(feed, arguments.url, as_json=arguments.json)
    return 0


def show_feed(feed: Any, url: str, *, as_json: bool) -> None:
    """What a document yields, as the contract's JSON or as a table."""
    if not as_json:
        for problem in feed.problems:
            complain(problem)
        print(f"{feed.format}: {feed.title or url}, {len(feed.entries)} entries")
        print_table(
            ("published", "title", "address"),
            [(entry.published_at, entry.title, entry.url) for entry in feed.entries],
        )
        return
    names = ("title", "url", "author", "published_at", "rank")
    print_json({
        "kind": "feed",
        "format": feed.format,
        "title": feed.title,
        "entries": [
            {
                **{name: getattr(entry, name) for name in names},
                "source": feed.title,
                "section": entry.section_hint,
            }
            for entry in feed.entries
        ],
        "problems": list(feed.problems),
    })  # fmt: skip
