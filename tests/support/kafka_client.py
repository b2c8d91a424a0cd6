"""Hands on a Kafka broker for tests: put records on topics, read topics whole."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient

from headgate.producers.kafka_batches import BatchWriter
from headgate.producers.kafka_client import client_options
from headgate.producers.kafka_reader import TopicReader
from headgate.producers.kafka_topics import ensure_topics, existing, headgate_topics
from headgate.schemas.config import KafkaBus
from headgate.schemas.record import Record


def fresh_config(address: str, **changes: object) -> KafkaBus:
    """Make a config of one test's own: nobody else uses its topics and its group."""
    name = uuid.uuid4().hex[:12]
    fields = {
        "bootstrap_servers": [address],
        "prefix": f"t{name}.",
        "group": f"g{name}",
        "partitions": 2,
        "session_timeout": 2.0,
    }
    return KafkaBus(**{**fields, **changes})


async def make_topics(config: KafkaBus, *names: str) -> None:
    """Make Headgate's topics, or those named."""
    wanted: Mapping[str, Mapping[str, str]] = {name: {} for name in names} or headgate_topics(config)
    await ensure_topics(client_options(config, "test"), config, wanted)


async def append(config: KafkaBus, records: Sequence[Record]) -> None:
    """Put records on their topics, as any producer does."""
    options = client_options(config, "test")
    async with AIOKafkaProducer(**options, max_batch_size=512 * 1024, enable_idempotence=True) as producer:
        for written in await BatchWriter(producer).write(records):
            await written.done


async def read_all(config: KafkaBus, topic: str) -> list[Record]:
    """Return every record that a read_committed reader sees, partition by partition.

    The broker says that a transaction is committed when that is decided; only later does it write so to each partition.
    Until then its records are behind the end that a read_committed reader is told of: what is read up to is the end of
    the log.
    """
    reader = TopicReader(client_options(config, "test"), topic)
    await reader.start()
    ends, records = await log_ends(config, topic), []
    while any(reader.offsets().get(partition, 0) < end for partition, end in ends.items()):
        for passage in await reader.read(1000, 0.2):
            records += [Record(r.topic, r.value, r.key, tuple(r.headers)) for r in passage.records]
    await reader.stop()
    return records


async def log_ends(config: KafkaBus, topic: str) -> dict[int, int]:
    """Return the offsets after the last record of each partition, whether its transaction is over or not."""
    async with AIOKafkaConsumer(topic, **client_options(config, "test")) as consumer:
        return {tp.partition: end for tp, end in (await consumer.end_offsets(consumer.assignment())).items()}


async def make_topic_with(config: KafkaBus, name: str, settings: Mapping[str, str]) -> None:
    """Make a topic with settings of its own."""
    await ensure_topics(client_options(config, "test"), config, {name: settings})


async def until_there(config: KafkaBus, topic: str, *, there: bool = True) -> None:
    """Wait until the broker says that a topic exists, or that it does not: it hears so after who has asked for it."""
    client = AIOKafkaClient(**client_options(config, "test"))
    await client.bootstrap()
    async with asyncio.timeout(20):
        while bool(await existing(client, (topic,))) is not there:  # noqa: ASYNC110 - brokers announce nothing
            await asyncio.sleep(0.02)
    await client.close()
