"""One request's way to the deployment that it would take first: by plan, past those that cannot be asked at all."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ...schemas.failures import Failure
from ...schemas.request import Request
from ..outcome import Setback
from ..retry import FallBack, Situation, Wait, after_fallback, decide, next_target
from ..target import FlexPolicy, Plan, Target

#: Returns a deployment as it would be asked, or why it cannot be, before anybody is called.
Readied = Callable[[Request, Target, FlexPolicy], Target | Failure]


@dataclass(slots=True)
class Course:
    """Where a request is sent, and what was passed by on the way. Goes on as the gateway does after such failures."""

    request: Request
    plan: Plan
    plan_for: Callable[[Request], Plan | Failure]
    readied: Readied
    #: To the deadline, seconds.
    remaining: float
    #: Models that it was sent to, its own first.
    models: list[str] = field(default_factory=list[str])
    #: Deployments that could not be asked, and why.
    passed: list[tuple[str, Failure]] = field(default_factory=list[tuple[str, Failure]])
    tried: tuple[str, ...] = ()
    barred: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Begin with the request's own model."""
        self.models.append(self.request.model)

    @property
    def is_fallback(self) -> bool:
        """Whether it goes to another model than the one that it asked for."""
        return len(self.models) > 1

    def target(self) -> Target | Failure:
        """Return the first deployment that can be asked, as it would be, or why none can."""
        while True:
            target = next_target(self.plan, self.tried, _open)
            ready = self.readied(self.request, target, self.plan.policy.flex)
            if isinstance(ready, Target):
                return ready
            self.tried = (*self.tried, target.id)
            self.passed.append((target.id, ready))
            if not self._goes_on(ready):
                return ready

    def send_on(self, model: str) -> bool:
        """Ask for another model from now on; return False when there is no way to it."""
        request = msgspec.structs.replace(self.request, model=model)
        plan = self.plan_for(request)
        if isinstance(plan, Failure):
            self.barred |= {model}
            return False
        self.models.append(model)
        self.request, self.plan, self.tried = request, after_fallback(self.plan, plan), ()
        return True

    def _goes_on(self, why: Failure) -> bool:
        verdict = decide(Setback(why), self._situation())
        while isinstance(verdict, FallBack):
            if self.send_on(verdict.model):
                return True
            verdict = decide(Setback(why), self._situation())
        return isinstance(verdict, Wait)

    def _situation(self) -> Situation:
        models = tuple(self.models)
        return Situation(self.plan, self.tried, 0, models, self.remaining, 0.0, _open, self.remaining, self.barred)


def _open(_: Target) -> float:
    """Hold every deployment for sound."""
    return 0.0
