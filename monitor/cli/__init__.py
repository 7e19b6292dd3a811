"""``headlines``: every command parses, calls one function, and prints.

Exit codes: 0 done, 1 failed, 2 wrong use. Results go to standard output, messages to
standard error. No error shows a traceback, unless ``HEADLINES_LOG_LEVEL`` is ``debug``.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classifiers.errors import ClassifierError, CorpusError
from monitor import __version__, telemetry
from monitor.cli import alerts, correcting, entries, feeds, models, rules, running, stories
from monitor.cli.output import complain
from monitor.errors import HeadlineError, UsageError

ROOMS = (running, feeds, rules, alerts, entries, correcting, stories, models)


class Parser(argparse.ArgumentParser):
    """Options have to be written out: a script must not depend on which others exist.

    A command that lacks its action shows its help, as wrong use.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "allow_abbrev": False})
        self.set_defaults(run=self.run_without_action)

    def run_without_action(self, _: argparse.Namespace) -> int:
        """What a command does that was given no action."""
        self.print_help(sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = Parser(
        prog="headlines",
        description="Watches news portals, sorts every headline into a section, "
        "and alerts you by keyword rules. 监测新闻门户，自动分栏，按规则提醒。",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong use. 退出码：0 完成，1 失败，2 用法有误。",
    )
    top.add_argument("--version", action="version", version=f"headline-monitor {__version__}")
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument(
        "--config", metavar="FILE", type=Path, default=argparse.SUPPRESS,
        help="the settings file (default: $HEADLINES_CONFIG, else ./headlines.toml)",
    )  # fmt: skip
    everywhere.add_argument(
        "--data", metavar="DIR", type=Path, default=argparse.SUPPRESS,
        help="the data folder (default: $HEADLINES_DATA, else the settings' own)",
    )  # fmt: skip
    for action in everywhere._actions:
        top._add_action(action)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for room in ROOMS:
        room.add_commands(commands, everywhere)
    return top


def sheltered(argv: Sequence[str]) -> list[str]:
    """``argv``, where argparse takes no query for an option: -word gets a space before it."""
    if not {"rules", "entries"}.intersection(argv):
        return list(argv)
    until = argv.index("--") if "--" in argv else len(argv)
    before = ("", *argv)
    return [
        f" {each}" if _EXCLUDES.match(each) and last != "--title" else each
        for last, each in zip(before, argv[:until], strict=False)
    ] + list(argv[until:])


_EXCLUDES = re.compile(r"-(?!-|h\Z|\d+\Z).")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A title may hold what the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    telemetry.configure("warning", "human")
    arguments = argparse.Namespace()
    try:
        parser().parse_args(sheltered(sys.argv[1:] if argv is None else argv), arguments)
        code: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit as end:  # argparse's way out: --help, or wrong use
        return end.code if isinstance(end.code, int) else 2
    except BrokenPipeError:
        # Whoever read us has stopped (| head): that is no failure, and Python must not say more.
        _silence()
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return explain(error, arguments)
    return code


def explain(error: Exception, arguments: argparse.Namespace) -> int:
    """Tell the user what went wrong; the exit code that belongs to it."""
    if os.environ.get("HEADLINES_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error)
    if isinstance(error, HeadlineError | ClassifierError):
        complain(str(error))
        named = getattr(arguments, "corpus", None) or getattr(arguments, "train", None)
        wrong = isinstance(error, UsageError) or (named and isinstance(error, CorpusError))
        return 2 if wrong else 1
    if isinstance(error, UnicodeEncodeError):
        complain(f"not UTF-8: {error.object[:60]!r}; write it in UTF-8")
        return 2
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        complain(f"{place}{error.strerror or error}")
        _silence()
        return 1
    last = traceback.extract_tb(error.__traceback__)[-1]
    complain(
        f"this is a defect of the program: {type(error).__name__}: {error} "
        f"({Path(last.filename).name}:{last.lineno}); HEADLINES_LOG_LEVEL=debug shows more"
    )
    return 1


def _silence() -> None:
    """Let what is still buffered for a standard output that takes no more go nowhere."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
