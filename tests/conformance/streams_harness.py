"""The suite's hands on Streams: on the embedded Valkey, or on any Redis by its address."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from conformance.harness import LENGTHS, Abilities
from redis.asyncio import Redis

from headgate.producers.redis_link import Address
from headgate.producers.streams import StreamsBatchBus
from headgate.schemas.record import Record
from headgate.schemas.streams import alive_key, fields_of, record_of, stream_key
from headgate.schemas.topics import Topics
from headgate.workers.bus.port import Bus
from headgate.workers.bus.streams.bus import StreamsBus
from headgate.workers.bus.streams.control import StreamsControlFeed
from headgate.workers.bus.streams.settings import StreamsSettings
from headgate.workers.bus.streams.usage_source import StreamsUsageSource
from support.valkey import OwnValkey, Valkey

_GAP = 0.4


class StreamsHarness:
    def __init__(self, server: Valkey | OwnValkey) -> None:
        self._server = server
        self.topics = Topics(server.prefix)
        self.abilities = Abilities(restarts=isinstance(server, OwnValkey), bounded=True, open_topics=True)
        self.lengths = LENGTHS
        self._buses: list[StreamsBus] = []

    @property
    def address(self) -> Address:
        return self._server.address

    async def open(self) -> None: ...

    def worker(self, slot: str = "a") -> StreamsBus:
        quick = {"commit_interval": 0.01, "beat": 0.05, "gap": _GAP, "read_wait": 0.1}
        bus = StreamsBus(self.address, StreamsSettings(slot, self._server.prefix, **quick, lengths=self.lengths))
        self._buses.append(bus)
        return bus

    async def crash(self, bus: Bus) -> None:
        assert isinstance(bus, StreamsBus)
        await bus._close()

    async def lose(self, bus: Bus) -> None:
        """Let the worker fall silent, and tell the others that it has been for long."""
        assert isinstance(bus, StreamsBus)
        bus._tasks[2].cancel()
        await asyncio.wait([bus._tasks[2]])
        async with self._client() as client:
            await client.zadd(alive_key(self._server.prefix), {bus._settings.consumer: 1})

    async def append(self, records: Sequence[Record]) -> None:
        async with self._client() as client, client.pipeline(transaction=False) as pipeline:
            for record in records:
                pipeline.execute_command("XADD", self._key(record.topic), "*", *fields_of(record))
            await pipeline.execute()

    async def read_all(self, topic: str) -> Sequence[Record]:
        async with self._client() as client:
            entries = await client.execute_command("XRANGE", self._key(topic), "-", "+")
        return [record_of(topic, [part for pair in fields.items() for part in pair]) for _, fields in entries]

    async def make_topic(self, topic: str) -> None: ...

    def usage_source(self) -> StreamsUsageSource:
        return StreamsUsageSource(self.address, self._server.prefix)

    def control_feed(self) -> StreamsControlFeed:
        return StreamsControlFeed(self.address, self._server.prefix, read_wait=0.1)

    def batch_bus(self, max_backlog: int = 100_000) -> StreamsBatchBus:
        return StreamsBatchBus(self.address, self._server.prefix, max_backlog)

    async def restart(self) -> None:
        assert isinstance(self._server, OwnValkey)
        self._server.kill()

    async def close(self) -> None:
        for bus in self._buses:
            await bus._close()

    def _key(self, topic: str) -> str:
        return stream_key(self._server.prefix, topic)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Redis]:
        url = self.address.url if isinstance(self.address.url, str) else await self.address.url()
        async with Redis.from_url(url, protocol=2) as client:
            yield client
