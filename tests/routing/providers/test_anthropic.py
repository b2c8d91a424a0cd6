"""The wire of Anthropic's Messages beyond its golden files."""

import json

import pytest

from headgate.routing.http import HttpCall
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.anthropic import FAMILY, ON_VERTEX
from headgate.routing.providers.anthropic.models import Claude, claude
from headgate.routing.service import ParameterRules, Service
from headgate.schemas.failures import Code, Failure
from headgate.schemas.reply import Tokens
from support.wire import asked, came, to

HELLO = [{"role": "user", "content": "Hello"}]
CLOCK = {"type": "function", "function": {"name": "clock"}}


def encode(model, body, **changes):
    return FAMILY.encode(asked({"messages": HELLO, **body}), to("anthropic", model, **changes))


def sent(model, body, **changes):
    call = encode(model, body, **changes)
    assert isinstance(call, HttpCall), call
    return json.loads(call.body), call.notes


def decode(stop="end_turn", content=({"type": "text", "text": "Hi"},), usage=None, status=200, **fields):
    usage = {"input_tokens": 10, "output_tokens": 5} if usage is None else usage
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": list(content)}
    reply = came({**body, "stop_reason": stop, "usage": usage, **fields}, status)
    return FAMILY.decode(reply, asked({}), to("anthropic", "claude-x"))


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_every_documented_end_of_an_answer_has_openais_word(stop, finish):
    got = decode(stop)
    assert isinstance(got, Completion)
    assert json.loads(got.body)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("stop", "code"),
    [("pause_turn", Code.MODEL_ERROR), ("tired", Code.MALFORMED_RESPONSE), (None, Code.MALFORMED_RESPONSE)],
)
def test_every_other_end_is_a_failure_that_says_what_it_used(stop, code):
    got = decode(stop)
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens) == (code, Tokens(input=10, output=5))


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, Tokens(input=10, output=5)),
        ({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100}, Tokens(110, cached=100, output=5)),
        (
            {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 100},
            Tokens(110, cache_write=100, output=5),
        ),
        (
            {
                "input_tokens": 1,
                "cache_read_input_tokens": 20,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
                "output_tokens": 50,
                "output_tokens_details": {"thinking_tokens": 40},
                "server_tool_use": {"web_search_requests": 1},
            },
            Tokens(input=321, cached=20, cache_write=300, output=50, reasoning=40, cache_write_1h=200),
        ),
        (
            {
                "input_tokens": 0,
                "cache_read_input_tokens": None,
                "cache_creation_input_tokens": None,
                "output_tokens": 0,
                "output_tokens_details": None,
            },
            Tokens(),
        ),
    ],
)
def test_usage_is_counted_exactly(usage, tokens):
    got = decode(usage=usage)
    assert isinstance(got, Completion)
    assert got.tokens == tokens
    said = json.loads(got.body)["usage"]
    assert (said["prompt_tokens"], said["completion_tokens"]) == (tokens.input, tokens.output)
    assert said["total_tokens"] == tokens.input + tokens.output


def test_an_answer_without_usage_says_that_nobody_knows():
    body = {"id": "m", "model": "c", "content": [], "stop_reason": "end_turn"}
    got = FAMILY.decode(came(body), asked({}), to("anthropic", "c"))
    assert isinstance(got, Completion)
    assert got.tokens is None
    assert "usage" not in json.loads(got.body)


@pytest.mark.parametrize("usage", [{}, {"input_tokens": 1}, {"input_tokens": -1, "output_tokens": 1}, "much"])
def test_usage_that_is_none_is_a_failure(usage):
    got = decode(usage=usage)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE


@pytest.mark.parametrize(("tier", "word"), [("standard", "default"), ("priority", "priority"), ("batch", None)])
def test_the_tier_that_was_served_is_told(tier, word):
    got = decode(usage={"input_tokens": 1, "output_tokens": 1, "service_tier": tier})
    assert isinstance(got, Completion)
    assert got.tier == word
    assert json.loads(got.body).get("service_tier") == word


def test_a_block_that_was_not_asked_for_is_a_failure():
    got = decode(content=[{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}])
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens) == (Code.MALFORMED_RESPONSE, Tokens(input=10, output=5))


