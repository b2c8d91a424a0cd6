"""The calendar of a rate limit, beside checks that are too simple to be wrong."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.routing.admission.calendar import (
    SLOTS,
    WINDOW,
    earliest,
    fits,
    grace_us,
    next_fit,
    out_of_reach,
    slot_at,
    slot_length,
    ticket_at,
)
from headgate.routing.admission.demand import Charge, RateLimit

SECOND = 1_000_000

limits = st.builds(
    lambda name, limit, period, burst: RateLimit(name, limit, period, min(limit, burst)),
    st.sampled_from(["a", "b", "c"]),
    st.integers(1, 20),
    st.sampled_from([SECOND, 3 * SECOND, 100_001, 3_333_333]),
    st.integers(1, 20),
)
calendars = st.dictionaries(st.integers(900, 1100), st.integers(1, 20), max_size=40)


def has_room(limit, slots, amount, slot):
    """Every window, looked at in full."""
    windows = ([slots.get(s, 0) for s in range(w, w + WINDOW)] for w in range(slot - SLOTS, slot + 1))
    there = slots.get(slot, 0)
    return all(sum(window) + amount <= limit.limit for window in windows) and (
        there == 0 or there + amount <= limit.burst
    )


@settings(deadline=None, max_examples=40)
@given(limits, calendars, st.integers(900, 1100), st.data())
def test_the_next_fit_is_the_first_slot_with_room(limit, slots, slot, data):
    amount = data.draw(st.integers(1, limit.limit))
    first = next(s for s in range(slot, 2000) if has_room(limit, slots, amount, s))
    assert next_fit(limit, slots, amount, slot) == first
    assert fits(limit, slots, amount, slot) is (first == slot)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(limits, calendars, st.integers(1, 20)), min_size=1, max_size=3), st.integers(0, 999))
def test_several_charges_get_the_first_time_at_which_all_have_room(wanted, life):
    now = 1000 * 31_250 + 17
    wanted = [
        (Charge(limit, min(amount, limit.limit)), {slot_at(limit, now) + s - 1000: n for s, n in slots.items()})
        for limit, slots, amount in wanted
    ]

    def all_fit(at):
        return all(has_room(charge.limit, slots, charge.amount, slot_at(charge.limit, at)) for charge, slots in wanted)

    opening = earliest(wanted, now, life)
    assert opening.at_us >= now
    assert all_fit(opening.at_us)
    if opening.at_us > now:
        assert opening.at_us % 1000 == life
        # whenever a slot begins anywhere, and no later, there might have been an earlier time
        begins = {
            slot * slot_length(charge.limit)
            for charge, _ in wanted
            for slot in range(slot_at(charge.limit, now), slot_at(charge.limit, opening.at_us) + 1)
        }
        earlier = {now, *(ticket_at(begin, life) for begin in begins if begin > now)}
        assert not any(all_fit(at) for at in earlier if at < opening.at_us)


@settings(deadline=None, max_examples=40)
@given(limits, st.lists(st.integers(0, 60), min_size=1, max_size=60), st.data())
def test_no_window_ever_holds_more_than_the_limit(limit, pauses, data):
    """Whoever is let through at the earliest time: slide a window over the log, microsecond by microsecond."""
    slots, log, now = Counter(), [], 10**12
    for pause in pauses:
        now += pause * limit.period_us // 97
        amount = data.draw(st.integers(1, limit.limit))
        at = earliest([(Charge(limit, amount), slots)], now, 0).at_us
        slots[slot_at(limit, at)] += amount
        log.append((at, amount))
    for begin, _ in log:  # a window with the largest sum can be moved until it begins with an entry
        assert sum(n for at, n in log if begin <= at < begin + limit.period_us) <= limit.limit


def test_a_window_of_the_period_touches_at_most_33_slots():
    limit = RateLimit("l", 1, 100_001, 1)
    for begin in range(0, 3 * limit.period_us, 7):
        first, last = slot_at(limit, begin), slot_at(limit, begin + limit.period_us - 1)
        assert last - first < WINDOW


def test_an_amount_larger_than_the_burst_goes_alone():
    limit = RateLimit("l", 100, SECOND, 10)
    assert next_fit(limit, {}, 70, 5) == 5
    assert next_fit(limit, {5: 1}, 70, 5) == 6
    assert next_fit(limit, {5: 70}, 1, 5) == 6
    assert next_fit(limit, {5: 70}, 31, 5) == 5 + WINDOW


def test_a_far_future_on_another_limit_pushes_nobody_back():
    shared, own, other = (RateLimit(name, 100, SECOND, 100) for name in ("shared", "own", "other"))
    busy = {1000 + 33 * n: 100 for n in range(1000)}
    far = earliest([(Charge(own, 1), busy), (Charge(shared, 1), {})], 1000 * 31_250, 0)
    assert far.at_us == (1000 + 33_000) * 31_250
    assert far.limit == "own"
    reserved = {slot_at(shared, far.at_us): 1}
    assert earliest([(Charge(other, 1), {}), (Charge(shared, 99), reserved)], 1000 * 31_250, 0).at_us == 1000 * 31_250


@pytest.mark.parametrize(
    ("period", "grace"), [(SECOND, 250_000), (60 * SECOND, 5 * SECOND), (86_400 * SECOND, 2700 * SECOND)]
)
def test_the_grace_of_a_ticket(period, grace):
    assert grace_us(RateLimit("l", 1, period, 1)) == grace


def test_a_limit_that_is_the_reason_for_a_long_wait_must_allow_it():
    now, slot = 1000 * 31_250, 31_250
    own, shared, also = (
        RateLimit(name, 10, SECOND, 10, ahead) for name, ahead in (("own", 2**53), ("s", 2 * slot), ("t", slot))
    )
    full = {1000: 10}  # free again 33 slots later
    own_only = [(Charge(own, 1), full), (Charge(shared, 1), {})]
    at = earliest(own_only, now, 0).at_us
    assert out_of_reach(own_only, at, now, 0) is None
    shared_too = [(Charge(own, 1), full), (Charge(shared, 1), full), (Charge(also, 1), {})]
    assert out_of_reach(shared_too, at, now, 0) is None
    shared_only = [(Charge(own, 1), {}), (Charge(shared, 1), full), (Charge(also, 1), full)]
    assert out_of_reach(shared_only, at, now, 0) == "s"
    pushed = [(Charge(own, 1), full), (Charge(shared, 1), {1033: 10})]
    later = earliest(pushed, now, 0).at_us
    assert later > at
    assert out_of_reach(pushed, later, now, 0) == "s"
    near = [(Charge(own, 1), full), (Charge(shared, 10), {1001: 1})]  # one slot more than `own`
    assert out_of_reach(near, earliest(near, now, 0).at_us, now, 0) is None
