"""Fetched records of deferral topics that are not due yet: the heads of these queues, and no more.

A partition is fetched no further than a moment beyond what is due: then it is paused, and resumed in time for the next
ones to be here before they are due. So what is delivered is in memory when its time comes, and what is not stays on the
broker. aiokafka throws away what it has fetched ahead of a paused partition, and fetches it again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer.subscription_state import Assignment

_MS: Final = 1000
#: Records are fetched when they are due within so many seconds: one fetch may have to wait for the one before it.
_AHEAD_SECONDS: Final = 0.25
#: About so many bytes of a partition lie on the shelf; a fetch more, because what was fetched is kept.
_MOST_BYTES: Final = 512 * 1024
_RECORD_OVERHEAD: Final = 256
_NEVER: Final = float("inf")


class _Queue:
    """The head of one partition."""

    __slots__ = ("bytes", "length_ms", "records")

    def __init__(self, length_ms: float) -> None:
        self.records: deque[ConsumerRecord] = deque()
        self.length_ms = length_ms
        self.bytes = 0

    def put(self, record: ConsumerRecord) -> None:
        self.records.append(record)
        self.bytes += _size(record)

    def take(self) -> ConsumerRecord:
        record = self.records.popleft()
        self.bytes -= _size(record)
        return record

    def due_at(self, place: int) -> float:
        """Return when the first (0) or the last (-1) record is due, unix seconds."""
        return (self.records[place].timestamp + self.length_ms) / _MS

    def fetch_at(self) -> float:
        """Return from when on the partition is to be fetched further; never, while it fills its place."""
        if self.bytes >= _MOST_BYTES:
            return _NEVER
        return self.due_at(-1) - _AHEAD_SECONDS if self.records else 0.0


class Shelf:
    """Everything on it was fetched under one assignment; with the next one it is void."""

    def __init__(self, lengths: Mapping[str, float], *, now: Callable[[], float] = time.time) -> None:
        """Make one for deferral topics, each with the seconds that a record lies on it."""
        self._lengths_ms = {topic: seconds * _MS for topic, seconds in lengths.items()}
        self._now = now
        self._queues: dict[TopicPartition, _Queue] = {}
        self._changed = asyncio.Event()
        #: aiokafka's, under which everything was fetched.
        self.assignment: Assignment | None = None

    def __len__(self) -> int:
        return sum(len(queue.records) for queue in self._queues.values())

    def __repr__(self) -> str:
        return f"<Shelf {len(self)} records>"

    def is_for(self, topic: str) -> bool:
        """Say whether a topic's records come here."""
        return topic in self._lengths_ms

    def put(self, records: Sequence[ConsumerRecord], assignment: Assignment) -> None:
        """Take records in, those of each partition in their order."""
        if assignment is not self.assignment:
            self.assignment = assignment
            self._queues.clear()
        for record in records:
            self._queue(TopicPartition(record.topic, record.partition)).put(record)
        self._look()
        self._changed.set()

    def take(self, most: int) -> list[ConsumerRecord]:
        """Take records away that are due: at most so many of each partition."""
        now, taken = self._now(), list[ConsumerRecord]()
        for queue in self._queues.values():
            until = len(taken) + most
            while queue.records and queue.due_at(0) <= now and len(taken) < until:
                taken.append(queue.take())
        self._look()
        return taken

    async def due(self) -> None:
        """Return when there is something to take; pause and resume partitions meanwhile."""
        while (wait := self._look()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if wait == _NEVER else wait):
                    await self._changed.wait()
            except TimeoutError:
                pass  # the time has come

    def _look(self) -> float:
        """Pause or resume each partition; return how long until there is something to do, 0 when something is due."""
        now, next_ = self._now(), _NEVER
        for tp, queue in self._queues.items():
            fetch_at = queue.fetch_at()
            self._let_fetch(tp, fetch=fetch_at <= now)
            if fetch_at > now:
                next_ = min(next_, fetch_at)
            if queue.records:
                next_ = min(next_, queue.due_at(0))
        return max(0.0, next_ - now)

    def _let_fetch(self, partition: TopicPartition, *, fetch: bool) -> None:
        if self.assignment is None:
            return
        state = self.assignment.state_value(partition)
        if fetch:
            state.resume()
        else:
            state.pause()

    def _queue(self, partition: TopicPartition) -> _Queue:
        queue = self._queues.get(partition)
        if queue is None:
            queue = self._queues[partition] = _Queue(self._lengths_ms[partition.topic])
        return queue


def _size(record: ConsumerRecord) -> int:
    return len(record.value or b"") + len(record.key or b"") + _RECORD_OVERHEAD
