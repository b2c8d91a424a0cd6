"""What only Kafka does: rebalances, transactions, topics that come and go. On a real broker."""

import asyncio
import contextlib

import pytest
from aiokafka import AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from conformance.harness import Desk, eventually, number_of, request
from conformance.kafka_harness import crash
from faststream import FastStream

from headgate.producers.kafka_client import client_options
from headgate.producers.kafka_partitioner import partition_of
from headgate.producers.kafka_producer import TransactionalProducer
from headgate.producers.kafka_wire import fetch_committed
from headgate.schemas.config import Config
from headgate.schemas.record import Record, header
from headgate.schemas.topics import Lane, Topics
from headgate.workers.assembly import make_kafka_bus
from headgate.workers.bus.kafka.bus import KafkaBus
from headgate.workers.bus.kafka.usage_source import KafkaUsageSource
from headgate.workers.bus.port import BusLost
from support.kafka_client import append, fresh_config, make_topics, read_all, until_there

pytestmark = pytest.mark.kafka


class World:
    """One config, and the buses on it."""

    def __init__(self, address, **changes):
        self.config = fresh_config(address, **changes)
        self.topics = Topics(self.config.prefix)
        self.buses = []

    async def __aenter__(self):
        await make_topics(self.config)
        return self

    async def __aexit__(self, *_):
        for bus in self.buses:
            if bus._transactions._producer is not None:
                await crash(bus)

    async def start(self, slot=None, room=1_000_000, **options):
        desk = Desk(self.topics, room)
        bus = KafkaBus(self.config, slot, **{"drain_seconds": 0.3, "commit_seconds": 0.01, **options})
        self.buses.append(bus)
        await bus.start(desk.admit, desk.hear)
        return bus, desk

    async def send(self, *numbers, **fields):
        await append(self.config, [request(self.topics, n, **fields) for n in numbers])

    async def replies(self):
        return sorted(number_of(record) for record in await read_all(self.config, self.topics.replies()))

    async def letters(self):
        return await read_all(self.config, self.topics.dead_letters)


@pytest.fixture
async def world(kafka_address):
    async with World(kafka_address) as world:
        yield world


@contextlib.asynccontextmanager
async def admin_of(config):
    admin = AIOKafkaAdminClient(bootstrap_servers=config.bootstrap_servers)
    await admin.start()
    yield admin
    await admin.close()


async def test_a_rebalance_gets_through_while_the_gateway_has_no_room(world):
    await world.send(*range(400))
    first, desk = await world.start(room=5)
    await desk.holding(5)
    second, other = await asyncio.wait_for(world.start(), 10)
    await other.holding(150)
    assert len(desk.held) == 5, "the first one is still full"
    while len(desk.committed) + len(other.committed) < 400:
        desk.answer(first, list(desk.held.values()))
        other.answer(second, list(other.held.values()))
        await asyncio.sleep(0.01)
    for bus in (first, second):
        await bus.stop(5)
    assert set(await world.replies()) == set(range(400))


async def test_calls_that_outlast_a_rebalance_are_answered_by_whoever_began_them_if_the_partition_stays(world):
    await world.send(*range(40))
    first, desk = await world.start("a")
    held = await desk.holding(40)
    second, other = await world.start("b")
    await eventually(lambda: first.status().ready and second.status().ready)
    kept = [d for d in held if first._partitions.get(d.record.topic, int(d.place.split("/")[1])) is not None]
    assert kept, "each lane has two partitions, so each worker has one"
    assert len(kept) < 40
    desk.answer(first, held)
    other.answer(second, await other.holding(40 - len(kept)))
    await first.stop(5)
    await second.stop(5)
    assert await world.replies() == list(range(40))
    assert {d.place for d in kept}.isdisjoint(other.taken), "what stayed was not run again"


async def test_a_worker_that_waits_for_another_ones_calls_before_it_may_start_can_be_stopped_at_once(world):
    await world.send(*range(5))
    first, desk = await world.start("a", drain_seconds=60)
    held = await desk.holding(5)
    second, other = KafkaBus(world.config, "b", drain_seconds=60), Desk(world.topics)
    starting = asyncio.create_task(second.start(other.admit, other.hear))
    await eventually(lambda: not first.status().ready)  # it gives back, when its calls have ended
    starting.cancel()
    await asyncio.wait([starting])
    await asyncio.wait_for(second.stop(5), 10)
    desk.answer(first, held)
    await first.stop(5)
    assert await world.replies() == list(range(5))


