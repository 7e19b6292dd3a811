"""The frozen records that flow from a source to a channel.

Source -> Fetched | NotModified | Failed -> ParsedFeed -> Update -> Delivery.
Times are aware UTC ``datetime``; durations are seconds and end in ``_s``. What there is one of
for every entry of a first poll is a named tuple: those are made several times faster.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class FailureKind(enum.StrEnum):
    """Why a fetch gave nothing; the value is what logs, JSON and the database show."""

    REFUSED_ADDRESS = "refused-address"  # the address guard said no
    BAD_URL = "bad-url"
    DNS = "dns"
    CONNECT = "connect"
    OFFLINE = "offline"  # this machine has no way out to anybody
    TLS = "tls"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    RATIO = "compression-ratio"
    HEADERS_TOO_LARGE = "headers-too-large"
    PROTOCOL = "protocol"  # not HTTP, a body cut short, unknown encoding
    REDIRECT_LOOP = "redirect-loop"
    REDIRECT_LIMIT = "redirect-limit"
    REDIRECT_DOWNGRADE = "redirect-downgrade"  # https to http
    HTTP_STATUS = "http-status"
    RATE_LIMITED = "rate-limited"  # 429, or 503 with Retry-After
    GONE = "gone"  # 410
    BROWSER = "browser"  # none was found, or it could not draw the page
    ROBOTS = "robots"  # robots.txt says no, or could not be read
    PARSE = "parse"
    PARSE_BUDGET = "parse-budget"

    @property
    def is_network(self) -> bool:
        """Whether our own network being down would look like this."""
        return self in _NETWORK


_NETWORK = {FailureKind.DNS, FailureKind.CONNECT, FailureKind.OFFLINE, FailureKind.TIMEOUT}


class SourceState(enum.StrEnum):
    """Whether a source is polled."""

    ACTIVE = "active"
    PAUSED = "paused"  # by the user
    GONE = "gone"  # the server answered 410


@dataclass(frozen=True, slots=True)
class Source:
    """A place that headlines come from, with what the last polls taught about it.

    ``baseline_at`` is the instant of the first successful poll, whose entries are
    silent unless ``history`` is set. ``redirect_url`` is the target of a permanent
    redirect that was seen once and waits to be confirmed. ``usual_gap_s`` is the time
    between polls that bring news, ``usual_yield`` how many entries its document lists;
    ``low_polls`` counts those in a row that brought far fewer. ``rhythm`` is when it
    publishes (``monitor.rhythm``), ``wait_s`` the wait that was planned for it.
    """

    id: int
    kind: str
    url: str
    name: str
    interval_s: float
    next_fetch_at: datetime
    state: SourceState = SourceState.ACTIVE
    section: str | None = None
    language: str | None = None
    labels: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    history: bool = False
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    failures: int = 0
    baseline_at: datetime | None = None
    created_at: datetime | None = None
    redirect_url: str | None = None
    last_new_at: datetime | None = None
    usual_gap_s: float | None = None
    usual_yield: float | None = None
    last_yield: int | None = None
    low_polls: int = 0
    last_fetch_at: datetime | None = None
    rhythm: str | None = None
    wait_s: float | None = None


class HubLink(NamedTuple):
    """Who tells of a feed's news (WebSub): the hub's address, and what it calls the feed."""

    hub: str
    topic: str


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What the fetcher needs to know of a source. ``robots``: its server's robots.txt is asked.

    ``render``: a browser draws the page first.
    """

    source_id: int
    url: str
    etag: str | None = None
    last_modified: str | None = None
    robots: bool = False
    render: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body arrived.

    ``url`` is the address after redirects. ``permanent_url`` is that address when
    every hop was a 301 or 308, else None. ``charset`` is the one of Content-Type.
    ``max_age_s`` comes from Cache-Control, ``hub`` from the Link headers. ``body`` is
    decompressed.
    """

    source_id: int
    url: str
    body: bytes
    content_type: str = ""
    charset: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    permanent_url: str | None = None
    max_age_s: float | None = None
    hub: HubLink | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NotModified:
    """304, with the validators it carried (None where it carried none)."""

    source_id: int
    etag: str | None = None
    last_modified: str | None = None
    max_age_s: float | None = None
    permanent_url: str | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer. ``message`` is a sentence for the user; ``host`` is who was asked."""

    source_id: int
    kind: FailureKind
    message: str
    status: int | None = None
    retry_after_s: float | None = None
    elapsed_s: float = 0.0
    host: str = ""


