"""The schema's version: look at it, bring it up, take it down.

Each migration runs in one transaction on both databases, so a program killed in the
middle leaves the version before it.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.errors import MigrationNeeded
from monitor.storage.database import Database

HEAD = "0011"
FOLDER = Path(__file__).parent / "migrations"


def version(database: Database) -> str | None:
    """The database's schema version; None for an empty database."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(
            sa.text("SELECT version_num FROM alembic_version")
        ).scalar()
        return found


def ensure(database: Database) -> None:
    """Create or upgrade the schema. Raises MigrationNeeded when it is newer than this program."""
    if version(database) != HEAD:
        upgrade(database)


def check(database: Database) -> None:
    """Raise MigrationNeeded unless the schema is the one this program knows."""
    found = version(database)
    if found != HEAD:
        raise MigrationNeeded(
            f"the database is at version {found or 'none'}, this program needs {HEAD}: "
            "'headlines doctor' of this program brings an older one up; "
            "for a newer one, install the program that wrote it"
        )


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations up to ``revision``."""
    _run(database, "upgrade", revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the migrations back to ``revision`` (``base``: nothing left)."""
    _run(database, "downgrade", revision)


def _run(database: Database, command: str, revision: str) -> None:
    # Alembic costs 0.2 s to import, and a daemon at the right version does not need it.
    import alembic.command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))

    def work(connection: Connection) -> None:
        config.attributes["connection"] = connection
        getattr(alembic.command, command)(config, revision)

    try:
        with database.write() as connection:
            if not database.is_sqlite:
                # Two programs that start together must not both migrate.
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7370616)"))
            work(connection)
    except CommandError as error:
        raise MigrationNeeded(
            f"the database's version is not known to this program ({error}): "
            "use the program that wrote it, or a newer one"
        ) from error
