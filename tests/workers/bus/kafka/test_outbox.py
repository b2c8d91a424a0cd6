"""What is committed, when, and what waits: on transactions that only remember."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from conformance.harness import eventually

from headgate.schemas.record import Record
from headgate.workers.bus.kafka.bell import Bell
from headgate.workers.bus.kafka.load import Handle
from headgate.workers.bus.kafka.outbox import Outbox
from headgate.workers.bus.kafka.partitions import Partitions
from headgate.workers.bus.kafka.tracker import Commit
from headgate.workers.bus.kafka.transactions import FencedOutError, RefusedError
from headgate.workers.bus.port import BusLost, Delivery

TP, OTHER = TopicPartition("requests", 0), TopicPartition("requests", 1)


class Transactions:
    """Remembers what is committed; fails first with what it is told to."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.records = []
        self.offsets = []

    async def commit(self, records, offsets):
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        self.records.append([record.value for record in records])
        self.offsets.append(dict(offsets))


class Bench:
    def __init__(self, *failures, divert=lambda record: record, **options):
        self.partitions = Partitions()
        self.partitions.take({TP: None, OTHER: None})
        self.transactions = Transactions(*failures)
        self.fenced = 0
        self.outbox = Outbox(self.transactions, self.partitions, divert, Bell(), self._fence, **options)
        self.committed = []
        self.outbox.hear(self.committed.extend)

    def _fence(self):
        self.fenced += 1

    def deliver(self, *offsets, tp=TP):
        tracker = self.partitions.get(*tp)
        for offset in offsets:
            assert tracker.admit(offset, 1)
        return [Delivery(Record(tp.topic, b""), f"{tp.partition}/{o}", 1, Handle(tracker, o)) for o in offsets]

    def complete(self, delivery):
        name = delivery.place.encode()
        self.outbox.complete(delivery, [Record("replies", b"reply " + name)], [Record("usage", b"usage " + name)])


async def test_replies_usage_and_offset_are_one_transaction():
    b = Bench()
    first, second = b.deliver(0, 1)
    b.complete(second)
    b.outbox.publish([Record("usage", b"attempt")])
    await b.outbox.flush()
    assert b.transactions.records == [[b"reply 0/1", b"usage 0/1", b"attempt"]]
    assert b.transactions.offsets[0][TP].offset == 0
    assert b.committed == [second]
    b.complete(first)
    await b.outbox.flush()
    assert b.transactions.offsets[1] == {TP: Commit(2)}
    assert b.outbox.commits == 2


async def test_nothing_queued_commits_nothing():
    b = Bench()
    await b.outbox.flush()
    assert b.transactions.records == []


async def test_while_a_rebalance_runs_results_wait_and_then_go_out():
    b = Bench()
    [delivery] = b.deliver(0)
    b.partitions.suspend()
    b.complete(delivery)
    await b.outbox.flush()
    assert b.transactions.records == []
    b.partitions.keep([TP])
    b.partitions.take({TP: None})
    await b.outbox.flush()
    assert b.transactions.records == [[b"reply 0/0", b"usage 0/0"]]


async def test_of_a_lost_partition_only_the_usage_is_published():
    b = Bench()
    [delivery] = b.deliver(0)
    b.partitions.suspend()
    b.partitions.keep([OTHER])
    b.complete(delivery)
    await b.outbox.flush()
    assert (b.transactions.records, b.transactions.offsets) == ([[b"usage 0/0"]], [{}])
    assert b.committed == []


async def test_what_somebody_else_has_committed_meanwhile_is_not_ours():
    b = Bench()
    [delivery] = b.deliver(0)
    b.partitions.suspend()
    b.partitions.take({TP: Commit(5)})
    b.complete(delivery)
    await b.outbox.flush()
    assert b.transactions.records == [[b"usage 0/0"]]


async def test_when_the_group_has_fenced_us_nothing_is_lost_but_the_claim():
    b = Bench(FencedOutError())
    [delivery] = b.deliver(0)
    b.complete(delivery)
    b.outbox.publish([Record("usage", b"attempt")])
    await b.outbox.flush()
    assert b.fenced == 1
    assert b.transactions.records == [[b"attempt"]], "what needs no partition goes out"
    b.partitions.keep([])
    await b.outbox.flush()
    assert b.transactions.records[1:] == [[b"usage 0/0"]]


