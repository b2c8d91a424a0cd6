"""Buses as an outside party sees them: put requests on, take replies off, whatever the bus is."""

import asyncio
import contextlib
import time
import uuid
from dataclasses import dataclass

import msgspec

from headgate.producers.kafka import KafkaBatchBus
from headgate.producers.redis_link import Address
from headgate.producers.streams import StreamsBatchBus
from headgate.schemas.config import KafkaBus
from headgate.schemas.record import Record
from headgate.schemas.reply import decode_reply
from headgate.schemas.topics import Lane, Topics
from headgate.workers.embedded.server import EmbeddedServer

WINDOW = 500


@dataclass
class Outside:
    """A producer and a reader of replies."""

    bus: object
    topics: Topics
    #: The embedded server, where there is one.
    server: EmbeddedServer | None = None

    async def submit(self, lines, *, batch=None, lane=Lane.STANDARD):
        """Put lines on the bus under the ids `<batch>-<number>`; return the batch."""
        batch = batch or uuid.uuid4().hex
        reply_to = self.topics.replies().encode()
        for start in range(0, len(lines), WINDOW):
            records = [
                Record(
                    self.topics.requests(lane),
                    each if isinstance(each, bytes) or each is None else msgspec.json.encode(each),
                    f"k{number}".encode(),
                    (
                        ("headgate-request-id", f"{batch}-{number}".encode()),
                        ("headgate-batch", batch.encode()),
                        ("reply_to", reply_to),
                    ),
                )
                for number, each in enumerate(lines[start : start + WINDOW], start=start)
            ]
            while (await self.bus.submit(batch, records, start + len(records))).name == "FULL":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return batch

    async def replies(self, count, *, cursor, topic=None, seconds=300.0):
        """Read replies until `count` requests have one; return all of them, repeated ones included, and the cursor."""
        found, records = set(), []
        deadline = time.monotonic() + seconds
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} replies after {seconds} s"
            got = await self.bus.replies(topic or self.topics.replies(), cursor, 1.0)
            cursor = got.cursor
            replies = [decode_reply(record.value) for record in got.records]
            records += replies
            found.update(reply.headgate.request_id for reply in replies)
        return records, cursor

    async def beginning(self, topic=None):
        """Return the cursor after what is there now."""
        return await self.bus.end_of_replies(topic or self.topics.replies())

    async def rest(self, cursor, topic=None):
        """Return what comes after `cursor`, if anything: nothing must."""
        got = await self.bus.replies(topic or self.topics.replies(), cursor, 1.0)
        return [decode_reply(record.value) for record in got.records]


@contextlib.asynccontextmanager
async def embedded(directory):
    """The embedded bus of a directory; this process keeps its server."""
    async with EmbeddedServer(directory / ".headgate") as server:
        bus = StreamsBatchBus(Address(server.ensure))
        await bus.start()
        try:
            yield Outside(bus, Topics(), server)
        finally:
            await bus.stop()


@contextlib.asynccontextmanager
async def on_kafka(config):
    """A Kafka bus; `config` is the `bus.kafka` of the cluster's config."""
    bus = KafkaBatchBus(KafkaBus(**config))
    await bus.start()
    try:
        yield Outside(bus, Topics(config["prefix"]))
    finally:
        await bus.stop()


def kafka_config(address):
    """A `bus.kafka` whose names nobody else has on a shared broker."""
    name = uuid.uuid4().hex[:8]
    return {"bootstrap_servers": [address], "prefix": f"{name}.", "group": f"{name}-workers", "partitions": 4}
