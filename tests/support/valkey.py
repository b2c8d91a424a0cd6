"""Fixtures over real Valkey servers; a conftest imports the ones it needs.

`valkey` is one server for all tests of a process, with a prefix of the test's own; `own_valkey` belongs to one test,
which may kill, fill or empty it.
"""

import asyncio
import os
import signal
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from headgate.producers.redis_link import Address
from headgate.workers.embedded.server import EmbeddedServer


@dataclass(frozen=True, slots=True)
class Valkey:
    """A server, and a prefix that nobody else uses on it."""

    url: str
    prefix: str

    @property
    def address(self) -> Address:
        return Address(self.url)


class OwnValkey:
    """A server that a test may do anything to; its address is asked for as a worker asks for it."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self.prefix = "headgate."

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def address(self) -> Address:
        return Address(self._server.ensure)

    @property
    def pid(self) -> int:
        assert self._server.child_pid is not None
        return self._server.child_pid

    def kill(self) -> None:
        """`kill -9` the server; it is started again by whoever asks for it."""
        os.kill(self.pid, signal.SIGKILL)


def fresh_prefix() -> str:
    return f"t{uuid.uuid4().hex[:8]}."


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that lives in a thread of its own, as long as the session."""
    directory = tmp_path_factory.mktemp("valkey")
    started, stop, found = threading.Event(), threading.Event(), []

    async def keep() -> None:
        try:
            async with EmbeddedServer(directory, max_memory=2 * 1024**3) as server:
                found.append(server.url)
                started.set()
                await asyncio.to_thread(stop.wait)
        finally:
            started.set()

    thread = threading.Thread(target=lambda: asyncio.run(keep()), name="valkey")
    thread.start()
    started.wait()
    yield found[0]
    stop.set()
    thread.join()


@pytest.fixture
def valkey(valkey_url: str) -> Valkey:
    return Valkey(valkey_url, fresh_prefix())


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[OwnValkey]:
    async with EmbeddedServer(tmp_path) as server:
        yield OwnValkey(server)


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    """A client of the shared server."""
    client = Redis.from_url(valkey.url, protocol=2)
    yield client
    await client.aclose()
