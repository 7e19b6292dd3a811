"""``headlines``: every command parses, calls one function, and prints.

Exit codes: 0 done, 1 failed, 2 wrong use. Results go to standard output, messages to
standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from monitor import __version__
from monitor.cli import alerting, entries, feeds, models, running
from monitor.cli.output import complain
from monitor.errors import HeadlineError, UsageError

ROOMS = (running, feeds, alerting, entries, models)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="headlines",
        description="Watches news portals, sorts every headline into a section, "
        "and alerts you by keyword rules. 监测新闻门户，自动分栏，按规则提醒。",
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
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for room in ROOMS:
        room.add_commands(commands, everywhere)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A title may hold what the terminal's encoding lacks.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except UsageError as error:
        complain(str(error))
        return 2
    except HeadlineError as error:
        complain(str(error))
        return 1
    except BrokenPipeError:
        # Whoever read us has stopped (| head): that is no failure, and Python must not say more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
