"""Both peers of health, asked the same in any order, say the same; and whatever happens, what is promised holds."""

import asyncio
import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from headgate.routing.health.breaker import CLOSED, BreakerRule, HalfOpen, Open, Sign
from headgate.routing.health.rules import BreakerRules, credential_name
from support.admissions import Clock
from support.healths import LEASE, SECOND, MemoryWorld, RedisWorld
from support.valkey import fresh_prefix

#: How many runs; the soak makes more.
RUNS = int(os.environ.get("HEADGATE_TEST_HEALTH_RUNS", "30"))

NAMES = ("d", "e", credential_name("openai"))
WORKERS = ("first", "second")
#: Odd lengths, so that buckets begin at odd times.
RULES = BreakerRules(
    {
        "d": BreakerRule(0.5, 3, 3_333_333, 2 * SECOND, 9 * SECOND),
        "e": BreakerRule(0.34, 1, 10 * SECOND, SECOND // 3, SECOND),
    }
)

names = st.sampled_from(NAMES)
workers = st.sampled_from(WORKERS)


class Healths(RuleBasedStateMachine):
    """Two workers in each of two worlds."""

    url = ""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.chance = 0.0
        self.worlds = (MemoryWorld(self.clock), RedisWorld(self.clock, self.url, fresh_prefix()))
        self.peers = {
            name: [world.worker(name, chance=lambda: self.chance, rules=RULES) for world in self.worlds]
            for name in WORKERS
        }
        self.count = 0
        #: What probes each circuit, by whom, and until when it is waited for whatever happens.
        self.probes = {}
        self.until = dict.fromkeys(NAMES, 0)
        self.exchange_all()

    def do(self, coroutine):
        return self.runner.run(coroutine)

    def exchange(self, worker):
        for world, peer in zip(self.worlds, self.peers[worker], strict=True):
            self.do(world.exchange(peer))

    def exchange_all(self):
        """Let all hear of all: what a worker has not heard of depends on when it last asked, which peers may choose."""
        for worker in WORKERS * 2:
            self.exchange(worker)

    def report(self, worker, name, sign, call, began, pause=0.0):
        for peer in self.peers[worker]:
            peer.report(name, sign, call, began, pause)
        self.exchange(worker)

    def call(self):
        self.count += 1
        return f"call{self.count}"

    @rule(
        worker=workers,
        name=names,
        signs=st.lists(st.sampled_from([Sign.WELL, Sign.ILL]), min_size=1, max_size=4),
        age=st.sampled_from([0, 0, 0, SECOND, 30 * SECOND]),
        chance=st.floats(0, 1, exclude_max=True),
    )
    def calls_end(self, worker, name, signs, age, chance):
        self.chance = chance
        for sign in signs:
            self.report(worker, name, sign, self.call(), self.clock.now - age)

    @rule(worker=workers, name=names, sign=st.sampled_from(Sign), seconds=st.sampled_from([0.3, 2.0, 15.0]))
    def pause(self, worker, name, sign, seconds):
        self.report(worker, name, sign, self.call(), self.clock.now, seconds)

    @rule(worker=workers, name=names, seconds=st.sampled_from([0.5, 60.0]))
    def ask_to_probe(self, worker, name, seconds):
        before = self.peers[worker][0].state(name, self.clock.now)
        call = self.call()
        answers = [self.do(peer.may_probe(name, call, seconds)) for peer in self.peers[worker]]
        assert answers[0] == answers[1]
        after = self.peers[worker][0].state(name, self.clock.now)
        if answers[0] and after is not CLOSED:
            assert isinstance(before, HalfOpen)
            waited_for = self.probes.get(name)
            assert waited_for is None or self.clock.now >= waited_for[2], "two probes at a time"
            self.probes[name] = (worker, call, self.clock.now + min(LEASE, round(seconds * SECOND)))

    @rule(name=names, sign=st.sampled_from(Sign), pause=st.sampled_from([0.0, 0.0, 4.0]))
    def probe_ends(self, name, sign, pause):
        if name in self.probes:
            worker, call, _ = self.probes.pop(name)
            self.report(worker, name, sign, call, self.clock.now, pause)

    @rule(us=st.sampled_from([1, 250_000, SECOND // 3, SECOND, 3 * SECOND, 11 * SECOND, 61 * SECOND]))
    def wait(self, us):
        self.clock.now += us

    @rule(lost=st.sampled_from([False] * 9 + [True]))
    def the_store_is_lost(self, lost):
        if lost:
            self.exchange_all()
            for world in self.worlds:
                self.do(world.lose())
            self.probes.clear()
            for worker in WORKERS:
                self.exchange(worker)

    @rule(name=names)
    def it_heals(self, name):
        """Whatever came before, some time a probe may go, and when it is answered the circuit is closed."""
        for _ in range(3):
            self.exchange_all()
            state = self.peers["first"][0].state(name, self.clock.now)
            if isinstance(state, Open):
                self.clock.now = state.until_us
        if self.peers["first"][0].state(name, self.clock.now) is CLOSED:
            return
        call = self.call()
        for peer in self.peers["first"]:
            assert self.do(peer.may_probe(name, call, 60.0))
        self.report("first", name, Sign.WELL, call, self.clock.now)
        self.probes.pop(name, None)
        assert self.peers["first"][0].state(name, self.clock.now) is CLOSED

    @invariant()
    def all_hear_the_same(self):
        self.exchange_all()
        self.probes = {name: probe for name, probe in self.probes.items() if self.is_waited_for(name)}
        memory, redis = self.peers["first"]
        assert memory.status().circuits == redis.status().circuits
        for name in NAMES:
            states = [peer.state(name, self.clock.now) for both in self.peers.values() for peer in both]
            assert states == states[:1] * 4
        for both in self.peers.values():
            assert both[0].status().openings == both[1].status().openings

    def is_waited_for(self, name):
        circuit = self.peers["first"][0]._desk.circuits.get(name)
        worker, call, _ = self.probes[name]
        if circuit is None or circuit.probe != call:
            return False
        self.probes[name] = (worker, call, circuit.lease_us)
        return True

    @invariant()
    def no_cooldown_is_shortened(self):
        for name in NAMES:
            circuit = self.peers["first"][0]._desk.circuits.get(name)
            if circuit is not None:
                assert circuit.until_us >= self.until[name]
                self.until[name] = circuit.until_us
            else:
                assert self.until[name] <= self.clock.now or self.until[name] == 0

    def teardown(self):
        try:
            self.do(self.worlds[1].close())
        finally:
            self.runner.close()


def test_both_peers_say_the_same_and_hold_what_was_promised(valkey_url):
    machine = type("Healths", (Healths,), {"url": valkey_url})
    quiet = settings(
        max_examples=RUNS,
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(machine, settings=quiet)
