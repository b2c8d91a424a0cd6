"""Counts what the recorder says it does, and logs what people should know of it."""

import logging
from collections.abc import Callable, Iterator

from ...reporting.errors import SnapshotError
from ...reporting.ledger import Appended
from . import catalogue as of
from .readings import Histogram, Reading

_log = logging.getLogger(__name__)


class RecorderMeter:
    """A recorder `Listener` that keeps numbers, and is a `Source` of readings when called."""

    def __init__(self, lag: Callable[[], int | None]) -> None:
        self._lag = lag
        self._rows = self._settled = self._duplicates = self._bad = 0
        self._append_seconds = Histogram(of.LEDGER_APPEND_SECONDS)
        self._published = self._failed = 0
        self._snapshot_seconds = 0.0

    def appended(self, appended: Appended, seconds: float, lag: int | None) -> None:  # noqa: ARG002 - the port's names
        """Count one append."""
        self._rows += appended.rows
        self._settled += appended.settled
        self._duplicates += appended.duplicates
        self._bad += appended.bad
        self._append_seconds.observe(seconds)
        if appended.bad:
            _log.warning("values of the usage topic are no usage events", extra={"count": appended.bad})

    def published(self, seconds: float) -> None:
        """Count one snapshot."""
        self._published += 1
        self._snapshot_seconds += seconds

    def not_published(self, error: SnapshotError) -> None:
        """Count, and tell, a snapshot that could not be made: readers see older figures until the next one."""
        self._failed += 1
        _log.warning("the snapshot for readers could not be made", extra={"error": str(error)})

    def __call__(self) -> Iterator[Reading]:
        """Read all numbers."""
        yield Reading(of.LEDGER_ROWS, self._rows)
        yield Reading(of.LEDGER_SETTLED, self._settled)
        yield Reading(of.LEDGER_DUPLICATES, self._duplicates)
        yield Reading(of.LEDGER_BAD, self._bad)
        yield Reading(of.LEDGER_APPEND_SECONDS, self._append_seconds)
        yield Reading(of.LEDGER_SNAPSHOTS, self._published, ("published",))
        yield Reading(of.LEDGER_SNAPSHOTS, self._failed, ("failed",))
        yield Reading(of.LEDGER_SNAPSHOT_SECONDS, self._snapshot_seconds)
        lag = self._lag()
        if lag is not None:
            yield Reading(of.LEDGER_LAG, lag)
