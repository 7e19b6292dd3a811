"""``channels list | test`` and ``alerts list | retry``."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import count
from monitor.errors import TransportError


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    channels = commands.add_parser("channels", help="where alerts go: list, test")
    actions = channels.add_subparsers(title="actions", metavar="ACTION")
    show = actions.add_parser("list", parents=[everywhere], help="the channels and their state")
    add_json(show)
    show.set_defaults(run=run_channels)
    test = actions.add_parser(
        "test", parents=[everywhere],
        help="send a test message now; a channel that was switched off and takes it is on again",
    )  # fmt: skip
    test.add_argument("name", metavar="NAME")
    test.set_defaults(run=run_channel_test)

    alerts = commands.add_parser("alerts", help="what was owed and sent: list, retry")
    actions = alerts.add_subparsers(title="actions", metavar="ACTION")
    show = actions.add_parser("list", parents=[everywhere], help="deliveries, newest first")
    show.add_argument("--state", choices=("pending", "claimed", "sent", "dead"))
    show.add_argument("--limit", type=count, default=50, metavar="N", help="the newest N")
    add_json(show)
    show.set_defaults(run=run_alerts)
    retry = actions.add_parser("retry", parents=[everywhere], help="send a dead delivery again")
    retry.add_argument("id", metavar="ID")
    retry.set_defaults(run=run_retry)


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
    from monitor.actions.ledger import revive_channel
    from monitor.actions.once import test_channel

    settings = settings_of(arguments)
    try:
        detail = asyncio.run(test_channel(settings, arguments.name))
    except TransportError as error:
        complain(f"{arguments.name}: not delivered: {error}")
        return 1
    say(f"{arguments.name}: delivered: {detail}")
    if revive_channel(settings, arguments.name):
        say(f"{arguments.name}: its trouble is forgotten; what waits for it is due now")
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
    say(f"{arguments.id} will be sent again under the same id")
    return 0
