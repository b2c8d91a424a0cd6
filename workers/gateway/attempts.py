"""One request's attempts, from the first to the last: decisions from `routing`, execution by tenacity."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from tenacity import AsyncRetrying, retry_if_result, stop_never

from ...routing.admission.step import Drop, Elsewhere, Park, Refuse, moment
from ...routing.flex import Progress, found_no_capacity
from ...routing.http import HttpCall
from ...routing.outcome import Completion, Setback
from ...routing.providers.body import asking_for
from ...routing.providers.prepare import Prepared, prepared
from ...routing.retry import (
    Decision,
    Defer,
    FallBack,
    GiveUp,
    Situation,
    TooLate,
    Wait,
    after_fallback,
    decide,
    decide_unavailable,
    next_target,
)
from ...routing.service_tiers import FLEX
from ...routing.target import Plan, Target
from ...schemas.deferral import SLACK_SECONDS
from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Request
from ...schemas.usage import event_id
from ..journal.claims import Begun, Claim, Run
from .answers import attempt_event
from .asking import Ask
from .calling import Caller
from .clock import Clock
from .gate import Entered, Gate, Out
from .hedging import Running, race
from .job import Attempt, Booked, Ended, Job, Left
from .lobby import Lobby
from .tolls import Tolls

#: Seconds. A provider may name any number.
_FOREVER: Final = 1e11

#: Hears of an attempt that failed and will be followed by another.
Followed = Callable[[Booked], None]

#: Seconds until a deployment is looked at once more of which nobody can say when it opens.
_LOOK_AGAIN: Final = 0.5
#: Seconds; as good as at once, and later than that.
_SHORTLY: Final = 0.001


@dataclass(frozen=True, slots=True)
class Attempts:
    """Makes the attempts of requests; holds nothing of any one of them."""

    caller: Caller
    gate: Gate
    tolls: Tolls
    clock: Clock
    #: Finds where a request for another model goes.
    plan: Callable[[Request], Plan | Failure]
    #: Seconds; longer waits between attempts are spent outside memory.
    wait_in_memory: float = 10.0
    #: Requests that may wait here for one deployment to open; more leave memory, or they would fill it.
    waiting_per_deployment: int = 500
    #: Where they wait.
    lobby: Lobby = field(init=False)

    def __post_init__(self) -> None:
        """Open the lobby."""
        object.__setattr__(self, "lobby", Lobby(self.clock.sleep, self.caller.circuits.opens_in))

    async def run(self, job: Job, claim: Claim, followed: Followed) -> Ended | Left:
        """Try until an answer, a final failure, or the deadline; or until the request has to leave."""
        try:
            return await _Trying(self, job, claim, followed, claim.run).execute()
        except _Leaving as leaving:
            return leaving.outcome

    def ways(self, job: Job) -> list[Job]:
        """Return the request as it is, and as it may be sent on to other models, near ones first."""
        ways, known = [job], {job.request.model}
        for way in ways:
            for model in (*way.plan.fallbacks.models, *self.tolls.fallbacks(way)):
                on = None if model in known else self.sent_on(way, model)
                ways += [] if on is None else [on]
                known.add(model)
        return ways

    def sent_on(self, job: Job, model: str) -> Job | None:
        """Return the request as another model gets it; None: there is no way to that."""
        request = asking_for(job.request, model)
        plan = self.plan(request)
        if isinstance(plan, Failure):
            return None
        return msgspec.structs.replace(job, request=request, plan=after_fallback(job.plan, plan), is_fallback=True)


class _Leaving(Exception):  # noqa: N818 - it is no error; it ends tenacity's loop
    """The request leaves from the gate, or from a wait, not from an attempt."""

    def __init__(self, outcome: Ended | Left) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(slots=True)
class _Trying:
    """One request being tried."""

    parts: Attempts
    job: Job
    claim: Claim
    followed: Followed
    run: Run
    #: Attempts that were let in, in this run.
    made: int = 0
    last: Booked | None = None
    began_us: int = 0
    #: Deployments of the present plan that were tried, in order.
    tried: tuple[str, ...] = ()
    #: Models that were asked for, the request's own first.
    models: list[str] = field(default_factory=list[str])
    #: Models that there is no way to.
    barred: frozenset[str] = frozenset()
    #: Why there is no attempt, or none that went on.
    why: Failure | None = None
    #: The deployment whose opening it waits for.
    waits_for: Target | None = None
    #: How often there was no flex capacity, before it was parked too.
    refused: int = 0

    async def execute(self) -> Ended | Left:
        self.models.append(self.job.request.model)
        self.refused = self.job.refused
        verdict = await self._try()
        if isinstance(verdict, Wait | Defer):
            verdict = await self._retry(verdict)
        return self._ended(verdict)

    async def _retry(self, verdict: Decision) -> Decision:
        """Let tenacity wait and try; what to wait, and when to stop, is in the verdicts."""
        so_far = verdict

        async def again() -> Decision:
            nonlocal so_far
            so_far = await self._try()
            return so_far

        await self._pause(_seconds(so_far))
        await AsyncRetrying(
            retry=retry_if_result(lambda said: isinstance(said, Wait | Defer)),
            wait=lambda _: _seconds(so_far),
            stop=stop_never,
            sleep=self._pause,
        )(again)
        return so_far

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, outside memory if it is long; the failed one is published meanwhile."""
        if seconds > self.parts.wait_in_memory:
            due_us = self.parts.gate.now_us() + round(seconds * 1_000_000)
            raise _Leaving(Left(self.run, self.made, self._unpublished(), Park(due_us), self.refused))
        self._publish()
        target, self.waits_for = self.waits_for, None
        if target is not None:
            await self.parts.lobby.wait(target, self.job.plan.targets, seconds)
        elif seconds > 0:
            await self.parts.clock.sleep(seconds)

    def _publish(self) -> None:
        last = self._unpublished()
        if last is not None:
            self.followed(last)
            self.last = msgspec.structs.replace(last, published=True)

    async def _try(self) -> Decision:
        """Make the next attempt and judge it."""
        circuits = self.parts.caller.circuits
        target = next_target(self.job.plan, self.tried, self._opens_in)
        if circuits.opens_in(target) > 0:
            verdict = self._unavailable()
            return self._queued(target, verdict) if isinstance(verdict, Wait) else verdict
        target = circuits.armed(target, self.parts.clock.chance())
        ready = self._prepared(target)
        if isinstance(ready, Failure):
            self.tried, self.why = (*self.tried, target.id), ready
            return self._judge(Setback(ready))
        target = ready.target
        if not await circuits.may_begin(target, self._next_name(), target.timeout + self.parts.wait_in_memory):
            return self._denied(target)
        self.tried = (*self.tried, target.id)
        entered = await self._enter(target, ready.call)
        if isinstance(entered, Elsewhere):
            return self._spent(entered.model)
        if isinstance(entered, Out):
            self.tried = self.tried[:-1]
            return Wait(0)
        return self._judge(await self._result(entered, target, ready.call))

    def _prepared(self, target: Target) -> Prepared | Failure:
        return prepared(self.job.request, target, self.job.plan.policy.flex, self._progress)

    def _progress(self) -> Progress:
        situation = self._situation()
        is_last = situation.made > self.refused and situation.retries_left <= 1
        return Progress(self.refused, situation.remaining, is_last)

    async def _result(self, entered: Entered, target: Target, call: HttpCall) -> Completion | Setback:
        """Make an attempt that was let in, or two of them; what came of it is that of the last."""
        self._publish()
        hedge = self.job.plan.hedge
        if hedge is None or len(self.job.plan.targets) == 1 or target.tier == FLEX:  # which is slow by its nature
            attempts = [await self._attempt(entered, target, call, self.made)]
        else:
            first = self._begun(entered, target, call)
            attempts = await race(first, hedge.after, self.parts.clock.sleep, self._second)
        for attempt in attempts:
            self._publish()
            self.last, self.why = Booked(attempt, attempt_event(attempt)), None
            self.refused += found_no_capacity(attempt.target, attempt.result)
            self.parts.tolls.over(self.last)
        return attempts[-1].result

    def _begun(self, entered: Entered, target: Target, call: HttpCall) -> Running:
        caller, job, number, began = self.parts.caller, self.job, self.made, self.parts.clock.now()
        task = asyncio.create_task(self._attempt(entered, target, call, number))
        name = entered.demand.attempt_id
        return Running(task, lambda: caller.abandoned(job, entered, target, name, number, began))

    async def _second(self) -> Running | None:
        """Begin an attempt beside the one that is slow, if another deployment is open and nobody has to wait for it."""
        circuits = self.parts.caller.circuits
        target = circuits.armed(next_target(self.job.plan, self.tried, circuits.opens_in), self.parts.clock.chance())
        if target.id in self.tried or circuits.opens_in(target) > 0 or self._situation().retries_left <= 0:
            return None
        ready, name = self._prepared(target), self._next_name()
        if isinstance(ready, Failure) or not await circuits.may_begin(ready.target, name, ready.target.timeout):
            return None
        target = ready.target
        self.tried = (*self.tried, target.id)
        begun = (*self.run.attempts[: self.made], self.parts.tolls.notebook.begun(self.job.request, target))
        entered = await self.parts.gate.try_enter(self._ask(target, begun, ready.call))
        if entered is None:
            circuits.not_begun(target, name)
            return None
        self._entered(entered, begun)
        return self._begun(entered, target, ready.call)

    def _next_name(self) -> str:
        """Return what the next attempt will be called."""
        return event_id(self.run.id, self.made + 1)

    def _queued(self, target: Target, wait: Wait) -> Wait | Defer:
        """Wait for a deployment in memory, if there are not too many who do; not past the deadline for their sake."""
        parts, outside = self.parts, self.parts.wait_in_memory + SLACK_SECONDS
        crowded = parts.lobby.waiting(target.id) >= parts.waiting_per_deployment
        if crowded and wait.seconds > 0 and self._situation().remaining > outside:
            return Defer(outside)
        self.waits_for = target if wait.seconds > 0 else None
        return wait

    def _opens_in(self, target: Target) -> float:
        """Return when a deployment may be called; a little later where it hardly takes calls and another one does."""
        opens_in = self.parts.caller.circuits.opens_in(target)
        return _SHORTLY if opens_in <= 0 and self._crawls(target) else opens_in

    def _crawls(self, target: Target) -> bool:
        """Say whether a deployment refuses nearly all calls for its load, and not all of the plan's do."""
        circuits, crawls = self.parts.caller.circuits, self.parts.caller.brakes.crawls
        if len(self.job.plan.targets) == 1 or not crawls(target.id):
            return False
        return any(circuits.opens_in(other) <= 0 and not crawls(other.id) for other in self.job.plan.targets)

    def _unavailable(self) -> Decision:
        return self._followed_up(lambda: decide_unavailable(self._situation()))

    def _denied(self, target: Target) -> Decision:
        """Go on while another call finds out whether a deployment is well: what was heard says where, and when."""
        if self.parts.caller.circuits.opens_in(target) > 0:
            return Wait(0)
        return self._queued(target, Wait(_LOOK_AGAIN))

    async def _enter(self, target: Target, call: HttpCall) -> Entered | Elsewhere | Out:
        """Wait at the gate; once through, the attempt is written down in the journal."""
        begun = (*self.run.attempts[: self.made], self.parts.tolls.notebook.begun(self.job.request, target))
        name = self._next_name()
        ask, circuits = self._ask(target, begun, call), self.parts.caller.circuits
        ask.is_out = lambda: circuits.is_out(target, name) or self._crawls(target)
        passage = await self.parts.gate.enter(ask)
        if not isinstance(passage, Entered):
            circuits.not_begun(target, name)
        if isinstance(passage, Refuse):
            raise _Leaving(Ended(self.run, self.last, passage.failure, self.began_us))
        if isinstance(passage, Park | Drop):
            raise _Leaving(Left(self.run, self.made, self._unpublished(), passage, self.refused, target.id))
        if isinstance(passage, Entered):
            self._entered(passage, begun)
        return passage

    def _ask(self, target: Target, begun: tuple[Begun, ...], call: HttpCall) -> Ask:
        return self.parts.tolls.ask(self.job, self.claim, target, begun, call.twins)

    def _entered(self, entered: Entered, begun: tuple[Begun, ...]) -> None:
        self.run = Run(self.run.id, entered.at_us, begun)
        self.made += 1
        self.began_us = self.began_us or entered.at_us

    async def _attempt(self, entered: Entered, target: Target, call: HttpCall, number: int) -> Attempt:
        name = entered.demand.attempt_id
        try:
            return await self.parts.caller.call(self.job, entered, call, target, name, number)
        finally:
            self.parts.gate.left(target.id, entered.demand)

    def _unpublished(self) -> Booked | None:
        return None if self.last is None or self.last.published else self.last

    def _judge(self, result: Completion | Setback) -> Decision:
        if isinstance(result, Completion):
            return GiveUp()
        no_capacity = self._found_no_capacity(result)
        return self._followed_up(lambda: decide(result, self._situation(just_refused=no_capacity)))

    def _found_no_capacity(self, result: Setback) -> bool:
        """Say whether this is how the last attempt ended; a call that could not be encoded was none."""
        last = None if self.last is None else self.last.attempt
        return last is not None and last.result is result and found_no_capacity(last.target, result)

    def _followed_up(self, decision: Callable[[], Decision]) -> Decision:
        """Decide until it is not about a model that cannot be asked."""
        verdict = decision()
        while isinstance(verdict, FallBack):
            if self._fall_back(verdict.model):
                return Wait(0)
            verdict = decision()
        return verdict

    def _fall_back(self, model: str) -> bool:
        """Ask for another model from now on; return False when there is no way to it."""
        job = self.parts.sent_on(self.job, model)
        if job is None:
            self.barred |= {model}
            return False
        self.models.append(model)
        self.job, self.tried = job, ()
        return True

    def _spent(self, model: str) -> Decision:
        """Ask for the model that a spent budget names, once."""
        if model not in self.models and self._fall_back(model):
            return Wait(0)
        why = self.why or failure(Code.BUDGET_EXCEEDED, given=model)
        raise _Leaving(Ended(self.run, self.last, why, self.began_us))

    def _situation(self, *, just_refused: bool = False) -> Situation:
        clock = self.parts.clock
        return Situation(
            self.job.plan,
            self.tried,
            self.made + self.job.made,
            tuple(self.models),
            self.job.request.deadline_ms / 1000 - clock.now(),
            clock.chance(),
            self._opens_in,
            self.parts.wait_in_memory,
            self.barred,
            self.refused,
            just_refused,
        )

    def _ended(self, verdict: Decision) -> Ended:
        if not isinstance(verdict, TooLate):
            return Ended(self.run, self.last, self.why, self.began_us)
        earliest_us = self.parts.clock.now_us() + round(min(verdict.seconds, _FOREVER) * 1_000_000)
        expected = f"a deadline after {moment(earliest_us)}"
        last = None if self.last is None else self.last.attempt
        given = last.result.failure.message if last is not None and isinstance(last.result, Setback) else None
        end = failure(Code.DEADLINE_EXCEEDED, expected=expected, given=given)
        return Ended(self.run, self.last, end, self.began_us)


def _seconds(verdict: Decision) -> float:
    return verdict.seconds if isinstance(verdict, Wait | Defer) else 0.0
