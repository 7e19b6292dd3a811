"""docs/rules.md is run: its examples match as marked, its errors are raised as shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import QueryError
from monitor.rules.language import parse
from monitor.rules.matcher import RuleSet, Subject

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"
CODE = re.compile(r"`([^`]+)`(?: \[([^\]]*)\])?")

FACTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "source": ("source", str),
    "url": ("source_url", str),
    "label": ("labels", lambda value: ("x", value)),
    "lang": ("language", str),
    "author": ("author", str),
    "event": ("event", str),
    "is_first": ("is_first", lambda value: value == "yes"),
    **{name: (name, float) for name in ("rank", "age_s", "portals", "hot", "burst")},
}


def _rows(heading: str) -> Iterator[list[str]]:
    part = PAGE.read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    for line in part.splitlines():
        if line.startswith("| `"):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            yield [cell.strip().replace(r"\|", "|") for cell in cells]


def _subject(title: str, facts: str) -> Subject:
    kind, _, value = facts.partition(" ")
    if not kind:
        return Subject(title)
    if read := FACTS.get(kind):
        name, make = read
        return replace(Subject(title), **{name: make(value)})
    probability, _, unsure = value.partition(" ")
    return Subject(title, section=kind, probability=float(probability), unsure=unsure == "unsure")


def _marked(title: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The title without its marks, and the spans between them."""
    pieces = re.split("[«»]", title)
    ends = [sum(map(len, pieces[: at + 1])) for at in range(len(pieces))]
    return "".join(pieces), tuple(zip(ends[0::2], ends[1::2], strict=False))


def _examples() -> Iterator[tuple[str, str, str, bool]]:
    for query, matching, other in _rows("Examples"):
        for cell, matches in ((matching, True), (other, False)):
            for title, facts in CODE.findall(cell):
                yield query.strip("`"), title, facts, matches


@pytest.mark.parametrize(("query", "title", "facts", "matches"), list(_examples()))
def test_example(query: str, title: str, facts: str, matches: bool) -> None:
    plain, spans = _marked(title)
    hits = RuleSet([(7, parse(query))]).match(_subject(plain, facts))
    assert [(hit.rule_id, hit.spans) for hit in hits] == ([(7, spans)] if matches else [])


def test_there_are_enough_examples() -> None:
    examples = list(_examples())
    assert len({query for query, *_ in examples}) >= 40
    assert sum(matches for *_, matches in examples) >= 50
    assert sum(not matches for *_, matches in examples) >= 50


@pytest.mark.parametrize(("query", "position", "says"), [tuple(row) for row in _rows("Errors")])
def test_error(query: str, position: str, says: str) -> None:
    text = query.strip("`")
    with pytest.raises(QueryError) as caught:
        parse(text, sections=frozenset({"finance", "sports", "tech"}))
    assert caught.value.position == int(position)
    assert says in caught.value.expected
    assert text in str(caught.value)
