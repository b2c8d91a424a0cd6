"""Recorded requests under another config: exact where everything is known, and open about what is not."""

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.routing.forecast.blind import Blind, blind_spots
from headgate.routing.forecast.comparison import By, Comparison, Delays
from headgate.routing.forecast.replay import Fate, Lived, Replay
from headgate.routing.models import ModelFacts
from headgate.routing.prices import cost_nano
from headgate.routing.routes import build_routes
from headgate.schemas.config import Config
from headgate.schemas.failures import Code
from headgate.schemas.recorded import RecordedAnswer, RecordedRequest
from headgate.schemas.reply import Tokens
from support.gateways import PRICE

SECOND = 1_000_000
START = 1_800_000_000 * SECOND


class Prices:
    """One price for all; every moment it was asked about is remembered."""

    def __init__(self):
        self.asked = []

    def find(self, _, model, at_us=None):
        self.asked.append(at_us)
        return None if model == "unpriced" else PRICE


class Data:
    def facts(self, _, model):
        return ModelFacts(
            window=100 if "short" in model else None, lacks=frozenset({"tools"} if "dumb" in model else ())
        )


def a_config(route=None, deployments=("a",), more=(), name="m", **parts):
    listed = [{"provider": "p", "model": it, "id": it} if isinstance(it, str) else it for it in deployments]
    models = [{"name": name, "deployments": listed, "route": route or {}}, *more]
    return Config.model_validate({"providers": {"p": {"base_url": "http://x/v1"}}, "models": models, **parts})


def a_replay(config, prices=None):
    return Replay(config, build_routes(config, None, Data()), prices or Prices())


def answer(input_=100, output=50, *, cached=0, at_us=START, deployment="a", version=PRICE.version, latency_ms=1_000):
    tokens = Tokens(input=input_, cached=cached, output=output)
    return RecordedAnswer(tokens, cost_nano(PRICE, tokens), version, deployment, "p", at_us, latency_ms)


def recorded(name="r1", *answers, at_us=START, waited_us=0, other=0, **fields):
    answers = answers or (() if "code" in fields or fields.pop("failed", False) else (answer(at_us=at_us),))
    cost = sum(each.cost_nano for each in answers) + other
    known = {"key": "k", "lane": "standard", "endpoint": "/v1/chat/completions", "model": "m", "latency_ms": 1_000}
    known |= {"deployment": "a", "provider": "p", "last_us": at_us, **fields}
    return RecordedRequest(
        request_id=name, arrived_us=at_us, waited_us=waited_us, cost_nano=cost, answers=answers, **known
    )


ANSWERS = st.builds(
    lambda input_, output, share: answer(input_, output, cached=int(input_ * share)),
    st.integers(0, 10**7),
    st.integers(0, 10**6),
    st.floats(0, 1),
)
RECORDED = st.lists(
    st.builds(
        lambda nr, answers, other, model, key, waited, code, later: (
            later,
            recorded(
                f"r{nr}",
                *answers,
                waited_us=waited * SECOND,
                other=other,
                model=model,
                key=key,
                **({"code": code} if code and not answers else {} if answers else {"failed": True}),
            ),
        ),
        st.integers(0, 10**6),
        st.lists(ANSWERS, max_size=2),
        st.integers(0, 10**6),
        st.sampled_from(["m", "n"]),
        st.sampled_from(["k", "l"]),
        st.integers(0, 20),
        st.sampled_from([None, "budget_exceeded", "invalid_request", "unauthenticated"]),
        st.integers(0, 30),
    ),
    max_size=12,
)
BOTH = {"more": [{"name": "n", "deployments": [{"id": "b", "provider": "p", "model": "b"}]}]}
TIGHT = {
    "keys": [
        {"id": "k", "limits": {"requests_per_minute": 1, "parallel": 1}, "budgets": [{"requests": 2, "per": "hour"}]},
        {"id": "l", "models": ["n"]},
    ]
}


def in_order(pairs):
    at_us = START
    for later, one in pairs:
        at_us += later * SECOND
        yield msgspec.structs.replace(one, arrived_us=at_us)


