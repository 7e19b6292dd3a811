"""What the tests of channels share."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import trustme


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is taken and refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts who was not told to."""
    return trustme.CA()
