"""What goes into one transaction, and what has to wait: decided from the queue and the trackers, no I/O."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka.structs import TopicPartition

from ....schemas.record import Record
from ..port import Delivery, Durable
from .partitions import Partitions
from .tracker import Commit, Standing, Tracker

_log = logging.getLogger(__name__)

#: One transaction takes no more than about so many bytes: it is one request to each broker, and these have a limit.
_MOST_BYTES: Final = 16 * 1024 * 1024
_RECORD_OVERHEAD: Final = 256


class Handle(NamedTuple):
    """Our handle in a `Delivery`: where its offset is tracked."""

    tracker: Tracker
    offset: int


class Completion(NamedTuple):
    """A delivery's end, as the gateway gave it."""

    delivery: Delivery
    handle: Handle
    replies: Sequence[Record]
    usage: Sequence[Record]


class Published(NamedTuple):
    """Records that end nothing, and who wants to hear that they are committed."""

    records: Sequence[Record]
    durable: Durable | None = None


@dataclass(slots=True)
class Load:
    """The content of one transaction."""

    records: list[Record] = field(default_factory=list[Record])
    offsets: dict[TopicPartition, Commit] = field(default_factory=dict[TopicPartition, Commit])
    #: What is over with this transaction, in partitions of ours.
    over: dict[Tracker, frozenset[int]] = field(default_factory=dict[Tracker, frozenset[int]])
    completions: list[Completion] = field(default_factory=list[Completion])
    published: list[Published] = field(default_factory=list[Published])

    def __bool__(self) -> bool:
        return bool(self.completions or self.published or self.offsets)

    def delivered(self) -> list[Delivery]:
        """Return the deliveries that this transaction ends."""
        return [completion.delivery for completion in self.completions if completion.handle.tracker in self.over]


class Queue:
    """Completions and records that wait for a transaction."""

    def __init__(self, partitions: Partitions, divert: Callable[[Record], Record]) -> None:
        self._partitions = partitions
        self._divert = divert
        self.completions: list[Completion] = []
        self.published: list[Published] = []
        #: Whether more was there than one transaction takes.
        self.overfull = False

    def __len__(self) -> int:
        return len(self.completions) + len(self.published)

    def take(self) -> Load:
        """Take what can be committed now. What belongs to partitions that are nobody's at the moment stays."""
        load = Load()
        mine, lost = self._choose(load)
        for tracker, completions in mine.items():
            self._add(load, tracker, completions)
        for completion in lost:  # the replies are somebody else's to give
            load.completions.append(completion)
            self._put(load, completion.usage)
        self._add_moved(load)
        for published in load.published:
            self._put(load, published.records)
        return load

    def put_back(self, load: Load) -> None:
        """Let a load that was not committed wait again."""
        self.completions[:0] = load.completions
        self.published[:0] = load.published
        for tracker, finished in load.over.items():
            tracker.moved = tracker.moved or not finished

    def _choose(self, load: Load) -> tuple[dict[Tracker, list[Completion]], list[Completion]]:
        """Choose from the queue as much as one transaction takes: what is ours, and what we have lost."""
        mine: dict[Tracker, list[Completion]] = {}
        lost: list[Completion] = []
        waiting: list[Completion] = []
        weight = 0
        for completion in self.completions:
            tracker = completion.handle.tracker
            if weight > _MOST_BYTES or tracker.standing is Standing.SUSPENDED:
                waiting.append(completion)
                continue
            weight += _weight(completion.replies) + _weight(completion.usage)
            if tracker.standing is Standing.OWNED:
                mine.setdefault(tracker, []).append(completion)
            else:
                lost.append(completion)
        self.completions = waiting
        count = _count_within(self.published, _MOST_BYTES - weight)
        load.published, self.published = self.published[:count], self.published[count:]
        self.overfull = weight > _MOST_BYTES or bool(self.published)
        return mine, lost

    def _add(self, load: Load, tracker: Tracker, completions: list[Completion]) -> None:
        finished = frozenset(completion.handle.offset for completion in completions)
        commit = tracker.plan(finished)
        if commit is None:
            _log.warning("holding %d results back: what is open in their partition fits no map", len(completions))
            self.completions.extend(completions)
            return
        load.over[tracker] = finished
        load.offsets[tracker.partition] = commit
        load.completions.extend(completions)
        for completion in completions:
            self._put(load, completion.replies)
            self._put(load, completion.usage)

    def _add_moved(self, load: Load) -> None:
        """Commit what is over without having been completed."""
        for tracker in self._partitions:
            if not tracker.moved or tracker.standing is not Standing.OWNED:
                continue
            tracker.moved = False
            commit = tracker.plan(())
            if tracker not in load.over and commit is not None and commit != tracker.committed:
                load.over[tracker] = frozenset()
                load.offsets[tracker.partition] = commit

    def _put(self, load: Load, records: Iterable[Record]) -> None:
        load.records.extend(map(self._divert, records))


def _weight(records: Iterable[Record]) -> int:
    return sum(len(record.value or b"") + _RECORD_OVERHEAD for record in records)


def _count_within(published: Sequence[Published], limit: int) -> int:
    """Return how many of the first weigh no more than `limit`; at least one, or there would be no end."""
    for index, each in enumerate(published):
        limit -= _weight(each.records)
        if limit < 0:
            return max(index, 1)
    return len(published)