def test_an_error_is_told_by_the_table_of_errors():
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
    got = FAMILY.decode(came(body, 529, retry_after="3"), asked({}), to("anthropic", "claude-x"))
    assert isinstance(got, Setback)
    assert (got.failure.code, got.retry_after, got.status) == (Code.OVERLOADED, 3.0, 529)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-2.1", {"max_output": 4_096, "thinking": "none"}),
        ("claude-3-haiku-20240307", {"max_output": 4_096, "thinking": "none"}),
        ("claude-3-5-sonnet-20241022", {"max_output": 8_192, "thinking": "none", "schemas": False}),
        ("claude-3-7-sonnet-latest", {"max_output": 64_000, "thinking": "budget", "both_samplings": True}),
        ("claude-opus-4-20250514", {"max_output": 32_000, "thinking": "budget", "both_samplings": True}),
        ("claude-opus-4-1-20250805", {"max_output": 32_000, "thinking": "budget", "both_samplings": False}),
        ("claude-sonnet-4-0", {"max_output": 64_000, "thinking": "budget", "prefill": True}),
        ("claude-opus-4-5", {"max_output": 64_000, "thinking": "budget", "schemas": True}),
        ("claude-haiku-4-5@20251001", {"max_output": 64_000, "sampling": True, "prefill": True}),
        ("claude-opus-4-6", {"max_output": 128_000, "thinking": "adaptive", "sampling": True, "prefill": False}),
        ("claude-opus-4-7-20260416", {"sampling": False, "thinks_unasked": False, "forced_tools": True}),
        ("claude-sonnet-5", {"thinks_unasked": True, "always_thinks": False, "forced_tools": True}),
        ("claude-haiku-5-5", {"thinks_unasked": True, "always_thinks": False, "forced_tools": True}),
        ("claude-opus-5-5", {"always_thinks": True, "forced_tools": False}),
        ("claude-fable-5", {"always_thinks": True, "forced_tools": True}),
        ("claude-fable-5-1", {"always_thinks": True, "forced_tools": False}),
        ("claude-mythos-preview", {"always_thinks": True, "thinking": "adaptive"}),
        ("minimax-m3", {"max_output": None, "thinking": "none", "sampling": True, "forced_tools": True}),
    ],
)
def test_what_a_model_takes_is_told_by_its_generation(model, expected):
    known = claude(model)
    assert {name: getattr(known, name) for name in expected} == expected


def test_efforts_came_with_the_models():
    assert claude("claude-opus-4-6").efforts == {"low", "medium", "high", "max"}
    assert claude("claude-opus-4-7").efforts == {"low", "medium", "high", "xhigh", "max"}
    assert claude("my-own").efforts == Claude().efforts == frozenset()


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config", "notes"),
    [
        ("claude-3-5-haiku-latest", "none", None, None, 0),
        ("claude-sonnet-4-5", "none", None, None, 0),
        ("claude-sonnet-4-5", "minimal", {"type": "enabled", "budget_tokens": 1_024}, None, 1),
        ("claude-sonnet-4-5", "high", {"type": "enabled", "budget_tokens": 16_384}, None, 1),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive"}, {"effort": "high"}, 1),
        ("claude-opus-4-6", "max", {"type": "adaptive"}, {"effort": "max"}, 0),
        ("claude-opus-4-7", "minimal", {"type": "adaptive"}, {"effort": "low"}, 1),
        ("claude-opus-4-7", "none", None, None, 0),
        ("claude-opus-5", "none", {"type": "disabled"}, None, 0),
        ("claude-opus-5", "medium", {"type": "adaptive"}, {"effort": "medium"}, 0),
    ],
)
def test_an_effort_is_said_as_the_model_takes_it(model, effort, thinking, config, notes):
    body, said = sent(model, {"reasoning_effort": effort})
    assert (body.get("thinking"), body.get("output_config"), len(said)) == (thinking, config, notes)


@pytest.mark.parametrize(
    ("model", "body", "given"),
    [
        ("claude-3-5-haiku-latest", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("claude-opus-5-5", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("claude-opus-5", {"reasoning_effort": "extreme"}, "reasoning_effort"),
        ("claude-sonnet-4-5", {"reasoning_effort": "low", "max_tokens": 1_024}, "reasoning_effort"),
        (
            "claude-sonnet-4-5",
            {"reasoning_effort": "low", "tools": [CLOCK], "tool_choice": "required"},
            "reasoning_effort",
        ),
        ("claude-sonnet-4-5", {"reasoning_effort": "low", "temperature": 0.5}, "temperature"),
        ("claude-sonnet-4-5", {"reasoning_effort": "low", "top_p": 0.9, "top_k": 5}, "top_p, top_k"),
        ("claude-sonnet-4-5", {"temperature": 1.5}, "temperature"),
        ("claude-sonnet-4-5", {"temperature": 0.5, "top_p": 0.5}, "top_p"),
        ("claude-opus-5", {"temperature": 0.5, "top_p": 0.5, "top_k": 3}, "temperature, top_p, top_k"),
        ("claude-opus-5-5", {"tools": [CLOCK], "tool_choice": "required"}, "tool_choice"),
        ("claude-3-5-haiku-latest", {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, None),
        (
            "claude-3-5-haiku-latest",
            {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
            "strict",
        ),
        ("claude-sonnet-4-5", {"response_format": {"type": "json_object"}}, "response_format"),
        ("claude-sonnet-4-5", {"response_format": {"type": "json_schema"}}, "response_format"),
        ("claude-opus-5", {"messages": [*HELLO, {"role": "assistant", "content": "Well"}]}, "messages"),
        (
            "claude-sonnet-4-5",
            {"reasoning_effort": "low", "messages": [*HELLO, {"role": "assistant", "content": "Well"}]},
            "messages",
        ),
        ("claude-sonnet-4-5", {"n": 2}, "n"),
        ("claude-sonnet-4-5", {"stream": True}, "stream"),
        ("claude-sonnet-4-5", {"service_tier": "flex"}, "service_tier"),
        ("claude-sonnet-4-5", {"functions": [{"name": "f"}]}, "functions"),
    ],
)
def test_what_a_model_cannot_honour_is_refused(model, body, given):
    got = encode(model, body)
    assert isinstance(got, Failure)
    assert (got.code, got.given) == (Code.UNSUPPORTED_PARAMETER, given or "response_format")


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, "input_audio"),
        ({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA=="}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "ftp://example.org/a.png"}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}}, "detail"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,!!"}}, "file"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,/w=="}}, "file"),
    ],
)
def test_a_part_that_cannot_be_said_is_refused_or_left_out(part, given):
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, part]}]}
    got = encode("claude-sonnet-4-5", body)
    assert isinstance(got, Failure)
    assert got.given == given
    value, notes = sent("claude-sonnet-4-5", body, drop=[given])
    assert [each["type"] for each in value["messages"][0]["content"]][:1] == ["text"]
    assert len(notes) == 1


