"""Whatever workers do with a journal, and whenever they die: every claim is answered as the truth has it."""

import asyncio
from dataclasses import dataclass, field

import pytest
from conformance.journal_harness import STORES, a_store, claim_one, new_claim
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test
from msgspec.structs import replace

from headgate.routing.dearest import Dearest
from headgate.workers.journal.claims import Answer, Answered, Begun, Claim, Mine, Reused, Run, Taken

WHICH = st.integers(0, 2)
REQUESTS = "rs"
ATTEMPTS = st.integers(0, 2)


@dataclass(eq=False)
class Worker:
    """A process: it may be paused, and then goes on although it counts as dead."""

    owner: str
    living: bool = True


@dataclass(eq=False)
class Held:
    """A claim that was granted, as its worker sees it."""

    worker: Worker
    claim: Claim
    interrupted: tuple[Run, ...]
    attempts: tuple[Begun, ...] = ()

    def usage(self):
        """Every event that the worker knows of."""
        own = replace(self.claim.run, attempts=self.attempts)
        return tuple(sorted(events_of((*self.interrupted, own))))


def events_of(runs):
    return {f"{run.id}/{n}".encode() for run in runs for n, _ in enumerate(run.attempts, start=1)}


@dataclass
class Truth:
    """What is true of a request, as anybody could write it down."""

    fingerprint: bytes | None = None
    #: The last one who was granted the claim and has not ended it.
    holder: Held | None = None
    #: Runs that nobody has accounted for, as the store must know them.
    runs: list = field(default_factory=list)
    answer: Answer | None = None
    answered_by: Held | None = None
    #: Those who had the claim before it was taken over.
    ghosts: list = field(default_factory=list)
    committed: bool = False
    #: Attempts that were begun, and events that the bus has.
    begun: set = field(default_factory=set)
    durable: set = field(default_factory=set)

    def expected(self, worker, claim):
        if self.answer is not None:
            answer = replace(self.answer, usage=()) if self.committed else self.answer
            return Answered(answer, answer.place == claim.place) if claim.fingerprint == self.fingerprint else Reused()
        if self.holder is not None and claim.fingerprint != self.fingerprint:
            return Reused()
        if self.holder is not None and self.holder.worker.living:
            return Taken(by_us=self.holder.worker is worker)
        return Mine(tuple(run for run in self.runs if run.attempts))


