"""The control topic as each worker hears it from a stream."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from ....producers.redis_link import Address, LinkDown, LinkError, RedisLink, insist
from ....schemas.record import Record
from ....schemas.streams import Entry, record_of, stream_key
from ....schemas.topics import Topics
from ..port import CONTROL_SECONDS, BusLost

_log = logging.getLogger(__name__)

_READ_RECORDS: Final = 1_000
#: What is older than a week goes, so often.
_TRIM_SECONDS: Final = 3_600.0
_PAUSE_SECONDS: Final = 0.2


class StreamsControlFeed:
    """Reads all of the stream, and trims it by age: ids are the server's times."""

    def __init__(
        self,
        address: Address,
        prefix: str = "headgate.",
        *,
        keep_seconds: float = CONTROL_SECONDS,
        read_wait: float = 1.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = RedisLink(address)
        self._topic = Topics(prefix).control
        self._key = stream_key(prefix, self._topic)
        self._keep_ms = round(keep_seconds * 1000)
        self._read_wait = read_wait
        self._now = now
        self._cursor = "0-0"
        self._trimmed_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Event()
        self._stopped = asyncio.Event()
        self._away = False

    def __repr__(self) -> str:
        return f"<StreamsControlFeed {self._cursor}>"

    async def start(self, heard: Callable[[Record], None]) -> None:
        """Begin a week back. Waits for the server. Raises `BusLost` where waiting is no use."""
        try:
            await insist(self._trim, on_trouble=self._trouble)
        except LinkError as error:
            await self._link.close()
            raise BusLost(f"expected to read {self._topic}, got: {error}") from error
        self._reading = asyncio.create_task(self._run(heard))
        self._reading.add_done_callback(self._ended)

    async def ready(self) -> None:
        """Return when everything has been heard that was there at the start. Raises `BusLost`."""
        await self._caught_up.wait()
        self._look()

    async def closed(self) -> None:
        """Return when the feed has stopped, or raise `BusLost`."""
        await self._stopped.wait()
        self._look()

    async def stop(self) -> None:
        """Close."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._link.close()
        self._stopped.set()

    async def _run(self, heard: Callable[[Record], None]) -> None:
        while True:
            try:
                entries = await self._read()
                if self._now() - self._trimmed_at > _TRIM_SECONDS:
                    await self._trim()
            except LinkDown as error:
                self._trouble(error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            self._away = False
            for entry_id, fields in entries:
                heard(record_of(self._topic, fields))
                self._cursor = entry_id.decode()
            if len(entries) < _READ_RECORDS:
                self._caught_up.set()

    async def _read(self) -> Sequence[Entry]:
        wait = self._read_wait if self._caught_up.is_set() else 0.0
        block = ("BLOCK", math.ceil(wait * 1000)) if wait else ()  # BLOCK 0 would be for ever
        command = ("XREAD", "COUNT", _READ_RECORDS, *block, "STREAMS", self._key, self._cursor)
        answer = await self._link.call(*command, blocking_seconds=wait)
        return answer[0][1] if answer else ()

    async def _trim(self) -> None:
        seconds, _ = await self._link.call("TIME")
        oldest = f"{int(seconds) * 1000 - self._keep_ms}-0"
        await self._link.call("XTRIM", self._key, "MINID", oldest)
        self._trimmed_at = self._now()

    def _trouble(self, error: LinkDown) -> None:
        if not self._away:
            self._away = True
            _log.warning("the server of the bus is away, nothing is heard of cancellations: %s", error)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._caught_up.set()
        self._stopped.set()

    def _look(self) -> None:
        """Raise what has ended the reading."""
        task = self._reading
        if task is not None and task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise BusLost(f"expected to read {self._topic}, got: {error}") from error
