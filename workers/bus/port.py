"""What the gateway and the recorder need of a bus. Peers: `kafka/` and `streams/`; one conformance suite holds both."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from ...schemas.record import Record


class Delivery(msgspec.Struct, frozen=True):
    """One request record, handed to the gateway until `complete` gives it back."""

    record: Record
    #: Names the record for ever, the same at every redelivery: `topic/partition/offset`, or `topic/entry-id`.
    place: str
    #: When it was appended to the bus, unix milliseconds by the bus's clock.
    at_ms: int
    #: The peer's own handle (tracker and offset, or entry id). Nobody else looks inside.
    handle: object


#: Takes deliveries over. It returns when there is room for more, so awaiting it is the back-pressure.
Admit = Callable[[Sequence[Delivery]], Awaitable[None]]

#: Hears of deliveries that will never be delivered again because their completion is committed. It must not block.
Committed = Callable[[Sequence[Delivery]], None]

#: Is called, once, when the records that it was given with are committed. It must not block.
Durable = Callable[[], None]


@dataclass(frozen=True, slots=True)
class BusStatus:
    """What a probe or a metric wants to know."""

    #: Joined, assigned, and able to commit.
    ready: bool
    #: Records behind the newest one, over all partitions of ours; None while unknown. Parked records are none of them.
    lag: int | None
    #: Age of the oldest record that is delivered and not completed, milliseconds.
    oldest_ms: int
    #: Deliveries given out and not yet committed.
    uncommitted: int
    commits: int
    #: Time spent in commits, seconds.
    commit_seconds: float = 0.0
    #: Records on deferral topics that nobody was given yet, over all partitions of ours; None while unknown.
    parked: int | None = None


class Bus(Protocol):
    """Delivers requests at least once, out of order; commits answers exactly once.

    `complete` only queues. Every few tens of milliseconds the peer commits what is queued: the replies, the usage
    records and the completion of the deliveries, all or nothing.

    A record on a deferral topic is delivered when it has lain there for its tier's length, not before, and in the order
    of the appends to its partition (or stream). Until then it takes no room and holds up nothing. For the rest it is
    a delivery like any other: whoever completes it with a record for a deferral topic among the replies parks it again.
    """

    async def start(self, admit: Admit, committed: Committed) -> None:
        """Begin to deliver. Deliveries left behind by a dead worker are delivered again, here or elsewhere.

        `admit` is awaited by one caller at a time.

        `committed` hears of each delivery once, after its commit; of one that was lost to another worker, never.

        It may have to wait for other workers, or for a server. Whoever cancels it calls `stop` all the same.
        """
        ...

    def complete(self, delivery: Delivery, replies: Sequence[Record], usage: Sequence[Record]) -> None:
        """Queue a delivery's end.

        If the delivery has meanwhile been lost to another worker, `replies` are dropped (the other one answers) and
        `usage` is published all the same: what was spent was spent.
        """
        ...

    def publish(self, records: Sequence[Record], durable: Durable | None = None) -> None:
        """Queue records that complete nothing: the usage of an attempt that will be followed by another.

        `durable` is called after their commit, perhaps before `publish` returns; never if the bus is lost before.
        """
        ...

    async def knows(self, topic: str) -> bool:
        """Say whether a record can be published to `topic`. Cached by the peer; cheap enough for each request."""
        ...

    async def stop(self, drain_seconds: float) -> None:
        """Deliver no more, wait at most `drain_seconds` for what is out, commit, close. What is left is redelivered."""
        ...

    async def closed(self) -> None:
        """Return when the bus has stopped, or raise `BusLost` when it cannot go on: then exit and be restarted."""
        ...

    def status(self) -> BusStatus:
        """Return facts for probes and metrics, without I/O."""
        ...


class BusLost(Exception):  # noqa: N818 - the name is the event
    """The bus peer cannot go on; nothing was lost, because nothing uncommitted is forgotten by the bus."""


class ControlFeed(Protocol):
    """What people say to all workers: each worker hears every record of the control topic, in its order.

    It begins a week back, so that a worker which comes later, or again, knows what was cancelled. A record may be heard
    twice.
    """

    async def start(self, heard: Callable[[Record], None]) -> None:
        """Begin. `heard` must not block. Raises `BusLost` where waiting is no use; waits for a server that is away."""
        ...

    async def ready(self) -> None:
        """Return when everything has been heard that was there at the start. Raises `BusLost`."""
        ...

    async def closed(self) -> None:
        """Return when the feed has stopped, or raise `BusLost` when it cannot go on: then exit and be restarted."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...


#: How far back a `ControlFeed` begins, seconds.
CONTROL_SECONDS: Final = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class UsageSlice:
    """Consecutive usage records of one partition, and where the next one starts."""

    #: Names topic and partition, or stream.
    partition: str
    values: Sequence[bytes]
    #: Opaque to everybody but the source; stored in the ledger in the same transaction as the rows.
    next_cursor: str


class UsageSource(Protocol):
    """The usage topic as the recorder reads it. The ledger, not the bus, remembers how far."""

    async def start(self, cursors: Mapping[str, str]) -> None:
        """Begin after what the ledger holds: partition → cursor; a partition that is not named, from its beginning."""
        ...

    async def read(self, max_records: int, max_wait_seconds: float) -> Sequence[UsageSlice]:
        """Return what is there: at most `max_records`, after at most `max_wait_seconds` if there is nothing."""
        ...

    async def recorded(self, cursors: Mapping[str, str]) -> None:
        """Hear that everything before these cursors is durable in the ledger, and may be trimmed."""
        ...

    def lag(self) -> int | None:
        """Return the number of records not yet read, None while unknown."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...
