"""From the file to the bus, window by window; the mark on the bus says where to go on."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..schemas.record import Record
from .input_file import LocalReply, Submission, read_lines
from .logbook import Logbook
from .pace import Pace
from .port import BatchBus, Submitted
from .signing import Prove
from .tally import Tally


class Submitter:
    """Submits the lines that the bus does not have, and answers those that no gateway needs to see."""

    def __init__(self, bus: BatchBus, book: Logbook, tally: Tally, pace: Pace, prove: Prove) -> None:
        self._bus = bus
        self._book = book
        self._tally = tally
        self._pace = pace
        self._prove = prove

    async def run(self) -> None:
        """Go through the file once; return at its end, or when asked to stop. Raises OSError."""
        state = self._book.state
        mark = await self._bus.mark(state.terms.batch)
        for window in _windows(read_lines(Path(state.source.path), state.terms), self._pace):
            if not await self._pass(window, mark):
                return
        self._tally.lines = self._tally.passed
        self._tally.tell()

    async def _pass(self, window: Sequence[Submission | LocalReply], mark: int) -> bool:
        """Bring one window to the bus; say whether to go on."""
        for line in window:
            if isinstance(line, LocalReply):
                self._book.take(line.line, line.reply)
        fresh = [line.record for line in window if isinstance(line, Submission) and self._is_new(line, mark)]
        if fresh and not await self._submitted(fresh, window[-1].line):
            return False
        self._tally.passed += len(window)
        self._tally.tell()
        await asyncio.sleep(0)  # a file that is read again is no reason to be deaf meanwhile
        return not self._tally.stop.is_set()

    def _is_new(self, line: Submission, mark: int) -> bool:
        # an answer without a mark: the bus lost its memory, and the line need not be paid for again
        return line.line > mark and not self._book.has(line.line)

    async def _submitted(self, records: Sequence[Record], mark: int) -> bool:
        """Submit as soon as there is room; False if asked to stop first."""
        while not self._tally.stop.is_set():
            if self._has_room(len(records)):
                # proved at the last moment: the time of a signature counts
                proven = [self._prove(record) for record in records]
                answer = await self._bus.submit(self._book.state.terms.batch, proven, mark)
                self._tally.full = answer is Submitted.FULL
                if answer is Submitted.DONE:
                    return True
            self._tally.tell()
            await self._tally.moved(self._pace.retry_seconds)
        return False

    def _has_room(self, more: int) -> bool:
        bound, waiting = self._pace.outstanding, self._tally.outstanding
        return bound is None or waiting == 0 or waiting + more <= bound


def _windows(lines: Iterator[Submission | LocalReply], pace: Pace) -> Iterator[Sequence[Submission | LocalReply]]:
    window: list[Submission | LocalReply] = []
    size = 0
    for line in lines:
        window.append(line)
        size += len(line.record.value or b"") if isinstance(line, Submission) else 0
        if len(window) >= pace.window or size >= pace.window_bytes:
            yield window
            window, size = [], 0
    if window:
        yield window
