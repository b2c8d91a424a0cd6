"""Admission's peers under anything that workers, the recorder, the clock and a lost store can do, in any order.

The Redis peer answers as the model in memory does, word for word, and what both granted is audited from outside.
"""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from headgate.routing.admission.demand import (
    BudgetWindow,
    Charge,
    Correction,
    Demand,
    Hold,
    Mark,
    ParallelLimit,
    RateLimit,
)
from headgate.routing.admission.verdict import Exhausted, Fenced, Go, NotReady, Stale, Wait
from headgate.workers.admission.port import Posting, Spent, Taken
from support.admission_audit import Audit
from support.admissions import DEAD_AFTER, START, Clock, MemoryWorld, RedisWorld
from support.valkey import fresh_prefix

#: How many runs; the soak makes more.
RUNS = int(os.environ.get("HEADGATE_TEST_ADMISSION_RUNS", "20"))

SECOND = 1_000_000
RATES = (
    RateLimit("second", 5, SECOND, 2, watched=True),
    RateLimit("odd", 30, 3_333_333, 30, watched=True),
    RateLimit("minute", 100, 60 * SECOND, 10),
    RateLimit("shared", 4, SECOND, 4, 62_500, watched=True),
)
PARALLELS = (ParallelLimit("few", 2), ParallelLimit("more", 4))
WINDOWS = (
    BudgetWindow("hour", START - SECOND, START + 3599 * SECOND, 150),
    BudgetWindow("total", 0, None, 1000),
)
REQUESTS = ("r0", "r1", "r2")
THRESHOLDS = {"hour": [0.5, 1.0], "total": [0.2]}

charges = st.lists(st.tuples(st.sampled_from(RATES), st.integers(0, 5)), max_size=3, unique_by=lambda c: c[0].name)
demands = st.builds(
    lambda rates, parallel, holds, request, earliest, latest, calls: (
        tuple(Charge(limit, amount) for limit, amount in rates),
        tuple(parallel),
        tuple(Hold(window, amount) for window, amount in holds),
        request,
        earliest,
        latest,
        calls,
    ),
    charges,
    st.lists(st.sampled_from(PARALLELS), max_size=2, unique=True),
    st.lists(
        st.tuples(st.sampled_from(WINDOWS), st.sampled_from([0, 1, 10, 60])), max_size=2, unique_by=lambda h: h[0].name
    ),
    st.sampled_from([None, None, None, *REQUESTS]),
    st.sampled_from([0, 0, 0, 0, 0, 0, 500_000, 30 * SECOND]),
    st.sampled_from([None, None, None, None, None, 100_000, 5 * SECOND]),
    st.sampled_from([1, 1, 1, 2, 3]),
)


