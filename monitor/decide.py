"""What a poll of one source means: pure, from outcome and knowledge to intents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from monitor import familiar, rhythm
from monitor.familiar import Revised
from monitor.health import PATIENCE, USUAL_PATIENCE, learn_gap, learn_yield
from monitor.identity import Keys
from monitor.ranking import MOST_POLLS, RANKED, Listed
from monitor.rhythm import Rhythm
from monitor.schedule import Timing, next_fetch_at
from monitor.text import clean_title, without_secrets
from monitor.types import (
    Failed,
    FailureKind,
    Fetched,
    HubLink,
    Known,
    NotModified,
    Outcome,
    ParsedEntry,
    ParsedFeed,
    Polled,
    Source,
    SourceState,
)

EMPTY_FOR = timedelta(days=1)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
DEFAULT_TIMING = Timing()
FADE_AFTER_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Result:
    """One source's poll: what came back, what it held, and by what its entries are known.

    ``parsed`` is None when there was nothing new to read.
    """

    source: Source
    outcome: Outcome
    parsed: ParsedFeed | None = None
    keys: tuple[Keys, ...] = ()
    body_hash: str | None = None

    @property
    def size(self) -> int:
        """How many entries it holds."""
        return len(self.keys)

    @property
    def hub(self) -> HubLink | None:
        """Who tells of its news: by the answer's headers, else by the feed itself."""
        if not isinstance(self.outcome, Fetched):
            return None
        if self.outcome.hub is not None or self.parsed is None or not self.parsed.hub:
            return self.outcome.hub
        return HubLink(self.parsed.hub, self.parsed.topic or self.outcome.url)


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be stored for one source.

    ``silent`` entries fire no rule (a source's first poll). ``refresh`` are keys to be
    marked as still listed. ``renamed`` are known entries, by number, with the ids that they have
    now. ``listed`` are the known entries that the document ranks; ``unchanged``: it is as it was.
    ``event`` is a sentence for the log. ``partial``: more of the same poll follows, which settles
    the source.
    """

    source: Source
    polled: Polled
    new: tuple[tuple[ParsedEntry, Keys], ...] = ()
    revised: tuple[Revised, ...] = ()
    refresh: tuple[int, ...] = ()
    renamed: tuple[tuple[int, Keys], ...] = ()
    listed: tuple[Listed, ...] = ()
    unchanged: bool = False
    silent: bool = False
    moved_from: str | None = None
    event: str = ""
    partial: bool = False


def body_digest(body: bytes) -> str:
    """What tells that a body is the same as last time."""
    return blake2b(body, digest_size=16).hexdigest()


def decide(
    result: Result,
    known: Mapping[int, Known],
    now: datetime,
    jitter: float,
    *,
    network_down: bool = False,
    timing: Timing = DEFAULT_TIMING,
) -> Update:
    """The intents of one source's poll; ``jitter`` in [0, 1) spreads its next one."""
    outcome = result.outcome
    if isinstance(outcome, Failed):
        return _decide_failed(result.source, outcome, now, jitter, network_down=network_down)
    return _decide_answered(result, outcome, known, now, jitter, timing)


def _decide_failed(
    source: Source, outcome: Failed, now: datetime, jitter: float, *, network_down: bool
) -> Update:
    said = clean_title(outcome.message)[0]  # a page's words may be in it: no database takes all
    if network_down:
        soon = now + timedelta(seconds=min(source.interval_s, 60.0) * (0.5 + jitter / 2))
        # Nobody has looked at the source: what was known of it is so still.
        looked = {"last_fetch_at": source.last_fetch_at, "failures": source.failures}
        return Update(source, _polled(source, now, next_fetch_at=soon, last_error=said, **looked))
    failures = source.failures + 1
    polled = _polled(
        source,
        now,
        failures=failures,
        redirect_url=None,  # a move is believed at two successive answers
        last_error=f"{outcome.kind}: {said}",
        next_fetch_at=next_fetch_at(
            now,
            interval_s=source.interval_s,
            failures=failures,
            retry_after_s=outcome.retry_after_s,
            jitter=jitter,
        ),
    )
    if outcome.kind is FailureKind.GONE:
        polled = replace(polled, state=SourceState.GONE)
        event = f"{source.name} is gone (410) and paused; 'headlines feeds resume' tries it again"
        return Update(source, polled, event=event)
    event = f"{source.name}: {outcome.kind}: {said}" if failures == 1 else ""
    return Update(source, polled, event=event)


def _decide_answered(
    result: Result,
    outcome: Fetched | NotModified,
    known: Mapping[int, Known],
    now: datetime,
    jitter: float,
    timing: Timing,
) -> Update:
    source, parsed = result.source, result.parsed
    entries = list(zip(parsed.entries, result.keys, strict=True)) if parsed else []
    found = familiar.sort(entries, known, now)
    listed = len(entries) if parsed else source.last_yield
    url, redirect_url = _follow(source, outcome.permanent_url if listed != 0 else None)
    taught = _learn(source, len(entries) if parsed else None, now, is_news=bool(found.new))
    timing = _sooner(timing, source, taught["low_polls"])
    polled = _polled(
        source,
        now,
        url=url,
        name=_name(source, parsed),
        redirect_url=redirect_url,
        state=SourceState.ACTIVE,
        last_new_at=now if found.new else source.last_new_at,
        **taught,
        baseline_at=source.baseline_at or (now if _has_begun(source, listed, now) else None),
        etag=outcome.etag if isinstance(outcome, Fetched) else outcome.etag or source.etag,
        last_modified=outcome.last_modified
        if isinstance(outcome, Fetched)
        else outcome.last_modified or source.last_modified,
        body_hash=result.body_hash or source.body_hash,
        **_plan(source, parsed, found.new, now, outcome.max_age_s, jitter, timing),
    )
    moved = url != source.url
    return Update(
        source,
        polled,
        new=found.new,
        revised=found.revised,
        refresh=found.refresh,
        renamed=found.renamed,
        listed=familiar.listed(entries, known),
        unchanged=parsed is None,
        silent=source.baseline_at is None and not source.history,
        moved_from=source.url if moved else None,
        event=f"{source.name} has moved to {without_secrets(url)}" if moved else "",
    )


def _has_begun(source: Source, listed: int | None, now: datetime) -> bool:
    """Whether what comes next is news. A page that lists nothing (a wall, a new layout) says
    nothing of what is old, unless it is watched for a day and was so before: it has nothing."""
    if listed or source.kind not in RANKED:
        return True
    is_old = source.created_at is not None and now - source.created_at >= EMPTY_FOR
    return is_old and source.last_yield == 0


def _polled(source: Source, now: datetime, **changes: object) -> Polled:
    same = Polled(
        id=source.id,
        url=source.url,
        name=source.name,
        state=source.state,
        next_fetch_at=source.next_fetch_at,
        last_fetch_at=now,
        last_new_at=source.last_new_at,
        baseline_at=source.baseline_at,
        failures=0,
        last_error=None,
        etag=source.etag,
        last_modified=source.last_modified,
        body_hash=source.body_hash,
        redirect_url=source.redirect_url,
        usual_gap_s=source.usual_gap_s,
        usual_yield=source.usual_yield,
        last_yield=source.last_yield,
        low_polls=source.low_polls,
        rhythm=source.rhythm,
    )
    return replace(same, **changes)  # type: ignore[arg-type]


def _name(source: Source, parsed: ParsedFeed | None) -> str:
    """Its own title names a source that was added without a name, unseen."""
    unnamed = source.name == without_secrets(source.url) or bool(_ADDRESS.fullmatch(source.name))
    return parsed.title if unnamed and parsed and parsed.title else source.name


def _learn(source: Source, count: int | None, now: datetime, *, is_news: bool) -> dict[str, Any]:
    """What a poll teaches of what is usual; ``count`` None: the document is as it was."""
    usual_yield, low_polls = learn_yield(source.usual_yield, source.low_polls, count)
    learnt: dict[str, Any] = {"usual_yield": usual_yield, "low_polls": low_polls}
    if count is not None:
        learnt["last_yield"] = count
    if is_news and source.last_new_at is not None:
        gap_s = _gap_s(source, source.last_new_at, now)
        if not source.failures or gap_s < (source.usual_gap_s or 0.0):
            learnt["usual_gap_s"] = learn_gap(source.usual_gap_s, gap_s)
    return learnt


def _gap_s(source: Source, last_new_at: datetime, now: datetime) -> float:
    """How long a source had no news, as far as we looked: where we did not (it was paused, or we
    were off), a few waits at most count. Failures in between tell of no gap that is longer."""
    looked_at = max(source.last_fetch_at or last_new_at, last_new_at)
    unseen_s = max((now - looked_at).total_seconds(), 0.0)
    most_s = MOST_POLLS * max(source.interval_s, source.wait_s or 0.0)
    return (looked_at - last_new_at).total_seconds() + min(unseen_s, most_s)


def _sooner(timing: Timing, source: Source, low_polls: int) -> Timing:
    """How ``source`` is timed while it lists little: perhaps it is broken, and that is to be
    known soon."""
    if not low_polls:
        return timing
    patience, most_s = PATIENCE.get(source.kind, USUAL_PATIENCE), timing.interval_s
    if low_polls < patience.polls:
        most_s = min(most_s, max(patience.again_s, timing.least_s))
    return replace(timing, most_s=min(timing.most_s, most_s))


def _plan(
    source: Source,
    parsed: ParsedFeed | None,
    new: Sequence[tuple[ParsedEntry, Keys]],
    now: datetime,
    max_age_s: float | None,
    jitter: float,
    timing: Timing,
) -> dict[str, object]:
    """When the source is asked next; by its rhythm, unless its interval is the user's choice."""
    before = learnt = None
    if source.interval_s == timing.interval_s:
        before = rhythm.load(source.rhythm)
        learnt = _learn_rhythm(before, source, parsed, new, now)
    due_at = next_fetch_at(
        now,
        interval_s=source.interval_s,
        failures=0,
        max_age_s=max_age_s,
        jitter=jitter,
        known=learnt,
        timing=timing,
    )
    return {
        "next_fetch_at": due_at,
        "rhythm": rhythm.dump(learnt) if learnt and learnt is not before else source.rhythm,
        "wait_s": (due_at - now).total_seconds() if learnt else None,
    }


def _learn_rhythm(
    known: Rhythm | None,
    source: Source,
    parsed: ParsedFeed | None,
    new: Sequence[tuple[ParsedEntry, Keys]],
    now: datetime,
) -> Rhythm | None:
    """When the source publishes, by what it was found to have published until now."""
    if known is None:
        if parsed is None:
            return None
        known = rhythm.begin(now, [e.published_at for e in parsed.entries if e.published_at])
    elif new or now.timestamp() - known.at >= FADE_AFTER_S:
        published = [entry.published_at for entry, _ in new]
        known = rhythm.learn(known, now, published, source.last_fetch_at or now)
    if parsed is None:
        return known
    return replace(
        known,
        ttl_s=parsed.ttl_s or 0.0,
        skip_hours=parsed.skip_hours,
        skip_weekdays=parsed.skip_weekdays,
    )


def _follow(source: Source, permanent_url: str | None) -> tuple[str, str | None]:
    """The address and the redirect to confirm: a permanent move counts at its second poll.

    What lists nothing has not moved: it may be a page that asks for a login.
    """
    if permanent_url is None or permanent_url == source.url:
        return source.url, None
    if permanent_url == source.redirect_url:
        return permanent_url, None
    return source.url, permanent_url
