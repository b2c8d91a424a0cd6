"""What every bus promises to the gateway."""

import asyncio
import time

import pytest
from conformance.harness import Desk, Harness, eventually, number_of, request

from headgate.schemas.record import Record
from headgate.schemas.topics import Lane
from headgate.workers.bus.port import Bus


async def _started(harness: Harness, slot: str = "a", room: int = 1_000_000) -> tuple[Bus, Desk]:
    desk, bus = Desk(harness.topics, room), harness.worker(slot)
    await bus.start(desk.admit, desk.hear)
    return bus, desk


async def _numbers(harness: Harness, topic: str) -> list[int]:
    return sorted(number_of(record) for record in await harness.read_all(topic))


async def test_every_request_gets_one_reply_though_they_end_out_of_order(harness):
    await harness.append([request(harness.topics, n) for n in range(200)])
    bus, desk = await _started(harness)
    held = await desk.holding(200)
    for step in (3, 2, 1):
        desk.answer(bus, [d for d in held if d.place in desk.held and number_of(d.record) % step == 0][::-1])
    await desk.until(lambda: len(desk.committed) == 200)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(200))
    assert await _numbers(harness, harness.topics.usage) == list(range(200))


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_bus_whose_start_was_given_up_can_be_stopped_and_leaves_its_name_free(harness, turns):
    given_up, desk = harness.worker(), Desk(harness.topics)
    starting = asyncio.create_task(given_up.start(desk.admit, desk.hear))
    for _ in range(1 + turns):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    await asyncio.wait_for(given_up.stop(5), 20)
    await harness.append([request(harness.topics, 1)])
    bus, desk = await _started(harness)
    desk.answer(bus, await desk.holding(1))
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == [1]


async def test_each_commit_is_heard_of_once(harness):
    await harness.append([request(harness.topics, n) for n in range(50)])
    bus, desk = await _started(harness)
    held = await desk.holding(50)
    for delivery in held:
        desk.answer(bus, [delivery])
        await asyncio.sleep(0)
    await desk.until(lambda: len(desk.committed) >= 50)
    await bus.stop(5)
    assert sorted(desk.committed) == sorted(desk.taken)


async def test_requests_of_all_lanes_are_delivered(harness):
    await harness.append([request(harness.topics, n, lane=lane) for n, lane in enumerate(Lane)])
    bus, desk = await _started(harness)
    held = await desk.holding(3)
    assert {d.record.topic for d in held} == set(harness.topics.lanes)
    desk.answer(bus, held)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == [0, 1, 2]


async def test_a_request_that_comes_later_is_delivered_without_delay(harness):
    bus, desk = await _started(harness)
    for number in range(3):
        await harness.append([request(harness.topics, number)])
        await desk.until(lambda: bool(desk.held), seconds=5)
        desk.answer(bus, list(desk.held.values()))
    await desk.until(lambda: len(desk.committed) == 3)
    await bus.stop(5)


@pytest.mark.parametrize(
    "record",
    [
        Record("", None),
        Record("", b""),
        Record("", b"\xff\x00\xfe", b"\x00\xff"),
        Record("", b"{}", None, (("a", None), ("b", b""), ("c", b"\xff\x00"), ("a", b"twice"), ("ü", "é".encode()))),
        Record("", None, b"k", (("only", b"headers"),)),
    ],
    ids=["nothing", "empty", "binary", "odd headers", "no value"],
)
async def test_whatever_lies_in_a_record_is_delivered_as_it_is(harness, record):
    topic = harness.topics.requests(Lane.STANDARD)
    given = Record(topic, record.value, record.key, record.headers)
    await harness.append([given])
    bus, desk = await _started(harness)
    [delivery] = await desk.holding(1)
    assert delivery.record == given
    bus.complete(delivery, [Record(harness.topics.replies(), given.value, given.key, given.headers)], [])
    await bus.stop(5)
    [reply] = await harness.read_all(harness.topics.replies())
    assert (reply.value, reply.key, reply.headers) == (given.value, given.key, given.headers)


async def test_large_values_pass_in_both_directions(harness):
    size = harness.abilities.value_bytes
    await harness.append([request(harness.topics, n, size=size) for n in range(3)])
    bus, desk = await _started(harness)
    held = await desk.holding(3)
    for delivery in held:
        bus.complete(delivery, [Record(harness.topics.replies(), delivery.record.value)], [])
    await bus.stop(20)
    assert [len(record.value) for record in await harness.read_all(harness.topics.replies())] == [size + 2] * 3


async def test_a_delivery_says_when_it_was_appended(harness):
    before = time.time() * 1000
    await harness.append([request(harness.topics, 1)])
    after = time.time() * 1000
    bus, desk = await _started(harness)
    [delivery] = await desk.holding(1)
    assert before - 5 <= delivery.at_ms <= after + 5
    await bus.stop(0)


