"""What the recorder tells whoever listens: metrics and logs are listeners, the recorder knows neither."""

from typing import Protocol

from ...reporting.errors import SnapshotError
from ...reporting.ledger import Appended


class Listener(Protocol):
    """Hears what happens, in the order in which it happens, on the event loop's thread. Methods return at once."""

    def appended(self, appended: Appended, seconds: float, lag: int | None) -> None:
        """Hear of one append: what became of its values, how long DuckDB took, and the records not yet read."""
        ...

    def published(self, seconds: float) -> None:
        """Hear that a snapshot for readers was published, and how long it took; nothing is appended meanwhile."""
        ...

    def not_published(self, error: SnapshotError) -> None:
        """Hear that a snapshot could not be made. The ledger is unharmed, and it is tried again at the next turn."""
        ...


class Silent:
    """The peer that keeps it all to itself: for tests, and for embedding without metrics."""

    def appended(self, appended: Appended, seconds: float, lag: int | None) -> None:
        """Say nothing."""

    def published(self, seconds: float) -> None:
        """Say nothing."""

    def not_published(self, error: SnapshotError) -> None:
        """Say nothing."""
