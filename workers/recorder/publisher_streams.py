"""Publishes to Streams, a record at a time: alerts are few."""

from collections.abc import Sequence

from ...producers.redis_link import Address, LinkError, RedisLink
from ...schemas.record import Record
from ...schemas.streams import fields_of, stream_key
from .publisher import NotPublished


class StreamsPublisher:
    """Appends to streams, each cut to about `keep` entries, because nobody else trims what is for people."""

    def __init__(self, address: Address, prefix: str = "headgate.", *, keep: int = 10_000) -> None:
        self._link = RedisLink(address)
        self._prefix = prefix
        self._keep = keep

    async def publish(self, records: Sequence[Record]) -> None:
        """Append. Raises `NotPublished`."""
        try:
            for record in records:
                key = stream_key(self._prefix, record.topic)
                await self._link.call("XADD", key, "MAXLEN", "~", self._keep, "*", *fields_of(record))
        except LinkError as error:
            raise NotPublished(str(error)) from error

    async def stop(self) -> None:
        """Close."""
        await self._link.close()
