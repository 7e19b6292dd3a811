"""What a delivery's attempt means: try again, give up, switch the channel off. Pure.

The waits are those that the Standard Webhooks specification recommends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.errors import TransportError

# The first attempt is made at once; these are the waits after each failed one.
WAITS_S = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
JITTER = 0.2
MAX_RETRY_AFTER_S = 24 * 3600.0
# No attempt is ever planned further ahead than this; what is was planned under another clock.
MAX_AHEAD = timedelta(seconds=WAITS_S[-1] * (1 + JITTER) + 3600.0)
DISABLE_AFTER = timedelta(days=5)
# A machine that slept for days has not tried: failures of so long ago alone say nothing.
TRIED_SINCE, TRIED_UNTIL = timedelta(days=2), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Retry:
    """The message stays owed; its next attempt is made at this instant."""

    next_attempt_at: datetime


@dataclass(frozen=True, slots=True)
class Dead:
    """No attempt is left, or none would help."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What is known of a channel: since when nothing arrives there, and whether it is off.

    ``reason`` is a sentence, empty while the channel works.
    """

    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    reason: str = ""


def after_failure(
    attempts: int, error: TransportError, now: datetime, jitter: float
) -> Retry | Dead:
    """What follows the failed attempt number ``attempts`` (from 1).

    ``jitter`` in [0, 1) moves the wait by up to 20 % either way. What the receiver asked
    for with Retry-After lengthens it, up to 24 h, and never shortens it.
    """
    if error.permanent or error.gone or attempts > len(WAITS_S):
        return Dead()
    wait_s = WAITS_S[max(attempts, 1) - 1] * (1 + JITTER * (2 * jitter - 1))
    asked_s = min(error.retry_after_s or 0.0, MAX_RETRY_AFTER_S)
    return Retry(now + timedelta(seconds=max(wait_s, asked_s)))


def is_long_failing(state: ChannelState, now: datetime) -> bool:
    """Whether nothing has arrived for so long that the channel may be switched off."""
    return state.failing_since is not None and now - state.failing_since >= DISABLE_AFTER


def channel_after(
    state: ChannelState,
    errors: Sequence[TransportError],
    now: datetime,
    *,
    succeeded: bool,
    tried: bool = True,
) -> ChannelState:
    """The channel's state after attempts that ended together.

    A receiver that is gone (HTTP 410) switches it off at once; so do five days in which
    everything failed, if it was ``tried`` between ``TRIED_SINCE`` and ``TRIED_UNTIL`` ago.
    A delivery that arrived forgets earlier failures.
    """
    if state.disabled_at is not None:
        return state
    gone = next((error for error in errors if error.gone), None)
    if gone is not None:
        return ChannelState(state.failing_since or now, now, str(gone))
    if succeeded or not errors:
        return ChannelState() if succeeded else state
    since = state.failing_since or now
    if tried and is_long_failing(state, now):
        days = DISABLE_AFTER.days
        return ChannelState(since, now, f"nothing has arrived for {days} days: {errors[-1]}")
    return ChannelState(since, None, str(errors[-1]))
