"""The wire of Gemini's generateContent beyond its golden files."""

import json

import pytest

from headgate.routing.http import HttpCall
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.gemini import FAMILY, ON_VERTEX
from headgate.routing.providers.gemini.models import gemini
from headgate.schemas.failures import Code, Failure
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from support.wire import asked, came, to

HELLO = [{"role": "user", "content": "Hello"}]
CLOCK = {"type": "function", "function": {"name": "clock"}}
CALL = {"functionCall": {"name": "clock", "args": {}}}
USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 5}


def encode(model, body, family=FAMILY, **changes):
    return family.encode(asked({"messages": HELLO, **body}), to("gemini", model, **changes))


def sent(model, body, **changes):
    call = encode(model, body, **changes)
    assert isinstance(call, HttpCall), call
    return json.loads(call.body), call.notes


def decode(body, endpoint=Endpoint.CHAT, request=None, **headers):
    return FAMILY.decode(came(body, **headers), asked(request or {}, endpoint), to("gemini", "gemini-2.5-flash"))


def ended(reason, *parts, usage=USAGE):
    candidate = {"content": {"parts": list(parts or ({"text": "Hi"},))}, "finishReason": reason}
    return decode({"candidates": [candidate], "usageMetadata": usage})


@pytest.mark.parametrize(
    ("reason", "parts", "finish"),
    [
        ("STOP", (), "stop"),
        ("STOP", (CALL,), "tool_calls"),
        ("MAX_TOKENS", (), "length"),
        ("MAX_TOKENS", (CALL,), "length"),
        *((reason, (), "content_filter") for reason in ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "SPII")),
        *((reason, (), "content_filter") for reason in ("PROHIBITED_CONTENT", "MODEL_ARMOR", "IMAGE_SAFETY")),
        *((reason, (), "content_filter") for reason in ("IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER")),
    ],
)
def test_every_documented_end_of_an_answer_has_openais_word(reason, parts, finish):
    got = ended(reason, *parts)
    assert isinstance(got, Completion)
    assert json.loads(got.body)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        *((reason, Code.MODEL_ERROR) for reason in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER")),
        *((reason, Code.MODEL_ERROR) for reason in ("TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "NO_IMAGE")),
        ("MISSING_THOUGHT_SIGNATURE", Code.MODEL_ERROR),
        *((reason, Code.MALFORMED_RESPONSE) for reason in ("FINISH_REASON_UNSPECIFIED", "ESCALATION", "TIRED", None)),
        *((reason, Code.MALFORMED_RESPONSE) for reason in ("CONTINUATION", "PUP_LIMITED_DISABLED")),
    ],
)
def test_every_other_end_is_a_failure_that_says_what_it_used(reason, code):
    got = ended(reason)
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens) == (code, Tokens(input=10, output=5))


@pytest.mark.parametrize(
    "reason",
    ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK"],
)
def test_a_blocked_prompt_is_an_answer_that_a_filter_took_away(reason):
    got = decode({"promptFeedback": {"blockReason": reason, "blockReasonMessage": "No."}, "usageMetadata": USAGE})
    assert isinstance(got, Completion)
    (choice,) = json.loads(got.body)["choices"]
    assert (choice["finish_reason"], choice["message"]["refusal"]) == ("content_filter", "No.")


@pytest.mark.parametrize("feedback", [{"promptFeedback": {"blockReason": "TIRED"}}, {"promptFeedback": {}}, {}])
def test_no_candidates_and_no_known_reason_is_a_failure(feedback):
    got = decode({"usageMetadata": USAGE, "candidates": [], **feedback})
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}, Tokens(input=10, output=5)),
        ({"promptTokenCount": 10, "totalTokenCount": 10}, Tokens(input=10)),
        ({"promptTokenCount": 10, "thoughtsTokenCount": 7}, Tokens(input=10, output=7, reasoning=7)),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 80,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 7,
                "toolUsePromptTokenCount": 11,
                "totalTokenCount": 123,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 80}],
                "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
                "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}],
            },
            Tokens(input=111, cached=80, output=12, reasoning=7),
        ),
        ({}, None),
        ({"totalTokenCount": 3}, None),
        (None, None),
    ],
)
def test_usage_is_counted_exactly(usage, tokens):
    got = ended("STOP", usage=usage)
    assert isinstance(got, Completion)
    assert got.tokens == tokens
    said = json.loads(got.body).get("usage")
    assert (said is None) == (tokens is None)
    if tokens is not None:
        assert said["total_tokens"] == tokens.input + tokens.output