class Lives(RuleBasedStateMachine):
    """Workers that claim, begin, answer, commit, give up, are paused, and die, over a few requests."""

    held = Bundle("held")
    answered = Bundle("answered")
    harness_of = None

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.harness = self.do(self._opened())
        self.truths = {request_id: Truth() for request_id in REQUESTS}
        self.workers = [self.born() for _ in range(3)]

    async def _opened(self):
        return type(self).harness_of()

    def do(self, work):
        return self.runner.run(work) if asyncio.iscoroutine(work) else work

    def teardown(self):
        self.do(self.harness.close())
        self.runner.close()

    def journal(self, worker):
        return self.harness.journal(worker.owner)

    def born(self):
        worker = Worker(new_claim().run.id)
        self.wake(worker)
        return worker

    def wake(self, worker):
        worker.living = True
        self.do(self.harness.beat(worker.owner))

    def silence(self, worker):
        worker.living = False
        self.do(self.harness.die(worker.owner))

    def one_that_lives(self, which):
        """Return a worker that lives: a paused one only if there is no other."""
        found = next((worker for worker in self.workers[which:] + self.workers[:which] if worker.living), None)
        if found is None:
            found = self.workers[which]
            self.wake(found)
        return found

    @rule(which=WHICH)
    def pause(self, which):
        self.silence(self.workers[which])

    @rule(which=WHICH)
    def go_on(self, which):
        self.wake(self.workers[which])

    @rule(which=WHICH)
    def kill(self, which):
        """What it holds it holds for ever: nobody can tell it from one that is paused for ever."""
        self.silence(self.workers[which])
        self.workers[which] = self.born()

    @rule(
        target=held,
        which=WHICH,
        request_id=st.sampled_from(REQUESTS),
        place=st.sampled_from("pq"),
        fingerprint=st.sampled_from([b"1"] * 6 + [b"2"]),
        attempts=ATTEMPTS,
    )
    def claim(self, which, request_id, place, fingerprint, attempts):
        worker = self.one_that_lives(which)
        return self.claimed(worker, new_claim(request_id, place, fingerprint), attempts)

    @rule(target=held, one=held, which=WHICH, attempts=ATTEMPTS)
    def take_over(self, one, which, attempts):
        """Whoever has the claim falls silent, and the request is delivered to another, or to itself."""
        self.silence(one.worker)
        again = new_claim(one.claim.request_id, one.claim.place, one.claim.fingerprint)
        return self.claimed(self.one_that_lives(which), again, attempts)

    def claimed(self, worker, claim, attempts):
        truth = self.truths[claim.request_id]
        said = self.do(claim_one(self.journal(worker), claim))
        undurable = truth.begun - truth.durable
        if isinstance(said, Mine):
            assert truth.holder is None or not truth.holder.worker.living, "two living owners"
            assert truth.answer is None, "answered before"
            assert undurable <= events_of(said.interrupted), "an attempt is forgotten"
        elif isinstance(said, Answered) and said.same_place:
            assert undurable <= set(said.answer.usage), "an event is forgotten"
        assert said == truth.expected(worker, claim)
        if not isinstance(said, Mine):
            return multiple()
        truth.fingerprint = claim.fingerprint
        if truth.holder is not None:
            truth.ghosts.append(truth.holder)
        truth.holder = Held(worker, claim, said.interrupted)
        truth.runs.append(claim.run)
        for _ in range(attempts):
            self.begin(truth.holder)
        return truth.holder

    @rule(one=held)
    def attempt(self, one):
        """A worker that was paused for long does not know it."""
        if self.truths[one.claim.request_id].answered_by is not one:
            self.begin(one)

    def begin(self, one):
        truth = self.truths[one.claim.request_id]
        run = replace(one.claim.run, attempts=(*one.attempts, Begun("d", "p", "m", 2, Dearest("v", 10**15, 2, 3))))
        written = self.do(self.harness.write(self.journal(one.worker).mark(one.claim, run)))
        assert written == (truth.holder is one), "fencing"
        if written:
            one.attempts = run.attempts
            truth.runs[-1] = run
            truth.begun |= events_of([run])

    @rule(target=answered, one=held)
    def answer(self, one):
        truth = self.truths[one.claim.request_id]
        answer = Answer(one.claim.run.id.encode() * 50, one.usage(), one.claim.place)
        (stored,) = self.do(self.journal(one.worker).answer([(one.claim, answer)]))
        if truth.holder is one and truth.answer is None:
            truth.answer, truth.answered_by = answer, one
        assert stored == (truth.answered_by is one), "two answers, or none"
        if not stored:
            truth.durable |= set(one.usage())  # what was spent was spent
            return multiple()
        return one

    @rule(one=consumes(answered), tells=st.booleans())
    def commit(self, one, tells):
        """The bus has it; the worker may die before the journal hears of it."""
        truth = self.truths[one.claim.request_id]
        truth.durable |= set(one.usage())
        if tells:
            self.do(self.journal(one.worker).committed([one.claim]))
            truth.committed = True
            self.end(truth)

    @rule(which=WHICH, request_id=st.sampled_from(REQUESTS), place=st.sampled_from("pq"))
    def deliver_again(self, which, request_id, place):
        """A redelivery or a duplicate of something that was answered: publish, commit, tell."""
        truth = self.truths[request_id]
        if truth.answer is None:
            return
        worker = self.one_that_lives(which)
        claim = new_claim(request_id, place, truth.fingerprint)
        said = self.do(claim_one(self.journal(worker), claim))
        assert said == truth.expected(worker, claim)
        self.do(self.journal(worker).committed([claim]))
        if said.same_place:
            truth.durable |= set(said.answer.usage)
            truth.committed = True
            self.end(truth)

    @rule(one=consumes(held))
    def release(self, one):
        """Deferred, after its events are durable."""
        truth = self.truths[one.claim.request_id]
        if truth.answered_by is one:
            return
        truth.durable |= set(one.usage())
        self.do(self.journal(one.worker).release([one.claim]))
        if truth.holder is one:
            self.end(truth)
            truth.fingerprint = None

    def end(self, truth):
        truth.holder, truth.runs = None, []
        for ghost in truth.ghosts:
            self.begin(ghost)  # in vain


@pytest.mark.parametrize("name", STORES)
def test_whatever_workers_do_and_whenever_they_die(request, name):
    class OnIt(Lives):
        harness_of = staticmethod(lambda: a_store(request, name))

    run_state_machine_as_test(
        OnIt, settings=settings(max_examples=50, stateful_step_count=40, deadline=None, database=None)
    )
