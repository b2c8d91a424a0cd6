"""The suite's hands on Kafka."""

import asyncio
from collections.abc import Sequence

from conformance.harness import LENGTHS, Abilities

from headgate.producers.kafka import KafkaBatchBus
from headgate.schemas.record import Record
from headgate.schemas.topics import Topics
from headgate.workers.bus.kafka.bus import KafkaBus
from headgate.workers.bus.kafka.control import KafkaControlFeed
from headgate.workers.bus.kafka.usage_source import KafkaUsageSource
from headgate.workers.bus.port import Bus
from support.kafka_client import append, fresh_config, make_topics, read_all


class KafkaHarness:
    def __init__(self, address: str) -> None:
        self._config = fresh_config(address)
        self.topics = Topics(self._config.prefix)
        self.abilities = Abilities(restarts=False, bounded=False, open_topics=False)
        self.lengths = LENGTHS
        self._buses: list[KafkaBus] = []

    async def open(self) -> None:
        await make_topics(self._config)

    def worker(self, slot: str = "a") -> KafkaBus:
        bus = KafkaBus(self._config, slot, drain_seconds=0.3, commit_seconds=0.01, lengths=self.lengths)
        self._buses.append(bus)
        return bus

    async def crash(self, bus: Bus) -> None:
        assert isinstance(bus, KafkaBus)
        self._buses.remove(bus)
        await crash(bus)

    async def lose(self, bus: Bus) -> None:
        """Let the worker believe that its heartbeats arrive."""
        assert isinstance(bus, KafkaBus)
        bus._consumer()._coordinator._do_heartbeat = _believe

    async def append(self, records: Sequence[Record]) -> None:
        await append(self._config, records)

    async def read_all(self, topic: str) -> Sequence[Record]:
        return await read_all(self._config, topic)

    async def make_topic(self, topic: str) -> None:
        await make_topics(self._config, topic)

    def usage_source(self) -> KafkaUsageSource:
        return KafkaUsageSource(self._config)

    def control_feed(self) -> KafkaControlFeed:
        return KafkaControlFeed(self._config)

    def batch_bus(self, max_backlog: int = 100_000) -> KafkaBatchBus:  # noqa: ARG002 - Kafka has no bound
        return KafkaBatchBus(self._config)

    async def restart(self) -> None:
        raise NotImplementedError("the broker is shared; tests/workers/bus/kafka restarts one of its own")

    async def close(self) -> None:
        for bus in self._buses:
            if bus._transactions._producer is not None:
                await crash(bus)


async def crash(bus: KafkaBus) -> None:
    """End a worker of this process as `kill -9` does: no commit, no abort, no farewell to the group."""
    bus._fate.stop()
    bus.broker.running = False
    bus._rebalance.stop()
    await bus._fate.cancel()
    bus._directory.close()
    for task in bus._subscription.subscriber.tasks:
        task.cancel()
    bus._subscription.subscriber.running = False
    consumer = bus._subscription.consumer()
    if consumer is not None:
        bus._rebalance.on_partitions_revoked = bus._rebalance.on_partitions_assigned = _hear_nothing
        if consumer._coordinator is not None:
            consumer._coordinator._maybe_leave_group = _say_nothing
        await consumer.stop()
    await bus._transactions.stop()


async def _believe() -> bool:
    await asyncio.sleep(0)
    return True


async def _hear_nothing(_: object) -> None: ...


async def _say_nothing() -> None: ...
