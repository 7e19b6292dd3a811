"""Hints in the database: measured by corrections and sure answers, and shown by that."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa

from classifiers.taxonomy import read_taxonomy
from monitor import trustbook
from monitor.actions.lessons import hinted_of
from monitor.hints import CATEGORY, SOURCE, URL, Hint
from monitor.model import Classifier
from monitor.rescoring import Rescoring
from monitor.storage import Database, entries, hints, sources
from monitor.storage.entries import Filter, NewEntry
from monitor.storage.hints import Measured
from monitor.storage.schema import correction, entry, microseconds
from monitor.storage.sources import NewSource
from monitor.trustbook import TrustBook
from monitor.types import Prediction

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PAGE = Hint(URL, "portal.example/sports/", "sports")


class World:
    """A database with one source, to which entries are added and corrected."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as connection:
            sources.add_many(connection, [NewSource("https://portal.example/rss")], NOW)
            self.source = sources.list_all(connection)[0]["id"]
        self.last = 0

    def add(
        self,
        *found: Hint,
        section: str = "sports",
        unsure: bool = False,
        probability: float = 0.9,
        count: int = 1,
        age: timedelta = timedelta(0),
        declared: str | None = None,
        legacy: bool = False,
    ) -> list[int]:
        numbers = list(range(self.last + 1, self.last + count + 1))
        self.last += count
        rows = [
            NewEntry(
                number, self.source, f"title {number}", False, "", None, None, "", "[]", None,
                "en", declared, None, microseconds(NOW - age), section, probability, "world",
                unsure, "release", None, None if legacy else json.dumps(found),
            )
            for number in numbers
        ]  # fmt: skip
        self.database.run(lambda connection: entries.insert_many(connection, rows, []))
        return numbers

    def correct(self, numbers: list[int], section: str) -> None:
        rows = [
            {"entry_id": number, "title": "t", "section": section, "predicted": "world",
             "corrected_at": NOW}
            for number in numbers
        ]  # fmt: skip
        self.database.run(lambda connection: connection.execute(sa.insert(correction), rows))

    def measure(self) -> dict[tuple[str, str], tuple[int, int]]:
        found = trustbook.measure(self.database, NOW)
        return {(row.kind, row.key): (row.said, row.agreed) for row in found.rows}

    def shown(self) -> dict[int, tuple[str, str, bool]]:
        with self.database.read() as connection:
            rows = entries.list_shown(connection, Filter(limit=1_000))
        return {row["id"]: (row["shown"], row["section_by"], row["shown_unsure"]) for row in rows}


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_sure_answers_and_corrections_judge_and_a_correction_counts_five(world: World) -> None:
    world.add(PAGE, count=6)
    world.add(PAGE, section="finance", count=2)
    world.add(PAGE, unsure=True, count=50)
    world.correct(world.add(PAGE, section="finance"), "sports")
    world.correct(world.add(PAGE, unsure=True), "food")
    assert world.measure() == {(URL, PAGE.key): (6 + 2 + 5 + 5, 6 + 5)}
    again = world.measure()
    assert again == {(URL, PAGE.key): (18, 11)}
    with world.database.read() as connection:
        stored = hints.known(connection)
    assert stored.measured_at == NOW
    assert stored.rows == (Measured(URL, PAGE.key, world.source, "sports", 18, 11),)


def test_what_is_old_is_not_measured(world: World) -> None:
    world.add(PAGE, age=hints.MEASURED_FOR + timedelta(days=1))
    assert world.measure() == {}


def test_entries_from_before_hints_count_by_what_their_source_declared(world: World) -> None:
    (sure,) = world.add(declared="sports", legacy=True)
    (doubt,) = world.add(declared="finance", unsure=True, legacy=True)
    (none,) = world.add(unsure=True, legacy=True)
    assert world.measure() == {(SOURCE, str(world.source)): (1, 1)}
    assert world.shown() == {
        sure: ("sports", "model", False),
        doubt: ("finance", "source", False),
        none: ("sports", "model", True),
    }


def test_recent_entries_are_shown_by_what_was_measured_and_never_against_a_person(
    world: World,
) -> None:
    tag = Hint(CATEGORY, f"{world.source}:体育", "sports")
    old = world.add(tag, section="food", unsure=True, age=hints.REDECIDED_FOR + timedelta(hours=1))
    doubt = world.add(tag, section="food", unsure=True, probability=0.4)
    said = world.add(tag, section="food", unsure=True, probability=0.4)
    world.correct(said, "travel")
    assert {each[1] for number, each in world.shown().items() if number not in said} == {"model"}
    world.add(tag, section="sports", count=40)
    world.measure()
    shown = world.shown()
    assert shown[doubt[0]] == ("sports", CATEGORY, False)
    assert shown[said[0]] == ("travel", "person", False)
    assert shown[old[0]] == ("food", "model", True)
    world.add(tag, section="finance", count=400)
    world.measure()
    assert world.shown()[doubt[0]] == ("food", "model", True)


