"""Titles a second through the rules, beside the loops that people write.

- ``keywords_10k``: 10,000 rules of three literals each (a OR b OR c), Chinese and Latin.
- ``trees_1k``: 1,000 rules with AND, NOT, NEAR, anchors, filters and regular expressions; one
  in twenty is an expression without any literal, which every title has to be searched for.
- ``trendradar``: the same 10,000 rules as TrendRadar takes them: groups one after another, each
  its required and its normal words looked for in the lower-cased title, the first that fits wins.
- ``regex_loop``: the same 10,000 rules as a loop of ``re`` patterns.
- ``substring_loop``: the same 10,000 rules as a loop of ``in`` over lower-cased text.

Titles and keywords come from a seeded generator with a skewed choice of characters, so
that a title meets some rules; ``hits_per_title`` says how many. ``keywords_100k_mb`` is what
100,000 keywords (20,000 rules of five) add to a process of their own.
"""

from __future__ import annotations

import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from monitor.rules.language import parse
from monitor.rules.matcher import RuleSet, Subject
from tests.benchmarks.report import options, show

SECTIONS = ("finance", "tech", "sports", "world", "society")
HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 4_000)]
WEIGHTS = [1 / (rank + 20) for rank in range(len(HAN))]
LATIN = ["AI", "GPT", "Fed", "iPhone", "NBA", "GDP", "Apple", "rate", "cut", "market", "chip"]


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    titles = 4_000 if chosen.quick else 30_000
    show(measure(titles, loop_titles=10 if chosen.quick else 200), as_json=chosen.json)


def measure(titles: int, loop_titles: int) -> dict[str, object]:
    """All figures, over ``titles`` titles (the loops over ``loop_titles``)."""
    rng = random.Random(20)
    subjects = [_subject(rng) for _ in range(titles)]
    words = [[_keyword(rng) for _ in range(3)] for _ in range(10_000)]
    rules = [(at, parse(" OR ".join(f'"{word}"' for word in row))) for at, row in enumerate(words)]
    trees = [(at, parse(_tree(rng, at))) for at in range(1_000)]
    started = time.perf_counter()
    keywords = RuleSet(rules)
    build_s = time.perf_counter() - started
    hits = sum(map(len, keywords.match_many(subjects[:1_000]))) / 1_000
    tree_set = RuleSet(trees)
    tree_set.prepare()
    return {
        "titles_per_second": {
            "keywords_10k": _rate(keywords.match_many, subjects),
            "trees_1k": _rate(tree_set.match_many, subjects),
            "regex_loop": _rate(_regex_loop(words), subjects[:loop_titles]),
            "trendradar": _rate(_trendradar(words), subjects[:loop_titles]),
            "substring_loop": _rate(_substring_loop(words), subjects[:loop_titles]),
        },
        **_adding(keywords, rng, count=700 if titles > 10_000 else 150),
        "build_10k_ms": build_s * 1e3,
        "keywords_100k_mb": _memory_mb(),
        "hits_per_title": hits,
        "titles": titles,
    }


def _adding(rules: RuleSet, rng: random.Random, count: int) -> dict[str, float]:
    """The time to add one rule; with 700 the set merges its overlay once."""
    costs = []
    for at in range(count):
        text = " OR ".join(f'"{_keyword(rng)}"' for _ in range(3))
        started = time.perf_counter()
        rules = rules.with_rule(100_000 + at, parse(text))
        costs.append((time.perf_counter() - started) * 1e3)
    p99 = statistics.quantiles(costs, n=100)[-1]
    return {
        "add_rule_ms": statistics.median(costs),
        "add_rule_p99_ms": p99,
        "add_rule_max_ms": max(costs),
    }


def _rate(run: Callable[[list[Subject]], object], subjects: list[Subject]) -> float:
    started = time.perf_counter()
    run(subjects)
    return len(subjects) / (time.perf_counter() - started)


