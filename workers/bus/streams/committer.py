"""The queue of what is finished, and its commits.

A commit is one call of `commit.lua` and not a MULTI: it is as atomic, and its replies depend on whether the entry was
still ours to acknowledge, which a MULTI cannot ask. Each commit has a name, and the server remembers the last one with
its outcome: a call whose answer got lost is simply made again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ....producers.redis_link import LinkDown, RedisLink, insist
from ....schemas.record import Record
from ....schemas.streams import Form
from ..port import Delivery, Durable
from .settings import StreamsSettings, script

_encode: Final = msgspec.msgpack.Encoder().encode

_MAX_ITEMS: Final = 500
_MAX_BYTES: Final = 4 * 1024 * 1024
#: Longer than any outage that a worker lives through.
_REMEMBERED_MS: Final = 7 * 24 * 3600 * 1000


class _End(msgspec.Struct, frozen=True):
    """The end of one delivery, or records that end nothing."""

    delivery: Delivery | None
    replies: Sequence[Record]
    usage: Sequence[Record]
    durable: Durable | None = None

    @property
    def size(self) -> int:
        return sum(len(record.value or b"") for records in (self.replies, self.usage) for record in records)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the deliveries of one commit."""

    #: Ended here.
    committed: Sequence[Delivery]
    #: Another worker's: their replies were dropped.
    lost: Sequence[Delivery]
    #: Whoever wants to hear that its records are committed.
    durable: Sequence[Durable] = ()


@dataclass(frozen=True, slots=True)
class _Commit:
    name: str
    keys: Sequence[str]
    payload: bytes
    fields: bytes
    deliveries: Sequence[Delivery]
    durable: Sequence[Durable]


class Committer:
    """Queues ends and commits them in their order."""

    def __init__(
        self,
        link: RedisLink,
        settings: StreamsSettings,
        token: str,
        *,
        done: Callable[[Outcome], None],
        trouble: Callable[[LinkDown], None],
    ) -> None:
        self._link = link
        self._settings = settings
        self._token = token
        self._done = done
        self._trouble = trouble
        self._queue: list[_End] = []
        self._current: _Commit | None = None
        self._waiting = asyncio.Event()
        self._turn = asyncio.Lock()
        self.commits = 0
        self.commit_seconds = 0.0

    def __repr__(self) -> str:
        return f"<Committer {len(self._queue)} queued, {self.commits} commits>"

    def add(self, delivery: Delivery, replies: Sequence[Record], usage: Sequence[Record]) -> None:
        """Queue the end of a delivery."""
        self._queue.append(_End(delivery, replies, usage))
        self._waiting.set()

    def publish(self, records: Sequence[Record], durable: Durable | None) -> None:
        """Queue records without a delivery."""
        self._queue.append(_End(None, (), records, durable))
        self._waiting.set()

    async def run(self) -> None:
        """Commit what is queued, every `commit_interval`, for ever."""
        while True:
            await self._waiting.wait()
            await asyncio.sleep(self._settings.commit_interval)
            await self.flush()

    async def flush(self) -> None:
        """Commit what is queued. While the server is away this waits, and keeps what is queued."""
        async with self._turn:
            while self._current is not None or self._queue:
                self._current = self._current or self._next()
                began = time.monotonic()
                outcome = await insist(self._attempt, on_trouble=self._trouble)
                self.commit_seconds += time.monotonic() - began
                self._current = None
                self.commits += 1
                self._done(outcome)
            self._waiting.clear()

    async def _attempt(self) -> Outcome:
        commit = self._current
        if commit is None:
            raise ValueError("expected a commit to attempt, there is none")
        kept = (self._place_of_shadows(commit), self._settings.shadows_kept)
        args = (self._settings.group, commit.name, _REMEMBERED_MS, commit.payload, commit.fields, *kept)
        lost: bytes = await self._link.run(script("commit"), commit.keys, args)
        places = frozenset(int(place) for place in lost.split())
        return Outcome(
            [delivery for place, delivery in enumerate(commit.deliveries) if place not in places],
            [commit.deliveries[place] for place in sorted(places)],
            commit.durable,
        )

    def _place_of_shadows(self, commit: _Commit) -> int:
        """Return which of the commit's keys is the stream of shadows, as Lua counts; 0: none."""
        key = self._settings.key(self._settings.topics.shadows)
        return commit.keys.index(key) + 1 if key in commit.keys else 0

    def _next(self) -> _Commit:
        """Take from the queue what one commit may hold, and write it down as `commit.lua` reads it."""
        size = count = 0
        for end in self._queue[:_MAX_ITEMS]:
            if count and size + end.size > _MAX_BYTES:
                break
            size += end.size
            count += 1
        ends, self._queue = self._queue[:count], self._queue[count:]
        return self._written(ends)

    def _written(self, ends: Sequence[_End]) -> _Commit:
        form = Form(self._settings.prefix, self._settings.commit_key)
        completions: list[tuple[int, object, list[list[int]], list[list[int]]]] = []
        for end in ends:
            if end.delivery is not None:
                lane = form.place(end.delivery.record.topic)
                completions.append((lane, end.delivery.handle, form.write(end.replies), form.write(end.usage)))
        # written last because the script reads them last: the fields of all records lie one after the other
        more = [lengths for end in ends if end.delivery is None for lengths in form.write(end.usage)]
        deliveries = [end.delivery for end in ends if end.delivery is not None]
        name = f"{self._token}-{self.commits}"
        durable = [end.durable for end in ends if end.durable is not None]
        return _Commit(name, form.keys, _encode((completions, more)), form.fields, deliveries, durable)
