"""What `headgate cancel` does: it says it to all workers, on the control topic."""

import asyncio
import time
from pathlib import Path
from typing import Final

import click

from ...producers.ids import is_batch_id
from ...schemas.config import Config
from ...schemas.control import Cancel, control_record
from ...schemas.record import Record
from ...schemas.topics import Topics
from ..addresses import address_of
from ..embedded.server import EmbeddedServer
from ..recorder.publisher import NotPublished, Publisher
from .buses import needs_server
from .exits import Status
from .options import OurFault
from .session import in_words, served
from .settled import settings_of

_MS: Final = 1000


def cancel_by_name(config_file: Path | None, name: str) -> Status:
    """Cancel, say so, and return the exit status."""
    config = settings_of(config_file).config
    said = Cancel(at_ms=int(time.time() * _MS), batch=name, request=None if is_batch_id(name) else name)
    asyncio.run(_publish(config, control_record(said, Topics(config.prefix))))
    click.echo(
        f"{name}: what has not been called is answered `cancelled`, what is in flight finishes and is billed", err=True
    )
    return Status.DONE


async def _publish(config: Config, record: Record) -> None:
    with in_words(config):
        async with served(config, needed=needs_server(config)) as server:
            publisher = make_publisher(config, server)
            try:
                await publisher.publish([record])
            except NotPublished as error:
                raise OurFault(f"the bus: {error}") from error
            finally:
                await publisher.stop()


def make_publisher(config: Config, server: EmbeddedServer | None) -> Publisher:
    """Return what publishes to the configured bus, for a person: under a name that fences nobody."""
    if config.bus is not None and config.bus.kafka is not None:
        from ..recorder.publisher_kafka import KafkaPublisher  # noqa: PLC0415 - one bus is imported

        return KafkaPublisher(config.bus.kafka, f"control-{time.time_ns()}")
    from ..recorder.publisher_streams import StreamsPublisher  # noqa: PLC0415 - as above

    redis = None if config.bus is None else config.bus.redis
    return StreamsPublisher(address_of(redis, server), config.prefix)
