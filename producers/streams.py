"""The peer of the batch bus on Valkey or Redis Streams.

A reply topic whose last part is the batch's id belongs to that batch alone, and what is taken from it is trimmed.
Replies on any other topic are left for whoever else reads it.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, TypeVar

import msgspec

from ..schemas.record import Record
from ..schemas.streams import Entry, Form, id_after, mark_key, record_of, stream_key
from .port import Replies, Submitted
from .portion import Portion
from .redis_link import Address, LinkDown, LinkError, LinkFull, LinkRefused, RedisLink, Script, insist

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

_encode: Final = msgspec.msgpack.Encoder().encode

#: Before the first entry of a stream.
_BEGINNING: Final = "0-0"
#: A batch may be resumed this long after its last window.
_REMEMBERED_MS: Final = 30 * 24 * 3600 * 1000
_READ_RECORDS: Final = 500
_READ_BYTES: Final = 4 * 1024 * 1024


class StreamsBatchBus:
    """Puts batches on a bus of streams. Waits for a server that restarts; raises OSError where that is no use."""

    def __init__(self, address: Address, prefix: str = "headgate.", max_backlog: int = 100_000) -> None:
        self._prefix = prefix
        self._max_backlog = max_backlog
        self._writing, self._reading = RedisLink(address), RedisLink(address)
        self._portion = Portion(_READ_RECORDS, _READ_BYTES)
        self._away = False

    def __repr__(self) -> str:
        return f"<StreamsBatchBus {self._writing!r}>"

    async def start(self) -> None:
        """Connect. Raises OSError at once if the server is not there: only a server that was there is waited for."""
        try:
            await self._writing.call("PING")
        except LinkError as error:
            raise ConnectionError(f"expected a Redis or Valkey to put the batch on, got: {error}") from error

    async def submit(self, batch: str, records: Sequence[Record], mark: int) -> Submitted:
        """Append all records and set the mark, or say that the bus is full. Done once, however often it is tried."""
        form = Form(self._prefix, mark_key(self._prefix, batch))
        payload = _encode(form.write(records))
        args = (mark, self._max_backlog, _REMEMBERED_MS, payload, form.fields)
        try:
            done = await self._insist(lambda: self._writing.run(_submit(), form.keys, args))
        except LinkFull:
            return Submitted.FULL
        return Submitted.DONE if done else Submitted.FULL

    async def mark(self, batch: str) -> int:
        """Return the batch's mark: 0 if nothing was ever submitted."""
        raw = await self._insist(lambda: self._writing.call("GET", mark_key(self._prefix, batch)))
        return int(raw or 0)

    async def end_of_replies(self, topic: str) -> str:
        """Return the id of the newest reply that ever was on `topic`."""
        return await self._insist(lambda: self._newest(stream_key(self._prefix, topic)))

    async def replies(self, topic: str, cursor: str, max_wait_seconds: float) -> Replies:
        """Return replies after `cursor`, after at most `max_wait_seconds` if there are none, or the server is away."""
        key = stream_key(self._prefix, topic)
        block = max(1, int(max_wait_seconds * 1000))  # 0 would be for ever
        command = ("XREAD", "COUNT", self._portion.count, "BLOCK", block, "STREAMS", key, cursor)
        answer = await self._insist(lambda: self._reading.call(*command, blocking_seconds=max_wait_seconds))
        entries: Sequence[Entry] = answer[0][1] if answer else ()
        records = [record_of(topic, fields) for _, fields in entries]
        self._portion.learn([record.value for record in records])
        return Replies(records, entries[-1][0].decode() if entries else cursor)

    async def taken(self, topic: str, cursor: str, batch: str) -> None:
        """Trim what was taken, where the topic is this batch's alone."""
        if cursor != _BEGINNING and is_private(topic, batch):
            key = stream_key(self._prefix, topic)
            await self._insist(lambda: self._writing.call("XTRIM", key, "MINID", id_after(cursor)))

    async def stop(self) -> None:
        """Close."""
        await self._writing.close()
        await self._reading.close()

    async def _newest(self, key: str) -> str:
        try:
            facts = await self._writing.call("XINFO", "STREAM", key)
        except LinkRefused as error:
            if "no such key" in str(error):
                return _BEGINNING
            raise
        pairs = iter(facts)
        newest: bytes = dict(zip(pairs, pairs, strict=True))[b"last-generated-id"]
        return newest.decode()

    async def _insist(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        try:
            answer = await insist(attempt, on_trouble=self._trouble)
        except LinkFull:
            raise
        except LinkError as error:
            raise ConnectionError(f"expected the server of the bus to do its work, got: {error}") from error
        if self._away:
            self._away = False
            _log.info("the server of the bus is back")
        return answer

    def _trouble(self, error: LinkDown) -> None:
        if not self._away:
            self._away = True
            _log.warning("the server of the bus is away, waiting for it: %s", error)


def is_private(topic: str, batch: str) -> bool:
    """Say whether a reply topic belongs to one batch: its name ends in a dot or a dash and the batch's id."""
    return topic.endswith((f".{batch}", f"-{batch}"))


@cache
def _submit() -> Script:
    return Script.of((files("headgate.producers") / "submit.lua").read_text(encoding="utf-8"))
