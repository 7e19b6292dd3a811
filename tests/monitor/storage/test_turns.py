"""The only place is taken in the order of asking."""

from __future__ import annotations

import threading

import pytest

from monitor.storage.turns import Turns
from tests.e2e.process import until


def test_who_asks_again_at_once_comes_last() -> None:
    turns, order = Turns(), list[str]()

    def take(name: str) -> None:
        with turns.turn():
            order.append(name)

    threads = [threading.Thread(target=take, args=(name,)) for name in ("second", "third")]
    with turns.turn():
        order.append("first")
        for place, thread in enumerate(threads, 1):
            thread.start()
            until(lambda wanted=place: turns.waiting == wanted, 10, "it waits")
    take("first again")
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second", "third", "first again"]


def test_a_turn_that_fails_ends() -> None:
    turns = Turns()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), turns.turn():
            _ = 1 / 0
    with turns.turn():
        assert turns.waiting == 0
