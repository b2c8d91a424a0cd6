"""The bus that is configured, as producers and the recorder see it. Only the one that is used is imported."""

from urllib.parse import urlsplit

from ...producers.port import BatchBus
from ...schemas.config import Config, KafkaBus, RedisServer
from ...schemas.topics import Topics
from ..addresses import address_of
from ..bus.port import UsageSource
from ..embedded.server import EmbeddedServer


def batch_bus(config: Config, server: EmbeddedServer | None) -> BatchBus:
    """Return the bus for batches, not started."""
    kafka, redis = _peers(config)
    if kafka is not None:
        from ...producers.kafka import KafkaBatchBus  # noqa: PLC0415 - as the module says

        return KafkaBatchBus(kafka)
    from ...producers.streams import StreamsBatchBus  # noqa: PLC0415 - as the module says

    backlog = RedisServer().max_backlog if redis is None else redis.max_backlog
    return StreamsBatchBus(address_of(redis, server), config.prefix, backlog)


def usage_source(config: Config, server: EmbeddedServer | None) -> UsageSource:
    """Return the usage topic for a recorder, not started."""
    kafka, redis = _peers(config)
    if kafka is not None:
        from ..bus.kafka.usage_source import KafkaUsageSource  # noqa: PLC0415 - as the module says

        return KafkaUsageSource(kafka)
    from ..bus.streams.usage_source import StreamsUsageSource  # noqa: PLC0415 - as the module says

    return StreamsUsageSource(address_of(redis, server), config.prefix)


def bus_errors(config: Config) -> tuple[type[Exception], ...]:
    """Return what the bus raises, beside OSError, when it cannot do its work."""
    kafka, _ = _peers(config)
    if kafka is None:
        return ()
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - as the module says

    from ...producers.kafka_submitter import BatchContestedError, RecordTooLargeError  # noqa: PLC0415 - as above
    from ...producers.kafka_topics import TopicsMissingError  # noqa: PLC0415 - as above

    return (KafkaError, TopicsMissingError, BatchContestedError, RecordTooLargeError)


def reply_topic(config: Config, batch: str) -> str:
    """Return where a batch's replies go: on streams, to a topic of its own, which is trimmed as it is read."""
    topics = Topics(config.prefix)
    kafka, _ = _peers(config)
    return topics.replies(batch) if kafka is None else topics.replies()


def bus_name(config: Config, directory: str) -> str:
    """Name the bus so that two of them are told apart; without credentials."""
    kafka, redis = _peers(config)
    if kafka is not None:
        return f"kafka {','.join(sorted(kafka.bootstrap_servers))} {kafka.prefix}"
    if redis is not None:
        url = urlsplit(redis.url)
        return f"redis {url.scheme}://{url.netloc.rpartition('@')[2]}{url.path} {redis.prefix}"
    return f"embedded {directory}"


def needs_server(config: Config) -> bool:
    """Say whether the bus itself lives on the embedded Valkey."""
    return config.bus is None


def _peers(config: Config) -> tuple[KafkaBus | None, RedisServer | None]:
    return (None, None) if config.bus is None else (config.bus.kafka, config.bus.redis)
