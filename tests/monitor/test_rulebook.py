"""The compiled rules follow the stored ones and the user's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from classifiers.segment import use_words
from monitor.rulebook import Rules
from monitor.rules.matcher import Subject
from monitor.storage import Database, rules

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def words(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "words.txt"
    path.write_text("苹果手机\n", encoding="utf-8")
    use_words(path)
    yield path
    use_words(None)


def test_a_users_words_cover_keywords_and_are_read_again(database: Database, words: Path) -> None:
    database.run(lambda connection: rules.add(connection, "fruit", "苹果", (), NOW))
    book = Rules()

    def hits(title: str) -> int:
        return len(database.look(book.book).matcher.match(Subject(title)))

    assert (hits("苹果手机降价"), hits("苹果丰收")) == (0, 1)
    words.write_text("苹果丰收 100\n# none else\n", encoding="utf-8")
    assert (hits("苹果手机降价"), hits("苹果丰收")) == (1, 0)
    words.unlink()
    assert (hits("苹果手机降价"), hits("苹果丰收")) == (1, 0)


def test_an_unchanged_book_is_not_compiled_again(database: Database, words: Path) -> None:
    book = Rules()
    first = database.look(book.book)
    assert database.look(book.book) is first
    database.run(lambda connection: rules.add(connection, "fruit", "苹果", (), NOW))
    assert database.look(book.book) is not first


def test_a_book_follows_every_change(database: Database) -> None:
    book = Rules()

    def hits(title: str) -> set[str]:
        held = database.look(book.book)
        return {held.rules[hit.rule_id].name for hit in held.matcher.match(Subject(title))}

    def add(name: str, query: str) -> None:
        database.run(lambda connection: rules.add(connection, name, query, (), NOW))

    def change(**fields: Any) -> None:
        def work(connection: Connection) -> None:
            rules.change(connection, replace(rules.get(connection, "fruit"), **fields), NOW)

        database.run(work)

    assert hits("苹果手机") == set()
    add("fruit", "苹果")
    assert hits("苹果手机") == {"fruit"}
    add("phones", "苹果手机")
    assert hits("苹果手机") == {"phones"}
    change(query="sub:苹果")
    assert hits("苹果手机") == {"fruit", "phones"}
    change(enabled=False)
    assert hits("苹果手机") == {"phones"}
    change(query="苹果", enabled=True)
    database.run(lambda connection: rules.remove(connection, "phones"))
    assert hits("苹果手机") == {"fruit"}
    for at in range(40):
        add(f"many {at}", f"手机 OR 词{at}")
    assert len(hits("手机")) == 40
