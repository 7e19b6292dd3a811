"""``feeds trust``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import count


def add_actions(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this action below ``feeds``."""
    trust = actions.add_parser(
        "trust", parents=[everywhere], help="how often hints of sections are right"
    )
    trust.add_argument("source", metavar="SOURCE", nargs="?", help="number, name or address")
    trust.add_argument(
        "--limit", type=count, default=50, metavar="N", help="the N origins heard most"
    )
    add_json(trust)
    trust.set_defaults(run=run_trust)


def run_trust(arguments: argparse.Namespace) -> int:
    from monitor.actions.trust import as_json, measure

    found = measure(settings_of(arguments), arguments.source)
    if arguments.json:
        print_json(as_json(found))
        return 0
    figures = ("said", "agreed", "share", "trust")
    print_table(("kind", *figures), [(row.kind, *_figures(row)) for row in found.kinds])
    if not found.origins:
        complain("no entry with a hint could be judged yet: what is new is trusted as its kind is")
        return 0
    say("")
    print_table(
        ("source", "kind", *figures),
        [(row.source, row.kind, *_figures(row)) for row in found.sources],
    )
    say("")
    print_table(
        ("origin", "kind", "says", "source", *figures),
        [
            (row.origin, row.kind, row.section, row.source, *_figures(row))
            for row in found.origins[: arguments.limit]
        ],
    )
    if len(found.origins) > arguments.limit:
        complain(f"{len(found.origins) - arguments.limit} more; --limit shows them")
    return 0


def _figures(row: Any) -> Sequence[str]:
    share = "" if row.share is None else f"{row.share:.0%}"
    return f"{row.said:,}", f"{row.agreed:,}", share, f"{row.trust:.2f}"
