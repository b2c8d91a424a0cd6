"""The three addresses of a process that is operated: /healthz, /readyz, /metrics."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from .metrics import Metrics
from .process_meter import LoopWatch
from .readiness import Readiness

_log = logging.getLogger(__name__)

#: An event loop that is later than this has hung: restart the process.
UNHEALTHY_SECONDS: Final = 5.0
#: How long an answer that is under way may hold up the end.
_LAST_ANSWERS: Final = 1.0


class CannotListen(Exception):  # noqa: N818 - the name is the state
    """The address is taken or not ours; the message names the setting to change."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen."""

    host: str
    #: 0 picks a free one.
    port: int
    #: The name of the setting that the port comes from, for people.
    setting: str = "operations.worker_port"


class OperationsServer:
    """Answers probes and Prometheus from `start` to `stop`. It only reads: nothing can be changed through it."""

    def __init__(
        self, listen: Listen, probe: Callable[[], Readiness], metrics: Metrics, watch: LoopWatch | None = None
    ) -> None:
        self._listen = listen
        self._probe = probe
        self._metrics = metrics
        self._watch = LoopWatch() if watch is None else watch
        self._watching: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    def __repr__(self) -> str:
        return f"<OperationsServer {self.address or 'not started'}>"

    @property
    def address(self) -> str | None:
        """`http://host:port` while it listens."""
        addresses: list[tuple[str, int]] = [] if self._runner is None else self._runner.addresses
        for host, port, *_ in addresses:
            return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return None

    async def start(self) -> str:
        """Listen, and return the address. Raises `CannotListen`."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics_page)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._listen.host, self._listen.port).start()
        except OSError as error:
            await runner.cleanup()
            raise CannotListen(self._refusal(error)) from error
        self._runner = runner
        self._watching = asyncio.create_task(self._watch.watch())
        self._metrics.add(self._watch)
        address = self.address or ""
        _log.info("probes and metrics are served", extra={"address": address})
        return address

    async def stop(self) -> None:
        """Close."""
        if self._watching is not None:
            self._watching.cancel()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def _refusal(self, error: OSError) -> str:
        where = self._listen
        return (
            f"expected to listen on {where.host}:{where.port}, got: {error.strerror or error}. "
            f"Change {where.setting} (0 picks a free port) or operations.listen."
        )

    async def _healthz(self, _: web.Request) -> web.Response:
        lag = self._watch.lag()
        healthy = lag < UNHEALTHY_SECONDS
        facts = {"status": "ok" if healthy else "the event loop hangs", "loop_lag_seconds": round(lag, 3)}
        return web.json_response(facts, status=200 if healthy else 503)

    async def _readyz(self, _: web.Request) -> web.Response:
        readiness = self._probe()
        facts = {"status": "ready" if readiness.ready else "not ready", "reasons": list(readiness.reasons)}
        return web.json_response(facts, status=200 if readiness.ready else 503)

    async def _metrics_page(self, request: web.Request) -> web.Response:
        body, content_type = await self._metrics.exposition(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
