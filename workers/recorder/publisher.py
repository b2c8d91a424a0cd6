"""What the recorder needs to say something itself: a narrow port, and the peer that lives in a process."""

from collections.abc import Sequence
from typing import Protocol

from ...schemas.record import Record


class NotPublished(Exception):  # noqa: N818 - the name is the state
    """The bus did not take it, or nobody knows whether it did: publish the same again later."""


class Publisher(Protocol):
    """Publishes at least once."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Return when the bus has the records. Raises `NotPublished`."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...


class MemoryPublisher:
    """Keeps what it publishes: for tests, and for embedding without a bus."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Sequence[Record]) -> None:
        """Keep."""
        self.records += records

    async def stop(self) -> None:
        """Do nothing."""
