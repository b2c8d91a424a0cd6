"""What is delivered and not committed."""

import asyncio
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

from ..port import Delivery


class Out:
    """The deliveries that the gateway, or the queue of commits, has; by their places."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._gone: set[str] | None = None

    def __len__(self) -> int:
        return len(self._deliveries)

    def __contains__(self, place: object) -> bool:
        return place in self._deliveries or (self._gone is not None and place in self._gone)

    def __repr__(self) -> str:
        return f"<Out {len(self)}>"

    def add(self, deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
        """Take note of deliveries, and return those that were not out already."""
        fresh = [delivery for delivery in deliveries if delivery.place not in self]
        self._deliveries.update((delivery.place, delivery) for delivery in fresh)
        if fresh:
            self._empty.clear()
        return fresh

    def remove(self, deliveries: Iterable[Delivery]) -> None:
        """Forget deliveries: they are committed, or another worker's."""
        for delivery in deliveries:
            self._deliveries.pop(delivery.place, None)
            if self._gone is not None:
                self._gone.add(delivery.place)
        if not self._deliveries:
            self._empty.set()

    @contextmanager
    def remembering(self) -> Generator[None]:
        """Count what is removed meanwhile as still out.

        For comparing with the server's book: an answer on one connection may be older than a commit on the other.
        """
        self._gone = set()
        try:
            yield
        finally:
            self._gone = None

    async def drained(self) -> None:
        """Return when nothing is out."""
        await self._empty.wait()

    def oldest_ms(self, now_ms: int) -> int:
        """Return the age of what was appended first."""
        return max((now_ms - delivery.at_ms for delivery in self._deliveries.values()), default=0)
