"""Batches on a real Kafka: windows are submitted once, whoever dies, and whoever competes."""

import asyncio
import os

import pytest
from aiokafka.errors import KafkaConnectionError
from conformance.harness import number_of, request

from headgate.producers.kafka import KafkaBatchBus
from headgate.producers.kafka_submitter import BatchContestedError, RecordTooLargeError
from headgate.producers.kafka_topics import TopicsMissingError
from headgate.producers.port import Submitted
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Topics
from support.kafka_client import append, fresh_config, make_topic_with, make_topics, read_all

pytestmark = pytest.mark.kafka

BATCH = "batch-1"


class World:
    def __init__(self, address, **changes):
        self.config = fresh_config(address, **changes)
        self.topics = Topics(self.config.prefix)
        self.buses = []

    async def bus(self, **options):
        bus = KafkaBatchBus(self.config, **options)
        self.buses.append(bus)
        await bus.start()
        return bus

    def window(self, *numbers):
        return [request(self.topics, n) for n in numbers]

    async def submitted(self):
        return sorted(number_of(r) for r in await read_all(self.config, self.topics.requests(Lane.STANDARD)))

    async def stop(self):
        for bus in self.buses:
            await bus.stop()


@pytest.fixture
async def world(kafka_address):
    world = World(kafka_address)
    yield world
    await world.stop()


async def test_a_window_whose_submitter_died_before_the_end_never_was(world):
    first = await world.bus()
    await first.submit(BATCH, world.window(0, 1), 2)
    submitter = first._submitters[BATCH]
    prepare = submitter._producer.prepare

    async def die(*arguments):
        (await prepare(*arguments)).check()
        raise asyncio.CancelledError

    submitter._producer.prepare = die
    with pytest.raises(asyncio.CancelledError):
        await first.submit(BATCH, world.window(2, 3), 4)
    second = await world.bus()
    assert await second.mark(BATCH) == 2
    assert await second.submit(BATCH, world.window(2, 3), 4) is Submitted.DONE
    assert await world.submitted() == [0, 1, 2, 3]
    assert await second.mark(BATCH) == 4


async def test_a_window_of_which_nobody_knows_whether_it_was_committed_is_looked_for(world):
    bus = await world.bus(sleep=lambda _: asyncio.sleep(0))
    await bus.submit(BATCH, world.window(0), 1)
    producer = bus._submitters[BATCH]._producer
    commit = producer.commit_transaction

    async def commit_and_break():
        await commit()
        raise KafkaConnectionError("cut")

    producer.commit_transaction = commit_and_break
    assert await bus.submit(BATCH, world.window(1, 2), 3) is Submitted.DONE
    assert bus._submitters[BATCH]._producer is not producer
    await bus.submit(BATCH, world.window(3), 4)
    assert await world.submitted() == [0, 1, 2, 3]


async def test_a_window_that_was_not_committed_is_submitted_again(world):
    bus = await world.bus(sleep=lambda _: asyncio.sleep(0))
    await bus.submit(BATCH, world.window(0), 1)

    async def break_():
        raise KafkaConnectionError("cut")

    bus._submitters[BATCH]._producer.commit_transaction = break_
    assert await bus.submit(BATCH, world.window(1, 2), 3) is Submitted.DONE
    assert await world.submitted() == [0, 1, 2]


async def test_of_two_processes_that_submit_a_batch_one_is_told_to_stop(world):
    first, second = await world.bus(), await world.bus()
    assert await first.mark(BATCH) == await second.mark(BATCH) == 0
    await first.submit(BATCH, world.window(0, 1), 2)
    with pytest.raises(BatchContestedError, match=r"expected the mark of .*batch-1 to be 0, got 2"):
        await second.submit(BATCH, world.window(0, 1, 2), 3)
    third = await world.bus(sleep=lambda _: asyncio.sleep(0))
    await third.mark(BATCH)
    await third.submit(BATCH, world.window(2, 3), 4)
    with pytest.raises(BatchContestedError, match="to be 2, got 4"):
        await first.submit(BATCH, world.window(2, 3, 4), 5)
    assert await world.submitted() == [0, 1, 2, 3]


async def test_a_record_that_is_too_large_is_told_from_a_full_bus(world):
    bus = await world.bus()
    with pytest.raises(RecordTooLargeError, match="at most 10485760 bytes"):
        await bus.submit(BATCH, [request(world.topics, 1, size=11 * 1024 * 1024)], 1)
    narrow = world.topics.requests(Lane.BULK) + "x"
    await make_topic_with(world.config, narrow, {"max.message.bytes": "1000"})
    with pytest.raises(RecordTooLargeError, match=r"raise its max\.message\.bytes"):
        await bus.submit(BATCH, [Record(narrow, os.urandom(5000))], 1)
    assert await bus.mark(BATCH) == 0
    await bus.submit(BATCH, world.window(5), 1)
    assert await world.submitted() == [5]


async def test_windows_of_five_thousand_pass(world):
    bus = await world.bus()
    await bus.submit(BATCH, [request(world.topics, n, size=2000) for n in range(5000)], 5000)
    assert await world.submitted() == list(range(5000))


async def test_a_reply_topic_is_made_when_it_is_missing(world):
    bus = await world.bus()
    topic = world.topics.replies("mine")
    cursor = await bus.end_of_replies(topic)
    await append(world.config, [Record(topic, b"7 x", b"k", (("h", None),))])
    found = await bus.replies(topic, cursor, 5)
    assert list(found.records) == [Record(topic, b"7 x", b"k", (("h", None),))]


async def test_where_no_topics_may_be_made_a_missing_one_is_named(kafka_address):
    world = World(kafka_address, create_topics=False)
    with pytest.raises(TopicsMissingError, match=r"requests\.bulk"):
        await world.bus()
    await make_topics(world.config.model_copy(update={"create_topics": True}))
    bus = await world.bus()
    with pytest.raises(TopicsMissingError, match=r"replies\.mine"):
        await bus.end_of_replies(world.topics.replies("mine"))
    await world.stop()


async def test_no_broker_is_an_error_at_the_start():
    config = fresh_config("127.0.0.1:1")
    with pytest.raises(KafkaConnectionError):
        await KafkaBatchBus(config).start()


async def test_a_broker_that_is_killed_in_the_middle_of_windows_loses_and_doubles_nothing(own_kafka):
    world = World(own_kafka.address)
    bus = await world.bus()
    for window in range(6):
        submitting = asyncio.create_task(
            bus.submit(BATCH, world.window(*range(window * 100, window * 100 + 100)), (window + 1) * 100)
        )
        if window in {1, 4}:
            await asyncio.sleep(0.005)
            await asyncio.to_thread(own_kafka.kill9)
            await asyncio.to_thread(own_kafka.start)
        assert await asyncio.wait_for(submitting, 60) is Submitted.DONE
    assert await world.submitted() == list(range(600))
    await world.stop()
