import asyncio
import time

import pytest
from conformance.harness import Desk, request

from headgate.producers.redis_link import LinkRefused
from headgate.schemas.streams import alive_key, owner_key
from headgate.workers.bus.port import BusLost
from headgate.workers.bus.streams.lifeline import Lifeline
from headgate.workers.bus.streams.settings import StreamsSettings
from support.streams import GAP


async def started(streams, consumer="a", **settings):
    desk, bus = Desk(streams.topics), streams.bus(consumer, **settings)
    await bus.start(desk.admit, desk.hear)
    return bus, desk


async def test_a_living_worker_keeps_its_calls_however_long_they_take(streams):
    first, desk = await started(streams, "a")
    await streams.append([request(streams.topics, n) for n in range(5)])
    held = await desk.holding(5)
    second, other = await started(streams, "b")
    await asyncio.sleep(5 * GAP)
    assert other.taken == []
    desk.answer(first, held)
    await desk.until(lambda: len(desk.committed) == 5)
    await first.stop(5)
    await second.stop(5)


async def test_whoever_has_just_come_judges_nobody(streams):
    """After an outage all have been silent: the first one back must not take everything."""
    first, desk = await started(streams, "a")
    await streams.append([request(streams.topics, 1)])
    await desk.holding(1)
    for task in first._tasks:
        task.cancel()
    await streams.client.zadd(alive_key(streams.server.prefix), {"a": (time.time() - 3600) * 1000})
    second, other = await started(streams, "b", gap=30)
    await asyncio.sleep(0.3)
    assert other.taken == []
    await second.stop(5)
    await first.stop(0)


async def test_what_a_worker_left_when_it_stopped_is_adopted_at_once(streams):
    first, desk = await started(streams, "a", gap=30)
    second, other = await started(streams, "b", gap=30)
    await streams.append([request(streams.topics, n) for n in range(9)])
    await asyncio.wait([asyncio.create_task(d.until(lambda d=d: len(d.held) > 0)) for d in (desk, other)], timeout=1)
    left = 9 - len(other.held)
    await first.stop(0)
    assert len(await other.holding(9)) == 9, f"{left} adopted"
    other.answer(second, list(other.held.values()))
    await second.stop(5)


async def test_the_names_of_the_dead_are_forgotten(streams):
    first, desk = await started(streams, "a")
    await streams.append([request(streams.topics, 1)])
    await desk.holding(1)
    await first._close()
    second, other = await started(streams, "b")
    other.answer(second, await other.holding(1))
    await other.until(lambda: len(other.committed) == 1)
    key = streams.key(streams.topics.lanes[1])
    async with asyncio.timeout(5):
        names = [b"a"]
        while names != [b"b"]:
            names = [c["name"] for c in await streams.client.xinfo_consumers(key, "headgate-workers")]
    await second.stop(5)


async def test_a_process_that_takes_a_name_ends_the_one_that_had_it(streams):
    old, its = await started(streams, "a")
    await streams.append([request(streams.topics, n) for n in range(3)])
    await its.holding(3)
    new, desk = await started(streams, "a")
    with pytest.raises(BusLost, match="FENCED another process has taken the name a"):
        await asyncio.wait_for(old.closed(), 5)
    desk.answer(new, await desk.holding(3))
    await new.stop(5)
    await old.stop(0)
    assert len(await streams.values(streams.topics.replies())) == 3


async def test_a_worker_that_takes_leave_is_on_no_list(streams):
    bus, _ = await started(streams, "a")
    assert await streams.client.zcard(alive_key(streams.server.prefix)) == 1
    await bus.stop(0)
    assert await streams.client.zcard(alive_key(streams.server.prefix)) == 0
    assert await streams.client.hlen(owner_key(streams.server.prefix)) == 0


async def test_the_leave_of_an_old_process_does_not_concern_the_new_one(streams):
    old, _ = await started(streams, "a", beat=60)
    new, _ = await started(streams, "a", beat=60)
    await old.stop(0)
    assert await streams.client.zcard(alive_key(streams.server.prefix)) == 1
    await new.stop(0)


@pytest.mark.parametrize("version", ["6.2.14", "?", ""])
async def test_a_server_that_is_too_old_is_refused(version):
    class Old:
        async def call(self, *_):
            return f"# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n".encode()

    lifeline = Lifeline(Old(), StreamsSettings("a"), "t", adopted=list, trouble=print, well=list)
    with pytest.raises(LinkRefused, match="version 7 or newer, got"):
        await lifeline.enter()
