"""Keys that an installation makes for itself, once, and links that were used."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.storage import bulk
from monitor.storage.schema import secret, used_link

KEY_BYTES = 32


def key(connection: Connection, name: str) -> bytes:
    """The key of that name; made the first time that anybody asks."""
    query = sa.select(secret.c.value).where(secret.c.name == name)
    if connection.execute(query).scalar() is None:
        made = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        insert = bulk.inserting(connection, secret).values(name=name, value=made)
        connection.execute(insert.on_conflict_do_nothing())
    return base64.b64decode(str(connection.execute(query).scalar_one()))


def use(connection: Connection, mark: str, expires_at: datetime) -> bool:
    """Note that a link is used; False when it was before."""
    insert = bulk.inserting(connection, used_link).values(mark=mark, expires_at=expires_at)
    statement = insert.on_conflict_do_nothing().returning(used_link.c.mark)
    return connection.execute(statement).first() is not None
