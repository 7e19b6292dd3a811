"""``init``, ``run``, ``demo``, ``poll``, ``status``, ``doctor``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import time
from pathlib import Path
from typing import Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.config import FILE_NAME, Settings, load
from monitor.errors import UsageError


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    init = commands.add_parser(
        "init", parents=[everywhere], help="write a commented headlines.toml"
    )
    init.add_argument("--force", action="store_true", help="replace a file that is there")
    init.add_argument("--empty", action="store_true", help="start without the catalogue's portals")
    init.set_defaults(run=run_init)

    run = commands.add_parser(
        "run", parents=[everywhere], help="the daemon: polling and alerts",
        description="Polls and delivers until SIGTERM or Ctrl-C, which drains. SIGHUP reloads.",
    )  # fmt: skip
    run.set_defaults(run=run_daemon)

    demo = commands.add_parser(
        "demo", parents=[everywhere],
        help="the whole loop on loopback with a bundled portal, mailbox and webhook sink",
    )  # fmt: skip
    demo.add_argument(
        "--seconds", type=float, metavar="N",
        help="end within N seconds: 0 when a fresh headline arrived by both channels, else 1",
    )  # fmt: skip
    demo.add_argument("--offline", action="store_true", help="do not look for the internet")
    demo.set_defaults(run=run_demo)

    poll = commands.add_parser("poll", parents=[everywhere], help="one pass over what is due")
    poll.add_argument("--all", action="store_true", help="poll every active source, due or not")
    add_json(poll)
    poll.set_defaults(run=run_poll)

    status = commands.add_parser("status", parents=[everywhere], help="how things stand")
    add_json(status)
    status.set_defaults(run=run_status)

    doctor = commands.add_parser(
        "doctor", parents=[everywhere], help="check everything that can be wrong",
        description="Numbered checks, and what to do about each that fails; 1 if any failed. "
        "A database that is older than this program is brought up to it, as 'run' would do.",
    )  # fmt: skip
    add_json(doctor)
    doctor.set_defaults(run=run_doctor)


def run_init(arguments: argparse.Namespace) -> int:
    from monitor.actions.starting import start

    named = getattr(arguments, "config", None) or os.environ.get("HEADLINES_CONFIG")
    path = Path(named or FILE_NAME)
    added, settings = start(
        path,
        getattr(arguments, "data", None),
        catalogue=not arguments.empty,
        replace=arguments.force,
    )
    say(f"wrote {path}; data goes to {settings.data}")
    if added:
        say(f"added {added} portals of the catalogue: 'headlines feeds list' shows them")
    say("next: add your own with 'headlines feeds add URL',")
    say(f"      set where alerts go in {path}: [channels.NAME],")
    say("      'headlines rules add NAME QUERY --channel NAME', then 'headlines run'")
    return 0


def run_daemon(arguments: argparse.Namespace) -> int:
    gc.disable()  # all that is imported stays: looking for garbage meanwhile finds none
    from monitor import memory, signals, telemetry
    from monitor.daemon import Daemon

    memory.share_arenas()
    gc.freeze()
    gc.enable()
    settings = settings_of(arguments)
    telemetry.configure(settings.log.level, settings.log.format)

    def reread() -> Settings:
        return load(settings.file, getattr(arguments, "data", None))

    signals.run_until_signalled(Daemon(settings, load=reread))
    return 0


def run_demo(arguments: argparse.Namespace) -> int:
    from monitor.demo import run_demo as show

    if arguments.seconds is not None and arguments.seconds <= 0:
        raise UsageError("--seconds: a number above 0 is expected")
    return show(
        getattr(arguments, "data", None), seconds=arguments.seconds, offline=arguments.offline
    )


def run_poll(arguments: argparse.Namespace) -> int:
    from monitor import telemetry
    from monitor.actions.once import poll_due

    settings = settings_of(arguments)
    telemetry.configure(settings.log.level, settings.log.format)
    started = time.monotonic()
    report = asyncio.run(poll_due(settings, everything=arguments.all))
    result = {
        "sources": report.sources,
        "failed": report.failed,
        "not_modified": report.not_modified,
        "new_entries": report.new_entries,
        "seconds": round(time.monotonic() - started, 3),
    }
    if arguments.json:
        print_json(result)
    else:
        say(
            "{sources} sources: {new_entries} new entries, {not_modified} not modified, "
            "{failed} failed, {seconds} s".format(**result)
        )
    return 0


def run_status(arguments: argparse.Namespace) -> int:
    from monitor.actions.status import status

    found = status(settings_of(arguments))
    if arguments.json:
        print_json(found)
    else:
        print_table(("what", "how much"), flat(found))
    return 0


def flat(found: dict[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    """Nested tables as dotted names."""
    rows: list[tuple[str, object]] = []
    for key, value in found.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            rows += [
                (f"{prefix}{key}", f"{item['name']}: {item.get('last_error') or item.get('kind')}")
                for item in value
            ]
        else:
            rows.append((prefix + key, value))
    return rows


def run_doctor(arguments: argparse.Namespace) -> int:
    from monitor.actions import doctor

    findings = doctor.examine(getattr(arguments, "config", None), getattr(arguments, "data", None))
    if arguments.json:
        print_json([doctor.as_json(finding) for finding in findings])
    else:
        print_table(
            ("no", "check", "result", "what"),
            [(item.number, item.check, item.result, item.detail) for item in findings],
        )
        for item in findings:
            if item.advice:
                complain(f"{item.number} {item.check}: {item.advice}")
    return 1 if any(item.result == "failed" for item in findings) else 0