def test_a_prefill_is_sent_to_models_that_take_one():
    body, _ = sent("claude-sonnet-4-5", {"messages": [*HELLO, {"role": "assistant", "content": "Well"}]})
    assert body["messages"][-1]["role"] == "assistant"


@pytest.mark.parametrize(
    ("model", "body", "options", "most", "noted"),
    [
        ("claude-opus-5", {}, {}, 128_000, False),
        ("claude-opus-5", {}, {"max_tokens": "2000"}, 2_000, False),
        ("claude-opus-5", {"max_tokens": 10, "max_completion_tokens": 20}, {"max_tokens": "2000"}, 10, False),
        ("my-own", {}, {}, 4_096, True),
        ("my-own", {}, {"max_tokens": "2000"}, 2_000, False),
    ],
)
def test_there_is_always_a_limit(model, body, options, most, noted):
    value, notes = sent(model, body, service=Service(options=options))
    assert (value["max_tokens"], bool(notes)) == (most, noted)


def test_an_effort_with_a_tool_that_must_be_called_leaves_no_room_for_thoughts():
    body, _ = sent("claude-opus-4-7", {"reasoning_effort": "low", "tools": [CLOCK], "tool_choice": "required"})
    assert (body.get("thinking"), body["output_config"]) == (None, {"effort": "low"})


def test_what_only_openai_does_anyway_is_no_reason_to_refuse():
    idle = {"n": 1, "temperature": 1, "top_p": 1.0, "store": False, "logprobs": False, "service_tier": "auto"}
    body, notes = sent("claude-opus-5", idle)
    assert not notes
    assert body.keys() == {"model", "messages", "max_tokens"}


def test_the_rules_of_a_provider_are_kept():
    service = Service(rules=ParameterRules(unsupported=frozenset({"top_k"}), ranges={"temperature": (0.1, 1)}))
    got = encode("minimax-m3", {"top_k": 3, "temperature": 0}, service=service)
    assert isinstance(got, Failure)
    assert got.given == "top_k, temperature"


@pytest.mark.parametrize(("family", "version"), [(FAMILY, "2026-10-21"), (ON_VERTEX, "vertex-2026-10-21")])
def test_the_newer_version_of_the_wire_has_no_sampling_parameters(family, version):
    target = to("anthropic", "claude-sonnet-4-5", service=Service(options={"anthropic_version": version}))
    got = family.encode(asked({"messages": HELLO, "temperature": 0.5}), target)
    assert isinstance(got, Failure)
    assert got.given == "temperature"
    call = family.encode(asked({"messages": HELLO}), target)
    assert version in (dict(call.headers).get("anthropic-version"), json.loads(call.body).get("anthropic_version"))


def test_who_it_is_for_is_told_once():
    body, notes = sent("claude-opus-5", {"user": "u", "safety_identifier": "s"})
    assert body["metadata"] == {"user_id": "s"}
    assert notes == ("left out user: safety_identifier says the same",)


def test_a_lone_surrogate_is_told_and_does_not_raise():
    request = asked(b'{"messages":[{"role":"user","content":"\\ud800"}]}')
    assert isinstance(FAMILY.encode(request, to("anthropic", "claude-opus-5")), Failure | HttpCall)
    got = decode(content=[{"type": "text", "text": "\ud800"}])
    assert isinstance(got, Setback | Completion)
