"""What the tests of drawn pages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.httpserver import HttpServer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running
