"""The schedule of attempts and the fate of channels, in a fixed time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.attempts import ChannelState, Dead, Retry, after_failure, channel_after
from monitor.errors import TransportError
from tests.fakes import NOW

MIDDLE = 0.5  # no jitter
TROUBLE = TransportError("503")
HOUR = 3600.0


def wait_s(attempts: int, error: TransportError = TROUBLE, jitter: float = MIDDLE) -> float:
    verdict = after_failure(attempts, error, NOW, jitter)
    assert isinstance(verdict, Retry)
    return (verdict.next_attempt_at - NOW).total_seconds()


def test_the_waits_are_those_of_standard_webhooks() -> None:
    hours = [2.0, 5.0, 10.0, 14.0, 20.0, 24.0]
    waits = [wait_s(attempts) for attempts in range(1, 10)]
    assert waits == [5.0, 300.0, 1800.0, *(hour * HOUR for hour in hours)]
    assert isinstance(after_failure(10, TROUBLE, NOW, MIDDLE), Dead)


@pytest.mark.parametrize(("jitter", "factor"), [(0.0, 0.8), (0.5, 1.0), (0.999999, 1.2)])
def test_jitter_moves_a_wait_by_a_fifth(jitter: float, factor: float) -> None:
    assert wait_s(2, jitter=jitter) == pytest.approx(300.0 * factor, rel=1e-4)


@pytest.mark.parametrize("error", [{"permanent": True}, {"gone": True}])
def test_what_cannot_help_is_not_tried(error: dict[str, bool]) -> None:
    assert isinstance(after_failure(1, TransportError("no", **error), NOW, MIDDLE), Dead)


def test_hostile_12_retry_after_lengthens_a_wait_and_never_shortens_it() -> None:
    asked = TransportError("429", retry_after_s=30.0)
    assert wait_s(1, asked) == 30.0
    assert wait_s(1, asked, jitter=0.0) == 30.0
    assert wait_s(3, asked) == 1800.0
    assert wait_s(1, TransportError("429", retry_after_s=10**9)) == 24 * HOUR


def test_hostile_14_a_gone_receiver_is_switched_off_at_once() -> None:
    gone = TransportError("hook.example answered 410", gone=True)
    after = channel_after(ChannelState(), [TROUBLE, gone], NOW, succeeded=False)
    assert after.disabled_at == NOW
    assert "410" in after.reason


def test_hostile_14_five_days_without_success_switch_a_channel_off() -> None:
    state = channel_after(ChannelState(), [TROUBLE], NOW, succeeded=False)
    assert (state.failing_since, state.disabled_at) == (NOW, None)
    almost = NOW + timedelta(days=5, seconds=-1)
    state = channel_after(state, [TROUBLE], almost, succeeded=False)
    assert (state.failing_since, state.disabled_at) == (NOW, None)
    state = channel_after(state, [TROUBLE], NOW + timedelta(days=5), succeeded=False)
    assert state.disabled_at == NOW + timedelta(days=5)
    assert "5 days" in state.reason


def test_hostile_14_one_success_forgets_all_failures() -> None:
    state = ChannelState(failing_since=NOW, reason="503")
    later = NOW + timedelta(days=6)
    assert channel_after(state, [TROUBLE], later, succeeded=True) == ChannelState()


def test_a_channel_that_is_off_stays_off_until_a_person_says_otherwise() -> None:
    off = ChannelState(NOW, NOW, "410")
    assert channel_after(off, [], NOW + timedelta(days=1), succeeded=True) == off


def test_nothing_tried_changes_nothing() -> None:
    state = ChannelState(failing_since=NOW, reason="503")
    assert channel_after(state, [], NOW + timedelta(days=9), succeeded=False) == state
