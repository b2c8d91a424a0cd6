"""What the recorder tells of the budgets' book and of alerts: metrics and logs are listeners."""

import logging
from typing import Protocol

from ...producers.redis_link import LinkError
from .publisher import NotPublished

_log = logging.getLogger(__name__)


class BookListener(Protocol):
    """Hears what happens, on the event loop's thread. Methods return at once."""

    def opened(self, epoch: str, why: str, budgets: int, seconds: float) -> None:
        """Hear that the store was filled from the ledger, with so many sums, and how long it took."""
        ...

    def ready(self, epoch: str, seconds: float) -> None:
        """Hear that workers may spend, so long after the store was filled."""
        ...

    def posted(self, attempts: int) -> None:
        """Hear that the store knows of so many attempts more."""
        ...

    def away(self, error: LinkError) -> None:
        """Hear that the store could not be reached; it is tried again, and the ledger goes on."""
        ...

    def alerted(self, alerts: int) -> None:
        """Hear that so many alerts were published."""
        ...

    def not_alerted(self, error: NotPublished) -> None:
        """Hear that alerts could not be published; it is tried again."""
        ...


class BookLog:
    """The listener that writes to the log what people should know."""

    def __init__(self) -> None:
        self._is_away = False

    def opened(self, epoch: str, why: str, budgets: int, seconds: float) -> None:
        """Say why."""
        self._is_away = False
        _log.info(
            "the budgets' store was filled from the ledger: %s",
            why,
            extra={"epoch": epoch, "count": budgets, "seconds": round(seconds, 3)},
        )

    def ready(self, epoch: str, seconds: float) -> None:
        """Say how long nobody could spend."""
        _log.info("the budgets' store is ready", extra={"epoch": epoch, "seconds": round(seconds, 3)})

    def posted(self, attempts: int) -> None:  # noqa: ARG002 - the port's name
        """Say that the store is back, if it was away."""
        if self._is_away:
            self._is_away = False
            _log.info("the budgets' store is back")

    def away(self, error: LinkError) -> None:
        """Say it once."""
        if not self._is_away:
            _log.warning("the budgets' store is away, the ledger goes on: %s", error)
        self._is_away = True

    def alerted(self, alerts: int) -> None:
        """Say nothing: the alert itself speaks."""

    def not_alerted(self, error: NotPublished) -> None:
        """Say it."""
        _log.warning("alerts wait to be published: %s", error)
