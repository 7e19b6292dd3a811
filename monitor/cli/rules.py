"""``rules add | list | remove | test``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import age, count


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    parser = commands.add_parser("rules", help="keyword rules: add, list, remove, test")
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    add = actions.add_parser("add", parents=[everywhere], help="store a rule")
    add.add_argument("name", metavar="NAME")
    add.add_argument("query", metavar="QUERY", help="docs/rules.md has the language")
    add.add_argument(
        "--channel", metavar="C", action="append", required=True, dest="channels",
        help="a channel of headlines.toml; may be given several times",
    )  # fmt: skip
    add.set_defaults(run=run_add)
    show = actions.add_parser("list", parents=[everywhere], help="the rules")
    add_json(show)
    show.set_defaults(run=run_list)
    remove = actions.add_parser("remove", parents=[everywhere], help="delete a rule")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=run_remove)
    test = actions.add_parser(
        "test", parents=[everywhere], help="on stored history, or on --title T"
    )
    test.add_argument("query", metavar="QUERY")
    test.add_argument("--title", metavar="T", help="match this title instead of history")
    test.add_argument(
        "--since", type=age, default="30d", metavar="AGE", help="how far back (default 30d)"
    )
    test.add_argument("--limit", type=count, default=20, metavar="N", help="show the newest N")
    add_json(test)
    test.set_defaults(run=run_test)


def run_add(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    broad = ruling.add(
        settings_of(arguments), arguments.name, arguments.query, tuple(arguments.channels)
    )
    say(f"rule {arguments.name!r} is on")
    if broad:
        complain("this rule asks for nothing in particular: it matches nearly every headline")
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    rules = ruling.list_all(settings_of(arguments))
    if arguments.json:
        names = ("id", "name", "query", "channels", "enabled")
        print_json([{name: getattr(rule, name) for name in names} for rule in rules])
    else:
        print_table(
            ("name", "channels", "query"),
            [(rule.name, ", ".join(rule.channels), rule.query) for rule in rules],
        )
    return 0


def run_remove(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    ruling.remove(settings_of(arguments), arguments.name)
    say(f"rule {arguments.name!r} is gone")
    return 0


def run_test(arguments: argparse.Namespace) -> int:
    return try_history(arguments) if arguments.title is None else try_title(arguments)


def try_title(arguments: argparse.Namespace) -> int:
    """Does one title match, and where?"""
    from monitor.actions import rules as ruling

    spans = ruling.try_title(settings_of(arguments), arguments.query, arguments.title)
    if arguments.json:
        print_json({"matched": spans is not None, "spans": spans or []})
        return 0
    say("does not match" if spans is None else "matches")
    if spans:
        say(mark(arguments.title, spans))
    return 0


def try_history(arguments: argparse.Namespace) -> int:
    """What would have matched of what is stored?"""
    from monitor.actions import rules as ruling

    trial = ruling.try_history(
        settings_of(arguments), arguments.query, arguments.since, arguments.limit
    )
    if arguments.json:
        print_json({
            "matched": trial.matched, "looked_at": trial.looked_at, "per_day": trial.per_day,
            "newest": [
                {"id": entry.id, "title": entry.title, "spans": entry.spans,
                 "source": entry.source, "first_seen_at": entry.first_seen_at}
                for entry in trial.newest
            ],
        })  # fmt: skip
        return 0
    say(f"{trial.matched} of {trial.looked_at} entries match, {trial.per_day:.1f} a day")
    for entry in trial.newest:
        say(f"{entry.id:>8}  {mark(entry.title, entry.spans)}  ({entry.source})")
    return 0


def mark(title: str, spans: Sequence[tuple[int, int]]) -> str:
    """``title`` with [brackets] around what matched."""
    parts, at = [], 0
    for start, end in spans:
        parts += [title[at:start], "[", title[start:end], "]"]
        at = end
    return "".join([*parts, title[at:]])
