"""The bus in the process, on a clock that moves when it is told to."""

import asyncio

import pytest

from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Tier, Topics
from headgate.workers.bus.memory import MemoryBus, MemoryControl

TOPICS = Topics()
HOUR = TOPICS.deferred(Tier.HOUR)
SHORT = TOPICS.deferred(Tier.SECONDS_10)


class Clock:
    """Moves on its own when somebody sleeps, or when told to."""

    def __init__(self, *, sleeps=True):
        self.at = 1_800_000_000.0
        self._sleeps = sleeps

    def now(self):
        return self.at

    async def sleep(self, seconds):
        if not self._sleeps:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self.at += seconds


class Desk:
    def __init__(self):
        self.taken = []

    async def admit(self, deliveries):
        self.taken += deliveries

    def numbers(self):
        return [int(delivery.record.value) for delivery in self.taken]


async def started(clock, **options):
    bus, desk = MemoryBus(now=clock.now, sleep=clock.sleep, **options), Desk()
    await bus.start(desk.admit, lambda _: None)
    return bus, desk


async def test_what_is_parked_is_delivered_when_the_clock_says_so_and_not_before():
    clock = Clock(sleeps=False)
    bus, desk = await started(clock)
    bus.publish([Record(SHORT, b"1"), Record(HOUR, b"2")])
    clock.at += 9.99
    assert await bus.wake() == clock.at + 0.01
    assert desk.taken == []
    assert bus.status().parked == 2
    clock.at += 0.01
    assert await bus.wake() == clock.at + 3590
    assert desk.numbers() == [1]
    assert desk.taken[0].at_ms == (clock.at - 10) * 1000
    clock.at += 3590
    assert await bus.wake() is None
    assert desk.numbers() == [1, 2]
    assert bus.status().parked == 0


async def test_it_wakes_up_by_itself_in_the_order_in_which_things_are_due():
    clock = Clock()
    bus, desk = await started(clock)
    await bus.send([Record(TOPICS.requests(Lane.BULK), b"0")])
    bus.complete(desk.taken[0], [Record(HOUR, b"3"), Record(SHORT, b"1"), Record(SHORT, b"2")], [])
    began = clock.at
    async with asyncio.timeout(5):
        while len(desk.taken) < 4:  # noqa: ASYNC110 - time passes by being slept
            await asyncio.sleep(0)
    assert desk.numbers() == [0, 1, 2, 3]
    assert 3600 <= clock.at - began < 3610
    for delivery in desk.taken[1:]:
        bus.complete(delivery, [], [])
    await bus.stop(0)


async def test_what_was_lost_to_another_worker_is_not_parked():
    bus, desk = await started(Clock(sleeps=False))
    await bus.send([Record(TOPICS.requests(Lane.BULK), b"0")])
    bus.take_away(desk.taken[0])
    bus.complete(desk.taken[0], [Record(HOUR, b"1")], [Record(TOPICS.usage, b"u")])
    assert bus.status().parked == 0
    assert len(bus.on(TOPICS.usage)) == 1


async def test_whoever_publishes_hears_when_it_is_committed():
    bus, _ = await started(Clock(sleeps=False))
    heard = []
    bus.publish([Record(TOPICS.usage, b"1")], lambda: heard.append(len(bus.published)))
    assert heard == [1]


async def test_nothing_is_delivered_after_a_stop():
    clock = Clock(sleeps=False)
    bus, desk = await started(clock)
    bus.publish([Record(SHORT, b"1")])
    await bus.stop(0)
    bus.publish([Record(SHORT, b"2")])
    clock.at += 3600
    with pytest.raises(RuntimeError, match="started"):
        await bus.wake()
    assert desk.taken == []


async def test_whoever_comes_later_hears_what_was_said_before():
    control, heard = MemoryControl(), []
    control.say(Record(TOPICS.control, b"1"))
    await control.start(heard.append)
    await control.ready()
    control.say(Record(TOPICS.control, b"2"))
    assert [record.value for record in heard] == [b"1", b"2"]
    await control.stop()
    control.say(Record(TOPICS.control, b"3"))
    assert len(heard) == 2
    await control.closed()
