"""Circuits: what opens them, what closes them, and what can do neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headgate.routing.health.breaker import (
    CLOSED,
    HALF_OPEN,
    NEW,
    BreakerRule,
    Circuit,
    Open,
    Sign,
    cooldown_us,
    counted,
    is_forgettable,
    leased,
    paused,
    probed,
    state_of,
)
from headgate.routing.health.rules import CREDENTIAL_RULE

SECOND = 1_000_000
START = 1_800_000_000 * SECOND
RULE = BreakerRule(0.5, 4, 10 * SECOND, 5 * SECOND, 20 * SECOND)

rules = st.builds(
    lambda ratio, minimum, window, cooldown, most: BreakerRule(
        ratio, minimum, window * SECOND, cooldown * SECOND, (cooldown + most) * SECOND
    ),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    st.integers(1, 30),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 600),
)
chances = st.floats(0, 1, exclude_max=True)


def opened(rule=RULE, now=START, level=1):
    """A circuit that has opened so often in a row, the last time now."""
    circuit = counted(NEW, rule, now, 0, rule.minimum, 0.0)
    while circuit.level < level:
        circuit = probed(leased(circuit, circuit.until_us, "p", SECOND), rule, circuit.until_us, "p", Sign.ILL, 0.0)
    return circuit


def test_a_circuit_that_nobody_has_used_is_closed():
    assert state_of(NEW, START) is CLOSED
    assert is_forgettable(NEW, START)


def test_it_opens_when_enough_calls_were_made_and_enough_of_them_failed():
    few = counted(NEW, RULE, START, 0, 3, 0.0)
    assert state_of(few, START) is CLOSED
    assert state_of(counted(few, RULE, START, 1, 0, 0.0), START) == Open(START + 5 * SECOND)  # three of four
    many = counted(NEW, RULE, START, 4, 3, 0.0)
    assert state_of(many, START) is CLOSED
    assert state_of(counted(many, RULE, START, 0, 1, 0.0), START) == Open(START + 5 * SECOND)  # four of eight


def test_calls_are_forgotten_when_the_window_has_passed():
    circuit = counted(NEW, RULE, START, 0, 3, 0.0)
    assert counted(circuit, RULE, START + 9 * SECOND, 0, 1, 0.0).level == 1
    assert counted(circuit, RULE, START + 10 * SECOND, 0, 1, 0.0).level == 0


def test_the_cooldown_doubles_with_each_probe_that_fails_and_is_bounded():
    assert [cooldown_us(RULE, level, 0.0) // SECOND for level in (1, 2, 3, 4, 1_000_000)] == [5, 10, 20, 20, 20]
    assert 5 * SECOND < cooldown_us(RULE, 1, 0.99) < 5.5 * SECOND
    circuit = opened(level=3)
    assert circuit.until_us == START + (5 + 10 + 20) * SECOND


def test_one_fault_of_a_credential_pauses_it_for_a_minute_and_then_for_longer_up_to_an_hour():
    circuit = counted(NEW, CREDENTIAL_RULE, START, 1_000, 1, 0.0)
    assert circuit.until_us == START + 60 * SECOND
    assert [cooldown_us(CREDENTIAL_RULE, level, 0.5) // SECOND for level in (7, 8)] == [3600, 3600]
    assert cooldown_us(CREDENTIAL_RULE, 6, 0.0) == 60 * 32 * SECOND


def test_successes_alone_open_nothing_whatever_the_ratio():
    rule = BreakerRule(0.0, 1, SECOND, SECOND, SECOND)
    assert counted(NEW, rule, START, 100, 0, 0.0).level == 0


def test_after_the_cooldown_one_call_may_probe_and_no_other():
    circuit = opened()
    due = circuit.until_us
    assert leased(circuit, due - 1, "p", SECOND) is None
    assert state_of(circuit, due) is HALF_OPEN
    probing = leased(circuit, due, "p", SECOND)
    assert state_of(probing, due) == Open(due + SECOND)
    assert leased(probing, due, "q", SECOND) is None
    assert leased(probing, due, "p", 3 * SECOND).lease_us == due + 3 * SECOND  # it goes on


def test_a_probe_that_is_not_heard_of_gives_way_to_the_next():
    probing = leased(opened(), START + 5 * SECOND, "p", SECOND)
    due = probing.lease_us
    assert state_of(probing, due) is HALF_OPEN
    next_one = leased(probing, due, "q", SECOND)
    assert next_one.probe == "q"
    assert probed(next_one, RULE, due, "p", Sign.WELL, 0.0) is next_one
    assert leased(next_one, due, "p", SECOND) is None


def test_a_probe_that_is_answered_closes_the_circuit_and_forgets_the_window():
    probing = leased(opened(level=3), START + 35 * SECOND, "p", SECOND)
    closed = probed(probing, RULE, START + 35 * SECOND, "p", Sign.WELL, 0.0)
    assert state_of(closed, START + 35 * SECOND) is CLOSED
    assert (closed.level, closed.window) == (0, ())
    assert is_forgettable(closed, START + 35 * SECOND)


def test_a_probe_that_was_given_up_leaves_its_place_to_another():
    probing = leased(opened(), START + 5 * SECOND, "p", SECOND)
    free = probed(probing, RULE, START + 5 * SECOND, "p", Sign.NONE, 0.0)
    assert state_of(free, START + 5 * SECOND) is HALF_OPEN
    assert free.level == 1


def test_a_call_without_a_name_is_no_probe():
    assert leased(opened(), START, "", SECOND) is None
    assert probed(opened(), RULE, START, "", Sign.WELL, 0.0) == opened()


def test_a_pause_ends_without_a_probe():
    circuit = paused(NEW, START + SECOND)
    assert state_of(circuit, START) == Open(START + SECOND)
    assert state_of(circuit, START + SECOND) is CLOSED
    assert not is_forgettable(circuit, START)


def test_a_pause_outlasts_a_probe_that_is_answered():
    probing = leased(opened(), START + 5 * SECOND, "p", SECOND)
    closed = probed(paused(probing, START + 60 * SECOND), RULE, START + 6 * SECOND, "p", Sign.WELL, 0.0)
    assert state_of(closed, START + 6 * SECOND) == Open(START + 60 * SECOND)
    assert state_of(closed, START + 60 * SECOND) is CLOSED


def test_a_circuit_that_nobody_probes_for_a_day_is_forgotten():
    circuit = opened()
    assert not is_forgettable(circuit, circuit.until_us + 86_400 * SECOND)
    assert is_forgettable(circuit, circuit.until_us + 86_400 * SECOND + 1)


@pytest.mark.parametrize("back", [1, 5, 9, 10, 1_000_000])
def test_a_clock_that_goes_back_leaves_a_window_that_slides(back):
    circuit = counted(NEW, RULE, START, 0, 1, 0.0)
    circuit = counted(circuit, RULE, START - back * SECOND, 1, 0, 0.0)
    circuit = counted(circuit, RULE, START + 20 * SECOND, 1, 0, 0.0)
    assert [(bucket.well, bucket.ill) for bucket in circuit.window] == [(1, 0)]


def test_a_clock_that_goes_far_back_begins_a_new_window():
    circuit = counted(NEW, RULE, START, 0, 3, 0.0)
    circuit = counted(circuit, RULE, START - 60 * SECOND, 0, 3, 0.0)
    circuit = counted(circuit, RULE, START - 40 * SECOND, 0, 3, 0.0)
    assert circuit.level == 0


@given(
    rules,
    st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30),
    chances,
)
def test_it_opens_if_and_only_if_ratio_and_minimum_are_reached_in_the_window(rule, steps, chance):
    """Against a naive count over all calls there were."""
    circuit, now, calls = NEW, START, []
    for wait, well, ill in steps:
        now += wait
        calls.append((now // rule.bucket_us, well, ill))
        recent = [call for call in calls if call[0] > now // rule.bucket_us - 10]
        failures, total = sum(call[2] for call in recent), sum(call[1] + call[2] for call in recent)
        circuit = counted(circuit, rule, now, well, ill, chance)
        must = failures > 0 and total >= rule.minimum and failures / total >= rule.failure_ratio
        assert (circuit.level == 1) is must
        if must:
            assert now < circuit.until_us <= now + rule.max_cooldown_us
            return


class Breaker(RuleBasedStateMachine):
    """A circuit, and those who call: whatever they do, in any order."""

    def __init__(self):
        super().__init__()
        self.circuit = NEW
        self.now = START
        #: Calls that believe to be the probe.
        self.probes = {}
        self.count = 0

    def become(self, circuit):
        assert circuit.until_us >= self.circuit.until_us, "a cooldown was shortened"
        self.circuit = circuit

    @rule(us=st.integers(0, 30 * SECOND))
    def wait(self, us):
        self.now += us

    @rule(well=st.integers(0, 5), ill=st.integers(0, 5), chance=chances)
    def count_calls(self, well, ill, chance):
        before = self.circuit
        self.become(counted(before, RULE, self.now, well, ill, chance))
        if before.level:
            assert self.circuit == before, "a call that was no probe was believed"

    @rule(us=st.integers(0, 40 * SECOND))
    def pause(self, us):
        self.become(paused(self.circuit, self.now + us))

    @rule()
    def ask_to_probe(self):
        self.count += 1
        call = f"call{self.count}"
        probing = leased(self.circuit, self.now, call, 10 * SECOND)
        waited_for = [name for name, until in self.probes.items() if self.now < until]
        may = state_of(self.circuit, self.now) is HALF_OPEN
        assert (probing is not None) is may
        if probing is not None:
            assert not waited_for, "two probes at a time"
            self.probes[call] = self.now + 10 * SECOND
            self.become(probing)

    @precondition(lambda self: self.probes)
    @rule(data=st.data(), sign=st.sampled_from(Sign), chance=chances)
    def end_probe(self, data, sign, chance):
        call = data.draw(st.sampled_from(sorted(self.probes)))
        del self.probes[call]
        before = self.circuit
        self.become(probed(before, RULE, self.now, call, sign, chance))
        if before.probe != call:
            assert self.circuit == before, "a probe that nobody waits for was believed"
        elif sign is Sign.WELL:
            assert (self.circuit.level, self.circuit.window) == (0, ())
        elif sign is Sign.ILL:
            assert self.circuit.level == before.level + 1
            assert self.circuit.until_us > self.now

    @invariant()
    def it_lets_a_probe_through_some_time_and_closes_when_that_is_answered(self):
        circuit = self.circuit
        if circuit.level:
            due = max(self.now, circuit.blocked_us)
            assert due <= max(self.now, circuit.until_us, circuit.lease_us)
            probing = leased(circuit, due, "last", SECOND)
            assert probing is not None
            assert state_of(probed(probing, RULE, due, "last", Sign.WELL, 0.0), due) is CLOSED

    @invariant()
    def what_it_says_agrees_with_what_it_is(self):
        state = state_of(self.circuit, self.now)
        if isinstance(state, Open):
            assert state.until_us > self.now
        else:
            assert (state is HALF_OPEN) is (self.circuit.level > 0)
        assert isinstance(self.circuit, Circuit)


TestBreaker = Breaker.TestCase