def compared(replay, requests, *by):
    comparison = Comparison(by)
    for one in requests:
        comparison.add(one, replay.recorded(one), replay.replayed(one))
    return comparison


# by property


@given(RECORDED)
@settings(max_examples=100, deadline=None)
def test_the_same_config_without_limits_gives_the_recorded_cost_to_the_last_unit(pairs):
    requests = list(in_order(pairs))
    comparison = compared(a_replay(a_config(**BOTH)), requests)
    assert comparison.total.recorded.cost == sum(one.cost_nano for one in requests)
    assert comparison.total.replayed.cost == comparison.total.recorded.cost
    assert comparison.repriced == 0


@given(RECORDED, st.booleans(), st.lists(st.sampled_from(By), max_size=3, unique=True))
@settings(max_examples=100, deadline=None)
def test_served_deferred_and_refused_are_all_and_the_groups_add_up_exactly(pairs, tight, by):
    requests = list(in_order(pairs))
    comparison = compared(a_replay(a_config(**BOTH, **(TIGHT if tight else {}))), requests, *by)
    for side in ("recorded", "replayed"):
        total = getattr(comparison.total, side)
        assert total.served + total.deferred + total.refused == total.requests == len(requests)
        for field in dataclasses.fields(total):
            parts = [getattr(getattr(pair, side), field.name) for pair in comparison.groups.values()]
            assert sum(parts) == getattr(total, field.name)
    refused = comparison.total.recorded.refused, comparison.total.replayed.refused
    assert refused == tuple(sum(each) for each in zip(*comparison.codes.values(), strict=True)) or refused == (0, 0)
    assert len(comparison.replayed_delays) == comparison.total.replayed.deferred


# what would be


def test_tokens_are_priced_as_of_the_time_at_which_they_were_used():
    prices = Prices()
    a_replay(a_config(), prices).replayed(recorded("r1", answer(at_us=START + 7)))
    assert set(prices.asked) == {START + 7}


def test_a_price_of_the_other_config_is_used_and_told():
    cheap = {"id": "a", "provider": "p", "model": "a", "price": {"input": "0.001", "output": "0.002"}}
    comparison = compared(a_replay(a_config(deployments=[cheap])), [recorded()])
    assert comparison.total.replayed.cost == 100 * 1 + 50 * 2
    assert comparison.repriced == 1


def test_each_answer_is_rounded_for_itself_as_it_would_be_billed():
    half = {"id": "a", "provider": "p", "model": "a", "price": {"input": "0.0005"}}  # half a nano-dollar a token
    two = recorded("r1", answer(1, 0), answer(1, 0))
    assert a_replay(a_config(deployments=[half])).replayed(two).answer_nano == 0


def test_an_answer_costs_what_its_service_tier_costs_there():
    half = {"price": {"input": "0.002", "output": "0.004"}, "service_tiers": {"flex": {"factor": "0.5"}}}
    replay = a_replay(a_config(deployments=[{"id": "a", "provider": "p", "model": "a", **half}]))
    flex = msgspec.structs.replace(answer(), asked="flex", served="flex")
    degraded = msgspec.structs.replace(answer(), asked="flex", served="default")
    costs = [replay.replayed(recorded("r", each)).answer_nano for each in (answer(), flex, degraded)]
    assert costs == [400, 200, 400]
    none = replay.replayed(recorded("r", msgspec.structs.replace(answer(), asked="priority", served="priority")))
    assert none.code == Code.UNSUPPORTED_PARAMETER


def test_an_answer_of_several_calls_is_made_by_as_many_again():
    """What is charged for a request is charged for each of them, and each has read its share of the input."""
    price = {"input": "0.001", "output": "0.002", "per_request": "0.000007"}
    config = a_config(deployments=[{"id": "a", "provider": "p", "model": "a", "price": price}])
    thrice = msgspec.structs.replace(answer(300, 60), calls=3)
    assert a_replay(config).replayed(recorded("r", thrice)).answer_nano == 300 * 1 + 60 * 2 + 3 * 7_000
    short = a_replay(a_config(deployments=["short"]))
    assert short.replayed(recorded("r", thrice)).fate is Fate.SERVED
    assert short.replayed(recorded("r", answer(300, 60))).code == Code.CONTEXT_LENGTH


