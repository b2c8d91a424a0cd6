"""The FastStream side: one broker, one batch subscriber over lanes and deferral topics."""

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiokafka import ConsumerRebalanceListener, ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from ....producers.kafka_client import ClientOptions
from ....schemas.config import KafkaBus as KafkaBusConfig
from ....schemas.topics import Topics
from .assignor import LaneAssignor
from .member import MemberConsumer

#: aiokafka would leave the group when nothing is fetched for so long: but a full gateway fetches nothing.
_NEVER_MS: Final = 2**31 - 1
_MAX_RECORDS: Final = 500
#: Seconds that members get to come back to a rebalance beyond their draining.
_GRACE_SECONDS: Final = 4.0

#: Takes a batch of fetched records; the next one comes when it returns.
Handler = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Member:
    """How this process takes part in the consumer group."""

    #: Its name if it is a static member: then it has its partitions back at once after a restart.
    instance: str | None
    drain_seconds: float


class Subscription(NamedTuple):
    """FastStream's broker, and the subscriber on it."""

    broker: KafkaBroker
    subscriber: BatchSubscriber

    async def connect(self, options: ClientOptions) -> None:
        """Have consumers built with our options, of which FastStream knows a part only."""
        await self.broker.connect()
        self.broker.config.broker_config.builder = functools.partial(_build, options)

    def consumer(self) -> MemberConsumer | None:
        """Return the consumer that FastStream has built, None while there is none."""
        consumer = self.subscriber.consumer
        return consumer if isinstance(consumer, MemberConsumer) else None


def subscribe(
    config: KafkaBusConfig, member: Member, listener: ConsumerRebalanceListener, handler: Handler
) -> Subscription:
    """Make the broker and the subscriber. It commits nothing and replies nothing: transactions do."""
    broker = KafkaBroker(
        list(config.bootstrap_servers),
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,  # injection costs more than all the rest
        graceful_timeout=1.0,
        logger=None,  # it logs each batch
    )
    subscriber = broker.subscriber(
        *Topics(config.prefix).lanes,
        *Topics(config.prefix).deferrals,
        batch=True,
        max_records=_MAX_RECORDS,
        batch_timeout_ms=20,
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        parser=_parse,
        decoder=_decode,
        group_id=config.group,
        group_instance_id=member.instance,
        listener=listener,
        auto_offset_reset="earliest",
        isolation_level="read_committed",  # what a producer aborted was never asked
        partition_assignment_strategy=(LaneAssignor.new(),),
        session_timeout_ms=int(config.session_timeout * 1000),
        heartbeat_interval_ms=max(100, int(config.session_timeout * 100)),
        rebalance_timeout_ms=int((member.drain_seconds + _GRACE_SECONDS) * 1000),
        max_poll_interval_ms=_NEVER_MS,
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=262_144,
    )
    subscriber(handler)
    return Subscription(broker, subscriber)


def _build(options: ClientOptions, **given: Any) -> MemberConsumer:
    merged: dict[str, Any] = {**given, **options}
    return MemberConsumer(**merged)


async def _parse(records: Sequence[ConsumerRecord]) -> KafkaMessage:
    """Wrap a batch as it is. FastStream's own parser raises at headers that are null or not UTF-8."""
    return KafkaMessage(
        body=b"",
        headers={},
        batch_headers=[],
        raw_message=records,
        message_id="",
        correlation_id="-",
        consumer=FAKE_CONSUMER,
    )


async def _decode(message: KafkaMessage) -> Sequence[ConsumerRecord]:
    records = message.raw_message
    return records if isinstance(records, Sequence) else (records,)
