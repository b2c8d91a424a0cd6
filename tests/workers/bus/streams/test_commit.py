import asyncio

import pytest
from conformance.harness import Desk, number_of, request

from headgate.producers.redis_link import LinkDown
from headgate.schemas.record import Record
from headgate.workers.bus.port import BusLost
from support.streams import LostAnswers


async def started(streams, consumer="a", **settings):
    desk, bus = Desk(streams.topics), streams.bus(consumer, **settings)
    await bus.start(desk.admit, desk.hear)
    return bus, desk


async def test_a_commit_whose_answer_got_lost_is_not_made_twice(streams):
    bus, desk = await started(streams, beat=60)
    await streams.append([request(streams.topics, n) for n in range(10)])
    held = await desk.holding(10)
    lost = LostAnswers(bus._links[1], "EVAL", 3)
    desk.answer(bus, held)
    bus.publish([Record(streams.topics.usage, b"one more")])
    await desk.until(lambda: len(desk.committed) == 10)
    await bus.stop(5)
    assert lost.left == 0
    assert await streams.values(streams.topics.replies()) == sorted(b"%d reply by a" % n for n in range(10))
    assert len(await streams.values(streams.topics.usage)) == 11
    assert len(desk.committed) == 10


async def test_the_outcome_of_a_commit_is_remembered_with_it(streams):
    """A repeated commit tells the same deliveries lost as the first time."""
    bus, desk = await started(streams, beat=60)
    await streams.append([request(streams.topics, n) for n in range(4)])
    held = await desk.holding(4)
    taken = [d for d in held if number_of(d.record) in {1, 3}]
    key = streams.key(streams.topics.lanes[1])
    await streams.client.xack(key, "headgate-workers", *[d.handle for d in taken])
    LostAnswers(bus._links[1], "EVAL", 1)
    desk.answer(bus, held)
    await desk.until(lambda: len(desk.committed) == 2)
    await bus.stop(5)
    assert await streams.values(streams.topics.replies()) == [b"0 reply by a", b"2 reply by a"]
    assert len(await streams.values(streams.topics.usage)) == 4, "what was spent was spent"


async def test_what_is_committed_leaves_nothing_behind(streams):
    bus, desk = await started(streams)
    await streams.append([request(streams.topics, n) for n in range(30)])
    desk.answer(bus, await desk.holding(30))
    await desk.until(lambda: len(desk.committed) == 30)
    key = streams.key(streams.topics.lanes[1])
    assert await streams.client.xlen(key) == 0
    assert await streams.pending(streams.topics.lanes[1]) == {}
    await bus.stop(5)


async def test_a_queue_larger_than_one_commit_is_committed_in_several(streams):
    bus, desk = await started(streams, commit_interval=0.2)
    await streams.append([request(streams.topics, n) for n in range(1201)])
    desk.answer(bus, await desk.holding(1201))
    await desk.until(lambda: len(desk.committed) == 1201)
    assert bus.status().commits >= 3
    await bus.stop(5)
    assert len(await streams.values(streams.topics.replies())) == 1201


async def test_large_answers_are_committed_a_few_at_a_time(streams):
    bus, desk = await started(streams, commit_interval=0.2)
    await streams.append([request(streams.topics, n) for n in range(6)])
    for delivery in await desk.holding(6):
        bus.complete(delivery, [Record(streams.topics.replies(), b"x" * 3_000_000)], [])
    await desk.until(lambda: len(desk.committed) == 6)
    assert bus.status().commits == 6
    await bus.stop(5)


async def test_a_key_of_another_kind_where_a_stream_should_be_ends_the_bus_and_writes_nothing(streams):
    bus, desk = await started(streams)
    await streams.append([request(streams.topics, n) for n in range(2)])
    await streams.client.set(streams.key(streams.topics.replies("odd")), "no stream")
    first, second = await desk.holding(2)
    bus.complete(first, [Record(streams.topics.replies(), b"good")], [])
    bus.complete(second, [Record(streams.topics.replies("odd"), b"bad")], [])
    with pytest.raises(BusLost, match="WRONGTYPE expected a stream"):
        await asyncio.wait_for(bus.closed(), 5)
    assert not bus.status().ready
    await bus.stop(0)
    assert await streams.values(streams.topics.replies()) == [], "all or nothing"
    assert sum((await streams.pending(streams.topics.lanes[1])).values()) == 2


async def test_scripts_that_the_server_forgot_are_sent_again(streams):
    bus, desk = await started(streams)
    for number in range(3):
        await streams.client.script_flush()
        await streams.append([request(streams.topics, number)])
        desk.answer(bus, await desk.holding(1))
        await desk.until(lambda number=number: len(desk.committed) == number + 1)
    await bus.stop(5)
    assert len(await streams.values(streams.topics.replies())) == 3


async def test_a_commit_that_was_interrupted_is_finished_by_the_last_one(streams):
    bus, desk = await started(streams, beat=60)
    await streams.append([request(streams.topics, n) for n in range(5)])
    held = await desk.holding(5)
    call, tried = bus._links[1].call, asyncio.Event()

    async def away(*_, **__):
        tried.set()
        raise LinkDown("away")

    bus._links[1].call = away
    desk.answer(bus, held)
    await asyncio.wait_for(tried.wait(), 5)
    bus._tasks[1].cancel()
    await asyncio.wait([bus._tasks[1]])
    bus._links[1].call = call
    await bus.stop(0.2)
    assert len(await streams.values(streams.topics.replies())) == 5
    assert len(desk.committed) == 5


async def test_of_answers_to_shadows_the_newest_are_kept_and_of_others_all(streams):
    bus, desk = await started(streams, shadows_kept=20)
    await streams.append([request(streams.topics, n) for n in range(10)])
    topics = (streams.topics.shadows, streams.topics.replies())
    for delivery in await desk.holding(10):
        number = number_of(delivery.record)
        bus.complete(delivery, [Record(topic, b"%d" % (100 * number + n)) for topic in topics for n in range(100)], [])
    await desk.until(lambda: len(desk.committed) == 10)
    await bus.stop(5)
    kept = await streams.client.xrange(streams.key(streams.topics.shadows))
    assert 20 <= len(kept) < 300
    assert await streams.client.xlen(streams.key(streams.topics.replies())) == 1000
