"""What every bus promises about requests that are parked."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from conformance.harness import Desk, Harness, eventually, number_of, request

from headgate.schemas.deferral import Deferral, deferred_record, original, read_deferral
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Tier
from headgate.workers.bus.port import Bus, Delivery

#: How late a delivery may be on an idle machine is 0.2 s; this one runs other tests as well.
_LATE = 2.0
#: The bus tells milliseconds.
_CLOCKS = 0.005


@dataclass(slots=True)
class _Waiting(Desk):
    """A desk that looks at the clock."""

    lengths: Mapping[Tier, float] = field(default_factory=dict)
    #: Place → when it was delivered.
    at: dict[str, float] = field(default_factory=dict)

    async def admit(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.at[delivery.place] = time.time()
            assert self.lateness(delivery) >= -_CLOCKS, "delivered before it was due"
        await Desk.admit(self, deliveries)

    def lateness(self, delivery: Delivery) -> float:
        """Return how long after its time a delivery came, seconds; requests of lanes have none."""
        tier = self.topics.tier_of(delivery.record.topic)
        return self.at[delivery.place] - delivery.at_ms / 1000 - self.lengths[tier] if tier else 0.0

    def parked(self) -> list[Delivery]:
        return [d for d in self.held.values() if self.topics.tier_of(d.record.topic)]


async def _started(harness: Harness, slot: str = "a", room: int = 1_000_000) -> tuple[Bus, _Waiting]:
    desk, bus = _Waiting(harness.topics, room, lengths=harness.lengths), harness.worker(slot)
    await bus.start(desk.admit, desk.hear)
    return bus, desk


def _park(bus: Bus, desk: Desk, deliveries: Sequence[Delivery], tier: Tier, hops: int = 1) -> None:
    """Complete deliveries by parking them, with a usage record for each time."""
    for delivery in deliveries:
        deferral = _remembered(delivery, desk, hops)
        record = deferred_record(delivery.record, deferral, desk.topics, tier)
        bus.complete(delivery, [record], [Record(desk.topics.usage, b"%d parked" % number_of(delivery.record))])
        desk.held.pop(delivery.place, None)


def _remembered(delivery: Delivery, desk: Desk, hops: int) -> Deferral:
    lane = desk.topics.lane_of(delivery.record.topic)
    return Deferral(lane, f"place {number_of(delivery.record)}", delivery.at_ms, 2**50, 7, "d1", hops)


async def _numbers(harness: Harness, topic: str) -> list[int]:
    return sorted(number_of(record) for record in await harness.read_all(topic))


async def _park_new(
    harness: Harness, bus: Bus, desk: Desk, numbers: Sequence[int], tier: Tier, size: int = 100
) -> None:
    await harness.append([request(harness.topics, n, size=size) for n in numbers])
    await desk.holding(len(numbers))
    _park(bus, desk, list(desk.held.values()), tier)
    done = len(desk.committed) + len(numbers)
    await desk.until(lambda: len(desk.committed) >= done)


async def test_a_parked_request_comes_back_when_it_is_due_and_not_before(harness):
    sent = Record(
        harness.topics.requests(Lane.BULK), b"7 {}", b"k", (("x", None), ("headgate-due", b"mine"), ("y", b"\xff"))
    )
    await harness.append([sent])
    bus, desk = await _started(harness)
    [first] = await desk.holding(1)
    _park(bus, desk, [first], Tier.MINUTE)
    [back] = await desk.holding(1)
    assert desk.lateness(back) < _LATE
    assert back.record.topic == harness.topics.deferred(Tier.MINUTE)
    assert back.place.startswith(f"{back.record.topic}/")
    assert back.at_ms >= first.at_ms
    assert read_deferral(back.record, harness.topics) == _remembered(first, desk, 1)
    assert original(back.record, Lane.BULK, harness.topics) == sent
    desk.answer(bus, [back])
    await desk.until(lambda: len(desk.committed) == 2)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == [7]


async def test_of_each_tier_they_come_back_in_the_order_of_their_parking(harness):
    bus, desk = await _started(harness)
    await harness.append([request(harness.topics, n) for n in range(60)])
    held = sorted(await desk.holding(60), key=lambda d: number_of(d.record))
    for number, delivery in enumerate(held):
        _park(bus, desk, [delivery], Tier.MINUTE if number % 2 else Tier.SECONDS_10)
        await asyncio.sleep(0.01)
    await desk.until(lambda: len(desk.taken) == 120)
    for queue in {place.rpartition("/")[0] for place in desk.taken[60:]}:
        times = [d.at_ms for place, d in desk.held.items() if place.rpartition("/")[0] == queue]
        assert times == sorted(times)
    topics = [place.partition("/")[0] for place in desk.taken[60:]]
    assert topics.index(harness.topics.deferred(Tier.MINUTE)) > 0
    await bus.stop(0)


async def test_what_is_not_due_takes_no_room_and_holds_up_nobody(harness):
    bus, desk = await _started(harness, room=300)
    await _park_new(harness, bus, desk, range(300), Tier.HOUR, size=6000)
    await eventually(lambda: (bus.status().parked or 0) >= 300)
    assert bus.status().parked <= 400, "Kafka counts the ends of transactions"
    await eventually(lambda: bus.status().lag == 0)
    assert bus.status().uncommitted == 0
    assert bus.status().oldest_ms == 0
    await _park_new(harness, bus, desk, range(300, 350), Tier.SECONDS_10)
    back = await desk.holding(50)
    await harness.append([request(harness.topics, n) for n in range(1000, 1200)])
    await desk.holding(250)
    desk.answer(bus, [*back, *(d for d in desk.held.values() if d not in back)])
    await desk.until(lambda: len(desk.committed) == 300 + 100 + 200)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == [*range(300, 350), *range(1000, 1200)]


async def test_a_chain_of_hops_ends_in_one_reply(harness):
    await harness.append([request(harness.topics, n) for n in range(20)])
    bus, desk = await _started(harness)
    for hop, tier in enumerate((Tier.MINUTE, Tier.SECONDS_10, Tier.SECONDS_10), start=1):
        _park(bus, desk, await desk.holding(20), tier, hop)
    back = await desk.holding(20)
    assert {read_deferral(d.record, harness.topics).hops for d in back} == {3}
    assert len({len(d.record.headers) for d in back}) == 1
    desk.answer(bus, back)
    await desk.until(lambda: len(desk.committed) == 80)
    await eventually(lambda: bus.status().parked == 0)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(20))
    assert len(await harness.read_all(harness.topics.usage)) == 80


async def test_what_is_parked_survives_its_worker(harness):
    bus, desk = await _started(harness)
    await _park_new(harness, bus, desk, range(30), Tier.MINUTE)
    await harness.crash(bus)
    again, second = await _started(harness)
    back = await second.holding(30, 3 * harness.abilities.patience)
    second.answer(again, back)
    await again.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(30))
    assert len(second.taken) == 30


async def test_what_a_crashed_worker_had_out_of_a_tier_is_delivered_again_and_only_that(harness):
    bus, desk = await _started(harness)
    await _park_new(harness, bus, desk, range(40), Tier.SECONDS_10)
    back = await desk.holding(40)
    slow = [d for d in back if number_of(d.record) % 10 == 7]
    desk.answer(bus, [d for d in back if d not in slow])
    await desk.until(lambda: len(desk.committed) == 76)
    await harness.crash(bus)
    again, second = await _started(harness, "b")
    redelivered = await second.holding(4, 3 * harness.abilities.patience)
    assert {d.place for d in redelivered} == {d.place for d in slow}
    second.answer(again, redelivered)
    await again.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(40))


async def test_a_stop_does_not_wait_for_what_is_parked(harness):
    bus, desk = await _started(harness)
    await _park_new(harness, bus, desk, range(10), Tier.MINUTES_10)
    began = time.monotonic()
    await bus.stop(5)
    assert time.monotonic() - began < 4
    again, second = await _started(harness)
    second.answer(again, await second.holding(10))
    await again.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(10))


async def test_workers_that_come_and_go_meanwhile_answer_each_once(harness):
    first, desk = await _started(harness, "a")
    await _park_new(harness, first, desk, range(100), Tier.MINUTES_10)
    second, other = await _started(harness, "b")
    workers = [(first, desk), (second, other)]
    await _answer_all(workers, lambda: len(other.committed) + len(desk.committed) == 200)
    await first.stop(5)
    await second.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(100))


async def _answer_all(workers, so):
    async with asyncio.timeout(30):
        while not so():
            for bus, its in workers:
                its.answer(bus, list(its.held.values()))
            await asyncio.sleep(0.01)


async def test_whoever_has_lost_a_parked_request_cannot_park_it_again(harness):
    if not harness.abilities.loses:
        pytest.skip("this bus takes nothing from a worker that goes on")
    first, desk = await _started(harness, "a")
    await _park_new(harness, first, desk, range(10), Tier.SECONDS_10)
    lost = await desk.holding(10)
    second, other = await _started(harness, "b")
    await harness.lose(first)
    other.answer(second, await other.holding(10, 3 * harness.abilities.patience), by=b"b")
    await other.until(lambda: len(other.committed) == 10)
    _park(first, desk, lost, Tier.SECONDS_10)
    await first.stop(5)
    await asyncio.sleep(2 * harness.lengths[Tier.SECONDS_10])
    assert other.held == {}
    await second.stop(5)
    assert len(await harness.read_all(harness.topics.usage)) == 30, "what was spent was spent"


async def test_a_due_request_is_in_time_though_the_lanes_are_busy(harness):
    bus, desk = await _started(harness)
    await _park_new(harness, bus, desk, range(20), Tier.SECONDS_10)
    for window in range(100, 1100, 50):
        await harness.append([request(harness.topics, window + n) for n in range(50)])
        desk.answer(bus, [d for d in desk.held.values() if d not in desk.parked()])
        await asyncio.sleep(0.05)
    await desk.until(lambda: len(desk.parked()) == 20)
    assert max(desk.lateness(d) for d in desk.parked()) < _LATE
    await bus.stop(0)


async def test_a_gateway_without_room_gets_what_is_due_when_it_has_some(harness):
    bus, desk = await _started(harness, room=5)
    await harness.append([request(harness.topics, n) for n in range(60)])
    while len(desk.committed) < 60:
        await desk.until(lambda: bool(desk.held) or len(desk.committed) == 60)
        _park(bus, desk, list(desk.held.values()), Tier.SECONDS_10)
        desk._room.set()
    await desk.until(lambda: len(desk.held) == 5)
    assert bus.status().uncommitted <= 60
    await _answer_all([(bus, desk)], lambda: len(desk.committed) == 120)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(60))


async def test_a_foreign_record_on_a_deferral_topic_is_delivered_as_it_is(harness):
    bus, desk = await _started(harness)
    given = Record(harness.topics.deferred(Tier.SECONDS_10), None, b"k", (("headgate-due", b"\xff"),))
    await harness.append([given])
    [delivery] = await desk.holding(1)
    assert delivery.record == given
    assert read_deferral(delivery.record, harness.topics) is None
    bus.complete(delivery, [Record(harness.topics.dead_letters, b"1")], [])
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.dead_letters) == [1]


async def test_what_is_parked_survives_the_server(own_harness):
    harness = own_harness
    bus, desk = await _started(harness)
    await _park_new(harness, bus, desk, range(50), Tier.MINUTES_10)
    await harness.restart()
    back = await desk.holding(50)
    desk.answer(bus, back)
    await desk.until(lambda: len(desk.committed) == 100)
    await bus.stop(5)
    assert await _numbers(harness, harness.topics.replies()) == list(range(50))
