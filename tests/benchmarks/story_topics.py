"""Labelled topics of headlines, ``tests/data/stories/topics``, and the pairs that they make.

A topic is a line ``# name`` and one headline a line, each behind the letter of its news: what has
the same letter is the same news, and what has another one is other news of the same kind. ``A`` is
told by six portals; the others are what came of it, or resemble it. Files with ``exam`` in their
names are not learnt from.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "tests" / "data" / "stories" / "topics"
EXAM = "exam"
# Of a topic's pairs so many of one news, and of different ones: with the first and among others.
ALIKE, CONTRARY, OTHERS = 12, 12, 4
Headline = tuple[str, str]  # its letter and its title


def topics(path: Path) -> list[list[Headline]]:
    """The topics of a file; raises ``ValueError`` for a line that is none of its kinds."""
    found: list[list[Headline]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        letter, _, title = line.strip().partition(" ")
        if letter == "#":
            found.append([])
        elif letter and (len(letter) > 1 or not letter.isupper() or not title or not found):
            raise ValueError(f"{path.name}, line {number}: not a letter and a headline: {line!r}")
        elif letter:
            found[-1].append((letter, title.strip()))
    return found


def pairs(topic: list[Headline]) -> list[dict[str, Any]]:
    """Every pair of a topic."""
    return [
        {"a": one, "b": other, "same": letter == second}
        for (letter, one), (second, other) in itertools.combinations(topic, 2)
        if one != other
    ]


def chosen(topic: list[Headline], rng: random.Random) -> list[dict[str, Any]]:
    """Some of a topic's pairs, as many of one news as of different ones."""
    first = {title for letter, title in topic if letter == "A"}
    alike, contrary, others = [], [], []
    for pair in pairs(topic):
        if pair["same"]:
            alike.append(pair)
        elif pair["a"] in first or pair["b"] in first:
            contrary.append(pair)
        else:
            others.append(pair)
    groups = ((alike, ALIKE), (contrary, CONTRARY), (others, OTHERS))
    return [pair for group, most in groups for pair in rng.sample(group, min(most, len(group)))]


def files(*, exams: bool = False) -> list[Path]:
    """The files to learn from, or the others."""
    return [path for path in sorted(FOLDER.glob("*.txt")) if (EXAM in path.stem) == exams]