async def test_what_a_topic_refuses_is_tried_again_without_it():
    refused = set()
    b = Bench(RefusedError(), divert=lambda r: Record("dead", r.value) if r.topic in refused else r)
    [delivery] = b.deliver(0)
    b.complete(delivery)
    refused.add("replies")
    await b.outbox.flush()
    assert b.transactions.records == [[b"reply 0/0", b"usage 0/0"]]
    assert b.committed == [delivery]


async def test_a_topic_that_refuses_for_ever_ends_the_bus():
    b = Bench(*[RefusedError("no")] * 60)
    [delivery] = b.deliver(0)
    b.complete(delivery)
    with pytest.raises(BusLost, match="refusals: no"):
        await b.outbox.flush()


async def test_results_are_held_back_while_their_map_does_not_fit():
    b = Bench()
    offsets = [number * number * 37 + number for number in range(5000)]
    held = b.deliver(*offsets)
    done = held[1::2]
    for delivery in done:
        b.complete(delivery)
    await b.outbox.flush()
    assert b.transactions.records == []
    for delivery in held[0::2]:
        b.complete(delivery)
    await b.outbox.flush()
    assert len(b.committed) == 5000
    assert b.transactions.offsets[-1] == {TP: Commit(offsets[-1] + 1)}


async def test_a_commit_is_due_when_a_dead_workers_records_have_vanished():
    b = Bench()
    first = b.deliver(0, 1, 2)
    b.complete(first[2])
    await b.outbox.flush()
    commit = b.transactions.offsets[-1][TP]
    again = Bench()
    again.partitions.take({TP: commit})
    [later] = again.deliver(9)
    await again.outbox.flush()
    assert again.transactions.offsets == [{TP: Commit(9)}]
    again.complete(later)
    await again.outbox.flush()
    assert again.transactions.offsets[1] == {TP: Commit(10)}


async def test_a_transaction_takes_no_more_than_a_broker_takes_in_one_request():
    b = Bench()
    deliveries = b.deliver(*range(10))
    for delivery in deliveries:
        b.outbox.complete(delivery, [Record("replies", bytes(5_000_000))], [])
    await b.outbox.flush()
    assert [len(records) for records in b.transactions.records] == [4, 4, 2]
    assert b.transactions.offsets[-1] == {TP: Commit(10)}


async def test_at_the_end_the_usage_of_what_hangs_in_the_air_is_published():
    b = Bench()
    mine, theirs = b.deliver(0), b.deliver(0, tp=OTHER)
    b.complete(mine[0])
    b.partitions.get(*OTHER).standing = b.partitions.get(*OTHER).standing.SUSPENDED
    b.complete(theirs[0])
    await b.outbox.close()
    assert b.transactions.records == [[b"reply 0/0", b"usage 0/0"], [b"usage 1/0"]]
    assert b.committed == mine
    b.complete(mine[0])
    await b.outbox.flush()
    assert len(b.transactions.records) == 2


async def test_the_first_result_is_committed_at_once_and_the_next_ones_together():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    b = Bench(interval=0.05, now=lambda: 100.0, sleep=sleep)
    task = asyncio.create_task(b.outbox.run())
    first, second, third = b.deliver(0, 1, 2)
    b.complete(first)
    await eventually(lambda: len(b.committed) == 1)
    assert slept == []
    b.complete(second)
    b.complete(third)
    await eventually(lambda: len(b.committed) == 3)
    assert slept == [pytest.approx(0.05)]
    assert len(b.transactions.records) == 2
    task.cancel()


async def test_after_a_commit_that_took_long_the_next_one_waits_for_more_all_the_same():
    clock, slept = [100.0], []

    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    async def commit(records, offsets):
        clock[0] += 3.0
        await type(b.transactions).commit(b.transactions, records, offsets)

    b = Bench(interval=0.05, now=lambda: clock[0], sleep=sleep)
    b.outbox._transactions = SimpleNamespace(commit=commit)
    task = asyncio.create_task(b.outbox.run())
    first, second = b.deliver(0, 1)
    b.complete(first)
    await eventually(lambda: b.committed == [first])
    b.complete(second)
    await eventually(lambda: b.committed == [first, second])
    assert slept == [pytest.approx(0.05)]
    task.cancel()


async def test_a_delivery_of_another_bus_is_refused():
    with pytest.raises(TypeError, match="a delivery of this bus"):
        Bench().outbox.complete(Delivery(Record("t", b""), "t/0", 0, None), [], [])
