"""Counts what the recorder says of the budgets' book and of alerts."""

from collections.abc import Iterator

from ...producers.redis_link import LinkError
from ..recorder.book_events import BookListener
from ..recorder.publisher import NotPublished
from . import catalogue as of
from .readings import Reading


class BookMeter:
    """Stands before another `BookListener`; a `Source` of readings when called."""

    def __init__(self, then: BookListener) -> None:
        self._then = then
        self._opened = self._posted = self._away = self._alerted = self._not_alerted = 0

    def opened(self, epoch: str, why: str, budgets: int, seconds: float) -> None:
        """Count it."""
        self._opened += 1
        self._then.opened(epoch, why, budgets, seconds)

    def ready(self, epoch: str, seconds: float) -> None:
        """Pass it on."""
        self._then.ready(epoch, seconds)

    def posted(self, attempts: int) -> None:
        """Count attempts."""
        self._posted += attempts
        self._then.posted(attempts)

    def away(self, error: LinkError) -> None:
        """Count it."""
        self._away += 1
        self._then.away(error)

    def alerted(self, alerts: int) -> None:
        """Count alerts."""
        self._alerted += alerts
        self._then.alerted(alerts)

    def not_alerted(self, error: NotPublished) -> None:
        """Count one failure."""
        self._not_alerted += 1
        self._then.not_alerted(error)

    def __call__(self) -> Iterator[Reading]:
        """Read all numbers."""
        yield Reading(of.BOOK_OPENED, self._opened)
        yield Reading(of.BOOK_POSTED, self._posted)
        yield Reading(of.BOOK_AWAY, self._away)
        yield Reading(of.ALERTS, self._alerted, ("published",))
        yield Reading(of.ALERTS, self._not_alerted, ("failed",))
