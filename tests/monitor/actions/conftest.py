"""A small labelled world of three sections, and an installation that knows no more."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import sqlalchemy as sa

from classifiers.corpus import load, position
from classifiers.registry import Registry
from classifiers.train import STARTER, train
from monitor.actions.retraining import HELD_OUT
from monitor.config import Settings
from monitor.service import utc_now
from monitor.storage import Database, sources
from monitor.storage.schema import correction
from monitor.storage.sources import NewSource

WORDS = {
    "sports": ["足球", "篮球", "进球", "联赛", "冠军", "教练", "球队", "夺冠"],
    "finance": ["股市", "银行", "基金", "利率", "降息", "央行", "涨停", "债券"],
    "food": ["食谱", "红烧", "火锅", "面条", "厨师", "烘焙", "蛋糕", "早餐"],
}
Row = tuple[str, str]


def titles(count: int, seed: int) -> list[Row]:
    """``(title, section)``: two words of the section and a number."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        section = rng.choice(sorted(WORDS))
        words = rng.sample(WORDS[section], 2)
        made.append((f"{words[0]}今日{words[1]}第{seed}{number}期", section))
    return made


def write_corpus(path: Path, rows: Iterable[Row]) -> str:
    """The SPEC of a file that holds ``rows``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"title": title, "label": label}) for title, label in rows)
    path.write_text("\n".join(lines))
    return f"jsonl:{path}"


def swapped(rows: Iterable[Row]) -> list[Row]:
    """The same titles with wrong sections, but for those that are never learnt."""
    wrong = {"sports": "finance", "finance": "food", "food": "sports"}
    return [(t, s if position(t) < HELD_OUT else wrong[s]) for t, s in rows]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A corpus that stands for the project's own data."""
    folder = tmp_path_factory.mktemp("base")
    for kind, seed in (("headlines", 1), ("terms", 2)):
        (folder / kind).mkdir()
        rows = titles(240, seed)
        for section in WORDS:
            own = [title for title, label in rows if label == section]
            lines = [f"## part {at % 6}\n{title}" for at, title in enumerate(own)]
            (folder / kind / f"{section}.zh.txt").write_text("\n".join(lines), encoding="utf-8")
    return f"builtin:{folder}"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(tmp_path / "data", database_url)


@pytest.fixture
def lite(tmp_path: Path, sqlite_url: str, base: str) -> Settings:
    """An installation on SQLite whose live release has learnt ``base`` and nothing else."""
    found = Settings(tmp_path / "data", sqlite_url)
    written = tmp_path / "release"
    train(load(base, "sections"), STARTER).write(written)
    registry = Registry(found.data / "models")
    registry.promote(registry.add(written))
    return found


Say = Callable[[Settings, Iterable[Row]], None]


@pytest.fixture
def say() -> Say:
    """Store corrections, as a person's word on entries that are gone by now."""

    def store(settings: Settings, rows: Iterable[Row]) -> None:
        database = Database(settings.database)
        with database.write() as connection:
            last = connection.execute(sa.select(sa.func.max(correction.c.entry_id))).scalar() or 0
            made = [
                {
                    "entry_id": last + number,
                    "title": title,
                    "section": section,
                    "predicted": "food",
                    "corrected_at": utc_now(),
                }
                for number, (title, section) in enumerate(rows, start=1)
            ]
            connection.execute(sa.insert(correction), made)
        database.close()

    return store


@pytest.fixture
def declare() -> Say:
    """Store entries of a source that declares their section."""
    from monitor.storage import entries

    def store(settings: Settings, rows: Iterable[Row]) -> None:
        database = Database(settings.database)
        now = utc_now()
        with database.write() as connection:
            sources.add_many(connection, [NewSource("https://declared.example/")], now)
            (found,) = sources.list_all(connection)
            rows = list(rows)
            first = entries.allocate(connection, len(rows))
            made = [
                {
                    "id": first + at, "source_id": found["id"], "title": title, "title_cut": False,
                    "url": "", "guid": None, "author": None, "summary": "", "categories": [],
                    "rank": None, "language": "zh", "section_hint": section, "published_at": None,
                    "first_seen_at": now, "section": "food", "probability": 0.5,
                    "runner_up": "sports", "unsure": True, "release": "x",
                }
                for at, (title, section) in enumerate(rows)
            ]  # fmt: skip
            connection.execute(sa.insert(entries.entry), made)
        database.close()

    return store
