"""Room that is shared: bounded, the small before the large, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from monitor.room import Room


async def taken(room: Room, wanted: int, order: list[int]) -> None:
    await room.take(wanted)
    order.append(wanted)


async def settle() -> None:
    """Let every task that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_who_wants_more_than_is_left_waits_and_the_small_go_first() -> None:
    async def work() -> list[int]:
        room, order = Room(100), list[int]()
        await room.take(90)
        tasks = [asyncio.create_task(taken(room, size, order)) for size in (90, 60, 20)]
        await settle()
        assert order == []
        room.give(10)
        await settle()
        assert order == [20]
        room.give(80)
        await settle()
        assert order == [20, 60]
        room.give(80)
        await asyncio.gather(*tasks)
        assert room.left == 10
        return order

    assert asyncio.run(work()) == [20, 60, 90]


def test_the_small_pass_the_large_for_a_time_only() -> None:
    async def work() -> list[int]:
        room, order = Room(100), list[int]()
        await room.take(1)
        sizes = (100, *20 * [1])
        tasks = [asyncio.create_task(taken(room, size, order)) for size in sizes]
        await settle()
        passed = len(order)
        assert order == passed * [1]
        room.give(1 + passed)
        await settle()
        room.give(100)
        await asyncio.gather(*tasks)
        return order

    order = asyncio.run(work())
    assert 1 <= order.index(100) <= 10


def test_what_is_larger_than_all_of_it_goes_alone() -> None:
    async def work() -> None:
        room, order = Room(100), list[int]()
        await room.take(1)
        task = asyncio.create_task(taken(room, 1_000, order))
        await settle()
        assert not task.done()
        room.give(1)
        await task
        assert room.left == -900
        other = asyncio.create_task(taken(room, 1, order))
        await settle()
        assert not other.done()
        room.give(1_000)
        await other

    asyncio.run(work())


@pytest.mark.parametrize("granted", [False, True])
def test_who_is_cancelled_keeps_nothing_and_blocks_nobody(*, granted: bool) -> None:
    async def work() -> None:
        room, order = Room(100), list[int]()
        await room.take(100)
        first = asyncio.create_task(taken(room, 50, order))
        second = asyncio.create_task(taken(room, 60, order))
        await settle()
        if granted:
            room.give(100)
        first.cancel()
        await settle()
        if not granted:
            room.give(100)
        await second
        assert order == [60]
        assert room.left == 40

    asyncio.run(work())


def test_a_share_gives_all_back_at_its_end() -> None:
    async def work() -> None:
        room = Room(100)
        with pytest.raises(ZeroDivisionError), room.share() as share:
            await share.take(30)
            share.give(-50)
            assert room.left == 20
            share.give(10)
            raise ZeroDivisionError
        assert room.left == 100

    asyncio.run(work())
