"""Cohere's wire beyond its golden files."""

import json

import pytest

from headgate.routing.http import HttpCall
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.cohere import FAMILY
from headgate.schemas.failures import CATALOGUE, Code, Failure
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from support.wire import asked, came, to

HELLO = [{"role": "user", "content": "Hello"}]
CLOCK = {"type": "function", "function": {"name": "clock"}}
BILLED = {"billed_units": {"input_tokens": 24.0, "output_tokens": 7.0}}
COUNTED = {"tokens": {"input_tokens": 200.0, "output_tokens": 20.0}}


def encode(body, endpoint=Endpoint.CHAT, **changes):
    given = {"messages": HELLO, **body} if endpoint is Endpoint.CHAT else body
    return FAMILY.encode(asked(given, endpoint), to("cohere", "command-a-03-2025", **changes))


def sent(body, endpoint=Endpoint.CHAT, **changes):
    call = encode(body, endpoint, **changes)
    assert isinstance(call, HttpCall), call
    return json.loads(call.body), call.notes


def refused(body, endpoint=Endpoint.CHAT):
    got = encode(body, endpoint)
    assert isinstance(got, Failure)
    return got.given


def decode(body, endpoint=Endpoint.CHAT, request=None):
    return FAMILY.decode(came(body), asked(request or {}, endpoint), to("cohere", "command-a-03-2025"))


def answered(finish="COMPLETE", usage=BILLED, **message):
    said = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}], **message}
    return decode({"id": "c-1", "finish_reason": finish, "message": said, "usage": usage})


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
    ],
)
def test_every_documented_end_of_an_answer_has_openais_word(finish, word):
    got = answered(finish)
    assert isinstance(got, Completion)
    assert json.loads(got.body)["choices"][0]["finish_reason"] == word


@pytest.mark.parametrize(
    ("finish", "code", "retriable"),
    [
        ("ERROR", Code.PROVIDER_ERROR, True),
        ("TIMEOUT", Code.UPSTREAM_TIMEOUT, True),
        ("USER_CANCEL", Code.MALFORMED_RESPONSE, False),
        (None, Code.MALFORMED_RESPONSE, False),
    ],
)
def test_an_end_that_is_none_is_a_failure_with_what_it_cost(finish, code, retriable):
    got = answered(finish)
    assert isinstance(got, Setback)
    assert (got.failure.code, got.failure.retriable) == (code, retriable)
    assert got.tokens == Tokens(input=24, output=7)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({**BILLED, **COUNTED}, Tokens(input=24, output=7)),
        (COUNTED, Tokens(input=200, output=20)),
        ({**COUNTED, "billed_units": {}}, Tokens(input=200, output=20)),
        ({**BILLED, **COUNTED, "cached_tokens": 16.0}, Tokens(input=24, cached=16, output=7)),
        ({**BILLED, **COUNTED, "cached_tokens": 180.0}, Tokens(input=24, cached=24, output=7)),
        ({"billed_units": {"input_tokens": 3.0}}, Tokens(input=3)),
        ({}, None),
        (None, None),
        ({"tokens": {}}, None),
    ],
)
def test_what_is_billed_counts_and_else_what_was_counted(usage, tokens):
    got = answered(usage=usage)
    assert isinstance(got, Completion)
    assert got.tokens == tokens
    assert ("usage" in json.loads(got.body)) is (tokens is not None)


def test_a_block_that_was_not_asked_for_is_a_failure():
    got = answered(content=[{"type": "text", "text": "Hi"}, {"type": "image"}])
    assert isinstance(got, Setback)
    assert "image" in got.failure.given


def test_an_answer_of_calls_alone_has_no_content():
    calls = [{"id": "1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]
    message = json.loads(answered("TOOL_CALL", content=None, tool_calls=calls).body)["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == calls
    assert "reasoning_content" not in message


def test_what_comes_back_goes_in_again():
    thoughts = [{"type": "thinking", "thinking": "A greeting."}, {"type": "text", "text": "Hi"}]
    citations = [{"start": 0, "end": 2, "text": "Hi"}]
    message = json.loads(answered(content=thoughts, tool_plan="None.", citations=citations).body)["choices"][0][
        "message"
    ]
    again = sent({"messages": [*HELLO, message, *HELLO]})[0]["messages"][1]
    assert again == {"role": "assistant", "content": thoughts, "tool_plan": "None.", "citations": citations}


@pytest.mark.parametrize(
    ("effort", "thinking", "notes"),
    [
        ("none", {"type": "disabled"}, 0),
        ("minimal", {"type": "enabled", "token_budget": 1_024}, 1),
        ("low", {"type": "enabled", "token_budget": 1_024}, 1),
        ("medium", {"type": "enabled", "token_budget": 8_192}, 1),
        ("high", {"type": "enabled"}, 0),
        ("xhigh", {"type": "enabled"}, 1),
        ("max", {"type": "enabled"}, 1),
    ],
)
def test_every_effort_is_a_way_to_think(effort, thinking, notes):
    body, said = sent({"reasoning_effort": effort})
    assert body["thinking"] == thinking
    assert len(said) == notes


@pytest.mark.parametrize(
    ("top_p", "p", "notes"), [(0, 0.01, 1), (0.01, 0.01, 0), (0.5, 0.5, 0), (0.99, 0.99, 0), (1, 0.99, 1)]
)
def test_what_is_beyond_p_becomes_the_nearest_that_there_is(top_p, p, notes):
    body, said = sent({"top_p": top_p})
    assert (body["p"], len(said)) == (p, notes)


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 2**64},
        {"top_k": 501},
        {"frequency_penalty": 1.1},
        {"presence_penalty": -0.1},
        {"temperature": 2.1},
        {"top_logprobs": 1, "logprobs": True},
        {"service_tier": "flex"},
        {"reasoning_effort": "very"},
        {"stop": ["a"] * 6},
        {"parallel_tool_calls": False, "tools": [CLOCK]},
        {"tool_choice": {"type": "function", "function": {"name": "bell"}}, "tools": [CLOCK]},
        {"tool_choice": "perhaps", "tools": [CLOCK]},
        {"response_format": {"type": "json_schema"}},
    ],
)
def test_what_cohere_cannot_honour_is_refused_by_its_name(fields):
    assert next(iter(fields)) in refused(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1, "logprobs": False, "top_logprobs": 0, "parallel_tool_calls": True, "store": False, "stream": False},
        {"service_tier": "auto", "user": None, "logit_bias": {}, "response_format": {"type": "text"}, "stop": []},
        {"tool_choice": "auto", "tools": []},
        {"parallel_tool_calls": False},
    ],
)
def test_what_asks_for_nothing_is_no_reason_to_refuse(fields):
    assert sent(fields) == sent({})


