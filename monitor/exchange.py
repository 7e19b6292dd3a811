"""The records of one HTTP exchange: what it may cost, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost. ``total_s`` covers name lookup, redirects and the body.

    ``max_bytes`` counts after decompression; with ``cut_body`` a longer body is shortened
    instead of refused.
    """

    connect_s: float = 10.0
    total_s: float = 30.0
    max_bytes: int = 15 * 1024 * 1024
    max_ratio: float = 100.0
    max_header_bytes: int = 64 * 1024
    max_redirects: int = 5
    cut_body: bool = False


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """``allow_private`` opens named private places; ``large_bodies`` bounds memory:
    so many answers above 1 MiB are read at one time, the others wait for their turn.
    """

    user_agent: str
    allow_private: tuple[str, ...] = ()
    large_bodies: int = 2
    keepalive_s: float = 10.0
    dns_cache_s: int = 30


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status. ``headers`` ignore case. ``url`` is where the answer came from;
    ``permanent_url`` is that address when one or more redirects, all 301 or 308, led there
    (never for an address that holds a password, which the new one would lack).
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    permanent_url: str | None = None
    elapsed_s: float = 0.0
