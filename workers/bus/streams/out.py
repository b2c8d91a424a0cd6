"""What is delivered and not committed."""

import asyncio
from collections.abc import Iterable, Sequence

from ..port import Delivery


class Out:
    """The deliveries that the gateway, or the queue of commits, has; by their places."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._deliveries)

    def __contains__(self, place: object) -> bool:
        return place in self._deliveries

    def __repr__(self) -> str:
        return f"<Out {len(self)}>"

    def add(self, deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
        """Take note of deliveries, and return those that were not out already."""
        fresh = [delivery for delivery in deliveries if delivery.place not in self._deliveries]
        self._deliveries.update((delivery.place, delivery) for delivery in fresh)
        if fresh:
            self._empty.clear()
        return fresh

    def remove(self, deliveries: Iterable[Delivery]) -> None:
        """Forget deliveries: they are committed, or another worker's."""
        for delivery in deliveries:
            self._deliveries.pop(delivery.place, None)
        if not self._deliveries:
            self._empty.set()

    async def drained(self) -> None:
        """Return when nothing is out."""
        await self._empty.wait()

    def oldest_ms(self, now_ms: int) -> int:
        """Return the age of what was appended first."""
        return max((now_ms - delivery.at_ms for delivery in self._deliveries.values()), default=0)
