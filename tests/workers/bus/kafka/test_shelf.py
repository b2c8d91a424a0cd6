"""Heads of deferral partitions, on a virtual clock and a broker that is a list."""

import asyncio
from collections import defaultdict

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.bus.kafka import shelf as module
from headgate.workers.bus.kafka.shelf import Shelf

LENGTH = 10.0
SHORT, LONG = TopicPartition("short", 0), TopicPartition("long", 0)
AHEAD = module._AHEAD_SECONDS


def record(offset, at, tp=SHORT, size=100):
    return ConsumerRecord(*tp, offset, round(at * 1000), 1, None, b"x" * size, None, -1, size, ())


class State:
    def __init__(self):
        self.paused = False

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

    def paused(self, tp=SHORT):
        return self.states[tp].paused


class Bench:
    def __init__(self):
        self.now = 1000.0
        self.assignment = Assignment()
        self.shelf = Shelf({"short": LENGTH, "long": 6 * LENGTH}, now=lambda: self.now)

    def put(self, *records):
        self.shelf.put(records, self.assignment)

    def take(self, most=100):
        return [r.offset for r in self.shelf.take(most)]


def test_nothing_is_taken_before_it_is_due():
    b = Bench()
    b.put(record(1, 995), record(2, 996))
    b.now = 1004.999
    assert b.take() == []
    b.now = 1005
    assert b.take() == [1]
    b.now = 2000
    assert b.take() == [2]
    assert len(b.shelf) == 0


def test_a_partition_is_fetched_no_further_than_a_moment_ahead_of_what_is_due():
    b = Bench()
    b.put(record(1, 991), record(2, 992))
    assert b.assignment.paused()
    b.now = 1002 - AHEAD - 0.01
    assert b.take() == [1]
    assert b.assignment.paused()
    b.now = 1002 - AHEAD
    assert b.take() == []
    assert not b.assignment.paused(), "what follows is fetched before it is due"


def test_one_partition_waits_for_no_other():
    b = Bench()
    b.put(record(1, 990), record(2, 940, LONG), record(3, 999, LONG), record(4, 990))
    assert b.take() == [1, 4, 2]
    assert b.assignment.paused(LONG)
    assert not b.assignment.paused(SHORT)


def test_a_flood_that_is_due_is_not_fetched_without_bound():
    b = Bench()
    offsets = iter(range(10**6))
    fetched = 0
    while not b.assignment.paused():
        b.put(*[record(next(offsets), 900, size=4000) for _ in range(60)])
        fetched += 60
    assert fetched * 4000 < module._MOST_BYTES + 2 * 60 * 4256
    taken = []
    while b.assignment.paused():
        taken += b.take(64)
    assert taken == list(range(len(taken)))
    assert len(b.shelf) > 0, "it goes on before it is empty"


def test_of_each_partition_as_much_is_taken_at_a_time():
    b = Bench()
    b.put(*[record(n, 900) for n in range(10)], *[record(n, 900, LONG) for n in range(100, 110)])
    assert b.take(3) == [0, 1, 2, 100, 101, 102]


def test_with_a_new_assignment_everything_is_void():
    b = Bench()
    b.put(record(1, 900), record(2, 900, LONG))
    old, b.assignment = b.assignment, Assignment()
    b.put(record(1, 901, LONG))
    assert b.take() == [1]
    assert b.shelf.assignment is not old
    assert not b.assignment.states[SHORT].paused


async def test_whoever_waits_is_told_when_something_is_due_or_has_come():
    loop = asyncio.get_running_loop()
    assignment, shelf = Assignment(), Shelf({"short": 0.05}, now=loop.time)
    waiting = asyncio.create_task(shelf.due())
    await asyncio.sleep(0)
    shelf.put([record(1, loop.time() + 0.05)], assignment)
    began = loop.time()
    await asyncio.wait_for(waiting, 5)
    assert loop.time() - began >= 0.095
    assert [r.offset for r in shelf.take(1)] == [1]


class Log:
    """A partition on a broker: what a fetch returns, and how long it takes."""

    def __init__(self, times, portion, latency):
        self.records = [record(offset, at) for offset, at in enumerate(times)]
        self.position, self.portion, self.latency = 0, portion, latency
        self.arrives = None

    def fetch(self, now, *, paused):
        """Begin a fetch, or return what one has brought; what is brought to a paused partition is thrown away."""
        if self.arrives is None:
            there = self.position < len(self.records) and self.records[self.position].timestamp <= now * 1000
            self.arrives = now + self.latency if there and not paused else None
            return []
        if now < self.arrives:
            return []
        self.arrives = None
        if paused:
            return []
        found = [r for r in self.records[self.position :][: self.portion] if r.timestamp <= now * 1000]
        self.position += len(found)
        return found


@given(
    st.lists(st.integers(0, 30_000), min_size=1, max_size=40).map(sorted),
    st.integers(1, 5),
    st.integers(0, 100),
)
def test_through_the_shelf_each_comes_once_in_order_never_early_and_hardly_late(times_ms, portion, latency_ms):
    b = Bench()
    log = Log([b.now + at / 1000 for at in times_ms], portion, latency_ms / 1000)
    taken, step = [], 0.02
    while len(taken) < len(times_ms):
        assert b.now < 1100, "stands still"
        if fetched := log.fetch(b.now, paused=b.assignment.paused()):
            b.put(*fetched)
        taken += [(r.offset, b.now - r.timestamp / 1000 - LENGTH) for r in b.shelf.take(100)]
        b.now += step
    assert [offset for offset, _ in taken] == list(range(len(times_ms)))
    assert min(late for _, late in taken) > -1e-6
    fetches = 1 + len(times_ms) / portion
    assert max(late for _, late in taken) <= fetches * (latency_ms / 1000 + 2 * step)


@pytest.mark.parametrize("portion", [1, 2])
def test_what_is_fetched_ahead_is_in_time(portion):
    b = Bench()
    log = Log([b.now + n * 0.2 for n in range(50)], portion, 0.1)
    late = []
    while len(late) < 50:
        if fetched := log.fetch(b.now, paused=b.assignment.paused()):
            b.put(*fetched)
        late += [b.now - r.timestamp / 1000 - LENGTH for r in b.shelf.take(100)]
        b.now += 0.01
    assert max(late) < 0.011, "no fetch was waited for"
