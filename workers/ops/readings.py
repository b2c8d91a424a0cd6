"""Numbers that are kept where things happen, and read when Prometheus asks: counting costs additions, nothing more."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate

from .catalogue import Metric


class Histogram:
    """Counts observations by size, between the bounds of a metric."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, metric: Metric) -> None:
        self._bounds = metric.bounds
        self._counts = [0] * (len(metric.bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation; a value equal to a bound is below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    @property
    def sum(self) -> float:
        """The sum of all observations."""
        return self._sum

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many observations there are up to each bound, as Prometheus spells it."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True))


@dataclass(frozen=True, slots=True)
class Reading:
    """One number (or histogram) of a metric, with the values of its labels in the metric's order."""

    metric: Metric
    value: float | Histogram
    labels: tuple[str, ...] = ()


#: Whoever keeps numbers and can be asked for them. It does no I/O.
Source = Callable[[], Iterable[Reading]]
