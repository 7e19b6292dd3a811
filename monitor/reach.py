"""Whether the silence of sources is our own network's, or theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.addresses import NOTHING_ALLOWED, Allowed, is_opened
from monitor.telemetry import logger
from monitor.types import Failed, FailureKind, Outcome

log = logger("poll")
# So many silent hosts are no accident.
_HOSTS = 3
_NEVER_SENT = frozenset({FailureKind.REFUSED_ADDRESS, FailureKind.BAD_URL})


def looks_like_our_network_is_down(outcomes: Iterable[Outcome]) -> bool:
    """Whether a round failed because of us: at least 3 hosts could not be reached for network
    reasons, and against ten of these at most one source got any answer at all.

    Many sources of one dead host count once. Addresses that were refused or unreadable say
    nothing and are not counted.
    """
    silent, answered = _tally(outcomes)
    return len(silent) >= _HOSTS and 10 * answered <= len(silent)


class Reach:
    """Tells our own outage from theirs over many rounds, each of which may ask a source or two.

    A few dozen sources come due one at a time, so that no round alone shows an outage: hosts
    that were silent since anybody answered count together. A machine that is offline says so
    itself. ``seen_down`` is what the last round showed that showed anything; None: none did yet.
    """

    def __init__(self) -> None:
        self._silent: set[str] = set()
        self.seen_down: bool | None = None

    def is_down(self, outcomes: Iterable[Outcome]) -> bool:
        """Whether the silence in this round's ``outcomes`` is our own network's.

        The log says when an outage begins, and when it is over.
        """
        before = self.seen_down
        down = self._judge(list(outcomes))
        if down and not before:
            log.warning("most sources did not answer: our network seems down, polling goes on")
        elif before and not self.seen_down:
            log.warning("sources answer again: our network is back")
        return down

    def _judge(self, outcomes: Sequence[Outcome]) -> bool:
        silent, answered = _tally(outcomes)
        if answered and not looks_like_our_network_is_down(outcomes):
            self._silent.clear()
            self.seen_down = False
            return False
        offline = not answered and any(map(_is_offline, outcomes))
        if not offline:
            self._silent |= silent
        down = offline or (bool(silent) and len(self._silent) >= _HOSTS)
        self.seen_down = down or self.seen_down
        return down


class Ways:
    """The way to the internet and the one to private places that were opened: a server in the
    next room that answers does not show that the internet is there, nor that it is not.
    """

    def __init__(self, private: Allowed = NOTHING_ALLOWED) -> None:
        self._private = private
        self._far, self._near = Reach(), Reach()

    def to(self, url: str) -> Reach:
        """What is known of the way that ``url`` takes."""
        return self._near if is_opened(url, self._private) else self._far

    @property
    def seen_down(self) -> bool | None:
        """Whether one was down when last it showed; None: nothing is known of either."""
        known = [way.seen_down for way in (self._far, self._near) if way.seen_down is not None]
        return any(known) if known else None


def _is_offline(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.kind is FailureKind.OFFLINE


def _tally(outcomes: Iterable[Outcome]) -> tuple[set[str], int]:
    """The hosts that could not be reached, and how many sources got an answer."""
    silent: set[str] = set()
    answered = 0
    for outcome in outcomes:
        if not isinstance(outcome, Failed):
            answered += 1
        elif outcome.kind.is_network:
            silent.add(outcome.host)
        elif outcome.kind not in _NEVER_SENT:
            answered += 1
    return silent, answered
