"""One Valkey server per directory, shared by all processes of the machine that need it.

Whoever holds the lock of the directory is its *keeper*: it starts the server as its child, and starts it again when it
dies. The others are attached: they read the address that the keeper wrote down. When the keeper goes, in whatever way,
the kernel frees its lock and another process that still needs the server becomes the keeper.

Never two servers on the same data: the server inherits a second lock and holds it until it, and whatever it forked,
is dead. On Linux it is told to exit when its keeper dies; elsewhere the next keeper tells it. One that does not
listen is killed.
"""

import asyncio
import logging
import sys
import time
import urllib.parse
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .binary import find_binary
from .child import Child, Settings, default_max_memory, kill_group
from .errors import EmbeddedServerError
from .place import FileLock, Place
from .probe import Health, probe, shut_down
from .syncing import keep_synced

_log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.01
#: How often a server that is killed while it starts is started again before somebody is told.
_ATTEMPTS: Final = 3
_WATCH_SECONDS: Final = 0.1
_MAX_PAUSE_SECONDS: Final = 5.0
#: A server that was told to exit and still lives after this is killed.
_EVICTION_SECONDS: Final = 5.0
#: How long those who are attached wait for the keeper to have a server, unless it is reading its data.
_PATIENCE_SECONDS: Final = 30.0


class EmbeddedServer:
    """The server of one directory, as one process sees it: `async with EmbeddedServer(directory) as server`.

    Enter it in a thread that lives as long as the server is needed (Linux ties the server to that thread).
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        max_memory: int | None = None,
        binary: Path | None = None,
        extra: tuple[str, ...] = (),
        eviction_seconds: float = _EVICTION_SECONDS,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._directory = Path(directory)
        self._max_memory = max_memory
        self._binary = binary
        self._extra = extra
        self._eviction_seconds = eviction_seconds
        self._patience_seconds = patience_seconds
        self._turn = asyncio.Lock()
        self._place: Place | None = None
        self._keeper: FileLock | None = None
        self._child: Child | None = None
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._url = ""

    def __repr__(self) -> str:
        return (
            f"<EmbeddedServer {self._directory}, {'keeper' if self.is_keeper else 'attached'}, {self._url or 'closed'}>"
        )

    @property
    def url(self) -> str:
        """Where the server listened when it was last asked for, as redis-py writes it: `unix:///path`."""
        return self._url

    @property
    def is_keeper(self) -> bool:
        """Whether the server is a child of this process."""
        return self._keeper is not None and self._keeper.held

    @property
    def child_pid(self) -> int | None:
        """The server's process id, where this process is the keeper."""
        return None if self._child is None else self._child.pid

    async def __aenter__(self) -> Self:
        self._place = Place.under(self._directory)
        self._keeper = FileLock(self._place.keeper_lock)
        try:
            await self.ensure()
        except BaseException:
            await self._close()
            raise
        self._tasks = (
            asyncio.create_task(self._watching(), name="embedded-server-watch"),
            asyncio.create_task(keep_synced(self._place.root, self._has_child), name="embedded-server-sync"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._close()

    async def ensure(self) -> str:
        """Return the address of a server that takes commands now; start one if this process becomes the keeper.

        For loops that reconnect. Raises `EmbeddedServerError` when the server cannot be started.
        """
        async with self._turn:
            if self._place is None or self._keeper is None:
                raise EmbeddedServerError("expected the embedded server to be entered (`async with`), it is not")
            socket = await self._elected(self._place, self._keeper)
            self._url = "unix://" + urllib.parse.quote(str(socket))
            return self._url

    async def _elected(self, place: Place, keeper: FileLock) -> Path:
        """Be the keeper of a server, or find the server that somebody else keeps."""
        silent_since = time.monotonic()
        while not keeper.acquire():
            socket = place.address()
            health = Health.ABSENT if socket is None else await probe(socket, place.root)
            if socket is not None and health is Health.READY:
                return socket
            if health is Health.LOADING:
                silent_since = time.monotonic()
            if time.monotonic() - silent_since > self._patience_seconds:
                raise EmbeddedServerError(
                    f"expected the process that keeps the Valkey server of {place.root} to have it running within "
                    f"{self._patience_seconds} s, it has not. See {place.log}."
                )
            await asyncio.sleep(_POLL_SECONDS)
        return await self._kept(place, _ATTEMPTS)

    async def _kept(self, place: Place, attempts: int) -> Path:
        """Have a living child. One that is killed from outside is replaced; why one exits is told."""
        if self._child is None or not self._child.alive:
            self._child = await self._started(place)
        child = self._child
        try:
            await child.until_ready()
        except EmbeddedServerError:
            if attempts > 1 and child.was_killed:
                return await self._kept(place, attempts - 1)
            raise
        place.write_address(child.socket)
        return child.socket

    async def _started(self, place: Place) -> Child:
        max_memory = self._max_memory or default_max_memory()
        settings = Settings(self._binary or find_binary(), max_memory, self._extra)
        lock = FileLock(place.server_lock)
        try:
            if not lock.acquire():
                await self._evict(place, lock)
            child = Child.spawn(place, settings, lock)
        finally:
            lock.release()  # from here on the server alone holds it
        _log.info("valkey server started", extra={"pid": child.pid, "directory": str(place.root)})
        return child

    async def _evict(self, place: Place, lock: FileLock) -> None:
        """Wait until the server of a dead keeper is gone; help if it does not go by itself."""
        socket = place.address()
        if socket is not None and await probe(socket, place.root) is not Health.ABSENT:
            await shut_down(socket)
        if await _acquired(lock, self._eviction_seconds):
            return
        pid = place.server_pid()
        if pid is not None and _is_server_of(place, pid):
            _log.warning("valkey server left behind does not exit: killed", extra={"pid": pid})
            kill_group(pid)
        if not await _acquired(lock, self._eviction_seconds):
            raise EmbeddedServerError(
                f"expected the server that a dead process left behind in {place.root} to exit, it did not. "
                f"End process {pid or '(unknown)'} and try again."
            )

    async def _watching(self) -> None:
        """Keep the server alive, or become its keeper, for those who do not ask."""
        pause = _WATCH_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self._settled():
                pause = _WATCH_SECONDS
                continue
            try:
                await self.ensure()
            except (EmbeddedServerError, OSError) as error:
                pause = min(pause * 2, _MAX_PAUSE_SECONDS)
                _log.error("valkey server cannot be kept: %s", error)

    def _settled(self) -> bool:
        """Say whether there is nothing to do: our child lives, or the keeper is another process."""
        if self._keeper is None or not self._keeper.acquire():
            return True
        return self._has_child()

    def _has_child(self) -> bool:
        return self._child is not None and self._child.alive

    async def _close(self) -> None:
        async with self._turn:
            if self._child is not None:
                await self._child.stop()
                self._child = None
            if self._keeper is not None:
                self._keeper.release()
            self._place = self._keeper = None
            self._url = ""


async def _acquired(lock: FileLock, wait_seconds: float) -> bool:
    try:
        async with asyncio.timeout(wait_seconds):
            while not lock.acquire():  # noqa: ASYNC110 - a freed flock tells nobody
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def _is_server_of(place: Place, pid: int) -> bool:
    """Say whether `pid` is a server on these data: pids are reused, and we are about to kill."""
    if sys.platform != "linux":
        return False  # there a person decides
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == place.root
    except OSError:
        return False
