"""Publishing alerts to Kafka."""

import asyncio

import pytest

from headgate.producers.kafka_client import client_options
from headgate.producers.kafka_reader import TopicReader
from headgate.schemas.record import Record
from headgate.schemas.topics import Topics
from headgate.workers.recorder.publisher_kafka import KafkaPublisher
from support.kafka_client import fresh_config

pytestmark = pytest.mark.kafka


async def test_what_is_published_can_be_read_and_a_second_recorder_takes_over(kafka_address):
    config = fresh_config(kafka_address, partitions=1)
    topic = Topics(config.prefix).alerts
    first, second = KafkaPublisher(config), KafkaPublisher(config)
    await first.publish([Record(topic, b"1", b"a"), Record(topic, b"2", b"b")])
    await second.publish([Record(topic, b"3", b"c")])
    reader = TopicReader(client_options(config, "test"), topic)
    await reader.start()
    read: list[bytes] = []
    async with asyncio.timeout(30):
        while len(read) < 3:
            read += [record.value for passage in await reader.read(10, 0.5) for record in passage.records]
    assert read == [b"1", b"2", b"3"]
    for each in (first, second, reader):
        await each.stop()
