"""Choices from targets that make one a call: as many equal calls, and one answer of theirs."""

import json
from dataclasses import replace
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.routing.http import HttpCall
from headgate.routing.outcome import Completion, Setback
from headgate.routing.prices import Price, Rates, Tier, expected_cost, worst_cost
from headgate.routing.providers.families import FAMILIES
from headgate.routing.providers.fan_out import merged, total
from headgate.routing.providers.resolve import Resolved, resolve
from headgate.routing.service import MOST_TWINS, ParameterRules, Service
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.routing.twins import estimated_calls
from headgate.schemas.config_providers import Provider, Wire
from headgate.schemas.failures import Code, Failure, failure
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from support.wire import asked, to

COUNTS = st.builds(Tokens, **dict.fromkeys(Tokens.__struct_fields__, st.integers(0, 10**9)))
TIERS = st.sampled_from([None, "standard", "priority"])
ONE_A_CALL = {
    "anthropic": "claude-sonnet-4-5",
    "cohere": "command-a-03-2025",
    "bedrock-converse": "amazon.nova-pro-v1:0",
}
ONE_A_CALL |= {"vertex-anthropic": "claude-sonnet-4-5@20250929"}
SAYS = {"messages": [{"role": "user", "content": "Why?"}], "max_tokens": 9}


@st.composite
def answers(draw):
    """An answer as families make it, with one choice or more."""
    tokens, tier = draw(st.none() | COUNTS), draw(TIERS)
    words = draw(st.lists(st.text(max_size=5), min_size=1, max_size=2))
    choices = [{"index": 9, "message": {"content": word}, "finish_reason": "stop"} for word in words]
    body = {"id": draw(st.text(max_size=3)), "choices": choices}
    if tokens is not None:
        body["usage"] = {"prompt_tokens": tokens.input, "prompt_tokens_details": {"cached_tokens": tokens.cached}}
    return Completion(200, json.dumps(body).encode(), draw(st.text(max_size=3)), tokens, tier)


setbacks = st.builds(
    Setback,
    st.sampled_from(Code).map(failure),
    retry_after=st.none() | st.floats(0, 100),
    should_retry=st.none() | st.booleans(),
    tokens=st.none() | COUNTS,
)


def service(family, n=("n",), **changes):
    """Return the service of a provider that speaks a wire and may emulate."""
    told = {"wire": family, "base_url": "https://api.test", "api_key": "x", "emulate": list(n), **changes}
    if family == "bedrock-converse":
        told["options"] = {"region": "us-east-1"}
    found = resolve("somebody", Provider.model_validate(told))
    assert isinstance(found, Resolved), found
    return found.service


def encoded(family, model, body, **changes):
    return FAMILIES[family].encode(asked(SAYS | body), to(family, model, service=service(family, **changes)))


@given(st.lists(answers(), min_size=1, max_size=5))
def test_all_answers_are_one_with_all_choices_counted_through_and_all_tokens(each):
    result = merged(each).result
    assert isinstance(result, Completion)
    body = json.loads(result.body)
    given_ = [choice["message"] for one in each for choice in json.loads(one.body)["choices"]]
    assert [choice["message"] for choice in body["choices"]] == given_
    assert [choice["index"] for choice in body["choices"]] == list(range(len(given_)))
    assert (result.request_id, body["id"]) == (each[0].request_id, json.loads(each[0].body)["id"])
    said = [one.tokens for one in each]
    if None in said:
        assert result.tokens is None
        assert "usage" not in body
    else:
        assert result.tokens == total(said)
        assert body["usage"]["prompt_tokens"] == sum(tokens.input for tokens in said)
        assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == sum(tokens.cached for tokens in said)
    assert [twin.tokens for twin in result.twins] == said
    assert result.tier == (each[0].tier if len({one.tier for one in each}) == 1 else None)


