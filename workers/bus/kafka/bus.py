"""The Kafka peer of the bus port, put together."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from ....producers.kafka_client import client_options
from ....producers.kafka_topics import TopicsMissingError, ensure_topics, headgate_topics
from ....schemas.config import KafkaBus as KafkaBusConfig
from ....schemas.deferral import LENGTHS
from ....schemas.record import Record
from ....schemas.topics import Tier, Topics
from ..port import Admit, BusLost, BusStatus, Committed, Delivery, Durable
from .bell import Bell
from .directory import Directory
from .fate import Fate
from .fenced import FencedProducer
from .forgotten import Reminder
from .forgotten_cluster import KafkaCluster
from .intake import Intake
from .member import MemberConsumer
from .outbox import Outbox
from .parked import Parked
from .partitions import Partitions
from .rebalance import Rebalance, drained
from .shelf import Shelf
from .subscription import Member, subscribe
from .transactions import KafkaTransactions
from .vigil import watch_over

_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})


class KafkaBus:
    """Requests from the lane topics, answers in transactions.

    `start` and `stop` run everything. Under `faststream run`, FastStream starts and stops `broker` itself: call `open`
    before, `drain` before it stops, and `close` after.
    """

    def __init__(
        self,
        config: KafkaBusConfig,
        slot: str | None = None,
        *,
        drain_seconds: float = 8.0,
        commit_seconds: float = 0.05,
        lengths: Mapping[Tier, float] = LENGTHS,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Make the bus of one worker; connect nothing.

        `slot` is the worker's name among its equals, the same after a restart: it is a static member of the group and
        takes its partitions up again at once. Two workers must not have the same; the newer one wins. Without one, the
        worker has a random name, and its partitions wait for the session timeout if it is killed.
        `drain_seconds`: how long a rebalance waits for calls under way. `lengths`: how long a record lies on each
        deferral topic.
        """
        self._config = config
        self._wanted = headgate_topics(config)
        self._now = now
        name = f"{config.group}.{slot or secrets.token_hex(8)}"
        self._options = client_options(config, name)
        self._bell = Bell()
        self._fate = Fate(self._bell.ring)
        self._partitions = Partitions()
        topics = Topics(config.prefix)
        self._directory = Directory(headgate_topics(config).keys(), topics.dead_letters)
        self._transactions = KafkaTransactions(lambda: self._producer(name), config.group, self._directory)
        self._outbox = Outbox(
            self._transactions,
            self._partitions,
            self._directory.divert,
            self._bell,
            lambda: self._consumer().rejoin(),
            interval=commit_seconds,
        )
        self._rebalance = Rebalance(
            self._partitions,
            self._outbox,
            self._bell,
            self._fate,
            self._consumer,
            group=config.group,
            drain_seconds=drain_seconds,
        )
        self._shelf = Shelf({topics.deferred(tier): seconds for tier, seconds in lengths.items()}, now=now)
        self._intake = Intake(
            self._partitions,
            self._rebalance,
            self._bell,
            self._fate,
            self._consumer,
            self._shelf,
            now=now,
        )
        self._reminding: asyncio.Task[None] | None = None
        first = TopicPartition(topics.lanes[0], 0)
        self._reminder = Reminder(
            KafkaCluster(lambda: self._consumer().client, self._directory.topics),
            lambda: (consumer := self._subscription.consumer()) is not None and consumer.has(first),
        )
        self._subscription = subscribe(config, Member(slot, drain_seconds), self._rebalance, self._intake.handle)
        self._parked = Parked(self._shelf, self._subscription.consumer)

    def __repr__(self) -> str:
        return f"<KafkaBus {self._partitions!r} {self._outbox!r}>"

    @property
    def broker(self) -> KafkaBroker:
        """FastStream's broker, for an application of FastStream's."""
        return self._subscription.broker

    def needs(self, topics: Collection[str]) -> None:
        """Have these topics made with the others, where they are missing; call it before the start."""
        self._wanted = {**dict.fromkeys(topics, _NO_SETTINGS), **self._wanted}

    async def start(self, admit: Admit, committed: Committed) -> None:
        """Connect, join the group, and begin to deliver. Raises `BusLost` if that cannot be done."""
        await self.open(admit, committed)
        try:
            await self.broker.start()
        except KafkaError as error:
            await self.stop(0)
            raise BusLost(f"expected to join the group {self._config.group}, got {error}") from error

    async def stop(self, drain_seconds: float) -> None:
        """Deliver no more, wait for what is out, commit, leave."""
        await self.drain(drain_seconds)
        await self.broker.stop()
        await self.close()

    async def open(self, admit: Admit, committed: Committed) -> None:
        """Make missing topics, fence a predecessor of the same slot, be ready to be delivered to. Raises `BusLost`."""
        try:
            await ensure_topics(self._options, self._config, self._wanted)
            await self._transactions.start()
        except (KafkaError, TopicsMissingError) as error:
            await self._transactions.stop()
            raise BusLost(f"expected to connect to Kafka, got: {error}") from error
        self._outbox.hear(committed)
        self._intake.start(admit)
        await self._subscription.connect(self._options)
        self._fate.watch(self._outbox.run(), "kafka bus: commit")
        self._fate.watch(self._intake.wake(), "kafka bus: deliver what is due")
        self._fate.watch(self._parked.run(), "kafka bus: count what is parked")
        self._fate.watch(watch_over(self._subscription.consumer), "kafka bus: watch over the consumer")
        self._reminding = self._fate.watch(self._reminder.run(), "kafka bus: end forgotten transactions")

    async def drain(self, drain_seconds: float) -> None:
        """Deliver no more, wait at most `drain_seconds` for what is out, and commit: the last commit there is.

        It has to be before the consumer leaves the group, which takes commits from members only.
        """
        self._intake.stop()
        await drained(self._bell, lambda: bool(self._partitions.out()) and not self._fate.over, drain_seconds)
        try:
            if not self._fate.over:
                await self._outbox.close()
        except BusLost as error:
            self._fate.lose(error)
        self._rebalance.stop()
        self._directory.close()
        if self._reminding is not None:
            self._reminding.cancel()

    async def close(self) -> None:
        """Close what `open` has opened. To be called when the broker has stopped."""
        await self._intake.abandon()
        await self._fate.cancel()
        await self._transactions.stop()
        self._fate.stop()

    async def closed(self) -> None:
        """Return when the bus has stopped, or raise `BusLost`."""
        await self._fate.wait()

    def complete(self, delivery: Delivery, replies: Sequence[Record], usage: Sequence[Record]) -> None:
        """Queue a delivery's end."""
        self._outbox.complete(delivery, replies, usage)

    def publish(self, records: Sequence[Record], durable: Durable | None = None) -> None:
        """Queue records that complete nothing."""
        self._outbox.publish(records, durable)

    async def knows(self, topic: str) -> bool:
        """Say whether a record can be published to `topic`."""
        if self._fate.over:
            raise BusLost(f"expected a bus that runs, to ask about {topic}; got one that has ended")
        return await self._directory.knows(topic, self._transactions.existing)

    def status(self) -> BusStatus:
        """Return facts for probes and metrics."""
        oldest = self._partitions.oldest_ms()
        counts = self._parked.counts()
        return BusStatus(
            ready=self._in_touch() and self._partitions.admitting and not self._intake.stopped and not self._fate.over,
            lag=None if counts is None else counts[0],
            oldest_ms=0 if oldest is None else max(0, int(self._now() * 1000) - oldest),
            uncommitted=self._partitions.uncommitted(),
            commits=self._outbox.commits,
            commit_seconds=self._outbox.commit_seconds,
            parked=None if counts is None else counts[1],
        )

    def _in_touch(self) -> bool:
        consumer = self._subscription.consumer()
        return consumer is not None and not consumer.closed and consumer.in_touch

    def _producer(self, transactional_id: str) -> FencedProducer:
        return FencedProducer(self._options, transactional_id, lambda: self._rebalance.membership, self._directory)

    def _consumer(self) -> MemberConsumer:
        consumer = self._subscription.consumer()
        if consumer is None:
            raise BusLost("expected a consumer that FastStream has started, got none")
        return consumer
