"""Queries that can never match, and that match everything: what is said of them is so."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.language import parse
from monitor.rules.lint import ALWAYS, DEAD, NEVER, World, lint
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.tree import Query
from tests.monitor.rules.queries import queries, subjects

WORLD = World(
    [Subject("", source="BBC News", source_url="https://bbc.example/", labels=("world",))],
    ("source-silent", "disk-full"),
)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a NOT a", [NEVER]),
        ("a AND NOT (a OR b)", [NEVER]),
        ("苹果手机 NOT 苹果", [NEVER]),
        ('"rate cut" -rate', [NEVER]),
        ("sub:苹果 -sub:果", [NEVER]),
        ("^快讯 ^突发", [NEVER]),
        ("^快讯 ^快", []),
        ("快讯$ 突发$", [NEVER]),
        ("NEAR/3(a, b) -a", [NEVER]),
        ("section:tech section:finance", [NEVER]),
        ("section:tech>=0.7 section:tech<0.5", [NEVER]),
        ("section:tech section:unsure", [NEVER]),
        ("section:tech>0.3 section:unsure", []),
        ("rank:<1", [NEVER]),
        ("rank:>10 rank:<11", [NEVER]),
        ("age:>2h age:<2h", [NEVER]),
        ("age:<0s", [NEVER]),
        ("portals:>=3 portals:1", [NEVER]),
        ("burst:yes burst:no", [NEVER]),
        ("is:first NOT is:first", [NEVER]),
        ("event:source-gone", [NEVER]),
        ("event:source-* section:tech", [NEVER]),
        ("source:nobody", [NEVER]),
        ("source:bbc* label:world", []),
        ("x" * 1_001, [NEVER]),
        ("a OR NOT a", [ALWAYS]),
        ("/x*/", [ALWAYS]),
        ("/^.{0,60}$/", []),
        ("NOT /^.{0,10}$/", []),
        ("苹果 -/^.{0,8}$/", []),
        ("NOT /^[^A-Z]*$/", []),
        (r"NOT /\b|x/", []),
        ("portals:>=1", [ALWAYS]),
        ("NOT (a b) OR a", [ALWAYS]),
        ("burst:yes OR burst:no", [ALWAYS]),
        ("b OR (a NOT a) OR (section:tech section:finance)", [DEAD, DEAD]),
        ("c (b OR (a -a))", [DEAD]),
        ("NOT 广告", []),
        ("苹果 -果农", []),
        ("AIR -AI", []),
        ("exact:AI -ai", [NEVER]),
        ("ai -exact:AI", []),
        ("section:tech>=0.5 -section:finance", []),
        ("event:disk-full", []),
        ("rank:1..3 -rank:2", []),
    ],
)
def test_what_is_remarked(text: str, kinds: list[str]) -> None:
    assert [finding.kind for finding in lint(parse(text), WORLD)] == kinds


@given(queries, st.lists(subjects, min_size=1, max_size=5))
def test_what_it_says_is_so(query: Query, given: list[Subject]) -> None:
    kinds = {finding.kind for finding in lint(query)}
    rule_set = RuleSet([(1, query)])
    of_events = "event:" in str(query)
    asked = [each for each in given if (each.event is not None) == of_events]
    if of_events:  # which belong to no story
        asked = [replace(each, portals=1, hot=0.0, burst=0.0, is_first=True) for each in asked]
    hits = [bool(rule_set.match(each)) for each in asked]
    assert not (NEVER in kinds and any(hits))
    assert not (ALWAYS in kinds and not all(hits))


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"(a{at} OR b{at})" for at in range(400)) + " a0 -b1",
        " OR ".join(f"a{at}" for at in range(1_000)),
        " ".join(f"a{at} -b{at}" for at in range(400)),
        " ".join(f"section:s{at}>0.{at:03}" for at in range(300)),
        "(" * 60 + "a" + ")" * 60,
    ],
)
def test_large_queries_are_looked_at_in_bounded_time(text: str) -> None:
    started = time.perf_counter()
    lint(parse(text), WORLD)
    assert time.perf_counter() - started < 60
