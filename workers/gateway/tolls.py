"""What attempts take of limits and budgets: asked before, corrected after, settled when it is in the books."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from ...routing.admission.asking import policies_of, subject_of
from ...routing.admission.demand import Charge, Correction, Demand, Mark
from ...routing.admission.rulebook import Rulebook
from ...routing.admission.rules import Unit
from ...routing.admission.step import Fallback
from ...routing.admission.taking import Amounts, Bookkeeping, amounts_of, charges
from ...routing.affordable import worst_nano
from ...routing.estimate import Measure, TokenEstimate
from ...routing.target import Target
from ...schemas.reply import Tokens
from ...schemas.request import Request
from ...schemas.usage import Outcome, event_id
from ..admission.port import Admission
from ..journal.claims import Begun, Claim, Run
from .asking import Ask
from .begun import Notebook
from .job import Booked, Job
from .toll import FREE, Toll

_NOTHING: Final = Amounts(requests=0)


class Estimates(Protocol):
    """What is known of tokens before a call, and learned after it."""

    def estimate(self, request: Request, target: Target) -> TokenEstimate:
        """Return what to expect, and what is the most."""
        ...

    def observe(self, request: Request, target: Target, tokens: Tokens, measure: Measure | None = None) -> object:
        """Hear what it was. `measure` is that of the estimate, where somebody has kept it."""
        ...


@dataclass(frozen=True, slots=True)
class Tolls:
    """Knows what each attempt takes."""

    rulebook: Rulebook
    books: Bookkeeping
    estimates: Estimates
    admission: Admission
    mark: Callable[[Claim, Run], Mark]
    notebook: Notebook = field(default_factory=Notebook)
    #: Whether anybody is held to anything at all.
    held: bool = field(init=False)

    def __post_init__(self) -> None:
        """Keep at hand what every attempt asks."""
        object.__setattr__(self, "held", bool(self.rulebook))

    def is_free(self, job: Job) -> bool:
        """Say whether the first attempt takes nothing of any limit or budget."""
        return not self._held_to(job, job.plan.target(1))

    def ask(self, job: Job, claim: Claim, target: Target, begun: tuple[Begun, ...], calls: int = 1) -> Ask:
        """Return what the next attempt asks for: the last of `begun`, which the journal has to say from then on.

        `calls` are those that it makes at once.
        """
        number, request, toll = len(begun), job.request, self._toll(job, target)
        latest_us, name = request.deadline_ms * 1000, event_id(claim.run.id, number)
        taken, worst = _taken(request, target, toll, number, calls)
        budgets, parallel, marked = toll.budgets, toll.parallel, _names(begun) == _names(claim.run.attempts)

        def demand(now_us: int, ticket_us: int | None, earliest_us: int) -> Demand:
            mark = None if marked else self.mark(claim, Run(claim.run.id, now_us, begun))
            holds = self.books.holds(budgets, worst, now_us) if budgets else ()
            return Demand(name, taken, parallel, holds, mark, earliest_us, latest_us, ticket_us, calls)

        ticket = _ticket(job, target, toll) if number == 1 else None
        cost = worst.input_tokens + worst.output_tokens or len(request.body)
        return Ask(
            request,
            target.id,
            job.key.weight,
            cost,
            toll,
            demand,
            policies_of(budgets, may_fall_back=job.may_fall_back),
            ticket,
            marked,
        )

    def _toll(self, job: Job, target: Target) -> Toll:
        toll = self._held_to(job, target)
        if not toll:
            return toll
        return msgspec.structs.replace(toll, estimate=self.estimates.estimate(job.request, target))

    def fallbacks(self, job: Job) -> Sequence[str]:
        """Return the models that a request may be sent on to when a budget is spent."""
        budgets = (budget for target in job.plan.targets for budget in self._held_to(job, target).budgets)
        policies = (
            policy for budget in budgets for policy in policies_of((budget,), may_fall_back=job.may_fall_back).values()
        )
        return tuple(dict.fromkeys(policy.model for policy in policies if isinstance(policy, Fallback)))

    def over(self, booked: Booked) -> None:
        """Hear that a call is over: what it took is corrected, what it holds in parallel is free."""
        attempt, event = booked.attempt, booked.event
        toll = attempt.entered.toll
        if not toll:
            return
        actual = amounts_of(event).by_unit()
        corrections = [
            Correction(rate.limit, actual[rate.unit] - charge.amount)
            for rate, charge in zip(toll.rates(attempt.number), attempt.entered.demand.charges, strict=True)
            if rate.unit is not Unit.REQUESTS
        ]
        self.admission.finish(attempt.event_id, [one for one in corrections if one.delta])
        if event.outcome is Outcome.SUCCEEDED:
            tokens = Tokens(input=event.input_tokens, cached=event.cached_tokens, output=event.output_tokens)
            measure = None if toll.estimate is None else toll.estimate.measure
            self.estimates.observe(attempt.job.request, attempt.target, tokens, measure)

    def amounts(self, booked: Booked) -> Sequence[int]:
        """Return what an attempt took of each budget that it holds, in the holds' order."""
        actual = amounts_of(booked.event).by_unit()
        return [actual[budget.unit] for budget in booked.attempt.entered.toll.budgets]

    def _held_to(self, job: Job, target: Target) -> Toll:
        if not self.held:
            return FREE
        subject = subject_of(job.request, job.key, target)
        return Toll(self.rulebook.request(subject), self.rulebook.target(subject))


def _ticket(job: Job, target: Target, toll: Toll) -> int | None:
    """Return the slot that is reserved, unless it is in the limits of another deployment: there it would be another's.

    A target without limits of its own takes of the request's, and the slot is in these.
    """
    if job.deferral is None:
        return None
    return job.deferral.ticket_us if job.deferral.ticket_for == target.id or not toll.target.rates else None


def _names(begun: tuple[Begun, ...]) -> list[str]:
    return [each.deployment for each in begun]


def _taken(request: Request, target: Target, toll: Toll, number: int, calls: int) -> tuple[tuple[Charge, ...], Amounts]:
    """Return the charges, and the attempt's worst case."""
    estimate = toll.estimate
    if estimate is None:
        return (), _NOTHING
    taken = charges(toll.rates(number), Amounts(estimate.input, estimate.output, requests=calls))
    return taken, Amounts(estimate.worst_input, estimate.worst_output, worst_nano(request, target, estimate), calls)
