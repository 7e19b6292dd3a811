"""How far a source's own word on sections is believed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from classifiers.taxonomy import read_taxonomy
from monitor.actions.lessons import agreement_of
from monitor.storage.corrections import Declared

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def rows(
    count: int, *, said: str = "food", unsure: bool = False, corrected: str = ""
) -> list[Declared]:
    return [
        Declared(f"标题{n}", "food", 1, said, unsure, corrected or None, NOW, None, "S")
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("found", "low", "high"),
    [
        (rows(10, unsure=True), 0.8, 0.8),  # nothing known
        (rows(300), 0.99, 1.0),  # the model agrees
        (rows(300, said="sports"), 0.0, 0.0),  # and never
        (rows(300, said="sports") + rows(40, corrected="food"), 0.6, 0.8),  # but people do
        (rows(20) + rows(20, corrected="sports"), 0.0, 0.0),  # people do not
        (rows(100) + rows(100, said="sports"), 0.45, 0.6),
    ],
)
def test_a_source_weighs_as_much_as_it_is_right(
    found: list[Declared], low: float, high: float
) -> None:
    known = agreement_of(found, read_taxonomy())
    assert low <= known.weight <= high
    assert known.titles == len(found)
