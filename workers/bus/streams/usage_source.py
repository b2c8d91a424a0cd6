"""The usage topic as the recorder reads it from a stream.

A cursor means something only to the stream that gave it, so a partition's name holds the bus's identity, which is
made with the bus's first data: a server that was emptied or exchanged is a partition that the ledger has not seen,
and is read from its beginning. The ledger's unique event ids make that harmless.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ....producers.portion import Portion
from ....producers.redis_link import Address, LinkDown, LinkError, RedisLink, insist
from ....schemas.streams import Entry, id_after, identity_key, order_of, record_of, stream_key
from ....schemas.topics import Topics
from ..port import BusLost, UsageSlice
from .settings import script

_log = logging.getLogger(__name__)

_BEGINNING: Final = "0-0"
_READ_RECORDS: Final = 10_000
_READ_BYTES: Final = 8 * 1024 * 1024
_PAUSE_SECONDS: Final = 0.2


class StreamsUsageSource:
    """Reads usage records in their order. Only one recorder reads a bus."""

    def __init__(
        self,
        address: Address,
        prefix: str = "headgate.",
        *,
        new_identity: Callable[[], str] = lambda: uuid.uuid4().hex[:12],
    ) -> None:
        self._link = RedisLink(address)
        self._topic = Topics(prefix).usage
        self._key = stream_key(prefix, self._topic)
        self._identity_key = identity_key(prefix)
        self._new_identity = new_identity
        self._portion = Portion(_READ_RECORDS, _READ_BYTES)
        self._partition = ""
        self._cursor = _BEGINNING
        self._seen_connections = 0
        #: Read and not trimmed: where each slice ends, and how many records it had.
        self._untrimmed: deque[tuple[str, int]] = deque()
        self._lag: int | None = None

    def __repr__(self) -> str:
        return f"<StreamsUsageSource {self._partition}, {self._cursor}>"

    async def start(self, cursors: Mapping[str, str]) -> None:
        """Begin after what the ledger holds. Waits for the server. Raises `BusLost` where waiting is no use."""
        try:
            await insist(lambda: self._orient(cursors), on_trouble=_trouble)
        except LinkError as error:
            await self._link.close()
            raise BusLost(str(error)) from error
        await self.recorded({self._partition: self._cursor})

    async def read(self, max_records: int, max_wait_seconds: float) -> Sequence[UsageSlice]:
        """Return what is there, nothing while the server is away."""
        try:
            if self._link.connections != self._seen_connections:
                await self._orient({self._partition: self._cursor})
            return await self._read(max_records, max_wait_seconds)
        except LinkDown as error:
            _trouble(error)
            self._seen_connections, self._lag = 0, None
            await asyncio.sleep(min(_PAUSE_SECONDS, max_wait_seconds))
            return ()
        except LinkError as error:
            raise BusLost(str(error)) from error

    async def recorded(self, cursors: Mapping[str, str]) -> None:
        """Trim what is in the ledger. While the server is away nothing is: a later cursor covers this one."""
        cursor = cursors.get(self._partition, _BEGINNING)
        if cursor == _BEGINNING:
            return
        try:
            await self._link.call("XTRIM", self._key, "MINID", id_after(cursor))
        except LinkDown as error:
            _trouble(error)
            return
        except LinkError as error:
            raise BusLost(str(error)) from error
        while self._untrimmed and order_of(self._untrimmed[0][0]) <= order_of(cursor):
            self._untrimmed.popleft()

    def lag(self) -> int | None:
        """Return how many records were not read at the time of the last read."""
        return self._lag

    async def stop(self) -> None:
        """Close."""
        await self._link.close()

    async def _orient(self, cursors: Mapping[str, str]) -> None:
        """Learn which bus this is, and where to go on."""
        answer = await self._link.run(script("identity"), (self._identity_key, self._key), (self._new_identity(),))
        identity, newest = answer[0].decode(), answer[1].decode()
        partition = f"{self._topic}@{identity}"
        if partition != self._partition:
            self._untrimmed.clear()
        self._partition = partition
        # a server that lost its newest entries gives ids again that lie below the cursor
        self._cursor = min(cursors.get(partition, _BEGINNING), newest, key=order_of)
        self._seen_connections = self._link.connections

    async def _read(self, max_records: int, max_wait_seconds: float) -> Sequence[UsageSlice]:
        length: int = await self._link.call("XLEN", self._key)
        count, block = min(self._portion.count, max_records), max(1, int(max_wait_seconds * 1000))  # 0 is for ever
        command = ("XREAD", "COUNT", count, "BLOCK", block, "STREAMS", self._key, self._cursor)
        answer = await self._link.call(*command, blocking_seconds=max_wait_seconds)
        # nothing is awaited from here on: the cursor must not pass what is not returned
        entries: Sequence[Entry] = answer[0][1] if answer else ()
        values = [record_of(self._topic, fields).value or b"" for _, fields in entries]
        self._portion.learn(values)
        if entries:
            self._cursor = entries[-1][0].decode()
            self._untrimmed.append((self._cursor, len(entries)))
        self._lag = max(0, length - sum(count for _, count in self._untrimmed))
        return (UsageSlice(self._partition, values, self._cursor),) if values else ()


def _trouble(error: LinkDown) -> None:
    _log.warning("the server of the bus is away, usage waits there: %s", error)
