"""`faststream run headgate.workers.app:app`: the Kafka worker under FastStream's own command line.

`headgate worker` runs the same parts without it. The config is found as always (HEADGATE_CONFIG, ./headgate.yaml).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from faststream import FastStream

from .assembly import NotConfigured, Worker, WorkerOptions, assembled
from .bus.kafka.bus import KafkaBus
from .ops.garbage import seldom_collected
from .ops.logs import Logs
from .ops.stopping import Stopping
from .settings import ConfigErrors, Settings, load_settings
from .worker import Broken, ended, in_company, operated

_log = logging.getLogger(__name__)


class _Application:
    """Hangs a worker onto FastStream's hooks: FastStream starts and stops the broker, and hears the signals."""

    def __init__(self, settings: Settings, options: WorkerOptions) -> None:
        self._settings = settings
        self._options = options
        self._stopping = Stopping(settings.config.operations.drain)
        self._worker: Worker | None = None
        self._failure: BaseException | None = None
        self.app = FastStream(
            logger=_log,
            lifespan=self._lifespan,
            on_startup=[self._open],
            on_shutdown=[self._drain],
            after_shutdown=[self._close],
        )

    @asynccontextmanager
    async def _lifespan(self) -> AsyncGenerator[None, None]:
        config = self._settings.config
        with Logs(config.operations.log, config.operations.log_level, self._settings.secrets()) as logs:
            async with (
                assembled(self._settings, replace(self._options, learned=logs.learn)) as worker,
                operated(worker, self._settings, self._stopping),
                in_company(worker) as broken,
            ):
                self._worker = worker
                self.app.add_broker(self._bus.broker)
                watching = asyncio.create_task(self._watch(broken))
                try:
                    with seldom_collected():
                        yield
                finally:
                    watching.cancel()
        if self._failure is not None:
            raise self._failure

    @property
    def _bus(self) -> KafkaBus:
        if self._worker is None or not isinstance(self._worker.bus, KafkaBus):
            raise NotConfigured("expected bus.kafka in the config, it is not there; `headgate worker` runs any bus")
        return self._worker.bus

    @property
    def _gateway(self) -> "Worker":
        if self._worker is None:
            raise RuntimeError("expected the application to run, it does not")
        return self._worker

    async def _open(self) -> None:
        gateway = self._gateway.gateway
        await self._bus.open(gateway.admit, gateway.committed)

    async def _drain(self) -> None:
        self._stopping.ask("faststream stops")
        await self._bus.drain(self._stopping.remaining())

    async def _close(self) -> None:
        await self._bus.close()
        await self._gateway.gateway.abandon()

    async def _watch(self, broken: Broken) -> None:
        """Let the process end, and be restarted, when its worker cannot go on."""
        try:
            await ended(self._stopping.wait, self._bus.closed, *broken)
        except Exception as error:  # noqa: BLE001 - raised again when the application has stopped
            self._failure = error
        self.app.exit()


def build_app(settings: Settings, options: WorkerOptions | None = None) -> FastStream:
    """Return the FastStream application of a worker on Kafka."""
    return _Application(settings, options or WorkerOptions()).app


def __getattr__(name: str) -> FastStream:
    """Make `app` when somebody asks for it: importing this module reads nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    settings = load_settings()
    if isinstance(settings, ConfigErrors):
        raise NotConfigured(str(settings))
    return build_app(settings)