Outcome = Fetched | NotModified | Failed


class Placement(NamedTuple):
    """Where on a page a headline stands: its block, that block's section, its rank there."""

    label: str
    section: str | None
    rank: int | None


class ParsedEntry(NamedTuple):
    """One headline as its document gives it, cleaned.

    ``title`` is plain text, NFC, without control characters, at most 1,000
    characters (``title_cut`` says that it was longer). ``url`` is absolute or empty.
    ``rank`` counts from 1 on hot lists; ``heat`` is what they count there: views, comments.
    On pages and hot lists ``author`` is the outlet that a list names beside the headline.
    ``placements`` are its places in the blocks of a page; ``rank`` and ``section_hint`` are the
    first that any of them gives.
    """

    title: str
    url: str = ""
    guid: str | None = None
    author: str | None = None
    published_at: datetime | None = None
    summary: str = ""
    categories: tuple[str, ...] = ()
    rank: int | None = None
    section_hint: str | None = None
    title_cut: bool = False
    heat: int | None = None
    placements: tuple[Placement, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """What a document yields. ``format`` is e.g. ``rss20``; ``problems`` are sentences.

    It asks not to be fetched again for ``ttl_s``, nor in some hours and on some weekdays
    (UTC; Monday is 0). ``hub`` and ``topic`` are those of a HubLink; empty where it names none.
    """

    format: str
    entries: tuple[ParsedEntry, ...]
    title: str = ""
    link: str = ""
    language: str | None = None
    ttl_s: float | None = None
    skip_hours: tuple[int, ...] = ()
    skip_weekdays: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    hub: str = ""
    topic: str = ""


class Prediction(NamedTuple):
    """A section with its calibrated probability; ``unsure`` below the model's threshold."""

    section: str
    probability: float
    runner_up: str
    unsure: bool
    release: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that an entry matched, with spans ``(start, end)`` in the title as given."""

    rule_id: int
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """How a rule's alerts are told, spelled as a person writes it (monitor.manners reads it).

    ``mode`` is now, digest or none; ``digest`` is hourly, daily@HH:MM or weekly@mon HH:MM.
    ``quiet`` is HH:MM-HH:MM, "off", or empty for what [alerts] says. ``caps`` are such as
    10/hour (or minute, day), for each of the rule's channels. ``cooldown_s`` 0 tells a story
    once; else again, when something joins it after that time. ``later`` (none or digest)
    says what becomes of portals that join a story; ``escalate``, e.g. portals>=5, asks for
    one follow-up. A digest lists ``top`` headlines of the rule and counts the rest.
    """

    mode: str = "now"
    digest: str = "daily@08:00"
    urgent: bool = False
    quiet: str = ""
    caps: tuple[str, ...] = ()
    cooldown_s: float = 0.0
    later: str = "none"
    escalate: str = ""
    top: int = 20


@dataclass(frozen=True, slots=True)
class Rule:
    """A stored query and the channels that it fires on.

    ``version`` counts the rule's changes from 1.
    """

    id: int
    name: str
    query: str
    channels: tuple[str, ...]
    enabled: bool = True
    options: RuleOptions = RuleOptions()
    version: int = 1
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an entry stands among the stories, at the instant at which it was stored.

    ``story_id`` is the number of the story's earliest entry: the key by which alerts know
    it. ``first``: this entry began it. ``portals`` counts those that tell it, this one
    included. ``heat`` and ``burst`` are those of monitor.stories.heat. ``merged`` are the
    stories that turned out to be this one: what was said of them was said of it.
    """

    story_id: int
    first: bool = True
    portals: int = 1
    heat: float = 0.0
    burst: float = 0.0
    merged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll changes of a source; every field is written.

    ``wait_s`` is the wait until ``next_fetch_at``, where the user did not choose it.
    """

    id: int
    url: str
    name: str
    state: SourceState
    next_fetch_at: datetime
    last_fetch_at: datetime | None
    last_new_at: datetime | None
    baseline_at: datetime | None
    failures: int
    last_error: str | None
    etag: str | None
    last_modified: str | None
    body_hash: str | None
    redirect_url: str | None
    usual_gap_s: float | None = None
    usual_yield: float | None = None
    last_yield: int | None = None
    low_polls: int = 0
    rhythm: str | None = None
    wait_s: float | None = None


class Known(NamedTuple):
    """What the database knows under one key."""

    entry_id: int
    title_hash: int
    seen_at: datetime
