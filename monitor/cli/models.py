"""``classify``, ``retrain``, ``evaluate``, ``models``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.cli.output import add_json, complain, print_json, print_table, say, settings_of
from monitor.errors import UsageError

if TYPE_CHECKING:
    from classifiers.compiled import Scored
    from classifiers.explain import Explanation
    from monitor.actions.retraining import Retrained
    from monitor.types import Prediction

MOST_REASONS = 12  # of a title, without --json
SPEC_HELP = (
    "FORMAT:PATH; formats: builtin, thucnews, toutiao, nlpcc2017, agnews, fasttext, csv, "
    "jsonl, database (the corrections and declared sections stored here)"
)


def add_commands(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Put this room's commands on the command line."""
    classify = commands.add_parser("classify", parents=[everywhere], help="the section of titles")
    classify.add_argument("titles", metavar="TITLE", nargs="*", help="else one a line on stdin")
    classify.add_argument(
        "--explain", action="store_true", help="what spoke for the section and against the next"
    )
    add_json(classify)
    classify.set_defaults(run=run_classify)

    retrain = commands.add_parser(
        "retrain", parents=[everywhere], help="learn from corrections, corpora and feeds"
    )
    retrain.add_argument("--corpus", metavar="SPEC", action="append", default=[], help=SPEC_HELP)
    retrain.add_argument(
        "--from-feeds", action="store_true", help="learn from sources that declare a section"
    )
    retrain.add_argument(
        "--labels", choices=("native", "sections"), default="sections",
        help="native: the corpora's own labels are the sections",
    )  # fmt: skip
    retrain.add_argument("--dry-run", action="store_true", help="train and compare, keep nothing")
    retrain.add_argument("--force", action="store_true", help="promote even a worse model")
    add_report(retrain, "the old model beside the new one")
    add_json(retrain)
    retrain.set_defaults(run=run_retrain)

    evaluate = commands.add_parser(
        "evaluate", parents=[everywhere], help="train on one corpus, score on another"
    )
    evaluate.add_argument("--train", metavar="SPEC", nargs="+", action="extend", required=True)
    evaluate.add_argument("--test", metavar="SPEC", required=True, help=SPEC_HELP)
    evaluate.add_argument("--labels", choices=("native", "sections"), default="native")
    add_report(evaluate, "the answers")
    add_json(evaluate)
    evaluate.set_defaults(run=run_evaluate)

    models = commands.add_parser("models", help="releases: list, show, promote, rollback")
    actions = models.add_subparsers(title="actions", metavar="ACTION")
    listed = actions.add_parser("list", parents=[everywhere], help="the releases")
    add_json(listed)
    listed.set_defaults(run=run_list)
    show = actions.add_parser("show", parents=[everywhere], help="one release's manifest")
    show.add_argument("id", metavar="ID", nargs="?", help="default: the live one")
    add_json(show)
    show.set_defaults(run=run_show)
    promote = actions.add_parser("promote", parents=[everywhere], help="make a release live")
    promote.add_argument("id", metavar="ID", help="'starter' is the one that was shipped")
    promote.set_defaults(run=run_promote)
    rollback = actions.add_parser("rollback", parents=[everywhere], help="the one before")
    rollback.set_defaults(run=run_rollback)


def add_report(parser: argparse.ArgumentParser, told: str) -> None:
    """The option that writes a page."""
    parser.add_argument(
        "--report", metavar="DIR", type=Path, help=f"write a page with pictures on {told} there"
    )


def run_classify(arguments: argparse.Namespace) -> int:
    from monitor.actions.models import AT_ONCE, classify

    if not arguments.titles and sys.stdin is None:
        raise UsageError("no titles: give them as arguments, or one a line on standard input")
    typed = not arguments.titles and sys.stdin.isatty()
    if typed:
        complain("one title a line; Ctrl-D ends")
    titles = iter(arguments.titles) if arguments.titles else lines()
    if arguments.explain:
        return explain_all(arguments, titles)
    found = classify(settings_of(arguments), titles, 1 if typed else AT_ONCE)
    if arguments.json:
        print_json([as_answer(title, item) for title, item in found])
        return 0
    for title, item in found:
        say_answer(title, item)
    return 0


