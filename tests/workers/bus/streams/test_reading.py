import asyncio

from conformance.harness import Desk, number_of, request

from headgate.schemas.topics import Lane
from support.streams import LostAnswers


async def started(streams, consumer="a", **settings):
    desk, bus = Desk(streams.topics), streams.bus(consumer, **settings)
    await bus.start(desk.admit, desk.hear)
    return bus, desk


async def test_entries_whose_answer_got_lost_are_read_again(streams):
    bus, desk = await started(streams)
    lost = LostAnswers(bus._links[0], "XREADGROUP", 2)
    for number in range(5):
        await streams.append([request(streams.topics, number)])
        await asyncio.sleep(0.05)
    held = await desk.holding(5)
    assert lost.left == 0
    assert sorted(number_of(d.record) for d in held) == list(range(5))
    desk.answer(bus, held)
    await bus.stop(5)
    assert len(await streams.values(streams.topics.replies())) == 5


async def test_what_is_out_is_not_delivered_again_after_a_broken_connection(streams):
    bus, desk = await started(streams)
    await streams.append([request(streams.topics, n) for n in range(50)])
    await desk.holding(50)
    await streams.client.client_kill_filter(skipme=True)
    await streams.append([request(streams.topics, n) for n in range(50, 60)])
    held = await desk.holding(60)
    assert len(desk.taken) == 60
    desk.answer(bus, held)
    await bus.stop(5)
    assert len(await streams.values(streams.topics.replies())) == 60


async def test_one_lost_entry_is_found_behind_many_that_are_out(streams):
    bus, desk = await started(streams)
    await streams.append([request(streams.topics, n) for n in range(1100)])
    await desk.holding(1100)
    lost = LostAnswers(bus._links[0], "XREADGROUP")
    for number in range(1100, 1103):  # the first one may come by a read that was under way
        await streams.append([request(streams.topics, number)])
        await desk.holding(number + 1)
    assert lost.left == 0
    assert len(desk.taken) == 1103
    await bus.stop(0)


async def test_entries_of_somebody_elses_making_are_records_without_a_value(streams):
    topic = streams.topics.requests(Lane.URGENT)
    await streams.client.xadd(streams.key(topic), {"some": "thing"})
    await streams.client.xadd(streams.key(topic), {"v": "{}", "h": b"\xff no msgpack", "x": "y"})
    bus, desk = await started(streams)
    first, second = sorted(await desk.holding(2), key=lambda d: d.place)
    assert (first.record.value, first.record.key, first.record.headers) == (None, None, ())
    assert (second.record.value, second.record.headers) == (b"{}", ())
    await bus.stop(0)


async def test_an_entry_that_somebody_deleted_is_no_longer_pending(streams):
    bus, desk = await started(streams, "a")
    await streams.append([request(streams.topics, n) for n in range(3)])
    held = sorted(await desk.holding(3), key=lambda d: d.place)
    await bus._close()
    topic = streams.topics.lanes[1]
    await streams.client.xdel(streams.key(topic), held[1].handle)
    again, second = await started(streams, "a")
    left = await second.holding(2)
    assert sorted(number_of(d.record) for d in left) == [0, 2]
    second.answer(again, left)
    await second.until(lambda: len(second.committed) == 2)
    assert await streams.pending(topic) == {}
    await again.stop(5)


async def test_a_predecessors_entries_are_read_however_many(streams):
    await streams.append([request(streams.topics, n) for n in range(2300)])
    bus, desk = await started(streams)
    await desk.holding(2300)
    desk.answer(bus, [d for d in desk.held.values() if number_of(d.record) % 7])
    await desk.until(lambda: len(desk.committed) == 2300 - 329)
    await bus._close()
    again, second = await started(streams)
    left = await second.holding(329)
    assert {number_of(d.record) for d in left} == set(range(0, 2300, 7))
    assert len(second.taken) == 329
    await again.stop(0)


async def test_a_read_of_large_entries_brings_few(streams):
    await streams.append([request(streams.topics, n, size=300_000) for n in range(60)])
    bus, desk = await started(streams, read_bytes=1_000_000)
    sizes = []
    admit = desk.admit

    async def watched(deliveries):
        sizes.append(len(deliveries))
        await admit(deliveries)

    bus._tasks[0].cancel()
    await asyncio.wait([bus._tasks[0]])
    bus._tasks[0] = asyncio.create_task(bus._intake.run(watched))
    held = await desk.holding(60)
    assert max(sizes[2:]) <= 4
    desk.answer(bus, held)
    await bus.stop(5)


async def test_streams_that_vanish_are_made_again(streams):
    bus, desk = await started(streams)
    for number in range(3):
        await streams.append([request(streams.topics, number)])
        desk.answer(bus, await desk.holding(1))
        await desk.until(lambda number=number: len(desk.committed) == number + 1)
        await streams.client.delete(*[streams.key(topic) for topic in streams.topics.lanes])
    await streams.append([request(streams.topics, 3)])
    desk.answer(bus, await desk.holding(1))
    await desk.until(lambda: len(desk.committed) == 4)
    await bus.stop(5)


async def test_a_group_that_vanishes_is_made_again_and_delivers_what_is_not_answered(streams):
    bus, desk = await started(streams)
    await streams.append([request(streams.topics, n) for n in range(4)])
    held = await desk.holding(4)
    await streams.client.xgroup_destroy(streams.key(streams.topics.lanes[1]), "headgate-workers")
    await asyncio.sleep(0.3)
    desk.answer(bus, held)
    await desk.until(lambda: len(desk.committed) + len(desk.held) >= 4)
    async with asyncio.timeout(10):
        while len(await streams.values(streams.topics.replies())) < 4:
            desk.answer(bus, list(desk.held.values()))
            await asyncio.sleep(0.02)
    await bus.stop(5)
    replies = await streams.values(streams.topics.replies())
    assert replies == sorted(set(replies)), "each answered once"
