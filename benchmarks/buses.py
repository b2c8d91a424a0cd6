"""The buses that the gateway is measured on, as the load sees them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.producers.port import BatchBus
from headgate.producers.redis_link import Address
from headgate.producers.streams import StreamsBatchBus
from headgate.schemas.config import KafkaBus
from headgate.workers.embedded.server import EmbeddedServer

KAFKA = Path(__file__).parents[1] / "compose" / "kafka"


@dataclass(frozen=True)
class Load:
    """A bus, and the config of the worker on it."""

    name: str
    bus: BatchBus
    config: dict[str, Any]


@asynccontextmanager
async def embedded(cwd: Path) -> AsyncIterator[Load]:
    """Streams on the embedded server, which this process keeps."""
    async with EmbeddedServer(cwd / ".headgate") as server:
        bus = StreamsBatchBus(Address(server.ensure), max_backlog=1_000_000)
        await bus.start()
        yield Load("embedded", bus, {})
        await bus.stop()


@asynccontextmanager
async def kafka(cwd: Path) -> AsyncIterator[Load]:
    """Apache Kafka, started without containers."""
    from headgate.producers.kafka import KafkaBatchBus  # noqa: PLC0415 - only where it is measured

    directory = str(cwd / "kafka")
    address = await _script("up", "--port", "0", "--directory", directory)
    try:
        config = KafkaBus(bootstrap_servers=[address], partitions=4)
        bus = KafkaBatchBus(config)
        await bus.start()
        yield Load("kafka", bus, {"bus": {"kafka": {"bootstrap_servers": [address], "partitions": 4}}})
        await bus.stop()
    finally:
        await _script("down", "--directory", directory)


async def _script(*arguments: str) -> str:
    """Run compose/kafka and return what it says."""
    process = await asyncio.create_subprocess_exec(KAFKA, *arguments, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"expected compose/kafka {arguments[0]} to work, it ended with {process.returncode}")
    return said.decode().strip()
