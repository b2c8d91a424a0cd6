"""The control topic on Kafka, beyond what every bus promises."""

import asyncio
import time

import pytest
from conformance.harness import eventually

from headgate.schemas.record import Record
from headgate.schemas.topics import Topics
from headgate.workers.bus.kafka.control import KafkaControlFeed
from headgate.workers.bus.port import BusLost
from support.kafka_client import append, fresh_config, make_topics

pytestmark = pytest.mark.kafka

DAY = 86_400.0


def said(config, *numbers):
    return [Record(Topics(config.prefix).control, b"%d" % n) for n in numbers]


async def test_what_is_older_than_a_week_is_passed_over(kafka_address):
    config = fresh_config(kafka_address)
    await make_topics(config)
    await append(config, said(config, 1, 2))
    for days, count in ((6.9, 2), (7.1, 0)):
        heard = []
        feed = KafkaControlFeed(config, now=lambda later=days: time.time() + later * DAY)
        await feed.start(heard.append)
        await asyncio.wait_for(feed.ready(), 20)
        assert len(heard) == count
        await feed.stop()


async def test_without_the_topic_and_leave_to_make_it_the_feed_is_lost(kafka_address):
    feed = KafkaControlFeed(fresh_config(kafka_address, create_topics=False))
    with pytest.raises(BusLost, match=r"control to exist"):
        await feed.start(print)


async def test_a_broker_that_comes_back_is_heard_again(own_kafka):
    config = fresh_config(own_kafka.address)
    await make_topics(config)
    heard = []
    feed = KafkaControlFeed(config)
    await feed.start(heard.append)
    await append(config, said(config, 1))
    await eventually(lambda: len(heard) == 1)
    await asyncio.to_thread(own_kafka.kill9)
    await asyncio.to_thread(own_kafka.start)
    await append(config, said(config, 2))
    await eventually(lambda: len(heard) == 2, seconds=60)
    assert [record.value for record in heard] == [b"1", b"2"]
    await feed.stop()
    await feed.closed()
