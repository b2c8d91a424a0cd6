"""How the deployments are doing, as this worker sees it: what strategies ask before they choose."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ...routing.admission.level import Level, Levels, Told
from ...routing.admission.rules import RateRule, Unit
from ...routing.admission.taking import Amounts, charges
from ...routing.estimate import TokenEstimate
from ...routing.outcome import Completion, Setback
from ...routing.providers.signals import RateSignal
from ...routing.service_tiers import FLEX
from ...routing.target import Target
from ...routing.twins import calls_at
from ...schemas.request import Request
from .circuits import Circuits
from .tolls import Estimates

#: How much of a new answer goes into a mean.
_SMOOTH: Final = 0.2
_UNKNOWN: Final = TokenEstimate(0, 0, 0, 0)


class Vitals:
    """Counts calls, and remembers how long answers took, and how much is left of limits.

    `rates` are the limits of a deployment in the config, `now_us` is the clock of the store that keeps them.
    """

    def __init__(
        self,
        circuits: Circuits,
        estimates: Estimates,
        rates: Callable[[str], Sequence[RateRule]],
        now_us: Callable[[], int],
    ) -> None:
        self._circuits = circuits
        self._estimates = estimates
        self._rates = rates
        self._now_us = now_us
        self._in_flight: Counter[str] = Counter()
        self._per_token: dict[str, float] = {}
        self._told: dict[str, Told] = {}
        self._levels = Levels()
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
            told = Told.of(signal, self._now_us())
            self._told |= {target.id: told} if told is not None else {}
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

    def heard(self, levels: Sequence[Level], asked: Mapping[str, int]) -> None:
        """Hear from the store how full limits are of the config."""
        self._levels.heard(levels, asked)

    def left(self, deployment: str) -> float | None:
        """Return which share of its tightest limit is left by now, be it the config's or the provider's own."""
        told, rates = self._told.get(deployment), self._rates(deployment)
        if told is None and not rates:
            return None
        now_us = self._now_us()
        left = [self._levels.left(rate.limit, now_us) for rate in rates]
        return min(left if told is None else [*left, told.left(now_us)])

    def planned(self, request: Request, target: Target) -> None:
        """Hear that a request will be sent to a target first: it counts until the store has been asked for it."""
        rates = self._rates(target.id)
        if not rates:
            return
        by_tokens = any(rate.unit is not Unit.REQUESTS for rate in rates)
        estimate = self._estimates.estimate(request, target) if by_tokens else _UNKNOWN
        now_us, calls = self._now_us(), calls_at(request, target)
        for charge in charges(rates, Amounts(estimate.input, estimate.output, requests=calls)):
            self._levels.planned(charge.limit, charge.amount, now_us)

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