@pytest.mark.parametrize("limits", [{"requests_per_minute": 4}, {"parallel": 4}])
def test_every_call_of_an_answer_counts_for_limits(limits):
    limited = {"id": "a", "provider": "p", "model": "a", "limits": limits}
    thrice = msgspec.structs.replace(answer(), calls=3)
    lived = [a_replay(a_config(deployments=[limited])) for _ in range(2)]
    for replay, each, fates in zip(lived, (answer(), thrice), (["served"] * 2, ["served", "deferred"]), strict=True):
        requests = [recorded(f"r{nr}", each, latency_ms=30_000) for nr in range(2)]
        assert [replay.replayed(one).fate for one in requests] == fates


def test_a_limit_defers_and_says_for_how_long():
    config = a_config(keys=[{"id": "k", "limits": {"parallel": 1}}])
    requests = [recorded(f"r{nr}", at_us=START + nr, latency_ms=30_000) for nr in range(3)]
    comparison = compared(a_replay(config), requests)
    assert (comparison.total.replayed.served, comparison.total.replayed.deferred) == (1, 2)
    assert comparison.replayed_delays.quantiles(0.5, 1.0) == [30 * SECOND - 1, 60 * SECOND - 2]
    assert comparison.total.replayed.cost == comparison.total.recorded.cost


def test_a_budget_refuses_by_its_code_and_what_is_refused_costs_nothing():
    budget = {"requests": 2, "per": "total", "at_limit": "refuse"}
    config = a_config(keys=[{"id": "k", "budgets": [budget]}])
    comparison = compared(a_replay(config), [recorded(f"r{nr}", other=5) for nr in range(3)])
    assert comparison.codes == {"budget_exceeded": (0, 1)}
    assert comparison.total.replayed.cost == 2 * recorded(other=5).cost_nano


def test_a_spent_budget_sends_on_to_its_fallback():
    budget = {"requests": 1, "per": "total", "at_limit": {"fallback": "n"}}
    first = {"id": "a", "provider": "p", "model": "a", "budgets": [budget]}
    replay = a_replay(a_config(deployments=[first], **BOTH))
    assert [replay.replayed(recorded(f"r{nr}")).deployment for nr in range(3)] == ["a", "b", "b"]


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (a_config(name="other"), Code.MODEL_NOT_FOUND),
        (a_config(deployments=["unpriced"]), Code.UNPRICED),
        (a_config(keys=[{"id": "k", "models": ["n"]}], **BOTH), Code.FORBIDDEN),
        (a_config(keys=[{"id": "l"}]), Code.UNAUTHENTICATED),
        (a_config(keys=[{"id": "k", "expires": "2026-01-01T00:00:00Z"}]), Code.KEY_EXPIRED),
        (a_config(keys=[{"id": "k", "limits": {"tokens_per_day": 9}}]), Code.LIMIT_TOO_SMALL),
        (a_config(deployments=["short"]), Code.CONTEXT_LENGTH),
    ],
)
def test_what_the_other_config_refuses_is_refused_by_its_code(config, code):
    assert a_replay(config).replayed(recorded("r1", answer(1_000))).code == code


def test_a_deployment_with_too_small_a_window_is_passed_by_unless_it_has_read_the_request():
    config = a_config({"strategy": "fallback"}, ["short", "a"])
    assert a_replay(config).replayed(recorded("r1", answer(101))).deployment == "a"
    assert a_replay(config).replayed(recorded("r1", answer(100))).deployment == "short"
    assert a_replay(config).replayed(recorded("r1", answer(101, deployment="short"))).deployment == "short"


