"""The wire of Bedrock's Converse beyond its golden files."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.http import HttpCall
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.bedrock import FAMILY
from headgate.routing.providers.bedrock.models import model_of
from headgate.routing.service import Service
from headgate.schemas.failures import Code, Failure
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from support.wire import asked, came, to

WIRE = "bedrock-converse"
HELLO = [{"role": "user", "content": "Hello"}]
CLOCK = {"type": "function", "function": {"name": "clock"}}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "noon"}
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def encode(model, body, **changes):
    return FAMILY.encode(asked({"messages": HELLO, **body}), to(WIRE, model, **changes))


def sent(model, body, **changes):
    call = encode(model, body, **changes)
    assert isinstance(call, HttpCall), call
    return json.loads(call.body), call.notes


def refused(model, body):
    got = encode(model, body)
    assert isinstance(got, Failure), got
    assert got.code is Code.UNSUPPORTED_PARAMETER
    return got


def own(model, body, **changes):
    return sent(model, body, **changes)[0].get("additionalModelRequestFields", {})


def decode(stop="end_turn", content=({"text": "Hi"},), usage=None, status=200, model=CLAUDE, **fields):
    usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15} if usage is None else usage
    body = {"output": {"message": {"role": "assistant", "content": list(content)}}, "metrics": {"latencyMs": 1}}
    return FAMILY.decode(
        came({**body, "stopReason": stop, "usage": usage, **fields}, status), asked({}), to(WIRE, model)
    )


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
    ],
)
def test_every_documented_end_of_an_answer_has_openais_word(stop, finish):
    got = decode(stop)
    assert isinstance(got, Completion)
    assert json.loads(got.body)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        ("malformed_model_output", Code.MODEL_ERROR),
        ("malformed_tool_use", Code.MODEL_ERROR),
        ("tired", Code.MALFORMED_RESPONSE),
        (None, Code.MALFORMED_RESPONSE),
    ],
)
def test_every_other_end_is_a_failure_that_says_what_it_used(stop, code):
    got = decode(stop)
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens) == (code, Tokens(input=10, output=5))


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}, Tokens(input=10, output=5)),
        ({"inputTokens": 10, "outputTokens": 5, "cacheReadInputTokens": 100}, Tokens(110, cached=100, output=5)),
        ({"inputTokens": 10, "outputTokens": 5, "cacheWriteInputTokens": 100}, Tokens(110, cache_write=100, output=5)),
        (
            {
                "inputTokens": 1,
                "outputTokens": 50,
                "totalTokens": 371,
                "cacheReadInputTokens": 20,
                "cacheWriteInputTokens": 300,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 100}],
            },
            Tokens(input=321, cached=20, cache_write=300, output=50, cache_write_1h=200),
        ),
        ({"inputTokens": 0, "outputTokens": 0, "cacheReadInputTokens": None}, Tokens()),
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
    body = {"output": {"message": {"content": []}}, "stopReason": "end_turn"}
    got = FAMILY.decode(came(body), asked({}), to(WIRE, CLAUDE))
    assert isinstance(got, Completion)
    assert got.tokens is None
    assert "usage" not in json.loads(got.body)


@pytest.mark.parametrize("usage", [{}, {"inputTokens": 1}, {"inputTokens": -1, "outputTokens": 1}, "much"])
def test_usage_that_is_none_is_a_failure(usage):
    got = decode(usage=usage)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE


@pytest.mark.parametrize(
    ("tier", "word"),
    [("default", "default"), ("flex", "flex"), ("priority", "priority"), ("reserved", None), ("other", None)],
)
def test_the_tier_that_was_served_is_told(tier, word):
    got = decode(serviceTier={"type": tier})
    assert isinstance(got, Completion)
    assert (got.tier, json.loads(got.body).get("service_tier")) == (word, word)


@pytest.mark.parametrize(
    "block",
    [
        {"image": {"format": "png", "source": {"bytes": "AA=="}}},
        {"toolUse": {"toolUseId": "t", "name": "nova_code_interpreter", "input": {}, "type": "server_tool_use"}},
        {"searchResult": {}},
        {},
    ],
)
def test_a_block_that_was_not_asked_for_is_a_failure(block):
    got = decode(content=[{"text": "Hi"}, block])
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens) == (Code.MALFORMED_RESPONSE, Tokens(input=10, output=5))


def test_thoughts_of_others_than_claude_are_told_and_need_not_come_back():
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}
    message = json.loads(decode(content=[thought], model="deepseek.r1-v1:0").body)["choices"][0]["message"]
    assert (message["reasoning_content"], "extra_content" in message) == ("Hm.", False)


def test_redacted_thoughts_that_nobody_can_read_are_left_out():
    blocks = [{"reasoningContent": {"redactedContent": "not Base64"}}, {"text": "Hi"}]
    message = json.loads(decode(content=blocks).body)["choices"][0]["message"]
    assert (message["content"], "extra_content" in message) == ("Hi", False)


def test_thoughts_come_back_as_they_went():
    went = [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "RXJxWQ=="}},
    ]
    message = json.loads(decode(content=[*went, {"text": "Hi"}]).body)["choices"][0]["message"]
    body, _ = sent(CLAUDE, {"messages": [*HELLO, message, *HELLO]})
    assert body["messages"][1]["content"] == [*went, {"text": "Hi"}]


@pytest.mark.parametrize(
    ("status", "kind", "message", "code"),
    [
        (400, "ValidationException", "Input is too long for requested model.", Code.CONTEXT_LENGTH),
        (400, "ValidationException", "Malformed input request", Code.BAD_REQUEST),
        (403, "AccessDeniedException", "no", Code.PERMISSION),
        (429, "ThrottlingException", "Too many tokens, please wait", Code.RATE_LIMITED),
        (429, "ModelNotReadyException", "no", Code.CAPACITY),
        (408, "ModelTimeoutException", "no", Code.UPSTREAM_TIMEOUT),
        (424, "ModelErrorException", "no", Code.PROVIDER_ERROR),
        (503, "ServiceUnavailableException", "no", Code.OVERLOADED),
        (400, "ServiceQuotaExceededException", "no", Code.QUOTA_EXHAUSTED),
    ],
)
def test_an_error_is_told_by_the_type_in_its_header_whatever_the_provider_is_called(status, kind, message, code):
    reply = came({"message": message}, status, x_amzn_errortype=f"{kind}:http://internal.amazon.com/")
    got = FAMILY.decode(reply, asked({}), to(WIRE, CLAUDE, provider="my-bedrock"))
    assert isinstance(got, Setback)
    assert (got.failure.code, got.status) == (code, status)


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", {"schemas": False, "one_call": False, "keeps": ("5m",)}),
        ("eu.anthropic.claude-opus-4-1-20250805-v1:0", {"schemas": False, "one_call": False}),
        (CLAUDE, {"schemas": True, "one_call": True, "sampling": True, "keeps": ("5m", "1h")}),
        ("global.anthropic.claude-opus-5", {"sampling": False, "schemas": True}),
        ("us.anthropic.claude-fable-5-1", {"schemas": False, "one_call": True, "forced_tools": False}),
        ("amazon.nova-pro-v1:0", {"top_k": "nested", "schemas": False, "reasoning": None, "keeps": ("5m",)}),
        ("us-gov.amazon.nova-2-lite-v1:0", {"top_k": "nested", "may_lead": False}),
        ("us.meta.llama4-scout-17b-instruct-v1:0", {"forced_tools": False, "beside_results": "nothing"}),
        ("mistral.mistral-large-2407-v1:0", {"schemas": False, "named_tools": False}),
        ("mistral.mistral-large-3-675b-instruct", {"schemas": True, "beside_results": "nothing"}),
        ("openai.gpt-oss-20b-1:0", {"sampling": True}),
        ("openai.gpt-5.6-sol", {"sampling": False}),
        ("xai.grok-4.7", {"sampling": False, "schemas": True}),
        ("somebody.new-1", {"sampling": True, "schemas": True, "audio": True, "keeps": ("5m", "1h")}),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", {"top_k": "nested"}),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-lite-v1:0", {"top_k": "nested"}),
        ("arn:aws:bedrock:eu-west-1:1:provisioned-model/abc", {"top_k": "none", "schemas": True}),
    ],
)
def test_what_a_model_takes_is_told_by_its_id(model, expected):
    known = model_of(model)
    assert {name: getattr(known, name) for name in expected} == expected


def test_a_base_model_counts_only_where_an_address_does_not_tell():
    assert model_of("arn:aws:bedrock:us-east-1:1:provisioned-model/a", "amazon.nova-lite").top_k == "nested"
    assert model_of("meta.llama3-3-70b", "amazon.nova-lite").top_k == "none"


@pytest.mark.parametrize(
    ("model", "effort", "fields", "noted"),
    [
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "none", {}, False),
        (CLAUDE, "low", {"thinking": {"type": "enabled", "budget_tokens": 1_024}}, True),
        (
            "us.anthropic.claude-opus-4-6-v1",
            "xhigh",
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            True,
        ),
        ("us.anthropic.claude-opus-5", "none", {"thinking": {"type": "disabled"}}, False),
        (
            "us.amazon.nova-2-lite-v1:0",
            "max",
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            True,
        ),
        ("us.amazon.nova-2-lite-v1:0", "none", {}, False),
        ("amazon.nova-pro-v1:0", "none", {}, False),
        ("openai.gpt-oss-120b-1:0", "medium", {"reasoning_effort": "medium"}, False),
        ("openai.gpt-oss-120b-1:0", "minimal", {"reasoning_effort": "low"}, True),
        ("openai.gpt-5.6-terra", "max", {"reasoning": {"effort": "max"}}, False),
        ("openai.gpt-6-sol", "none", {"reasoning": {"effort": "none"}}, False),
        ("deepseek.v3.2", "low", {"reasoning_effort": "high"}, True),
        ("zai.glm-4.7", "none", {"reasoning_effort": "none"}, False),
        ("zai.glm-5.3", "xhigh", {"reasoning_effort": "xhigh"}, False),
        ("qwen.qwen3-32b-v1:0", "minimal", {"reasoning_config": "low"}, True),
        ("xai.grok-4.6", "max", {"reasoning": {"effort": "xhigh"}}, True),
        ("moonshotai.kimi-k3.1", "none", {"reasoning_effort": "none"}, False),
    ],
)
def test_an_effort_is_said_as_the_model_takes_it(model, effort, fields, noted):
    body, notes = sent(model, {"reasoning_effort": effort})
    assert (body.get("additionalModelRequestFields", {}), bool(notes)) == (fields, noted)


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("meta.llama3-3-70b-instruct-v1:0", "low"),
        ("qwen.qwen3-coder-next", "high"),
        ("amazon.nova-lite-v1:0", "high"),
        ("openai.gpt-oss-120b-1:0", "none"),
        ("openai.gpt-6-astra", "none"),
        ("xai.grok-4.7", "none"),
        ("zai.glm-5.3", "none"),
        ("deepseek.r1-v1:0", "none"),
        ("somebody.new-1", "none"),
        ("moonshotai.kimi-k3", "minimal"),
        (CLAUDE, "extreme"),
        ("openai.gpt-6-sol", "extreme"),
    ],
)
def test_an_effort_that_a_model_does_not_have_is_refused(model, effort):
    assert refused(model, {"reasoning_effort": effort}).given == "reasoning_effort"


def test_the_highest_effort_of_nova_leaves_no_room_for_a_limit():
    asks = {"reasoning_effort": "high", "max_tokens": 100}
    assert refused("us.amazon.nova-2-lite-v1:0", asks).given == "max_tokens"
    body, notes = sent("us.amazon.nova-2-lite-v1:0", asks, drop=["max_tokens"])
    assert ("inferenceConfig" in body, len(notes)) == (False, 1)
    assert sent("us.amazon.nova-2-lite-v1:0", {**asks, "reasoning_effort": "low"})[0]["inferenceConfig"] == {
        "maxTokens": 100
    }


@pytest.mark.parametrize(
    ("model", "options", "most"),
    [
        (CLAUDE, {}, 64_000),
        (CLAUDE, {"max_tokens": "2000"}, 2_000),
        ("amazon.nova-lite-v1:0", {}, None),
        ("amazon.nova-lite-v1:0", {"max_tokens": "2000"}, 2_000),
    ],
)
def test_only_claude_has_a_limit_without_being_asked(model, options, most):
    body, notes = sent(model, {}, service=Service(options=options))
    assert (body.get("inferenceConfig", {}).get("maxTokens"), notes) == (most, ())


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "body", "given"),
    [
        (CLAUDE, {"n": 2}, "n"),
        (CLAUDE, {"stream": True}, "stream"),
        (CLAUDE, {"temperature": 1.5}, "temperature"),
        (CLAUDE, {"temperature": 0.5, "top_p": 0.5}, "top_p"),
        (CLAUDE, {"reasoning_effort": "low", "tools": [CLOCK], "tool_choice": "required"}, "reasoning_effort"),
        (CLAUDE, {"response_format": {"type": "json_object"}}, "response_format"),
        ("amazon.nova-lite-v1:0", {"temperature": 1.5, "top_p": 1.5}, "temperature, top_p"),
        ("amazon.nova-lite-v1:0", {"response_format": SCHEMA}, "response_format"),
        ("amazon.nova-lite-v1:0", {"response_format": {"type": "json_schema"}}, "response_format"),
        ("xai.grok-4.6", {"temperature": 0.5, "top_p": 0.5, "top_k": 1}, "temperature, top_p, top_k"),
        ("meta.llama3-3-70b-instruct-v1:0", {"top_k": 5}, "top_k"),
        ("meta.llama3-3-70b-instruct-v1:0", {"tools": [CLOCK], "tool_choice": "required"}, "tool_choice"),
        ("us.anthropic.claude-opus-5-5", {"tools": [CLOCK], "tool_choice": "required"}, "tool_choice"),
        ("amazon.nova-lite-v1:0", {"tools": [CLOCK], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ("anthropic.claude-3-haiku-20240307-v1:0", {"tools": [CLOCK], "parallel_tool_calls": False}, None),
        (
            "amazon.nova-lite-v1:0",
            {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
            "strict",
        ),
        (CLAUDE, {"messages": [*HELLO, CALLED, RESULT]}, "tools"),
        ("amazon.nova-lite-v1:0", {"messages": [*HELLO, CALLED, RESULT]}, "tools"),
        (
            "amazon.nova-lite-v1:0",
            {"messages": [*HELLO, CALLED, RESULT], "tools": [CLOCK], "tool_choice": "none"},
            "tool_choice",
        ),
        (
            "meta.llama3-3-70b-instruct-v1:0",
            {"messages": [*HELLO, CALLED, RESULT, *HELLO], "tools": [CLOCK]},
            "messages",
        ),
        (
            CLAUDE,
            {"messages": [*HELLO, CALLED, RESULT, {"role": "user", "content": [{"type": "text", "text": "a"}, PDF]}]}
            | {"tools": [CLOCK]},
            "file",
        ),
        ("amazon.nova-lite-v1:0", {"messages": [{"role": "assistant", "content": "Well"}, *HELLO]}, "messages"),
        ("us.anthropic.claude-opus-5", {"messages": [*HELLO, {"role": "assistant", "content": "Well"}]}, "messages"),
        (CLAUDE, {"messages": [{"role": "user", "content": [PDF]}]}, "file"),
        (CLAUDE, {"messages": [{"role": "user", "content": " \n"}]}, "messages"),
        (CLAUDE, {"service_tier": "scale"}, "service_tier"),
        (CLAUDE, {"metadata": {"a": 1}}, "metadata"),
        (CLAUDE, {"metadata": {str(at): "a" for at in range(17)}}, "metadata"),
        (CLAUDE, {"user": "ü"}, "user"),
        (CLAUDE, {"safety_identifier": "ü"}, "safety_identifier"),
        (CLAUDE, {"user": "a", "metadata": {"user": "b"}}, "user"),
        (CLAUDE, {"user": "a", "metadata": {str(at): "a" for at in range(16)}}, "user"),
        (CLAUDE, {"stop": [""]}, "stop"),
        (CLAUDE, {"functions": [{"name": "f"}]}, "functions"),
    ],
)
def test_what_cannot_be_honoured_is_refused(model, body, given):
    assert refused(model, body).given == (given or "parallel_tool_calls")


@pytest.mark.parametrize(
    ("model", "part", "given"),
    [
        (CLAUDE, {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, "input_audio"),
        ("mistral.voxtral-mini-3b-2507", {"type": "input_audio", "input_audio": {"data": "AA==", "format": "x"}}, None),
        (CLAUDE, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}, "image_url"),
        (CLAUDE, {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "image_url"),
        (CLAUDE, {"type": "image_url", "image_url": {"url": "data:text/png;base64,AA=="}}, "image_url"),
        (CLAUDE, {"type": "image_url", "image_url": {"url": "s3://bucket/a.tiff"}}, "image_url"),
        (CLAUDE, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}}, "detail"),
        (CLAUDE, {"type": "file", "file": {"file_id": "file-1"}}, "file"),
        (CLAUDE, {"type": "file", "file": {"file_data": "data:application/zip;base64,AA=="}}, "file"),
        (
            "zai.glm-5",
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
            "cache_control",
        ),
        (
            "amazon.nova-lite-v1:0",
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            "cache_control",
        ),
        (CLAUDE, {"type": "text", "text": "a", "cache_control": "yes"}, "cache_control"),
        ("zai.glm-5", {"type": "text", "text": "a", "prompt_cache_breakpoint": {}}, "prompt_cache_breakpoint"),
    ],
)
def test_a_part_that_cannot_be_said_is_refused_or_left_out(model, part, given):
    given = given or "input_audio"
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, part]}]}
    assert refused(model, body).given == given
    value, notes = sent(model, body, drop=[given])
    assert value["messages"][0]["content"][0] == {"text": "Look."}
    assert len(notes) == 1


def test_claude_may_be_told_the_beginning_of_its_answer_where_it_takes_that():
    body, _ = sent(CLAUDE, {"messages": [*HELLO, {"role": "assistant", "content": "Well"}]})
    assert body["messages"][-1] == {"role": "assistant", "content": [{"text": "Well"}]}
    thinks = {"messages": [*HELLO, {"role": "assistant", "content": "Well"}], "reasoning_effort": "low"}
    assert refused(CLAUDE, thinks).given == "messages"


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("auto", {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        (
            {"type": "function", "function": {"name": "clock"}},
            {"type": "tool", "name": "clock", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_one_call_at_a_time_is_said_in_anthropics_words_alone(choice, said):
    body, _ = sent(CLAUDE, {"tools": [CLOCK], "tool_choice": choice, "parallel_tool_calls": False})
    assert body["additionalModelRequestFields"] == {"tool_choice": said}
    assert "toolChoice" not in body["toolConfig"]


def test_top_k_is_said_as_each_maker_does():
    assert own(CLAUDE, {"top_k": 5}) == {"top_k": 5}
    assert own("amazon.nova-lite-v1:0", {"top_k": 5}) == {"inferenceConfig": {"topK": 5}}


def test_what_only_openai_does_anyway_is_no_reason_to_refuse():
    idle = {"n": 1, "temperature": 1, "top_p": 1.0, "store": False, "logprobs": False, "service_tier": "auto"}
    body, notes = sent("us.anthropic.claude-opus-5", idle)
    assert not notes
    assert body.keys() == {"messages", "inferenceConfig"}


def test_who_it_is_for_is_told_once():
    body, notes = sent(CLAUDE, {"user": "u", "safety_identifier": "s", "metadata": {"team": "t"}})
    assert body["requestMetadata"] == {"team": "t", "user": "s"}
    assert len(notes) == 1


def test_a_guardrail_without_a_version_is_the_draft():
    body, _ = sent(CLAUDE, {}, service=Service(options={"guardrail": "gr1"}))
    assert body["guardrailConfig"] == {"guardrailIdentifier": "gr1", "guardrailVersion": "DRAFT"}


def test_embeddings_are_refused_with_a_sentence():
    target = to(WIRE, "amazon.titan-embed-text-v2:0", service=Service(paths=dict.fromkeys(Endpoint, "/x")))
    got = FAMILY.encode(asked({"input": "a"}, Endpoint.EMBEDDINGS), target)
    assert isinstance(got, Failure)
    assert got.code is Code.UNSUPPORTED_ENDPOINT
    assert got.expected == "an endpoint of bedrock-converse: /v1/chat/completions"


def test_results_come_first_in_their_turn_with_their_marks_and_in_order():
    calls = [{"id": each, "type": "function", "function": {"name": "clock", "arguments": "{}"}} for each in "ab"]
    marked = [{"type": "text", "text": "noon", "cache_control": {"type": "ephemeral"}}]
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": marked},
        {"role": "user", "content": "Wait."},
        {"role": "tool", "tool_call_id": "b", "content": ""},
    ]
    body, _ = sent(CLAUDE, {"messages": messages, "tools": [CLOCK]})
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "noon"}]}},
        {"cachePoint": {"type": "default"}},
        {"toolResult": {"toolUseId": "b", "content": []}},
        {"text": "Wait."},
    ]


# --- ids and names ----------------------------------------------------------------------------------------------------


def call_ids(*ids):
    calls = [{"id": each, "type": "function", "function": {"name": "clock", "arguments": "{}"}} for each in ids]
    results = [{"role": "tool", "tool_call_id": each, "content": "noon"} for each in ids]
    messages = [*HELLO, {"role": "assistant", "tool_calls": calls}, *results]
    turns = sent(CLAUDE, {"messages": messages, "tools": [CLOCK]})[0]["messages"]
    assert [each["toolUse"]["toolUseId"] for each in turns[1]["content"]] == [
        each["toolResult"]["toolUseId"] for each in turns[2]["content"]
    ]
    found = [each["toolUse"]["toolUseId"] for each in turns[1]["content"]]
    for each in found:
        assert 1 <= len(each) <= 64
        assert all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in each)
    return found


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_ids_of_calls_are_such_as_converse_takes_and_results_find_theirs(ids):
    assert len(call_ids(*ids)) == len(ids)


def test_long_ids_that_begin_alike_stay_apart():
    assert len(set(call_ids("a" * 70, "a" * 71, "a" * 64))) == 3


@given(st.lists(st.text() | st.none(), min_size=1, max_size=5))
def test_documents_have_names_of_their_own_of_the_letters_that_converse_takes(filenames):
    files = [{"type": "file", "file": {**PDF["file"], "filename": name}} for name in filenames]
    body, _ = sent(CLAUDE, {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, *files]}]})
    names = [each["document"]["name"] for each in body["messages"][0]["content"][1:]]
    assert len(set(names)) == len(names) == len(files)
    for name in names:
        assert 1 <= len(name) <= 200
        assert "  " not in name
        assert all(letter.isascii() and (letter.isalnum() or letter in " -()[]") for letter in name)
