"""The limit of one deployment in one worker."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.routing.health.adaptive import DROP, FLOOR, GAIN, Adaptive, Heard, Leave, heard
from headgate.routing.providers.signals import Allowance, Dimension, RateSignal
from headgate.schemas.failures import Code

SECOND = 1_000_000


def full(limit, now=0):
    """Start as many calls as may begin."""
    calls = limit.leave(now).calls
    for _ in range(calls):
        limit.started(now)
    return calls


def settled(ceiling=1_000, at=8.0):
    """Return a limit that has been refused before."""
    limit = Adaptive(ceiling)
    limit.started(0)
    limit.finished(0, 0, Heard.REFUSED)
    limit._limit = at
    return limit


def test_it_begins_with_eight_calls_and_doubles_with_every_round_until_the_first_refusal():
    limit = Adaptive(1_000)
    assert full(limit) == 8
    assert limit.leave(0) == Leave(0)
    for _ in range(8):
        limit.finished(SECOND, SECOND, Heard.SERVED)
    assert full(limit, SECOND) == 16
    limit.finished(SECOND, 0, Heard.REFUSED)
    assert limit.limit == 8
    assert limit.leave(SECOND) == Leave(0)
    assert limit.in_flight == 15


def test_it_can_begin_with_what_is_out_already():
    limit = Adaptive(1_000, in_flight=20)
    assert limit.leave(0) == Leave(0)
    limit.finished(SECOND, SECOND, Heard.REFUSED)
    assert (limit.limit, limit.in_flight) == (10, 19)


@pytest.mark.parametrize("out", [1, 2, 4])
def test_a_refusal_of_a_few_calls_does_not_say_that_the_provider_takes_even_fewer(out):
    limit = Adaptive(1_000, in_flight=out)
    limit.finished(SECOND, 1, Heard.REFUSED)
    assert limit.limit == 4
    assert limit.leave(SECOND).calls == 5 - out


def test_pauses_are_as_long_as_calls_last_from_the_first_call_on():
    limit = settled(at=0.5)
    assert full(limit, 0) == 1
    limit.finished(SECOND // 10, SECOND // 10, Heard.SERVED)
    limit._limit = 0.5
    limit.started(10 * SECOND)
    limit.finished(10 * SECOND + 1, 1, Heard.OTHER)
    assert limit.leave(10 * SECOND + 1) == Leave(0, 10 * SECOND + SECOND // 5)


def test_it_never_exceeds_its_ceiling():
    limit = Adaptive(10)
    for _ in range(20):
        for _ in range(full(limit)):
            limit.finished(SECOND, SECOND, Heard.SERVED)
    assert limit.limit == 10
    assert full(Adaptive(3)) == 3


def test_calls_that_were_out_together_drop_it_once():
    limit = settled(at=20.0)
    assert full(limit, SECOND) == 20
    for _ in range(5):
        limit.finished(2 * SECOND, SECOND, Heard.REFUSED)
    assert limit.limit == pytest.approx(20 * (1 - DROP))
    limit.finished(4 * SECOND, SECOND, Heard.REFUSED)  # began after the drop
    assert limit.limit == pytest.approx(20 * (1 - DROP) ** 2)


def test_it_grows_by_a_little_for_every_call_and_only_while_it_is_in_use():
    limit = settled(at=8.0)
    full(limit, 0)
    limit.finished(SECOND, SECOND, Heard.SERVED)
    assert limit.limit == pytest.approx(8 + GAIN)
    idle = settled(at=8.0)
    full(idle)
    for _ in range(8):
        idle.finished(SECOND, SECOND, Heard.OTHER)
    idle.started(2 * SECOND)
    idle.finished(3 * SECOND, SECOND, Heard.SERVED)
    assert idle.limit == 8


def test_after_long_peace_it_grows_faster_but_at_most_doubles_in_a_round():
    limit = settled(at=8.0)
    for seconds, gain in ((20, GAIN), (80, 8 * GAIN), (10_000, 1.0)):
        full(limit, seconds * SECOND)
        before = limit.limit
        limit.finished(seconds * SECOND, SECOND, Heard.SERVED)
        assert limit.limit - before == pytest.approx(gain)


def test_other_failures_say_nothing():
    limit = settled(at=8.0)
    full(limit)
    limit.finished(SECOND, SECOND, Heard.OTHER)
    assert (limit.limit, limit.in_flight) == (8, 7)


def test_a_fraction_of_a_call_is_a_call_now_and_then():
    limit = settled(at=2.5)
    assert full(limit, 0) == 3
    limit.finished(SECOND, SECOND, Heard.OTHER)
    assert limit.leave(SECOND) == Leave(0, 2 * SECOND)  # the third took one second, and rests for another
    assert limit.leave(2 * SECOND) == Leave(1)
    limit.finished(SECOND, SECOND, Heard.OTHER)
    assert limit.leave(SECOND) == Leave(1, 2 * SECOND)


def test_at_the_floor_a_call_is_followed_by_a_long_pause():
    limit = settled(at=FLOOR)
    assert full(limit, 0) == 1
    limit.finished(SECOND, SECOND, Heard.REFUSED)
    assert limit.limit == FLOOR
    assert limit.leave(SECOND) == Leave(0, 16 * SECOND)
    assert limit.leave(16 * SECOND) == Leave(1)


@pytest.mark.parametrize("passage", [0, 1, SECOND // 100])
def test_it_recovers_from_the_floor_by_itself_though_calls_begin_later_than_they_are_let_in(passage):
    limit, now = settled(at=FLOOR), 0
    while limit.limit < 20 and now < 1_000 * SECOND:
        begun = full(limit, now)
        now += SECOND
        for _ in range(begun):
            limit.finished(now, SECOND - passage, Heard.SERVED)
    assert limit.limit >= 20


def test_nothing_begins_before_the_time_that_a_refusal_names():
    limit = settled(at=8.0)
    full(limit)
    limit.finished(SECOND, SECOND, Heard.REFUSED, RateSignal(retry_after=30.0))
    limit.finished(SECOND, SECOND, Heard.REFUSED, RateSignal(retry_after=2.0))
    for _ in range(6):
        limit.finished(SECOND, SECOND, Heard.SERVED, RateSignal(retry_after=99.0))  # not a refusal
    assert limit.leave(SECOND) == Leave(0, 31 * SECOND)
    assert limit.leave(31 * SECOND - 1).calls == 0
    assert limit.leave(31 * SECOND).calls >= 6


def test_an_endless_pause_ends_after_a_day():
    limit = settled()
    limit.started(0)
    limit.finished(0, 0, Heard.REFUSED, RateSignal(retry_after=1e300))
    assert limit.leave(0) == Leave(0, 86_400 * SECOND)


def left(remaining, reset=40.0, limit=1_000):
    return RateSignal((Allowance(Dimension.REQUESTS, remaining, limit, reset),))


@pytest.mark.parametrize(
    ("first", "then", "share"),
    [
        (400, 395, 1.0),  # 5 a second last 79 seconds, the reset is in 40
        (400, 380, 380 / 20 / 40),  # 20 a second do not
        (400, 100, 0.5),  # but one look never more than halves
        (400, 420, 1.0),  # it fills up
        (900, 800, 1.0),  # there is plenty
    ],
)
def test_it_slows_down_in_time_for_what_is_left_to_last(first, then, share):
    limit = settled(at=8.0)
    full(limit, SECOND)
    limit.finished(SECOND, 0, Heard.OTHER, left(first))
    limit.finished(SECOND + 1, 0, Heard.OTHER, left(1 if then == 100 else first))  # too soon, unless much is gone
    before = limit.limit
    limit.finished(2 * SECOND, 0, Heard.OTHER, left(then))
    assert limit.limit == pytest.approx(8 * max(share, 0.5)) if then != 100 else before == 4


def test_what_says_nothing_of_a_limit_slows_nothing_down():
    limit = settled(at=8.0)
    full(limit, SECOND)
    for seconds, allowance in enumerate((400, 10, 0), start=1):
        said = RateSignal((Allowance(Dimension.TOKENS, allowance),))
        limit.finished(seconds * SECOND, 0, Heard.OTHER, said)
    assert limit.limit == 8


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, Heard.SERVED),
        (Code.RATE_LIMITED, Heard.REFUSED),
        (Code.OVERLOADED, Heard.OVERLOADED),
        (Code.CAPACITY, Heard.OVERLOADED),
        (Code.TIMEOUT, Heard.OVERLOADED),
        (Code.UPSTREAM_TIMEOUT, Heard.OVERLOADED),
        (Code.MODEL_ERROR, Heard.OTHER),
        (Code.QUOTA_EXHAUSTED, Heard.OTHER),
        (Code.BAD_REQUEST, Heard.OTHER),
        (Code.CONNECTION_FAILED, Heard.OTHER),
    ],
)
def test_what_a_failure_says_of_the_load(code, said):
    assert heard(code) is said


SIGNALS = st.none() | st.builds(
    RateSignal,
    st.lists(
        st.builds(
            Allowance,
            st.sampled_from(Dimension),
            st.floats(0, 1e12),
            st.none() | st.floats(1e-9, 1e12),
            st.none() | st.floats(0, 1e9),
        ),
        max_size=2,
    ).map(tuple),
    st.none() | st.floats(0, 1e9),
)


@settings(deadline=None)
@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.sampled_from(Heard), st.integers(0, 10 * SECOND), SIGNALS), max_size=60),
)
def test_whatever_happens_there_is_always_a_next_call(ceiling, history):
    limit, now = Adaptive(ceiling), 0
    for said, latency, signal in history:
        leave = limit.leave(now)
        assert leave.calls >= 0
        assert leave.calls or limit.in_flight or (leave.again_us or 0) > now
        for _ in range(leave.calls):
            limit.started(now)
        assert limit.in_flight <= ceiling
        if not limit.in_flight:
            now = leave.again_us
            continue
        now += latency
        limit.finished(now, latency, said, signal)
        assert FLOOR <= limit.limit <= ceiling


def after_many(share, said, rounds=400):
    """Return the limit after many rounds in which a share of the calls, whatever their number, ends so."""
    chance, limit = random.Random(1), settled(ceiling=200, at=100.0)
    for seconds in range(rounds):
        full(limit, seconds * SECOND)
        while limit.in_flight:
            limit.finished((seconds + 1) * SECOND, SECOND, said if chance.random() < share else Heard.SERVED)
    return limit.limit


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_a_provider_that_is_now_and_then_overloaded_for_everybody_is_not_asked_less(share):
    assert after_many(share, Heard.OVERLOADED) > 50
    assert after_many(share, Heard.REFUSED) < 20, "a refusal of this caller's calls counts each time"


def test_a_provider_that_is_overloaded_for_every_third_call_is_asked_less():
    assert after_many(1 / 3, Heard.OVERLOADED) < 5


def test_calls_that_fail_for_other_reasons_do_not_make_up_for_an_overload():
    limit = settled(at=8.0)
    for seconds in range(1, 20):
        limit.started(seconds * SECOND)
        limit.finished(seconds * SECOND, 0, Heard.OVERLOADED)
        limit.started(seconds * SECOND)
        limit.finished(seconds * SECOND, 0, Heard.OTHER)
    assert limit.limit < 4


def test_the_pause_that_an_overloaded_provider_asks_for_is_kept_however_seldom_it_does():
    limit = settled()
    limit.started(0)
    limit.finished(SECOND, SECOND, Heard.OVERLOADED, RateSignal(retry_after=5.0))
    assert limit.resume_us == 6 * SECOND