def _regex_loop(words: list[list[str]]) -> Callable[[list[Subject]], object]:
    compiled = [re.compile("|".join(map(_bounded, row)), re.IGNORECASE) for row in words]

    def run(subjects: list[Subject]) -> list[list[int]]:
        return [
            [at for at, pattern in enumerate(compiled) if pattern.search(subject.title)]
            for subject in subjects
        ]

    return run


def _bounded(word: str) -> str:
    return rf"(?<![0-9A-Za-z]){word}(?![0-9A-Za-z])" if word.isascii() else word


def _substring_loop(words: list[list[str]]) -> Callable[[list[Subject]], object]:
    lowered = [[word.lower() for word in row] for row in words]

    def run(subjects: Iterable[Subject]) -> list[list[int]]:
        return [
            [at for at, row in enumerate(lowered) if any(word in title for word in row)]
            for title in (subject.title.lower() for subject in subjects)
        ]

    return run


@dataclass
class _Group:
    required: list[str]
    normal: list[str]


def _trendradar(words: list[list[str]]) -> Callable[[list[Subject]], object]:
    groups = [_Group([], row) for row in words]

    def fits(group: _Group, title: str) -> bool:
        if not all(word.lower() in title for word in group.required):
            return False
        return not group.normal or any(word.lower() in title for word in group.normal)

    def run(subjects: Iterable[Subject]) -> list[int | None]:
        return [
            next((at for at, group in enumerate(groups) if fits(group, title)), None)
            for title in (subject.title.lower() for subject in subjects)
        ]

    return run


def _memory_mb() -> float:
    code = "from tests.benchmarks import rules; rules.print_memory_of_100k()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return float(ran.stdout)


def print_memory_of_100k() -> None:
    """Print by how many MB a set of 100,000 keywords makes this process grow."""
    rng = random.Random(22)
    words = {_keyword(rng) + _keyword(rng) for _ in range(120_000)}
    chosen = sorted(words)[:100_000]
    RuleSet([(0, parse("词"))]).match(Subject("题"))  # tables that any match needs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parts = (chosen[at : at + 5] for at in range(0, len(chosen), 5))
    rule_set = RuleSet(
        (at, parse(" OR ".join(f'"{word}"' for word in part))) for at, part in enumerate(parts)
    )
    rule_set.match(Subject("题"))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(grown / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def random_title(rng: random.Random) -> str:
    """A title of 14 to 32 characters, common ones first, now and then with a Latin word."""
    parts = rng.choices(HAN, WEIGHTS, k=rng.randint(14, 32))
    parts.insert(rng.randrange(len(parts)), "，")
    if rng.random() < 0.3:
        parts.insert(rng.randrange(len(parts)), rng.choice(LATIN))
    return "".join(parts)


def _subject(rng: random.Random) -> Subject:
    title = random_title(rng)
    return Subject(title, rng.choice(SECTIONS), rng.random(), source="人民网")


def _keyword(rng: random.Random) -> str:
    if rng.random() < 0.1:
        return rng.choice(LATIN) + str(rng.randrange(1_000))
    return "".join(rng.choices(HAN, WEIGHTS, k=rng.choice((2, 2, 3, 3, 4))))


def _tree(rng: random.Random, at: int) -> str:
    a, b, c = (f'"{_keyword(rng)}"' for _ in range(3))
    han = "".join(rng.choices(HAN, WEIGHTS, k=2))
    forms = (
        f"{a} AND NOT ({b} OR {c})",
        f"({a} OR {b}) section:{rng.choice(SECTIONS)}>=0.5",
        f"section:{rng.choice(SECTIONS)} /{han}.*(升|降|涨|跌)/",
        f"({a} OR /{han}[0-9]+/i) -{c}",
        f"NEAR/6(({a} OR {b}), {c})",
        f"^{a} OR {b}$ OR word:{c}",
    )
    return rf"/\d{{{2 + at % 7}}}[%年月]/ NOT {a}" if at % 20 == 0 else forms[at % 6]


if __name__ == "__main__":
    main()
