"""The answers of an unfinished batch, in the order in which they came: a file that is only appended to."""

import fcntl
import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_BUFFER: Final = 256 * 1024
_NONE: Final = -1


class SpoolBusyError(Exception):
    """Another process is writing the same answers."""


class SpoolDamagedError(Exception):
    """The spool is shorter than the state says, or holds what is no answer of the batch."""


class Spool:
    """Answers, each once, and for every line where its answer lies: 8 bytes per line in memory.

    What is appended is safe from a crash only after `sync`. The file is ours alone while it is open.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file and lock it; raises `SpoolBusyError` and OSError. Then `recover` what it holds."""
        self._path = path
        self._file = _claim(path)
        self._offsets = array("q")
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._size = os.fstat(self._file).st_size

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._size

    def recover(self, size: int, line_of: Callable[[bytes], int | None]) -> None:
        """Index the first `size` bytes and forget the rest, which no state has counted; raises `SpoolDamagedError`."""
        if self._size < size:
            raise SpoolDamagedError(f"{self._path}: expected at least {size} bytes, got {self._size}")
        os.ftruncate(self._file, size)
        self._size, self._offsets = size, array("q")
        offset = 0
        with self._path.open("rb") as file:
            for answer in file:
                line = line_of(answer)
                if line is None:
                    raise SpoolDamagedError(f"{self._path}: expected an answer at byte {offset}, got {answer[:80]!r}")
                self._note(line, offset)
                offset += len(answer)

    def has(self, line: int) -> bool:
        """Say whether `line` has its answer."""
        return line < len(self._offsets) and self._offsets[line] != _NONE

    def append(self, line: int, answer: bytes) -> None:
        """Add the answer, newline included, of a line that has none yet."""
        self._note(line, self._size + self._buffered)
        self._buffer.append(answer)
        self._buffered += len(answer)
        if self._buffered >= _BUFFER:
            self._flush()

    def _note(self, line: int, offset: int) -> None:
        if line >= len(self._offsets):
            self._offsets.extend([_NONE] * (line + 1 - len(self._offsets)))
        self._offsets[line] = offset

    def _flush(self) -> None:
        rest = memoryview(b"".join(self._buffer))
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._size += self._buffered
        self._buffer, self._buffered = [], 0

    def sync(self) -> int:
        """Make everything durable, and return the size."""
        if self._buffered:
            self._flush()
        os.fsync(self._file)
        return self._size

    def in_input_order(self) -> Iterator[bytes]:
        """Yield the answers by line; call `sync` first."""
        with self._path.open("rb") as file:
            for offset in self._offsets:
                if offset != _NONE:
                    file.seek(offset)
                    yield file.readline()

    def as_completed(self) -> Iterator[bytes]:
        """Yield the whole spool in pieces; call `sync` first."""
        with self._path.open("rb") as file:
            while piece := file.read(_BUFFER):
                yield piece

    def remove(self) -> None:
        """Delete the file, while it is still ours."""
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file; what is not synced is lost. Once is enough."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _claim(path: Path) -> int:
    """Open and lock; a file that its last owner removed in between is not the file any more."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise SpoolBusyError(f"{path}: another process is writing it") from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
