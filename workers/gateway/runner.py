"""One request, from its claim to its end."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ...routing.admission.step import Drop, Park, moment
from ...schemas.failures import Code, Failure, failure
from ...schemas.reply import encode_reply
from ...schemas.request import Request
from ...schemas.usage import UsageEvent, encode_event
from ..admission.port import Admission
from ..journal.claims import Answer, Answered, Claim, Claimed, Mine, Reused, Run, Taken
from .answers import final_reply, interrupted_events
from .attempts import Attempts
from .batcher import Batcher
from .clock import Clock
from .desk import Desk, Progress, Usage
from .job import Booked, Ended, Job, Left
from .tolls import Tolls

#: Seconds between two looks at a request that a living worker has: at first, and at most.
_FIRST_LOOK: Final = 0.05
_LAST_LOOK: Final = 2.0
#: The longest that a copy stays away from memory before it looks again, seconds.
_LONGEST_STAY: Final = 600.0


@dataclass(frozen=True, slots=True)
class JournalLines:
    """The journal, with many requests to a round trip."""

    claim: Batcher[Claim, Claimed]
    answer: Batcher[tuple[Claim, Answer], bool]
    committed: Callable[[Claim], None]
    release: Callable[[Claim], None]


class Behind:
    """Counts who waits behind another run of the same request."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs requests; holds nothing of any one of them."""

    desk: Desk
    journal: JournalLines
    attempts: Attempts
    admission: Admission
    tolls: Tolls
    clock: Clock
    new_id: Callable[[], str]
    is_cancelled: Callable[[Request], bool]
    wait_in_memory: float = 10.0
    #: How many may wait in memory for the end of another run: after a worker's death they are all that it had.
    most_behind: int = 500
    behind: Behind = field(default_factory=Behind)

    async def run(self, job: Job) -> None:
        """Run a request to its reply, or to where it waits."""
        if self.unwanted(job) is None:
            await self._until_due(job)
        claim = Claim(claimed_name(job.request), job.place, fingerprint(job.request), self._new_run(job))
        look, until = _FIRST_LOOK, self.clock.now() + self.wait_in_memory
        while True:
            claimed = await self.journal.claim.ask(claim)
            if isinstance(claimed, Taken):
                if self._late(job):
                    return self._refuse(job, failure(Code.DEADLINE_EXCEEDED, given="an earlier copy has no answer yet"))
                crowded = self.behind.count >= self.most_behind
                if (crowded or self.clock.now() >= until) and self._parked_behind_another(job):
                    return None
                with self.behind:
                    await self.clock.sleep(look)
                look = min(look * 2, _LAST_LOOK)
            elif isinstance(claimed, Mine):
                if await _Run(self, job, claim, claimed).execute():
                    return None
                claim = msgspec.structs.replace(claim, run=self._new_run(job))
            else:
                return self._answered(job, claim, claimed)

    def _parked_behind_another(self, job: Job) -> bool:
        """Let a copy leave memory while the call for another one lasts, unless it has no time left to come back."""
        hops = 0 if job.deferral is None else job.deferral.hops
        seconds = min(self.wait_in_memory * 2.0 ** min(hops, 10), _LONGEST_STAY)
        due_us = self.clock.now_us() + round(seconds * 1_000_000)
        if due_us >= job.request.deadline_ms * 1000:
            return False
        self.desk.park(job, Park(due_us), Progress((), job.made, job.spent_nano, job.refused), _nothing)
        return True

    async def _until_due(self, job: Job) -> None:
        """Wait for the rest of what a parked request has to wait; a reserved slot is waited for at the gate."""
        if job.deferral is not None and job.deferral.ticket_us is None:
            seconds = job.deferral.due_ms / 1000 - self.clock.now()
            if seconds > 0:
                await self.clock.sleep(seconds)

    def _answered(self, job: Job, claim: Claim, claimed: Answered | Reused) -> None:
        if isinstance(claimed, Reused):
            self._refuse(job, failure(Code.ID_REUSED, expected="an id of its own", given=job.request.id))
            return
        same = claimed.same_place
        done = (lambda: self.journal.committed(claim)) if same else _nothing
        self.desk.replay(job, claimed.answer, same_place=same, then=done)

    def _refuse(self, job: Job, why: Failure) -> None:
        self.desk.refuse(job.delivery, job.request, why, place=job.place, key=job.key)

    def unwanted(self, job: Job) -> Failure | None:
        """Return why a request is not run any more, None if it is.

        It is claimed all the same: a worker that died may have spent something for it, or have left the answer.
        """
        if self.is_cancelled(job.request):
            return failure(Code.CANCELLED)
        if not self._late(job):
            return job.why
        expected = f"a deadline after {moment(self.clock.now_us())}"
        return failure(Code.DEADLINE_EXCEEDED, expected=expected, given=moment(job.request.deadline_ms * 1000))

    def _late(self, job: Job) -> bool:
        return job.request.deadline_ms <= self.clock.now() * 1000

    def _new_run(self, job: Job) -> Run:
        """Begin a run; an attempt that has to ask nobody is written down with the claim."""
        is_marked = self.unwanted(job) is None and self.tolls.is_free(job)
        begun = (self.tolls.notebook.begun(job.request, job.plan.target(1)),) if is_marked else ()
        return Run(self.new_id(), self.clock.now_us(), begun)