async def test_a_worker_whose_rebalance_waits_for_another_ones_calls_can_be_stopped_at_once(world):
    await world.send(*range(5))
    first, desk = await world.start("a", drain_seconds=60)
    held = await desk.holding(5)
    second, other = KafkaBus(world.config, "b", drain_seconds=60), Desk(world.topics)
    starting = asyncio.create_task(second.start(other.admit, other.hear))
    await eventually(lambda: not first.status().ready)
    await asyncio.wait_for(first.stop(0.1), 10)
    assert set(held) == set(desk.held.values())
    starting.cancel()
    await asyncio.wait([starting])
    await second.stop(0.1)
    assert await world.replies() == []


async def test_a_call_of_minutes_at_the_head_of_a_partition_neither_delays_nor_repeats_the_others(kafka_address):
    async with World(kafka_address, partitions=1) as world:
        await world.send(0)
        first, desk = await world.start("a")
        [slow] = await desk.holding(1)
        for start in range(1, 6001, 2000):
            await world.send(*range(start, start + 2000))
            await desk.until(lambda: len(desk.held) == 2001)
            desk.answer(first, [d for d in desk.held.values() if d is not slow])
        await desk.until(lambda: len(desk.committed) == 6000)
        assert first.status().uncommitted == 1
        await crash(first)
        second, other = await world.start("a")
        assert [d.place for d in await other.holding(1)] == [slow.place]
        await eventually(lambda: second.status().lag == 0)
        assert len(other.taken) == 1
        other.answer(second, list(other.held.values()))
        await second.stop(5)
        assert await world.replies() == list(range(6001))


async def test_the_newer_of_two_workers_of_one_slot_wins(world):
    old, _ = await world.start("a")
    new, desk = await world.start("a")
    old.publish([Record(world.topics.usage, b"late")])
    with pytest.raises(BusLost, match="ProducerFenced"):
        await asyncio.wait_for(old.closed(), 10)
    await crash(old)
    await world.send(1)
    new_held = await desk.holding(1)
    desk.answer(new, new_held)
    await new.stop(5)
    assert await world.replies() == [1]


async def test_requests_of_an_aborted_submission_are_never_run(world):
    topic = world.topics.requests(Lane.STANDARD)
    async with AIOKafkaProducer(
        bootstrap_servers=world.config.bootstrap_servers, transactional_id=f"{world.config.group}.x"
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"13 never", partition=0)
        await producer.abort_transaction()
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"14 yes", partition=0)
        await producer.commit_transaction()
    bus, desk = await world.start()
    held = await desk.holding(1)
    await eventually(lambda: bus.status().lag == 0)
    assert [d.record.value for d in held] == [b"14 yes"]
    desk.answer(bus, held)
    await bus.stop(5)


class _NotUtf8:
    """A header name as a client of another language may write it."""

    def encode(self, _encoding):
        return b"\xff\xfe"


@pytest.mark.parametrize("compression", [0, 3], ids=["plain", "lz4"])
async def test_a_header_name_that_is_not_utf8_stops_nothing(world, compression):
    topic = world.topics.requests(Lane.STANDARD)
    async with AIOKafkaProducer(bootstrap_servers=world.config.bootstrap_servers) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, 0, 100_000)
        for value, headers in ((b"1", []), (b"2", [(_NotUtf8(), b"v")]), (b"3", [("a", None)])):
            batch.append(timestamp=None, key=None, value=value, headers=headers)
        await (await producer.send_batch(batch, topic, partition=0))
        await producer.send_and_wait(topic, b"4", partition=0)
        await producer.send_and_wait(topic, b"5", partition=1)
    bus, desk = await world.start()
    held = sorted(await desk.holding(5), key=lambda d: d.record.value)
    assert [d.record.value for d in held] == [b"1", b"2", b"3", b"4", b"5"]
    assert held[1].record.headers == (("\ufffd\ufffd", b"v"),)
    desk.answer(bus, held)
    await bus.stop(5)
    assert await world.replies() == [1, 2, 3, 4, 5]


