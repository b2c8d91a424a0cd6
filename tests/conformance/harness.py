"""What the conformance suite needs to do to a bus, whatever the bus is. Each peer has a harness of its own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headgate.producers.port import BatchBus
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Tier, Topics
from headgate.workers.bus.port import Bus, ControlFeed, Delivery, UsageSource


@dataclass(frozen=True, slots=True)
class Abilities:
    """What not every bus can do, or not in the same time."""

    #: The server can be killed and comes back with its data.
    restarts: bool
    #: A producer is refused when `max_backlog` requests wait.
    bounded: bool
    #: A reply topic comes into being by being written to.
    open_topics: bool
    #: `lose` works.
    loses: bool = True
    #: The longest value that passes.
    value_bytes: int = 5 * 1024 * 1024
    #: How long a redelivery, after a crash or a loss, may take.
    patience: float = 10.0


class Harness(Protocol):
    """A bus of one test's own: its topics are empty, and nobody else uses them."""

    topics: Topics
    abilities: Abilities
    #: How long a record lies on each deferral topic.
    lengths: Mapping[Tier, float]

    async def open(self) -> None:
        """Make what the bus needs before its first worker."""
        ...

    def worker(self, slot: str = "a") -> Bus:
        """Make a worker's end of the bus; a slot is a worker's place, and survives its crash."""
        ...

    async def crash(self, bus: Bus) -> None:
        """End a worker as `kill -9` does: no commit, no farewell."""
        ...

    async def lose(self, bus: Bus) -> None:
        """Make the bus give this worker's deliveries to others while the worker goes on."""
        ...

    async def append(self, records: Sequence[Record]) -> None:
        """Append requests as any producer does."""
        ...

    async def read_all(self, topic: str) -> Sequence[Record]:
        """Return every record on a topic that a careful reader sees (on Kafka: read_committed)."""
        ...

    async def make_topic(self, topic: str) -> None:
        """Make a topic where topics must be made."""
        ...

    def usage_source(self) -> UsageSource:
        """Make the recorder's end of the bus."""
        ...

    def control_feed(self) -> ControlFeed:
        """Make a worker's ear on the control topic."""
        ...

    def batch_bus(self, max_backlog: int = 100_000) -> BatchBus:
        """Make a batch producer's end of the bus."""
        ...

    async def restart(self) -> None:
        """Kill the server and bring it back with its data."""
        ...

    async def close(self) -> None:
        """End what is left."""
        ...


#: Tiers that a test can wait for, and one that it never sees the end of.
LENGTHS: Mapping[Tier, float] = {Tier.SECONDS_10: 0.4, Tier.MINUTE: 0.8, Tier.MINUTES_10: 1.6, Tier.HOUR: 3600.0}


def request(topics: Topics, number: int, *, lane: Lane = Lane.STANDARD, size: int = 100) -> Record:
    """Make a request record that can be told from others."""
    return Record(topics.requests(lane), b"%d " % number + b"x" * size, b"%d" % number)


def number_of(record: Record) -> int:
    """Return the number that `request`, or `answer`, gave to a record."""
    assert record.value is not None
    return int(record.value.split(b" ")[0])


@dataclass(slots=True)
class Desk:
    """Stands in for the gateway: takes deliveries, answers when it is told to."""

    topics: Topics
    #: Deliveries that may be held at a time.
    room: int = 1_000_000
    held: dict[str, Delivery] = field(default_factory=dict)
    #: Every delivery ever taken, by its place.
    taken: list[str] = field(default_factory=list)
    committed: list[str] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def admit(self, deliveries: Sequence[Delivery]) -> None:
        """Take deliveries, one by one as there is room."""
        for delivery in deliveries:
            while len(self.held) >= self.room:
                self._room.clear()
                await self._room.wait()
            assert delivery.place not in self.held, "delivered twice at a time"
            self.held[delivery.place] = delivery
            self.taken.append(delivery.place)
            await self._tell()

    def hear(self, deliveries: Sequence[Delivery]) -> None:
        """Be told of commits."""
        self.committed += [delivery.place for delivery in deliveries]
        task = asyncio.get_running_loop().create_task(self._tell())
        task.add_done_callback(lambda _: None)

    def answer(self, bus: Bus, deliveries: Sequence[Delivery], by: bytes = b"a") -> None:
        """Complete deliveries, each with one reply and one usage record."""
        for delivery in deliveries:
            number = b"%d" % number_of(delivery.record)
            bus.complete(
                delivery,
                [Record(self.topics.replies(), number + b" reply by " + by, number)],
                [Record(self.topics.usage, number + b" usage by " + by)],
            )
            self.held.pop(delivery.place, None)
        self._room.set()

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for something that a delivery or a commit brings about."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def holding(self, count: int, seconds: float = 20.0) -> list[Delivery]:
        """Wait until so many deliveries are held, and return all that are."""
        await self.until(lambda: len(self.held) >= count, seconds)
        return list(self.held.values())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that tells nobody."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - as the docstring says
            await asyncio.sleep(0.01)
