"""Publishes to Kafka: the records of one call, all or nothing."""

import asyncio
from collections.abc import Sequence
from typing import Final

from ...producers.kafka_client import client_options
from ...producers.kafka_producer import UNSURE, TransactionalProducer
from ...producers.kafka_topics import TopicsMissingError, ensure_topics, headgate_topics
from ...schemas.config import KafkaBus
from ...schemas.record import Record
from .publisher import NotPublished

_GIVE_UP_SECONDS: Final = 40.0


class KafkaPublisher:
    """Connects when there is something to publish, and anew after it failed.

    Its transactions fence those of whoever had its name before it and is not quite dead.
    """

    def __init__(self, config: KafkaBus, name: str = "recorder") -> None:
        self._config = config
        self._name = f"{config.prefix}{name}"
        self._producer: TransactionalProducer | None = None

    async def publish(self, records: Sequence[Record]) -> None:
        """Commit the records. Raises `NotPublished`."""
        try:
            async with asyncio.timeout(_GIVE_UP_SECONDS):
                producer = self._producer or await self._connected({record.topic for record in records})
                (await producer.prepare(records, {}, self._name)).check()
                await producer.commit_transaction()
        except (*UNSURE, TopicsMissingError, OSError) as error:
            await self.stop()
            raise NotPublished(f"expected Kafka to take {len(records)} records, got: {error!r}") from error

    async def stop(self) -> None:
        """Close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.discard()

    async def _connected(self, topics: set[str]) -> TransactionalProducer:
        options = client_options(self._config, self._name)
        known = headgate_topics(self._config)
        await ensure_topics(options, self._config, {topic: known.get(topic, {}) for topic in topics})
        producer = self._producer = TransactionalProducer(options, self._name)
        await producer.start()
        return producer
