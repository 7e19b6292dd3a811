"""Every target of the fuzzer reads its seeds, and sees what it is there to see."""

from __future__ import annotations

import pytest

from monitor.types import ParsedEntry, ParsedFeed
from tests.fuzz import targets
from tests.fuzz.targets import TARGETS, Target, Unfit, within_budget


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_passes(name: str) -> None:
    target = TARGETS[name]
    assert target.seeds
    for body in (b"", *target.seeds):
        assert len(body) <= target.largest
        within_budget(target, body)


@pytest.mark.parametrize(
    "entry",
    [
        ParsedEntry("a\tb"),
        ParsedEntry("e\u0301"),
        ParsedEntry("a" * 1_001),
        ParsedEntry("a", "/b"),
        ParsedEntry("a", guid="\0"),
        ParsedEntry("a", rank=0),
        ParsedEntry("a", rank=2**31),
        ParsedEntry("a", heat=2**63),
    ],
)
def test_a_result_that_breaks_the_contract_is_seen(entry: ParsedEntry) -> None:
    with pytest.raises(Unfit):
        targets.check_feed(ParsedFeed("rss20", (entry,)))


def test_an_input_that_takes_too_long_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "BUDGET_S", -1.0)
    with pytest.raises(Unfit, match="took"):
        within_budget(Target(lambda body: None, ()), b"")