def as_answer(title: str, item: Prediction | Scored) -> dict[str, Any]:
    """One title of ``classify --json``."""
    return {
        "title": title,
        "section": item.section,
        "probability": round(item.probability, 4),
        "unsure": item.unsure,
        "runner_up": item.runner_up,
    }


def say_answer(title: str, item: Prediction | Scored) -> None:
    """One line of ``classify``."""
    mark = "?" if item.unsure else " "
    say(f"{item.section:<13} {item.probability:4.0%}{mark} {title}")


def explain_all(arguments: argparse.Namespace, titles: Iterable[str]) -> int:
    """Each title with its reasons: all of them as JSON, else the heaviest."""
    from monitor.actions.models import explain

    found = explain(settings_of(arguments), titles)
    if arguments.json:
        print_json([as_explanation(title, item) for title, item in found])
        return 0
    for title, item in found:
        say_explanation(title, item)
    return 0


def as_explanation(title: str, item: Explanation) -> dict[str, Any]:
    """``classify``'s object, and the reasons, whose weights sum to ``margin``."""
    reasons = [
        {"text": each.text, "for": each.speaks_for, "against": each.against, "weight": each.weight}
        for each in item.reasons
    ]
    return as_answer(title, item.answer) | {
        "margin": item.margin,
        "familiarity": item.familiarity,
        "reasons": reasons,
    }


def say_explanation(title: str, item: Explanation) -> None:
    """The answer, its heaviest reasons, the sum of the others, and the sum of all."""
    say_answer(title, item.answer)
    shown, rest = item.reasons[:MOST_REASONS], item.reasons[MOST_REASONS:]
    rows = [(f"{each.weight:+.3f}", each.text) for each in shown]
    if rest:
        rows.append((f"{sum(each.weight for each in rest):+.3f}", f"({len(rest)} others)"))
    rows.append((f"{item.margin:+.3f}", f"= {item.answer.section} above {item.answer.runner_up}"))
    for weight, text in rows:
        say(f"{weight:>10}  {text}")
    say(f"{item.familiarity:>10.0%}  of it was known from training")


