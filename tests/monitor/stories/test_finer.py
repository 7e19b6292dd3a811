"""What the second stage of the score sees of two titles."""

from __future__ import annotations

import pytest

from monitor.stories import compare, finer, tense, trees


def seen(one: str, other: str) -> dict[str, float]:
    pair = compare.paired(one, other)
    return finer.features(pair.a, pair.b, pair.told_a, pair.told_b)


@pytest.mark.parametrize(
    ("one", "other", "feature", "value"),
    [
        ("Mayor visits flooded school", "Mayor visits flooded school?", "asks", 1.0),
        ("城北一工厂起火 3人受伤", "城北一工厂起火 5人受伤", "differ_toll", 1.0),
        ("城北一工厂起火 3人受伤", "城北一工厂起火 3人受伤", "differ_toll", 0.0),
        ("Profit rises 5% at Nimbra", "Profit rises 7% at Nimbra", "differ_percent", 1.0),
        ("Mayor visits school", "Mayor leaves school", "deeds_both", 0.0),
        ("某厂净利润下滑", "某厂净利润下滑，高管辞职", "clause_least", 0.0),
        ("某厂净利润下滑", "某厂净利润下滑，高管辞职", "clause_most", 1.0),
        ("King to visit Harlow", "King visits Harlow", "hopes", 1.0),
    ],
)
def test_what_is_seen(one: str, other: str, feature: str, value: float) -> None:
    assert seen(one, other)[feature] == value


def test_a_thousand_is_one_clause() -> None:
    pair = compare.paired("City plans 1,200 homes, mayor says", "City plans 1,200 homes")
    assert [len(each.clauses) for each in (pair.a, pair.b)] in ([1, 2], [2, 1])


def test_words_speak_against_as_they_are_weighed() -> None:
    assert finer.weighed(frozenset({"a", "b", "c"}), {"a": 1.0, "b": -0.5}) == {
        "alone": 0.5,
        "alone_most": 1.0,
        "alone_least": -0.5,
    }


def test_a_later_turn_that_one_title_alone_tells_is_seen() -> None:
    pair = compare.paired("Tenor Ferri starts work in Harlow", "Tenor Ferri sings in Harlow")
    assert compare.features(pair)["sequel"] == 1
    same = compare.paired("Tenor Ferri starts work in Harlow", "Ferri, tenor, starts work")
    assert compare.features(same)["sequel"] == 0


def test_the_trees_know_every_feature_that_they_ask_for() -> None:
    pair = compare.paired("King to visit Harlow", "King visits Harlow")
    found = compare.finer_features(pair, compare.features(pair), 0.0)
    assert set(trees.forest().names) == found.keys()


@pytest.mark.parametrize(
    ("text", "hopes"),
    [("king to visit harlow", True), ("king flies to the north", False), ("国王将访问北境", True)],
)
def test_what_looks_ahead(text: str, hopes: bool) -> None:
    assert tense.hopes(text) is hopes
