"""Real pages by hand-made labels, and real hot lists."""

from __future__ import annotations

import json

import pytest

from monitor.sources import hotlist, page
from tests.benchmarks.pagelabels import LABELS, Page, Score, read, score
from tests.benchmarks.pages import by_adapter, guessed, known
from tests.benchmarks.parse import shared

REAL = shared() / "real"
pytestmark = pytest.mark.real


@pytest.fixture(scope="module", autouse=True)
def _shared() -> None:
    if not REAL.is_dir():
        pytest.fail(
            f"{REAL} is missing: put the shared folder beside the clone or set HEADLINES_SHARED"
        )


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    return list(read(LABELS, REAL / "html"))


def test_adapters_take_the_headlines_of_their_portals_and_hardly_anything_else(
    pages: list[Page],
) -> None:
    total = Score()
    portals = [each for each in pages if known(each)]
    assert len({each.name.split("/")[0] for each in portals}) >= 20
    for each in portals:
        total.add(score(each, by_adapter(each)))
    assert total.precision >= 0.97
    assert total.recall >= 0.95


@pytest.mark.parametrize("is_known", [False, True])
def test_guessing_takes_most_headlines_of_a_page_that_no_adapter_is_asked_of(
    pages: list[Page], is_known: bool
) -> None:
    total = Score()
    for each in pages:
        if known(each) is is_known:
            total.add(score(each, guessed(each)))
    assert total.precision >= 0.85
    assert total.recall >= 0.85


def test_hostile_25_a_page_cut_anywhere_is_still_a_page(pages: list[Page]) -> None:
    for each in pages[::6]:
        for share in (3, 7, 11, 15):
            cut = each.body[: len(each.body) * share // 16]
            page.parse(cut, url=each.url)


def test_every_real_hot_list_is_read_with_its_ranks_or_is_empty() -> None:
    lists = sorted((REAL / "hotlists").rglob("*.json"))
    assert len(lists) >= 100
    for path in lists:
        body = path.read_bytes()
        if json.loads(body) == []:
            continue
        found = hotlist.parse(body, url="https://list.example/api").entries
        assert found, path
        assert [entry.rank for entry in found] == sorted(entry.rank or 0 for entry in found), path
