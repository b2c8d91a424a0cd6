"""The bus peers that live in a process: for tests of what stands on a bus, and for embedding without one."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from ...schemas.deferral import LENGTHS
from ...schemas.record import Record
from ...schemas.topics import Tier, Topics
from .port import Admit, BusStatus, Committed, Delivery, Durable

_MS: Final = 1000


class MemoryBus:
    """Delivers what `send` is given; what is completed is committed at once and lies in `published`.

    What is committed to a deferral topic is delivered when it is due by `now`: `sleep` waits for that, and who moves
    a clock of its own calls `wake`.
    """

    def __init__(
        self,
        topics: Sequence[str] = (),
        *,
        prefix: str = "headgate.",
        lengths: Mapping[Tier, float] = LENGTHS,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        #: Topics that `knows` knows; empty: all.
        self._topics = frozenset(topics)
        self._names = Topics(prefix)
        self._lengths = lengths
        self._now = now
        self._sleep = sleep
        self._numbers = itertools.count()
        self._admit: Admit | None = None
        self._admitting = asyncio.Lock()
        self._committed: Committed = lambda _: None
        self._out: dict[str, Delivery] = {}
        self._parked: dict[Tier, deque[Delivery]] = {tier: deque() for tier in Tier}
        self._waking: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()
        self._commits = 0
        self.published: list[Record] = []

    def __repr__(self) -> str:
        return f"<MemoryBus {len(self._out)} out, {self.parked} parked, {len(self.published)} published>"

    async def start(self, admit: Admit, committed: Committed) -> None:
        """Begin to deliver."""
        self._admit, self._committed = admit, committed

    async def send(self, records: Sequence[Record], at_ms: int = 0) -> None:
        """Deliver records; returns when they are admitted."""
        await self._deliver([self._delivery(record, at_ms) for record in records])

    async def wake(self) -> float | None:
        """Deliver what is due; return when they are admitted, with the time of the next one, None if there is none."""
        due: list[Delivery] = []
        while (head := self._head()) is not None and head[0] <= self._now():
            due.append(self._parked[head[1]].popleft())
        await self._deliver(due)
        head = self._head()
        return None if head is None else head[0]

    def complete(self, delivery: Delivery, replies: Sequence[Record], usage: Sequence[Record]) -> None:
        """Commit a delivery's end; the replies of one that was taken away are dropped."""
        if self._out.pop(delivery.place, None) is None:
            self.publish(usage)
            return
        self.publish((*replies, *usage))
        self._committed((delivery,))
        if not self._out:
            self._idle.set()

    def publish(self, records: Sequence[Record], durable: Durable | None = None) -> None:
        """Commit records."""
        self._commits += 1
        self.published.extend(records)
        for record in records:
            self._park(record)
        self._changed.set()
        if durable is not None:
            durable()

    def take_away(self, delivery: Delivery) -> None:
        """Lose a delivery to another worker."""
        self._out.pop(delivery.place, None)

    def on(self, topic: str) -> list[Record]:
        """Return what lies on `topic`, or has lain there."""
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
        """Wait for what is out, at most `drain_seconds`; what is parked is forgotten."""
        if self._waking is not None:
            self._waking.cancel()
        try:
            async with asyncio.timeout(drain_seconds):
                await self._idle.wait()
        except TimeoutError:
            pass  # what is left counts as not delivered
        self._stopped.set()

    async def closed(self) -> None:
        """Return when stopped."""
        await self._stopped.wait()

    @property
    def parked(self) -> int:
        """How many records wait on deferral topics."""
        return sum(map(len, self._parked.values()))

    def status(self) -> BusStatus:
        """Return facts."""
        return BusStatus(not self._stopped.is_set(), 0, 0, len(self._out), self._commits, parked=self.parked)

    def _delivery(self, record: Record, at_ms: int) -> Delivery:
        number = next(self._numbers)
        return Delivery(record, f"{record.topic}/{number}", at_ms, number)

    async def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        if self._admit is None or self._stopped.is_set():
            raise RuntimeError("expected a bus that is started, got one that is not; call start first")
        if not deliveries:
            return
        self._out.update((delivery.place, delivery) for delivery in deliveries)
        self._idle.clear()
        async with self._admitting:
            await self._admit(deliveries)

    def _park(self, record: Record) -> None:
        tier = self._names.tier_of(record.topic)
        if tier is None:
            return
        self._parked[tier].append(self._delivery(record, int(self._now() * _MS)))
        if not self._stopped.is_set() and (self._waking is None or self._waking.done()):
            self._waking = asyncio.get_running_loop().create_task(self._wake_up())

    async def _wake_up(self) -> None:
        """Deliver what is parked, each when it is due. What comes meanwhile is never due before the shortest tier."""
        while (due := await self.wake()) is not None:
            await self._sleep(min(due - self._now(), *self._lengths.values()))

    def _head(self) -> tuple[float, Tier] | None:
        """Return when the first of all that is parked is due, unix seconds, and its tier."""
        heads = [(queue[0].at_ms / _MS + self._lengths[tier], tier) for tier, queue in self._parked.items() if queue]
        return min(heads, default=None)


class MemoryControl:
    """The control feed's peer: what `say` is given is heard at once."""

    def __init__(self) -> None:
        self._heard: Callable[[Record], None] | None = None
        self._said: list[Record] = []
        self._stopped = asyncio.Event()

    def __repr__(self) -> str:
        return f"<MemoryControl {len(self._said)} said>"

    def say(self, record: Record) -> None:
        """Append a record to the control topic."""
        self._said.append(record)
        if self._heard is not None and not self._stopped.is_set():
            self._heard(record)

    async def start(self, heard: Callable[[Record], None]) -> None:
        """Begin with what was said before."""
        self._heard = heard
        for record in self._said:
            heard(record)

    async def ready(self) -> None:
        """Return."""

    async def closed(self) -> None:
        """Return when stopped."""
        await self._stopped.wait()

    async def stop(self) -> None:
        """Stop hearing."""
        self._stopped.set()
