"""The database and the model as commands open them: closed at the end, errors as sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.exc import SQLAlchemyError

from classifiers.taxonomy import Taxonomy, read_taxonomy
from monitor.addresses import Allowed, check_url
from monitor.config import Settings
from monitor.errors import FetchError, NotFound, StorageError, UsageError
from monitor.model import Classifier
from monitor.options import nearest
from monitor.rules.values import Sections
from monitor.service import open_database
from monitor.storage import Database, sources

LARGEST_ID = 2**63 - 1


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database at the right version, closed at the end.

    Raises StorageError when the folder, the address or the server cannot be used.
    """
    try:
        database = open_database(settings)
    except OSError as error:
        raise StorageError(
            f"the data folder {settings.data} cannot be used ({error.strerror}); "
            "choose one with --data, or 'data' in headlines.toml"
        ) from error
    except (SQLAlchemyError, ImportError) as error:
        raise StorageError(
            f"database: its address cannot be used ({error}); "
            "write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    try:
        yield database
    finally:
        database.close()


def find_source(connection: Connection, key: str) -> RowMapping:
    """A source by number, name or address. Raises NotFound, UsageError."""
    if key.isdecimal() and (len(key) > 19 or int(key) > LARGEST_ID):
        raise NotFound(f"no source has so large a number: {key[:40]}")
    return sources.find(connection, key)


def taxonomy_of(settings: Settings) -> Taxonomy | None:
    """The user's own sections; None where the default ones count. Raises CorpusError."""
    path = settings.classifier.sections
    return read_taxonomy(path) if path else None


def sections_of(settings: Settings) -> tuple[str, ...]:
    """The sections that may be named: the user's own, else those that the live model knows."""
    own = taxonomy_of(settings)
    return own.ids if own else Classifier(settings.data / "models").scorer.sections


def sections_in_queries(settings: Settings) -> Sections:
    """The sections that a query may name."""
    taxonomy = taxonomy_of(settings) or read_taxonomy()
    return Sections.of(sections_of(settings), taxonomy.names)


def section_finder(settings: Settings) -> Callable[[str], str]:
    """What gives the id of a section by its id or its name in either language.

    It raises UsageError, with the nearest one, for a name that is none's.
    """
    known = sections_of(settings)
    taxonomy = taxonomy_of(settings) or read_taxonomy()

    def find(name: str) -> str:
        found = name if name in known else taxonomy.find(name)
        if found is None or found not in known:
            raise UsageError(f"there is no section {name!r}{nearest(name, known)}")
        return found

    return find


def check_address(url: str, allowed: Allowed) -> None:
    """Raise UsageError for an address whose text is refused; no name is resolved here."""
    try:
        check_url(url, allowed)
    except FetchError as error:
        raise UsageError(str(error)) from error
