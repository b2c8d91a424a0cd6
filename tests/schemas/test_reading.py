"""From a record to a request: whatever the bytes, and the same at every redelivery."""

import json
import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.schemas.failures import Code
from headgate.schemas.reading import key_at_a_glance, read_request
from headgate.schemas.record import Record
from headgate.schemas.request import LONGEST_NAME, Arrival, Defaults, Endpoint, Rejected, Request, Unreadable
from headgate.schemas.topics import Lane
from support.any_record import ANY_VALUE, ARRIVAL, BODY, HEADERS, read

# What is a request


def test_an_openai_batch_line_is_a_request():
    line = {"custom_id": "line-1", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
    request = read(line)
    assert isinstance(request, Request)
    assert (request.custom_id, request.endpoint, request.model) == ("line-1", Endpoint.CHAT, "small")


def test_what_a_request_does_not_say_comes_from_where_it_arrived_and_from_the_defaults():
    request = read({"body": BODY})
    assert request == Request(
        id="headgate.requests.bulk/3/17",
        endpoint=Endpoint.CHAT,
        model="small",
        body=json.dumps(BODY).encode(),
        key="local",
        lane=Lane.BULK,
        reply_to="headgate.replies.default",
        deadline_ms=1_000_000 + 86_400_000,
        enqueued_ms=1_000_000,
    )


def test_the_body_passes_through_byte_for_byte():
    body = b'{ "messages" : [ "\xc3\xa4\\u00e4" ],\n "model":"m" , "seed": 1.50, "x": 12345678901234567890123 }'
    assert read(b'{"body":' + body + b"}").body == body


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v1/embeddings", {"model": "e", "input": "text"}),
        ("/v1/embeddings", {"model": "e", "input": " "}),
        ("/v1/embeddings", {"model": "e", "input": [1, 2]}),
        ("/v1/responses", {"model": "r", "input": "text"}),
    ],
)
def test_every_endpoint_has_its_own_input(url, body):
    assert read({"url": url, "body": body}).endpoint == url


def test_headers_say_what_the_envelope_does_not():
    headers = [
        ("headgate-request-id", b"r-1"),
        ("headgate-batch", b"b-1"),
        ("headgate-key", b"k-1"),
        ("headgate-deadline", b"60"),
        ("reply_to", b"headgate.replies.mine"),
    ]
    request = read({"body": BODY}, headers)
    assert (request.id, request.batch, request.key, request.reply_to) == ("r-1", "b-1", "k-1", "headgate.replies.mine")
    assert request.deadline_ms == 1_000_000 + 60_000


def test_the_envelope_wins_over_headers():
    line = {"id": "i", "batch": "b", "key": "k", "reply_to": "headgate.replies.e", "deadline": 1, "body": BODY}
    headers = [(f"headgate-{name}", b"h") for name in ("request-id", "batch", "key", "deadline")]
    request = read(line, [*headers, ("reply_to", b"h")])
    assert (request.id, request.batch, request.key, request.reply_to) == ("i", "b", "k", "headgate.replies.e")


def test_spring_and_cloudevents_names_are_understood_and_correlation_ids_echoed_as_bytes():
    headers = [
        ("kafka_replyTopic", b"headgate.replies.java"),
        ("kafka_correlationId", b"\x00\xff\x10"),
        ("correlation_id", None),
        ("ce_id", b"ce-1"),
        ("other", b"x"),
    ]
    request = read({"body": BODY}, headers, key=b"\xff")
    assert (request.id, request.reply_to, request.reply_key) == ("ce-1", "headgate.replies.java", b"\xff")
    assert request.echo == (("kafka_correlationId", b"\x00\xff\x10"), ("correlation_id", None))


def test_a_header_that_is_not_text_says_nothing_and_the_next_name_is_asked():
    headers = [("reply_to", b"\xff\xfe"), ("kafka_replyTopic", b"headgate.replies.java"), ("headgate-key", b"")]
    request = read({"body": BODY}, headers)
    assert (request.reply_to, request.key) == ("headgate.replies.java", "local")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_the_most_output_tokens_are_noticed(field):
    assert read({"body": {**BODY, field: 7}}).max_output == 7


def test_the_tightest_of_several_output_limits_counts():
    assert read({"body": {**BODY, "max_tokens": 9, "max_completion_tokens": 5}}).max_output == 5


