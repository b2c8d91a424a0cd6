"""How the deployments are doing, as this worker sees it: what strategies ask before they choose."""

from collections import Counter
from typing import Final

from ...routing.estimate import TokenEstimate
from ...routing.outcome import Completion, Setback
from ...routing.providers.signals import RateSignal
from ...routing.service_tiers import FLEX
from ...routing.target import Target
from ...schemas.request import Request
from .circuits import Circuits
from .tolls import Estimates

#: How much of a new answer goes into a mean.
_SMOOTH: Final = 0.2


class Vitals:
    """Counts calls, and remembers how long answers took and what their headers said is left."""

    def __init__(self, circuits: Circuits, estimates: Estimates) -> None:
        self._circuits = circuits
        self._estimates = estimates
        self._in_flight: Counter[str] = Counter()
        self._per_token: dict[str, float] = {}
        self._left: dict[str, float] = {}
        self._turns: Counter[str] = Counter()
        self._targets: dict[str, Target] = {}

    def __repr__(self) -> str:
        return f"<Vitals of {len(self._per_token)} deployments, {self._in_flight.total()} calls>"

    def began(self, target: Target) -> None:
        """Hear that a call begins."""
        self._in_flight[target.id] += 1
        self._targets[target.id] = target

    def ended(self, target: Target, seconds: float, result: Completion | Setback, signal: RateSignal | None) -> None:
        """Hear how it ended, and what the answer said of limits."""
        self._in_flight[target.id] -= 1
        if signal is not None:
            fractions = [each.fraction for each in signal.allowances if each.fraction is not None]
            self._left |= {target.id: min(fractions)} if fractions else {}
        if isinstance(result, Completion) and result.tokens is not None and target.tier != FLEX:
            taken = seconds / max(result.tokens.output, 1)
            before = self._per_token.get(target.id, taken)
            self._per_token[target.id] = before + _SMOOTH * (taken - before)

    def in_flight(self, deployment: str) -> int:
        """Return how many calls of this worker to it are under way."""
        return self._in_flight[deployment]

    def seconds_per_token(self, deployment: str) -> float | None:
        """Return how long its answers take per output token, a moving mean; None if nobody knows."""
        return self._per_token.get(deployment)

    def left(self, deployment: str) -> float | None:
        """Return which share of its tightest limit is left, as its provider said last; None if nobody knows."""
        return self._left.get(deployment)

    def is_open(self, deployment: str) -> bool:
        """Say whether it is out; one that was never called is not."""
        target = self._targets.get(deployment)
        return target is not None and self._circuits.opens_in(target) > 0

    def turn(self, node: str) -> int:
        """Return a number that is one higher each time it is asked for this branch of a route."""
        self._turns[node] += 1
        return self._turns[node]

    def expected(self, request: Request, target: Target) -> TokenEstimate:
        """Return what an attempt is expected to take."""
        return self._estimates.estimate(request, target)
