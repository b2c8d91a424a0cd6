"""The sum of forecasts: what a file would take, by where it would go, and what would be refused, by why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ...schemas.failures import Failure
from .dry_run import Forecast


class Where(NamedTuple):
    """Where requests would go; empty where they would go nowhere."""

    #: As it was asked for.
    model: str
    deployment: str
    provider: str
    upstream_model: str


#: Names come from requests, so the number of those that are told apart has an end.
_MOST: Final = 1_000
_OTHERS: Final = Where("(others)", "", "", "")


@dataclass(slots=True)
class Load:
    """Sums over forecasts, exact: money in nano-dollars."""

    requests: int = 0
    deferred: int = 0
    refused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    worst_output_tokens: int = 0
    cost: int = 0
    worst_cost: int = 0
    #: When the last call ends, unix microseconds; 0 if there is none.
    ends_us: int = 0

    def add(self, forecast: Forecast) -> None:
        """Add one."""
        self.requests += 1
        self.deferred += forecast.is_deferred
        self.refused += forecast.failure is not None
        if forecast.estimate is not None:
            self.input_tokens += forecast.estimate.input
            self.output_tokens += forecast.estimate.output
            self.worst_output_tokens += forecast.estimate.worst_output
        self.cost += forecast.cost_nano
        self.worst_cost += forecast.worst_nano
        self.ends_us = max(self.ends_us, forecast.ends_us)


@dataclass(slots=True)
class Cases:
    """How many there are, and one of them."""

    example: Failure
    count: int = 0


@dataclass(slots=True)
class Waits:
    """Those who wait for one limit last."""

    count: int = 0
    #: The longest wait, microseconds.
    longest_us: int = 0


@dataclass(slots=True)
class Outlook:
    """What a file of requests would come to, all of them asked for at `now_us`."""

    now_us: int
    total: Load = field(default_factory=Load)
    _loads: dict[Where, Load] = field(default_factory=dict[Where, Load])
    _refused: dict[str, Cases] = field(default_factory=dict[str, Cases])
    _waits: dict[str, Waits] = field(default_factory=dict[str, Waits])

    def add(self, forecast: Forecast) -> None:
        """Take the next one in. What goes to more places than anybody reads is summed up as others."""
        where = where_of(forecast)
        if len(self._loads) >= _MOST and where not in self._loads:
            where = _OTHERS
        self._loads.setdefault(where, Load()).add(forecast)
        self.total.add(forecast)
        if forecast.failure is not None:
            self._refused.setdefault(forecast.failure.code, Cases(forecast.failure)).count += 1
        limit = forecast.limit
        if limit is not None:
            if len(self._waits) >= _MOST and limit not in self._waits:
                limit = _OTHERS.model
            waits = self._waits.setdefault(limit, Waits())
            waits.count += 1
            waits.longest_us = max(waits.longest_us, forecast.begins_us - self.now_us)

    @property
    def loads(self) -> Mapping[Where, Load]:
        """By where they go."""
        return self._loads

    @property
    def refused(self) -> Mapping[str, Cases]:
        """By code."""
        return self._refused

    @property
    def waits(self) -> Mapping[str, Waits]:
        """By limit."""
        return self._waits

    @property
    def took_us(self) -> int:
        """How long it takes until the last call ends; 0 if there is none."""
        return max(0, self.total.ends_us - self.now_us)


def where_of(forecast: Forecast) -> Where:
    """Return where a request would go."""
    model = forecast.models[0] if forecast.models else forecast.asked.model
    if forecast.target is None:
        return Where(model, "", "", "")
    return Where(model, forecast.target.id, forecast.target.provider, forecast.target.upstream_model)
