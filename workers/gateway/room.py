"""How much may be in flight: a count of requests and of their bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

#: A full house frees one place at a time; this pause lets a handful come free, so that they share round trips.
_GATHER_SECONDS: Final = 0.002


class Room:
    """Bounds what is in flight."""

    def __init__(
        self, requests: int, bytes_: int, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._limit = self._requests = requests
        self._bytes_limit = self._bytes = bytes_
        self._sleep = sleep
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Room {self.in_flight} of {self._limit} requests, {self.bytes_in_flight} bytes>"

    @property
    def requests(self) -> int:
        """Requests that may be inside."""
        return self._limit

    @property
    def in_flight(self) -> int:
        """Requests that are inside."""
        return self._limit - self._requests

    @property
    def bytes_in_flight(self) -> int:
        """Bytes that are inside."""
        return self._bytes_limit - self._bytes

    async def take(self, sizes: Sequence[int]) -> int:
        """Wait for room and take it for the first n of `sizes` (bytes each); return n, at least 1.

        A request that is larger than all the room goes in when nothing else is inside.
        """
        while not (taken := self._fitting(sizes)):
            self._changed.clear()
            await self._changed.wait()
            if self._requests < min(len(sizes), self._limit // 16):
                await self._sleep(_GATHER_SECONDS)
        self._requests -= taken
        self._bytes -= sum(sizes[:taken])
        return taken

    def _fitting(self, sizes: Sequence[int]) -> int:
        """Return how many of the first sizes fit now."""
        free, count = self._bytes, 0
        for size in sizes[: self._requests]:
            if size > free:
                break
            free -= size
            count += 1
        return count or int(self.in_flight == 0)

    def give_back(self, size: int) -> None:
        """Give back the room of one request."""
        self._requests += 1
        self._bytes += size
        self._changed.set()
