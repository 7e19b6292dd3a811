"""What tests of polls share. Property tests have no deadline an example, since a shared machine may
pause at any of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from monitor.storage import Database
from tests.httpserver import HttpServer

if TYPE_CHECKING:
    from tests.monitor.test_pipeline import World

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def world(database: Database, server: HttpServer) -> World:
    """A database and a portal to poll."""
    from tests.monitor.test_pipeline import World

    return World(database, server)
