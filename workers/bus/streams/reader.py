"""Entries of the consumer group: new ones, and those that are this worker's already."""

import math
from collections.abc import Container, Sequence
from itertools import groupby
from typing import Any, Final

from ....producers.portion import Portion
from ....producers.redis_link import RedisLink
from ....schemas.streams import at_ms, id_before, record_of
from ..port import Delivery
from .lifeline import make_groups
from .settings import StreamsSettings, script

_LISTED: Final = 1_000
_NEW: Final = (b">",)


class Reader:
    """Reads deliveries. How many at a time follows their size, so that a read stays near `read_bytes`."""

    def __init__(self, link: RedisLink, settings: StreamsSettings) -> None:
        self._link = link
        self._settings = settings
        self._lanes = [key.encode() for key in settings.lanes]
        topics = (*settings.topics.lanes, *settings.topics.deferrals)
        self._topics = {settings.key(topic).encode(): topic for topic in topics}
        self._portion = Portion(settings.read_records, settings.read_bytes)

    async def make_groups(self) -> None:
        """Make the streams and the group where they are missing."""
        await make_groups(self._link, self._settings)

    async def fresh(self, wait: float) -> Sequence[Delivery]:
        """Return entries of lanes that nobody has read, the most urgent first; none if none come for `wait` seconds."""
        lanes = (*self._lanes, *_NEW * len(self._lanes))
        return await self._read(self._portion.count, lanes, min(wait, self._settings.read_wait))

    async def due(self) -> tuple[Sequence[Delivery], float | None]:
        """Return parked entries that are due, and how long until the next one is, seconds; None: there is none."""
        settings = self._settings
        args: list[str | int] = [settings.group, settings.consumer, self._portion.count, *settings.lengths_ms]
        answer = await self._link.run(script("due"), settings.deferrals, args)
        wait_ms: int = answer[0]
        streams: Sequence[tuple[int, Sequence[Any]]] = answer[1:]
        topics = settings.topics.deferrals
        deliveries = [each for place, entries in streams for each in _deliveries(topics[place - 1], entries)]
        self._portion.learn([delivery.record.value for delivery in deliveries])
        return deliveries, None if wait_ms < 0 else wait_ms / 1000

    async def left(self, known: Container[str]) -> Sequence[Delivery]:
        """Return some of the entries that are ours by the server's book and not in `known`; none if there is none.

        A predecessor of the same name had them, or they were adopted, or the answer that brought them got lost.
        """
        for key, topic in self._topics.items():
            missing = await self._missing(key, topic, known)
            if missing:
                return await self._read(len(missing), (key, id_before(missing[0])), None)
        return ()

    async def _missing(self, key: bytes, topic: str, known: Container[str]) -> Sequence[str]:
        """Return the ids of the first run of our pending entries that is not in `known`."""
        start = "-"
        while True:
            rows = await self._link.call(
                "XPENDING", key, self._settings.group, start, "+", _LISTED, self._settings.consumer
            )
            ids = [row[0].decode() for row in rows]
            for is_known, run in groupby(ids, key=lambda entry: f"{topic}/{entry}" in known):
                if not is_known:
                    return list(run)[: self._portion.count]
            if len(ids) < _LISTED:
                return ()
            start = f"({ids[-1]}"

    async def _read(self, count: int, streams: Sequence[bytes | str], wait: float | None) -> Sequence[Delivery]:
        block = ("BLOCK", math.ceil(wait * 1000)) if wait else ()  # BLOCK 0 would be for ever
        names = ("GROUP", self._settings.group, self._settings.consumer)
        answer = await self._link.call(
            "XREADGROUP", *names, "COUNT", count, *block, "STREAMS", *streams, blocking_seconds=wait or 0
        )
        deliveries: list[Delivery] = []
        for key, entries in answer or ():
            present = [entry for entry in entries if entry[1] is not None]
            if len(present) < len(entries):
                await self._forget_deleted(key, [entry[0] for entry in entries if entry[1] is None])
            deliveries += _deliveries(self._topics[key], present)
        self._portion.learn([delivery.record.value for delivery in deliveries])
        return deliveries

    async def _forget_deleted(self, key: bytes, ids: Sequence[bytes]) -> None:
        """Acknowledge entries that somebody deleted from the stream: there is nothing to answer."""
        await self._link.call("XACK", key, self._settings.group, *ids)


def _deliveries(topic: str, entries: Sequence[Any]) -> list[Delivery]:
    return [
        Delivery(record_of(topic, fields), f"{topic}/{(name := entry_id.decode())}", at_ms(name), name)
        for entry_id, fields in entries
    ]
