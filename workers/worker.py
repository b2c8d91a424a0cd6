"""The worker process: a gateway on its bus, operated from outside, stopped cleanly."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from ..producers.redis_link import LinkError
from .assembly import NotConfigured, Worker, WorkerOptions, assembled
from .bus.port import BusLost
from .embedded.errors import EmbeddedServerError
from .ops.garbage import seldom_collected
from .ops.parent import stop_with_parent
from .ops.process_meter import LoopWatch, build_readings
from .ops.readiness import Readiness, ready_if
from .ops.server import CannotListen, Listen, OperationsServer
from .ops.stopping import Stopping
from .settings import Settings

_log = logging.getLogger(__name__)

_DONE: Final = 0
_OUR_FAULT: Final = 1
_BAD_CONFIG: Final = 2
_POLL: Final = 0.02
#: What is left of the time to stop for the last commit and for closing.
_CLOSING: Final = 0.8
#: What the control feed may take to close.
_CLOSE_SECONDS: Final = 1.0


def _to_stdout(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def run_worker(settings: Settings, options: WorkerOptions, announce: Callable[[str], object] = _to_stdout) -> int:
    """Run a worker until it is told to stop; return its exit status.

    `announce` is called once, with a line of JSON, when the worker takes requests.
    """
    try:
        with Stopping(settings.config.operations.drain) as stopping:
            if options.exit_with_parent:
                stop_with_parent(stopping)
            async with assembled(settings, options) as worker, operated(worker, settings, stopping) as address:
                with seldom_collected():
                    return await _run(
                        worker, stopping, lambda: announce(json.dumps({"ready": True, "operations": address}))
                    )
    except NotConfigured as error:
        _log.error("the config is not enough to run: %s", error)
        return _BAD_CONFIG
    except (BusLost, CannotListen, EmbeddedServerError, LinkError, OSError) as error:
        _log.error("the worker cannot go on: %s", error)
        return _OUR_FAULT


async def _run(worker: Worker, stopping: Stopping, say: Callable[[], object]) -> int:
    async with in_company(worker) as broken:
        try:
            healthy = await ended(stopping.wait, lambda: _take_requests(worker, say), *broken)
            await worker.bus.stop(stopping.remaining() * _CLOSING)
        finally:
            await worker.gateway.abandon()
    return _DONE if healthy else _OUR_FAULT


async def _take_requests(worker: Worker, say: Callable[[], object]) -> None:
    """Start the bus, which may have to wait for other workers, and return at its end."""
    await worker.bus.start(worker.gateway.admit, worker.gateway.committed)
    announcing = asyncio.create_task(_announced(worker, say))
    try:
        await worker.bus.closed()
    finally:
        announcing.cancel()


#: Each returns, or raises, when something that a worker needs is at its end.
Broken = Sequence[Callable[[], Awaitable[object]]]


@asynccontextmanager
async def in_company(worker: Worker) -> AsyncGenerator[Broken, None]:
    """Be heard of by the other workers, and hear what people say to all; yield what must not end before the worker."""
    living = asyncio.create_task(worker.admission.run())
    watching = asyncio.create_task(worker.health.run())
    try:
        await worker.control.start(worker.gateway.heard)
        await worker.control.ready()
        yield (
            worker.gateway.broken,
            worker.control.closed,
            worker.credentials.broken,
            lambda: asyncio.shield(living),
            lambda: asyncio.shield(watching),
        )
    finally:
        for task in (living, watching):
            task.cancel()
        await asyncio.gather(living, watching, return_exceptions=True)
        await _stop_hearing(worker)


@asynccontextmanager
async def operated(worker: Worker, settings: Settings, stopping: Stopping) -> AsyncGenerator[str, None]:
    """Serve probes and metrics meanwhile; yield their address."""
    operations = settings.config.operations
    worker.metrics.add(build_readings())
    listen = Listen(operations.listen, operations.worker_port)
    server = OperationsServer(listen, lambda: _readiness(worker, stopping), worker.metrics, LoopWatch())
    try:
        yield await server.start()
    finally:
        await server.stop()


def _readiness(worker: Worker, stopping: Stopping) -> Readiness:
    assigned = ready_if(worker.bus.status().ready, "the bus has not given this worker its share yet")
    return ready_if(not stopping.asked, "the worker is stopping") & assigned


async def _announced(worker: Worker, say: Callable[[], object]) -> None:
    while not worker.bus.status().ready:  # noqa: ASYNC110 - a bus tells its state, not its changes
        await asyncio.sleep(_POLL)
    say()


async def _stop_hearing(worker: Worker) -> None:
    """Nothing is lost with the control feed: a connection that does not close in time is left to the process's end."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await worker.control.stop()
    except TimeoutError:
        _log.warning("the control topic's connection was not closed in time", extra={"seconds": _CLOSE_SECONDS})


async def ended(asked: Callable[[], Awaitable[None]], *broken: Callable[[], Awaitable[object]]) -> bool:
    """Wait for the first to end; say whether it was `asked`. Raises what the first one raised."""
    tasks = [asyncio.ensure_future(wait()) for wait in (asked, *broken)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
        return tasks[0].done()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