async def test_after_a_crash_what_was_not_committed_is_delivered_again_and_only_that(harness):
    await harness.append([request(harness.topics, n) for n in range(500)])
    bus, desk = await _started(harness)
    held = await desk.holding(500)
    slow = [d for d in held if number_of(d.record) % 100 == 7]
    desk.answer(bus, [d for d in held if d not in slow])
    await desk.until(lambda: len(desk.committed) == 495)
    await harness.crash(bus)
    again, second = await _started(harness)
    redelivered = await second.holding(5, harness.abilities.patience)
    assert {d.place for d in redelivered} == {d.place for d in slow}, "names are the same at every delivery"
    assert {d.at_ms for d in redelivered} == {d.at_ms for d in slow}
    second.answer(again, redelivered)
    await again.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(500))
    assert len(second.taken) == 5


async def test_what_a_crashed_worker_had_goes_to_another(harness):
    await harness.append([request(harness.topics, n) for n in range(40)])
    first, desk = await _started(harness, "a")
    await desk.holding(40)
    second, other = await _started(harness, "b")
    await harness.crash(first)
    other.answer(second, await other.holding(40, 3 * harness.abilities.patience))
    await second.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(40))


async def test_replies_to_lost_deliveries_are_dropped_and_their_usage_is_published(harness):
    if not harness.abilities.loses:
        pytest.skip("this bus takes nothing from a worker that goes on")
    await harness.append([request(harness.topics, n) for n in range(10)])
    first, desk = await _started(harness, "a")
    lost = await desk.holding(10)
    second, other = await _started(harness, "b")
    await harness.lose(first)
    other.answer(second, await other.holding(10, 3 * harness.abilities.patience), by=b"b")
    await other.until(lambda: len(other.committed) == 10)
    desk.answer(first, lost, by=b"a")
    await first.stop(5)
    await second.stop(5)
    replies = [record.value for record in await harness.read_all(harness.topics.replies())]
    assert sorted(replies) == sorted(b"%d reply by b" % n for n in range(10))
    usage = [record.value for record in await harness.read_all(harness.topics.usage)]
    assert sorted(usage) == sorted(b"%d usage by %s" % (n, by) for n in range(10) for by in (b"a", b"b"))
    assert desk.committed == []


async def test_records_that_complete_nothing_are_published(harness):
    await harness.append([request(harness.topics, 7)])
    bus, desk = await _started(harness)
    [delivery] = await desk.holding(1)
    bus.publish([Record(harness.topics.usage, b"1 attempt"), Record(harness.topics.usage, b"2 attempt")])
    await eventually(lambda: bus.status().commits > 0)
    desk.answer(bus, [delivery])
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.usage) == [1, 2, 7]


async def test_whoever_publishes_hears_once_and_not_before_the_commit(harness):
    bus, desk = await _started(harness)
    seen: list[int] = []
    for number in range(3):
        records = [Record(harness.topics.usage, b"%d first" % number), Record(harness.topics.usage, b"%d" % number)]
        bus.publish(records, lambda: seen.append(bus.status().commits))
    bus.publish([Record(harness.topics.usage, b"9 nobody asks")])
    await eventually(lambda: len(seen) == 3)
    assert len(await harness.read_all(harness.topics.usage)) == 7
    assert min(seen) > 0
    await bus.stop(5)
    assert len(seen) == 3
    assert desk.taken == []


async def test_records_with_and_without_a_completion_do_not_get_mixed_up(harness):
    await harness.append([request(harness.topics, n) for n in range(30)])
    bus, desk = await _started(harness)
    for delivery in sorted(await desk.holding(30), key=lambda d: number_of(d.record)):
        number = number_of(delivery.record)
        bus.publish([Record(harness.topics.usage, b"%d" % number + b" before" * number)])
        desk.answer(bus, [delivery])
        bus.publish([Record(harness.topics.dead_letters, b"%d" % number + b" after" * number, b"k")])
    await bus.stop(5)
    values = [{record.value for record in await harness.read_all(topic)} for topic in _topics(harness)]
    assert values[0] == {b"%d reply by a" % n for n in range(30)}
    assert values[1] == {b"%d usage by a" % n for n in range(30)} | {b"%d" % n + b" before" * n for n in range(30)}
    assert values[2] == {b"%d" % n + b" after" * n for n in range(30)}


def _topics(harness: Harness) -> tuple[str, str, str]:
    return harness.topics.replies(), harness.topics.usage, harness.topics.dead_letters


async def test_one_commit_may_write_to_many_topics(harness):
    await harness.append([request(harness.topics, n) for n in range(6)])
    names = [harness.topics.replies(f"team{n}") for n in range(6)]
    for name in (*names, harness.topics.dead_letters):
        await harness.make_topic(name)
    bus, desk = await _started(harness)
    for delivery, name in zip(await desk.holding(6), names, strict=True):
        letter = Record(harness.topics.dead_letters, delivery.record.value, None, (("why", b"x"),))
        bus.complete(delivery, [Record(name, delivery.record.value), letter], [])
    await bus.stop(5)
    for name in names:
        assert len(await harness.read_all(name)) == 1
    assert await _numbers(harness, harness.topics.dead_letters) == list(range(6))


