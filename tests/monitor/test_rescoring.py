"""Recent entries follow the release that serves: bit by bit, newest first, after a crash too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, cast

import pytest
import sqlalchemy as sa

from monitor import rescoring
from monitor.hints import CATEGORY, SOURCE, Hint
from monitor.hints.trust import Trust, choose
from monitor.model import Classifier
from monitor.rescoring import Rescoring
from monitor.storage import Database, corrections, hints, rescores, stories
from monitor.storage.corrections import Said
from monitor.storage.schema import delivery, entry, story
from monitor.types import Prediction
from tests.monitor.storage.test_hints import World
from tests.monitor.storybooks import NOW, Desk


class Scorer:
    def __init__(self, release: str) -> None:
        self.release = release


class Live:
    """Says ``travel`` of everything; remembers what it was asked."""

    def __init__(self, release: str = "new") -> None:
        self.scorer = Scorer(release)
        self.asked: list[str] = []

    def __call__(self, titles: Sequence[str]) -> list[Prediction]:
        self.asked += titles
        return [Prediction("travel", 0.9, "food", False, self.scorer.release) for _ in titles]

    def step(self, state: Rescoring, database: Database, now: datetime) -> int:
        return state.step(database, cast(Classifier, self), now)


class Renamed(Live):
    """The classifier after a retraining with sections of one's own."""

    NAMES: ClassVar = {"money": "money", "rest": "rest", "finance": "money", "realty": "money"}

    def __init__(self, section: str, probability: float = 0.9) -> None:
        super().__init__("own")
        self.answer = Prediction(section, probability, "rest", probability < 0.5, "own")

    def __call__(self, titles: Sequence[str]) -> list[Prediction]:
        return [self.answer for _ in titles]

    def step(self, state: Rescoring, database: Database, now: datetime) -> int:
        return state.step(database, cast(Classifier, self), now, self.NAMES)


def store(database: Database, count: int, *, age: timedelta = timedelta()) -> None:
    """Entries of one source, one a second, the first ``age`` ago."""
    desk = Desk(database)
    titles = [
        f"{chr(0x4E00 + 97 * n)}{chr(0x4F00 + 61 * n)}镇第{n + 3}届大会" for n in range(count)
    ]
    desk.tell(*[(f"p{at}.cn", title) for at, title in enumerate(titles)])
    with database.write() as connection:
        for number in list(connection.scalars(sa.select(entry.c.id).order_by(entry.c.id))):
            seen = NOW - age - timedelta(seconds=count - number)
            connection.execute(
                sa.update(entry).where(entry.c.id == number).values(first_seen_at=seen)
            )


def scored(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        rows = connection.execute(sa.select(entry.c.release, entry.c.section).order_by(entry.c.id))
        return [(row.release, row.section) for row in rows]


def run(state: Rescoring, live: Live, database: Database, steps: int = 100) -> int:
    """Steps until nothing is left to do."""
    total = 0
    for _ in range(steps):
        total += live.step(state, database, NOW)
        if not state.passes:
            break
    return total


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "LOOK_AT", 5)
    monkeypatch.setattr(rescoring, "WRITE", 3)


@pytest.mark.usefixtures("small_steps")
def test_every_recent_entry_is_scored_again_once_and_newest_first(database: Database) -> None:
    store(database, 23)
    live, state = Live(), Rescoring()
    assert live.step(state, database, NOW) == 3
    assert [row[0] for row in scored(database)[-3:]] == ["new"] * 3
    assert "new" not in {row[0] for row in scored(database)[:-3]}
    run(state, live, database)
    assert set(scored(database)) == {("new", "travel")}
    assert len(live.asked) == 23
    assert live.step(state, database, NOW) == 0


@pytest.mark.usefixtures("small_steps")
def test_a_crash_costs_nothing_that_was_done(database: Database) -> None:
    store(database, 20)
    before = Live()
    state = Rescoring()
    for _ in range(3):
        before.step(state, database, NOW)
    again = Live()
    assert run(Rescoring(), again, database) == 20 - len(before.asked)
    assert not set(before.asked) & set(again.asked)
    assert set(scored(database)) == {("new", "travel")}


