"""One request's way to the deployment that it would take first: by plan, past those that cannot be asked at all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from ...schemas.failures import Failure
from ...schemas.request import Request
from ..outcome import Setback
from ..plan import Routes
from ..providers.body import asking_for
from ..retry import FallBack, Situation, Wait, after_fallback, decide, longer_models, next_target
from ..target import FlexPolicy, Plan, Target

#: Returns a deployment as it would be asked, or why it cannot be, before anybody is called.
Readied = Callable[[Request, Target, FlexPolicy], Target | Failure]


@dataclass(frozen=True, slots=True)
class Ways:
    """How requests find their way."""

    routes: Routes
    plan: Callable[[Request], Plan | Failure]
    readied: Readied


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
    models: list[str]
    #: Deployments that could not be asked, and why.
    passed: list[tuple[str, Failure]] = field(default_factory=list[tuple[str, Failure]])
    tried: tuple[str, ...] = ()
    barred: frozenset[str] = frozenset()

    @classmethod
    def begin(cls, request: Request, ways: Ways, remaining: float) -> Self | Failure:
        """Begin with the request's own model, or with a longer one where it is too long for that."""
        plan, old = ways.plan(request), ways.routes.nobody(request.model)
        if isinstance(plan, Plan):
            return cls(request, plan, ways.plan, ways.readied, remaining, [request.model])
        for model in longer_models(plan, old.fallbacks):
            asked = asking_for(request, model)
            found = ways.plan(asked)
            if isinstance(found, Plan):
                merged, models = after_fallback(old, found), [request.model, model]
                return cls(asked, merged, ways.plan, ways.readied, remaining, models)
        return plan

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
        request = asking_for(self.request, model)
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
