"""What a worker knows of circuits, as readings."""

from collections.abc import Callable, Iterator
from typing import Final, assert_never

from ...routing.health.breaker import Closed, HalfOpen, Open, State
from ..health.port import HealthStatus
from . import catalogue as of
from .readings import Reading, Source

#: Deployments come from the config, or from the requests where there is no config: their number must stay bounded.
_MOST_CIRCUITS: Final = 1_000


def health_readings(status: Callable[[], HealthStatus]) -> Source:
    """Make a source of readings of health's `status`."""

    def read() -> Iterator[Reading]:
        now = status()
        yield Reading(of.CIRCUITS_SHARED, float(now.shared))
        for name, state in list(now.circuits.items())[:_MOST_CIRCUITS]:
            yield Reading(of.CIRCUIT_STATE, _number(state), (name,))
        for name, openings in list(now.openings.items())[:_MOST_CIRCUITS]:
            yield Reading(of.CIRCUIT_OPENINGS, openings, (name,))

    return read


def _number(state: State) -> float:
    match state:
        case Closed():
            return 0
        case HalfOpen():
            return 1
        case Open():
            return 2
    assert_never(state)