@given(
    st.lists(answers() | setbacks, min_size=1, max_size=5).filter(
        lambda each: any(isinstance(one, Setback) for one in each)
    )
)
def test_one_failure_fails_them_all_and_nothing_that_was_used_is_forgotten(each):
    got = merged(each)
    assert isinstance(got.result, Setback)
    assert got.result.failure == each[got.by].failure
    passes = [
        one.failure.retriable if one.should_retry is None else one.should_retry
        for one in each
        if isinstance(one, Setback)
    ]
    worst = each[got.by]
    assert (worst.failure.retriable if worst.should_retry is None else worst.should_retry) == all(passes)
    assert [twin.tokens for twin in got.result.twins] == [one.tokens for one in each]
    said = [one.tokens for one in each if one.tokens is not None]
    assert got.result.tokens == (total(said) if said else None)
    assert got.notes == (f"{len(passes)} of {len(each)} calls failed",)


@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b'{"choices":[{}],"usage":1e999}', b'{"choices":null}', b"{}"]),
        min_size=1,
    )
)
def test_no_bytes_raise_and_what_cannot_be_one_is_a_failure_with_its_tokens(bodies):
    got = merged([Completion(200, body, "", Tokens(input=1)) for body in bodies]).result
    assert isinstance(got, Completion) or got.failure.code is Code.MALFORMED_RESPONSE
    assert got.tokens == Tokens(input=len(bodies))


def test_the_tiers_of_calls_that_were_served_differently_are_told_and_none_is_named():
    body = b'{"choices":[{"index":0}],"service_tier":"%s"}'
    one, other = (Completion(200, body % tier, "", None, tier.decode()) for tier in (b"standard", b"priority"))
    got = merged([one, other])
    assert (got.result.tier, got.notes) == (None, ("service_tier: standard, priority, call by call",))
    assert b"service_tier" not in got.result.body
    assert b'"service_tier":"standard"' in merged([one, one]).result.body


@pytest.mark.parametrize("family", ONE_A_CALL)
def test_a_family_that_makes_one_choice_a_call_is_called_as_often_as_the_config_allows(family):
    call = encoded(family, ONE_A_CALL[family], {"n": 3})
    alone = encoded(family, ONE_A_CALL[family], {})
    assert isinstance(call, HttpCall)
    assert (call.twins, alone.twins) == (3, 1)
    assert call.body == alone.body
    assert call.notes == (*alone.notes, "made n=3 by 3 calls")


@pytest.mark.parametrize("family", ONE_A_CALL)
def test_without_leave_it_is_refused_and_the_hint_names_both_ways(family):
    got = encoded(family, ONE_A_CALL[family], {"n": 3}, n=())
    assert isinstance(got, Failure)
    assert (got.code, got.given) == (Code.UNSUPPORTED_PARAMETER, "n")
    assert "`drop`" in got.hint
    assert "`emulate`" in got.hint


@pytest.mark.parametrize("n", [-1, 0, 129, 10**9])
@pytest.mark.parametrize("family", ONE_A_CALL)
def test_no_number_of_choices_makes_more_calls_than_openai_would_make_choices(family, n):
    got = encoded(family, ONE_A_CALL[family], {"n": n})
    assert isinstance(got, Failure) or (n == 0 and got.twins == 1)
    if n > MOST_TWINS:
        assert "n: 1 to 128" in got.expected


def test_emulating_is_stronger_than_dropping():
    assert encoded("anthropic", ONE_A_CALL["anthropic"], {"n": 2}, drop=["*"]).twins == 2


def test_gemini_is_asked_for_what_it_makes_in_one_call():
    few, many = (encoded("gemini", "gemini-2.5-flash", {"n": n}) for n in (8, 9))
    assert (few.twins, json.loads(few.body)["generationConfig"]["candidateCount"]) == (1, 8)
    assert (many.twins, "candidateCount" in json.loads(many.body)["generationConfig"]) == (9, False)


