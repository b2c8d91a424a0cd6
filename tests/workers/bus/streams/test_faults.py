"""The server dies, fills up, is emptied, or does not let us in, at any moment."""

import asyncio
import random
from pathlib import Path

import pytest
from conformance.harness import Desk, number_of, request
from redis.asyncio import Redis

from headgate.producers.port import Submitted
from headgate.producers.redis_link import Address
from headgate.producers.streams import StreamsBatchBus
from headgate.schemas.record import Record
from headgate.workers.bus.port import BusLost
from headgate.workers.bus.streams.bus import StreamsBus
from headgate.workers.bus.streams.settings import StreamsSettings
from headgate.workers.bus.streams.usage_source import StreamsUsageSource
from headgate.workers.embedded.server import EmbeddedServer
from support.streams import Streams

BATCH = "batch-20261122-150301-bcdfghjk"


class Pipeline:
    """A producer, a worker and a recorder on one bus, and what came of them."""

    def __init__(self, server, total, window=50):
        self.server, self.total, self.window = server, total, window
        self.topics = Streams(server, None).topics
        self.replies: list[int] = []
        self.usage: list[bytes] = []
        self.full = 0

    async def run(self, batches, bus, source, size=200):
        desk = Desk(self.topics, room=120)
        await batches.start()
        await bus.start(desk.admit, desk.hear)
        await source.start({})
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(self._answer(bus, desk, size))
            recording = tasks.create_task(self._record(source))
            tasks.create_task(self._submit(batches, size))
            await self._collect(batches)
            recording.cancel()
            answering.cancel()
        await bus.stop(10)
        while len(set(self.usage)) < self.total and await self._read(source):
            pass
        for peer in (source, batches):
            await peer.stop()

    async def _submit(self, batches, size):
        for start in range(0, self.total, self.window):
            records = [request(self.topics, n, size=size) for n in range(start, start + self.window)]
            while await batches.submit(BATCH, records, start + self.window) is Submitted.FULL:
                self.full += 1
                await asyncio.sleep(0.01)

    async def _collect(self, batches):
        topic = self.topics.replies(BATCH)
        cursor = await batches.end_of_replies(topic)
        while len(set(self.replies)) < self.total:
            found = await batches.replies(topic, cursor, 0.1)
            self.replies += [number_of(record) for record in found.records]
            cursor = found.cursor
            await batches.taken(topic, cursor, BATCH)
        self.replies += [number_of(r) for r in (await batches.replies(topic, cursor, 0.1)).records]

    async def _answer(self, bus, desk, size):
        while True:
            await desk.until(lambda: bool(desk.held), seconds=60)
            for delivery in random.sample(list(desk.held.values()), k=min(len(desk.held), 40)):
                number = b"%d " % number_of(delivery.record)
                reply = Record(self.topics.replies(BATCH), number + b"y" * size)
                bus.complete(delivery, [reply], [Record(self.topics.usage, number)])
                desk.held.pop(delivery.place)
            desk._room.set()
            await asyncio.sleep(0.002)

    async def _record(self, source):
        while True:
            await self._read(source)

    async def _read(self, source):
        parts = await source.read(500, 0.5)
        for part in parts:
            self.usage += part.values
            await source.recorded({part.partition: part.next_cursor})
        return bool(parts)


async def test_a_server_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing(own_valkey):
    pipeline = Pipeline(own_valkey, 2000)

    async def kill_often():
        for _ in range(8):
            await asyncio.sleep(random.uniform(0.02, 0.3))
            own_valkey.kill()

    killing = asyncio.create_task(kill_often())
    settings = StreamsSettings("a", own_valkey.prefix, commit_interval=0.01, beat=0.1, read_wait=0.1)
    async with asyncio.timeout(90):
        await pipeline.run(
            StreamsBatchBus(own_valkey.address),
            StreamsBus(own_valkey.address, settings),
            StreamsUsageSource(own_valkey.address),
        )
        await killing
    assert sorted(pipeline.replies) == list(range(2000))
    assert sorted(map(int, pipeline.usage)) == list(range(2000))


async def test_a_server_without_room_refuses_requests_takes_answers_and_recovers(tmp_path: Path):
    """Five times as many requests as fit: producers hear `full`, workers go on, everything is answered."""
    total, size = 3000, 4000
    async with EmbeddedServer(tmp_path, max_memory=5_000_000) as server:
        address = Address(server.ensure)
        pipeline = Pipeline(type("At", (), {"prefix": "headgate.", "address": address}), total)
        settings = StreamsSettings("a", commit_interval=0.01, beat=0.1, read_wait=0.1)
        async with asyncio.timeout(90):
            await pipeline.run(
                StreamsBatchBus(address), StreamsBus(address, settings), StreamsUsageSource(address), size
            )
    assert pipeline.full > 0, "it was full at times"
    assert sorted(pipeline.replies) == list(range(total))
    assert sorted(map(int, pipeline.usage)) == list(range(total))