@pytest.mark.parametrize(
    ("deadline", "ms"),
    [
        (1.5, 1_001_500),
        ("2", 1_002_000),
        ("1970-01-01T00:30:00Z", 1_800_000),
        ("1970-01-01T01:30:00+01:00", 1_800_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_a_deadline_is_seconds_from_arrival_or_a_time(deadline, ms):
    assert read({"deadline": deadline, "body": BODY}).deadline_ms == ms


@pytest.mark.parametrize(
    ("fields", "end_user"),
    [
        ({}, None),
        ({"user": "u-1"}, "u-1"),
        ({"safety_identifier": "s-1"}, "s-1"),
        ({"user": "u-1", "safety_identifier": "s-1"}, "s-1"),
        ({"user": "u-1", "safety_identifier": None}, "u-1"),
        ({"user": "u-1", "safety_identifier": ""}, "u-1"),
        ({"user": ""}, None),
        ({"user": "u" * LONGEST_NAME}, "u" * LONGEST_NAME),
    ],
)
def test_the_end_user_is_the_body_s_safety_identifier_or_else_its_user(fields, end_user):
    assert read({"body": {**BODY, **fields}}).end_user == end_user


@pytest.mark.parametrize(
    ("max_cost", "nano"),
    [
        (None, None),
        (1, 10**9),
        (0.1, 10**8),
        ("0.1", 10**8),
        ("0.000000001", 1),
        (1e-9, 1),
        (0.0000000019, 1),  # a most is rounded down
        ("1000000", 10**15),
        (1e6, 10**15),
        ("007.50", 7_500_000_000),
    ],
)
def test_the_most_that_a_request_may_cost_is_dollars_and_exact(max_cost, nano):
    assert read({"max_cost": max_cost, "body": BODY}).max_cost_nano == nano


@given(st.integers(1, 10**15))
def test_every_amount_of_nano_dollars_can_be_said(nano):
    text = f"{nano // 10**9}.{nano % 10**9:09}"
    assert read({"max_cost": text, "body": BODY}).max_cost_nano == nano


@pytest.mark.parametrize(
    "max_cost",
    [0, -1, "0", "-1", "", "free", "1e3", "1_0", " 1", "\uff11", "0.0000000001", 1e-10, 1_000_001, "1000001", 1e300],
)
def test_what_is_no_most_is_rejected(max_cost):
    rejected = read({"max_cost": max_cost, "body": BODY})
    assert isinstance(rejected, Rejected)
    assert (rejected.failure.code, rejected.model, rejected.endpoint) == ("invalid_request", "small", Endpoint.CHAT)
    assert "max_cost: US dollars" in rejected.failure.expected


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("/v1/moderations", {"input": "hi"}),
        ("/v1/images/generations", {"prompt": "a cat", "n": 2}),
        ("/v1/audio/transcriptions", {"file": "data:audio/mpeg;base64,aGk="}),
        ("/v1/rerank", {"query": "q", "documents": ["a"], "top_n": 1}),
    ],
)
def test_a_batch_line_for_any_endpoint_is_a_request(url, fields):
    request = read({"custom_id": "line-1", "method": "POST", "url": url, "body": {"model": "m", **fields}})
    assert isinstance(request, Request)
    assert (request.endpoint, request.model) == (Endpoint(url), "m")


# What is wrong and gets an answer


@pytest.mark.parametrize(
    ("line", "code", "expected", "given_"),
    [
        ({}, "invalid_request", "fields of a request", "body"),
        ({"body": 5}, "invalid_request", "a body", "got `int`"),
        ({"body": {}}, "invalid_request", "body.model", "nothing"),
        ({"body": {"model": ""}}, "invalid_request", "body.model", "nothing"),
        ({"body": {"model": 5}}, "invalid_request", "a body", "$.model"),
        ({"body": {"model": "m"}}, "invalid_request", "body.messages: something in it", "nothing"),
        ({"body": {"model": "m", "messages": []}}, "invalid_request", "body.messages: something in it", "[]"),
        ({"body": {"model": "m", "messages": None}}, "invalid_request", "body.messages: something in it", "null"),
        ({"body": {"model": "m", "messages": "Hi"}}, "invalid_request", "a list", '"Hi"'),
        ({"body": {**BODY, "stream": True}}, "invalid_request", "stream", "true"),
        ({"body": {**BODY, "max_tokens": -1}}, "invalid_request", "a body", "max_tokens"),
        ({"body": {**BODY, "max_tokens": 10**30}}, "invalid_request", "a body", "max_tokens"),
        ({"body": {**BODY, "user": 5}}, "invalid_request", "a body", "$.user"),
        ({"body": {**BODY, "user": "u" * 513}}, "invalid_request", "a body", "$.user"),
        ({"body": {**BODY, "safety_identifier": "u" * 513}}, "invalid_request", "a body", "$.safety_identifier"),
        ({"max_cost": True, "body": BODY}, "invalid_request", "fields", "max_cost"),
        ({"max_cost": [1], "body": BODY}, "invalid_request", "fields", "max_cost"),
        ({"method": "GET", "body": BODY}, "invalid_request", "POST", "GET"),
        ({"url": "/v1/files", "body": BODY}, "unknown_endpoint", "/v1/embeddings", "/v1/files"),
        ({"url": "/v1/embeddings", "body": BODY}, "invalid_request", "body.input", "nothing"),
        ({"url": "/v1/moderations", "body": BODY}, "invalid_request", "body.input", "nothing"),
        ({"url": "/v1/images/generations", "body": BODY}, "invalid_request", "body.prompt", "nothing"),
        ({"url": "/v1/audio/transcriptions", "body": BODY}, "invalid_request", "body.file", "nothing"),
        ({"url": "/v1/rerank", "body": BODY}, "invalid_request", "body.query", "nothing"),
        ({"url": "/v1/rerank", "body": {"model": "m", "query": "q"}}, "invalid_request", "body.documents", "nothing"),
        (
            {"url": "/v1/rerank", "body": {"model": "m", "query": "q", "documents": "d"}},
            "invalid_request",
            "body.documents: a list",
            '"d"',
        ),
        (
            {"url": "/v1/images/generations", "body": {"model": "m", "prompt": "p", "stream": True}},
            "invalid_request",
            "stream",
            "true",
        ),
        ({"url": "/v1/responses", "body": {"model": "m", "input": ""}}, "invalid_request", "body.input", '""'),
        ({"deadline": 0, "body": BODY}, "invalid_request", "seconds", "0"),
        ({"deadline": -1, "body": BODY}, "invalid_request", "seconds", "-1"),
        ({"deadline": "nan", "body": BODY}, "invalid_request", "seconds", "nan"),
        ({"deadline": "inf", "body": BODY}, "invalid_request", "seconds", "inf"),
        ({"deadline": "soon", "body": BODY}, "invalid_request", "2026", "soon"),
        ({"deadline": "2026-01-01T00:00:00", "body": BODY}, "invalid_request", "zone", "2026"),
        ({"deadline": True, "body": BODY}, "invalid_request", "fields", "deadline"),
        ({"metadata": {"a": 1}, "body": BODY}, "invalid_request", "fields", "metadata"),
        ({"metadata": {str(nr): "" for nr in range(17)}, "body": BODY}, "invalid_request", "fields", "metadata"),
        ({"batch": "b" * 513, "body": BODY}, "invalid_request", "fields", "$.batch"),
    ],
)
def test_a_wrong_request_is_answered_with_a_code_the_expected_and_the_given(line, code, expected, given_):
    rejected = read({"custom_id": "c-1", "reply_to": "headgate.replies.mine", **line})
    assert isinstance(rejected, Rejected), rejected
    assert (rejected.custom_id, rejected.reply_to) == ("c-1", "headgate.replies.mine")
    assert rejected.failure.code == code
    assert expected in rejected.failure.expected
    assert given_ in rejected.failure.given
    assert rejected.failure.hint


def test_a_list_with_nothing_but_blanks_is_no_messages():
    assert read(b'{"body":{"model":"m","messages":[ \n ]}}').failure.code is Code.INVALID_REQUEST


def test_an_envelope_with_a_wrong_field_is_answered_by_its_other_fields_and_headers():
    rejected = read({"id": 5, "custom_id": "c", "batch": "b", "body": BODY}, [("headgate-request-id", b"r-1")])
    assert (rejected.id, rejected.custom_id, rejected.batch) == ("r-1", "c", "b")


def test_five_megabytes_are_answered_and_not_quoted():
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 5_000_000}]}
    rejected = read({"custom_id": "big", "body": body})
    assert (rejected.failure.code, rejected.custom_id) == (Code.REQUEST_TOO_LARGE, "big")
    assert len(msgspec.json.encode(rejected.failure)) < 1_000