@pytest.mark.parametrize(("n", "twins", "left"), [(1, 1, False), (2, 2, False), (None, 1, False), ("3", None, True)])
def test_a_provider_of_openais_wire_without_n_is_called_so_often(n, twins, left):
    may = Service(rules=ParameterRules(unsupported=frozenset({"n"})), fan_out_over=1)
    got = FAMILIES["openai"].encode(asked({**SAYS, "n": n}), to("openai", "m", service=may))
    if left:
        assert got.given == "n"
    else:
        assert got.twins == twins
        assert "n" not in json.loads(got.body)
        assert ("made n=2 by 2 calls" in got.notes) == (n == 2)


def test_whoever_takes_n_is_asked_for_it():
    assert service("openai").fan_out_over is None
    assert resolve("cerebras", Provider(api_key="x", emulate=["n"])).service.fan_out_over == 1
    assert resolve("cerebras", Provider(api_key="x", emulate=["n"], supported=["n"])).service.fan_out_over is None


@pytest.mark.parametrize("family", get_args(Wire))
def test_families_say_how_many_choices_a_call_makes(family):
    expected = 1 if family in ONE_A_CALL else 8 if family in {"gemini", "vertex"} else None
    assert FAMILIES[family].choices == expected


def test_nothing_else_can_be_emulated():
    with pytest.raises(ValidationError, match="emulate"):
        Provider(api_key="x", emulate=["seed"])


@given(st.integers(1, MOST_TWINS), st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_is_held_and_expected_is_so_many_times_that_of_one_call(n, above, dear, request):
    cheap = Rates(10**15, 10**15, 10**15, 10**15, 10**15)
    costly = Rates(*[dear * 10**12] * 5)
    price = Price(cheap, "1", "test", tiers=(Tier(above, costly),), request=request * 10**15)
    target = to("anthropic", ONE_A_CALL["anthropic"], service=service("anthropic"), price=price)
    plain = replace(target, service=Service())
    # n beside 1, in the same bytes, so that only the calls differ
    many, one = asked(SAYS | {"n": n, "user": " " * 2}), asked(SAYS | {"n": 1, "user": " " * (2 + len(str(n)) - 1)})
    estimator = TokenEstimator()
    held, single = estimator.estimate(many, target), estimator.estimate(one, plain)
    assert (held.worst_input, held.worst_output) == (n * single.worst_input, n * single.worst_output)
    assert (held.twins, held.output) == (n, n * single.output)
    assert worst_cost(price, held) == n * worst_cost(price, single)
    assert abs(held.input - n * single.input) <= n
    assert expected_cost(price, held) >= n * price.request
    tokens, twins = estimated_calls(many, target)
    assert (twins, tokens.output) == (n, 9)
    assert tokens.input <= single.worst_input


def test_what_is_learned_of_many_calls_is_what_one_would_have_taught():
    target = to("anthropic", ONE_A_CALL["anthropic"], service=service("anthropic"))
    many, one = asked(SAYS | {"n": 4}), asked(SAYS | {"n": 1})
    estimator, other = TokenEstimator(), TokenEstimator()
    for _ in range(300):
        assert not estimator.observe(many, target, Tokens(input=120, output=20)).beyond_worst
        other.observe(one, target, Tokens(input=30, output=5))
    assert estimator.estimate(many, target).input == pytest.approx(120, abs=8)
    assert estimator.estimate(one, target).input == pytest.approx(other.estimate(one, target).input, abs=2)


def test_other_endpoints_make_what_they_make_in_one_call():
    target = to("openai", "m", service=replace(Service(), fan_out_over=1))
    images = asked({"model": "m", "prompt": "a lock", "n": 3}, Endpoint.IMAGES)
    assert TokenEstimator().estimate(images, target).twins == 1
    assert estimated_calls(images, target)[1] == 1
    assert msgspec.structs.asdict(FAMILIES["openai"].encode(images, target))["twins"] == 1