def test_listing_a_section_lists_what_is_shown(world: World) -> None:
    (number,) = world.add(PAGE, section="food", unsure=True)
    world.add(PAGE, count=30)
    world.measure()
    with world.database.read() as connection:
        for section, expected in (("food", []), ("unsure", [])):
            rows = entries.list_shown(connection, Filter(section=section))
            assert [row["id"] for row in rows] == expected
        rows = entries.list_shown(connection, Filter(section="sports", limit=100))
    assert number in {row["id"] for row in rows}


def test_what_hints_teach_comes_with_its_trust(world: World) -> None:
    tag = Hint(CATEGORY, f"{world.source}:财经", "finance")
    world.add(PAGE, tag, count=2)
    world.add(count=3)
    world.add(PAGE, declared="tech")
    world.correct(world.add(PAGE), "sports")
    known = trustbook.measure(world.database, NOW)
    with world.database.read() as connection:
        found = list(hints.taught(connection, known.trust, 10))
        assert len(list(hints.taught(connection, known.trust, 1))) == 1
    assert [each.section for each in found] == ["sports", "sports"]
    assert found[1].trust == pytest.approx(known.trust.of(PAGE))


def test_trust_is_read_again_when_it_was_measured_again(world: World) -> None:
    book = TrustBook()
    before = world.database.look(lambda connection: book.trust(connection, NOW)).of(PAGE)
    world.add(PAGE, count=50)
    trustbook.measure_if_due(world.database, NOW)
    soon = world.database.look(lambda connection: book.trust(connection, NOW)).of(PAGE)
    later = NOW + trustbook.READ_AGAIN_AFTER
    after = world.database.look(lambda connection: book.trust(connection, later)).of(PAGE)
    assert before == soon < after


def test_it_is_measured_once_an_hour(world: World) -> None:
    trustbook.measure_if_due(world.database, NOW)
    world.add(PAGE)
    for age, rows in ((timedelta(minutes=59), 0), (timedelta(hours=1), 1)):
        trustbook.measure_if_due(world.database, NOW + age)
        with world.database.read() as connection:
            assert len(hints.known(connection).rows) == rows


def test_two_that_measure_at_once_end_with_one_measurement(world: World) -> None:
    world.add(PAGE, count=50)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: trustbook.measure(world.database, NOW), range(12)))
    assert len(world.database.look(hints.known).rows) == 1


def test_thousands_of_entries_are_shown_anew_in_parts(world: World) -> None:
    tag = Hint(CATEGORY, f"{world.source}:体育", "sports")
    world.add(tag, section="food", unsure=True, probability=0.4, count=2_500)
    world.add(tag, section="sports", count=40)
    world.measure()
    with world.database.read() as connection:
        shown = sa.select(sa.func.count()).where(entry.c.hinted == "sports", entry.c.unsure)
        assert connection.execute(shown).scalar() == 2_500


def test_what_another_release_says_is_weighed_against_the_hints_anew(world: World) -> None:
    class Live:
        """Is sure of food, under another release."""

        scorer = SimpleNamespace(release="new")

        def __call__(self, titles: list[str]) -> list[Prediction]:
            return [Prediction("food", 0.6, "tech", False, "new") for _ in titles]

    (number,) = world.add(PAGE, section="food", unsure=True)
    (weak,) = world.add(Hint(URL, "new.example", "sports"), section="tech", unsure=True)
    world.add(PAGE, count=60)
    world.measure()
    assert world.shown()[number] == ("sports", URL, False)
    assert world.shown()[weak] == ("sports", URL, False)
    state = Rescoring()
    while state.passes:
        state.step(world.database, cast(Classifier, Live()), NOW)
    assert world.shown()[number] == ("sports", URL, False)
    trust = world.database.look(hints.known).trust
    assert trust.of(Hint(URL, "new.example", "sports")) > 0.6
    world.correct(world.add(Hint(URL, "new.example", "sports"), count=20), "food")
    world.measure()
    assert world.shown()[weak] == ("food", "model", False)


def test_a_retraining_learns_trusted_hints_of_sources_that_declare_nothing(world: World) -> None:
    world.add(PAGE, count=30)
    bad = Hint(URL, "bad.example", "food")
    world.add(bad, count=30)
    world.add(PAGE, declared="tech")
    world.measure()
    found = hinted_of(world.database, read_taxonomy())
    assert len(found) == 30
    assert {each.label for each in found} == {"sports"}
    assert all(0.8 < each.weight < 1 and each.at == NOW.timestamp() for each in found)
