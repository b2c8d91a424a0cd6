"""A dry run: which deployment each request would take, what it would cost, and when it would be let in."""

from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

from ...schemas.config import Config
from ...schemas.failures import Code, Failure, failure
from ...schemas.reply import Tokens
from ...schemas.request import Rejected, Request
from ..access.keyring import Keyring
from ..access.rules import KeyRules
from ..admission.demand import ParallelLimit
from ..admission.rulebook import Rulebook
from ..admission.step import moment
from ..admission.taking import Amounts
from ..affordable import affordable, worst_nano
from ..estimate import TokenEstimate
from ..flex import Progress
from ..plan import PriceFinder, Routes, make_plan
from ..providers.prepare import prepared
from ..service_tiers import bill
from ..standing import Quiet
from ..target import FlexPolicy, Plan, Target
from .course import Course, Ways
from .gate import Asked, LetIn, Passage, VirtualGate
from .held import Use, held_to

_US: Final = 1_000_000


class Estimates(Protocol):
    """What is known of tokens before a call."""

    def estimate(self, request: Request, target: Target, /) -> TokenEstimate:
        """Return what to expect, and what is the most."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How long calls are taken to last, for nobody knows: seconds to the first token, then tokens a second."""

    first: float = 1.0
    tokens_per_second: float = 50.0

    def duration_us(self, output_tokens: int) -> int:
        """Return how long a call lasts that answers in so many tokens: at least a microsecond."""
        return max(1, round((self.first + output_tokens / self.tokens_per_second) * _US))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would become of one request."""

    #: As the gateway would see it: with the key's metadata, and under a fallback's name where it is sent on.
    asked: Request | Rejected
    #: Why it would be refused; then nothing of what follows is known, but where it might have gone.
    failure: Failure | None = None
    plan: Plan | None = None
    #: Models that it would be sent to, its own first.
    models: tuple[str, ...] = ()
    #: Deployments whose wire has no words for it, and why.
    passed: tuple[tuple[str, Failure], ...] = ()
    #: The deployment that it would take first.
    target: Target | None = None
    estimate: TokenEstimate | None = None
    #: Nano-dollars: what it is expected to cost, and the most.
    cost_nano: int = 0
    worst_nano: int = 0
    #: Unix microseconds.
    begins_us: int = 0
    ends_us: int = 0
    #: The limit that it waits for last.
    limit: str | None = None
    #: Whether it waits outside memory.
    is_deferred: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """What a dry run goes by, from the config."""

    routes: Routes
    rulebook: Rulebook
    keyring: Keyring
    #: Of all workers together.
    in_flight: ParallelLimit
    in_memory_us: int
    pace: Pace

    @classmethod
    def of(cls, config: Config, routes: Routes, pace: Pace, workers: int = 1) -> Self:
        """Read a config, whose routes have been built."""
        in_flight = ParallelLimit("limits.in_flight", config.limits.in_flight * workers)
        in_memory_us = round(config.admission.wait_in_memory * _US)
        return cls(routes, Rulebook.of(config), Keyring.of(config), in_flight, in_memory_us, pace)


class DryRun:
    """Foresees requests one after the other, as if all of them arrived at `now_us`. Remembers what they take."""

    def __init__(self, ground: Ground, estimates: Estimates, prices: PriceFinder, now_us: int) -> None:
        self._ground = ground
        self._estimates = estimates
        self._prices = prices
        self._now_us = now_us
        self._standing = Quiet(estimates.estimate)
        self._gate = VirtualGate(ground.in_memory_us)

    def __repr__(self) -> str:
        return f"<DryRun at {moment(self._now_us)}, {self._gate!r}>"

    def forecast(self, read: Request | Rejected) -> Forecast:
        """Return what would become of the next request. Its key counts as proved."""
        key = self._ground.keyring.recheck(read, self._now_us // 1000)
        if isinstance(key, Failure):
            return Forecast(read, key)
        if isinstance(read, Rejected):
            return Forecast(read, read.failure)
        request = key.applied(read)
        if request.deadline_ms * 1000 <= self._now_us:
            expected, given = f"a deadline after {moment(self._now_us)}", moment(request.deadline_ms * 1000)
            return Forecast(request, failure(Code.DEADLINE_EXCEEDED, expected=expected, given=given))
        remaining = (request.deadline_ms * 1000 - self._now_us) / _US
        course = Course.begin(request, Ways(self._ground.routes, self.plan, self._readied), remaining)
        return Forecast(request, course) if isinstance(course, Failure) else self._foreseen(course, key)

    def plan(self, request: Request) -> Plan | Failure:
        """Return where a request goes, at no more than it may cost: what the gateway does."""
        plan = make_plan(request, self._ground.routes, self._prices, self._standing)
        return plan if isinstance(plan, Failure) else affordable(plan, request, self._estimates.estimate)

    def _readied(self, request: Request, target: Target, policy: FlexPolicy) -> Target | Failure:
        """Return a deployment with the service tier that it would be asked for, or why its wire has no words for it."""
        remaining = (request.deadline_ms * 1000 - self._now_us) / _US
        ready = prepared(request, target, policy, lambda: Progress(0, remaining, is_last=False))
        return ready if isinstance(ready, Failure) else ready.target

    def _foreseen(self, course: Course, key: KeyRules) -> Forecast:
        """Go on until somebody can be asked who may be, or nobody is left."""
        while True:
            target = course.target()
            if isinstance(target, Failure):
                return _refused(course, target)
            estimate = self._estimates.estimate(course.request, target)
            way = self._entered(course, key, target, estimate)
            if isinstance(way, Failure):
                return _refused(course, way)
            if isinstance(way, LetIn):
                return self._admitted(course, target, estimate, way)
            if way.model in course.models or not course.send_on(way.model):
                return _refused(course, failure(Code.BUDGET_EXCEEDED, given=way.model))

    def _entered(self, course: Course, key: KeyRules, target: Target, estimate: TokenEstimate) -> Passage:
        request, ground = course.request, self._ground
        held = held_to(ground.rulebook, request, key, target, is_fallback=course.is_fallback)
        held = replace(held, room=ground.in_flight)
        return self._gate.enter(
            held, self._use(request, target, estimate), Asked(self._now_us, request.deadline_ms * 1000)
        )

    def _use(self, request: Request, target: Target, estimate: TokenEstimate) -> Use:
        calls = estimate.twins
        return Use(
            Amounts(estimate.input, estimate.output, expected_nano(target, estimate), calls),
            Amounts(estimate.worst_input, estimate.worst_output, worst_nano(request, target, estimate), calls),
            self._ground.pace.duration_us(estimate.of_each.output),
        )

    def _admitted(self, course: Course, target: Target, estimate: TokenEstimate, way: LetIn) -> Forecast:
        return Forecast(
            course.request,
            None,
            course.plan,
            tuple(course.models),
            tuple(course.passed),
            target,
            estimate,
            expected_nano(target, estimate),
            worst_nano(course.request, target, estimate),
            way.at_us,
            way.at_us + self._ground.pace.duration_us(estimate.of_each.output),
            way.limit,
            is_deferred=self._is_deferred(way),
        )

    def _is_deferred(self, way: LetIn) -> bool:
        """Say whether the wait is spent on a deferral topic; what a worker has no room for waits on its lane."""
        ground = self._ground
        return way.at_us - self._now_us > ground.in_memory_us and way.limit != ground.in_flight.name


def expected_nano(target: Target, estimate: TokenEstimate) -> int:
    """Return what an attempt is expected to cost, nano-dollars; 0 without a price, where that is allowed.

    Whoever asks for a service tier is expected to be served on it.
    """
    if target.price is None:
        return 0
    each = estimate.of_each
    tokens = Tokens(input=each.input, cached=each.cached, output=each.output, units=each.worst_units)
    return bill(target.price, tokens, target.tier, target.tier).nano * estimate.twins


def _refused(course: Course, why: Failure) -> Forecast:
    return Forecast(course.request, why, course.plan, tuple(course.models), tuple(course.passed))
