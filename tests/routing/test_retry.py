"""Retry decisions: pure, so their whole space is searched."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headgate.routing.causes import CREDENTIAL
from headgate.routing.credentials import Credential
from headgate.routing.outcome import Setback
from headgate.routing.retry import (
    Defer,
    FallBack,
    GiveUp,
    Situation,
    TooLate,
    Wait,
    after_fallback,
    backoff,
    decide,
    decide_unavailable,
    next_target,
)
from headgate.routing.target import Fallbacks, Plan, RetryPolicy, Target
from headgate.schemas.failures import CATALOGUE, Code, failure

IDS = ("a", "b", "c", "d")
MODELS = ("m1", "m2", "m3", "m4", "m5")


def targets(count):
    return tuple(Target(name, "openai", "gpt", "openai", "http://127.0.0.1", 60.0) for name in IDS[:count])


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
    status=st.none() | st.sampled_from([400, 401, 404, 429, 500, 503]),
)
names = st.lists(st.sampled_from(MODELS), max_size=3).map(tuple)
fallbacks = st.builds(
    Fallbacks,
    names,
    names,
    names,
    st.lists(st.tuples(st.sampled_from(["429", "5xx", "404"]), names), max_size=2).map(tuple),
    st.integers(0, 4),
)
plans = st.builds(Plan, st.integers(1, 4).map(targets), policies, fallbacks)


@st.composite
def situations(draw, plan=plans):
    plan = draw(plan)
    closed = {name: draw(st.floats(0, 1000) | st.just(0.0)) for name in IDS}
    tried = tuple(draw(st.lists(st.sampled_from([target.id for target in plan.targets]), min_size=1, max_size=8)))
    models = ("own", *draw(st.lists(st.sampled_from(MODELS), max_size=4, unique=True)))
    return Situation(
        plan,
        tried,
        draw(st.integers(1, 20)),
        models,
        draw(st.floats(-10, 1e6)),
        draw(chances),
        lambda target: closed[target.id],
        draw(st.floats(0.1, 100)),
    )


@given(setbacks, situations())
def test_a_wait_ends_before_the_deadline_and_is_short_enough_for_memory(setback, situation):
    decision = decide(setback, situation)
    match decision:
        case Wait(seconds):
            assert 0 <= seconds < situation.remaining
            assert seconds <= situation.in_memory
        case Defer(seconds):
            assert situation.in_memory < seconds < situation.remaining
        case TooLate(seconds):
            assert seconds >= situation.remaining


@given(setbacks, situations())
def test_no_model_is_asked_twice_nor_more_than_so_many(setback, situation):
    for decision in (decide(setback, situation), decide_unavailable(situation)):
        if isinstance(decision, FallBack):
            assert decision.model not in situation.models
            assert len(situation.models) <= situation.plan.fallbacks.most


@given(setbacks, situations())
def test_nothing_is_tried_beyond_the_retries_while_a_deployment_is_open(setback, situation):
    spent = replace(situation, made=situation.plan.policy.retries + len(situation.models), opens_in=lambda _: 0.0)
    assert isinstance(decide(setback, spent), GiveUp | FallBack)


@given(setbacks, situations())
def test_a_provider_that_names_a_time_is_never_called_sooner(setback, situation):
    decision = decide(setback, situation)
    called = next_target(situation.plan, situation.tried, situation.opens_in)
    if isinstance(decision, Wait) and setback.retry_after is not None and situation.retries_left > 0:
        retriable = setback.failure.retriable if setback.should_retry is None else setback.should_retry
        if called.id == situation.tried[-1] and retriable:
            assert decision.seconds >= setback.retry_after


@given(setbacks, situations())
def test_nobody_is_called_who_is_not_open(setback, situation):
    decision = decide(setback, situation)
    if isinstance(decision, Wait):
        called = next_target(situation.plan, situation.tried, situation.opens_in)
        assert decision.seconds >= situation.opens_in(called)


@given(setbacks, policies, chances)
def test_the_providers_own_word_beats_the_catalogue_where_there_is_one_deployment(setback, policy, chance):
    situation = Situation(Plan(targets(1), policy), ("a",), 1, ("own",), 1e9, chance, lambda _: 0.0, 1e9)
    wanted = CATALOGUE[setback.failure.code].retriable if setback.should_retry is None else setback.should_retry
    assert isinstance(decide(setback, situation), Wait) == (wanted and policy.retries >= 1)


@given(st.integers(1, 4), st.integers(0, 6), chances)
def test_every_deployment_is_tried_before_any_is_tried_again(count, retries, chance):
    plan, tried = Plan(targets(count), RetryPolicy(retries)), ()
    while True:
        tried = (*tried, next_target(plan, tried, lambda _: 0.0).id)
        situation = Situation(plan, tried, len(tried), ("own",), 1e9, chance, lambda _: 0.0, 1e9)
        decision = decide(Setback(failure(Code.PROVIDER_ERROR)), situation)
        if decision == GiveUp():
            break
        assert (decision == Wait(0.0)) == (len(tried) < count), "only who was tried already is given time"
    assert len(tried) == 1 + retries
    counts = [tried.count(target.id) for target in plan.targets]
    assert max(counts) - min(counts) <= 1


def follow(plan, setback_of, reroute):
    """Walk a plan to its end, as the gateway does, while everybody fails; return the attempts by model."""
    tried, made, models, calls = (), 0, ("own",), []
    while True:
        target = next_target(plan, tried, lambda _: 0.0)
        tried, made = (*tried, target.id), made + 1
        calls.append((models[-1], target.id))
        situation = Situation(plan, tried, made, models, 1e12, 0.5, lambda _: 0.0, 1e12)
        match decide(setback_of(models[-1]), situation):
            case FallBack(model):
                models, tried, plan = (*models, model), (), after_fallback(plan, reroute(model))
            case Wait() | Defer():
                continue
            case _:
                return calls


@given(plans, st.lists(plans, min_size=5, max_size=5), st.lists(setbacks, min_size=6, max_size=6))
def test_every_plan_ends_and_retries_never_multiply(plan, others, said):
    routes = dict(zip(MODELS, others, strict=True))
    failing = dict(zip(("own", *MODELS), said, strict=True))
    calls = follow(plan, failing.__getitem__, routes.__getitem__)
    models = {model for model, _ in calls}
    assert len(models) <= 1 + plan.fallbacks.most
    assert len(calls) <= plan.policy.retries + len(models)


def situation_of(fallbacks, **changes):
    plan = Plan(targets(2), RetryPolicy(retries=3), fallbacks)
    return replace(Situation(plan, ("a",), 1, ("own",), 1e6, 0.0, lambda _: 0.0, 10.0), **changes)


ALL_WAYS = Fallbacks(("large",), ("long",), ("lenient",), (("429", ("other",)), ("5xx", ("elsewhere",))))


def last_try(code, status=None, **fields):
    return decide(Setback(failure(code), status=status, **fields), situation_of(ALL_WAYS, tried=("a", "b"), made=4))


@pytest.mark.parametrize("code", sorted(CREDENTIAL))
def test_a_credential_s_fault_is_not_the_request_s_where_there_is_another_credential(code):
    (one,) = targets(1)
    two = dataclasses.replace(one, credentials=(Credential("p"), Credential("p#2")))
    said = Setback(failure(code), status=401)
    situation = situation_of(Fallbacks())
    assert decide(said, replace(situation, plan=replace(situation.plan, targets=(one,)))) == GiveUp()
    several = replace(situation, plan=replace(situation.plan, targets=(two,)))
    assert isinstance(decide(said, several), Wait)
    assert decide(said, replace(several, made=5)) == GiveUp(), "the budget of retries is one"


def test_each_cause_has_its_own_way_out():
    assert last_try(Code.CONTEXT_LENGTH, 400) == FallBack("long")
    assert last_try(Code.UPSTREAM_TOO_LARGE, 413) == FallBack("long")
    assert last_try(Code.CONTENT_POLICY, 400) == FallBack("lenient")
    assert last_try(Code.RATE_LIMITED, 429) == FallBack("other")
    assert last_try(Code.PROVIDER_ERROR, 503) == FallBack("elsewhere")
    assert last_try(Code.CONNECTION_CUT) == FallBack("large")


def test_no_other_model_is_asked_what_the_request_got_wrong():
    assert last_try(Code.BAD_REQUEST, 400) == GiveUp()
    named = Fallbacks(("large",), by_status=(("400", ("other",)),))
    assert decide(Setback(failure(Code.BAD_REQUEST), status=400), situation_of(named)) == FallBack("other")


def test_a_long_wait_falls_back_if_it_can_and_is_deferred_if_not():
    setback = Setback(failure(Code.RATE_LIMITED), retry_after=3600.0, status=429)
    alone = situation_of(Fallbacks(), opens_in=lambda _: 3600.0)
    assert decide(setback, alone) == Defer(3600.0)
    assert decide(setback, replace(alone, plan=replace(alone.plan, fallbacks=ALL_WAYS))) == FallBack("other")
    assert decide(setback, replace(alone, remaining=3599.0)) == TooLate(3600.0)


def test_a_credential_that_is_out_of_money_is_waited_for_and_one_that_is_wrong_is_not():
    paused = situation_of(Fallbacks(), tried=("a", "b"), made=2, opens_in=lambda _: 60.0)
    assert decide(Setback(failure(Code.QUOTA_EXHAUSTED)), paused) == Defer(60.0)
    assert decide(Setback(failure(Code.AUTHENTICATION)), paused) == GiveUp()


def test_another_deployment_is_asked_at_once_when_a_credential_fails():
    for code in (Code.AUTHENTICATION, Code.PERMISSION, Code.QUOTA_EXHAUSTED):
        assert decide(Setback(failure(code)), situation_of(Fallbacks())) == Wait(0.0)


def test_a_request_outlives_its_retries_while_everybody_is_down():
    down = situation_of(Fallbacks(), tried=("a", "b"), made=9, opens_in=lambda _: 30.0)
    assert decide(Setback(failure(Code.OVERLOADED)), down) == Defer(30.0)
    assert decide(Setback(failure(Code.OVERLOADED)), replace(down, remaining=20.0)) == TooLate(30.0)
    assert decide(Setback(failure(Code.BAD_REQUEST)), down) == GiveUp()


def test_where_nobody_may_be_called_the_first_to_open_is_waited_for_or_another_model_asked():
    opening = {"a": 8.0, "b": 5.0}
    down = situation_of(Fallbacks(), opens_in=lambda target: opening[target.id])
    assert decide_unavailable(down) == Wait(5.0)
    assert decide_unavailable(replace(down, in_memory=1.0)) == Defer(5.0)
    assert decide_unavailable(replace(down, remaining=4.0)) == TooLate(5.0)
    assert decide_unavailable(replace(down, plan=replace(down.plan, fallbacks=ALL_WAYS))) == FallBack("large")


@given(st.integers(1, 10_000), policies, chances)
def test_backoff_is_between_half_of_its_ceiling_and_its_ceiling(attempt, policy, chance):
    wait = backoff(attempt, policy, chance)
    ceiling = min(policy.max_backoff, policy.backoff * 2.0 ** min(attempt - 1, 60))
    assert ceiling / 2 <= wait <= ceiling