def lines() -> Iterator[str]:
    """Standard input's lines, with what is not UTF-8 in them replaced."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def run_retrain(arguments: argparse.Namespace) -> int:
    from monitor.actions import reporting
    from monitor.actions.retraining import retrain

    settings = settings_of(arguments)
    if arguments.report:
        reporting.prepare(arguments.report)
    result = retrain(
        settings,
        arguments.corpus,
        from_feeds=arguments.from_feeds,
        labels=arguments.labels,
        dry_run=arguments.dry_run,
        force=arguments.force,
    )
    if arguments.json:
        print_json(result.as_json())
    elif not result.nothing_new:
        show_comparison(result)
    code = conclude(result, dry_run=arguments.dry_run)
    if arguments.report:
        path = reporting.on_retraining(result, settings, arguments.report)
        nothing = "no report is written: there is no comparison to tell of"
        complain(f"the report is in {path}" if path else nothing)
    return code


def show_comparison(result: Retrained) -> None:
    """The live and the new release side by side, and what became of the corrections."""
    compared, corrected = result.compared, result.corrected
    where = {
        "held-out": f"on {compared.held_out} titles that neither has learnt",
        "own-titles": "on the program's own titles, out of fold",
    }[compared.compared_on]
    print_table(
        (where, f"before ({result.live_release})", f"new ({result.release})"),
        [
            (name, figure(compared.before[name]), figure(compared.after[name]))
            for name in ("accuracy", "macro_f1", "ece", "titles")
        ],
    )
    if compared.change:
        say("")
        rows = [("all", compared.change), *compared.sections.items()]
        print_table(
            ("section", "titles", "fixed", "broken", "change", "95 % interval"),
            [
                (name, each.titles, each.fixed, each.broken, points(each.delta),
                 f"{points(each.low)} … {points(each.high)}")
                for name, each in rows
            ],
        )  # fmt: skip
    for feed in result.feeds:
        heard = f"weight {feed.weight:g}" if feed.weight else "not listened to"
        say(f"{feed.source}: {feed.agreement:.0%} of what it declares is right: {heard}")
    if result.dropped:
        say(f"{result.dropped} corrections name sections that there are no more")
    say(
        f"{corrected.corrections} corrections: {corrected.learnt} learnt, "
        f"{corrected.fixed} fixed, {corrected.broken} broken"
    )
    for title in corrected.unlearnt[:5]:
        say(f"broken: {title}")


def points(share: float) -> str:
    """A change of a share, in percentage points."""
    return f"{100 * share:+.1f}"


def conclude(result: Retrained, *, dry_run: bool) -> int:
    """Say what became of the new release; the exit code."""
    refusal = result.compared.refusal
    if result.nothing_new:
        complain(f"nothing new to learn: release {result.live_release} stays live")
        return 0
    if result.promoted:
        forced = f", by force, although {refusal}" if refusal else ""
        complain(f"release {result.release} is live{forced}")
        return 0
    if refusal:
        complain(f"not promoted: {refusal}; --force promotes it all the same")
        return 1
    complain("a dry run: nothing was kept")
    return 0


def run_evaluate(arguments: argparse.Namespace) -> int:
    from monitor.actions.models import evaluate

    settings = settings_of(arguments)
    found = evaluate(
        settings, arguments.train, arguments.test, arguments.labels, arguments.report
    ).as_json()
    if arguments.report:
        from monitor.actions.reporting import PAGE

        complain(f"the report is in {arguments.report / PAGE}")
    if arguments.json:
        print_json(found)
        return 0
    for name in ("accuracy", "macro_f1", "ece", "titles", "train_seconds", "titles_per_second"):
        say(f"{name:<18} {figure(found[name])}")
    for share, right in found["coverage"].items():
        say(f"surest {float(share):4.0%}        {figure(right)}")
    rows = [
        (name, *(figure(score[key]) for key in ("precision", "recall", "f1")), score["count"])
        for name, score in found["per_section"].items()
    ]
    print_table(("section", "precision", "recall", "f1", "titles"), rows)
    return 0


def figure(value: float) -> str:
    """A share with four digits, a count or a time as it is."""
    return f"{value:.4f}" if isinstance(value, float) and abs(value) <= 1 else f"{value:,.0f}"


def run_list(arguments: argparse.Namespace) -> int:
    from monitor.actions.models import releases

    found = releases(settings_of(arguments))
    rows: list[dict[str, Any]] = [
        {
            "id": each.id,
            "release": each.manifest.id if each.manifest else None,
            "live": each.current,
            "accuracy": each.manifest.metrics["accuracy"] if each.manifest else None,
            "titles": each.manifest.metrics["titles"] if each.manifest else None,
            "problem": each.problem,
        }
        for each in found
    ]
    if arguments.json:
        print_json(rows)
    else:
        head = ("id", "live", "accuracy", "titles", "problem")
        for row in rows:
            row["accuracy"] = figure(row["accuracy"]) if row["accuracy"] is not None else None
        print_table(head, [[row[name] for name in head] for row in rows])
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    from classifiers import native
    from monitor.actions.models import registry, release

    settings = settings_of(arguments)
    found = release(settings, arguments.id)
    if found.manifest is None:
        raise UsageError(f"{found.id}: {found.problem}")
    notes = [
        note for note in registry(settings).notes() if note.get("release") == found.manifest.id
    ]
    scored_by = native.description(native.usable(found.manifest.text))
    print_json({**asdict(found.manifest), "promotions": notes, "scored_by": scored_by})
    return 0


def run_promote(arguments: argparse.Namespace) -> int:
    from monitor.actions.models import promote

    say(f"release {promote(settings_of(arguments), arguments.id)} is live")
    return 0


def run_rollback(arguments: argparse.Namespace) -> int:
    from monitor.actions.models import rollback

    say(f"release {rollback(settings_of(arguments))} is live again")
    return 0
