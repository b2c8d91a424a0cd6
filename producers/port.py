"""What a batch needs of a bus: to put requests on it without losing count, and to take replies off it."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..schemas.record import Record


class Submitted(enum.Enum):
    """The answer to `submit`."""

    #: All records, and the mark, are durable.
    DONE = "done"
    #: None is: the bus is full. Take replies off it, or wait, and submit again.
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Replies:
    """Reply records in their order, and where the next ones start."""

    records: Sequence[Record]
    cursor: str


class BatchBus(Protocol):
    """The bus as a producer of batches sees it. Peers: `kafka.py` and `streams.py`."""

    async def start(self) -> None:
        """Connect; topics that are missing are made where the bus allows it."""
        ...

    async def submit(self, batch: str, records: Sequence[Record], mark: int) -> Submitted:
        """Append all records and set the batch's mark, or do neither: a crash leaves no half-submitted window."""
        ...

    async def mark(self, batch: str) -> int:
        """Return the batch's mark: 0 if nothing was ever submitted."""
        ...

    async def end_of_replies(self, topic: str) -> str:
        """Return the cursor after the newest reply on `topic`."""
        ...

    async def replies(self, topic: str, cursor: str, max_wait_seconds: float) -> Replies:
        """Return replies from `cursor` on, after at most `max_wait_seconds` if there are none."""
        ...

    async def taken(self, topic: str, cursor: str, batch: str) -> None:
        """Hear that this batch's replies before `cursor` are safe elsewhere: they may go, unless others share them."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...
