"""The options of ``rules add`` and ``rules edit`` that say how alerts are told."""

from __future__ import annotations

import argparse
from typing import Any

from monitor.cli.values import age
from monitor.manners import LATER, MODES, write_options
from monitor.types import RuleOptions

NAMES = ("mode", "digest", "urgent", "quiet", "caps", "cooldown_s", "later", "escalate", "top")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Put them on ``parser``; what is not given is None."""
    group = parser.add_argument_group("how it is told (docs/alerts.md)")
    group.add_argument("--mode", choices=MODES, help="each at once (default), in a digest, or not")
    group.add_argument(
        "--digest", metavar="WHEN",
        help="in a digest: hourly, daily@08:00 or 'weekly@mon 08:00', in the time zone of [alerts]",
    )  # fmt: skip
    group.add_argument(
        "--urgent", action=argparse.BooleanOptionalAction, default=None,
        help="also in quiet hours",
    )  # fmt: skip
    group.add_argument(
        "--quiet", metavar="HOURS", help="quiet hours of its own, e.g. 22:00-07:00, or off"
    )
    group.add_argument(
        "--cap", metavar="N/UNIT", action="append", dest="caps",
        help="at most N messages a minute, hour or day to each channel, e.g. 20/hour; what is "
        "over comes in a digest; may be given several times; none: no cap",
    )  # fmt: skip
    group.add_argument(
        "--cooldown", type=age, metavar="AGE",
        help="tell a story again when something joins it after this time (0: never)",
    )  # fmt: skip
    group.add_argument(
        "--later", choices=LATER, help="portals that join a story later: not told, or in a digest"
    )
    group.add_argument(
        "--escalate", metavar="FACT",
        help="one follow-up when a story grows, e.g. 'portals>=5'; '' for none",
    )  # fmt: skip
    group.add_argument(
        "--top", type=int, metavar="N", help="a digest lists N headlines and counts the rest"
    )


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of RuleOptions that were given; a schedule implies the mode."""
    found = {name: getattr(arguments, name, None) for name in NAMES}
    if arguments.cooldown is not None:
        found["cooldown_s"] = arguments.cooldown.total_seconds()
    if found["digest"] is not None and found["mode"] is None:
        found["mode"] = "digest"
    if found["caps"] is not None:
        found["caps"] = tuple(cap for cap in found["caps"] if cap != "none")
    return {name: value for name, value in found.items() if value is not None}


def describe(options: RuleOptions) -> str:
    """What differs from the defaults, and when digests leave, on one line."""
    words = []
    named = {**write_options(options), "digest": options.digest}
    if "digest" not in {options.mode, options.later}:
        del named["digest"]
    for name, value in named.items():
        shown = " ".join(value) if isinstance(value, list) else value
        words.append(name if value is True else f"{name} {shown}")
    return ", ".join(words)
