"""``hot`` and ``stories``: what many portals tell, and whether two titles tell the same."""

from __future__ import annotations

import argparse
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import count, entry_number
from monitor.errors import UsageError


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    hot = commands.add_parser("hot", parents=[everywhere], help="the hottest stories now")
    hot.add_argument("--section", metavar="S", help="of one section")
    hot.add_argument("--limit", type=count, default=20, metavar="N", help="the hottest N")
    add_json(hot)
    hot.set_defaults(run=run_hot)

    parser = commands.add_parser("stories", help="entries that tell the same: show, compare")
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    show = actions.add_parser("show", parents=[everywhere], help="a story and who tells it")
    show.add_argument("number", type=entry_number, metavar="STORY")
    show.add_argument("--limit", type=count, default=50, metavar="N", help="the first N entries")
    add_json(show)
    show.set_defaults(run=run_show)

    compare = actions.add_parser(
        "compare", parents=[everywhere], help="for each pair of titles: the same story or not",
        description='Reads one object a line: {"a": title, "b": title}, and where known '
        '"a_published_at" and "b_published_at" (ISO 8601). Where every pair has "same", true or '
        "false, precision and recall are told on standard error.",
    )  # fmt: skip
    compare.add_argument(
        "--pairs", metavar="FILE", required=True, help="JSONL; - is standard input"
    )
    compare.add_argument(
        "--reading", action=argparse.BooleanOptionalAction,
        help="let a model of language read what is in doubt (default: where it is installed, "
        "unless the settings say no)",
    )  # fmt: skip
    add_json(compare)
    compare.set_defaults(run=run_compare)


def run_hot(arguments: argparse.Namespace) -> int:
    from monitor.actions.stories import as_json, hottest

    found = hottest(settings_of(arguments), arguments.section, arguments.limit)
    if arguments.json:
        print_json([as_json(hot) for hot in found])
    else:
        print_table(
            ("story", "heat", "burst", "portals", "section", "last seen", "title"),
            [
                (hot.story.id, f"{hot.heat:.2f}", f"{hot.burst:.1f}" if hot.burst else "",
                 hot.story.portals, hot.story.section, hot.story.last_seen_at, hot.story.title)
                for hot in found
            ],
        )  # fmt: skip
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    from monitor.actions import entries
    from monitor.actions.stories import as_json, show

    hot, members = show(settings_of(arguments), arguments.number, arguments.limit)
    if arguments.json:
        print_json({**as_json(hot), "members": [entries.as_json(row) for row in members]})
        return 0
    say(
        f"story {hot.story.id}: {hot.story.portals} portals, {hot.story.entries} entries, "
        f"heat {hot.heat:.2f}"
    )
    print_table(
        ("id", "seen", "source", "rank", "title"),
        [
            (row["id"], row["first_seen_at"], row["source"], row["rank"], row["title"])
            for row in members
        ],
    )
    return 0


def run_compare(arguments: argparse.Namespace) -> int:
    from monitor.actions.stories import judge, read_pairs
    from monitor.stories import reading

    asked = arguments.reading
    reading.use(settings_of(arguments).stories.reading if asked is None else asked)
    if (asked or reading.is_installed()) and (problem := reading.missing()):
        if asked:
            raise UsageError(problem)
        complain(f"compared without being read: {problem}")
    answers = list(judge(read_pairs(arguments.pairs)))
    if arguments.json:
        print_json([{"same": found.same, "score": found.score} for _, found in answers])
    else:
        print_table(
            ("same", "score", "a", "b"),
            [
                ("yes" if found.same else "no", f"{found.score:.2f}", pair.a, pair.b)
                for pair, found in answers
            ],
        )
    if answers and all(pair.label is not None for pair, _ in answers):
        both = sum(bool(pair.label) and found.same for pair, found in answers)
        said = sum(found.same for _, found in answers)
        true = sum(bool(pair.label) for pair, _ in answers)
        complain(
            f"{len(answers)} pairs: precision {both / said if said else 1:.3f}, "
            f"recall {both / true if true else 1:.3f}"
        )
    return 0
