"""What admission knows of a worker's requests, deployments and estimates, as readings."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from . import catalogue as of
from .readings import Reading, Source


class Estimates(Protocol):
    """The part of an estimator that is read."""

    @property
    def errors(self) -> Mapping[str, float]:
        """How far estimates of each kind are off."""
        ...


class Brakes(Protocol):
    """The part of the brakes that is read."""

    @property
    def limits(self) -> Mapping[str, float]:
        """How many calls at a time, by deployment."""
        ...


def admission_readings(waiting: Callable[[], int], brakes: Brakes, estimates: Estimates) -> Source:
    """Make a source of readings."""

    def read() -> Iterator[Reading]:
        yield Reading(of.WAITING, waiting())
        for deployment, limit in brakes.limits.items():
            yield Reading(of.CALLS_LIMIT, limit, (deployment,))
        for kind, error in estimates.errors.items():
            yield Reading(of.ESTIMATE_ERROR, error, (kind,))

    return read