@dataclass(slots=True)
class _Run:
    """One run of one request, claimed."""

    parts: Runner
    job: Job
    claim: Claim
    claimed: Mine
    #: Of this run and of those that dead workers began, nano-dollars.
    spent_nano: int = 0
    #: Events that were published and may not be durable yet.
    published: list[bytes] = field(default_factory=list[bytes])

    async def execute(self) -> bool:
        """Run it; return False when another worker has taken it over."""
        if self.claimed.interrupted:
            self._publish_interrupted()
        why = self.parts.unwanted(self.job)
        if why is not None:
            return await self._end(Ended(self.claim.run, None, why))
        outcome = await self.parts.attempts.run(self.job, self.claim, self._followed)
        if isinstance(outcome, Ended):
            return await self._end(outcome)
        if isinstance(outcome.way, Drop):
            self._publish_last(outcome.last)
            return False
        self._park(outcome, outcome.way)
        return True

    def _publish_interrupted(self) -> None:
        ways = self.parts.attempts.ways(self.job)
        for dead in self.claimed.interrupted:
            for event in interrupted_events(ways, dead):
                self._publish(event)

    def _followed(self, booked: Booked) -> None:
        self._publish(booked.event, self._settle(booked))

    def _publish(self, event: UsageEvent, settle: Callable[[], None] | None = None) -> None:
        self.spent_nano += event.cost_nano
        self.published.append(encode_event(event))
        self.parts.desk.publish(event, settle)

    def _publish_last(self, last: Booked | None) -> None:
        if last is not None and not last.published:
            self._followed(last)

    def _settle(self, booked: Booked) -> Callable[[], None]:
        """Return what shrinks the attempt's holds to what it cost, once that is durable."""
        amounts = self.parts.tolls.amounts(booked)
        return lambda: self.parts.admission.settle(booked.event.event_id, amounts)

    async def _end(self, ended: Ended) -> bool:
        last = ended.last
        if last is None:
            why = ended.end or failure(Code.INTERNAL)
            self.parts.desk.refuse(
                self.job.delivery, self.job.request, why, place=self.job.place, key=self.job.key, then=self._release
            )
            return True
        events = [] if last.published else [last.event]
        self.spent_nano += sum(event.cost_nano for event in events)
        reply = final_reply(self.job, ended, last.attempt, self.spent_nano)
        usage = [Usage(event, encode_event(event)) for event in events]
        answer = Answer(encode_reply(reply), (*self.published, *(each.value for each in usage)), self.job.place)
        if not await self.parts.journal.answer.ask((self.claim, answer)):
            self._publish_last(last)
            return False
        settles = [self._settle(last)] if events and last.attempt.entered.demand.holds else []
        self.parts.desk.answer(self.job, reply, answer.reply, usage, lambda: self._done(settles))
        return True

    def _done(self, settles: list[Callable[[], None]]) -> None:
        for settle in settles:
            settle()
        self.parts.journal.committed(self.claim)

    def _park(self, left: Left, way: Park) -> None:
        last = left.last
        events = () if last is None else (last.event,)
        settles = [] if last is None else [self._settle(last)]
        spent = self.spent_nano + sum(event.cost_nano for event in events)
        progress = Progress(
            events, self.job.made + left.made, self.job.spent_nano + spent, left.refused, left.deployment
        )

        def then() -> None:
            for settle in settles:
                settle()
            self._release()

        self.parts.desk.park(self.job, way, progress, then)

    def _release(self) -> None:
        self.parts.journal.release(self.claim)


def claimed_name(request: Request) -> str:
    """Return what the journal calls a request: an id is its key's own, and one key's answers are not another's."""
    kind = "" if request.shadow_of is None else "shadow:"
    return f"{kind}{len(request.key)}:{request.key}:{request.id}"


def _nothing() -> None:
    """Do nothing."""


def fingerprint(request: Request) -> bytes:
    """Return what tells this request from another with its id: what is asked, and where."""
    digest = hashlib.blake2b(request.endpoint.encode(), digest_size=16)
    digest.update(request.body)
    return digest.digest()
