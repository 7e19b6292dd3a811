"""How frequent words are in headlines, counted in the project's own.

``python -m tests.benchmarks.common_words`` writes ``monitor/stories/common.txt``: on each line
a level from 2 to 9 and the words of that level, English stems and pairs of Chinese characters.
A word in n headlines of ``training_data`` has the level 2 ln n, rounded down; one in fewer
than three says nothing of how frequent it is. Fit the weights again afterwards.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from monitor.stories.lexicon import stem
from monitor.stories.wording import runs_of
from tests.benchmarks.stories import headlines

TARGET = Path(__file__).parents[2] / "monitor" / "stories" / "common.txt"
LEAST = 3
MOST_FREQUENT = 9


def words(title: str) -> Iterator[str]:
    """The stems and pairs of characters of a headline."""
    for run in runs_of(title):
        if run[0] < "\u3400":
            yield stem(run)
        else:
            yield from (run[at : at + 2] for at in range(len(run) - 1))


def levels() -> dict[int, list[str]]:
    """The words of each level, in order."""
    counted = Counter(word for title in headlines() for word in set(words(title)))
    found = defaultdict[int, list[str]](list)
    for word, count in sorted(counted.items()):
        if count >= LEAST:
            found[min(int(2 * math.log(count)), MOST_FREQUENT)].append(word)
    return found


def main() -> None:
    """Count, and write the list."""
    lines = [f"{level} {' '.join(found)}\n" for level, found in sorted(levels().items())]
    TARGET.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