async def test_a_reply_topic_that_is_deleted_stops_nobody_elses_replies(world):
    gone = world.topics.replies("gone")
    await make_topics(world.config, gone)
    await world.send(*range(10))
    bus, desk = await world.start()
    assert await bus.knows(gone)
    held = await desk.holding(10)
    bus.complete(held[0], [Record(gone, b"first")], [])
    await desk.until(lambda: len(desk.committed) == 1)
    async with admin_of(world.config) as admin:
        await admin.delete_topics([gone])
    await until_there(world.config, gone, there=False)
    bus.complete(held[1], [Record(gone, b"second", b"k", (("h", b"v"),))], [])
    desk.answer(bus, held[2:])
    await desk.until(lambda: len(desk.committed) == 10)
    assert not await bus.knows(gone)
    await bus.stop(5)
    assert len(await world.replies()) == 8
    [letter] = await world.letters()
    assert (letter.value, letter.key) == (b"second", b"k")
    assert header(letter.headers, "headgate-cause") == b"unknown_reply_topic"
    assert header(letter.headers, "headgate-origin") == gone.encode()


async def test_a_reply_that_its_topic_does_not_take_stops_nobody_elses(world):
    narrow = world.topics.replies("narrow")
    async with admin_of(world.config) as admin:
        await admin.create_topics([_topic(narrow, {"max.message.bytes": "100000", "compression.type": "uncompressed"})])
    await until_there(world.config, narrow)
    await world.send(*range(12))
    bus, desk = await world.start()
    assert await bus.knows(narrow)
    held = await desk.holding(12)
    for delivery in held[:8]:
        bus.complete(delivery, [Record(narrow, b"%d " % number_of(delivery.record) + bytes(30_000))], [])
    bus.complete(held[8], [Record(narrow, bytes(200_000))], [])
    bus.complete(held[9], [Record(world.topics.replies(), bytes(11 * 1024 * 1024))], [])
    desk.answer(bus, held[10:])
    await desk.until(lambda: len(desk.committed) == 12)
    await bus.stop(5)
    assert len(await read_all(world.config, narrow)) == 8
    assert len(await world.replies()) == 2
    assert sorted(len(letter.value) for letter in await world.letters()) == [1024, 200_000]


def _topic(name, settings):
    return NewTopic(name, 1, 1, topic_configs=settings)


async def test_an_offset_is_not_believed_while_a_transaction_that_moves_it_is_open(world):
    place, group = TopicPartition(world.topics.usage, 0), world.config.group
    options = client_options(world.config, "test")
    producer = TransactionalProducer(options, f"{group}.y")
    await producer.start()
    (await producer.prepare([], {place: OffsetAndMetadata(7, "old")}, group)).check()
    await producer.commit_transaction()
    (await producer.prepare([], {place: OffsetAndMetadata(9, "new")}, group)).check()
    asking = asyncio.create_task(fetch_committed(producer.client, group, [place]))
    done, _ = await asyncio.wait([asking], timeout=0.5)
    assert not done
    await producer.commit_transaction()
    assert (await asyncio.wait_for(asking, 5))[place] == OffsetAndMetadata(9, "new")
    await producer.discard()


async def test_a_partition_whose_commit_is_uncertain_waits_and_the_others_do_not(world):
    uncertain = TopicPartition(world.topics.requests(Lane.STANDARD), 0)
    async with AIOKafkaProducer(bootstrap_servers=world.config.bootstrap_servers) as producer:
        for partition in (0, 1):
            for number in range(10):
                await producer.send_and_wait(uncertain.topic, b"%d%d" % (partition, number), partition=partition)
    dead = TransactionalProducer(client_options(world.config, "test"), f"{world.config.group}.dead")
    await dead.start()
    (await dead.prepare([], {uncertain: OffsetAndMetadata(4, "")}, world.config.group)).check()
    bus, desk = await world.start()
    held = await desk.holding(10)
    assert {d.place.split("/")[1] for d in held} == {"1"}
    desk.answer(bus, held)
    await desk.until(lambda: len(desk.committed) == 10)
    await dead.commit_transaction()
    await dead.discard()
    late = await desk.holding(6)
    assert [d.place.split("/")[1:] for d in late] == [["0", str(offset)] for offset in range(4, 10)]
    desk.answer(bus, late)
    await bus.stop(5)
    assert len(await world.replies()) == 16


async def test_faststream_can_run_it(world):
    await world.send(*range(20))
    desk, bus = Desk(world.topics), KafkaBus(world.config, drain_seconds=0.3)
    world.buses.append(bus)

    async def open_():
        await bus.open(desk.admit, desk.hear)

    async def drain():
        await bus.drain(5)

    app = FastStream(bus.broker, logger=None, on_startup=[open_], on_shutdown=[drain], after_shutdown=[bus.close])
    await app.start()
    desk.answer(bus, await desk.holding(20))
    await app.stop()
    await asyncio.wait_for(bus.closed(), 1)
    assert await world.replies() == list(range(20))