@pytest.mark.parametrize("usage", [{"promptTokenCount": -1}, {"promptTokenCount": "many"}, []])
def test_usage_that_is_none_is_a_failure(usage):
    got = ended("STOP", usage=usage)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE


@pytest.mark.parametrize(
    ("header", "traffic", "tier"),
    [
        ("standard", None, "default"),
        ("flex", None, "flex"),
        ("PRIORITY", None, "priority"),
        (None, "ON_DEMAND", "default"),
        (None, "ON_DEMAND_FLEX", "flex"),
        (None, "ON_DEMAND_PRIORITY", "priority"),
        (None, "PROVISIONED_THROUGHPUT", None),
        (None, None, None),
    ],
)
def test_the_tier_that_was_served_is_told(header, traffic, tier):
    headers = {} if header is None else {"x_gemini_service_tier": header}
    usage = USAGE if traffic is None else {**USAGE, "trafficType": traffic}
    body = {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}], "usageMetadata": usage}
    got = decode(body, **headers)
    assert isinstance(got, Completion)
    assert (got.tier, json.loads(got.body).get("service_tier")) == (tier, tier)


@pytest.mark.parametrize(
    "part", [{}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"executableCode": {}}]
)
def test_a_part_that_was_not_asked_for_is_a_failure(part):
    got = ended("STOP", {"text": "Look:"}, part)
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens) == (Code.MALFORMED_RESPONSE, Tokens(input=10, output=5))


def test_the_signature_of_a_thought_is_not_that_of_the_text():
    got = ended("STOP", {"text": "Hm.", "thought": True, "thoughtSignature": "c2lnbmVk"}, {"text": "Hi"})
    assert isinstance(got, Completion)
    message = json.loads(got.body)["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hi", "Hm.")
    assert "extra_content" not in message


def test_one_failed_candidate_fails_the_answer():
    whole = {"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}
    got = decode({"candidates": [whole, {"index": 1, "finishReason": "OTHER"}], "usageMetadata": USAGE})
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MODEL_ERROR


def test_an_error_is_told_by_the_table_of_errors():
    error = {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}
    reply = came([{"error": error}], 429)
    got = FAMILY.decode(reply, asked({}), to("gemini", "gemini-2.5-flash"))
    assert isinstance(got, Setback)
    assert got.failure.code is Code.RATE_LIMITED


@pytest.mark.parametrize(
    ("model", "thinking", "levels", "sampling"),
    [
        ("gemini-1.5-pro", "none", None, True),
        ("gemini-2.0-flash", "none", None, True),
        ("gemini-2.5-pro", "budget", None, True),
        ("gemini-3-pro-preview", "level", {"LOW", "HIGH"}, True),
        ("gemini-3-flash-preview", "level", {"MINIMAL", "LOW", "MEDIUM", "HIGH"}, True),
        ("gemini-3.1-pro-preview", "level", {"LOW", "MEDIUM", "HIGH"}, True),
        ("gemini-3.5-flash-lite", "level", {"MINIMAL", "LOW", "MEDIUM", "HIGH"}, False),
        ("gemini-3.6-flash", "level", {"MINIMAL", "LOW", "MEDIUM", "HIGH"}, False),
        ("gemini-3.8-flash", "level", {"LOW", "MEDIUM", "HIGH"}, False),
        ("gemini-4-argon", "level", {"LOW", "MEDIUM", "HIGH"}, True),
        ("gemini-4-hydrogen", "level", {"LOW", "MEDIUM", "HIGH", "XHIGH"}, True),
        ("gemini-flash-latest", "level", {"LOW", "MEDIUM", "HIGH"}, True),
    ],
)
def test_what_a_model_takes_is_told_by_its_generation(model, thinking, levels, sampling):
    known = gemini(model)
    assert (known.thinking, known.sampling) == (thinking, sampling)
    assert levels is None or known.levels == levels


@pytest.mark.parametrize(
    ("model", "effort", "config", "notes"),
    [
        ("gemini-2.0-flash", "none", None, 0),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}, 0),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 24_576}, 1),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "HIGH"}, 1),
        ("gemini-3.5-flash", "medium", {"thinkingLevel": "MEDIUM"}, 0),
        ("gemini-3.8-flash", "minimal", {"thinkingLevel": "LOW"}, 1),
        ("gemini-4-hydrogen", "xhigh", {"thinkingLevel": "XHIGH"}, 0),
        ("gemini-4-argon", "xhigh", {"thinkingLevel": "HIGH"}, 1),
    ],
)
def test_an_effort_is_said_as_the_model_takes_it(model, effort, config, notes):
    body, said = sent(model, {"reasoning_effort": effort})
    assert (body.get("generationConfig", {}).get("thinkingConfig"), len(said)) == (config, notes)