@pytest.mark.parametrize("field", ["id", "custom_id", "batch", "key"])
def test_an_endless_name_comes_back_nowhere(field):
    rejected = read({field: "n" * 1_000_000, "body": BODY})
    assert isinstance(rejected, Rejected)
    assert len(msgspec.json.encode(rejected)) < 2_000
    assert isinstance(read({field: "n" * LONGEST_NAME, "body": BODY}), Request)


def test_an_endless_header_says_nothing():
    assert read({"body": BODY}, [("headgate-request-id", b"n" * 1_000_000)]).id == ARRIVAL.place


@pytest.mark.parametrize("wrong", [{"messages": "x" * 1_000_000}, {"messages": {"a": "x" * 1_000_000}}])
def test_a_long_wrong_field_is_quoted_shortly(wrong):
    assert len(msgspec.json.encode(read({"body": {"model": "m", **wrong}}).failure)) < 1_000


# What nobody can answer


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, Code.EMPTY),
        (b"", Code.EMPTY),
        (b'{"body": "\xff"}', Code.INVALID_UTF8),
        (b"\xff\xfe{\x00}\x00", Code.INVALID_UTF8),
        (b"not json", Code.INVALID_JSON),
        (b'{"body": {"model": NaN}}', Code.INVALID_JSON),
        (b'{"body": {}} trailing', Code.INVALID_JSON),
        (b"\xef\xbb\xbf{}", Code.INVALID_JSON),
        (b'{"body":' + b"[" * 200_000 + b"]" * 200_000 + b"}", Code.INVALID_JSON),
        (b'{"id": 5, "body":' + b"[" * 200_000 + b"]" * 200_000 + b"}", Code.INVALID_ENVELOPE),
        (b"[1]", Code.INVALID_ENVELOPE),
        (b"null", Code.INVALID_ENVELOPE),
        (b'"text"', Code.INVALID_ENVELOPE),
        (b"5", Code.INVALID_ENVELOPE),
    ],
)
def test_what_is_no_json_object_is_unreadable_with_its_cause(value, code):
    unreadable = read(value)
    assert isinstance(unreadable, Unreadable), unreadable
    assert unreadable.failure.code is code
    assert unreadable.failure.expected
    assert unreadable.failure.given


