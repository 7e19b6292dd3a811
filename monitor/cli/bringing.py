"""``rules import`` and ``rules export``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitor.cli import manners
from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of

FORMATS = ("trendradar", "miniflux", "freshrss", "keywords", "csv", "toml")


def add_commands(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put the two commands on the command line."""
    bring = actions.add_parser(
        "import", parents=[everywhere], help="rules from a file of this or another program"
    )
    bring.add_argument("file", metavar="FILE", type=Path)
    bring.add_argument("--format", choices=FORMATS, help="default: guessed from the file")
    bring.add_argument(
        "--channel", metavar="C", action="append", default=[], dest="channels",
        help="where alerts go, for rules whose file does not say; may be given several times",
    )  # fmt: skip
    bring.add_argument("--dry-run", action="store_true", help="report, and store nothing")
    bring.add_argument("--replace", action="store_true", help="change rules of the same name")
    bring.add_argument(
        "--whole-words", action="store_true",
        help="Latin words of other programs match whole words, not within longer ones",
    )  # fmt: skip
    bring.add_argument(
        "--in-group", action="store_true", help="TrendRadar: a ! line excludes from its group alone"
    )
    bring.add_argument(
        "--blocks", action="store_true", help="Miniflux: lines without a heading are block rules"
    )
    bring.add_argument("--each", action="store_true", help="keyword list: a rule for each keyword")
    manners.add_options(bring)
    add_json(bring)
    bring.set_defaults(run=run_import)
    export = actions.add_parser(
        "export", parents=[everywhere], help="every rule as a TOML file that import reads back"
    )
    export.set_defaults(run=run_export)


def run_import(arguments: argparse.Namespace) -> int:
    """Import a file and tell what became of it."""
    from monitor.actions import importing
    from monitor.rules.importers import Choices

    choices = Choices(
        whole_words=arguments.whole_words,
        in_group=arguments.in_group,
        blocks=arguments.blocks,
        each=arguments.each,
    )
    wanted = importing.Wanted(
        format=arguments.format,
        choices=choices,
        channels=tuple(arguments.channels),
        options=manners.given(arguments),
        replace=arguments.replace,
        dry_run=arguments.dry_run,
    )
    found = importing.import_file(settings_of(arguments), arguments.file, wanted)
    if arguments.json:
        print_json({
            "format": found.format, "dry_run": arguments.dry_run,
            "rules": [
                {"name": rule.name, "query": rule.query, "channels": rule.channels,
                 "enabled": rule.enabled, "options": asdict(rule.options)}
                for rule in found.rules
            ],
            "skipped": found.skipped,
            "report": [asdict(note) for note in found.notes],
        })  # fmt: skip
    else:
        _tell(found, dry_run=arguments.dry_run)
    return 0


def _tell(found: Any, *, dry_run: bool) -> None:
    print_table(
        ("name", "on", "query"),
        [(rule.name, "yes" if rule.enabled else "no", rule.query) for rule in found.rules],
    )
    counted = dict.fromkeys(("kept", "changed", "lost"), 0)
    for note in found.notes:
        counted[note.fate] += 1
    parts = ", ".join(f"{number} {fate}" for fate, number in counted.items())
    say(f"read as {found.format}: {parts}")
    told = [note for note in found.notes if note.fate != "kept"]
    if told:
        rows = [(note.line or None, str(note.fate), note.what, note.note) for note in told]
        print_table(("line", "is", "what", "why"), rows)
    for name in found.skipped:
        complain(f"there is a rule {name!r} already; --replace changes it")
    word = "would be stored" if dry_run else "stored"
    say(f"{len(found.rules)} rules {word}")


def run_export(arguments: argparse.Namespace) -> int:
    """Print the file."""
    from monitor.actions import importing

    print(importing.export(settings_of(arguments)), end="")
    return 0
