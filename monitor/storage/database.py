"""One database: SQLite by default, PostgreSQL by URL.

SQLite runs in WAL mode with foreign keys on and ``synchronous = FULL``: a commit
survives a power cut, which costs one fsync. Polls and deliveries are written in
batches, so there are few commits to pay for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from monitor.errors import StorageError, Unstorable
from monitor.rules.preimage import holds_foreign
from monitor.storage.turns import Turns
from monitor.telemetry import logger

Result = TypeVar("Result")
log = logger("storage")
BUSY_TIMEOUT_S = 30.0
RETRIES = 5
RETRY_WAIT_S = 0.2
WORTH_A_WORD_S = 5.0  # a process that was stopped amid a write holds up all others


class Database:
    """Opens connections and runs transactions; the queries live in the modules beside it."""

    def __init__(self, url: str) -> None:
        self.url = normalise_url(url)
        self.engine = make_engine(self.url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._turns = Turns()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A snapshot to read from. Raises StorageError when the database is out of reach."""
        with wrapped_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or leaves nothing behind."""
        turn = self._turns.turn() if self.is_sqlite else nullcontext()
        with wrapped_errors(), turn, self.engine.connect() as connection:
            # A SQLite reader that turns writer can be refused at once; asking first waits its turn.
            connection = connection.execution_options(writes=True)  # noqa: PLW2901
            with connection.begin():
                yield connection

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """``work`` in one transaction, tried again when the database was busy or restarting."""
        return self._try(self.write, work)

    def look(self, work: Callable[[Connection], Result]) -> Result:
        """``work`` on a snapshot, tried again like ``run``."""
        return self._try(self.read, work)

    def _try(
        self,
        opened: Callable[[], AbstractContextManager[Connection]],
        work: Callable[[Connection], Result],
    ) -> Result:
        for attempt in range(RETRIES):
            started_s = time.monotonic()
            try:
                with opened() as connection:
                    return work(connection)
            except StorageError as error:
                if attempt == RETRIES - 1 or not is_transient(error.__cause__):
                    raise
                waited_s = time.monotonic() - started_s
                if waited_s >= WORTH_A_WORD_S:
                    log.warning("%.0f s of waiting, and it is tried again: %s", waited_s, error)
                time.sleep(RETRY_WAIT_S * 2**attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def normalise_url(url: str) -> str:
    """The URL with the driver that this package installs."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def make_engine(url: str) -> Engine:
    """An engine with the settings that the module's docstring explains."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # what they say may hold a password
        raise StorageError(
            "database: its address cannot be read; "
            "write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sa.create_engine(
        parsed, pool_pre_ping=True, pool_size=4, connect_args={"connect_timeout": 10}
    )


def _prepare_sqlite(connection: object, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # we write BEGIN ourselves
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # GLOB with many ranges takes ten times as long.
    connection.create_function("holds_foreign", 1, holds_foreign, deterministic=True)  # type: ignore[attr-defined]


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def wrapped_errors() -> Iterator[None]:
    """SQLAlchemy's errors as StorageError, with a sentence that says what to do."""
    try:
        yield
    except sa.exc.DataError as error:
        raise Unstorable(describe(error)) from error
    except sa.exc.SQLAlchemyError as error:
        raise StorageError(describe(error)) from error
    except (UnicodeEncodeError, OverflowError) as error:  # the drivers' own
        raise Unstorable(f"database: {error}") from error


def describe(error: sa.exc.SQLAlchemyError) -> str:
    """One sentence for the user."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    lowered = cause.lower()
    if "locked" in lowered:
        return f"database: {cause}; another program holds it, try again when that has ended"
    if "readonly" in lowered or "unable to open" in lowered:
        return f"database: {cause}; its file and folder must be this user's to write, see --data"
    if "disk" in lowered and "full" in lowered:
        return f"database: {cause}; free some disk space"
    if "no such table" in lowered or "does not exist" in lowered:
        return f"database: {cause}; run 'headlines doctor'"
    return f"database: {cause}"


def is_transient(error: BaseException | None) -> bool:
    """Whether trying again can help: busy, restarting, a deadlock, a dropped connection."""
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, sa.exc.OperationalError) and "full" not in str(error.orig).lower()
