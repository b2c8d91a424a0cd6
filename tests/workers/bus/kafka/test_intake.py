"""Which fetched records are admitted, and which are void: assignments come and go while a batch waits."""

import asyncio
from collections import defaultdict

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from conformance.harness import eventually

from headgate.workers.bus.kafka.bell import Bell
from headgate.workers.bus.kafka.fate import Fate
from headgate.workers.bus.kafka.intake import Intake
from headgate.workers.bus.kafka.partitions import Partitions
from headgate.workers.bus.kafka.shelf import Shelf
from headgate.workers.bus.kafka.tracker import Commit
from headgate.workers.bus.port import BusLost

TP, OTHER = TopicPartition("requests", 0), TopicPartition("requests", 1)


def records(*offsets, tp=TP, timestamp=5):
    return [ConsumerRecord(*tp, o, timestamp, 0, None, b"v", None, -1, 1, ()) for o in offsets]


class State:
    paused = False

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False


class Assignment:
    """aiokafka's, as far as the shelf looks at it."""

    def __init__(self):
        self.states = defaultdict(State)

    def state_value(self, tp):
        return self.states[tp]


class Consumer:
    """aiokafka's, as far as the intake looks at it; it is its own `Rebalance`, too."""

    def __init__(self):
        self.now = self.assignment = object()

    def current_assignment(self):
        return self.now

    def reassign(self):
        self.now = self.assignment = object()


class Bench:
    def __init__(self):
        self.partitions, self.bell, self.consumer = Partitions(), Bell(), Consumer()
        self.fate = Fate(self.bell.ring)
        self.intake = Intake(
            self.partitions,
            self.consumer,
            self.bell,
            self.fate,
            lambda: self.consumer,
            Shelf({"deferred": 10.0}, now=lambda: 7.0),
            now=lambda: 7.0,
            sleep=self.sleep,
        )
        self.places, self.batches, self.slept = [], [], 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.intake.start(self.admit)
        self.partitions.take({TP: None, OTHER: None})

    async def sleep(self, _seconds):
        self.slept += 1

    async def admit(self, deliveries):
        self.batches.append(len(deliveries))
        self.places += [d.place.removeprefix("requests/") for d in deliveries]
        self.last = deliveries[-1]
        await self.gate.wait()


async def test_records_wait_until_it_is_known_what_is_committed():
    b = Bench()
    b.partitions.admitting = False
    task = asyncio.create_task(b.intake.handle(records(1, 2, 3)))
    await asyncio.sleep(0)
    assert b.places == []
    b.partitions.take({TP: Commit(2)})
    b.bell.ring()
    await task
    assert b.places == ["0/2", "0/3"]


async def test_a_batch_of_an_earlier_assignment_is_void():
    b = Bench()
    b.partitions.admitting = False
    task = asyncio.create_task(b.intake.handle(records(5, 6)))
    await asyncio.sleep(0)
    b.consumer.reassign()
    b.partitions.take({TP: Commit(1)})
    b.bell.ring()
    await task
    assert b.places == [], "1 to 4 would be passed over"


async def test_what_was_fetched_before_a_late_taking_is_void():
    b = Bench()
    b.partitions.suspend()
    b.partitions.take({OTHER: None})
    b.gate.clear()
    task = asyncio.create_task(b.intake.handle([*records(*range(64), tp=OTHER), *records(50, 51)]))
    await eventually(lambda: len(b.places) == 64)
    b.partitions.take({TP: Commit(40)}, late=True)
    b.gate.set()
    await task
    assert len(b.places) == 64
    await b.intake.handle(records(*range(40, 52)))
    assert b.places[64:] == [f"0/{offset}" for offset in range(40, 52)]


async def test_a_revocation_takes_back_what_the_gateway_has_no_room_for():
    b = Bench()
    b.gate.clear()
    task = asyncio.create_task(b.intake.handle(records(*range(500))))
    await eventually(lambda: len(b.places) == 64)
    b.partitions.suspend()
    b.bell.ring()
    b.gate.set()
    await task
    assert len(b.places) == 64


async def test_a_stop_does_not_wait_for_a_full_gateway():
    b = Bench()
    b.gate.clear()
    task = asyncio.create_task(b.intake.handle(records(*range(100))))
    await eventually(lambda: len(b.places) == 64)
    b.intake.stop()
    await asyncio.wait_for(task, 1)
    await b.intake.abandon()
    await b.intake.handle(records(200))
    assert len(b.places) == 64


