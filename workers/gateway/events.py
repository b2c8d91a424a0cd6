"""What the gateway tells whoever listens: metrics and logs are listeners, the gateway knows neither."""

from typing import Protocol

from ...schemas.reply import Reply
from ...schemas.usage import UsageEvent


class Listener(Protocol):
    """Hears what happens, in the order in which it happens, on the event loop's thread.

    Every method returns at once, does no I/O and never raises: it is called on the hot path, once or twice a request.
    """

    def admitted(self, requests: int, bytes_: int) -> None:
        """Hear that `requests` deliveries, whose values are `bytes_` long together, were taken in."""
        ...

    def finished(self, bytes_: int) -> None:
        """Hear that one admitted delivery, whose value is `bytes_` long, is out of memory, however it ended."""
        ...

    def attempted(self, event: UsageEvent) -> None:
        """Hear of one usage event when it is queued for the usage topic: an attempt, or a refusal before any."""
        ...

    def replied(self, reply: Reply, lane: str) -> None:
        """Hear of one terminal reply when it is queued; `lane` is where its request came from."""
        ...

    def dead_lettered(self, code: str) -> None:
        """Hear that a record went to the dead letters; `code` is of the failure catalogue."""
        ...


class Silent:
    """The peer that keeps it all to itself: for tests, and for embedding without metrics."""

    def admitted(self, requests: int, bytes_: int) -> None:
        """Say nothing."""

    def finished(self, bytes_: int) -> None:
        """Say nothing."""

    def attempted(self, event: UsageEvent) -> None:
        """Say nothing."""

    def replied(self, reply: Reply, lane: str) -> None:
        """Say nothing."""

    def dead_lettered(self, code: str) -> None:
        """Say nothing."""
