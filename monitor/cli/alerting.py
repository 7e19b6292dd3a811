"""``rules``, ``channels``, ``alerts``."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, settings_of
from monitor.errors import NotFound, TransportError, UsageError


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    _add_rules(
        commands.add_parser("rules", help="keyword rules: add, list, remove, test"), everywhere
    )
    _add_channels(commands.add_parser("channels", help="where alerts go: list, test"), everywhere)
    _add_alerts(
        commands.add_parser("alerts", help="what was owed and sent: list, retry"), everywhere
    )


def _add_rules(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
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
    test.add_argument("--since", default="30d", metavar="AGE", help="how far back (default 30d)")
    test.add_argument("--limit", type=int, default=20, metavar="N", help="show the newest N")
    add_json(test)
    test.set_defaults(run=run_test)


def _add_channels(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("list", parents=[everywhere], help="the channels and their state")
    add_json(show)
    show.set_defaults(run=run_channels)
    test = actions.add_parser("test", parents=[everywhere], help="send a test message now")
    test.add_argument("name", metavar="NAME")
    test.set_defaults(run=run_channel_test)


def _add_alerts(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("list", parents=[everywhere], help="deliveries, newest first")
    show.add_argument("--state", choices=("pending", "claimed", "sent", "dead"))
    show.add_argument("--limit", type=int, default=50, metavar="N")
    add_json(show)
    show.set_defaults(run=run_alerts)
    retry = actions.add_parser("retry", parents=[everywhere], help="send a dead delivery again")
    retry.add_argument("id", metavar="ID")
    retry.set_defaults(run=run_retry)


def run_add(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    settings = settings_of(arguments)
    unknown = [name for name in arguments.channels if name not in settings.channels]
    if unknown:
        known = ", ".join(sorted(settings.channels)) or "none yet: add [channels.NAME]"
        raise UsageError(f"no channel is called {unknown[0]!r} in headlines.toml; known: {known}")
    broad = ruling.add(settings, arguments.name, arguments.query, tuple(arguments.channels))
    print(f"rule {arguments.name!r} is on")
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
    print(f"rule {arguments.name!r} is gone")
    return 0


def run_test(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling
    from monitor.cli.age import age

    settings = settings_of(arguments)
    if arguments.title is not None:
        spans = ruling.try_title(settings, arguments.query, arguments.title)
        result: dict[str, Any] = {"matched": spans is not None, "spans": spans or []}
        if arguments.json:
            print_json(result)
        else:
            print("matches" if result["matched"] else "does not match")
            if spans:
                print(mark(arguments.title, spans))
        return 0
    trial = ruling.try_history(settings, arguments.query, age(arguments.since), arguments.limit)
    if arguments.json:
        print_json({
            "matched": trial.matched, "looked_at": trial.looked_at, "per_day": trial.per_day,
            "newest": [
                {"id": entry.id, "title": entry.title, "spans": entry.spans,
                 "source": entry.source, "first_seen_at": entry.first_seen_at}
                for entry in trial.newest
            ],
        })  # fmt: skip
    else:
        print(f"{trial.matched} of {trial.looked_at} entries match, {trial.per_day:.1f} a day")
        for entry in trial.newest:
            print(f"{entry.id:>8}  {mark(entry.title, entry.spans)}  ({entry.source})")
    return 0


def mark(title: str, spans: Any) -> str:
    """``title`` with [brackets] around what matched."""
    parts, at = [], 0
    for start, end in spans:
        parts += [title[at:start], "[", title[start:end], "]"]
        at = end
    return "".join([*parts, title[at:]])


def run_channels(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import channel_list

    found = channel_list(settings_of(arguments))
    if arguments.json:
        print_json(found)
    else:
        head = ("name", "kind", "state", "waiting")
        print_table(head, [[row[name] for name in head] for row in found])
    return 0


def run_channel_test(arguments: argparse.Namespace) -> int:
    from monitor.actions.once import test_channel

    settings = settings_of(arguments)
    if arguments.name not in settings.channels:
        known = ", ".join(sorted(settings.channels)) or "none"
        raise NotFound(f"no channel is called {arguments.name!r} in headlines.toml; known: {known}")
    try:
        detail = asyncio.run(test_channel(settings, arguments.name))
    except TransportError as error:
        complain(f"{arguments.name}: not delivered: {error}")
        return 1
    print(f"{arguments.name}: delivered: {detail}")
    return 0


def run_alerts(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import alert_list

    found = alert_list(settings_of(arguments), arguments.state, arguments.limit)
    if arguments.json:
        print_json(found)
    else:
        head = ("id", "state", "channel", "rule", "attempts", "created_at", "title", "detail")
        print_table(head, [[row[name] for name in head] for row in found])
    return 0


def run_retry(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import retry

    retry(settings_of(arguments), arguments.id)
    print(f"{arguments.id} will be sent again under the same id")
    return 0
