"""The bus peer that lives in a process: for tests of what stands on a bus, and for embedding without one."""

import asyncio
import itertools
from collections.abc import Sequence

from ...schemas.record import Record
from .port import Admit, BusStatus, Committed, Delivery


class MemoryBus:
    """Delivers what `send` is given; what is completed is committed at once and lies in `published`."""

    def __init__(self, topics: Sequence[str] = ()) -> None:
        #: Topics that `knows` knows; empty: all.
        self._topics = frozenset(topics)
        self._numbers = itertools.count()
        self._admit: Admit | None = None
        self._committed: Committed = lambda _: None
        self._out: dict[str, Delivery] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()
        self._commits = 0
        self.published: list[Record] = []

    def __repr__(self) -> str:
        return f"<MemoryBus {len(self._out)} out, {len(self.published)} published>"

    async def start(self, admit: Admit, committed: Committed) -> None:
        """Begin to deliver."""
        self._admit, self._committed = admit, committed

    async def send(self, records: Sequence[Record], at_ms: int = 0) -> None:
        """Deliver records; returns when they are admitted."""
        if self._admit is None or self._stopped.is_set():
            raise RuntimeError("expected a bus that is started, got one that is not; call start first")
        deliveries = [
            Delivery(record, f"{record.topic}/{(number := next(self._numbers))}", at_ms, number) for record in records
        ]
        self._out.update((delivery.place, delivery) for delivery in deliveries)
        self._idle.clear()
        await self._admit(deliveries)

    def complete(self, delivery: Delivery, replies: Sequence[Record], usage: Sequence[Record]) -> None:
        """Commit a delivery's end; the replies of one that was taken away are dropped."""
        if self._out.pop(delivery.place, None) is None:
            self.publish(usage)
            return
        self.publish((*replies, *usage))
        self._committed((delivery,))
        if not self._out:
            self._idle.set()

    def publish(self, records: Sequence[Record]) -> None:
        """Commit records."""
        self._commits += 1
        self.published.extend(records)
        self._changed.set()

    def take_away(self, delivery: Delivery) -> None:
        """Lose a delivery to another worker."""
        self._out.pop(delivery.place, None)

    def on(self, topic: str) -> list[Record]:
        """Return what lies on `topic`."""
        return [record for record in self.published if record.topic == topic]

    async def wait_for(self, topic: str, count: int) -> list[Record]:
        """Wait until `count` records lie on `topic`."""
        while len(self.on(topic)) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.on(topic)

    async def knows(self, topic: str) -> bool:
        """Say whether the topic is one of those given."""
        return not self._topics or topic in self._topics

    async def stop(self, drain_seconds: float) -> None:
        """Wait for what is out, at most `drain_seconds`."""
        try:
            async with asyncio.timeout(drain_seconds):
                await self._idle.wait()
        except TimeoutError:
            pass  # what is left counts as not delivered
        self._stopped.set()

    async def closed(self) -> None:
        """Return when stopped."""
        await self._stopped.wait()

    def status(self) -> BusStatus:
        """Return facts."""
        return BusStatus(not self._stopped.is_set(), 0, 0, len(self._out), self._commits)
