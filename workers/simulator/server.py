"""The simulator as a server: started, stopped, and asked for its books."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import msgspec

from .books import Books
from .config import SimulatorConfig
from .connection import Connection
from .desk import Desk
from .http_reader import Limits
from .provider import Provider

_MS: Final = 1000
#: Load generators open all their connections at once.
_BACKLOG: Final = 4096


class Address(msgspec.Struct, frozen=True):
    """Where a simulator listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The root: `/healthz` and `/simulator/…` are below it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its `base_url`."""
        return f"{self.url}/v1"


class Simulator:
    """A provider that speaks the wires of many, keeps books, and fails when told.

    >>> async def example() -> None:
    ...     async with Simulator() as simulator:
    ...         print(simulator.address.base_url, len(simulator.books))
    """

    def __init__(
        self,
        config: SimulatorConfig | None = None,
        *,
        unix_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config: Final = config or SimulatorConfig()
        self._provider = Provider(self.config, unix_ns, monotonic)
        self._connections = _Connections()
        self._server: asyncio.Server | None = None
        self._address: Address | None = None

    def __repr__(self) -> str:
        where = self._address.url if self._address else "not started"
        return f"<Simulator {where}, {len(self._connections)} connections, {self.books!r}>"

    @property
    def books(self) -> Books:
        """What was served since the start, or since the books were last reset."""
        return self._provider.books

    @property
    def address(self) -> Address:
        """Where it listens; raises `RuntimeError` before the start."""
        if self._address is None:
            raise RuntimeError("expected a simulator that was started; call start() first")
        return self._address

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Address:
        """Listen; port 0 is any free one. Raises `OSError` if the port is taken."""
        if self._server is not None:
            raise RuntimeError(f"expected a simulator that is not running; this one is at {self.address.url}")
        limits = Limits(self.config.max_head_bytes, self.config.max_body_bytes)
        desk, most = Desk(self._provider), self.config.max_pipelined
        self._connections.begin()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(desk, limits, most, self._connections), host, port, backlog=_BACKLOG
        )
        self._address = Address(host, self._server.sockets[0].getsockname()[1])
        return self._address

    async def stop(self) -> None:
        """Take no more connections, answer what is under way for up to `drain_ms`, and close. It may start again."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        await self._connections.finish(self.config.drain_ms / _MS)
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class _Connections:
    """Which connections there are."""

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._ending = False
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection, /) -> None:
        """Keep a connection; one that was accepted in the last moment before a stop is finished at once."""
        self._all.add(connection)
        self._none.clear()
        if self._ending:
            connection.finish()

    def discard(self, connection: Connection, /) -> None:
        """Forget a connection that has ended."""
        self._all.discard(connection)
        if not self._all:
            self._none.set()

    def begin(self) -> None:
        """Take new ones again."""
        self._ending = False

    async def finish(self, seconds: float) -> None:
        """Let them finish; abort those that take longer than `seconds`."""
        self._ending = True
        for connection in tuple(self._all):
            connection.finish()
        try:
            async with asyncio.timeout(seconds):
                await self._none.wait()
        except TimeoutError:
            for connection in tuple(self._all):
                connection.abort()
            await self._none.wait()
