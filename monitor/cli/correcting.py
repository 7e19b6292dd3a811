"""``correct`` and ``unsure``: a person's word on sections."""

from __future__ import annotations

import argparse
import os
import re
import select
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.cli.values import count, entry_number
from monitor.errors import NotFound, UsageError

if TYPE_CHECKING:
    from monitor.actions.unsure import Answers, Question

PROBLEMS_SHOWN = 20
ESCAPE, SEQUENCES, ENDS = b"\x1b", {b"[", b"O"}, re.compile(rb"[@-~]")


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    correct = commands.add_parser("correct", parents=[everywhere], help="say what is right")
    correct.add_argument(
        "entry", metavar="ENTRY", type=entry_number, nargs="?", help="the number of an entry"
    )
    correct.add_argument("section", metavar="SECTION", nargs="?")
    correct.add_argument(
        "--csv", metavar="FILE", type=Path,
        help="many at once: a header with section, and entry or title",
    )  # fmt: skip
    correct.add_argument("--withdraw", action="store_true", help="take back what was said")
    add_json(correct)
    correct.set_defaults(run=run_correct)

    unsure = commands.add_parser(
        "unsure", parents=[everywhere], help="answer what the model is unsure of, one key each"
    )
    unsure.add_argument("--limit", type=count, default=20, metavar="N", help="at most N")
    add_json(unsure)
    unsure.set_defaults(run=run_unsure)


def run_correct(arguments: argparse.Namespace) -> int:
    if arguments.csv is not None:
        if arguments.entry is not None or arguments.withdraw:
            raise UsageError("--csv stands alone: the file says which entries are what")
        return correct_many(arguments)
    if arguments.entry is None or (arguments.section is None) != arguments.withdraw:
        raise UsageError("write: headlines correct ENTRY SECTION, ENTRY --withdraw, or --csv FILE")
    from monitor.actions.correcting import correct, withdraw

    section = None
    if arguments.withdraw:
        title = withdraw(settings_of(arguments), arguments.entry)
    else:
        title, section = correct(settings_of(arguments), arguments.entry, arguments.section)
    if arguments.json:
        print_json({"entry": arguments.entry, "section": section, "title": title})
    elif section is None:
        say(f"{arguments.entry} is no longer corrected: {title}")
    else:
        say(f"{arguments.entry} is {section}: {title}")
    return 0


def correct_many(arguments: argparse.Namespace) -> int:
    from monitor.actions.correcting import correct_many as store

    done = store(settings_of(arguments), arguments.csv)
    for problem in done.problems[:PROBLEMS_SHOWN]:
        complain(problem)
    if len(done.problems) > PROBLEMS_SHOWN:
        complain(f"… and {len(done.problems) - PROBLEMS_SHOWN} more bad rows; --json has them all")
    if arguments.json:
        print_json(asdict(done))
    else:
        say(
            f"{done.rows} rows: {done.entries} entries corrected, {done.titles} titles that no "
            f"entry has; {len(done.problems)} bad rows"
        )
    return 0 if done.rows or not done.problems else 1


def run_unsure(arguments: argparse.Namespace) -> int:
    from monitor.actions.unsure import queue

    settings = settings_of(arguments)
    found = queue(settings, arguments.limit)
    if arguments.json:
        print_json([asdict(each) for each in found])
    elif not found:
        complain("the model is unsure of nothing that is new")
    elif sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        ask(settings, found)
    else:
        print_table(
            ("id", "seen", "source", "guess", "or", "title"),
            [(e.id, e.first_seen_at, e.source, e.section, e.runner_up, e.title) for e in found],
        )
    return 0


def ask(settings: Any, questions: Sequence[Question]) -> None:
    """Ask about each entry on this terminal; every answer is stored at once."""
    from monitor.actions.opening import opened
    from monitor.actions.unsure import Answers, keys_of, names_of

    keys, names = keys_of(settings), names_of(settings)
    say("  ".join(f"{key} {names.get(section, section)}" for key, section in keys.items()))
    say("Enter: the first guess   s: skip   u: undo   q: quit   回车：首选  s 跳过  u 撤销  q 退出")
    with opened(settings) as database, one_key_at_a_time() as key:
        answers = Answers(database)
        converse(questions, keys, answers, key)
    say(f"{answers.count} corrected; 'headlines retrain' learns them")


def converse(
    questions: Sequence[Question],
    keys: Mapping[str, str],
    answers: Answers,
    key: Callable[[], str],
) -> None:
    """Until ``q``, or until every question is answered or skipped."""
    key_of = {section: letter for letter, section in keys.items()}
    at, answered = 0, dict[int, int]()
    while at < len(questions):
        question = questions[at]
        guesses = [
            f"{section} [{key_of.get(section, '-')}]"
            for section in dict.fromkeys((question.section, question.runner_up))
        ]
        say("")
        say(f"{at + 1}/{len(questions)}  {question.title}")
        say(f"    {question.source}: {' or '.join(guesses)} ?")
        pressed = pick(key, keys)
        if pressed == "q":
            return
        if pressed == "u":
            undone = answers.take_back()
            say("    nothing to undo" if undone is None else "    undone")
            at = answered.pop(undone) if undone is not None else at
            continue
        if pressed != "s":
            section = question.section if pressed == "\r" else keys[pressed]
            try:
                answers.give(question.id, section)
            except NotFound as error:
                say(f"    {error}")
            else:
                answered[question.id] = at
                say(f"    -> {section}")
        at += 1


def pick(key: Callable[[], str], keys: Mapping[str, str]) -> str:
    """The next key that means something; Enter is ``\\r``, the end of input ``q``."""
    while True:
        pressed = key().lower()
        if pressed in {"", "\x03", "\x04"}:
            return "q"
        if pressed in {"\r", "\n"}:
            return "\r"
        if pressed in {"s", "u", "q"} or pressed in keys:
            return pressed


def read_key(terminal: int) -> str:
    """One key. An arrow or function key, which sends several bytes, is ``ESC`` alone, lest its
    last letter be taken for an answer."""
    pressed = os.read(terminal, 1)
    if pressed == ESCAPE:
        after = _what_follows(terminal)
        if after not in SEQUENCES:
            return (after or pressed).decode("latin-1")
        while not ENDS.match(_what_follows(terminal) or b"~"):
            pass
    return pressed.decode("latin-1")


def _what_follows(terminal: int) -> bytes:
    """The next byte of what came at once; nothing where that was all."""
    return os.read(terminal, 1) if select.select([terminal], [], [], 0)[0] else b""


@contextmanager
def one_key_at_a_time() -> Iterator[Callable[[], str]]:
    """Read keys as they are pressed; the terminal is as it was afterwards."""
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)  # what was typed ahead counts
        yield lambda: read_key(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
