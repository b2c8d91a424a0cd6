"""The virtual gate: what it lets in holds every limit, and is when the gateway's own store would let it in."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.routing.admission.calendar import earliest, slot_at
from headgate.routing.admission.demand import Charge, Demand, ParallelLimit, RateLimit
from headgate.routing.admission.rules import AtLimit, BudgetRule, RateRule, Unit
from headgate.routing.admission.step import Elsewhere, Fallback
from headgate.routing.admission.taking import Amounts
from headgate.routing.admission.verdict import Go, Wait
from headgate.routing.admission.windows import Per
from headgate.routing.forecast.calendars import Calendars
from headgate.routing.forecast.gate import Asked, LetIn, VirtualGate
from headgate.routing.forecast.held import Held, Use
from headgate.schemas.failures import Code, Failure
from headgate.workers.admission.memory_store import MemoryStore
from headgate.workers.admission.port import Phase

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
#: The begin of an hour, and of a slot of a minute's limit.
START = 1_800_000_000 * SECOND
FOREVER = START + 10**15


def rate(limit, period_us=MINUTE, burst=None, name="requests"):
    return RateLimit(name, limit, period_us, burst or limit)


def held(*rates, parallel=(), budgets=(), policies=None):
    return Held(tuple(rates), tuple(parallel), tuple(budgets), policies)


def budget(limit, unit=Unit.USD, per=Per.HOUR, at_limit=AtLimit.DEFER, name="key:k:usd/hour"):
    return BudgetRule(name, unit, limit, per, "UTC", (), at_limit)


def use(tokens=10, cost=1, worst=None, seconds=1.0):
    return Use(Amounts(tokens, 0, cost), Amounts(tokens, 0, cost if worst is None else worst), round(seconds * SECOND))


def begins(gate, count, its, takes=None, deadline_us=FOREVER):
    ways = [gate.enter(its, takes or use(), Asked(START, deadline_us)) for _ in range(count)]
    return [(way.at_us - START) / SECOND if isinstance(way, LetIn) else way for way in ways]


def gate():
    return VirtualGate(10 * SECOND)


# by hand


def test_ten_calls_of_three_seconds_two_at_a_time_take_fifteen():
    its = held(parallel=[ParallelLimit("calls", 2)])
    assert begins(gate(), 10, its, use(seconds=3)) == [0, 0, 3, 3, 6, 6, 9, 9, 12, 12]


def test_three_calls_at_once_take_three_of_a_limit_and_three_places_and_one_of_the_room():
    thrice = Use(Amounts(1, 0, 0, 3), Amounts(1, 0, 0, 3), 3 * SECOND)
    assert begins(gate(), 3, held(parallel=[ParallelLimit("calls", 4)]), thrice) == [0, 3, 6]
    assert begins(gate(), 3, held(RateRule(Unit.REQUESTS, rate(6))), thrice) == [0, 0, 33 * 1.875]
    assert begins(gate(), 5, Held(room=ParallelLimit("in_flight", 2)), thrice) == [0, 0, 3, 3, 6]
    (why,) = begins(gate(), 1, held(parallel=[ParallelLimit("calls", 2)]), thrice)
    assert (why.code, why.expected, why.given) == (Code.LIMIT_TOO_SMALL, "at most 2 of calls", "3")


def test_the_thirteenth_of_twelve_a_minute_goes_when_no_window_of_a_minute_holds_thirteen():
    its = held(RateRule(Unit.REQUESTS, rate(12)))
    # a slot is 1.875 s, and a window touches 33 of them
    assert begins(gate(), 25, its) == [0] * 12 + [33 * 1.875] * 12 + [66 * 1.875]


def test_tokens_are_counted_as_they_are_expected():
    its = held(RateRule(Unit.TOKENS, rate(100, name="tokens")))
    assert begins(gate(), 4, its, use(tokens=50)) == [0, 0, 33 * 1.875, 33 * 1.875]


def test_a_budget_of_three_an_hour_lets_three_in_at_the_begin_of_every_hour():
    assert begins(gate(), 7, held(budgets=[budget(3)])) == [0, 0, 0, 3600, 3600, 3600, 7200]


def test_a_worst_case_is_held_while_the_call_lasts_and_no_longer():
    # 100 hold 40 each at worst, and cost 10: two at a time fit at first, then there is less and less room
    its = held(budgets=[budget(100)])
    assert begins(gate(), 5, its, use(cost=10, worst=40, seconds=2)) == [0, 0, 2, 2, 4]


def test_a_wait_names_the_limit_that_was_waited_for_last():
    its = held(RateRule(Unit.REQUESTS, rate(1)), parallel=[ParallelLimit("calls", 1)])
    ours = gate()
    ways = [ours.enter(its, use(seconds=100), Asked(START, FOREVER)) for _ in range(2)]
    assert [way.limit for way in ways] == [None, "calls"]


# what cannot be


def test_what_is_more_than_a_limit_ever_gives_is_refused():
    (why,) = begins(gate(), 1, held(RateRule(Unit.TOKENS, rate(5))))
    assert (why.code, why.expected, why.given) == (Code.LIMIT_TOO_SMALL, "at most 5 of requests", "10")


def test_who_would_be_let_in_after_the_deadline_is_refused_and_takes_nothing():
    its, ours = held(RateRule(Unit.REQUESTS, rate(1))), gate()
    ways = begins(ours, 3, its, deadline_us=START + 30 * SECOND)
    assert ways[0] == 0
    assert [way.code for way in ways[1:]] == [Code.DEADLINE_EXCEEDED] * 2
    assert begins(ours, 1, its) == [33 * 1.875]


def test_a_place_that_comes_free_after_the_deadline_is_refused():
    its = held(parallel=[ParallelLimit("calls", 1)])
    ways = begins(gate(), 2, its, use(seconds=60), deadline_us=START + 30 * SECOND)
    assert ways[1].code is Code.DEADLINE_EXCEEDED
    assert ways[1].given == "no room before the deadline in calls"


def test_a_spent_budget_refuses_or_sends_on_as_it_says():
    name = budget(3).name
    (*_, refused) = begins(gate(), 4, held(budgets=[budget(3)], policies={name: False}))
    assert isinstance(refused, Failure)
    assert refused.code is Code.BUDGET_EXCEEDED
    (*_, sent_on) = begins(gate(), 4, held(budgets=[budget(3)], policies={name: Fallback("tiny")}))
    assert sent_on == Elsewhere("tiny")
    (*_, total) = begins(gate(), 4, held(budgets=[budget(3, per=Per.TOTAL)]))
    assert total.code is Code.BUDGET_EXCEEDED


def test_one_who_waits_does_not_hold_up_who_touches_nothing_of_it():
    ours = gate()
    begins(ours, 50, held(RateRule(Unit.REQUESTS, rate(1, name="slow"))))
    assert begins(ours, 1, held(RateRule(Unit.REQUESTS, rate(1, name="free")))) == [0]


# by property

LIMITS = st.builds(
    lambda limit, share, period: RateLimit("", limit, period, max(1, limit // share)),
    st.integers(3, 40),
    st.integers(1, 5),
    st.sampled_from([SECOND, MINUTE]),
)


@given(st.lists(LIMITS, min_size=1, max_size=3), st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3)))
@settings(max_examples=150)
def test_calendars_find_what_the_search_from_the_beginning_finds(limits, amounts):
    limits = [RateLimit(f"l{nr}", it.limit, it.period_us, it.burst) for nr, it in enumerate(limits)]
    ours, slots, now = Calendars(), {limit.name: Counter() for limit in limits}, START
    for nr, each in enumerate(amounts):
        now += nr % 3 * SECOND
        ours.advance(now)
        charges = [Charge(limit, min(amount, limit.limit)) for limit, amount in zip(limits, each, strict=False)]
        wanted = [(charge, slots[charge.limit.name]) for charge in charges if charge.amount]
        expected = earliest(wanted, now, 0).at_us if wanted else now
        later = now + nr * 7 * SECOND
        beyond = earliest(wanted, later, 0).at_us if wanted else later
        assert ours.opening(charges, later).at_us == beyond
        assert ours.opening(charges, now).at_us == expected
        ours.take(charges, expected)
        for charge in charges:
            slots[charge.limit.name][slot_at(charge.limit, expected)] += charge.amount


@given(LIMITS, st.lists(st.integers(1, 3), max_size=40))
@settings(max_examples=100)
def test_a_request_is_let_in_when_the_store_gives_it_its_slot(limit, amounts):
    limit = RateLimit("requests", limit.limit, limit.period_us, limit.burst)
    store, ours = MemoryStore(lambda: START), gate()
    store.life.phase = Phase.READY
    its = held(RateRule(Unit.INPUT_TOKENS, limit))
    for nr, amount in enumerate(amounts):
        verdict, _ = store.answer("w", Demand(f"a{nr}", (Charge(limit, amount),)))
        expected = START if isinstance(verdict, Go) else verdict.ticket_us
        assert isinstance(verdict, Go | Wait)
        way = ours.enter(its, use(tokens=amount), Asked(START, FOREVER))
        assert way.at_us == expected


CALLS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(1, 5), st.integers(0, 5), st.integers(1, 40)),
    max_size=40,
)


@given(CALLS, st.integers(10, 30), st.integers(1, 3), st.integers(10, 40))
@settings(max_examples=150)
def test_no_window_no_place_and_no_budget_ever_holds_more_than_its_limit(calls, tokens, places, money):
    limit, parallel, spend = rate(tokens, name="tokens"), ParallelLimit("calls", places), budget(money)
    its = held(RateRule(Unit.INPUT_TOKENS, limit), parallel=[parallel], budgets=[spend])
    ours, now, made = gate(), START, []
    for later, amount, cost, more, seconds in calls:
        now += later * SECOND
        takes = Use(Amounts(amount, 0, cost), Amounts(amount, 0, cost + more), seconds * SECOND)
        way = ours.enter(its, takes, Asked(now, FOREVER))
        assert isinstance(way, LetIn)
        assert way.at_us >= now
        made.append((way.at_us, way.at_us + seconds * SECOND, amount, cost, more))
    for at, _, *_ in made:
        assert sum(amount for begin, _, amount, *_ in made if at <= begin < at + MINUTE) <= tokens
        assert sum(1 for begin, end, *_ in made if begin <= at < end) <= places
        within = [it for it in made if it[0] // HOUR == at // HOUR]
        spent = sum(cost for begin, _, _, cost, _ in within if begin <= at)
        under_way = sum(more for begin, end, _, _, more in within if begin <= at < end)
        assert spent + under_way <= money


@pytest.mark.parametrize("many", [11_000])
def test_time_that_is_over_is_forgotten(many):
    its = held(RateRule(Unit.REQUESTS, rate(10**6)), parallel=[ParallelLimit("calls", 9)], budgets=[budget(10**9)])
    ours = gate()
    for nr in range(many):
        ours.enter(its, use(), Asked(START + nr * SECOND, FOREVER))
    kept = ours._calendars._of(rate(10**6)).slots
    assert len(kept) < 1_100
    assert len(ours._spending._purses) < 5