@pytest.mark.parametrize(
    ("model", "body", "given"),
    [
        ("gemini-2.5-pro", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("gemini-3.5-flash", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("gemini-2.0-flash", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("gemini-3.6-flash", {"temperature": 0.5, "top_p": 0.5}, "temperature, top_p"),
        ("gemini-2.5-pro", {"temperature": 2.5}, "temperature"),
        ("gemini-2.5-pro", {"n": 9}, "n"),
        ("gemini-2.5-pro", {"n": 0}, "n"),
        ("gemini-2.5-pro", {"presence_penalty": 3}, "presence_penalty"),
        ("gemini-2.5-pro", {"top_logprobs": 3}, "top_logprobs"),
        ("gemini-2.5-pro", {"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ("gemini-2.5-pro", {"response_format": {"type": "json_schema"}}, "response_format"),
        ("gemini-2.5-pro", {"user": "u-42"}, "user"),
        ("gemini-2.5-pro", {"tools": [CLOCK], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ("gemini-2.5-pro", {"tools": [{**CLOCK, "cache_control": {"type": "ephemeral"}}]}, "cache_control"),
        (
            "gemini-2.5-pro",
            {"messages": [*HELLO, {"role": "tool", "tool_call_id": "x", "content": "1"}]},
            "tool_call_id",
        ),
    ],
)
def test_what_a_model_cannot_honour_is_refused(model, body, given):
    got = encode(model, body)
    assert isinstance(got, Failure)
    assert (got.code, got.given) == (Code.UNSUPPORTED_PARAMETER, given)


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "midi"}}, "input_audio"),
        ({"type": "image_url", "image_url": {"url": "data:application/pdf;base64,AA=="}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}, "detail"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file"),
    ],
)
def test_a_part_that_cannot_be_said_is_refused_or_left_out(part, given):
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, part]}]}
    got = encode("gemini-2.5-pro", body)
    assert isinstance(got, Failure)
    assert got.given == given
    value, notes = sent("gemini-2.5-pro", body, drop=[given])
    assert value["contents"][0]["parts"][0] == {"text": "Look."}
    assert len(notes) == 1


def test_a_user_who_is_no_label_is_refused_on_vertex():
    got = encode("gemini-2.5-pro", {"user": "Ann Example"}, family=ON_VERTEX)
    assert isinstance(got, Failure)
    assert got.given == "user"


@pytest.mark.parametrize(
    ("content", "response"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1]", {"output": "[1]"}),
        ("{broken", {"output": "{broken"}),
        ("", {"output": ""}),
        ([{"type": "text", "text": "no"}, {"type": "text", "text": "on"}], {"output": "noon"}),
    ],
)
def test_what_a_function_returned_is_an_object(content, response):
    call = {"id": "c", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": content},
    ]
    body, _ = sent("gemini-2.5-pro", {"messages": messages})
    assert body["contents"][-1]["parts"] == [{"functionResponse": {"name": "clock", "response": response}}]
    assert "thoughtSignature" not in json.dumps(body)


def test_an_address_without_a_known_ending_has_no_type():
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a?b=c.png"}}
    body, _ = sent("gemini-2.5-pro", {"messages": [{"role": "user", "content": [part]}]})
    assert body["contents"][0]["parts"] == [{"fileData": {"fileUri": "https://example.org/a?b=c.png"}}]


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ({"input": [1, 2]}, "input"),
        ({"input": [[1], [2]]}, "input"),
        ({"input": []}, "input"),
        ({"input": "a", "user": "u"}, "user"),
        ({"input": "a", "colour": "red"}, "colour"),
    ],
)
def test_embeddings_that_cannot_be_asked_for_are_refused(body, given):
    got = FAMILY.encode(asked(body, Endpoint.EMBEDDINGS), to("gemini", "gemini-embedding-001"))
    assert isinstance(got, Failure)
    assert (got.code, got.given) == (Code.UNSUPPORTED_PARAMETER, given)


@pytest.mark.parametrize("vectors", [[], [{"values": [1.0]}]])
def test_fewer_vectors_than_texts_are_a_failure(vectors):
    got = decode(
        {"embeddings": vectors, "usageMetadata": {"promptTokenCount": 2}}, Endpoint.EMBEDDINGS, {"input": ["a", "b"]}
    )
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens) == (Code.MALFORMED_RESPONSE, Tokens(input=2))
