"""The bus in memory: a peer of `kafka.py` and `streams.py` for tests, for examples, and for trying things out.

The other side of it, which a gateway would be, is `requests` and `answer`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from ..schemas.record import Record
from .port import Replies, Submitted


class MemoryBatchBus:
    """Topics are lists, cursors are their indices. `capacity` is how many requests may wait to be taken."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._requests: deque[Record] = deque()
        self._marks: dict[str, int] = {}
        self._replies: dict[str, list[Record | None]] = {}
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        """Nothing is to be connected."""

    async def submit(self, batch: str, records: Sequence[Record], mark: int) -> Submitted:
        """Append all records and set the mark, or say that there is no room."""
        if len(self._requests) + len(records) > self._capacity:
            return Submitted.FULL
        self._requests.extend(records)
        self._marks[batch] = mark
        await self._tell()
        return Submitted.DONE

    async def mark(self, batch: str) -> int:
        """Return the batch's mark."""
        return self._marks.get(batch, 0)

    async def end_of_replies(self, topic: str) -> str:
        """Return the index after the newest reply."""
        return str(len(self._topic(topic)))

    async def replies(self, topic: str, cursor: str, max_wait_seconds: float) -> Replies:
        """Return the replies from `cursor` on that were not taken by all."""
        start = int(cursor)
        try:
            async with asyncio.timeout(max_wait_seconds), self._changed:
                await self._changed.wait_for(lambda: len(self._topic(topic)) > start)
        except TimeoutError:
            return Replies((), cursor)
        records = self._topic(topic)
        return Replies([record for record in records[start:] if record is not None], str(len(records)))

    async def taken(self, topic: str, cursor: str, batch: str) -> None:
        """Forget the batch's replies before `cursor`."""
        records = self._topic(topic)
        for index in range(int(cursor)):
            record = records[index]
            if record is not None and (("headgate-batch", batch.encode()) in record.headers):
                records[index] = None

    async def stop(self) -> None:
        """Nothing is to be closed."""

    async def requests(self, at_most: int) -> Sequence[Record]:
        """Take requests off the bus, as a gateway does; wait for the first one."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._requests))
        return [self._requests.popleft() for _ in range(min(at_most, len(self._requests)))]

    async def answer(self, replies: Sequence[Record]) -> None:
        """Put replies on their topics, as a gateway does."""
        for reply in replies:
            self._topic(reply.topic).append(reply)
        await self._tell()

    def _topic(self, topic: str) -> list[Record | None]:
        return self._replies.setdefault(topic, [])

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
