"""Queues: how long whoever joins has to wait, learned from what comes free."""

import pytest

from headgate.schemas.topics import Lane
from headgate.workers.gateway.queues import Queues

MS = 1_000
SECOND = 1_000_000


class Asker:
    """As much of a request at the gate as a queue looks at."""

    def __init__(self):
        self.request = self
        self.lane, self.key, self.weight, self.cost, self.deadline_us = Lane.STANDARD, "k", 1.0, 1, 3600 * SECOND
        self.woken_for = None

    def wakeup(self):
        pass


class Bench:
    """Queues, and a clock that is set by hand."""

    def __init__(self):
        self.now = 0
        self.queues = Queues(lambda: self.now)

    def join(self, count):
        for _ in range(count):
            self.queues.join("l", Asker())

    def free(self, count, every_us):
        for _ in range(count):
            self.now += every_us
            self.queues.freed(["l"])

    def backlog(self):
        return self.queues.backlog_us("l") / SECOND


def test_whoever_joins_a_queue_of_which_nothing_is_known_reckons_with_a_guess():
    bench = Bench()
    bench.join(100)
    assert bench.backlog() == pytest.approx(100 * 0.05)
    bench.free(1, SECOND)  # since when it lasts nobody knows
    assert bench.backlog() == pytest.approx(99 * 0.05)


def test_one_interval_is_better_than_the_guess():
    bench = Bench()
    bench.join(102)
    bench.free(2, MS)
    assert bench.backlog() == pytest.approx(100 * 0.001)


def test_later_intervals_count_a_tenth():
    bench = Bench()
    bench.join(121)
    bench.free(20, 10 * MS)
    bench.free(1, 110 * MS)
    assert bench.backlog() == pytest.approx(100 * 0.02)


def test_the_time_in_which_nobody_waited_is_not_taken_for_slowness():
    bench = Bench()
    bench.join(20)
    bench.queues.parked("l", 60 * SECOND)  # the queue outlives those that wait in it
    bench.free(21, MS)
    bench.now += 30 * SECOND
    bench.join(100)
    bench.queues.freed(["l"])
    bench.now = 60 * SECOND
    assert bench.backlog() == pytest.approx(99 * 0.001, abs=0.01)


def test_those_that_were_parked_come_first_and_one_after_the_other():
    bench = Bench()
    bench.join(102)
    bench.free(2, MS)
    bench.queues.parked("l", bench.now + 10 * SECOND)
    bench.queues.parked("l", bench.now + 10 * SECOND)
    assert bench.backlog() == pytest.approx(10 - 0.1 + 0.002 + 0.1)