async def test_a_full_server_is_emptied_by_a_worker_that_has_yet_to_come(tmp_path: Path):
    async with EmbeddedServer(tmp_path, max_memory=4_000_000) as server:
        address = Address(server.ensure)
        batches = StreamsBatchBus(address)
        await batches.start()
        topics = Streams(type("At", (), {"prefix": "headgate."}), None).topics
        count = 0
        while await batches.submit(BATCH, [request(topics, count, size=50_000)], count + 1) is Submitted.DONE:
            count += 1
        assert count > 10
        desk, bus = Desk(topics), StreamsBus(address, StreamsSettings("a", beat=0.05, read_wait=0.1))
        await bus.start(desk.admit, desk.hear)
        desk.answer(bus, await desk.holding(count))
        await desk.until(lambda: len(desk.committed) == count)
        assert await batches.submit(BATCH, [request(topics, count, size=50_000)], count + 1) is Submitted.DONE
        await bus.stop(0)
        await batches.stop()


async def test_a_bus_that_was_emptied_goes_on_with_what_comes(own_valkey):
    desk = Desk(Streams(own_valkey, None).topics)
    async with Redis.from_url(own_valkey.url, protocol=2) as client:
        streams = Streams(own_valkey, client)
        bus, source = streams.bus(), StreamsUsageSource(own_valkey.address)
        await bus.start(desk.admit, desk.hear)
        await source.start({})
        for number in range(3):
            await streams.append([request(streams.topics, number)])
            desk.answer(bus, await desk.holding(1))
            await desk.until(lambda number=number: len(desk.committed) == number + 1)
            await client.flushall()
        await bus.stop(5)
        await source.stop()


async def test_a_worker_waits_for_a_server_that_is_not_there_yet(tmp_path: Path):
    topics = Streams(type("At", (), {"prefix": "headgate."}), None).topics
    socket = tmp_path / "valkey" / "socket"
    desk, bus = Desk(topics), StreamsBus(Address(f"unix://{socket}"), StreamsSettings("a", read_wait=0.1))
    starting = asyncio.create_task(bus.start(desk.admit, desk.hear))
    done, _ = await asyncio.wait([starting], timeout=0.1)
    assert not done
    assert not bus.status().ready
    async with EmbeddedServer(tmp_path):
        await asyncio.wait_for(starting, 10)
        assert bus.status().ready
        await bus.stop(0)


async def test_answers_wait_in_memory_while_the_server_is_away(tmp_path: Path):
    topics = Streams(type("At", (), {"prefix": "headgate."}), None).topics
    url = f"unix://{tmp_path / 'valkey' / 'socket'}"
    desk = Desk(topics)
    bus = StreamsBus(Address(url), StreamsSettings("a", commit_interval=0.01, beat=0.05, read_wait=0.1))
    async with EmbeddedServer(tmp_path), Redis.from_url(url, protocol=2) as client:
        streams = Streams(type("At", (), {"prefix": "headgate."}), client)
        await streams.append([request(topics, n) for n in range(20)])
        await bus.start(desk.admit, desk.hear)
        held = await desk.holding(20)
    desk.answer(bus, held)
    async with asyncio.timeout(5):
        while bus.status().ready:  # noqa: ASYNC110 - the status tells nobody
            await asyncio.sleep(0.01)
    assert bus.status().uncommitted == 20
    async with EmbeddedServer(tmp_path), Redis.from_url(url, protocol=2) as client:
        await desk.until(lambda: len(desk.committed) == 20)
        streams = Streams(type("At", (), {"prefix": "headgate."}), client)
        assert len(await streams.values(topics.replies())) == 20
        assert len(desk.taken) == 20
        await bus.stop(5)


async def test_a_stop_without_a_server_ends_in_time(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("headgate.workers.bus.streams.bus._LAST_COMMIT_SECONDS", 0.2)
    url = f"unix://{tmp_path / 'valkey' / 'socket'}"
    topics = Streams(type("At", (), {"prefix": "headgate."}), None).topics
    desk, bus = Desk(topics), StreamsBus(Address(url), StreamsSettings("a", read_wait=0.1))
    async with EmbeddedServer(tmp_path):
        await bus.start(desk.admit, desk.hear)
    await asyncio.wait_for(bus.stop(0.2), 5)
    await asyncio.wait_for(bus.closed(), 1)


async def test_a_server_that_wants_a_password_is_told_from_one_that_is_away(own_valkey):
    async with Redis.from_url(own_valkey.url) as client:
        await client.config_set("requirepass", "secret")
    url, topics = own_valkey.url, Streams(own_valkey, None).topics
    desk = Desk(topics)
    for address in (Address(url), Address(url, password="wrong")):
        bus = StreamsBus(address, StreamsSettings("a"))
        with pytest.raises(BusLost, match="password"):
            await asyncio.wait_for(bus.start(desk.admit, desk.hear), 5)
    bus = StreamsBus(Address(url, password="secret"), StreamsSettings("a", read_wait=0.1))
    await bus.start(desk.admit, desk.hear)
    await bus.stop(0)
    async with Redis.from_url(url, password="secret") as client:
        await client.config_set("requirepass", "")


async def test_a_gateway_that_raises_ends_the_bus(own_valkey):
    async with Redis.from_url(own_valkey.url, protocol=2) as client:
        streams = Streams(own_valkey, client)
        await streams.append([request(streams.topics, 1)])
        bus = streams.bus()

        async def broken(_):
            raise ZeroDivisionError("a fault of the gateway")

        await bus.start(broken, lambda _: None)
        with pytest.raises(BusLost, match="a fault of the gateway"):
            await asyncio.wait_for(bus.closed(), 5)
        await bus.stop(0)
