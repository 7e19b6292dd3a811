"""A size that all who work share, so that what they hold together stays bounded."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from types import TracebackType
from typing import Self

# One that wants so much more than another lets one more of those who came later go first.
STEP = 20


class Room:
    """Who wants more than is left waits: the small before the large, but for a time only.

    What is larger than all of it gets it when nobody else has any. For one event loop.
    """

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._waiting: list[tuple[float, int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @property
    def left(self) -> int:
        """What nobody has."""
        return self._left

    async def take(self, wanted: int) -> None:
        """Wait for room."""
        if self._fits(wanted) and not self._waiting:
            self._left -= wanted
            return
        number = next(self._numbers)
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (number + wanted / STEP, number, wanted, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(wanted)
            else:
                turn.cancel()
            self._serve()
            raise

    def give(self, freed: int) -> None:
        """Give back what was taken; less than nothing takes more, without waiting."""
        self._left += freed
        self._serve()

    def share(self) -> Share:
        """What one of them takes; all of it is given back at the end of the block."""
        return Share(self)

    def _fits(self, wanted: int) -> bool:
        return wanted <= self._left or self._left == self._size

    def _serve(self) -> None:
        while self._waiting:
            _, _, wanted, turn = self._waiting[0]
            if not turn.done():
                if not self._fits(wanted):
                    return
                self._left -= wanted
                turn.set_result(None)
            heapq.heappop(self._waiting)


class Share:
    """What one work has of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give(self._taken)

    async def take(self, wanted: int) -> None:
        """Wait for room."""
        await self._room.take(wanted)
        self._taken += wanted

    def give(self, freed: int) -> None:
        """Give back; less than nothing takes more, without waiting."""
        self._taken -= freed
        self._room.give(freed)
