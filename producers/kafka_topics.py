"""Make the topics that are missing, and say which topics there are, without making any by asking."""

import asyncio
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.metadata import MetadataRequest

from ..schemas.config import KafkaBus
from ..schemas.topics import Topics
from .kafka_client import MAX_RECORD_BYTES, ClientOptions
from .kafka_entry import enter

_ALREADY_EXISTS: Final = 36
#: There, or there in a moment: its leader is being chosen.
_THERE: Final = frozenset({0, 5})
_PAUSE_SECONDS: Final = 0.1
_DEFERRAL_PARTITIONS: Final = 3


#: Stamped with the broker's clock: deadlines count from the arrival, and what is parked from its parking, not from what
#: a sender's clock says.
_STAMPED: Final[Mapping[str, str]] = MappingProxyType({"message.timestamp.type": "LogAppendTime"})
#: What was said to the workers is forgotten after a week (`workers.bus.port.CONTROL_SECONDS`).
_CONTROL: Final[Mapping[str, str]] = MappingProxyType({**_STAMPED, "retention.ms": "604800000"})
_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})


def headgate_topics(config: KafkaBus) -> dict[str, Mapping[str, str]]:
    """Return the topics that Headgate cannot do without, each with its settings."""
    topics = Topics(config.prefix)
    others = (topics.replies(), topics.usage, topics.dead_letters, topics.alerts)
    return {
        **dict.fromkeys((*topics.lanes, *topics.deferrals), _STAMPED),
        **dict.fromkeys(others, _NO_SETTINGS),
        topics.control: _CONTROL,
    }


def partitions_of(config: KafkaBus, topic: str) -> int:
    """Return how many partitions a topic gets when it is made.

    A deferral topic needs few: only its heads are looked at, each by one worker. What people say, and are told, has to
    be in order.
    """
    topics = Topics(config.prefix)
    if topics.tier_of(topic) is not None:
        return min(_DEFERRAL_PARTITIONS, config.partitions)
    return 1 if topic in {topics.control, topics.alerts} else config.partitions


class TopicsMissingError(Exception):
    """Topics that are needed do not exist and were not made; the message says why and what to do."""


async def ensure_topics(options: ClientOptions, config: KafkaBus, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Make those of the `wanted` topics (name → its settings) that do not exist, and wait until all do.

    Raises `TopicsMissingError`, and `NoEntryError` when no broker can be reached or none lets us in.
    """
    client = AIOKafkaClient(**options)
    try:
        await enter(client, options)
        missing = wanted.keys() - await existing(client, wanted)
        if missing and not config.create_topics:
            raise TopicsMissingError(
                f"expected the topics {_list(missing)} to exist, got none; make them, or set bus.kafka.create_topics"
            )
        if missing:
            await _create(options, config, {topic: wanted[topic] for topic in missing})
        while missing:
            await asyncio.sleep(_PAUSE_SECONDS)
            missing -= await existing(client, missing)
    finally:
        await client.close()


async def existing(client: AIOKafkaClient, topics: Collection[str]) -> set[str]:
    """Return those of `topics` that exist and that we may see; Kafka's internal topics count as not there.

    Raises `KafkaError`. aiokafka's own metadata requests make a broker with `auto.create.topics.enable` create what is
    asked about; this one does not.
    """
    response = await client.send(client.get_random_node(), MetadataRequest(list(topics), False))
    return {topic for error_code, topic, internal, _ in response.topics if error_code in _THERE and not internal}


async def _create(options: ClientOptions, config: KafkaBus, topics: Mapping[str, Mapping[str, str]]) -> None:
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        response = await admin.create_topics([_new_topic(config, name, topics[name]) for name in topics])
    finally:
        await admin.close()
    for topic, error_code, message in response.topic_errors:
        if error_code not in {0, _ALREADY_EXISTS}:
            raise TopicsMissingError(
                f"expected to create the topic {topic}, got {for_code(error_code).__name__}: {message}; "
                "create it yourself, or correct bus.kafka.partitions and bus.kafka.replication"
            )


def _new_topic(config: KafkaBus, name: str, settings: Mapping[str, str]) -> NewTopic:
    settings = {"max.message.bytes": str(MAX_RECORD_BYTES), **settings}
    topic = NewTopic(name, partitions_of(config, name), 1, topic_configs=settings)
    topic.replication_factor = (
        config.replication
    )  # the constructor refuses -1, the broker's default; the broker knows it
    return topic


def _list(topics: Collection[str]) -> str:
    return ", ".join(sorted(topics))
