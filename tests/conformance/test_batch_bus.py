"""What every bus promises to producers of batches."""

import asyncio
import time

import pytest
from conformance.harness import Desk, Harness, number_of, request

from headgate.producers.port import BatchBus, Submitted
from headgate.schemas.record import Record

BATCH = "batch-20261122-150301-bcdfghjk"


async def _batch_bus(harness: Harness, max_backlog: int = 100_000) -> BatchBus:
    bus = harness.batch_bus(max_backlog)
    await bus.start()
    return bus


async def _answer_all(harness: Harness, count: int, topic: str) -> None:
    """Be the gateway: answer so many requests on a topic."""
    desk, bus = Desk(harness.topics), harness.worker()
    await bus.start(desk.admit, desk.hear)
    for delivery in await desk.holding(count):
        number = b"%d" % number_of(delivery.record)
        bus.complete(delivery, [Record(topic, number + b" reply", number, (("headgate-batch", BATCH.encode()),))], [])
    await bus.stop(5)


async def _collect(bus: BatchBus, topic: str, cursor: str, count: int) -> tuple[list[int], str]:
    numbers: list[int] = []
    async with asyncio.timeout(20):
        while len(numbers) < count:
            found = await bus.replies(topic, cursor, 0.2)
            numbers += [number_of(record) for record in found.records]
            cursor = found.cursor
    return numbers, cursor


async def test_nothing_submitted_has_the_mark_0(harness):
    bus = await _batch_bus(harness)
    assert await bus.mark(BATCH) == 0
    await bus.stop()


async def test_what_is_submitted_is_on_the_bus_and_the_mark_says_so(harness):
    bus = await _batch_bus(harness)
    records = [request(harness.topics, n) for n in range(20)]
    assert await bus.submit(BATCH, records[:15], 17) is Submitted.DONE
    assert await bus.mark(BATCH) == 17
    assert await bus.submit(BATCH, records[15:], 23) is Submitted.DONE
    await bus.stop()
    another = await _batch_bus(harness)
    assert await another.mark(BATCH) == 23
    assert await another.mark("batch-of-somebody-else") == 0
    await another.stop()
    on_bus = await harness.read_all(records[0].topic)
    assert sorted(on_bus, key=number_of) == records


async def test_headers_and_keys_of_requests_pass(harness):
    bus = await _batch_bus(harness)
    plain = request(harness.topics, 1)
    given = Record(plain.topic, plain.value, b"\x00k", (("a", b"\xff"), ("b", None), ("a", b"2")))
    assert await bus.submit(BATCH, [given], 1) is Submitted.DONE
    await bus.stop()
    assert await harness.read_all(plain.topic) == [given]


async def test_a_full_bus_takes_nothing_until_there_is_room(harness):
    if not harness.abilities.bounded:
        pytest.skip("this bus keeps requests on disk and has no bound")
    bus = await _batch_bus(harness, max_backlog=30)
    records = [request(harness.topics, n) for n in range(40)]
    assert await bus.submit(BATCH, records[:20], 20) is Submitted.DONE
    assert await bus.submit(BATCH, records[20:40], 40) is Submitted.FULL
    assert await bus.mark(BATCH) == 20
    assert len(await harness.read_all(records[0].topic)) == 20
    await _answer_all(harness, 20, harness.topics.replies())
    assert await bus.submit(BATCH, records[20:40], 40) is Submitted.DONE
    await bus.stop()


async def test_replies_are_read_from_the_cursor_on(harness):
    topic = harness.topics.replies()
    bus = await _batch_bus(harness)
    await harness.make_topic(topic)
    start = await bus.end_of_replies(topic)
    await bus.submit(BATCH, [request(harness.topics, n) for n in range(30)], 30)
    await _answer_all(harness, 30, topic)
    numbers, cursor = await _collect(bus, topic, start, 30)
    assert sorted(numbers) == list(range(30))
    again, _ = await _collect(bus, topic, start, 30)
    assert again == numbers
    assert list((await bus.replies(topic, cursor, 0.1)).records) == []
    end = await bus.end_of_replies(topic)
    await bus.submit(BATCH, [request(harness.topics, 99)], 31)
    await _answer_all(harness, 1, topic)
    assert (await _collect(bus, topic, end, 1))[0] == [99]
    assert (await _collect(bus, topic, cursor, 1))[0] == [99]
    await bus.stop()


async def test_a_look_for_replies_that_finds_none_returns_after_the_wait(harness):
    topic = harness.topics.replies()
    await harness.make_topic(topic)
    bus = await _batch_bus(harness)
    cursor = await bus.end_of_replies(topic)
    began = time.monotonic()
    found = await bus.replies(topic, cursor, 0.3)
    assert 0.2 <= time.monotonic() - began < 5
    assert list(found.records) == []
    await bus.stop()


async def test_one_may_look_for_replies_and_submit_at_the_same_time(harness):
    topic = harness.topics.replies()
    await harness.make_topic(topic)
    bus = await _batch_bus(harness)
    looking = asyncio.create_task(bus.replies(topic, await bus.end_of_replies(topic), 5))
    await asyncio.sleep(0)
    async with asyncio.timeout(4):
        assert await bus.submit(BATCH, [request(harness.topics, 1)], 1) is Submitted.DONE
    looking.cancel()
    await asyncio.wait([looking])
    await bus.stop()


async def test_replies_that_were_taken_do_not_come_back_and_the_others_stay(harness):
    topic = harness.topics.replies(BATCH)
    await harness.make_topic(topic)
    bus = await _batch_bus(harness)
    start = await bus.end_of_replies(topic)
    await bus.submit(BATCH, [request(harness.topics, n) for n in range(20)], 20)
    await _answer_all(harness, 20, topic)
    _, cursor = await _collect(bus, topic, start, 20)
    await bus.taken(topic, cursor, BATCH)
    await bus.submit(BATCH, [request(harness.topics, n) for n in range(20, 25)], 25)
    await _answer_all(harness, 5, topic)
    numbers, _ = await _collect(bus, topic, cursor, 5)
    assert sorted(numbers) == list(range(20, 25))
    await bus.stop()


async def test_replies_on_a_topic_that_others_share_are_left_there(harness):
    topic = harness.topics.replies()
    await harness.make_topic(topic)
    bus = await _batch_bus(harness)
    start = await bus.end_of_replies(topic)
    await bus.submit(BATCH, [request(harness.topics, n) for n in range(5)], 5)
    await _answer_all(harness, 5, topic)
    _, cursor = await _collect(bus, topic, start, 5)
    await bus.taken(topic, cursor, BATCH)
    assert sorted((await _collect(bus, topic, start, 5))[0]) == list(range(5))
    await bus.stop()


async def test_a_producer_outlives_its_server(own_harness):
    harness = own_harness
    bus = await _batch_bus(harness)
    for window in range(5):
        records = [request(harness.topics, window * 10 + n) for n in range(10)]
        submitting = asyncio.create_task(bus.submit(BATCH, records, (window + 1) * 10))
        await asyncio.sleep(0)
        await harness.restart()
        assert await asyncio.wait_for(submitting, 20) is Submitted.DONE
    assert await bus.mark(BATCH) == 50
    on_bus = await harness.read_all(harness.topics.lanes[1])
    assert [number_of(record) for record in on_bus] == list(range(50))
    await bus.stop()