async def test_a_partition_with_too_much_open_waits_for_a_commit():
    b = Bench()
    tracker = b.partitions.get(*TP)
    offset = 0
    while tracker.has_room(offset, 1):
        tracker.admit(offset, 1)
        offset += 1000
    open_ = tracker.open
    task = asyncio.create_task(b.intake.handle(records(offset)))
    await asyncio.sleep(0.01)
    assert b.places == []
    finished = set(range(0, offset, 2000))
    tracker.settle(finished, tracker.plan(finished))
    b.bell.ring()
    await task
    assert b.places == [f"0/{offset}"]
    assert tracker.open < open_


async def test_few_records_are_followed_by_a_pause_and_many_are_not():
    b = Bench()
    await b.intake.handle(records(0))
    assert b.slept == 1
    await b.intake.handle(records(*range(1, 65)))
    assert b.slept == 1


async def test_a_record_without_a_time_has_arrived_now():
    b = Bench()
    await b.intake.handle(records(0, timestamp=-1))
    assert b.last.at_ms == 7000


async def test_a_log_that_goes_back_ends_the_bus():
    b = Bench()
    await b.intake.handle(records(5))
    await b.intake.handle(records(3))
    with pytest.raises(BusLost, match="went back"):
        await b.fate.wait()


async def test_a_bus_that_is_lost_delivers_no_more():
    b = Bench()
    b.fate.lose(BusLost("x"))
    await b.intake.handle(records(5))
    assert b.places == []


class Parking(Bench):
    """A bench whose second partition is of a deferral topic."""

    def __init__(self):
        super().__init__()
        self.now = 7.0
        self.consumer.now = self.consumer.assignment = Assignment()
        self.shelf = Shelf({PARKED.topic: 10.0}, now=lambda: self.now)
        self.intake = Intake(
            self.partitions,
            self.consumer,
            self.bell,
            self.fate,
            lambda: self.consumer,
            self.shelf,
            now=lambda: self.now,
            sleep=self.sleep,
        )
        self.intake.start(self.admit)
        self.partitions.take({TP: None, PARKED: None})

    async def wake(self):
        """Let what is due be delivered; stops after a few turns of the loop."""
        task = asyncio.create_task(self.intake.wake())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])


PARKED = TopicPartition("deferred", 0)


async def test_parked_records_do_not_hold_up_lanes_and_come_when_they_are_due():
    b = Parking()
    await b.intake.handle([*records(1, 2, tp=PARKED, timestamp=7_000), *records(8)])
    await b.wake()
    assert b.places == ["0/8"]
    assert b.partitions.uncommitted() == 1
    b.now = 17.0
    await b.wake()
    assert b.places == ["0/8", "deferred/0/1", "deferred/0/2"]
    assert b.partitions.uncommitted() == 3


async def test_what_is_parked_under_one_assignment_is_void_under_the_next():
    b = Parking()
    await b.intake.handle(records(1, tp=PARKED, timestamp=7_000))
    b.consumer.now = b.consumer.assignment = Assignment()
    b.partitions.take({PARKED: None})
    b.now = 17.0
    await b.wake()
    assert b.places == [], "it is fetched again"
    await b.intake.handle(records(1, tp=PARKED, timestamp=7_000))
    await b.wake()
    assert b.places == ["deferred/0/1"]


async def test_records_of_a_parked_partition_that_is_not_ours_yet_are_not_kept():
    b = Parking()
    b.partitions.suspend()
    b.partitions.take({TP: None})
    await b.intake.handle([*records(1, tp=PARKED, timestamp=7_000), *records(3)])
    assert len(b.shelf) == 0
    assert not b.consumer.now.states[PARKED].paused, "it is fetched from where it is taken later"
    assert b.places == ["0/3"]


async def test_the_gateway_is_given_one_handful_at_a_time():
    b = Parking()
    b.gate.clear()
    await b.intake.handle(records(1, tp=PARKED, timestamp=7_000))
    b.now = 17.0
    waking = asyncio.create_task(b.intake.wake())
    handling = asyncio.create_task(b.intake.handle(records(5)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(b.batches) == 1
    b.gate.set()
    await handling
    assert sorted(b.places) == ["0/5", "deferred/0/1"]
    waking.cancel()
    await asyncio.wait([waking])


async def test_a_log_that_went_back_ends_the_bus_also_when_it_is_of_a_deferral_topic():
    b = Parking()
    await b.intake.handle(records(5, tp=PARKED, timestamp=0))
    b.now = 17.0
    await b.wake()
    await b.intake.handle(records(4, tp=PARKED, timestamp=0))
    await b.wake()
    assert b.places == ["deferred/0/5"]
    assert isinstance(b.fate.lost, BusLost)
