"""What the bus says of itself, as readings."""

from collections.abc import Callable, Iterator
from typing import Final

from ..bus.port import BusStatus
from . import catalogue as of
from .readings import Reading, Source

_MS: Final = 1000


def bus_readings(status: Callable[[], BusStatus]) -> Source:
    """Make a source of readings of a bus's `status`."""

    def read() -> Iterator[Reading]:
        now = status()
        yield Reading(of.BUS_READY, float(now.ready))
        if now.lag is not None:
            yield Reading(of.BUS_LAG, now.lag)
        if now.parked is not None:
            yield Reading(of.BUS_PARKED, now.parked)
        yield Reading(of.BUS_OLDEST, now.oldest_ms / _MS)
        yield Reading(of.BUS_UNCOMMITTED, now.uncommitted)
        yield Reading(of.BUS_COMMITS, now.commits)
        yield Reading(of.BUS_COMMIT_SECONDS, now.commit_seconds)

    return read
