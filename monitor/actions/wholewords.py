"""What Latin words cost that match whole from now on: stored headlines that they lose."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from monitor.actions.opening import opened
from monitor.config import Settings
from monitor.rules.language import parse
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.sieve import Sieve
from monitor.rules.tree import And, Literal, Not, Query, literals
from monitor.rules.words import Words
from monitor.service import utc_now
from monitor.storage import history
from monitor.text import fold, is_word_character

SPAN = timedelta(days=30)
MOST_WORDS = 500


def lost_hits(settings: Settings, queries: Iterable[str]) -> dict[str, tuple[int, str]]:
    """For each Latin word of ``queries`` how many headlines of the last 30 days hold it only
    within longer words, and one of them. Words that lose none are left out."""
    words = sorted({text for query in queries for text in _latin(parse(query))})[:MOST_WORDS]
    if not words or not settings.data.exists():
        return {}
    loosely = [Query(And((Literal(word, "sub"), Not(Literal(word))))) for word in words]
    sieve, rule_set = Sieve(loosely), RuleSet(enumerate(loosely), Words((), {}))
    found: dict[str, tuple[int, str]] = {}
    with opened(settings) as database, database.read() as connection:
        condition = history.text_condition(connection, sieve.texts)
        conditions = [] if condition is None else [condition]
        for _, titles in history.titles(connection, utc_now() - SPAN, conditions):
            for at in sieve.select(titles):
                for hit in rule_set.match(Subject(titles[at])):
                    count, example = found.get(words[hit.rule_id], (0, titles[at]))
                    found[words[hit.rule_id]] = (count + 1, example)
    return found


def _latin(query: Query) -> Iterable[str]:
    for literal in literals(query.root):
        folded = fold(literal.text).text
        if not literal.mode and (is_word_character(folded[0]) or is_word_character(folded[-1])):
            yield literal.text