async def test_a_stop_waits_for_what_is_out_and_commits_it(harness):
    await harness.append([request(harness.topics, n) for n in range(20)])
    bus, desk = await _started(harness)
    held = await desk.holding(20)
    stopping = asyncio.create_task(bus.stop(20))
    await eventually(lambda: not bus.status().ready)
    desk.answer(bus, held)
    await stopping
    await asyncio.wait_for(bus.closed(), 1)
    assert await _numbers(harness, harness.topics.replies()) == list(range(20))


async def test_a_stop_does_not_wait_longer_than_it_is_told_and_the_rest_is_delivered_again(harness):
    await harness.append([request(harness.topics, n) for n in range(20)])
    bus, desk = await _started(harness)
    held = await desk.holding(20)
    desk.answer(bus, [d for d in held if number_of(d.record) >= 3])
    began = time.monotonic()
    await bus.stop(0.5)
    assert time.monotonic() - began < 10
    again, second = await _started(harness)
    left = await second.holding(3, harness.abilities.patience)
    assert sorted(number_of(d.record) for d in left) == [0, 1, 2]
    second.answer(again, left)
    await again.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(20))


async def test_a_gateway_without_room_stops_the_reading(harness):
    await harness.append([request(harness.topics, n, size=1000) for n in range(3000)])
    bus, desk = await _started(harness, room=10)
    await desk.holding(10)
    taken = len(desk.taken)
    await asyncio.sleep(0.3)
    assert len(desk.taken) == taken == 10
    assert bus.status().uncommitted <= 1500, "what is read ahead is bounded"
    while len(desk.committed) < 3000:
        desk.answer(bus, list(desk.held.values()))
        await desk.until(lambda: bool(desk.held) or len(desk.committed) == 3000)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(3000))


async def test_two_workers_share_the_requests(harness):
    first, desk = await _started(harness, "a")
    second, other = await _started(harness, "b")
    workers = ((first, desk), (second, other))
    for window in range(20):
        await harness.append([request(harness.topics, window * 50 + n) for n in range(50)])
        for bus, its in workers:
            its.answer(bus, list(its.held.values()))
        await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        while len(desk.committed) + len(other.committed) < 1000:
            for bus, its in workers:
                its.answer(bus, list(its.held.values()))
            await asyncio.sleep(0.01)
    for bus, _ in workers:
        await bus.stop(5)
    assert desk.taken, "the first worker had some"
    assert other.taken, "the second worker had some"
    assert await _numbers(harness, harness.topics.replies()) == list(range(1000))


async def test_a_slow_request_delays_nobody_behind_it(harness):
    await harness.append([request(harness.topics, 0)])
    bus, desk = await _started(harness)
    [slow] = await desk.holding(1)
    await harness.append([request(harness.topics, n) for n in range(1, 300)])
    quick = [d for d in await desk.holding(300) if d.place != slow.place]
    desk.answer(bus, quick)
    await desk.until(lambda: len(desk.committed) == 299)
    assert await _numbers(harness, harness.topics.replies()) == list(range(1, 300))
    desk.answer(bus, [slow])
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(300))


async def test_a_bus_knows_the_topics_it_can_publish_to(harness):
    bus, _ = await _started(harness)
    assert await bus.knows(harness.topics.replies())
    for strange in ("", "..", "with space", "x" * 300, harness.topics.replies("a/b"), harness.topics.replies("\x00")):
        assert not await bus.knows(strange)
    assert await bus.knows(harness.topics.replies("never-seen")) is harness.abilities.open_topics
    await bus.stop(0)


async def test_the_status_tells_what_is_out_how_old_it_is_and_what_waits(harness):
    await harness.append([request(harness.topics, n) for n in range(30)])
    bus, desk = await _started(harness, room=30)
    held = await desk.holding(30)
    await eventually(lambda: bus.status().ready and bus.status().lag == 0)
    await asyncio.sleep(0.05)
    status = bus.status()
    assert status.uncommitted == 30
    assert 50 <= status.oldest_ms < 60_000
    desk.answer(bus, held)
    await eventually(lambda: bus.status().uncommitted == 0)
    assert bus.status().oldest_ms == 0
    assert bus.status().commits > 0
    await bus.stop(5)
    assert not bus.status().ready


async def test_the_server_may_die_at_any_moment(own_harness):
    harness = own_harness
    bus, desk = await _started(harness)
    for window in range(5):
        await harness.append([request(harness.topics, window * 20 + n) for n in range(20)])
        await desk.until(lambda: bool(desk.held))
        desk.answer(bus, list(desk.held.values()))
        await harness.restart()
    async with asyncio.timeout(30):
        while len(desk.committed) < 100:
            desk.answer(bus, list(desk.held.values()))
            await asyncio.sleep(0.01)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(100))
    assert await _numbers(harness, harness.topics.usage) == list(range(100))
