"""The tracker of one partition, against a model that knows everything."""

import pytest
from aiokafka import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headgate.workers.bus.kafka.tracker import Commit, Tracker, WentBackError

TP = TopicPartition("requests", 0)


def tracker(committed=None):
    return Tracker(TP, committed)


def finish(tracked, *offsets):
    """Complete and commit."""
    commit = tracked.plan(set(offsets))
    tracked.out -= len(offsets)
    tracked.settle(set(offsets), commit)
    return commit


def test_the_commit_point_waits_for_the_oldest():
    t = tracker()
    for offset in (3, 4, 5):
        assert t.admit(offset, 1)
    assert finish(t, 4).offset == 3
    assert finish(t, 3).offset == 5
    assert finish(t, 5) == Commit(6)


def test_gaps_need_no_arithmetic():
    t = tracker()
    for offset in (10, 17, 40):
        t.admit(offset, 1)
    assert finish(t, 10).offset == 17
    assert finish(t, 17) == Commit(40)


def test_memory_is_what_is_open_not_how_far_it_spans():
    t = tracker()
    t.admit(0, 1)
    for offset in range(1, 20_000):
        t.admit(offset, 1)
        t.settle({offset}, Commit(0))
    assert t.open == 1
    assert t.has_room(20_000, 64)
    assert t.plan(()).metadata


def test_a_partition_full_of_open_calls_takes_no_more():
    t = tracker()
    for offset in range(0, 3000 * 1000, 1000):
        if not t.has_room(offset, 1):
            break
        t.admit(offset, 1)
    assert 1000 < t.open < 3000
    assert t.plan({1000, 5000}) is not None


def test_what_the_map_calls_finished_is_not_run_again():
    first = tracker()
    for offset in range(6):
        first.admit(offset, 1)
    commit = finish(first, 1, 3)
    second = tracker(commit)
    assert [second.admit(offset, 1) for offset in range(6)] == [True, False, True, False, True, True]
    assert finish(second, 0, 2) == Commit(4)


def test_what_the_map_says_outlives_a_second_crash_in_the_middle():
    first = tracker()
    for offset in range(6):
        first.admit(offset, 1)
    second = tracker(finish(first, 2, 4))
    second.admit(0, 1)
    third = tracker(finish(second, 0))
    assert [third.admit(offset, 1) for offset in range(1, 6)] == [True, False, True, False, True]


def test_records_that_retention_has_deleted_hold_nothing_up():
    first = tracker()
    for offset in range(10):
        first.admit(offset, 1)
    second = tracker(finish(first, 3, 9))
    assert second.admit(8, 1)
    assert second.vanished == 7
    assert second.moved
    assert finish(second, 8) == Commit(10)


def test_after_a_rebalance_what_is_out_stays_out():
    t = tracker()
    for offset in range(4):
        t.admit(offset, 1)
    finish(t, 1)
    t.rewind()
    assert [t.admit(offset, 1) for offset in range(5)] == [False, False, False, False, True]
    assert t.out == 4


def test_a_log_that_goes_back_is_noticed():
    t = tracker()
    t.admit(5, 1)
    with pytest.raises(WentBackError, match="above 5, got 3"):
        t.admit(3, 1)


def test_the_oldest_is_the_oldest_that_is_out():
    t = tracker(Commit(0, finish_some()))
    assert t.oldest_ms() is None
    t.admit(2, 77)
    assert t.oldest_ms() == 77


def finish_some():
    t = tracker()
    for offset in range(4):
        t.admit(offset, 1)
    return t.plan({1, 3}).metadata


def test_a_partition_without_records_has_nothing_to_commit():
    assert tracker().plan(()) is None
    assert tracker().watermark is None
    assert tracker(Commit(4)).plan(()) == Commit(4)


class Worker(RuleBasedStateMachine):
    """A partition, and workers that own it one after the other, each killed without warning."""

    @initialize(gaps=st.lists(st.integers(1, 3), min_size=5, max_size=60))
    def log(self, gaps):
        self.records = []
        offset = 0
        for gap in gaps:
            offset += gap
            self.records.append(offset)
        self.committed = None
        self.done = set()
        self.begin()

    def begin(self):
        self.tracker = tracker(self.committed)
        self.out = set()
        self.completed = set()
        position = self.committed.offset if self.committed else 0
        self.fetch = [o for o in self.records if o >= position]

    @precondition(lambda self: self.fetch)
    @rule(count=st.integers(1, 8))
    def deliver(self, count):
        batch, self.fetch = self.fetch[:count], self.fetch[count:]
        for offset in batch:
            run = self.tracker.admit(offset, 1)
            assert run == (offset not in self.done and offset not in self.out)
            if run:
                self.out.add(offset)

    @precondition(lambda self: self.out - self.completed)
    @rule(data=st.data())
    def complete(self, data):
        self.completed.add(data.draw(st.sampled_from(sorted(self.out - self.completed))))
        self.tracker.out -= 1

    @precondition(lambda self: self.completed)
    @rule()
    def commit(self):
        commit = self.tracker.plan(self.completed)
        self.tracker.settle(self.completed, commit)
        self.done |= self.completed
        self.out -= self.completed
        self.completed = set()
        self.committed = commit

    @rule()
    def killed(self):
        self.begin()

    @rule()
    def kept_through_a_rebalance(self):
        if self.committed == self.tracker.committed:
            self.tracker.rewind()
            position = self.committed.offset if self.committed else 0
            self.fetch = [o for o in self.records if o >= position]

    @invariant()
    def nothing_undone_is_below_the_commit_point(self):
        if self.committed is not None:
            assert {o for o in self.records if o < self.committed.offset} <= self.done

    def teardown(self):
        """In the end everything is done, once."""
        while self.fetch or self.out:
            if self.fetch:
                self.deliver(8)
            self.completed = set(self.out)
            if self.completed:
                self.commit()
        assert self.done == set(self.records)


TestWorker = Worker.TestCase
TestWorker.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
