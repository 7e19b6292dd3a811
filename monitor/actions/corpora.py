"""What this installation's own database teaches: ``database:`` as a corpus.

``database:`` is the database of the settings; ``database:FILE`` a SQLite file,
``database:postgresql://…`` another server. It yields every correction, then the entries
whose source declares a section and that nobody corrected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from classifiers import corpus
from classifiers.errors import CorpusError
from classifiers.examples import Example
from monitor.actions.opening import opened
from monitor.config import Settings
from monitor.errors import StorageError
from monitor.storage import Database, corrections, migrate

FORMAT = "database"
DECLARED_LIMIT = 200_000


def register_database(settings: Settings) -> None:
    """Make ``database:…`` a SPEC; without a path it means the database of ``settings``."""

    def read(path: str) -> Iterator[Example]:
        try:
            with _database(settings, path) as database:
                yield from stored(database, "corrections")
                yield from stored(database, "feeds")
        except StorageError as error:
            raise CorpusError(str(error), f"{FORMAT}:{path}") from error

    corpus.register(FORMAT, read)


@contextmanager
def _database(settings: Settings, path: str) -> Iterator[Database]:
    if not path:
        with opened(settings) as database:
            yield database
        return
    if "://" not in path and not Path(path).is_file():
        raise CorpusError("no such file", f"{FORMAT}:{path}")
    database = Database(path if "://" in path else f"sqlite:///{path}")
    try:
        migrate.check(database)
        yield database
    finally:
        database.close()


def stored(database: Database, kind: Literal["corrections", "feeds"]) -> list[Example]:
    """Corrections, oldest first, or entries whose source declares a section and that nobody
    corrected, newest first."""
    with database.read() as connection:
        if kind == "corrections":
            rows = [(each.title, each.section) for each in corrections.examples(connection)]
        else:
            found = corrections.declared(connection, DECLARED_LIMIT)
            rows = [(each.title, each.declared) for each in found if each.corrected is None]
    return [
        Example(title, section, origin=f"{FORMAT}/{kind}/row:{number}")
        for number, (title, section) in enumerate(rows, start=1)
    ]