class Admissions(RuleBasedStateMachine):
    """Both peers, asked the same."""

    tickets = Bundle("tickets")
    url = ""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.memory = MemoryWorld(self.clock)
        self.redis = RedisWorld(self.clock, self.url, fresh_prefix())
        self.memory._prefix = self.redis._prefix
        self.audit = Audit()
        self.count = 0
        self.lives = 0
        self.cursor = None
        self.workers = {}
        #: What both peers have told of watched limits.
        self.told, self.levels = ([], []), [[], []]
        for name in ("a", "b"):
            self.start(name)
        self.open(ready=True)

    def do(self, coroutine):
        return self.runner.run(coroutine)

    def both(self, ask):
        """Do something in both worlds, and return what both say."""
        expected, given = self.do(ask(self.memory, 0)), self.do(ask(self.redis, 1))
        assert given == expected
        return expected

    def start(self, name):
        self.workers[name] = (self.memory.worker(name), self.redis.worker(name))
        for place, peer in enumerate(self.workers[name]):
            peer.listen(lambda levels, asked, place=place: self.told[place].append((levels, dict(asked))))

    def next(self, word):
        self.count += 1
        return f"{word}{self.count}"

    # Workers ask

    def demand(self, shape, ticket=None):
        rates, parallel, holds, request, earliest, latest, calls = shape
        mark = None
        attempt = self.next("attempt")
        if request is not None:
            mark = Mark(self.redis.run_key(request), b"run-" + attempt.encode(), b"run-")
        return Demand(
            attempt,
            rates,
            parallel,
            holds,
            mark,
            self.clock.now + earliest if earliest else 0,
            2**53 if latest is None else self.clock.now + latest,
            ticket,
            calls,
        )

    def ask(self, worker, asked):
        async def acquire(_, place):
            verdicts = list(await self.workers[worker][place].acquire(asked))
            self.levels[place] = sorted(self.told[place].pop()[0], key=str) if self.told[place] else []
            return verdicts, [(level.limit, level.taken) for level in self.levels[place]]

        verdicts, _ = self.both(acquire)
        self.audit.check_levels(*self.levels, RATES, self.clock.now)
        known = {attempt.demand.attempt_id for attempt in self.audit.log}
        for demand, verdict in zip(asked, verdicts, strict=True):
            if isinstance(verdict, Go) and demand.attempt_id not in known:
                self.audit.granted(worker, demand, verdict.at_us)
            if isinstance(verdict, Fenced):
                for attempt in self.audit.log:
                    if attempt.demand.attempt_id == demand.attempt_id:
                        attempt.in_call = False
        return verdicts

    @rule(target=tickets, worker=st.sampled_from("ab"), shapes=st.lists(demands, min_size=2, max_size=5))
    def acquire(self, worker, shapes):
        return self.acquired(worker, shapes)

    @rule(target=tickets, worker=st.sampled_from("ab"), shape=demands, count=st.integers(1, 12))
    def acquire_alike(self, worker, shape, count):
        return self.acquired(worker, [shape] * count)

    def acquired(self, worker, shapes):
        asked = [self.demand(shape) for shape in shapes]
        for shape, demand, verdict in zip(shapes, asked, self.ask(worker, asked), strict=True):
            if isinstance(verdict, Wait):
                return (shape, demand, verdict.ticket_us, self.lives)
        return multiple()

    @rule(worker=st.sampled_from("ab"), ticket=consumes(tickets), late=st.sampled_from([0, 0, 0, 40_000, 260_000]))
    def redeem(self, worker, ticket, late):
        shape, _, at_us, life = ticket
        if self.clock.now < at_us:
            (verdict,) = self.ask(worker, [self.demand(shape, at_us)])
            early = isinstance(verdict, Wait | Fenced | NotReady | Exhausted | Stale)
            assert early or life != self.lives, "a slot that has not come was given"
            self.move(max(0, -(-(at_us + late - self.clock.now) // 1000) * 1000))
        self.ask(worker, [self.demand(shape, at_us)])

    @rule(worker=st.sampled_from("ab"), ticket=consumes(tickets))
    def cancel(self, worker, ticket):
        if ticket[2] < self.clock.now:
            return
        for place, world in enumerate((self.memory, self.redis)):
            self.workers[worker][place].cancel(ticket[1], ticket[2])
            self.do(world.flush(self.workers[worker][place]))

    @rule(data=st.data(), worker=st.sampled_from("ab"))
    def ask_again(self, data, worker):
        mine = [attempt for attempt in self.audit.lasting if attempt.worker == worker and attempt.in_call]
        if mine:
            attempt = data.draw(st.sampled_from(mine))
            self.ask(worker, [attempt.demand])

    # Workers tell

    @rule(data=st.data(), times=st.integers(1, 2))
    def finish(self, data, times):
        lasting = [attempt for attempt in self.audit.lasting if attempt.in_call]
        if not lasting:
            return
        attempt = data.draw(st.sampled_from(lasting))
        corrections = [
            Correction(charge.limit, data.draw(st.integers(-charge.amount, 3))) for charge in attempt.demand.charges
        ]
        for _ in range(times):
            for place, world in enumerate((self.memory, self.redis)):
                admission = self.workers[attempt.worker][place]
                admission.finish(attempt.demand.attempt_id, corrections)
                self.do(world.flush(admission))
        attempt.in_call = False
        attempt.less = {correction.limit.name: max(0, -correction.delta) for correction in corrections}

    @rule(data=st.data(), times=st.integers(1, 2))
    def settle(self, data, times):
        unsettled = [attempt for attempt in self.audit.log if attempt.cost is None]
        for attempt in data.draw(st.lists(st.sampled_from(unsettled), unique_by=id, max_size=6)) if unsettled else ():
            cost = [data.draw(st.integers(0, hold.amount)) for hold in attempt.demand.holds]
            for _ in range(times):
                self.settle_one(attempt, cost)

    def settle_one(self, attempt, cost):
        for place, world in enumerate((self.memory, self.redis)):
            admission = self.workers[attempt.worker][place]
            admission.settle(attempt.demand.attempt_id, cost)
            self.do(world.flush(admission))
        attempt.cost = tuple(cost)

    # The recorder

    @rule(data=st.data(), times=st.integers(1, 2))
    def apply(self, data, times):
        durable = [attempt for attempt in self.audit.log if attempt.cost is not None and not attempt.applied]
        if durable:
            some = data.draw(st.lists(st.sampled_from(durable), unique_by=id, max_size=6))
            self.post(some, times)

    def post(self, some, times=1):
        postings = [
            Posting(
                attempt.demand.attempt_id,
                [Spent(hold.window, cost) for hold, cost in zip(attempt.demand.holds, attempt.cost, strict=True)],
            )
            for attempt in some
        ]
        after = self.next("cursor")
        before, self.cursor = self.cursor, after
        for _ in range(times):

            async def apply(world, _):
                return await world.book.apply(f"e{self.lives}", {"0": (before, after)}, postings, THRESHOLDS)

            assert self.both(apply) is not None
        for attempt in some:
            self.audit.apply(attempt)

    def apply_to_another_book(self):
        async def apply(world, _):
            return await world.book.apply("e?", {"0": (self.cursor, "x")}, [Posting("x", [Spent(WINDOWS[0], 1)])], {})

        assert self.both(apply) is None

    def lose(self, ready):
        """The store is lost; the recorder catches up with what is durable, and opens the book anew."""
        self.do(self.memory.lose())
        self.do(self.redis.lose())
        self.ask("a", [Demand(self.next("attempt"), parallel=(PARALLELS[0],))])
        for attempt in self.audit.log:
            if attempt.cost is not None and not attempt.applied:
                self.audit.apply(attempt)
            attempt.void = False
        self.open(ready=ready)
        if not ready:
            verdicts = self.ask("b", [Demand(self.next("attempt"), parallel=(PARALLELS[0],))])
            assert verdicts == [NotReady()]
            self.ready()

    def open(self, *, ready):
        self.lives += 1
        spent = [Spent(window, amount) for window, amount in self.audit.settled.items()]
        taken = [
            Taken(charge.limit, attempt.at_us, charge.amount - attempt.less.get(charge.limit.name, 0))
            for attempt in self.audit.log
            if not attempt.in_call
            for charge in attempt.demand.charges
        ]
        self.cursor = self.next("cursor")

        async def begin(world, _):
            await world.book.open(f"e{self.lives}", {"0": self.cursor}, spent, taken)
            return await world.book.state()

        self.both(begin)
        self.beat_all()
        if ready:
            self.ready()

    def ready(self):
        async def ready(world, _):
            return await world.book.ready(f"e{self.lives}")

        assert self.both(ready) is True

    # What seldom happens

    @rule(
        data=st.data(),
        worker=st.sampled_from("ab"),
        what=st.sampled_from(["claim"] * 4 + ["silence"] * 2 + ["other", "lose"]),
    )
    def trouble(self, data, worker, what):
        match what:
            case "claim":
                self.claim(data.draw(st.sampled_from(REQUESTS)), data.draw(st.sampled_from([b"run-", b"other-", b""])))
            case "silence":
                self.be_silent(worker)
            case "other":
                self.apply_to_another_book()
            case "lose":
                self.lose(ready=data.draw(st.booleans()))

    # Time, and silence

    def beat_all(self, but=None):
        for name, peers in self.workers.items():
            if name != but:
                for world, peer in zip((self.memory, self.redis), peers, strict=True):
                    self.do(world.beat(peer))

    def move(self, us):
        self.clock.now += us
        self.beat_all()

    @rule(ms=st.sampled_from([1, 31, 32, 250, 250, 1000, 1000, 1031, 4000, 9000, 61_000]))
    def wait(self, ms):
        self.move(ms * 1000)

    def be_silent(self, who):
        """One worker is taken for dead, and comes back."""
        for _ in range(5):
            self.clock.now += 5 * SECOND
            self.beat_all(but=who)
        for attempt in self.audit.log:
            attempt.void = attempt.void or attempt.worker == who
        self.beat_all()

    def claim(self, request, entry):
        self.do(self.memory.claim(request, entry))
        self.do(self.redis.claim(request, entry))

    # What must hold after each step

    @invariant()
    def nothing_is_exceeded(self):
        self.audit.check_budgets(WINDOWS)
        self.audit.check_parallel(PARALLELS)
        self.audit.check_rates(RATES)

    @invariant()
    def the_books_agree(self):
        budgets = {window: (self.audit.settled.get(window, 0), self.audit.held(window)) for window in WINDOWS}
        for world in (self.memory, self.redis):
            assert self.do(world.budgets(WINDOWS)) == budgets

        async def rest(world, _):
            parallel = [await world.in_parallel(parallel.name) for parallel in PARALLELS]
            return parallel, [await world.runs(request) for request in REQUESTS]

        self.both(rest)

    def teardown(self):
        try:
            self.finish_all()
        finally:
            self.do(self.redis.close())
            self.runner.close()

    def finish_all(self):
        """When all is over nothing is left behind."""
        for attempt in self.audit.lasting:
            for place, world in enumerate((self.memory, self.redis)):
                admission = self.workers[attempt.worker][place]
                admission.finish(attempt.demand.attempt_id, ())
                self.do(world.flush(admission))
            attempt.in_call = False
            if attempt.cost is None:
                self.settle_one(attempt, [hold.amount for hold in attempt.demand.holds])
            if not attempt.applied:
                self.post([attempt])
        for world in (self.memory, self.redis):
            assert self.do(world.left()) == []
            budgets = {window: (self.audit.settled.get(window, 0), 0) for window in WINDOWS}
            assert self.do(world.budgets(WINDOWS)) == budgets


def run_with(url, runs):
    machine = type("Admissions", (Admissions,), {"url": url})
    quiet = settings(
        max_examples=runs,
        stateful_step_count=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
        phases=[Phase.generate],  # shrinking takes minutes, and says little more
    )
    run_state_machine_as_test(machine, settings=quiet)


def test_both_peers_say_the_same_and_hold_what_was_promised(valkey_url):
    assert DEAD_AFTER == 10
    run_with(valkey_url, RUNS)


@pytest.mark.soak
def test_both_peers_say_the_same_for_long(valkey_url):
    run_with(valkey_url, 50 * RUNS)
