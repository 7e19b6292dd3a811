"""``rules lint``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from monitor.cli.output import add_json, print_json, print_table, say, settings_of


def add_command(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put the command on the command line."""
    check = actions.add_parser(
        "lint", parents=[everywhere],
        help="rules that can never match, match everything, or silence each other",
    )  # fmt: skip
    check.add_argument("query", metavar="QUERY", nargs="?", help="this query alone")
    add_json(check)
    check.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Tell what is wrong; 1 where a rule does not do what its author must want."""
    from monitor.actions import linting

    settings = settings_of(arguments)
    if arguments.query is None:
        found = linting.lint_stored(settings)
    else:
        found = linting.lint_query(settings, arguments.query)
    if arguments.json:
        print_json([{**asdict(each), "serious": each.is_serious} for each in found])
    elif found:
        print_table(("rule", "is", "why"), [(each.rule, each.kind, each.text) for each in found])
    else:
        say("nothing to remark")
    return int(any(each.is_serious for each in found))
