"""``entries list`` and ``entries search``."""

from __future__ import annotations

import argparse
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, settings_of
from monitor.cli.values import age, count


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    parser = commands.add_parser("entries", help="stored headlines: list, search")
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    show = actions.add_parser("list", parents=[everywhere], help="the newest first")
    search = actions.add_parser(
        "search", parents=[everywhere], help="the newest that match a query (docs/rules.md)"
    )
    search.add_argument("words", metavar="WORDS", nargs="+", help="words, or a query as rules have")
    for action in (show, search):
        action.add_argument("--section", metavar="S", help="a section, or 'unsure'")
        action.add_argument("--source", metavar="S", help="a source's number, name or address")
        action.add_argument("--since", type=age, metavar="AGE", help="such as 12h or 7d")
        action.add_argument("--limit", type=count, default=50, metavar="N", help="the newest N")
        add_json(action)
        action.set_defaults(run=run_list)


def run_list(arguments: argparse.Namespace) -> int:
    from monitor.actions.entries import as_json, find, read_query

    settings, query = settings_of(arguments), None
    if words := " ".join(getattr(arguments, "words", ())):
        query, error = read_query(settings, words)
        if error:
            complain(f"read as plain words: {error.expected}")
    rows = find(
        settings,
        section=arguments.section,
        source=arguments.source,
        span=arguments.since,
        query=query,
        limit=arguments.limit,
    )
    if arguments.json:
        print_json([as_json(row) for row in rows])
    else:
        print_table(
            ("id", "seen", "source", "section", "by", "title"),
            [
                (
                    row["id"],
                    row["first_seen_at"],
                    row["source"],
                    shown(row),
                    row["section_by"],
                    row["title"],
                )
                for row in rows
            ],
        )
    return 0


def shown(row: Any) -> str:
    """The section, with a mark where the model is in doubt and nobody has said better."""
    return f"{row['shown']}{'?' if row['shown_unsure'] else ''}"
