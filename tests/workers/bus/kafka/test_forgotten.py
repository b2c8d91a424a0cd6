"""Transactions that are over for their coordinator and open for a partition: who ends them, how, and when not."""

import asyncio
import itertools

import pytest
from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError
from conformance.harness import Desk, request

from headgate.producers.kafka_client import client_options
from headgate.producers.kafka_producer import TransactionalProducer
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Topics
from headgate.workers.bus.kafka import forgotten
from headgate.workers.bus.kafka.bus import KafkaBus
from headgate.workers.bus.kafka.forgotten import Held, Producer, Reminder, was_committed
from support.kafka_client import append, fresh_config, make_topics, read_all

TP, OTHER = TopicPartition("replies", 0), TopicPartition("replies", 1)
HELD = Held(TP, 7, 5, 3, 0)


@pytest.mark.parametrize(
    ("state", "epoch", "committed"),
    [
        ("CompleteCommit", 3, True),
        ("CompleteCommit", 4, True),
        ("CompleteCommit", 5, False),  # of a successor, which had to abort it
        ("CompleteAbort", 3, False),
        ("CompleteAbort", 4, False),
        ("Empty", 3, False),  # never decided
        ("Empty", 4, True),  # a successor that found it committed
        ("Empty", 5, False),
        ("Ongoing", 3, None),
        ("PrepareCommit", 3, None),
        ("PrepareAbort", 4, None),
        ("Dead", 3, None),
    ],
)
def test_how_a_transaction_ended_is_read_from_what_its_producer_did_next(state, epoch, committed):
    assert was_committed(HELD, Producer("t", state, epoch, ())) is committed


def test_what_its_coordinator_has_still_to_end_is_nobody_elses_to_end():
    assert was_committed(HELD, Producer("t", "CompleteCommit", 3, {TP})) is None
    assert was_committed(HELD, Producer("t", "CompleteCommit", 3, {OTHER})) is True
    assert was_committed(HELD, None) is None


class Cluster:
    """Answers with what it is given, the last answer for ever."""

    def __init__(self, *, standing=({TP: 7},), held=({HELD},), producers=None):
        self._standing, self._held = self._repeat(standing), self._repeat(held)
        self._producers = {5: Producer("t", "CompleteCommit", 3, ())} if producers is None else producers
        self.ended, self.looks = [], 0

    @staticmethod
    def _repeat(answers):
        return itertools.chain(answers, itertools.repeat(answers[-1]))

    async def standing(self):
        self.looks += 1
        answer = next(self._standing)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def held(self, partitions):
        return {one for one in next(self._held) if one.partition in partitions}

    async def producers(self, ids):
        return {key: value for key, value in self._producers.items() if key in ids}

    async def end(self, held, *, committed):
        self.ended.append((held, committed))


async def look(cluster, times=2):
    reminder = Reminder(cluster, lambda: True)
    for _ in range(times):
        await reminder.look()
    return cluster.ended


async def test_what_stands_in_one_place_from_one_look_to_the_next_is_ended():
    assert await look(Cluster(), times=1) == []
    assert await look(Cluster()) == [(HELD, True)]


async def test_an_aborted_transaction_is_aborted():
    assert await look(Cluster(producers={5: Producer("t", "CompleteAbort", 4, ())})) == [(HELD, False)]


async def test_what_moves_is_left_alone():
    assert await look(Cluster(standing=({TP: 7}, {TP: 8}, {}, {TP: 8})), times=4) == []


async def test_what_was_ended_while_its_coordinator_was_asked_is_left_alone():
    assert await look(Cluster(held=({HELD}, set()))) == []
    assert await look(Cluster(held=({HELD}, {HELD._replace(start=9)}))) == []


async def test_what_is_under_way_or_unknown_is_left_alone():
    assert await look(Cluster(producers={5: Producer("t", "Ongoing", 3, {TP})}), times=3) == []
    assert await look(Cluster(producers={}), times=3) == []


async def run(cluster, *, ours=True, times=4):
    left = iter(range(times))

    async def sleep(_seconds):
        if next(left, None) is None:
            raise asyncio.CancelledError

    await Reminder(cluster, lambda: ours).run(sleep)


async def test_only_the_worker_whose_task_it_is_looks():
    cluster = Cluster()
    with pytest.raises(asyncio.CancelledError):
        await run(cluster, ours=False)
    assert cluster.looks == 0


async def test_a_broker_that_is_away_is_asked_again():
    cluster = Cluster(standing=(KafkaConnectionError("away"), {TP: 7}))
    with pytest.raises(asyncio.CancelledError):
        await run(cluster)
    assert cluster.ended[0] == (HELD, True)


async def test_brokers_that_cannot_be_asked_are_left_in_peace():
    cluster = Cluster(standing=(NotImplementedError("v9"),))
    await run(cluster)
    assert cluster.looks == 1


async def forget(config, records, offsets):
    """Leave a transaction open of which its coordinator was told nothing."""
    producer = TransactionalProducer(client_options(config, "test"), f"{config.group}.dead")
    await producer.start()
    told = producer._txn_manager
    told.maybe_add_partition_to_txn = told._txn_partitions.add
    told.consumer_group_added(config.group)
    (await producer.prepare(records, offsets, config.group)).check()
    await producer.discard()


async def allow_to_forget(config):
    admin = AIOKafkaAdminClient(bootstrap_servers=config.bootstrap_servers)
    await admin.start()
    setting = {"transaction.partition.verification.enable": "false"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", setting)])
    await admin.close()


@pytest.mark.kafka
async def test_a_forgotten_transaction_holds_up_neither_readers_nor_workers_for_long(own_kafka, monkeypatch):
    monkeypatch.setattr(forgotten, "_EVERY_SECONDS", 0.1)
    config = fresh_config(own_kafka.address)
    topics = Topics(config.prefix)
    await make_topics(config)
    await allow_to_forget(config)
    lane = topics.requests(Lane.STANDARD)
    offsets = {TopicPartition(lane, number): OffsetAndMetadata(1, "") for number in (0, 1)}
    await forget(config, [Record(topics.replies(), b"never answered", b"%d" % n) for n in range(9)], offsets)
    await append(config, [request(topics, n) for n in range(4)])
    desk = Desk(topics, 100)
    bus = KafkaBus(config, "a", drain_seconds=0.3, commit_seconds=0.01)
    await bus.start(desk.admit, desk.hear)
    desk.answer(bus, await desk.holding(4))
    async with asyncio.timeout(60):
        while len(await read_all(config, topics.replies())) < 4:  # noqa: ASYNC110 - a topic announces nothing
            await asyncio.sleep(0.1)
    await bus.stop(5)
    assert len(await read_all(config, topics.replies())) == 4
