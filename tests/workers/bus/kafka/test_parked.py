"""What waits in lanes and what is parked, told apart."""

import asyncio
import contextlib

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError

from headgate.workers.bus.kafka.parked import Parked
from headgate.workers.bus.kafka.shelf import Shelf

LANE, TIER = TopicPartition("requests", 0), TopicPartition("deferred", 0)


class Consumer:
    closed = False

    def __init__(self):
        self.behind = {LANE: 7, TIER: 2}
        self.asked = []
        self.ends = {TIER: 1000}

    def lags(self):
        return self.behind

    def positions(self):
        return {LANE: 50, TIER: 100}

    async def end_offsets(self, partitions):
        self.asked.append(partitions)
        if self.ends is None:
            raise KafkaConnectionError("away")
        return self.ends


class Nobody:
    def state_value(self, _):
        return self

    def pause(self): ...

    resume = pause


async def asked(parked, consumer, times):
    async def no_sleep(_):
        if len(consumer.asked) == times:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    with contextlib.suppress(asyncio.CancelledError):
        await parked.run(no_sleep)


async def test_lanes_lag_and_deferral_topics_do_not():
    consumer, shelf = Consumer(), Shelf({"deferred": 3600.0})
    parked = Parked(shelf, lambda: consumer)
    assert parked.counts() == (7, 2)
    shelf.put([ConsumerRecord(*TIER, n, 5, 1, None, b"v", None, -1, 1, ()) for n in range(3)], Nobody())
    assert parked.counts() == (7, 5)


async def test_of_a_partition_that_is_paused_the_end_is_asked_for():
    consumer = Consumer()
    parked = Parked(Shelf({"deferred": 3600.0}), lambda: consumer)
    await asked(parked, consumer, 1)
    assert consumer.asked == [[TIER]]
    assert parked.counts() == (7, 900)
    consumer.ends = None
    await asked(parked, consumer, 3)
    assert parked.counts() == (7, 900), "what was known is known while the broker is away"


async def test_nothing_is_known_before_the_first_fetch():
    consumer = Consumer()
    consumer.behind = None
    assert Parked(Shelf({}), lambda: consumer).counts() is None
    assert Parked(Shelf({}), lambda: None).counts() is None