# Whatever comes


@given(ANY_VALUE, HEADERS, st.none() | st.binary(max_size=5))
@example(b'{"deadline":"0001-01-01T00:00:00+23:59","body":{"model":"m","messages":[1]}}', (), None)
@example(b'{"deadline":1e300,"body":{"model":"m","messages":[1]}}', (), None)
@example(b'{"deadline":1e999,"body":{"model":"m","messages":[1]}}', (), None)
@example(b'{"body":{"model":"m","messages":[1]}}', (("headgate-deadline", b"9" * 400),), None)
def test_any_record_is_a_request_or_rejected_or_unreadable_and_reads_the_same_again(value, headers, key):
    once, again = read(value, headers, key), read(value, headers, key)
    assert isinstance(once, Request | Rejected | Unreadable)
    assert once == again
    failed = None if isinstance(once, Request) else once.failure
    assert len(msgspec.json.encode(failed)) < 4_000  # and can be written


@given(ANY_VALUE, HEADERS)
@example(b'{"key":"k","body":{"model":"m","messages":[1]}}', (("headgate-key", b"other"),))
@example(b'{"key":null,"body":{"model":"m","messages":[1]}}', (("headgate-key", b"k"),))
@example(b'{"key":"j","key":"k","body":{"model":"m","messages":[1]}}', ())
@example(b'{"body":{"model":"m","messages":[1]}}', ())
def test_a_glance_finds_the_key_that_reading_finds(value, headers):
    record = Record("headgate.requests.bulk", value, None, headers)
    read_ = read_request(record, ARRIVAL, Defaults(key="mine"))
    if isinstance(read_, Request):
        assert key_at_a_glance(record, Defaults(key="mine")) == read_.key


@given(ANY_VALUE, HEADERS)
def test_whoever_can_be_answered_has_an_id_a_reply_topic_and_a_key(value, headers):
    read_ = read(value, headers)
    if not isinstance(read_, Unreadable):
        assert read_.id
        assert read_.reply_to
        assert read_.key
        assert len(read_.id) <= LONGEST_NAME
        msgspec.json.encode([read_.id, read_.custom_id, read_.batch, read_.reply_to, read_.model])


@given(st.floats(min_value=0.001, max_value=1e8), st.integers(0, 10**15))
def test_a_deadline_counts_from_the_arrival_and_not_from_the_reading(seconds, at_ms):
    record = Record("t", json.dumps({"deadline": seconds, "body": BODY}).encode())
    request = read_request(record, Arrival("t/0/0", Lane.STANDARD, at_ms), Defaults())
    assert request.deadline_ms == at_ms + round(seconds * 1000)


def test_the_size_limit_is_the_configured_one():
    value = json.dumps({"body": BODY}).encode()
    assert isinstance(read(value, defaults=Defaults(max_bytes=len(value))), Request)
    assert isinstance(read(value, defaults=Defaults(max_bytes=len(value) - 1)), Rejected)


def test_every_given_is_one_short_line_of_the_cause():
    assert re.fullmatch(r"byte 10: .+", read(b'{"body": "\xff"}').failure.given)
