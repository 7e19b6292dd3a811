"""``feeds add | import | list | remove | pause | resume | export``, and the rest of ``portals``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.cli import portals, trust
from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import count, every
from monitor.errors import FetchError, ParseError, UsageError

SHOWN = (
    "id", "url", "name", "kind", "state", "section", "language", "labels", "interval_s", "history",
    "retention_days", "created_at", "last_fetch_at", "last_new_at", "next_fetch_at", "failures",
    "last_error",
)  # fmt: skip

# What an address that is watched already does not take.
KEPT = ("name", "section", "every", "label", "keep", "history")


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    parser = commands.add_parser("feeds", help="the sources to watch")
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _add_adding(actions, everywhere)
    _add_listing(actions, everywhere)
    portals.add_actions(actions, everywhere)
    trust.add_actions(actions, everywhere)


def _add_adding(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    add = actions.add_parser("add", parents=[everywhere], help="watch a feed, a page or a hot list")
    add.add_argument("url", metavar="URL")
    add.add_argument("--name", metavar="N", help="default: the feed's own title")
    add.add_argument("--section", metavar="S", help="the section that this source declares")
    add.add_argument(
        "--every", type=every, metavar="AGE", help="such as 10m; default: polling.interval"
    )
    add.add_argument("--label", metavar="L", action="append", default=[])
    add.add_argument("--pick", metavar="N", type=count, help="which of a page's feeds, from 1")
    add.add_argument("--selector", metavar="CSS", default="", help=portals.SELECTOR)
    add.add_argument("--render", action="store_true", help=portals.RENDER)
    add.add_argument(
        "--guessed", action="store_true", help="take the headlines that a page seems to have"
    )
    add.add_argument(
        "--history", action="store_true", help="alert on what stands in the feed already"
    )
    add.add_argument("--keep", metavar="DAYS", type=count, help="retention of its entries")
    add.add_argument("--unchecked", action="store_true", help="store it without fetching it")
    add.set_defaults(run=run_add)
    load = actions.add_parser("import", parents=[everywhere], help="add the feeds of an OPML file")
    load.add_argument("file", metavar="FILE", type=Path)
    load.add_argument("--every", type=every, metavar="AGE", help="such as 10m")
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


def run_add(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds
    from monitor.actions.opening import section_finder
    from monitor.schedule import chosen_s
    from monitor.sources import SOURCE_KINDS
    from monitor.storage.sources import NewSource

    settings = settings_of(arguments)
    section = section_finder(settings)(arguments.section) if arguments.section else None
    if arguments.unchecked:
        found = at_address(arguments.url, arguments.selector, render=arguments.render)
    else:
        found = find_source(settings, arguments)
    new = NewSource(
        found.url,
        kind=found.kind,
        name=arguments.name or found.title,
        section=section,
        language=found.language,
        interval_s=chosen_s(arguments.every) if arguments.every else settings.polling.interval_s,
        labels=tuple(arguments.label),
        options=found.options,
        history=arguments.history,
        retention_days=arguments.keep,
    )
    added = feeds.add(settings, [new])
    holds = f" of {found.entries} headlines" if found.entries is not None else ""
    what = "" if found.kind == "feed" else f", a {found.kind}{holds}"
    named = f"watching {found.url} ({new.name or found.url}{what})"
    say(named if added else f"{found.url} is watched already")
    if not added and (ignored := [f"--{name}" for name in KEPT if getattr(arguments, name)]):
        complain(
            f"{', '.join(ignored)} not taken: a source keeps what it was added with, until "
            "'headlines feeds remove', which forgets its entries"
        )
    if added and SOURCE_KINDS[found.kind].robots and not arguments.unchecked:
        from monitor.actions.looking import objection

        if why := asyncio.run(objection(settings, found.url)):
            complain(f"it will not be read: {why}")
    return 0


@dataclass(frozen=True, slots=True)
class Found:
    """A source to store; ``entries`` None: nobody looked."""

    url: str
    kind: str = "feed"
    title: str = ""
    language: str | None = None
    options: Mapping[str, object] | None = None
    entries: int | None = None


def at_address(url: str, selector: str, *, render: bool = False) -> Found:
    """What an address alone says that it is."""
    from monitor.sources import recognise

    drawn = {"render": True} if render else {}
    if selector:
        return Found(url, "page", options={"selector": selector, **drawn})
    kind, options = recognise.kind_at(url)
    if render:
        return Found(url, "page", options={**(options if kind == "page" else {}), **drawn})
    return Found(url, kind, options=options)


def find_source(settings: Any, arguments: argparse.Namespace) -> Found:
    """What the address gives; the feed that its page names; else, with --guessed, the page."""
    from monitor.actions.looking import look
    from monitor.sources import recognise

    url, selector = arguments.url, arguments.selector
    try:
        found = asyncio.run(look(settings, url, selector, render=arguments.render))
        if found.feed is None:
            url = choose(found.choices, arguments.pick).url
            found = asyncio.run(look(settings, url))
            if found.feed is None or found.guessed:
                raise ParseError(
                    f"{url}: the page names this as its feed, but it is a page as well"
                )
    except (FetchError, ParseError):
        complain("nothing was stored; --unchecked stores an address that does not answer yet")
        raise
    feed = found.feed
    kind, options = recognise.kind_of(feed)
    if found.guessed and not arguments.guessed:
        portals.show_feed(feed, url, as_json=False)
        raise UsageError(
            "this page has no feed and no adapter knows it; above is what it seems to hold: "
            "--guessed takes that, --selector CSS says better where its headlines are"
        )
    if selector:
        kind, options = "page", {"selector": selector}
        if not feed.entries:
            raise UsageError(f"--selector: {selector!r} finds no headline on {url}")
    if arguments.render:
        if kind != "page":
            raise UsageError(f"{url} is a {kind}, not a page: no browser is needed for it")
        options = {**options, "render": True}
    return Found(url, kind, feed.title, feed.language, options, len(feed.entries))


def choose(choices: Sequence[Any], pick: int | None) -> Any:
    """The candidate to take: the only one, the picked one, or the one a person names."""
    if len(choices) == 1:
        return choices[0]
    if pick is None or pick > len(choices):
        for number, choice in enumerate(choices, start=1):
            complain(f"{number:>3}  {choice.url}  {choice.title}")
    if pick is None and sys.stdin is not None and sys.stdin.isatty():
        print("which of them? ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip()
        pick = int(answer) if answer.isdecimal() and len(answer) < 10 else 0
    if pick is None:
        raise UsageError(f"this page has {len(choices)} feeds: add --pick N")
    if not 1 <= pick <= len(choices):
        raise UsageError(f"--pick: a number from 1 to {len(choices)} is expected")
    return choices[pick - 1]


def run_import(arguments: argparse.Namespace) -> int:
    from monitor.actions.subscriptions import import_opml

    found = import_opml(settings_of(arguments), arguments.file, arguments.every)
    for problem in found.problems:
        complain(problem)
    known = found.total - found.new - found.refused
    say(
        f"{found.total} feeds in {arguments.file}: {found.new} added, {known} known already, "
        f"{found.refused} left out"
    )
    say(f"kept for the export: {found.kept} outlines that it did not have")
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds

    rows = [
        {**row, "interval_s": round(row["interval_s"], 3)}
        for row in feeds.list_all(settings_of(arguments))
    ]
    if arguments.json:
        print_json([{name: row[name] for name in SHOWN} for row in rows])
    else:
        names = ("id", "name", "state", "section", "last_fetch_at", "next_fetch_at", "last_error")
        print_table(
            ("id", "name", "state", "section", "last seen", "next", "error"),
            [[row[name] for name in names] for row in map(shown, rows)],
        )
    return 0


def shown(row: Any) -> dict[str, Any]:
    """A source as the table has it: what is paused has no next time."""
    return {**row, **({} if row["state"] == "active" else {"next_fetch_at": None})}


def run_change(arguments: argparse.Namespace) -> int:
    from monitor.actions import feeds
    from monitor.types import SourceState

    settings = settings_of(arguments)
    if arguments.change == "remove":
        name, entries = feeds.remove(settings, arguments.source)
        say(f"{name} is forgotten, with {entries} entries")
        return 0
    state = SourceState.PAUSED if arguments.change == "pause" else SourceState.ACTIVE
    say(f"{feeds.set_state(settings, arguments.source, state)} is {state}")
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    from monitor.actions.subscriptions import export_opml

    document = export_opml(settings_of(arguments))
    sys.stdout.flush()
    sys.stdout.buffer.write(document)
    return 0
