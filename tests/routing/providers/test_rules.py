"""A body is made to fit a provider: what it cannot honour is refused, or left out where the config allows it."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.providers.openai import encode
from headgate.routing.providers.reasoning import STYLES
from headgate.routing.service import ParameterRules, Service
from headgate.routing.target import Target
from headgate.schemas.failures import Code, Failure
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane


def sent(body, rules=None, endpoint=Endpoint.CHAT, **service):
    made = encoded(body, rules, endpoint, **service)
    assert not isinstance(made, Failure), made
    return json.loads(made.body), made.notes


def encoded(body, rules=None, endpoint=Endpoint.CHAT, **service):
    target = Target(
        "d",
        "there",
        "m",
        "openai",
        "http://h/v1",
        60,
        service=Service(rules=ParameterRules(**(rules or {})), **service),
    )
    raw = json.dumps({"model": "m", **body}).encode()
    return encode(Request("r", endpoint, "m", raw, "k", Lane.STANDARD, "t", 0, 0), target)


def test_without_rules_a_body_is_the_same_bytes():
    raw = b'{ "model":"m","seed": 1 }'
    target = Target("d", "there", "m", "openai", "http://h/v1", 60)
    request = Request("r", Endpoint.CHAT, "m", raw, "k", Lane.STANDARD, "t", 0, 0)
    assert encode(request, target).body is raw


def test_what_a_provider_cannot_honour_is_refused_by_name():
    failed = encoded({"seed": 7, "logit_bias": {"1": 2}}, {"unsupported": frozenset({"seed", "logit_bias", "n"})})
    assert failed.code is Code.UNSUPPORTED_PARAMETER
    assert failed.given == "logit_bias, seed"
    assert "there" in failed.expected


@pytest.mark.parametrize("drop", [{"seed"}, {"*"}])
def test_where_the_config_says_so_it_is_left_out_and_told(drop):
    body, notes = sent({"seed": 7}, {"unsupported": frozenset({"seed"})}, drop=frozenset(drop))
    assert body == {"model": "m"}
    assert notes == ("left out seed: there takes no such parameter",)


def test_what_may_be_dropped_does_not_excuse_what_may_not():
    rules = {"unsupported": frozenset({"seed", "n"})}
    assert encoded({"seed": 7, "n": 2}, rules, drop=frozenset({"seed"})).given == "n"


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 1), ("seed", None), ("logprobs", False), ("frequency_penalty", 0), ("tool_choice", "auto"), ("stop", [])],
)
def test_what_asks_for_nothing_is_left_out_without_a_word(name, value):
    assert sent({name: value}, {"unsupported": frozenset({name})}) == ({"model": "m"}, ())


@pytest.mark.parametrize(("value", "fits"), [(0, True), (1.99, True), (2, False), (-0.1, False), ("hot", True)])
def test_a_number_out_of_range_is_refused(value, fits):
    made = encoded({"temperature": value}, {"ranges": {"temperature": (0, 1.99)}})
    assert isinstance(made, Failure) is not fits
    if not fits:
        assert "0 to 1.99" in made.expected


def test_a_number_out_of_range_can_be_left_out_too():
    body, notes = sent({"temperature": 2}, {"ranges": {"temperature": (0, 1.99)}}, drop=frozenset({"temperature"}))
    assert body == {"model": "m"}
    assert notes == ("left out temperature: there takes 0 to 1.99",)


RENAME = {"rename": {"max_completion_tokens": "max_tokens"}}


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ({"max_completion_tokens": 5}, 5),
        ({"max_completion_tokens": 5, "max_tokens": 9}, 5),
        ({"max_completion_tokens": 9, "max_tokens": 5}, 5),
        ({"max_completion_tokens": 0, "max_tokens": 5}, 0),
        ({"max_completion_tokens": None, "max_tokens": 5}, 5),
        ({"max_completion_tokens": 5, "max_tokens": None}, 5),
        ({"max_completion_tokens": None}, None),
        ({"max_tokens": 5}, 5),
    ],
)
def test_a_parameter_goes_by_its_name_there_and_the_smaller_limit_counts(given_, kept):
    assert sent(given_, RENAME)[0] == {"model": "m", "max_tokens": kept}


def test_a_value_goes_by_its_name_there():
    rules = {"values": {"tool_choice": {'"required"': '"any"'}}}
    assert sent({"tool_choice": "required"}, rules)[0]["tool_choice"] == "any"
    assert sent({"tool_choice": "auto"}, rules)[0]["tool_choice"] == "auto"
    assert sent({"tool_choice": {"type": "function"}}, rules)[0]["tool_choice"] == {"type": "function"}


def test_what_has_to_be_in_every_body_is():
    fixed = {"fixed": {"store": "false"}}
    assert sent({"store": True}, fixed)[0]["store"] is False
    assert sent({}, fixed, Endpoint.RESPONSES)[0]["store"] is False
    assert "store" not in sent({}, fixed, Endpoint.EMBEDDINGS)[0]


def test_the_rules_are_those_of_chat_completions():
    rules = {"unsupported": frozenset({"user"}), **RENAME}
    assert sent({"user": "u", "max_completion_tokens": 1}, rules, Endpoint.RESPONSES)[0]["user"] == "u"


@pytest.mark.parametrize(
    ("style", "effort", "there"),
    [
        ("effort", "low", {"reasoning_effort": "low"}),
        ("nested", "low", {"reasoning": {"effort": "low"}}),
        ("nested", "none", {"reasoning": {"effort": "none"}}),
        ("thinking", "high", {"thinking": {"type": "enabled"}}),
        ("thinking", "none", {"thinking": {"type": "disabled"}}),
        ("thinking-effort", "high", {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("thinking-effort", "none", {"thinking": {"type": "disabled"}}),
        ("budget", "low", {"enable_thinking": True, "thinking_budget": 1024}),
        ("budget", "high", {"enable_thinking": True}),
        ("budget", "none", {"enable_thinking": False}),
        ("toggle", "medium", {"enable_thinking": True}),
        ("template", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("flag", "low", {"thinking": True}),
    ],
)
def test_reasoning_effort_is_said_as_the_provider_has_it(style, effort, there):
    body, _ = sent({"reasoning_effort": effort}, reasoning=style)
    assert body == {"model": "m", **there}


def test_a_level_that_is_lost_is_told():
    _, notes = sent({"reasoning_effort": "low"}, reasoning="thinking")
    assert notes == ('reasoning_effort low became {"thinking":{"type":"enabled"}}',)
    assert sent({"reasoning_effort": "low"}, reasoning="nested")[1] == ()


def test_where_nothing_controls_reasoning_asking_for_it_is_refused():
    assert encoded({"reasoning_effort": "low"}, reasoning="none").given == "reasoning_effort"
    assert sent({"reasoning_effort": "low"}, reasoning="none", drop=frozenset({"*"}))[0] == {"model": "m"}
    assert sent({"reasoning_effort": None}, reasoning="none") == ({"model": "m"}, ())


def test_what_a_body_says_in_the_providers_own_words_is_stronger():
    own = {"chat_template_kwargs": {"enable_thinking": False, "x": 1}}
    assert sent({"reasoning_effort": "low", **own}, reasoning="template")[0] == {"model": "m", **own}
    assert sent({"reasoning_effort": "low", "thinking": False}, reasoning="flag")[0]["thinking"] is False


def test_an_effort_can_have_another_name():
    rules = {"values": {"reasoning_effort": {'"none"': "null"}}}
    assert sent({"reasoning_effort": "none"}, rules)[0]["reasoning_effort"] is None


def test_texts_become_one_where_lists_are_not_taken():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "é"}]
    body, _ = sent(
        {"messages": [{"role": "user", "content": parts}, {"role": "user", "content": "b"}]}, {"text_only": True}
    )
    assert [message["content"] for message in body["messages"]] == ["a\né", "b"]


@pytest.mark.parametrize("content", [[{"type": "image_url", "image_url": {"url": "u"}}], [1], [{"type": "text"}]])
def test_what_is_no_text_is_refused_where_only_text_is_taken(content):
    made = encoded({"messages": [{"role": "user", "content": content}]}, {"text_only": True})
    assert made.code is Code.UNSUPPORTED_PARAMETER


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    st.lists,
    max_leaves=4,
)
NAMES = ["n", "seed", "temperature", "reasoning_effort", "max_completion_tokens", "max_tokens", "thinking", "other"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.sampled_from(sorted(STYLES)), st.booleans())
def test_whatever_is_sent_it_is_a_body_without_what_is_not_taken_or_a_refusal(body, style, may_drop):
    rules = {
        "unsupported": frozenset({"n", "seed"}),
        "ranges": {"temperature": (0, 1)},
        **RENAME,
    }
    made = encoded(body, rules, reasoning=style, drop=frozenset("*") if may_drop else frozenset())
    if isinstance(made, Failure):
        assert not may_drop
        assert made.code is Code.UNSUPPORTED_PARAMETER
        return
    got = json.loads(made.body)
    assert not {"n", "seed", "max_completion_tokens"} & set(got)
    assert got.get("other") == body.get("other")
    assert got["model"] == "m"


def test_rules_cost_microseconds():
    rules = ParameterRules(unsupported=frozenset({"logprobs", "seed"}), rename={"max_completion_tokens": "max_tokens"})
    target = Target("d", "there", "m", "openai", "http://h/v1", 60, service=replace(Service(), rules=rules))
    raw = json.dumps({"model": "x", "messages": [{"role": "user", "content": "x" * 4000}], "max_tokens": 5}).encode()
    request = Request("r", Endpoint.CHAT, "x", raw, "k", Lane.STANDARD, "t", 0, 0)
    best = min(timed(request, target) for _ in range(7))
    assert best < 60e-6


def timed(request, target):
    began = time.process_time()
    for _ in range(300):
        encode(request, target)
    return (time.process_time() - began) / 300
