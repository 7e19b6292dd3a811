"""Titles to compare models on: no copy of one, and nothing of its story, is ever learnt.

Examples of one story, or with the same letters and digits, stay together. Of such a group
the earliest title decides, by a hash that is the same in every run: so a release that was
trained last month has not learnt what is held out today. Of titles with a time, the newest
are held out as well: both models are asked about news that came after all they learnt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from classifiers.examples import Example

HELD_OUT = 0.1
# So many titles with a time make it worth holding out the newest of them.
MANY_TIMED = 500


@dataclass(frozen=True, slots=True)
class Split:
    """``rest`` is to be learnt, ``held`` to be compared on, each of its titles once.

    ``learnt_until`` is when the newest learnt title was seen (0: none has a time).
    """

    rest: list[Example]
    held: list[Example]
    learnt_until: float = 0.0


def hold_out(
    examples: Sequence[Example], learnt: Collection[Example], live_until: float = 0.0
) -> Split:
    """Split ``examples``; ``learnt`` is learnt whole, so nothing like it is held out.

    ``live_until`` is the live release's ``learnt_until``: what it may have learnt is not
    held out for being new.
    """
    from classifiers.corpus import position

    terms = [each for each in examples if each.term]
    titles = [each for each in examples if not each.term]
    known = {mark for each in learnt for mark in _marks(each)}
    cut = _newest_from(titles, live_until)
    rest, held = terms, dict[str, Example]()
    for group in groups(titles):
        first = min(group, key=lambda each: each.at)
        chosen = position(first.title) < HELD_OUT or first.at > cut > 0
        if chosen and not any(mark in known for each in group for mark in _marks(each)):
            held.update((_key(each), each) for each in group)
        else:
            rest += group
    return Split(rest, list(held.values()), max((each.at for each in rest), default=0.0))


def groups(examples: Sequence[Example]) -> list[list[Example]]:
    """Examples joined by story or by equal letters and digits, in order (union-find)."""
    parent = list(range(len(examples)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[str, int] = {}
    for at, each in enumerate(examples):
        for mark in _marks(each):
            one, other = root(first.setdefault(mark, at)), root(at)
            parent[max(one, other)] = min(one, other)
    found: dict[int, list[Example]] = defaultdict(list)
    for at, each in enumerate(examples):
        found[root(at)].append(each)
    return list(found.values())


def _newest_from(titles: Sequence[Example], live_until: float) -> float:
    """The instant after which titles are held out for being new; 0 where too few have a time."""
    times = sorted(each.at for each in titles if each.at)
    if len(times) < MANY_TIMED:
        return 0.0
    return max(times[int(len(times) * (1 - HELD_OUT))], live_until)


def _marks(example: Example) -> tuple[str, ...]:
    key = f"title/{_key(example)}"
    return (key, example.group) if example.group.startswith("story/") else (key,)


def _key(example: Example) -> str:
    from classifiers.text import identity_key

    return identity_key(example.title)