def test_lowest_cost_goes_by_the_recorded_tokens():
    deployments = [
        {"id": "reads", "provider": "p", "model": "x", "price": {"input": 1, "output": 50}},
        {"id": "writes", "provider": "p", "model": "y", "price": {"input": 50, "output": 1}},
    ]
    replay = a_replay(a_config({"strategy": "lowest-cost"}, deployments))
    assert replay.replayed(recorded("r1", answer(1_000, 1))).deployment == "reads"
    assert replay.replayed(recorded("r2", answer(1, 1_000))).deployment == "writes"


def test_what_was_refused_for_itself_is_refused_again_and_what_the_config_decided_is_decided_anew():
    replay = a_replay(a_config())
    assert replay.replayed(recorded(code="invalid_request", other=3)) == Lived(
        Fate.REFUSED, "invalid_request", other_nano=3, blind=frozenset({Blind.REFUSAL})
    )
    anew = replay.replayed(recorded(code="model_not_found", deployment=""))
    assert (anew.fate, anew.cost_nano, anew.blind) == (Fate.SERVED, 0, {Blind.TOKENS})


def test_an_endpoint_that_is_not_served_any_more_is_refused():
    assert a_replay(a_config()).replayed(recorded(endpoint="/v1/images")).code == Code.UNKNOWN_ENDPOINT


def test_failed_attempts_keep_the_cost_that_they_had():
    lived = a_replay(a_config()).replayed(recorded(other=77))
    assert (lived.answer_nano, lived.other_nano) == (answer().cost_nano, 77)


# what was


def test_a_recorded_wait_beyond_memory_counts_as_deferred():
    replay = a_replay(a_config(admission={"wait_in_memory": "5s"}))
    fates = [replay.recorded(recorded(waited_us=seconds * SECOND)).fate for seconds in (5, 6)]
    assert fates == [Fate.SERVED, Fate.DEFERRED]


def test_delays_are_told_by_nearest_rank():
    delays = Delays()
    assert delays.quantiles(0.5) == [0]
    for wait in range(100, 0, -1):
        delays.add(Lived(Fate.DEFERRED, waited_us=wait))
    delays.add(Lived(Fate.SERVED, waited_us=10**6))
    assert delays.quantiles(0.5, 0.99, 1.0) == [50, 99, 100]


# what cannot be known


@pytest.mark.parametrize(
    ("route", "deployments", "blind"),
    [
        ({}, "ab", set()),
        ({"targets": [{"deployment": "a", "when": {"metadata.x": "1"}}, {"deployment": "b"}]}, "ab", set()),
        ({"targets": [{"deployment": "a", "when": {"params.n": 1}}, {"deployment": "b"}]}, "ab", {Blind.BODY}),
        (
            {"targets": [{"deployment": "a", "when": {"$not": {"input_tokens": {"$gt": 1}}}}, {"deployment": "b"}]},
            "ab",
            {Blind.BODY},
        ),
        ({"strategy": "sticky", "sticky_on": ["params.seed"]}, "ab", {Blind.BODY}),
        (
            {
                "strategy": "conditional",
                "conditions": [{"when": {"$or": [{"key": "k"}, {"input_bytes": 1}]}, "then": "a"}],
                "default": "b",
                "targets": [{"deployment": "a"}, {"deployment": "b"}],
            },
            "ab",
            {Blind.BODY},
        ),
        ({"strategy": "least-busy"}, "ab", {Blind.MOMENT}),
        ({"strategy": "least-busy"}, "a", set()),
        ({"targets": [{"strategy": "usage-based", "targets": [{"deployment": "a"}]}]}, "a", {Blind.MOMENT}),
        ({"targets": [{"model": "n"}]}, "a", {Blind.MOMENT}),
        ({}, ["dumb"], {Blind.CAPABILITIES}),
    ],
)
def test_what_a_route_looks_at_and_nobody_recorded_is_told(route, deployments, blind):
    busy = {"strategy": "lowest-latency"}
    others = [{"id": name, "provider": "p", "model": name} for name in ("y", "z")]
    config = a_config(route, deployments, [{"name": "n", "deployments": others, "route": busy}])
    routes = build_routes(config, None, Data())
    assert blind_spots(config, routes)["m"] == blind
    assert a_replay(config).replayed(recorded()).blind == blind
