"""The schema comes up, goes down, and survives being killed in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from monitor.errors import MigrationNeeded
from monitor.storage import Database, entries, lists, migrate, sources
from monitor.storage.schema import metadata
from monitor.storage.sources import NewSource

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_migrations_make_the_schema_that_the_code_knows(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert migrate.version(database) == migrate.HEAD


def test_down_leaves_nothing_and_up_works_again(database: Database) -> None:
    migrate.downgrade(database, "base")
    with database.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    migrate.ensure(database)
    assert migrate.version(database) == migrate.HEAD


def test_a_newer_database_is_refused_with_a_way_out(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MigrationNeeded, match="newer"):
        migrate.ensure(database)
    with pytest.raises(MigrationNeeded, match="9999"):
        migrate.check(database)


KILLER = """
import os, signal, sys
import sqlalchemy as sa
from monitor.storage import Database, entries, migrate

wanted = int(sys.argv[2])
database = Database(sys.argv[1])
seen = 0

@sa.event.listens_for(database.engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    global seen
    if statement.lstrip().upper().startswith(("CREATE", "INSERT", "DROP")):
        seen += 1
        if seen == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

migrate.ensure(database)
print("done")
"""


@pytest.mark.parametrize("statement", [1, 2, 7, 13, 17, 20, 23, 25])
def test_hostile_04_a_migration_killed_halfway_runs_again(
    database: Database, statement: int
) -> None:
    migrate.downgrade(database, "base")
    killed = subprocess.run(
        [sys.executable, "-c", KILLER, database.url, str(statement)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert migrate.version(database) is None
    migrate.ensure(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_what_entries_are_known_by_outlives_its_new_order(database: Database) -> None:
    migrate.downgrade(database, "0005")
    rows = [{"key": 9 - n, "source": n % 3, "entry": n, "hash": n, "at": n} for n in range(9)]
    names = "key, source_id, entry_id, title_hash, seen_at"
    with database.write() as connection:
        into = f"INSERT INTO seen ({names}) VALUES (:key, :source, :entry, :hash, :at)"
        connection.execute(sa.text(into), rows)
    migrate.ensure(database)
    with database.read() as connection:
        found = entries.known(connection, {row["key"]: row["source"] for row in rows})
    assert {key: known.entry_id for key, known in found.items()} == {
        row["key"]: row["entry"] for row in rows
    }
    migrate.downgrade(database, "0005")
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM seen")).scalar() == 9


def test_what_documents_said_moves_to_the_imported_list(database: Database) -> None:
    folder = [["text", "F"], ["color", "red"]]
    frame = [[["xmlns:q", "u"]], [["title", [], "T", []]], []]
    kept = {
        "html_url": "https://h/",
        "attributes": {"k": "v"},
        "places": [[["F"], [folder], []], [["G"], [], [["xmlUrl", "https://a/"]]]],
        "frames": [frame],
    }
    with database.write() as connection:
        new = [NewSource("https://a/", name="a", options={"opml": kept, "render": True})]
        sources.add_many(connection, [*new, NewSource("https://b/")], NOW)
    migrate.downgrade(database, "0010")
    migrate.ensure(database)
    with database.read() as connection:
        options = [row["options"] for row in sources.list_all(connection)]
        body, refused = lists.read(connection)
    assert (options, refused) == ([{"render": True}, {}], frozenset())
    name, attributes, _, (head, outlines) = json.loads(zlib.decompress(body))
    assert (name, attributes) == ("opml", [["version", "2.0"], ["xmlns:q", "u"]])
    assert head == ["head", [], "", [["title", [], "T", []]]]
    first, second = outlines[3]
    assert first[:2] == ["outline", folder]
    assert dict(first[3][0][1]) == {
        "type": "rss", "text": "a", "title": "a", "k": "v", "xmlUrl": "https://a/",
        "htmlUrl": "https://h/",
    }  # fmt: skip
    assert second == [
        "outline", [["text", "G"]], "", [["outline", [["xmlUrl", "https://a/"]], "", []]]
    ]  # fmt: skip
