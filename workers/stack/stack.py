"""The stack as a whole: what it consists of, and the order in which it begins and ends."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from ...schemas.config import Config
from ..embedded.server import EmbeddedServer
from .kept import KeptPart, StackListener
from .part import Part

#: A log of an earlier stack that is longer than this is begun anew.
_LOG_MAX_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of a started stack are."""

    #: Of worker and recorder: /healthz, /readyz, /metrics.
    worker: str
    recorder: str
    #: The base URL; None where providers are configured.
    simulator: str | None


class Parts(Protocol):
    """Says what the parts are. Peer: `Commands`."""

    @property
    def simulated(self) -> bool:
        """Whether the simulator answers."""
        ...

    def worker(self, simulator: str | None, holds: tuple[int, ...]) -> Part:
        """Return the worker; it holds these descriptors open."""
        ...

    def recorder(self, holds: tuple[int, ...]) -> Part:
        """Return the recorder; it holds these descriptors open."""
        ...

    def simulator(self, earlier: str) -> Part:
        """Return the simulator; `earlier` is the address that it had before it was lost, or empty."""
        ...


class Stack:
    """Runs while it is entered: `async with Stack(...)` begins the start, `started` waits for it.

    It ends from the front to the back: the worker drains, then the recorder books the last of it, then the simulator
    may go. A `kill -9` of this process ends the parts in the same order, by their lifelines.
    """

    def __init__(self, parts: Parts, listener: StackListener, logs: Path | None, lock: int) -> None:
        """Prepare. `logs` is the folder for what the parts log (None: our stderr).

        `lock` is the descriptor of the directory's lock; worker and recorder hold it until they are gone.
        """
        self._parts = parts
        self._listener = listener
        self._logs = logs
        self._lock = lock
        self._simulator = self._kept("simulator", self._simulator_part) if parts.simulated else None
        self._recorder = self._kept("recorder", self._recorder_part)
        self._worker = self._kept("worker", self._worker_part)
        self._exit = AsyncExitStack()
        self._starting: asyncio.Task[Addresses] | None = None

    async def started(self) -> Addresses:
        """Return once all parts do their work; raises `PartFailed` or OSError if one cannot."""
        if self._starting is None:
            raise RuntimeError("expected the stack to be entered, it is not")
        return await asyncio.shield(self._starting)

    async def __aenter__(self) -> Self:
        for part in (self._simulator, self._recorder, self._worker):  # stopped in reverse
            if part is not None:
                self._exit.push_async_callback(part.stop)
        self._starting = asyncio.create_task(self._start(), name="start the stack")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await self._exit.aclose()

    async def _start(self) -> Addresses:
        worker, recorder = await asyncio.gather(self._start_worker(), self._recorder.start())
        return Addresses(worker, recorder, self._simulator_address())

    async def _start_worker(self) -> str:
        if self._simulator is not None:
            await self._simulator.start()
        return await self._worker.start()

    def _simulator_address(self) -> str | None:
        return None if self._simulator is None else self._simulator.address

    def _kept(self, name: str, make: Callable[[], Part]) -> KeptPart:
        return KeptPart(name, make, self._listener, None if self._logs is None else _log_file(self._logs, name))

    def _worker_part(self) -> Part:
        behind = [self._recorder.lifeline.writer]
        if self._simulator is not None:
            behind.append(self._simulator.lifeline.writer)
        return self._parts.worker(self._simulator_address(), (self._lock, *behind))

    def _recorder_part(self) -> Part:
        return self._parts.recorder((self._lock,))

    def _simulator_part(self) -> Part:
        return self._parts.simulator(self._simulator_address() or "")


def needs_server(config: Config) -> bool:
    """Say whether the bus or the journal lives on the embedded Valkey."""
    return config.bus is None or (config.bus.kafka is not None and config.store is None)


def embedded_server(config: Config) -> EmbeddedServer:
    """Return the server of the config's directory; whoever enters it first keeps it, and should leave last."""
    return EmbeddedServer(Path(config.directory))


def _log_file(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > _LOG_MAX_BYTES:
        path.unlink()
    return path
