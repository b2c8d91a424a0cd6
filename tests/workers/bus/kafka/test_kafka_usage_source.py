"""The usage topic of Kafka: retention, new partitions, and offsets that are not there."""

import asyncio
import collections

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from conformance.harness import eventually

from headgate.producers.kafka_client import client_options
from headgate.producers.kafka_producer import TransactionalProducer
from headgate.schemas.record import Record
from headgate.schemas.topics import Topics
from headgate.workers.bus.kafka.usage_source import KafkaUsageSource
from support.kafka_client import fresh_config, make_topics

pytestmark = pytest.mark.kafka


class World:
    def __init__(self, address, **changes):
        self.config = fresh_config(address, **{"partitions": 1, **changes})
        self.topic = Topics(self.config.prefix).usage
        self.turn = 0

    async def publish(self, *numbers):
        """Write usage as workers do: in transactions, so that there are markers in the log."""
        self.turn += 1
        producer = TransactionalProducer(client_options(self.config, "test"), f"{self.config.group}.{self.turn}")
        await producer.start()
        (await producer.prepare([Record(self.topic, b"%d" % n) for n in numbers], {}, self.config.group)).check()
        await producer.commit_transaction()
        await producer.discard()

    async def admin(self, verb, *arguments):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.config.bootstrap_servers)
        await admin.start()
        await getattr(admin, verb)(*arguments)
        await admin.close()

    async def source(self, **cursors):
        source = KafkaUsageSource(self.config)
        await source.start({f"{self.topic}/{partition[1:]}": cursor for partition, cursor in cursors.items()})
        return source


@pytest.fixture
async def world(kafka_address):
    world = World(kafka_address)
    await make_topics(world.config)
    return world


async def read(source, count, seconds=20):
    values = []
    async with asyncio.timeout(seconds):
        while len(values) < count:
            values += [int(value) for part in await source.read(1000, 0.2) for value in part.values]
    return values


async def test_what_retention_deleted_before_it_was_read_is_counted(world, caplog):
    await world.publish(*range(10))
    await world.publish(*range(10, 20))
    place = TopicPartition(world.topic, 0)
    await world.admin("delete_records", {place: RecordsToDelete(before_offset=8)})
    source = await world.source(p0="3")
    assert await read(source, 12) == [8, 9, *range(10, 20)]
    assert source.lost == 5
    assert "records 3 to 7 are gone" in caplog.text
    await source.stop()


async def test_a_ledger_from_another_cluster_is_read_up_to_from_the_beginning(world, caplog):
    await world.publish(*range(5))
    source = await world.source(p0="1000")
    assert await read(source, 5) == list(range(5))
    assert source.lost == 0
    assert "expected at least 1000" in caplog.text
    await source.stop()


async def test_partitions_that_are_added_are_read_from_their_beginning(world):
    await world.publish(1)
    source = await world.source()
    assert await read(source, 1) == [1]
    await world.admin("create_partitions", {world.topic: NewPartitions(3)})
    source._reader._consumer._client.force_metadata_update()
    await eventually(lambda: len(source._reader._partitions()) == 3)
    for number in range(2, 8):
        await world.publish(number)
    assert sorted(await read(source, 6)) == list(range(2, 8))
    await source.stop()


async def test_markers_of_transactions_are_no_lag_once_they_are_passed(world):
    for number in range(5):
        await world.publish(number)
    source = await world.source()
    assert await read(source, 5) == list(range(5))
    await source.read(10, 0.3)
    assert source.lag() == 0
    await source.stop()


async def test_usage_of_an_open_transaction_is_not_read_and_of_an_aborted_one_never(world):
    open_one = TransactionalProducer(client_options(world.config, "test"), f"{world.config.group}.open")
    await open_one.start()
    (await open_one.prepare([Record(world.topic, b"13")], {}, world.config.group)).check()
    source = await world.source()
    assert await source.read(10, 0.3) == []
    assert source.lag() == 0
    again = TransactionalProducer(client_options(world.config, "test"), f"{world.config.group}.open")
    await again.start()  # aborts what its predecessor left open
    await world.publish(14)
    assert await read(source, 1) == [14]
    for producer in (open_one, again):
        await producer.discard()
    await source.stop()


async def test_each_record_is_read_once_however_small_the_bites(kafka_address):
    world = World(kafka_address, partitions=3)
    await make_topics(world.config)
    for start in range(0, 300, 50):
        await world.publish(*range(start, start + 50))
    seen, cursors = collections.Counter(), {}
    while sum(seen.values()) < 300:
        source = await world.source(**{f"p{name.rpartition('/')[2]}": cursor for name, cursor in cursors.items()})
        for _ in range(2):
            for part in await source.read(40, 0.5):
                seen.update(int(value) for value in part.values)
                cursors[part.partition] = part.next_cursor
        await source.stop()
    assert seen == collections.Counter(range(300))
