"""One query and the questions about it, asked of one entry after another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from monitor.rules.dissect import Clause, clauses, loosened, without_sections
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.plan import Step, make_step
from monitor.rules.seen import Seen
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
    """What one entry is to the query. ``near`` says what kept it out, empty for nothing."""

    hit: Hit | None
    against: bool
    near: str = ""
    detail: str = ""


@dataclass(slots=True)
class _Tally:
    within: Counter[int] = field(default_factory=Counter)
    alone: Counter[int] = field(default_factory=Counter)
    kept_out: int = 0


class Examiner:
    """Asks of every entry: does the query match, which clause, what kept it out."""

    def __init__(self, query: Query, rules: RuleSet, against: Query | None) -> None:
        self._rules = rules.with_rule(TRIED, query)
        self._against = rules.with_rule(TRIED, against) if against else None
        own = self._rules.plan(TRIED).keywords
        self._clauses = clauses(query)
        self._parts = [[make_step(part, own) for part in each.parts] for each in self._clauses]
        self._tallies = [_Tally() for _ in self._clauses]
        loose, free = loosened(query), without_sections(query)
        self._free = self._near_step(free, own)
        self._loose = self._near_step(loose, own)
        self._rest = [self._rest_step(each, own) for each in self._clauses]
        asked = [query, *([against] if against else [])]
        asked += [
            each for each, step in ((loose, self._loose), (free, self._free)) if each and step
        ]
        asked += [
            Query(each.rest)
            for each, step in zip(self._clauses, self._rest, strict=True)
            if step and each.rest
        ]
        self.sieve = Sieve(asked)

    def _near_step(self, query: Query | None, own: frozenset[str]) -> Step | None:
        """None for what would have every entry looked at."""
        return make_step(query.root, own) if query and not Sieve([query]).is_open else None

    def _rest_step(self, clause: Clause, own: frozenset[str]) -> Step | None:
        rest: Node | None = clause.rest if clause.narrows else None
        return self._near_step(Query(rest) if rest else None, own)

    def look(self, subject: Subject) -> Looked:
        """What the entry is to the query; counts what each clause did."""
        seen = self._rules.look(subject)
        hit = self._rules.match_one(TRIED, seen)
        against = self._against is not None and (
            self._against.match_one(TRIED, self._against.look(subject)) is not None
        )
        if hit:
            self._count_parts(seen)
            return Looked(hit, against)
        self._count_kept_out(seen)
        near, detail = self._near(subject, seen)
        return Looked(None, against, near, detail)

    def _count_parts(self, seen: Seen) -> None:
        for parts, tally in zip(self._parts, self._tallies, strict=True):
            holding = [at for at, part in enumerate(parts) if part.test(seen)]
            tally.within.update(holding)
            if len(holding) == 1:
                tally.alone[holding[0]] += 1

    def _count_kept_out(self, seen: Seen) -> None:
        for rest, tally in zip(self._rest, self._tallies, strict=True):
            if rest is not None and rest.test(seen):
                tally.kept_out += 1

    def _near(self, subject: Subject, seen: Seen) -> tuple[str, str]:
        if self._free is not None and self._free.test(seen):
            return SECTION, subject.section + ("?" if subject.unsure else "")
        if self._loose is None or not self._loose.test(seen):
            return "", ""
        for hidden in self._rules.hidden_in(TRIED, seen):
            return BOUNDARY, f"{hidden.word} ({hidden.origin})"
        return BOUNDARY, "within a longer word"

    def clause_counts(self) -> list[ClauseCount]:
        """What each clause did so far."""
        counts = []
        for clause, tally, rest in zip(self._clauses, self._tallies, self._rest, strict=True):
            for at, part in enumerate(clause.parts):
                kept = tally.kept_out if rest is not None else None
                counts.append(ClauseCount(str(part), tally.within[at], tally.alone[at], kept))
        return counts
