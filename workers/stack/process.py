"""One process of the stack: spawned in a session of its own, ready when it says so, ended politely, then not."""

import asyncio
import os
import signal
from collections import deque
from pathlib import Path
from typing import Final

from .part import Part, PartFailed

_TAIL_BYTES: Final = 2_000
_TAIL_LINES: Final = 8
_REST_SECONDS: Final = 1.0


class PartProcess:
    """A running part. A terminal's Ctrl-C does not reach it: it is for whoever started the stack."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, log: Path | None) -> None:
        self._part = part
        self._process = process
        self._log = log
        self._rest: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<PartProcess {self._part.name} {self.pid}, {self.status}>"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs; negative: the signal that ended it."""
        return self._process.returncode

    @classmethod
    async def spawn(cls, part: Part, lifeline: int, log: Path | None) -> "PartProcess":
        """Start it. `lifeline` is its standard input; what it logs goes to the file, or where our own goes."""
        with _opened(log) as stderr:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=lifeline,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                pass_fds=part.holds,
                start_new_session=True,
            )
        return cls(part, process, log)

    async def ready(self) -> str:
        """Return the address that it announces; raises `PartFailed` if it ends first, or says something else."""
        stdout = self._stdout()
        line = (await stdout.readline()).decode(errors="replace").strip()
        if not line:
            status = await self._process.wait()
            why = f"{spell_status(status)} before it was ready{self._last_words()}"
            raise PartFailed(self._part.name, why, status)
        self._rest = asyncio.create_task(_discard(stdout))
        try:
            return self._part.announced(line)
        except ValueError as error:
            raise PartFailed(self._part.name, f"announced something else: {error}") from error

    async def ended(self) -> int:
        """Wait for its end, and return its status."""
        status = await self._process.wait()
        if self._rest is not None:
            await asyncio.wait([self._rest], timeout=_REST_SECONDS)  # somebody else may hold its output open
        return status

    async def stop(self) -> int:
        """End it: asked first, killed with all its children when it takes longer than its patience."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._part.patience):
                return await self.ended()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self.ended()

    def _signal(self, number: signal.Signals) -> None:
        if self.status is not None:
            return
        if number is signal.SIGKILL:
            os.killpg(self.pid, number)  # it leads its session, and it is not reaped yet: the group is its own
        else:
            self._process.send_signal(number)

    def _stdout(self) -> asyncio.StreamReader:
        if self._process.stdout is None:
            raise RuntimeError("expected standard output to be a pipe, it is not")
        return self._process.stdout

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _TAIL_BYTES))
            lines = deque(file.read().decode(errors="replace").splitlines(), _TAIL_LINES)
        return "".join(f"\n  {line}" for line in (f"the end of {self._log}:", *lines)) if lines else ""


def spell_status(status: int) -> str:
    """Spell how a process ended.

    >>> spell_status(2), spell_status(-9)
    ('ended with status 2', 'was ended by SIGKILL')
    """
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


class _opened:  # noqa: N801 - reads as `open` does
    """The log, opened for the moment of the spawn; None is inherited."""

    def __init__(self, log: Path | None) -> None:
        self._file = None if log is None else log.open("ab")

    def __enter__(self) -> int | None:
        return None if self._file is None else self._file.fileno()

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