@pytest.mark.usefixtures("small_steps")
def test_what_was_being_stored_meanwhile_is_found_too(database: Database) -> None:
    store(database, 12)
    live, state = Live(), Rescoring()
    live.step(state, database, NOW)
    Desk(database).tell(("late.cn", "一批在切换时还没有写完的新闻"))
    run(state, live, database)
    assert set(scored(database)) == {("new", "travel")}


def test_what_is_old_is_left_alone(database: Database) -> None:
    store(database, 3, age=timedelta(days=8))
    live = Live()
    assert run(Rescoring(), live, database) == 0
    assert not live.asked


def test_nothing_is_alerted_and_stories_follow_unless_a_person_spoke(database: Database) -> None:
    store(database, 4)
    with database.write() as connection:
        corrections.store(connection, [Said(2, "x", "games", "", 1)])
        numbers = list(connection.scalars(sa.select(entry.c.story_id).order_by(entry.c.id)))
    assert numbers == [1, 2, 3, 4]
    run(Rescoring(), Live(), database)
    with database.read() as connection:
        assert list(connection.execute(sa.select(delivery.c.id))) == []
        rows = connection.execute(sa.select(story.c.section).order_by(story.c.id))
        assert list(rows.scalars()) == ["travel", "games", "travel", "travel"]


def test_a_title_that_was_edited_meanwhile_keeps_its_new_answer(database: Database) -> None:
    store(database, 1)

    class Slow(Live):
        def __call__(self, titles: Sequence[str]) -> list[Prediction]:
            with database.write() as connection:
                connection.execute(sa.update(entry).values(title="改过的标题", section="food"))
            return super().__call__(titles)

    Slow().step(Rescoring(), database, NOW)
    assert scored(database)[0][1] == "food"


def test_a_correction_moves_its_story_and_taking_it_back_moves_it_home(database: Database) -> None:
    store(database, 2)
    with database.read() as connection:
        home = stories.hottest(connection, NOW - timedelta(days=1), None, 9)[0].section
    with database.write() as connection:
        corrections.store(connection, [Said(1, "x", "games", "", 1)])
    with database.read() as connection:
        found = stories.hottest(connection, NOW - timedelta(days=1), "games", 9)
        assert [each.id for each in found] == [1]
    with database.write() as connection:
        corrections.withdraw(connection, 1)
    with database.read() as connection:
        found = stories.hottest(connection, NOW - timedelta(days=1), home, 9)
        assert {each.id for each in found} == {1, 2}


def test_hints_are_called_as_the_release_that_scores_again_calls_them(database: Database) -> None:
    world = World(database)
    said = Hint(SOURCE, str(world.source), "finance")
    world.add(said, section="finance", count=40)
    assert world.measure() == {(SOURCE, said.key): (40, 40)}
    state, live = Rescoring(), Renamed("money")
    while live.step(state, database, NOW) or state.passes:
        pass
    world.measure()
    with database.read() as connection:
        trust = hints.known(connection).trust
    fresh = said._replace(section="money")
    assert choose(Renamed("rest", 0.3).answer, [fresh], trust) == fresh


def test_an_unsure_entry_shows_no_section_that_is_gone(database: Database) -> None:
    world = World(database)
    world.add(
        Hint(SOURCE, str(world.source), "finance"), section="tech", unsure=True, probability=0.3
    )
    Renamed("rest", 0.3).step(Rescoring(), database, NOW)
    assert world.shown()[1][0] == "money"


def test_hints_are_back_when_a_release_is_rolled_back(database: Database) -> None:
    desk = Desk(database)
    desk.tell(("a.cn", "某市作家凭长篇小说获奖"))
    tag = Hint(CATEGORY, "1:体育", "sports")
    with database.write() as connection:
        connection.execute(sa.update(entry).values(hints=[tag], release="a"))

    def score(release: str, names: set[str]) -> None:
        def work(connection: sa.Connection) -> None:
            found = rescores.recent(connection, NOW - timedelta(days=3650), None, 10)
            said = Prediction("culture", 0.4, "tech", True, release)
            rescores.write(connection, [(r, said) for r in found], Trust(), {n: n for n in names})

        database.run(work)

    score("b", {"culture", "tech"})
    score("a", {"culture", "tech", "sports"})
    with database.read() as connection:
        [kept] = connection.scalars(sa.select(entry.c.hints)).all()
    assert [Hint(*each) for each in kept] == [tag]
