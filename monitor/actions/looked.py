"""One query and the questions about it, asked of very many entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from monitor.rules.batch import Asked, Batch, Facts
from monitor.rules.dissect import Clause, clauses, loosened, without_sections
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.sieve import Sieve
from monitor.rules.tree import Node, Query
from monitor.types import Hit

TRIED = 0  # the query's number among the rules that it is tried with
SECTION = "section"
BOUNDARY = "boundary"


@dataclass(frozen=True, slots=True)
class ClauseCount:
    """What a clause did: of its matches, ``within`` hold it, ``alone`` hold no other alternative;
    ``kept_out`` is what would match without it (None where it does not only keep out).
    """

    text: str
    within: int
    alone: int
    kept_out: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What entries of a batch are to the query, by their places: those that match, that the
    other query (if there is one) matches, and that only a section or a boundary kept out.
    """

    hits: set[int]
    against: set[int] | None
    sections: set[int]
    boundaries: set[int]


@dataclass(slots=True)
class _Tally:
    within: Counter[int] = field(default_factory=Counter)
    alone: Counter[int] = field(default_factory=Counter)
    kept_out: int = 0


class Examiner:
    """Asks of every entry: does the query match, which clause, what kept it out."""

    def __init__(self, query: Query, rules: RuleSet, against: Query | None) -> None:
        self._rules = rules.with_rule(TRIED, query)
        made = self._rules.plan(TRIED)
        self._query = None if made.of_events else query.root
        self._clauses = clauses(query)
        self._tallies = [_Tally() for _ in self._clauses]
        self._free = self._near(without_sections(query))
        self._loose = self._near(loosened(query))
        self._rest = [self._rest_of(each) for each in self._clauses]
        others = [node for node in (self._free, self._loose, *self._rest) if node is not None]
        self._asked = Asked(self._rules, [query.root, *others], made.keywords)
        self._against: tuple[Asked, Node | None] | None = None
        if against:
            theirs = rules.with_rule(TRIED, against)
            made = theirs.plan(TRIED)
            asked = Asked(theirs, [against.root], made.keywords)
            self._against = (asked, None if made.of_events else against.root)
        self.sieve = Sieve([
            query, *([against] if against else []), *(Query(node) for node in others)
        ])  # fmt: skip

    def _near(self, query: Query | None) -> Node | None:
        """None for what would have every entry looked at."""
        return query.root if query and not Sieve([query]).is_open else None

    def _rest_of(self, clause: Clause) -> Node | None:
        rest = clause.rest if clause.narrows else None
        return self._near(Query(rest) if rest else None)

    def look(self, titles: Sequence[str], facts: Facts) -> Looked:
        """What entries are to the query; counts what each clause did."""
        batch, every = Batch(self._asked, titles, facts), set(range(len(titles)))
        hits = batch.where(self._query, every) if self._query else set()
        self._count_parts(batch, hits)
        missed = every - hits
        for rest, tally in zip(self._rest, self._tallies, strict=True):
            if rest is not None:
                tally.kept_out += len(batch.where(rest, missed))
        sections = batch.where(self._free, missed) if self._free else set()
        boundaries = batch.where(self._loose, missed - sections) if self._loose else set()
        against: set[int] | None = None
        if self._against:
            asked, root = self._against
            against = Batch(asked, titles, facts).where(root, every) if root else set()
        return Looked(hits, against, sections, boundaries)

    def _count_parts(self, batch: Batch, hits: set[int]) -> None:
        for clause, tally in zip(self._clauses, self._tallies, strict=True):
            if len(clause.parts) == 1:
                tally.within[0] += len(hits)
                tally.alone[0] += len(hits)
                continue
            holding = [batch.where(part, hits) for part in clause.parts]
            tally.within.update({at: len(found) for at, found in enumerate(holding)})
            once = _in_one(holding)
            tally.alone.update({at: len(found & once) for at, found in enumerate(holding)})

    def hit(self, subject: Subject) -> Hit | None:
        """What the query says of one entry."""
        return self._rules.match_one(TRIED, self._rules.look(subject))

    def boundary(self, subject: Subject) -> str:
        """Which longer word kept an entry out."""
        for hidden in self._rules.hidden(TRIED, subject):
            return f"{hidden.word} ({hidden.origin})"
        return "within a longer word"

    def clause_counts(self) -> list[ClauseCount]:
        """What each clause did so far."""
        counts = []
        for clause, tally, rest in zip(self._clauses, self._tallies, self._rest, strict=True):
            for at, part in enumerate(clause.parts):
                kept = tally.kept_out if rest is not None else None
                counts.append(ClauseCount(str(part), tally.within[at], tally.alone[at], kept))
        return counts


def _in_one(holding: Iterable[set[int]]) -> set[int]:
    """What is in exactly one of the sets."""
    once: set[int] = set()
    often: set[int] = set()
    for found in holding:
        often |= once & found
        once |= found
    return once - often