async def test_without_leave_to_make_topics_missing_ones_are_named(kafka_address):
    config = fresh_config(kafka_address, create_topics=False)
    bus = KafkaBus(config)
    with pytest.raises(BusLost, match=rf"expected the topics .*{config.prefix}dead-letters, .* to exist"):
        await bus.start(lambda _: None, lambda _: None)


async def test_the_topic_of_shadows_is_missed_where_a_route_has_one(kafka_address):
    config = fresh_config(kafka_address, create_topics=False)
    models = [
        {"name": "m", "deployments": [{"id": "d", "provider": "openai", "model": "m"}], "route": route}
        for route in ({"shadow": {"model": "n"}},)
    ]
    models.append({"name": "n", "deployments": [{"id": "e", "provider": "openai", "model": "m"}]})
    whole = Config(bus={"kafka": config.model_dump()}, providers={"openai": {"api_key": "x"}}, models=models)
    with pytest.raises(BusLost, match=rf"expected the topics .*{config.prefix}replies\.shadow, .* to exist"):
        await make_kafka_bus(whole, config, None).start(lambda _: None, lambda _: None)


async def test_without_a_broker_the_bus_is_lost_at_once():
    config = fresh_config("127.0.0.1:1")
    with pytest.raises(BusLost, match=r"expected to connect to Kafka, got: .*127\.0\.0\.1"):
        await KafkaBus(config).start(lambda _: None, lambda _: None)
    with pytest.raises(BusLost, match="expected to read"):
        await KafkaUsageSource(config).start({})


async def test_lanes_carry_the_brokers_time(world):
    await world.send(1)
    topic = world.topics.requests(Lane.STANDARD)
    async with AIOKafkaProducer(bootstrap_servers=world.config.bootstrap_servers) as producer:
        await producer.send_and_wait(topic, b"2", timestamp_ms=12345)
    bus, desk = await world.start()
    times = [d.at_ms for d in await desk.holding(2)]
    assert max(times) - min(times) < 60_000
    await bus.stop(0)


async def test_what_the_gateway_raises_ends_the_bus(world):
    async def admit(_deliveries):
        raise RuntimeError("out of ideas")

    await world.send(1)
    bus = KafkaBus(world.config, drain_seconds=0.3)
    world.buses.append(bus)
    await bus.start(admit, lambda _: None)
    with pytest.raises(BusLost, match="out of ideas"):
        await asyncio.wait_for(bus.closed(), 10)
    await bus.stop(0)
    assert not bus.status().ready


async def test_a_consumer_that_has_died_ends_the_bus(world):
    bus, _ = await world.start()
    bus._consumer()._coordinator._coordination_task.cancel()
    with pytest.raises(BusLost, match="consumer has died"):
        await asyncio.wait_for(bus.closed(), 10)
    await asyncio.wait_for(bus.stop(5), 5)


async def test_a_consumer_that_is_refused_while_nobody_fetches_ends_the_bus(world):
    bus, _ = await world.start()
    asked, never = asyncio.Event(), asyncio.Event()

    async def getmany(**_):
        asked.set()
        await never.wait()  # as while a batch waits for its assignment

    bus._consumer().getmany = getmany
    await asked.wait()
    bus._consumer()._coordinator._push_error_to_user(KafkaError("not you")).close()
    with pytest.raises(BusLost, match="not you"):
        await asyncio.wait_for(bus.closed(), 10)
    await asyncio.wait_for(bus.stop(5), 5)


async def test_a_log_that_was_cut_below_the_committed_offset_is_read_from_its_end(world):
    await world.send(1)
    place = TopicPartition(world.topics.requests(Lane.STANDARD), 0)
    options = client_options(world.config, "test")
    producer = TransactionalProducer(options, f"{world.config.group}.y")
    await producer.start()
    (await producer.prepare([], {place: OffsetAndMetadata(500, "")}, world.config.group)).check()
    await producer.commit_transaction()
    await producer.discard()
    bus, desk = await world.start()
    await eventually(lambda: bus.status().ready)
    key = next(key for key in (b"a", b"b", b"c", b"d", b"e") if partition_of(key, 2) == place.partition)
    await append(world.config, [Record(place.topic, b"%d later" % n, key) for n in range(100, 120)])
    await desk.until(lambda: set(range(100, 120)) <= {number_of(d.record) for d in desk.held.values()})
    desk.answer(bus, list(desk.held.values()))
    await bus.stop(5)
