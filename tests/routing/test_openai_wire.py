"""The OpenAI wire: what is sent is the request's bytes, what comes back is understood or a failure."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.http import HttpReply
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.auth import authorized
from headgate.routing.providers.openai import decode, encode
from headgate.routing.service import Auth
from headgate.routing.target import Target
from headgate.schemas.failures import CATALOGUE, Code
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane


def request(body, endpoint=Endpoint.CHAT, model="small"):
    return Request("r1", endpoint, model, body, "local", Lane.STANDARD, "headgate.replies.default", 10**13, 0)


def target(**changes):
    fields = {"id": "d", "provider": "openai", "upstream_model": "gpt-4o-mini", "wire": "openai", "timeout": 60}
    return Target(**{**fields, "base_url": "http://127.0.0.1:1/v1", "api_key": "sk-secret", **changes})


def test_only_the_model_changes_in_the_body():
    body = b'{ "messages":[{"role":"user","content":"\\u00e9 \xc3\xa9 1e400 0.10"}],"model": "small","x":1.50 }'
    sent = encode(request(body), target())
    assert sent.body == (
        b'{"messages":[{"role":"user","content":"\\u00e9 \xc3\xa9 1e400 0.10"}],"model":"gpt-4o-mini","x":1.50}'
    )


def test_a_body_that_already_names_the_upstream_model_is_sent_as_it_came():
    body = b'{"model": "gpt-4o-mini", "messages": [1] }'
    assert encode(request(body, model="gpt-4o-mini"), target()).body is body


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.text() | st.integers() | st.booleans(), st.lists)))
def test_every_other_field_survives(fields):
    body = {**fields, "model": "small", "messages": [1]}
    sent = json.loads(encode(request(json.dumps(body).encode()), target()).body)
    assert sent == {**body, "model": "gpt-4o-mini"}


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        (Endpoint.CHAT, "/chat/completions"),
        (Endpoint.EMBEDDINGS, "/embeddings"),
        (Endpoint.RESPONSES, "/responses"),
    ],
)
def test_each_endpoint_has_its_path_and_the_credential_its_header(endpoint, path):
    call = authorized(
        encode(request(b'{"model":"small"}', endpoint), target()), Auth.BEARER, "sk-secret", (("X-Trace", "1"),)
    )
    assert call.url == "http://127.0.0.1:1/v1" + path
    assert dict(call.headers) == {
        "Authorization": "Bearer sk-secret",
        "Content-Type": "application/json",
        "X-Trace": "1",
    }


def test_a_credential_is_never_shown():
    call = authorized(encode(request(b'{"model":"small"}'), target()), Auth.BEARER, "sk-secret")
    assert "sk-secret" not in repr(call) + repr(target())


def answer(**fields):
    return json.dumps({"id": "chatcmpl-1", "choices": [{"index": 0}], **fields}).encode()


def ok(body, **headers):
    return HttpReply(200, headers, body)


def test_chat_usage_counts_cached_and_reasoning_tokens_inside_their_sums():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    got = decode(ok(answer(usage=usage)), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Completion)
    assert got.tokens == Tokens(input=100, cached=30, output=50, reasoning=20)
    assert got.request_id == "chatcmpl-1"


def test_responses_usage_is_read_in_its_own_dialect():
    usage = {"input_tokens": 7, "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 1}}
    got = decode(
        ok(json.dumps({"output": [], "error": None, "usage": usage}).encode()),
        request(b"{}", Endpoint.RESPONSES),
        target(),
    )
    assert isinstance(got, Completion)
    assert got.tokens == Tokens(input=7, output=3, reasoning=1)


def test_an_answer_without_usage_says_that_nobody_knows():
    got = decode(ok(answer()), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Completion)
    assert got.tokens is None


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10**30, "completion_tokens": 2},
        {"prompt_tokens": 3, "completion_tokens": 2**53 + 1},
        {"prompt_tokens": 3, "completion_tokens": -5},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"input_tokens": 3, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": -2}},
        {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 2**64}},
    ],
)
def test_counts_that_no_call_can_have_are_no_counts_and_the_answer_is_kept(usage):
    got = decode(ok(answer(usage=usage)), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Completion)
    assert got.tokens is None


def test_a_body_of_many_lines_becomes_one_line_with_the_same_meaning():
    pretty = b"\n\n\n" + json.dumps({"choices": [{"text": "a\nb"}]}, indent=2).encode() + b"\r\n"
    got = decode(ok(pretty), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Completion)
    assert b"\n" not in got.body
    assert json.loads(got.body) == {"choices": [{"text": "a\nb"}]}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"choices": null}', b'{"choices": "no"}', b"<html>", b"[" * 100_000],
)
def test_a_200_that_cannot_be_used_is_a_failure_that_may_be_billed(body):
    got = decode(ok(body), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE
    assert CATALOGUE[got.failure.code].may_be_billed


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": 429, "message": "slow"}, Code.RATE_LIMITED),
        ({"code": 502, "message": "bad gateway"}, Code.PROVIDER_ERROR),
        ({"code": 402}, Code.QUOTA_EXHAUSTED),
        ({"code": "rate_limit_exceeded"}, Code.RATE_LIMITED),
        ("something broke", Code.PROVIDER_ERROR),
    ],
)
def test_an_error_inside_a_200_is_an_error(error, code):
    got = decode(ok(json.dumps({"error": error, "choices": []}).encode()), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Setback)
    assert got.failure.code is code


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, Code.QUOTA_EXHAUSTED),
        (429, {"code": "rate_limit_exceeded", "type": "requests"}, Code.RATE_LIMITED),
        (429, {}, Code.RATE_LIMITED),
        (400, {"code": "context_length_exceeded"}, Code.CONTEXT_LENGTH),
        (400, {"code": "content_filter"}, Code.CONTENT_POLICY),
        (400, {}, Code.BAD_REQUEST),
        (401, {"code": "invalid_api_key"}, Code.AUTHENTICATION),
        (403, {}, Code.PERMISSION),
        (404, {"code": "model_not_found"}, Code.UPSTREAM_NOT_FOUND),
        (418, {}, Code.BAD_REQUEST),
        (500, {}, Code.PROVIDER_ERROR),
        (503, {}, Code.OVERLOADED),
        (529, {"type": "overloaded_error"}, Code.OVERLOADED),
    ],
)
def test_codes_and_types_come_before_the_status(status, error, code):
    body = json.dumps({"error": {"message": "no", **error}}).encode()
    got = decode(HttpReply(status, {"retry-after": "3"}, body), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Setback)
    assert (got.failure.code, got.retry_after, got.status, got.body) == (code, 3.0, status, body)


def test_the_page_of_a_proxy_is_an_error_by_its_status():
    got = decode(HttpReply(502, {}, b"<html>bad gateway</html>"), request(b"{}", Endpoint.CHAT), target())
    assert isinstance(got, Setback)
    assert (got.failure.code, got.body) == (Code.PROVIDER_ERROR, None)


@given(st.integers(100, 599), st.binary(), st.sampled_from(list(Endpoint)))
def test_no_bytes_raise_and_none_but_a_200_complete(status, body, endpoint):
    got = decode(HttpReply(status, {}, body), request(b"{}", endpoint), target())
    assert isinstance(got, Setback) or status == 200


def test_a_choice_that_ended_in_failure_is_a_failure_and_its_tokens_are_known():
    body = answer(choices=[{"finish_reason": "stop"}, {"finish_reason": "error"}], usage={"prompt_tokens": 7})
    got = decode(ok(body), request(b"{}"), target())
    assert isinstance(got, Setback)
    assert (got.failure.code, got.tokens, got.body) == (Code.PROVIDER_ERROR, Tokens(input=7), body)


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "function_call", "content_filter", "eos", None])
def test_an_answer_that_ended_well_passes_as_it_came(reason):
    body = answer(choices=[{"index": 0, "finish_reason": reason}])
    got = decode(ok(body), request(b"{}"), target())
    assert isinstance(got, Completion)
    assert got.body == body


@pytest.mark.parametrize(
    "reason", ["insufficient_system_resource", "network_error", "error", "abort", "brand_new", "completed", "", 7]
)
def test_an_answer_that_did_not_end_well_is_none(reason):
    got = decode(ok(answer(choices=[{"index": 0, "finish_reason": reason}])), request(b"{}"), target())
    assert isinstance(got, Setback)


def test_an_ending_that_nobody_knows_is_not_paid_for_again_but_what_came_is_passed_on():
    body = answer(choices=[{"index": 0, "message": {"content": "x"}, "finish_reason": "brand_new"}])
    got = decode(ok(body), request(b"{}"), target())
    assert (got.failure.code, got.failure.retriable, got.body) == (Code.MALFORMED_RESPONSE, False, body)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("completed", None, None),
        ("incomplete", None, None),
        (None, None, None),
        ("failed", {"code": "server_error", "message": "no"}, Code.PROVIDER_ERROR),
        ("failed", {"code": "rate_limit_exceeded", "message": "no"}, Code.RATE_LIMITED),
        ("failed", None, Code.PROVIDER_ERROR),
        ("cancelled", None, Code.PROVIDER_ERROR),
        ("queued", None, Code.MALFORMED_RESPONSE),
        ("brand_new", None, Code.MALFORMED_RESPONSE),
        (7, None, Code.MALFORMED_RESPONSE),
    ],
)
def test_a_response_is_what_its_status_says(status, error, code):
    body = json.dumps({"id": "resp_1", "status": status, "error": error, "output": []}).encode()
    got = decode(ok(body), request(b"{}", Endpoint.RESPONSES), target())
    assert (got.failure.code if isinstance(got, Setback) else None) is code


@pytest.mark.parametrize("status", ["success", 0, 1.5, {"code": [1]}, True])
def test_the_status_of_anything_else_means_nothing(status):
    body = json.dumps({"status": status, "data": [{"embedding": [0.5]}], "choices": [{"index": 0}]}).encode()
    for endpoint in (Endpoint.EMBEDDINGS, Endpoint.CHAT):
        assert isinstance(decode(ok(body), request(b"{}", endpoint), target()), Completion)


@pytest.mark.parametrize("endpoint", [Endpoint.CHAT, Endpoint.EMBEDDINGS])
@pytest.mark.parametrize("empty", ["[]", "[ ]", "[\n ]", "null"])
@pytest.mark.parametrize("counts", [None, {"prompt_tokens": 7, "completion_tokens": 0}])
def test_an_answer_with_nothing_in_it_is_none_and_is_worth_another_call(endpoint, empty, counts):
    body = f'{{"choices": {empty}, "data": {empty}, "usage": {json.dumps(counts)}}}'
    got = decode(ok(body.encode()), request(b"{}", endpoint), target())
    assert isinstance(got, Setback)
    assert (got.failure.code, got.failure.retriable, got.should_retry) == (Code.MALFORMED_RESPONSE, True, None)
    assert (got.tokens and got.tokens.input) == (counts and 7), "what it was billed for is remembered"
