"""``rules test``: a query on a title, or on stored history, before it is trusted."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from monitor.cli import manners
from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import age, count
from monitor.errors import UsageError
from monitor.messages import AlertEntry
from monitor.telemetry import escape

if TYPE_CHECKING:
    from monitor.actions.rehearsal import Rehearsal
    from monitor.actions.trial import OneTitle, Trial

WHYS = {
    "section": "kept out by the section filter",
    "boundary": "kept out where a word ends, or by a longer keyword",
}
SHORTEST_NEAR = 5


def add_command(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put the command on the command line."""
    test = actions.add_parser(
        "test", parents=[everywhere], help="on stored history, or on --title T"
    )
    test.add_argument(
        "query", type=str.strip, metavar="QUERY", nargs="?",
        help="what to try; or a stored rule, by --rule",
    )  # fmt: skip
    test.add_argument(
        "--rule", type=str.strip, metavar="NAME", help="try this rule's own query and options"
    )
    test.add_argument(
        "--all", action="store_true", dest="every", help="what every stored rule would have sent"
    )
    test.add_argument("--title", metavar="T", help="match this title instead of history")
    test.add_argument(
        "--against", type=str.strip, metavar="NAME", help="what QUERY adds to this rule and loses"
    )
    test.add_argument(
        "--since", type=age, default="30d", metavar="AGE", help="how far back (default 30d)"
    )
    test.add_argument("--limit", type=count, default=20, metavar="N", help="show the newest N")
    manners.add_options(test)
    add_json(test)
    test.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Try it."""
    chosen = (arguments.query is not None, arguments.rule is not None, arguments.every)
    if sum(chosen) != 1 or (arguments.every and (arguments.title or arguments.against)):
        raise UsageError("a query, --rule NAME or --all is expected, one of the three")
    if arguments.every and manners.given(arguments):
        raise UsageError("--all takes each rule's own options; try others with --rule NAME")
    if arguments.every:
        return try_every(arguments)
    if arguments.title is not None and (arguments.against or manners.given(arguments)):
        raise UsageError(
            "--title asks of one title: how a rule is told, and --against, are of history"
        )
    return try_history(arguments) if arguments.title is None else try_title(arguments)


def try_title(arguments: argparse.Namespace) -> int:
    """Does one title match, and where?"""
    from monitor.actions import trial

    settings = settings_of(arguments)
    named = arguments.rule is not None
    query = trial.stored_rule(settings, arguments.rule).query if named else arguments.query
    found = trial.try_title(settings, query, arguments.title, besides=arguments.rule)
    if arguments.json:
        hidden = [asdict(each) for each in found.hidden]
        told: dict[str, Any] = {"matched": found.spans is not None, "spans": found.spans or []}
        print_json({**told, "hidden": hidden} if hidden else told)
        return 0
    say("does not match" if found.spans is None else "matches")
    if found.spans:
        print(mark(arguments.title, found.spans))
    _tell_hidden(arguments.title, found)
    return 0


def _tell_hidden(title: str, found: OneTitle) -> None:
    for each in found.hidden:
        short = title[slice(*each.span)]
        say(f"{short!r} does not count here: it is part of {each.word!r}, of {each.origin}")


def try_history(arguments: argparse.Namespace) -> int:
    """What would have happened?"""
    from monitor.actions import trial

    settings = settings_of(arguments)
    named = arguments.rule or arguments.against
    rule = trial.stored_rule(settings, named) if named else None
    wanted = trial.Wanted(
        query=rule.query if rule and arguments.query is None else arguments.query,
        options=trial.changed(rule.options if rule else None, manners.given(arguments)),
        span=arguments.since,
        limit=arguments.limit,
        against=arguments.against,
        besides=arguments.rule,
    )
    found = trial.try_history(settings, wanted)
    if arguments.json:
        print_json(as_json(found))
    else:
        tell(found)
    return 0


def try_every(arguments: argparse.Namespace) -> int:
    """What would each stored rule have sent?"""
    from monitor.actions.trials import try_all

    found = try_all(settings_of(arguments), arguments.since)
    if arguments.json:
        print_json({
            "looked_at": found.looked_at, "days": found.days,
            "rules": [
                {"rule": each.rule.name, "matched": each.matched, "stories": each.stories,
                 "alerts": _alerts_json(each.rehearsal, found.days)}
                for each in found.rules
            ],
        })  # fmt: skip
        return 0
    say(f"{found.looked_at} entries of {found.days:.1f} days, what each rule would have sent:")
    print_table(
        ("rule", "matches", "stories", "messages", "a day", "at once", "digests"),
        [
            (
                each.rule.name, each.matched, each.stories, each.rehearsal.messages,
                f"{each.rehearsal.messages / found.days:.1f}", each.rehearsal.at_once,
                each.rehearsal.digests,
            )
            for each in found.rules
        ],
    )  # fmt: skip
    return 0


def _alerts_json(sent: Rehearsal, days: float) -> dict[str, Any]:
    return {"per_day": sent.messages / days, "total": sent.messages, **asdict(sent)}


def as_json(found: Trial) -> dict[str, Any]:
    """The trial as one document. ``per_day`` are matches; ``alerts`` are messages."""
    return {
        "matched": found.matched,
        "looked_at": found.looked_at,
        "per_day": found.matched / found.days,
        "days": found.days,
        "stories": found.stories,
        "alerts": _alerts_json(found.rehearsal, found.days),
        "newest": [_entry(entry) for entry in found.newest],
        "clauses": [asdict(each) for each in found.clauses],
        "near_misses": {
            "counts": found.near,
            "newest": [
                {**_entry(each.entry), "why": each.why, "detail": each.detail}
                for each in found.missed
            ],
        },
        "against": None
        if found.against is None
        else {
            "rule": found.against.rule,
            "adds": found.against.adds,
            "loses": found.against.loses,
            "added": [_entry(entry) for entry in found.against.added],
            "lost": [_entry(entry) for entry in found.against.lost],
        },
        "seconds": found.seconds,
    }


def _entry(entry: AlertEntry) -> dict[str, Any]:
    return {
        "id": entry.id, "title": entry.title, "spans": entry.spans,
        "source": entry.source, "section": entry.section, "first_seen_at": entry.first_seen_at,
    }  # fmt: skip


def tell(found: Trial) -> None:
    """The trial for a person."""
    say(
        f"{found.matched} of {found.looked_at} entries match ({found.stories} stories), "
        f"{found.matched / found.days:.1f} a day"
    )
    say(_alerts(found))
    for entry in found.newest:
        _tell_entry(entry)
    _tell_clauses(found)
    for why, number in sorted(found.near.items()):
        say(f"{number} nearly match, {WHYS[why]}; the newest:")
        for each in [each for each in found.missed if each.why == why][:SHORTEST_NEAR]:
            _tell_entry(each.entry, each.detail)
    if found.against:
        _tell_against(found)
    if not found.looked_at:
        complain("nothing is stored for that time yet: 'headlines poll' reads the sources")


def _alerts(found: Trial) -> str:
    sent = found.rehearsal
    parts = [f"{sent.at_once} at once", f"{sent.digests} digests of {sent.held} headlines"]
    parts += [f"{sent.by_caps} held by caps"] if sent.by_caps else []
    parts += [f"{sent.by_quiet} by quiet hours"] if sent.by_quiet else []
    parts += [f"{sent.joined} joined a story that was told"] if sent.joined else []
    a_day = sent.messages / found.days
    return f"to each channel {sent.messages} messages, {a_day:.1f} a day: {', '.join(parts)}"


def _tell_clauses(found: Trial) -> None:
    if len(found.clauses) < 2:
        return
    say("what each part did:")
    for each in found.clauses:
        kept = "" if each.kept_out is None else f", keeps out {each.kept_out}"
        alone = f", alone in {each.alone}" if each.alone < each.within else ""
        say(f"  {each.text}: in {each.within}{alone}{kept}")


def _tell_against(found: Trial) -> None:
    compared = found.against
    assert compared is not None
    for sign, number, newest in (
        ("+", compared.adds, compared.added),
        ("-", compared.loses, compared.lost),
    ):
        word = "more than" if sign == "+" else "fewer than"
        say(f"{number} {word} rule {compared.rule!r}")
        for entry in newest[:SHORTEST_NEAR]:
            _tell_entry(entry, sign=sign)


def _tell_entry(entry: AlertEntry, detail: str = "", sign: str = " ") -> None:
    behind = f"{entry.source}; {detail}" if detail else entry.source
    print(f"{sign}{entry.id:>8}  {mark(entry.title, entry.spans)}  ({escape(behind)})")


def mark(title: str, spans: Sequence[tuple[int, int]]) -> str:
    """``title`` with what matched in colour on a terminal, in [brackets] elsewhere."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    before, after = ("\x1b[1;31m", "\x1b[0m") if colour else ("[", "]")
    parts, at = [], 0
    for start, end in spans:
        parts += [escape(title[at:start]), before, escape(title[start:end]), after]
        at = end
    return "".join([*parts, escape(title[at:])])
