"""Whether what is left of a provider's rate limits lasts until it is whole again, at the pace at which it goes.

The pace is what the provider's own counts lose from one look to the next: that of the whole fleet, and, where the
provider fills up all the time instead of at a reset, less what it fills up. So nobody needs to know who else calls, nor
which kind of limit it is.
"""

from typing import Final

from ..providers.signals import Allowance, Dimension, RateSignal

#: Microseconds between two looks, if a call does not take longer: else they would hear of the time before the last one.
_BETWEEN: Final = 1_000_000
#: The share of a limit that goes so fast that one cannot wait for the next look.
_MUCH: Final = 0.1
#: While more than this share is left, nothing is hurried.
_PLENTY: Final = 0.5
#: One look slows down no further than this.
_LEAST: Final = 0.5
#: Seconds of a limit's window, where nobody says.
_USUAL_PERIOD: Final = 60.0


class Outlook:
    """What one deployment's answers have said of its rate limits."""

    def __init__(self) -> None:
        self._trends: dict[tuple[Dimension, float | None], _Trend] = {}
        #: Requests per second that the provider grants to all together, None if it does not say.
        self.capacity: float | None = None

    def look(self, signal: RateSignal, at_us: int, latency_us: int) -> float:
        """Return to what share of the present pace to slow down; 1: there is no need.

        `at_us` is when the call began, for the provider counts it then.
        """
        between_us = max(latency_us, _BETWEEN)
        return min((self._share(allowance, at_us, between_us) for allowance in signal.allowances), default=1.0)

    def _share(self, allowance: Allowance, at_us: int, between_us: int) -> float:
        if allowance.limit is not None and allowance.dimension is Dimension.REQUESTS:
            self.capacity = allowance.limit / (allowance.period or _USUAL_PERIOD)
        name = (allowance.dimension, allowance.period)
        trend = self._trends.get(name)
        if trend is None:
            self._trends[name] = _Trend(allowance.remaining, at_us)
            return 1.0
        if not trend.is_due(allowance, at_us, between_us):
            return 1.0
        pace = trend.pace(allowance.remaining, at_us)
        fraction = allowance.fraction
        if fraction is None or fraction > _PLENTY or not allowance.reset or pace <= 0:
            return 1.0
        return min(max(allowance.remaining / pace / allowance.reset, _LEAST), 1.0)


class _Trend:
    """What was left of one limit, and how fast it went."""

    __slots__ = ("_at_us", "_pace", "_remaining")

    def __init__(self, remaining: float, at_us: int) -> None:
        self._remaining = remaining
        self._at_us = at_us
        self._pace: float | None = None

    def is_due(self, allowance: Allowance, at_us: int, between_us: int) -> bool:
        """Say whether it is time for another look: at once, if much is gone since the last."""
        much = allowance.limit is not None and self._remaining - allowance.remaining > _MUCH * allowance.limit
        return at_us > self._at_us and (much or at_us - self._at_us >= between_us)

    def pace(self, remaining: float, at_us: int) -> float:
        """Return how much is lost per second, by this look and, half as much each time, by those before."""
        lost = (self._remaining - remaining) / (at_us - self._at_us) * 1e6
        self._pace = lost if self._pace is None else (self._pace + lost) / 2
        self._remaining, self._at_us = remaining, at_us
        return self._pace
