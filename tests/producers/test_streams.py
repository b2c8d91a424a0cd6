"""The batch bus on streams, beyond what every batch bus promises."""

import asyncio

import pytest
from conformance.harness import number_of, request
from redis.asyncio import Redis

from headgate.producers.port import Submitted
from headgate.producers.portion import Portion
from headgate.producers.redis_link import Address
from headgate.producers.streams import StreamsBatchBus, is_private
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane
from support.streams import LostAnswers, Streams
from support.valkey import own_valkey, redis, valkey, valkey_url

__all__ = ["own_valkey", "redis", "valkey", "valkey_url"]

BATCH = "batch-20261122-150301-bcdfghjk"


@pytest.fixture
def streams(valkey, redis):
    return Streams(valkey, redis)


@pytest.fixture
async def bus(valkey):
    bus = StreamsBatchBus(valkey.address, valkey.prefix, max_backlog=50)
    await bus.start()
    yield bus
    await bus.stop()


async def test_a_window_whose_answer_got_lost_is_not_submitted_twice(bus, streams):
    records = [request(streams.topics, n) for n in range(10)]
    lost = LostAnswers(bus._writing, "EVAL", 2)
    assert await bus.submit(BATCH, records, 10) is Submitted.DONE
    assert lost.left == 0
    assert [number_of(record) for record in await streams.on(records[0].topic)] == list(range(10))
    assert await bus.mark(BATCH) == 10


async def test_a_window_that_the_mark_covers_is_not_submitted_again(bus, streams):
    records = [request(streams.topics, n) for n in range(3)]
    for mark in (3, 3, 2):
        assert await bus.submit(BATCH, records, mark) is Submitted.DONE
    assert len(await streams.on(records[0].topic)) == 3
    assert await bus.mark(BATCH) == 3


async def test_batches_have_marks_of_their_own(bus, streams):
    assert await bus.submit("one", [request(streams.topics, 1)], 1) is Submitted.DONE
    assert await bus.submit("two", [request(streams.topics, 1)], 1) is Submitted.DONE
    assert len(await streams.on(streams.topics.lanes[1])) == 2


async def test_each_lane_has_a_bound_of_its_own_and_a_window_goes_whole_or_not_at_all(bus, streams):
    bulk = [request(streams.topics, n, lane=Lane.BULK) for n in range(45)]
    assert await bus.submit("one", bulk, 45) is Submitted.DONE
    mixed = [request(streams.topics, n, lane=lane) for n in range(6) for lane in (Lane.URGENT, Lane.BULK)]
    assert await bus.submit(BATCH, mixed, 12) is Submitted.FULL
    assert await streams.on(streams.topics.requests(Lane.URGENT)) == []
    assert await bus.mark(BATCH) == 0
    assert await bus.submit(BATCH, [r for r in mixed if r.topic.endswith("urgent")], 12) is Submitted.DONE


async def test_a_window_larger_than_the_bound_goes_into_an_empty_stream(bus, streams):
    assert await bus.submit(BATCH, [request(streams.topics, n) for n in range(80)], 80) is Submitted.DONE
    assert await bus.submit(BATCH, [request(streams.topics, 80)], 81) is Submitted.FULL


async def test_a_server_without_memory_is_a_full_bus_and_nothing_is_half_done(own_valkey):
    async with Redis.from_url(own_valkey.url, protocol=2) as client:
        streams = Streams(own_valkey, client)
        bus = StreamsBatchBus(own_valkey.address)
        await bus.start()
        await client.config_set("maxmemory", "1")
        assert await bus.submit(BATCH, [request(streams.topics, 1)], 1) is Submitted.FULL
        assert await bus.mark(BATCH) == 0
        assert await streams.on(streams.topics.lanes[1]) == []
        await client.config_set("maxmemory", "0")
        assert await bus.submit(BATCH, [request(streams.topics, 1)], 1) is Submitted.DONE
        await bus.stop()


async def test_what_is_taken_from_a_batchs_own_topic_is_trimmed_exactly(bus, streams):
    topic = streams.topics.replies(BATCH)
    await streams.append([Record(topic, b"%d " % n) for n in range(300)])
    found = await bus.replies(topic, await _beginning(bus, topic), 1)
    count = len(found.records)
    assert 0 < count < 300
    await bus.taken(topic, found.cursor, BATCH)
    left = await streams.on(topic)
    assert [number_of(record) for record in left] == list(range(count, 300))


async def _beginning(bus, topic):
    end = await bus.end_of_replies(topic)
    assert end != "0-0"
    return "0-0"


async def test_the_end_of_a_topic_that_does_not_exist_is_its_beginning(bus, streams):
    assert await bus.end_of_replies(streams.topics.replies("never")) == "0-0"


async def test_the_end_of_a_topic_is_known_though_everything_was_trimmed(bus, streams, redis):
    topic = streams.topics.replies(BATCH)
    await streams.append([Record(topic, b"1 ")])
    end = await bus.end_of_replies(topic)
    await redis.xtrim(streams.key(topic), maxlen=0, approximate=False)
    assert await bus.end_of_replies(topic) == end
    await bus.taken(topic, "0-0", BATCH)


@pytest.mark.parametrize(
    ("topic", "private"),
    [
        (f"headgate.replies.{BATCH}", True),
        (f"headgate.replies.run-{BATCH}", True),
        ("headgate.replies.default", False),
        (f"headgate.replies.x{BATCH}", False),
        (f"headgate.replies.{BATCH}x", False),
        (BATCH, False),
    ],
)
def test_a_topic_is_private_if_it_ends_with_the_batchs_id(topic, private):
    assert is_private(topic, BATCH) is private


async def test_a_server_that_was_never_there_is_told_at_once():
    bus = StreamsBatchBus(Address("unix:///nowhere/socket"))
    with pytest.raises(ConnectionError, match="expected a Redis or Valkey to put the batch on, got"):
        await bus.start()
    await bus.stop()


async def test_what_will_not_heal_is_an_error_of_the_system(bus, streams, redis):
    await redis.set(streams.key(streams.topics.lanes[1]), "no stream")
    with pytest.raises(ConnectionError, match="WRONGTYPE expected a stream"):
        await bus.submit(BATCH, [request(streams.topics, 1)], 1)


async def test_a_wait_of_nothing_is_not_a_wait_for_ever(bus, streams):
    async with asyncio.timeout(2):
        found = await bus.replies(streams.topics.replies(), "0-0", 0)
    assert (list(found.records), found.cursor) == ([], "0-0")


def test_a_portion_grows_with_small_records_and_shrinks_at_once_with_large_ones():
    portion = Portion(100, 1_000_000)
    counts = []
    for size in (10, 10, 10, 10, 500_000, 10, 2_000_000, 1):
        portion.learn([b"x" * size])
        counts.append(portion.count)
    assert counts == [32, 64, 100, 100, 1, 2, 1, 2]
    portion.learn([])
    assert portion.count == 2
    portion.learn([None, None])
    assert portion.count == 4
