"""The brokers, asked about transactions."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Final

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import for_code
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition

from .forgotten import Held, Producer
from .forgotten_wire import DescribeProducers, DescribeTransactions, ListEnds, ListTransactions, WriteMarker

#: What groups have committed is written in transactions, too.
_OFFSETS: Final = "__consumer_offsets"
_NOTHING_OPEN: Final = -1
_NOT_ALLOWED: Final = 31


class KafkaCluster:
    """Asks the leaders of the partitions of `topics()`, and the coordinators. What may not be seen counts as absent."""

    def __init__(self, client: Callable[[], AIOKafkaClient], topics: Callable[[], Collection[str]]) -> None:
        self._client = client
        self._topics = topics
        self._brokers: list[int] = []
        self._leaders: dict[TopicPartition, int] = {}

    async def standing(self) -> Mapping[TopicPartition, int]:
        """Return where readers of committed records cannot go on although there is more."""
        client = self._client()
        request = MetadataRequest([*self._topics(), _OFFSETS], False)
        response = await client.send(client.get_random_node(), request)
        self._brokers = [broker for broker, *_ in response.brokers]
        self._leaders = {
            TopicPartition(topic, partition): leader
            for _, topic, _, partitions in response.topics
            for _, partition, leader, *_ in partitions
            if leader >= 0
        }
        stable = await self._ends(committed=True)
        ends = await self._ends(committed=False)
        return {tp: offset for tp, offset in stable.items() if offset < ends.get(tp, offset)}

    async def _ends(self, *, committed: bool) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = {}
        for leader, led in self._by_leader(self._leaders).items():
            response = await self._client().send(leader, ListEnds(led, committed=committed))
            for topic, results, _ in response.topics:
                for partition, error_code, _, end, *_ in results:
                    if error_code == 0:
                        ends[TopicPartition(topic, partition)] = end
        return ends

    async def held(self, partitions: Collection[TopicPartition]) -> set[Held]:
        """Return the transactions that are open as far as the leaders of the partitions know."""
        held: set[Held] = set()
        for leader, led in self._by_leader(partitions).items():
            response = await self._client().send(leader, DescribeProducers(led))
            for topic, results, _ in response.topics:
                for partition, _, _, producers, _ in results:
                    held |= {
                        Held(TopicPartition(topic, partition), start, producer_id, epoch, max(0, coordinator_epoch))
                        for producer_id, epoch, _, _, coordinator_epoch, start, _ in producers or ()
                        if start != _NOTHING_OPEN
                    }
        return held

    async def producers(self, ids: Collection[int]) -> Mapping[int, Producer]:
        """Find the transactional ids of producers, and what their coordinators know of them."""
        if not ids:
            return {}
        names: set[str] = set()
        for broker in self._brokers:
            response = await self._client().send(broker, ListTransactions(ids))
            names |= {name for name, *_ in response.transactions}
        producers: dict[int, Producer] = {}
        for name in names:
            producers |= await self._describe(name)
        return producers

    async def _describe(self, name: str) -> dict[int, Producer]:
        client = self._client()
        node = await client.coordinator_lookup(CoordinationType.TRANSACTION, name)
        response = await client.send(node, DescribeTransactions((name,)), group=ConnectionGroup.COORDINATION)
        return {
            producer_id: Producer(name, state, epoch, {TopicPartition(t, p) for t, found, _ in topics for p in found})
            for error_code, _, state, _, _, producer_id, epoch, topics, _ in response.transactions
            if error_code == 0
        }

    async def end(self, held: Held, *, committed: bool) -> None:
        """Write the marker that is missing. It takes the right to do so: ClusterAction or Alter on the cluster."""
        producer = held.producer_id, held.producer_epoch
        request = WriteMarker(held.partition, producer, held.coordinator_epoch, commit=committed)
        response = await self._client().send(self._leaders[held.partition], request)
        ((_, ((_, ((_, error_code, _),), _),), _),) = response.markers
        if error_code == _NOT_ALLOWED:
            raise for_code(error_code)(
                f"{held.partition.topic}/{held.partition.partition} stands still at {held.start}: the broker has "
                "forgotten to end a transaction there; allow Alter on the cluster, or run kafka-transactions.sh abort"
            )
        if error_code:
            raise for_code(error_code)(str(held))

    def _by_leader(self, partitions: Collection[TopicPartition]) -> dict[int, list[TopicPartition]]:
        led: dict[int, list[TopicPartition]] = defaultdict(list)
        for tp in partitions:
            if tp in self._leaders:
                led[self._leaders[tp]].append(tp)
        return led
