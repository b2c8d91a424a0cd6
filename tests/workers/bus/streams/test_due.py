"""Deferral streams: what is read, when, and by whom."""

import asyncio
import time

import pytest
from conformance.harness import LENGTHS, Desk, eventually, number_of, request

from headgate.producers.redis_link import LinkDown
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Tier
from headgate.workers.bus.port import BusLost
from headgate.workers.bus.streams.bus import StreamsBus
from headgate.workers.bus.streams.control import StreamsControlFeed
from headgate.workers.bus.streams.settings import StreamsSettings, script
from headgate.workers.bus.streams.timetable import Timetable
from support.streams import GAP

DAY_MS = 86_400_000


async def started(streams, consumer="a", **settings):
    desk, bus = Desk(streams.topics), streams.bus(consumer, lengths=LENGTHS, **settings)
    await bus.start(desk.admit, desk.hear)
    return bus, desk


def parked(streams, numbers, tier=Tier.SECONDS_10):
    return [Record(streams.topics.deferred(tier), b"%d" % n) for n in numbers]


async def test_due_entries_whose_answer_got_lost_are_read_again(streams):
    bus, desk = await started(streams)
    link = bus._links[0]
    run, lost = link.run, []

    async def lose_the_first_that_brings_something(*args):
        answer = await run(*args)
        if len(answer) > 1 and not lost:
            lost.append(answer)
            await link._drop()
            raise LinkDown("the answer got lost")
        return answer

    link.run = lose_the_first_that_brings_something
    await streams.append(parked(streams, range(5)))
    held = await desk.holding(5)
    assert lost
    desk.answer(bus, held)
    await bus.stop(5)
    assert sorted(desk.taken) == sorted({d.place for d in held}), "each was delivered once"
    assert len(await streams.values(streams.topics.replies())) == 5


async def test_a_flood_that_is_due_at_once_comes_in_order_and_leaves_the_lanes_their_turn(streams):
    await streams.append(parked(streams, range(1500)))
    await asyncio.sleep(LENGTHS[Tier.SECONDS_10])
    await streams.append([request(streams.topics, n, lane=Lane.URGENT) for n in range(5000, 5010)])
    bus, desk = await started(streams)
    held = [number_of(d.record) for d in await desk.holding(1510)]
    assert [n for n in held if n < 5000] == list(range(1500))
    assert held.index(5009) < 200, "the lanes had a turn among the first"
    await bus.stop(0)


async def test_entries_that_somebody_deleted_are_passed_over(streams):
    bus, desk = await started(streams)
    key = streams.key(streams.topics.deferred(Tier.MINUTE))
    await streams.append(parked(streams, range(6), Tier.MINUTE))
    entries = await streams.client.xrange(key)
    await streams.client.xdel(key, *[entry for entry, _ in entries[:3]], entries[4][0])
    assert sorted(number_of(d.record) for d in await desk.holding(2)) == [3, 5]
    await asyncio.sleep(0.1)
    assert len(desk.taken) == 2
    await bus.stop(0)


async def test_nothing_is_asked_while_nothing_is_due(streams):
    bus, desk = await started(streams)
    await streams.append(parked(streams, range(3), Tier.HOUR))
    await asyncio.sleep(0.1)
    run, asked = bus._links[0].run, []
    bus._links[0].run = lambda *args: (asked.append(args), run(*args))[1]
    await asyncio.sleep(4 * LENGTHS[Tier.SECONDS_10])
    assert 0 < len(asked) <= 6, "once for the shortest length"
    assert desk.taken == []
    await bus.stop(0)


async def test_a_server_that_was_emptied_gets_its_groups_again(streams):
    bus, desk = await started(streams)
    await streams.client.delete(*[streams.key(topic) for topic in streams.topics.deferrals])
    await streams.append(parked(streams, range(3)))
    desk.answer(bus, await desk.holding(3))
    await bus.stop(5)
    assert len(await streams.values(streams.topics.replies())) == 3


