"""Which records of one partition are open, and what may be committed: no I/O, no clock, no tasks.

The whole machine is here. An offset is *awaited* (open when the last owner committed, not delivered to us yet),
*out* (delivered, and perhaps completed but not committed), or over. The commit point is the first offset that is not
over. Offsets that no record has (control records, compaction) are never open, so no arithmetic is done on them, and
memory is bounded by what is open: a call that takes minutes at the head of a partition costs one entry.
"""

import enum
from collections import deque
from collections.abc import Collection
from typing import Final, NamedTuple

from aiokafka.structs import TopicPartition

from . import offset_map

_AWAITED: Final = -1


class Commit(NamedTuple):
    """A committed offset and the text beside it (`offset_map.py`)."""

    offset: int
    metadata: str = ""


class Standing(enum.Enum):
    """Whose a partition is."""

    #: Ours: it may be committed.
    OWNED = "owned"
    #: A rebalance is under way: nothing may be committed until it is known whose it is.
    SUSPENDED = "suspended"
    #: Somebody else's now: what is still under way here is answered there.
    LOST = "lost"


class WentBackError(Exception):
    """The log gave an offset again within one assignment: it was cut, or the topic was made anew."""


class Tracker:
    """One partition, from its assignment until it is lost."""

    __slots__ = (
        "_awaited",
        "_end",
        "_fetched",
        "_open",
        "committed",
        "moved",
        "out",
        "partition",
        "since",
        "standing",
        "vanished",
    )

    def __init__(self, partition: TopicPartition, committed: Commit | None = None) -> None:
        self.partition = partition
        self.standing = Standing.OWNED
        #: Records that were fetched before this turn of `Partitions` are void: they are fetched again.
        self.since = 0
        #: What is committed, as far as we know.
        self.committed = committed
        #: Deliveries that have not been completed.
        self.out = 0
        #: True when something is over without having been completed, so that a commit is due all the same.
        self.moved = False
        #: Offsets that the last owner left open and whose records the log no longer has.
        self.vanished = 0
        known = offset_map.decode(*committed) if committed else None
        #: Offset → unix milliseconds of its record, in ascending order.
        self._open: dict[int, int] = dict.fromkeys(known.open, _AWAITED) if known else {}
        self._awaited = deque(self._open)
        #: The offset after the newest one that was ever admitted.
        self._end = known.end if known else committed.offset if committed else None
        self._fetched: int | None = None

    def __repr__(self) -> str:
        place = f"{self.partition.topic}/{self.partition.partition}/{self.watermark}"
        return f"<Tracker {self.standing.value} at {place}, {len(self._open)} open, {self.out} out>"

    @property
    def watermark(self) -> int | None:
        """The first offset that is not over; None before the first record of a partition that was never committed."""
        return next(iter(self._open), self._end)

    @property
    def uncommitted(self) -> int:
        """How many deliveries are out, or completed and not committed."""
        return len(self._open) - len(self._awaited)

    @property
    def open(self) -> int:
        """How many offsets are open."""
        return len(self._open)

    def oldest_ms(self) -> int | None:
        """Return the time of the oldest record that is out, unix milliseconds."""
        return next((at_ms for at_ms in self._open.values() if at_ms != _AWAITED), None)

    def rewind(self) -> None:
        """Expect the partition to be fetched from its committed offset again."""
        self._fetched = None

    def has_room(self, offset: int, more: int) -> bool:
        """Say whether the offset map will still fit when `more` records up to `offset` are open too."""
        first = self.watermark
        if first is None or not self._open or (self._end is not None and offset < self._end):
            return True
        return offset_map.always_fits(len(self._open) + more, offset + 1 - first)

    def admit(self, offset: int, at_ms: int) -> bool:
        """Take a fetched record in; say whether it is to be run. It is not if it is finished, or out already."""
        if self._fetched is not None and offset <= self._fetched:
            raise WentBackError(f"expected an offset above {self._fetched}, got {offset}")
        self._fetched = offset
        self._give_up_awaited(offset)
        if self._end is None or offset >= self._end:
            self._end = offset + 1
        elif self._awaited and self._awaited[0] == offset:
            self._awaited.popleft()
        else:
            return False
        self._open[offset] = at_ms
        self.out += 1
        return True

    def _give_up_awaited(self, offset: int) -> None:
        """Offsets come in order: an awaited one below `offset` will never come, its record is gone from the log."""
        while self._awaited and self._awaited[0] < offset:
            del self._open[self._awaited.popleft()]
            self.vanished += 1
            self.moved = True

    def plan(self, finished: Collection[int]) -> Commit | None:
        """Return what to commit once `finished` are over; None if its map does not fit: then commit nothing."""
        if self._end is None:
            return None
        still_open = [offset for offset in self._open if offset not in finished]
        if not still_open:
            return Commit(self._end)
        metadata = offset_map.encode(still_open, self._end)
        return None if metadata is None else Commit(still_open[0], metadata)

    def settle(self, finished: Collection[int], commit: Commit) -> None:
        """Hear that `commit` is durable, and with it that `finished` are over."""
        for offset in finished:
            self._open.pop(offset, None)
        self.committed = commit
