"""How topics of headlines are told apart: precision and recall of ``compare`` on each file of
``tests/data/stories/topics``, with and without a second reader.

A topic is a line ``# name`` and one headline a line, each behind the letter of its news: what has
the same letter is the same news, and what has another one is other news of the same kind. ``A`` is
told by five or six portals; the others are what came of it, or resemble it by intent. Nothing was
learnt from them. Of each topic some pairs are taken, as many of one news as of different ones.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

from monitor.stories import reading
from monitor.stories.compare import compare
from tests.benchmarks.report import options, show

FOLDER = Path(__file__).parents[2] / "tests" / "data" / "stories" / "topics"
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
    ]


def chosen(topic: list[Headline], rng: random.Random) -> list[dict[str, Any]]:
    """Some of a topic's pairs."""
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


def files() -> list[Path]:
    """All files of topics."""
    return sorted(FOLDER.glob("*.txt"))


def judged(told: list[dict[str, Any]]) -> dict[str, float]:
    """Precision and recall on some pairs."""
    said = [compare(pair["a"], pair["b"]).same for pair in told]
    both = sum(same and pair["same"] for same, pair in zip(said, told, strict=True))
    return {
        "precision": both / max(sum(said), 1),
        "recall": both / sum(pair["same"] for pair in told),
    }


def main() -> None:
    """Parse, run, print."""
    asked = options(__doc__ or "")
    found: dict[str, dict[str, float]] = {}
    for path in files():
        rng = random.Random(path.stem)
        some = topics(path)[:: 8 if asked.quick else 1]
        told = [pair for topic in some for pair in chosen(topic, rng)]
        found[path.stem] = {"pairs": len(told), **judged(told)}
        if reading.is_installed():
            reading.use(True)
            with_reader = judged(told)
            found[path.stem] |= {f"{name}_read": value for name, value in with_reader.items()}
            reading.use(False)
    show(found, as_json=asked.json)


if __name__ == "__main__":
    main()
