"""``channels list | test`` and ``alerts list | show | retry | replay | mute | unmute``."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from typing import Any

from monitor.cli.output import (
    add_json,
    complain,
    print_csv,
    print_json,
    print_table,
    say,
    settings_of,
)
from monitor.cli.trying import mark
from monitor.cli.values import age, count

COLUMNS = (
    *("id", "kind", "state", "channel", "rule", "attempts", "created_at", "next_attempt_at"),
    *("settled_at", "headlines", "title", "detail"),
)

SPEAKERS = {"us": ">", "them": "<", "note": "*"}


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    channels = commands.add_parser("channels", help="where alerts go: list, test")
    actions = channels.add_subparsers(title="actions", metavar="ACTION")
    show = actions.add_parser("list", parents=[everywhere], help="the channels and their state")
    add_json(show)
    show.set_defaults(run=run_channels)
    test = actions.add_parser(
        "test", parents=[everywhere],
        help="send a test message now and show the conversation; "
        "a channel that was switched off and takes it is on again",
    )  # fmt: skip
    test.add_argument("name", metavar="NAME")
    add_json(test)
    test.set_defaults(run=run_channel_test)

    alerts = commands.add_parser(
        "alerts", help="what was owed and sent: list, show, retry, replay, mute, unmute"
    )
    actions = alerts.add_subparsers(title="actions", metavar="ACTION")
    show = actions.add_parser("list", parents=[everywhere], help="deliveries, newest first")
    show.add_argument("--state", choices=("pending", "claimed", "sent", "dead", "held"))
    add_filters(show)
    show.add_argument("--since", type=age, metavar="AGE", help="made in the last AGE")
    show.add_argument("--limit", type=count, default=50, metavar="N", help="the newest N")
    form = show.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    show.set_defaults(run=run_alerts)
    one = actions.add_parser(
        "show", parents=[everywhere], help="why an alert fired, and each attempt to deliver it"
    )
    one.add_argument("id", metavar="ID")
    add_json(one)
    one.set_defaults(run=run_show)
    retry = actions.add_parser("retry", parents=[everywhere], help="send a dead delivery again")
    retry.add_argument("id", metavar="ID")
    retry.set_defaults(run=run_retry)
    replay = actions.add_parser(
        "replay", parents=[everywhere], help="send again what was sent, on purpose, under new ids"
    )
    replay.add_argument("--since", type=age, metavar="AGE", required=True, help="made in this time")
    add_filters(replay)
    replay.set_defaults(run=run_replay)
    for name, text in (
        ("mute", "no more alerts of a story; what of it is held is dropped"),
        ("unmute", "let a story be told again"),
    ):
        silence = actions.add_parser(name, parents=[everywhere], help=text)
        silence.add_argument("story", metavar="STORY", help="its number, or an alert's id")
        silence.set_defaults(run=run_mute, on=name == "mute")


def add_filters(parser: argparse.ArgumentParser) -> None:
    """The options that choose deliveries."""
    parser.add_argument("--rule", metavar="R", help="of this rule")
    parser.add_argument("--channel", metavar="C", help="to this channel")


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
    from monitor.actions.channels import try_channel
    from monitor.actions.ledger import revive_channel

    settings = settings_of(arguments)
    trial = asyncio.run(try_channel(settings, arguments.name))
    revived = trial.delivered and revive_channel(settings, arguments.name)
    if arguments.json:
        print_json({
            "name": trial.name,
            "kind": trial.kind,
            "id": trial.message_id,
            "delivered": trial.delivered,
            "detail": trial.detail,
            "warning": trial.warning,
            "seconds": trial.seconds,
            "revived": revived,
            "conversation": [{"who": who, "text": text} for who, text in trial.said],
        })  # fmt: skip
        return 0 if trial.delivered else 1
    for who, text in trial.said:
        say(f"  {SPEAKERS[who]} {text}")
    if trial.warning:
        complain(f"{trial.name}: {trial.warning}")
    if not trial.delivered:
        complain(f"{trial.name}: not delivered: {trial.detail}")
        return 1
    say(f"{trial.name}: delivered in {trial.seconds:.2f} s: {trial.detail}")
    if revived:
        say(f"{trial.name}: its trouble is forgotten; what waits for it is due now")
    return 0


def run_alerts(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import alert_list
    from monitor.storage.ledger import Wanted

    since = datetime.now(UTC) - arguments.since if arguments.since else None
    wanted = Wanted(arguments.state, arguments.rule, arguments.channel, since, arguments.limit)
    found = alert_list(settings_of(arguments), wanted)
    if arguments.json:
        print_json(list(found))
    elif arguments.csv:
        print_csv(COLUMNS, ([row[name] for name in COLUMNS] for row in found))
    else:
        when = "next_attempt_at" if arguments.state == "held" else "attempts"
        head = ("id", "state", "channel", "rule", when, "created_at", "title", "detail")
        print_table(head, [[row[name] for name in head] for row in found])
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import show

    found = show(settings_of(arguments), arguments.id)
    if arguments.json:
        print_json(found)
        return 0
    head = ("id", "kind", "state", "channel", "rule", "query", "created_at", "next_attempt_at")
    print_table(("what", "is"), [(name, found[name]) for name in head if found[name]])
    if found["notice"]:
        say(found["notice"])
    for each in found["counts"]:
        say(f"{each['total']} of rule {each['rule']!r}, version {each['version']}: {each['query']}")
    for entry in found["entries"]:
        say("")
        say(f"{mark(entry['title'], entry['spans'])}  ({entry['source']})")
        doubt = ", unsure" if entry["unsure"] else ""
        say(f"  section {entry['section']} {entry['probability']:.2f}{doubt}; "
            f"story {entry['story']} on {entry['portals']} portals")  # fmt: skip
        say(f"  rule {entry['rule'] or found['rule']!r}, version {entry['rule_version']}: "
            f"{' / '.join(entry['clauses']) or entry['query']}")  # fmt: skip
    say("")
    tries = ("number", "ended_at", "outcome", "detail", "next_attempt_at")
    print_table(tries, [[each[name] for name in tries] for each in found["tries"]])
    return 0


def run_replay(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import Replay, replay

    since = datetime.now(UTC) - arguments.since
    total = replay(settings_of(arguments), Replay(since, arguments.rule, arguments.channel))
    say(f"{total} deliveries will be sent again, under new ids")
    return 0


def run_mute(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import mute

    story = mute(settings_of(arguments), arguments.story, on=arguments.on)
    say(f"{'muted' if arguments.on else 'no longer muted'}: story {story}")
    return 0


def run_retry(arguments: argparse.Namespace) -> int:
    from monitor.actions.ledger import retry

    retry(settings_of(arguments), arguments.id)
    say(f"{arguments.id} will be sent again under the same id")
    return 0
