"""Ends transactions that their coordinator has forgotten.

A coordinator tells each partition how a transaction ended. One that loses a partition from sight for a moment takes it
for deleted, tells it nothing, and calls the transaction over: brokers of Apache Kafka 4.3 and 4.4 do so when they come
back from a crash while a transaction is being ended. Such a partition waits for ever. No reader of committed records
sees anything that was written after it, and what a group has committed there stays uncertain: everything stands still.
Somebody has to tell the partition what its coordinator did not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 5.0
#: States in which a coordinator has nothing to do for the transactions that a producer has had.
_AT_REST: Final = frozenset({"CompleteAbort", "CompleteCommit", "Empty"})
#: By how much the producer's epoch is above the transaction's if that was committed.
_EPOCHS_AFTER_COMMIT: Final[Mapping[str, Collection[int]]] = MappingProxyType({"CompleteCommit": (0, 1), "Empty": (1,)})


class Held(NamedTuple):
    """A transaction that a partition takes for open."""

    partition: TopicPartition
    #: Where its first record is: no other transaction begins there.
    start: int
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int


class Producer(NamedTuple):
    """What the coordinator knows of a producer, and of the last transaction that it has had."""

    transactional_id: str
    state: str
    epoch: int
    #: Those that have still to hear how the transaction ends.
    partitions: Collection[TopicPartition]


class Cluster(Protocol):
    """What the brokers can be asked. Everything raises `KafkaError`."""

    async def standing(self) -> Mapping[TopicPartition, int]:
        """Return the partitions in which something is held back from readers, and the offset from which on."""
        ...

    async def held(self, partitions: Collection[TopicPartition]) -> set[Held]:
        """Return what those partitions take for open."""
        ...

    async def producers(self, ids: Collection[int]) -> Mapping[int, Producer]:
        """Return what is known of those producers; those that nobody knows, or that we may not see, are absent."""
        ...

    async def end(self, held: Held, *, committed: bool) -> None:
        """Tell the partition how a transaction ended."""
        ...


def was_committed(held: Held, producer: Producer | None) -> bool | None:
    """Say how a transaction ended; None if it has not, or if nobody can know.

    An abort for a timeout or for a successor raises the epoch, and so does the successor: by two together. A commit
    leaves the epoch, or raises it by one. A successor that finds nothing open raises it by one.
    """
    if producer is None or producer.state not in _AT_REST or held.partition in producer.partitions:
        return None
    raised = producer.epoch - held.producer_epoch
    return raised in _EPOCHS_AFTER_COMMIT.get(producer.state, ())


class Reminder:
    """Looks for partitions that stand still, and reminds them of what their coordinator has forgotten."""

    def __init__(self, cluster: Cluster, ours: Callable[[], bool]) -> None:
        """Make one that looks while `ours()`: one worker of the group is to do it."""
        self._cluster = cluster
        self._ours = ours
        self._stood: Mapping[TopicPartition, int] = {}

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look for ever."""
        while True:
            await sleep(_EVERY_SECONDS)
            try:
                if self._ours():
                    await self.look()
            except NotImplementedError as error:  # from aiokafka, of a version that the brokers do not have
                _log.warning("these brokers cannot be asked for forgotten transactions: %r", error)
                return
            except KafkaError as error:  # a broker is away, or refuses: it may not the next time
                _log.log(logging.INFO if error.retriable else logging.ERROR, "forgotten transactions: %r", error)

    async def look(self) -> None:
        """Look once. What stood in the same place the last time has to have a reason."""
        standing = await self._cluster.standing()
        still = [tp for tp, offset in standing.items() if self._stood.get(tp) == offset]
        self._stood = standing
        if still:
            await self._look_into(still)

    async def _look_into(self, partitions: Collection[TopicPartition]) -> None:
        """End what is open for its partition, is over for its coordinator, and is open for its partition still.

        A transaction that was on its way to its end is at its end by then.
        """
        held = await self._cluster.held(partitions)
        producers = await self._cluster.producers({one.producer_id for one in held})
        endings = {one: was_committed(one, producers.get(one.producer_id)) for one in held}
        forgotten = {one for one, committed in endings.items() if committed is not None}
        for one in forgotten & await self._cluster.held({one.partition for one in forgotten}):
            committed = bool(endings[one])
            await self._cluster.end(one, committed=committed)
            _log.error(
                "%s/%d stood still at %d: the broker had forgotten to tell it that the transaction of %s was %s",
                *one.partition,
                one.start,
                producers[one.producer_id].transactional_id,
                "committed" if committed else "aborted",
            )