def test_a_format_beside_tools_or_documents_is_refused():
    assert refused({"response_format": {"type": "json_object"}, "tools": [CLOCK]}) == "response_format"
    assert refused({"response_format": {"type": "json_object"}, "documents": ["d"]}) == "response_format"


def test_messages_that_say_nothing_are_not_sent():
    said = [{"role": "system", "content": ""}, {"role": "assistant", "content": None}, *HELLO]
    assert sent({"messages": said})[0]["messages"] == HELLO


# --- embeddings and reranks -------------------------------------------------------------------------------------------


def embedded(*vectors, kind="float", request=None):
    body = {"id": "e-1", "embeddings": {kind: list(vectors)}, "meta": {"billed_units": {"input_tokens": 4}}}
    return decode(body, Endpoint.EMBEDDINGS, request or {"input": ["a", "b"]})


@pytest.mark.parametrize("vectors", [(), ([1.0],), ([1.0], [2.0], [3.0])])
def test_vectors_that_are_not_as_many_as_the_texts_are_a_failure_with_what_it_cost(vectors):
    got = embedded(*vectors)
    assert isinstance(got, Setback)
    assert got.tokens == Tokens(input=4)
    assert CATALOGUE[got.failure.code].may_be_billed


@pytest.mark.parametrize("kind", ["int8", "uint8", "binary", "ubinary"])
def test_a_type_of_vectors_is_what_was_asked_for(kind):
    asked_for = {"input": ["a", "b"], "embedding_types": [kind]}
    assert sent(asked_for, Endpoint.EMBEDDINGS)[0]["embedding_types"] == [kind]
    got = embedded([1, 2], [3, 4], kind=kind, request=asked_for)
    assert [each["embedding"] for each in json.loads(got.body)["data"]] == [[1, 2], [3, 4]]
    assert isinstance(embedded([1, 2], [3, 4], request=asked_for), Setback)


def test_what_vectors_are_for_may_stand_in_the_deployment():
    body, notes = sent({"input": "a"}, Endpoint.EMBEDDINGS, params=(("input_type", b'"search_query"'),))
    assert body["input_type"] == "search_query"
    assert notes == ()


def ranked(results, request=None, **meta):
    return decode(
        {"results": results, "meta": meta}, Endpoint.RERANK, request or {"query": "q", "documents": ["a", "b"]}
    )


def test_a_rerank_is_billed_by_search_units():
    got = ranked([{"index": 1, "relevance_score": 0.5}], billed_units={"search_units": 2.0})
    assert got.tokens == Tokens(units=2)
    assert json.loads(got.body) == {
        "object": "list",
        "model": "command-a-03-2025",
        "results": [{"index": 1, "relevance_score": 0.5}],
        "meta": {"billed_units": {"search_units": 2}},
    }


@pytest.mark.parametrize(
    "results",
    [[{"index": 2, "relevance_score": 0.5}], [{"index": -1, "relevance_score": 0.5}], [{"index": 0}], None, "all"],
)
def test_results_of_what_was_not_sent_are_a_failure(results):
    assert isinstance(ranked(results), Setback)


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"documents": []}, "documents"),
        ({"rank_fields": ["a"]}, "rank_fields"),
        ({"truncation": True}, "truncation"),
    ],
)
def test_a_rerank_that_cohere_cannot_do_is_refused(fields, given):
    assert refused({"query": "q", "documents": ["a"], **fields}, Endpoint.RERANK) == given


@pytest.mark.parametrize("documents", [[{"title": "a"}], [{"text": "a", "title": "b"}], [5], ["a", None]])
def test_documents_that_are_more_than_a_text_are_refused(documents):
    got = encode({"query": "q", "documents": documents}, Endpoint.RERANK)
    assert isinstance(got, Failure)
    assert got.code is Code.UNSUPPORTED_PARAMETER
