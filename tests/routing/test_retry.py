"""Retry decisions: pure, so their whole space is searched."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.outcome import Setback
from headgate.routing.retry import Again, GiveUp, TooLate, backoff, decide
from headgate.routing.target import RetryPolicy
from headgate.schemas.failures import CATALOGUE, Code, failure

policies = st.builds(
    RetryPolicy,
    retries=st.integers(0, 10),
    backoff=st.floats(0.001, 10),
    max_backoff=st.floats(0.001, 100),
)
chances = st.floats(0, 1, exclude_max=True)
setbacks = st.builds(
    Setback,
    st.sampled_from(list(Code)).map(failure),
    retry_after=st.none() | st.floats(0, 1e6),
    should_retry=st.none() | st.booleans(),
)


@given(setbacks, st.integers(1, 20), policies, st.floats(-10, 1e6), chances)
def test_a_wait_always_ends_before_the_deadline_and_within_the_retries(setback, attempt, policy, remaining, chance):
    decision = decide(setback, attempt, policy, remaining, chance)
    if isinstance(decision, Again):
        assert 0 <= decision.seconds < remaining
        assert attempt <= policy.retries


@given(setbacks, st.integers(1, 20), policies, st.floats(0, 1e6), chances)
def test_a_provider_that_names_a_time_is_never_called_sooner(setback, attempt, policy, remaining, chance):
    decision = decide(setback, attempt, policy, remaining, chance)
    if isinstance(decision, Again) and setback.retry_after is not None:
        assert decision.seconds >= setback.retry_after


@given(setbacks, policies, chances)
def test_the_providers_own_word_beats_the_catalogue(setback, policy, chance):
    decision = decide(setback, 1, policy, 1e9, chance)
    wanted = CATALOGUE[setback.failure.code].retriable if setback.should_retry is None else setback.should_retry
    assert isinstance(decision, Again) == (wanted and policy.retries >= 1)


@given(setbacks, st.integers(1, 10), chances)
def test_without_retries_every_failure_stands(setback, attempt, chance):
    assert decide(setback, attempt, RetryPolicy(retries=0), 1e9, chance) == GiveUp()


def test_a_wait_past_the_deadline_is_too_late_and_says_how_long_it_was():
    setback = Setback(failure(Code.RATE_LIMITED), retry_after=60.0)
    assert decide(setback, 1, RetryPolicy(), 59.0, 0.0) == TooLate(60.0)


@given(st.integers(1, 10_000), policies, chances)
def test_backoff_is_between_half_of_its_ceiling_and_its_ceiling(attempt, policy, chance):
    wait = backoff(attempt, policy, chance)
    ceiling = min(policy.max_backoff, policy.backoff * 2.0 ** min(attempt - 1, 60))
    assert ceiling / 2 <= wait <= ceiling
