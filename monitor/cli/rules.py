"""``rules``: add, edit, list, remove, snooze; other rooms try, check and import them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from monitor.cli import bringing, linting, manners, trying
from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import age
from monitor.errors import UsageError
from monitor.types import Rule, RuleOptions

if TYPE_CHECKING:
    from monitor.config import Settings

MOST_REMARKS = 5


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    parser = commands.add_parser(
        "rules",
        help="keyword rules: add, edit, list, remove, snooze, test, lint, import, export",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    add = actions.add_parser("add", parents=[everywhere], help="store a rule")
    add.add_argument("name", type=str.strip, metavar="NAME")
    add.add_argument(
        "query", type=str.strip, metavar="QUERY", help="docs/rules.md has the language"
    )
    add.add_argument(
        "--channel", metavar="C", action="append", required=True, dest="channels",
        help="a channel of headlines.toml; may be given several times",
    )  # fmt: skip
    manners.add_options(add)
    add.set_defaults(run=run_add)
    edit = actions.add_parser("edit", parents=[everywhere], help="change what is given of a rule")
    edit.add_argument("name", type=str.strip, metavar="NAME")
    edit.add_argument(
        "--query", type=str.strip, metavar="QUERY", help="docs/rules.md has the language"
    )
    edit.add_argument(
        "--channel", metavar="C", action="append", dest="channels",
        help="its channels from now on; may be given several times",
    )  # fmt: skip
    edit.add_argument(
        "--enabled", action=argparse.BooleanOptionalAction, default=None, help="on or off"
    )
    manners.add_options(edit)
    edit.set_defaults(run=run_edit)
    show = actions.add_parser("list", parents=[everywhere], help="the rules")
    add_json(show)
    show.set_defaults(run=run_list)
    remove = actions.add_parser("remove", parents=[everywhere], help="delete a rule")
    remove.add_argument("name", type=str.strip, metavar="NAME")
    remove.set_defaults(run=run_remove)
    snooze = actions.add_parser(
        "snooze", parents=[everywhere],
        help="hold what a rule matches for a while; it comes in one digest after",
    )  # fmt: skip
    snooze.add_argument("name", type=str.strip, metavar="NAME")
    snooze.add_argument("span", metavar="AGE", type=age, help="e.g. 2h; 0 ends it")
    snooze.set_defaults(run=run_snooze)
    trying.add_command(actions, everywhere)
    linting.add_command(actions, everywhere)
    bringing.add_commands(actions, everywhere)


def run_add(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    settings = settings_of(arguments)
    ruling.add(
        settings,
        arguments.name,
        arguments.query,
        tuple(arguments.channels),
        RuleOptions(**manners.given(arguments)),
    )
    say(f"rule {arguments.name!r} is on")
    _tell_remarks(settings, arguments.name, arguments.query)
    return 0


def _tell_remarks(settings: Settings, name: str, query: str) -> None:
    """A longer keyword elsewhere must not make a rule silent on the quiet."""
    from monitor.actions import linting

    for remark in linting.lint_query(settings, query):
        complain(f"this rule {remark.text}")
    remarks = linting.lint_beside(settings, name)
    for remark in remarks[:MOST_REMARKS]:
        complain(f"in rule {remark.rule!r} {remark.text}")
    if len(remarks) > MOST_REMARKS:
        complain(f"and {len(remarks) - MOST_REMARKS} more: 'headlines rules lint' has them all")


def run_edit(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    channels = None if arguments.channels is None else tuple(arguments.channels)
    wanted = ruling.Edit(arguments.query, channels, arguments.enabled, manners.given(arguments))
    if wanted == ruling.Edit():
        raise UsageError("nothing to change: 'headlines rules edit --help' lists what there is")
    rule = ruling.edit(settings_of(arguments), arguments.name, wanted)
    how = told(rule, datetime.now(UTC)) or "each at once"
    say(f"rule {rule.name!r} is at version {rule.version}: {how}; to {', '.join(rule.channels)}")
    if arguments.query is not None:
        _tell_remarks(settings_of(arguments), rule.name, rule.query)
    return 0


def run_snooze(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    until = ruling.snooze(settings_of(arguments), arguments.name, arguments.span or None)
    if until is None:
        say(f"rule {arguments.name!r} is awake")
    else:
        say(f"rule {arguments.name!r} holds what it matches until {until.astimezone():%F %R}")
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    rules = ruling.list_all(settings_of(arguments))
    if arguments.json:
        names = ("id", "name", "query", "channels", "enabled", "version", "snoozed_until")
        print_json([
            {**{name: getattr(rule, name) for name in names}, "options": asdict(rule.options)}
            for rule in rules
        ])  # fmt: skip
    else:
        print_table(
            ("name", "channels", "told", "query"),
            [
                (rule.name, ", ".join(rule.channels), told(rule, datetime.now(UTC)), rule.query)
                for rule in rules
            ],
        )
    return 0


def told(rule: Rule, now: datetime) -> str:
    """How a rule's alerts are told, in a few words."""
    off = "" if rule.enabled else "off"
    until = rule.snoozed_until
    asleep = f"snoozed until {until.astimezone():%F %R}" if until and until > now else ""
    return ", ".join(filter(None, (off, asleep, manners.describe(rule.options))))


def run_remove(arguments: argparse.Namespace) -> int:
    from monitor.actions import rules as ruling

    ruling.remove(settings_of(arguments), arguments.name)
    say(f"rule {arguments.name!r} is gone")
    return 0