async def test_what_a_silent_worker_had_out_of_a_tier_is_adopted(streams):
    first, desk = await started(streams, "a")
    await streams.append(parked(streams, range(7)))
    await desk.holding(7)
    await first._close()
    second, other = await started(streams, "b")
    began = time.monotonic()
    other.answer(second, await other.holding(7))
    assert time.monotonic() - began < 20 * GAP
    await second.stop(5)
    assert len(await streams.values(streams.topics.replies())) == 7


async def test_lag_counts_lanes_and_parked_counts_tiers(streams):
    await streams.append([request(streams.topics, n) for n in range(4)])
    await streams.append(parked(streams, range(9), Tier.HOUR))
    desk, bus = Desk(streams.topics, room=0), streams.bus("a", lengths=LENGTHS)
    assert bus.status().parked is None
    await bus.start(desk.admit, desk.hear)
    await eventually(lambda: bus.status().lag == 0)
    assert bus.status().parked == 9
    await bus.stop(0)


async def test_the_script_needs_a_group_and_says_so(streams):
    key = streams.key(streams.topics.deferred(Tier.MINUTE))
    await streams.client.xadd(key, {"v": "1"})
    with pytest.raises(Exception, match="no group"):
        await streams.client.eval(script("due").text, 1, key, "headgate-workers", "a", 10, 1)


@pytest.mark.parametrize(("next_in", "wait"), [(None, 0.4), (0.0, 0.0), (0.001, 0.02), (0.3, 0.3), (99.0, 0.4)])
def test_the_next_read_is_when_something_is_due_or_could_be(next_in, wait):
    now = [50.0]
    timetable = Timetable(StreamsSettings("a", lengths=LENGTHS), lambda: now[0])
    assert timetable.wait() == 0, "at first everything may be due"
    timetable.read(next_in)
    assert timetable.wait() == pytest.approx(wait)
    now[0] += wait + 0.001
    assert timetable.wait() == 0


async def test_what_is_older_than_a_week_is_not_heard_and_goes(streams):
    key = streams.key(streams.topics.control)
    now = int(time.time() * 1000)
    for age, value in ((8 * DAY_MS, "old"), (7 * DAY_MS + 60_000, "past"), (6 * DAY_MS, "young")):
        await streams.client.xadd(key, {"v": value}, id=f"{now - age}-0")
    feed, heard = StreamsControlFeed(streams.server.address, streams.server.prefix), []
    await feed.start(heard.append)
    await feed.ready()
    await feed.stop()
    assert [record.value for record in heard] == [b"young"]
    assert await streams.client.xlen(key) == 1


async def test_a_feed_on_something_else_than_a_stream_is_lost(streams):
    await streams.client.set(streams.key(streams.topics.control), "x")
    feed = StreamsControlFeed(streams.server.address, streams.server.prefix)
    with pytest.raises(BusLost, match="control"):
        await feed.start(print)


async def test_a_server_that_is_killed_again_and_again_delivers_what_is_parked_once(own_valkey):
    settings = StreamsSettings("a", commit_interval=0.01, beat=0.1, read_wait=0.1, lengths=LENGTHS)
    bus, desk = StreamsBus(own_valkey.address, settings), Desk(settings.topics)
    await bus.start(desk.admit, desk.hear)
    for number in range(200):
        bus.publish([Record(settings.topics.deferred((Tier.SECONDS_10, Tier.MINUTE)[number % 2]), b"%d" % number)])
    hops, replies = {}, 0
    async with asyncio.timeout(60):
        for round_ in range(40):
            await asyncio.sleep(0.1)
            for delivery in list(desk.held.values()):
                number = number_of(delivery.record)
                hops[number] = hops.get(number, 0) + 1
                if hops[number] < 3:
                    bus.complete(delivery, [Record(settings.topics.deferred(Tier.SECONDS_10), b"%d" % number)], [])
                else:
                    replies += 1
                    bus.complete(delivery, [Record(settings.topics.replies(), b"%d" % number)], [])
                desk.held.pop(delivery.place)
            if round_ in {4, 9, 15}:
                own_valkey.kill()
        while len(desk.committed) < 600:  # noqa: ASYNC110 - the bus tells nobody
            await asyncio.sleep(0.05)
    await bus.stop(5)
    assert hops == dict.fromkeys(range(200), 3)
