"""Which topics exist, and what they refuse: so that no topic that a request names can stop the others' replies."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Final

from ....producers.kafka_batches import BATCH_BYTES, record_bytes
from ....producers.kafka_client import MAX_RECORD_BYTES
from ....schemas.headers import CAUSE, ORIGIN
from ....schemas.record import Record
from ....schemas.topics import is_legal_topic

#: Asks the cluster: returns those of the topics that exist.
Ask = Callable[[Collection[str]], Awaitable[set[str]]]

#: A topic that did not exist is asked about again after so long.
_FORGET_SECONDS: Final = 5.0
#: The codes of `schemas.failures`, as header values.
_UNKNOWN: Final = b"unknown_reply_topic"
_TOO_LARGE: Final = b"request_too_large"


class Directory:
    """What is known about topics."""

    def __init__(self, ours: Collection[str], dead_letters: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self._ours = frozenset(ours)
        self._dead_letters = dead_letters
        self._now = now
        self._known: set[str] = set(ours)
        self._missing: dict[str, float] = {}
        self._asking: dict[str, asyncio.Future[bool]] = {}
        self._refusing: set[str] = set()
        self._record_bytes: dict[str, int] = {}
        self._batch_bytes: dict[str, int] = {}

    async def knows(self, topic: str, ask: Ask) -> bool:
        """Say whether `topic` exists, asking the cluster if need be, once for all who want to know at the same time."""
        if topic in self._known:
            return True
        if not is_legal_topic(topic) or self._now() < self._missing.get(topic, 0.0):
            return False
        asking = self._asking.get(topic)
        if asking is None:
            asking = self._asking[topic] = asyncio.ensure_future(self._look_up(topic, ask))
            asking.add_done_callback(lambda _: self._asking.pop(topic, None))
        return await asyncio.shield(asking)

    def topics(self) -> Collection[str]:
        """Return those that are known to exist."""
        return self._known

    def close(self) -> None:
        """Give up questions that are under way."""
        for asking in self._asking.values():
            asking.cancel()

    async def _look_up(self, topic: str, ask: Ask) -> bool:
        if topic in await ask((topic,)):
            self._known.add(topic)
            self._refusing.discard(topic)
            self._missing.pop(topic, None)
            return True
        self._miss(topic)
        return False

    def _miss(self, topic: str) -> None:
        now = self._now()
        self._missing = {name: until for name, until in self._missing.items() if until > now}
        self._missing[topic] = now + _FORGET_SECONDS

    async def vanished(self, topics: Iterable[str], ask: Ask) -> set[str]:
        """Return those of `topics`, ours aside, that no longer exist, and refuse them from now on."""
        foreign = set(topics) - self._ours
        gone = foreign - await ask(foreign) if foreign else set[str]()
        for topic in gone:
            self.refuse(topic)
        return gone

    def refuse(self, topic: str) -> None:
        """Hear that nothing can be published to `topic`: not until somebody asks for it again and it is there."""
        self._known.discard(topic)
        self._refusing.add(topic)
        self._miss(topic)

    def too_large(self, topic: str, records: int, size: int) -> None:
        """Hear that `topic` has refused a batch of so many records, and bytes, for its size."""
        if records == 1:
            self._record_bytes[topic] = size - 1
        else:
            self._batch_bytes[topic] = size // 2

    def batch_bytes(self, topic: str) -> int:
        """Return how many bytes a batch of several records may have."""
        return self._batch_bytes.get(topic, BATCH_BYTES)

    def is_ours(self, topic: str) -> bool:
        """Say whether a topic is one that Headgate cannot do without."""
        return topic in self._ours

    def divert(self, record: Record) -> Record:
        """Return the record, or a dead letter in its place if its topic would not take it."""
        if record.topic in self._refusing:
            return self._dead_letter(record, _UNKNOWN)
        if self._fits(record, self._record_bytes.get(record.topic, MAX_RECORD_BYTES)):
            return record
        return self._dead_letter(record, _TOO_LARGE)

    @staticmethod
    def _fits(record: Record, limit: int) -> bool:
        if not record.headers and len(record.value or b"") + len(record.key or b"") < limit - 1024:
            return True  # exact sizes cost as much as the rest of the way
        return record_bytes(record) <= limit

    def _dead_letter(self, record: Record, cause: bytes) -> Record:
        """Keep it with the cause and the topic it was for; what is too large even for that keeps its beginning."""
        headers = (*record.headers, (CAUSE, cause), (ORIGIN, record.topic.encode()))
        letter = Record(self._dead_letters, record.value, record.key, headers)
        if self._fits(letter, self._record_bytes.get(self._dead_letters, MAX_RECORD_BYTES)):
            return letter
        return Record(
            self._dead_letters,
            (record.value or b"")[:1024],
            (record.key or b"")[:1024] or None,
            ((CAUSE, cause), (ORIGIN, record.topic.encode())),
        )
