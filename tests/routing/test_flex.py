"""The flex tier: asked patiently, and never so long that the standard tier would come too late."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.flex import LEAST_FLEX, Progress, Turn, asked_tier, found_no_capacity, says_nothing, turn
from headgate.routing.outcome import Completion, Setback
from headgate.routing.prices import Price, Rates
from headgate.routing.retry import Defer, GiveUp, Situation, TooLate, Wait, decide
from headgate.routing.service import Service
from headgate.routing.target import FlexPolicy, Plan, RetryPolicy, Target
from headgate.schemas.failures import Code, Failure, failure
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane

_PLAIN = Price(Rates(*[10**15] * 5), "test 1", "test")
_PRICE = Price(_PLAIN.rates, "test 1", "test", services=(("batch", _PLAIN), ("flex", _PLAIN), ("priority", _PLAIN)))
_TARGET = Target("a", "openai", "gpt-5", "openai", "http://127.0.0.1", 60.0, price=_PRICE)
_POLICY = FlexPolicy()


def _request(tier="flex"):
    return Request("r", Endpoint.CHAT, "m", b"{}", "k", Lane.STANDARD, "t", 10**13, 0, service_tier=tier)


def _turn(target=_TARGET, tier="flex", *, refused=0, remaining=1e6, is_last=False, policy=_POLICY):
    return turn(_request(tier), target, policy, lambda: Progress(refused, remaining, is_last))


policies = st.builds(
    FlexPolicy,
    retries=st.integers(0, 20),
    backoff=st.floats(0.01, 60),
    max_backoff=st.floats(0.01, 900),
    timeout=st.floats(1, 3600),
)


@given(policies, st.floats(1, 3600), st.integers(0, 30), st.floats(-10, 1e6), st.booleans())
def test_a_standard_attempt_still_fits_behind_every_flex_attempt(policy, timeout, refused, remaining, is_last):
    asked = _turn(
        replace(_TARGET, timeout=timeout), refused=refused, remaining=remaining, is_last=is_last, policy=policy
    )
    if asked.target.tier == "flex":
        assert asked.target.timeout <= remaining - timeout
        assert min(LEAST_FLEX, timeout) <= asked.target.timeout
        assert refused <= policy.retries
        assert not is_last
        assert asked.notes == ()
    else:
        assert asked.target.tier == "default"
        assert dict(asked.target.params)["service_tier"] == b'"default"'
        assert asked.target.timeout == timeout
        assert asked.notes[0].startswith("service_tier became default: ")


def test_a_flex_attempt_has_fifteen_minutes_or_what_its_deployment_gives_if_that_is_more():
    assert _turn().target.timeout == 900
    assert _turn(replace(_TARGET, timeout=1800)).target.timeout == 1800


#: A refusal of the flex tier, as OpenAI and as Gemini say it.
refusals = st.builds(
    Setback,
    st.sampled_from([Code.CAPACITY, Code.OVERLOADED]).map(failure),
    retry_after=st.none() | st.floats(0, 1e5),
)


@given(policies, st.integers(0, 5), st.floats(1, 1200), st.floats(1, 1e6), st.floats(0, 0.999), st.data())
def test_a_request_that_never_finds_capacity_is_answered_on_the_standard_tier_in_time(
    policy, retries, timeout, deadline, chance, data
):
    target = replace(_TARGET, timeout=timeout)
    plan = Plan((target,), RetryPolicy(retries=retries, flex=policy))
    now, made, refused, tried = 0.0, 0, 0, ()
    while True:
        is_last = made > refused and retries + 1 + refused - made <= 1
        asked = _turn(target, refused=refused, remaining=deadline - now, is_last=is_last, policy=policy)
        made, tried = made + 1, (*tried, "a")
        if asked.target.tier == "default":
            break
        refused += 1
        setback = data.draw(refusals)
        left = deadline - now
        situation = Situation(
            plan, tried, made, ("m",), left, chance, lambda _: 0.0, 1e9, refused=refused, just_refused=True
        )
        assert situation.retries_left == retries + 1, "what found no capacity is no retry"
        decision = decide(setback, situation)
        assert isinstance(decision, Wait), decision
        now += decision.seconds
    assert refused <= policy.retries + 1
    assert now == 0.0 or deadline - now >= timeout - 1e-6


@given(refusals, policies, st.floats(61, 1e6), st.floats(0, 0.999), st.integers(1, 30))
def test_a_wait_for_capacity_honours_the_provider_or_gives_up_at_once(setback, policy, remaining, chance, refused):
    plan = Plan((_TARGET,), RetryPolicy(flex=policy))
    situation = Situation(
        plan,
        ("a",) * refused,
        refused,
        ("m",),
        remaining,
        chance,
        lambda _: 0.0,
        10.0,
        refused=refused,
        just_refused=True,
    )
    decision = decide(setback, situation)
    assert not isinstance(decision, GiveUp | TooLate)
    assert isinstance(decision, Wait) == (decision.seconds <= 10.0)
    assert decision.seconds == 0.0 or decision.seconds >= (setback.retry_after or 0.0)
    assert decision.seconds == 0.0 or remaining - decision.seconds >= _TARGET.timeout + LEAST_FLEX


def test_a_long_wait_for_capacity_leaves_memory_and_asks_no_other_model():
    plan = Plan((_TARGET,), RetryPolicy())
    situation = Situation(plan, ("a",) * 4, 4, ("m",), 1e5, 0.0, lambda _: 0.0, 10.0, refused=4, just_refused=True)
    assert decide(Setback(failure(Code.CAPACITY)), situation) == Defer(20.0)


def test_another_deployment_is_asked_at_once():
    other = replace(_TARGET, id="b")
    plan = Plan((_TARGET, other), RetryPolicy())
    situation = Situation(plan, ("a",), 1, ("m",), 1e5, 0.0, lambda _: 0.0, 10.0, refused=1, just_refused=True)
    assert decide(Setback(failure(Code.CAPACITY), retry_after=9.0), situation) == Wait(0.0)


@pytest.mark.parametrize(
    ("body", "params", "asked"),
    [
        (None, (), None),
        ("flex", (), "flex"),
        ("fast", (), "priority"),
        ("standard", (), "default"),
        ("flex", (("service_tier", b"null"),), None),
        ("flex", (("service_tier", b'"default"'),), "default"),
        (None, (("service_tier", b'"flex"'),), "flex"),
        ("flex", (("service_tier", b"7"),), None),
    ],
)
def test_the_route_is_stronger_than_the_body_and_each_tier_has_one_name(body, params, asked):
    assert asked_tier(_request(body), replace(_TARGET, params=params)) == asked


@pytest.mark.parametrize("tier", [None, "auto", "default", "standard"])
def test_whoever_asks_for_nothing_else_is_sent_as_he_is(tier):
    asked = _turn(replace(_TARGET, price=None), tier)
    assert asked == Turn(replace(_TARGET, price=None, tier=asked.target.tier))


@pytest.mark.parametrize("tier", ["flex", "priority", "batch", "warp"])
def test_a_tier_without_a_known_price_is_refused_with_what_to_write(tier):
    why = _turn(replace(_TARGET, price=_PLAIN), tier)
    assert isinstance(why, Failure)
    assert why.code is Code.UNSUPPORTED_PARAMETER
    assert "say what it costs in the deployment's service_tiers" in why.expected
    assert why.given == f"service_tier: {tier}"


def test_a_batch_price_is_for_comparison_and_nothing_a_call_may_ask_for():
    assert isinstance(_turn(_TARGET, "batch"), Failure)


def test_a_tier_is_left_out_where_the_config_says_so_and_told():
    target = replace(_TARGET, price=_PLAIN, service=Service(drop=frozenset({"service_tier"})), params=(("seed", b"1"),))
    asked = _turn(target)
    assert asked.target.params == (("seed", b"1"), ("service_tier", b"null"))
    assert asked.notes == ("left out service_tier: openai takes auto, default for gpt-5",)


def test_priority_is_asked_as_it_is():
    assert _turn(_TARGET, "priority") == Turn(replace(_TARGET, tier="priority"))


@pytest.mark.parametrize(
    ("tier", "result", "no_capacity", "nothing"),
    [
        ("flex", Setback(failure(Code.CAPACITY)), True, True),
        ("flex", Setback(failure(Code.OVERLOADED)), True, True),
        ("flex", Setback(failure(Code.TIMEOUT)), False, True),
        ("flex", Setback(failure(Code.RATE_LIMITED)), False, False),
        ("flex", Setback(failure(Code.PROVIDER_ERROR)), False, False),
        ("flex", Completion(200, json.dumps({}).encode(), "x", None), False, False),
        ("default", Setback(failure(Code.CAPACITY)), False, False),
        (None, Setback(failure(Code.CAPACITY)), False, False),
    ],
)
def test_what_is_usual_on_the_flex_tier_is_nobodys_fault(tier, result, no_capacity, nothing):
    target = replace(_TARGET, tier=tier)
    assert found_no_capacity(target, result) is no_capacity
    assert says_nothing(target, result) is nothing
