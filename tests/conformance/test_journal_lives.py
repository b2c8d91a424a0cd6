"""Whatever workers do with a journal, and whenever they die: every claim is answered as the truth has it."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from conformance.journal_harness import STORES, a_store, claim_one, new_claim
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test

from headgate.workers.journal.claims import Answer, Answered, Claim, Mine, Reused, Run, Taken


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
    attempts: tuple[str, ...] = ()

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

    def end(self):
        self.holder, self.runs = None, []


class Lives(RuleBasedStateMachine):
    """Workers that claim, begin, answer, commit, give up, are paused, and die, over a few requests."""

    workers = Bundle("workers")
    held = Bundle("held")
    answered = Bundle("answered")
    harness_of = None

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.harness = self.do(self._opened())
        self.truths = {request_id: Truth() for request_id in ("r", "s")}

    async def _opened(self):
        return type(self).harness_of()

    def do(self, work):
        return self.runner.run(work) if asyncio.iscoroutine(work) else work

    def teardown(self):
        self.do(self.harness.close())
        self.runner.close()

    def journal(self, worker):
        return self.harness.journal(worker.owner)

    @rule(target=workers)
    def start(self):
        worker = Worker(new_claim().run.id)
        self.do(self.harness.beat(worker.owner))
        return worker

    @rule(worker=workers)
    def pause(self, worker):
        worker.living = False
        self.do(self.harness.die(worker.owner))

    @rule(worker=workers)
    def wake(self, worker):
        worker.living = True
        self.do(self.harness.beat(worker.owner))

    @rule(worker=consumes(workers))
    def kill(self, worker):
        worker.living = False
        self.do(self.harness.die(worker.owner))

    @rule(
        target=held,
        worker=workers,
        request_id=st.sampled_from("rs"),
        place=st.sampled_from("pq"),
        fingerprint=st.sampled_from([b"1", b"1", b"1", b"2"]),
    )
    def claim(self, worker, request_id, place, fingerprint):
        if not worker.living:
            return multiple()
        truth = self.truths[request_id]
        claim = new_claim(request_id, place, fingerprint)
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
        truth.fingerprint = fingerprint
        truth.holder = Held(worker, claim, said.interrupted)
        truth.runs.append(claim.run)
        return truth.holder

    @rule(one=held)
    def attempt(self, one):
        """A worker that was paused for long does not know it."""
        truth = self.truths[one.claim.request_id]
        if truth.answer is not None and truth.holder is one:
            return  # it knows that it has answered
        run = replace(one.claim.run, attempts=(*one.attempts, "d"))
        written = self.do(self.harness.write(self.journal(one.worker).mark(one.claim, run)))
        assert written == (truth.holder is one), "fencing"
        if written:
            one.attempts = run.attempts
            truth.runs[-1] = run
            truth.begun |= events_of([run])

    @rule(target=answered, one=consumes(held))
    def answer(self, one):
        truth = self.truths[one.claim.request_id]
        answer = Answer(one.claim.run.id.encode() * 50, one.usage(), one.claim.place)
        (stored,) = self.do(self.journal(one.worker).answer([(one.claim, answer)]))
        ours = truth.holder is one and truth.answer is None
        assert stored == ours, "two answers, or none"
        if not stored:
            truth.durable |= set(one.usage())  # what was spent was spent
            return multiple()
        truth.answer = answer
        return one

    @rule(one=consumes(answered), tells=st.booleans())
    def commit(self, one, tells):
        """The bus has it; the worker may die before the journal hears of it."""
        truth = self.truths[one.claim.request_id]
        truth.durable |= set(one.usage())
        if tells:
            self.do(self.journal(one.worker).committed([one.claim]))
            truth.committed = True
            truth.end()

    @rule(worker=workers, request_id=st.sampled_from("rs"), place=st.sampled_from("pq"))
    def deliver_again(self, worker, request_id, place):
        """A redelivery or a duplicate of something that was answered: publish, commit, tell."""
        truth = self.truths[request_id]
        if truth.answer is None or not worker.living:
            return
        claim = new_claim(request_id, place, truth.fingerprint)
        said = self.do(claim_one(self.journal(worker), claim))
        assert said == truth.expected(worker, claim)
        self.do(self.journal(worker).committed([claim]))
        if said.same_place:
            truth.durable |= set(said.answer.usage)
            truth.committed = True
            truth.end()

    @rule(one=consumes(held))
    def release(self, one):
        """Deferred, after its events are durable."""
        truth = self.truths[one.claim.request_id]
        truth.durable |= set(one.usage())
        self.do(self.journal(one.worker).release([one.claim]))
        if truth.holder is one:
            truth.end()
            truth.fingerprint = None


@pytest.mark.parametrize("name", STORES)
def test_whatever_workers_do_and_whenever_they_die(request, name):
    class OnIt(Lives):
        harness_of = staticmethod(lambda: a_store(request, name))

    run_state_machine_as_test(
        OnIt, settings=settings(max_examples=80, stateful_step_count=40, deadline=None, database=None)
    )
