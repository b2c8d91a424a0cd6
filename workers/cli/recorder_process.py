"""The recorder's process: its source, its ledger, its probes; started, operated, and stopped cleanly."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from ...reporting.errors import LedgerError
from ...reporting.ledger import Ledger
from ..bus.port import BusLost
from ..embedded.errors import EmbeddedServerError
from ..embedded.server import EmbeddedServer
from ..ops.book_meter import BookMeter
from ..ops.logs import Logs
from ..ops.metrics import Metrics
from ..ops.parent import stop_with_parent
from ..ops.process_meter import LoopWatch, build_readings, log_readings
from ..ops.readiness import Readiness, ready_if
from ..ops.recorder_meter import RecorderMeter
from ..ops.server import CannotListen, Listen, OperationsServer
from ..ops.stopping import Stopping
from ..recorder.book_events import BookLog
from ..recorder.recorder import Recorder
from ..settings import Settings
from .buses import bus_errors, needs_server, usage_source
from .exits import Status
from .loop import run_loop
from .recorder_budgets import appends_for, holds_anybody, needs_store_server
from .settled import settings_without

_log = logging.getLogger(__name__)

_POLL: Final = 0.02
#: What may end a recorder, beside what its bus raises.
_TROUBLE: Final = (BusLost, CannotListen, EmbeddedServerError, LedgerError, OSError)
#: What a recorder has no use for: it calls no provider, and should not hold their credentials.
_NOT_FOR_US: Final = frozenset({"providers"})
#: What is left of the time to stop for the last snapshot and for closing.
_READING: Final = 0.8


def run(config_file: Path | None, *, port: int | None, exit_with_parent: bool) -> int:
    """Run a recorder to its end and return the exit status."""
    settings = settings_without(_NOT_FOR_US, config_file, {"operations.recorder_port": port})
    operations = settings.config.operations
    with Logs(operations.log, operations.log_level, settings.secrets()) as logs:
        return run_loop(run_recorder(settings, logs, exit_with_parent=exit_with_parent))


def _to_stdout(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def run_recorder(
    settings: Settings, logs: Logs, *, exit_with_parent: bool, announce: Callable[[str], object] = _to_stdout
) -> int:
    """Run a recorder until it is told to stop, and then to the end of what there is; return its exit status.

    `announce` is called once, with a line of JSON, when it records.
    """
    expected: tuple[type[Exception], ...] = (*_TROUBLE, *bus_errors(settings.config))
    try:
        with Stopping(settings.config.operations.drain) as stopping:
            if exit_with_parent:
                stop_with_parent(stopping)
            async with AsyncExitStack() as stack:
                recorder, metrics = await _assembled(settings, stack)
                metrics.add(log_readings(logs))
                address = await stack.enter_async_context(_operated(recorder, metrics, settings, stopping))
                await _record(recorder, stopping, lambda: announce(json.dumps({"ready": True, "operations": address})))
    except expected as error:
        _log.error("the recorder cannot go on: %s", error)
        return Status.OUR_FAULT
    return Status.DONE


async def _assembled(settings: Settings, stack: AsyncExitStack) -> tuple[Recorder, Metrics]:
    config = settings.config
    server = None
    if needs_server(config) or (holds_anybody(config) and needs_store_server(config)):
        server = await stack.enter_async_context(EmbeddedServer(Path(config.directory)))
    ledger = await asyncio.to_thread(Ledger.open, config.ledger.path)
    meter = RecorderMeter(lambda: recorder.lag())  # noqa: PLW0108 - it does not exist yet
    book = BookMeter(BookLog())
    appends = appends_for(config, ledger, server, stack, book)
    recorder = Recorder(usage_source(config, server), ledger, config.ledger, meter, appends=appends)
    return recorder, Metrics([meter, book, build_readings()])


@asynccontextmanager
async def _operated(
    recorder: Recorder, metrics: Metrics, settings: Settings, stopping: Stopping
) -> AsyncGenerator[str, None]:
    operations = settings.config.operations
    listen = Listen(operations.listen, operations.recorder_port, "operations.recorder_port")
    server = OperationsServer(listen, lambda: _readiness(recorder, stopping), metrics, LoopWatch())
    try:
        yield await server.start()
    finally:
        await server.stop()


def _readiness(recorder: Recorder, stopping: Stopping) -> Readiness:
    reading = ready_if(recorder.ready, "the usage topic is not read yet")
    return ready_if(not stopping.asked, "the recorder is stopping") & reading


async def _record(recorder: Recorder, stopping: Stopping, say: Callable[[], object]) -> None:
    running = asyncio.create_task(recorder.run())
    stopped = asyncio.create_task(stopping.wait())
    announcing = asyncio.create_task(_announced(recorder, say))
    try:
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        recorder.stop(stopping.remaining() * _READING)
        await running
    finally:
        for task in (stopped, announcing):
            task.cancel()


async def _announced(recorder: Recorder, say: Callable[[], object]) -> None:
    while not recorder.ready:  # noqa: ASYNC110 - a recorder tells its state, not its changes
        await asyncio.sleep(_POLL)
    say()
