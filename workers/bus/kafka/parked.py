"""How many records wait on deferral topics: for probes, a little behind the truth."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from .member import MemberConsumer
from .shelf import Shelf

_EVERY_SECONDS: Final = 2.0


class Parked:
    """Counts what is on the shelf, and what the broker has behind it.

    A partition that is paused is not fetched, and so nobody hears how far it has grown: it is asked for, now and then.
    Markers that transactions leave in the log count as records.
    """

    def __init__(self, shelf: Shelf, consumer: Callable[[], MemberConsumer | None]) -> None:
        self._shelf = shelf
        self._consumer = consumer
        self._ends: Mapping[TopicPartition, int] = {}

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Ask for ever."""
        while True:
            await sleep(_EVERY_SECONDS)
            consumer = self._consumer()
            if consumer is None or consumer.closed:
                continue
            partitions = [tp for tp in consumer.positions() if self._shelf.is_for(tp.topic)]
            try:
                self._ends = await consumer.end_offsets(partitions) if partitions else {}
            except KafkaError:  # a broker is away, or the partitions are: what was known is known
                continue

    def counts(self) -> tuple[int, int] | None:
        """Return how many records wait in lanes, and how many on deferral topics; None while unknown."""
        consumer = self._consumer()
        lags = None if consumer is None else consumer.lags()
        if consumer is None or lags is None:
            return None
        positions = consumer.positions()
        lag, parked = 0, len(self._shelf)
        for tp, behind in lags.items():
            if self._shelf.is_for(tp.topic):
                parked += max(behind, self._ends.get(tp, 0) - positions.get(tp, 0))
            else:
                lag += behind
        return lag, parked
