"""How varied the titles of a corpus are, and which of its lines resemble each other.

Authored data tends to templates: the same frame with other names in it. Two figures tell.
*Distinct bigrams per title* is the number of different character pairs of a section over
its titles: templates repeat theirs. *Nearest neighbour* is, for each title, the largest
Jaccard similarity of its set of character pairs with another title's of its section; the
mean and the share above a half are high where frames are reused. Both depend on how many
titles there are, so sections are cut to the same number of titles.

``python -m classifiers.diversity SPEC…`` prints them (``builtin`` when no SPEC is given).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from classifiers import corpus
from classifiers.errors import ClassifierError
from classifiers.examples import Example
from classifiers.text import identity_key

TITLES = 400  # of a section are looked at, chosen by hash
NEAR = 0.5
_COMMON = 2_000  # titles that share a pair: it tells nothing more


@dataclass(frozen=True, slots=True)
class Diversity:
    """One section in one script: ``bigrams`` a title, mean nearest-neighbour Jaccard
    ``similarity``, and ``near``, the share of titles with a neighbour above a half."""

    titles: int
    bigrams: float
    similarity: float
    near: float


def pairs(title: str) -> frozenset[str]:
    """The character pairs of a title's letters and digits, folded."""
    key = identity_key(title)
    return frozenset(key[at : at + 2] for at in range(len(key) - 1))


class Index:
    """Titles by their character pairs: which of them resembles a title most?"""

    def __init__(self, titles: Iterable[str]) -> None:
        self.titles = list(titles)
        self._pairs = [pairs(title) for title in self.titles]
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, found in enumerate(self._pairs):
            for pair in sorted(found):
                self._holders[pair].append(number)

    def nearest(self, title: str, apart_from: int = -1) -> tuple[float, int]:
        """(Jaccard similarity, place) of the most similar title; (0, -1) for none.

        Pairs that very many titles share are left out of the search, not of the figure's
        denominator, so that the answer may be a little low in a huge corpus and is never
        high.
        """
        own = pairs(title)
        shared: Counter[int] = Counter()
        for pair in own:
            holders = self._holders.get(pair, ())
            if len(holders) <= _COMMON:
                shared.update(holders)
        best = (0.0, -1)
        for number, count in shared.items():
            similarity = count / (len(own) + len(self._pairs[number]) - count)
            if number != apart_from and similarity > best[0]:
                best = (similarity, number)
        return best

    def within(self, title: str, least: float) -> list[int]:
        """The places of all titles whose Jaccard similarity is ``least`` or more.

        A title that similar lacks few of the pairs, so it has one of any few more: only the
        holders of the rarest are looked at (prefix filtering, Chaudhuri et al., ICDE 2006).
        """
        own = pairs(title)
        may_lack = int((1 - least) * len(own) + 1e-9)
        rarest = sorted(own, key=lambda pair: (len(self._holders.get(pair, ())), pair))
        candidates = {
            number for pair in rarest[: may_lack + 1] for number in self._holders.get(pair, ())
        }
        return sorted(
            number for number in candidates if _jaccard(own, self._pairs[number]) >= least
        )


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


def diversity(titles: Sequence[str]) -> Diversity:
    """The figures of these titles, which should be of one section and one script."""
    index = Index(titles)
    similar = [index.nearest(title, at)[0] for at, title in enumerate(titles)]
    different = {pair for title in titles for pair in pairs(title)}
    count = max(1, len(titles))
    return Diversity(
        len(titles),
        len(different) / count,
        sum(similar) / count,
        sum(each > NEAR for each in similar) / count,
    )


def by_section(examples: Iterable[Example], most: int = TITLES) -> dict[str, list[Example]]:
    """``section.zh`` or ``section.en`` -> at most so many of its titles, terms left out."""
    found: dict[str, list[Example]] = defaultdict(list)
    for each in examples:
        if not each.term:
            found[f"{each.label}.{_script(each.title)}"].append(each)
    return {
        name: sorted(rows, key=lambda each: corpus.position(each.title, b"diversity"))[:most]
        for name, rows in sorted(found.items())
    }


def _script(title: str) -> str:
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in title) else "en"


def report(spec: str, most: int) -> Iterator[str]:
    """Lines of a table: each section, then the mean of each script."""
    labels = {
        name: diversity([each.title for each in rows])
        for name, rows in by_section(corpus.load(spec), most).items()
    }
    yield f"{spec}\n{'section':<20}{'titles':>8}{'bigrams':>9}{'nearest':>9}{'near':>8}"
    for name, found in labels.items():
        yield _row(name, [found])
    for script in ("zh", "en"):
        if several := [found for name, found in labels.items() if name.endswith(script)]:
            yield _row(f"all {script}", several)


def _row(name: str, several: Sequence[Diversity]) -> str:
    count = len(several)
    titles = sum(each.titles for each in several)
    bigrams, similarity, near = (
        sum(getattr(each, field) for each in several) / count
        for field in ("bigrams", "similarity", "near")
    )
    return f"{name:<20}{titles:>8}{bigrams:>9.2f}{similarity:>9.3f}{near:>8.1%}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report of each SPEC; 0, or 1 when one cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.diversity")
    parser.add_argument("spec", metavar="SPEC", nargs="*", default=["builtin"])
    parser.add_argument("--titles", metavar="N", type=int, default=TITLES, help="of a section")
    given = parser.parse_args(arguments)
    try:
        for spec in given.spec:
            print("\n".join(report(spec, given.titles)))
    except ClassifierError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
