"""How long answers take, and how many are let through."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.simulator.latency import Fixed, Lognormal, Uniform, latency_ms, parse_latency
from headgate.workers.simulator.limiter import Limiter

POINTS = [(number + 0.5) / 10_000 for number in range(10_000)]


def test_fixed_is_fixed():
    assert latency_ms(Fixed(20), 0.3) == 20


@given(point=st.floats(0, 1, exclude_max=True), low=st.floats(0, 1e6), span=st.floats(0, 1e6))
def test_uniform_stays_between_its_ends(point, low, span):
    assert low <= latency_ms(Uniform(low, low + span), point) <= low + span


def test_lognormal_has_the_median_and_the_99th_percentile_it_was_given():
    sample = [latency_ms(Lognormal(200, 2000), point) for point in POINTS]
    assert statistics.median(sample) == pytest.approx(200, rel=0.01)
    assert statistics.quantiles(sample, n=100)[98] == pytest.approx(2000, rel=0.05)


@given(point=st.floats(0, 1, exclude_max=True))
def test_lognormal_is_never_infinite_or_negative(point):
    assert 0 < latency_ms(Lognormal(200, 2000), point) < 1e9


@pytest.mark.parametrize(
    ("text", "latency"),
    [("20", Fixed(20)), ("fixed:7.5", Fixed(7.5)), ("uniform:1,3", Uniform(1, 3)), ("lognormal:2,9", Lognormal(2, 9))],
)
def test_a_latency_is_read_as_it_is_spelled(text, latency):
    assert parse_latency(text) == latency


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "uniform:3", "uniform:3,1", "lognormal:0,1", "normal:1,2"])
def test_a_latency_that_cannot_be_read_says_how_it_is_spelled(text):
    with pytest.raises(ValueError, match="expected a latency as MS, uniform:LOW,HIGH"):
        parse_latency(text)


@given(rate=st.floats(0.5, 1000), gaps=st.lists(st.floats(0, 3), max_size=100))
def test_no_second_sees_more_than_its_rate_beside_one_burst(rate, gaps):
    limiter, now, passed = Limiter(rate), 0.0, []
    for gap in gaps:
        now += gap
        if limiter.wait(now) == 0:
            passed.append(now)
    for start in passed:
        inside = sum(start <= moment < start + 1 for moment in passed)
        assert inside <= 2 * max(rate, 1) + 1


def test_who_waits_as_long_as_told_is_let_through():
    limiter = Limiter(2)
    assert [limiter.wait(0), limiter.wait(0)] == [0, 0]
    wait = limiter.wait(0)
    assert wait == pytest.approx(0.5)
    assert limiter.wait(wait * 0.9) > 0
    assert limiter.wait(wait) == 0


def test_a_steady_stream_at_the_rate_is_never_refused():
    limiter = Limiter(10)
    assert [limiter.wait(number / 10) for number in range(1000)] == [0] * 1000
