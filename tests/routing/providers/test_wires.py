"""What holds for every family whose provider does not speak OpenAI's wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.http import HttpCall, HttpReply
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.families import FAMILIES
from headgate.routing.service import Service
from headgate.schemas.failures import CATALOGUE, Code, Failure
from headgate.schemas.request import Endpoint
from support.golden import golden
from support.wire import asked, came, openai_schema, to

MODELS = {
    "anthropic": "claude-sonnet-4-5",
    "bedrock-converse": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere": "command-a-03-2025",
    "gemini": "gemini-3.5-flash",
    "vertex": "gemini-2.5-pro",
    "vertex-anthropic": "claude-opus-5",
}
FAMILY = st.sampled_from(sorted(MODELS))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
RICH = {case.family: case.facts for case in golden(*MODELS) if case.name.endswith("-rich")}
#: What a mutation may put in place of anything.
ODD = JSON | st.sampled_from(["", "none", "required", "high", "data:image/png;base64,", "data:,", {}, [], -1, 0, 1e300])


def any_target(family, *, drop=True):
    return to(family, MODELS[family], drop=["*"] if drop else [])


def mutate(draw, value):
    """Put something else in one place of a JSON value, or take it away."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 6)) == 0:
            return {key: inner for key, inner in value.items() if key != name}
        return {**value, name: mutate(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], mutate(draw, value[at]), *value[at + 1 :]]
    return draw(ODD)


@st.composite
def mutations(draw, part):
    family = draw(FAMILY)
    value = RICH[family]["request"] if part == "request" else RICH[family]["came"]["body"]
    for _ in range(draw(st.integers(1, 3))):
        value = mutate(draw, value)
    return family, value


@given(FAMILY, JSON | st.dictionaries(st.sampled_from(["messages", "tools", "n", "input"]), JSON), st.booleans())
def test_no_json_raises_when_it_is_encoded(family, body, drop):
    for endpoint in Endpoint:
        got = FAMILIES[family].encode(asked(body, endpoint), any_target(family, drop=drop))
        assert isinstance(got, HttpCall | Failure)


@given(mutations("request"), st.booleans())
def test_no_request_that_is_nearly_right_raises_and_what_is_sent_is_json(case, drop):
    family, body = case
    got = FAMILIES[family].encode(asked(body), any_target(family, drop=drop))
    assert isinstance(got, HttpCall | Failure)
    if isinstance(got, HttpCall):
        json.loads(got.body)


@given(FAMILY, st.integers(100, 599), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_when_they_are_decoded_and_none_but_a_200_complete(family, status, body):
    for endpoint in (Endpoint.CHAT, Endpoint.EMBEDDINGS, Endpoint.RERANK):
        given = asked({"input": "a", "query": "q", "documents": ["a"]}, endpoint)
        got = FAMILIES[family].decode(HttpReply(status, {}, body), given, any_target(family))
        assert isinstance(got, Setback) or status == 200


@given(mutations("answer"))
def test_an_answer_that_is_nearly_right_is_a_setback_or_one_of_openais(case):
    family, body = case
    got = FAMILIES[family].decode(came(body), asked({}), any_target(family))
    schema = openai_schema("CreateChatCompletionResponse")
    if isinstance(got, Completion) and schema is not None:
        schema.validate(json.loads(got.body))


@pytest.mark.parametrize("family", sorted(MODELS))
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"content": "no"}', b"[" * 100_000])
def test_a_200_that_cannot_be_used_is_a_failure_that_may_be_billed(family, body):
    got = FAMILIES[family].decode(came(body), asked({}), any_target(family))
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE
    assert CATALOGUE[got.failure.code].may_be_billed


@pytest.mark.parametrize("family", sorted(MODELS))
def test_an_endpoint_that_a_family_cannot_speak_is_refused_even_where_a_row_has_a_path(family):
    wire = FAMILIES[family]
    target = to(family, MODELS[family], service=Service(paths=dict.fromkeys(Endpoint, "/anything")))
    for endpoint in set(Endpoint) - set(wire.paths):
        got = wire.encode(asked({"input": "a", "messages": [{"role": "user", "content": "a"}]}, endpoint), target)
        assert isinstance(got, Failure)
        assert got.code is Code.UNSUPPORTED_ENDPOINT


@pytest.mark.parametrize("family", sorted(MODELS))
def test_a_call_knows_no_credential(family):
    target = to(family, MODELS[family], api_key="sk-secret")
    call = FAMILIES[family].encode(asked({"messages": [{"role": "user", "content": "Hello"}]}), target)
    assert b"sk-secret" not in call.body
    assert "sk-secret" not in str(call.headers) + call.url


@pytest.mark.parametrize("family", sorted(MODELS))
def test_a_request_without_anything_to_answer_is_refused(family):
    body = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": ""}]}
    got = FAMILIES[family].encode(asked(body), any_target(family))
    assert isinstance(got, Failure)
    assert got.given == "messages"


@pytest.mark.parametrize("family", sorted(MODELS))
def test_an_answer_without_a_date_was_made_when_it_was_asked_for(family):
    reply = came(RICH[family]["came"]["body"])
    body = json.loads(FAMILIES[family].decode(reply, asked({}), any_target(family)).body)
    assert body["created"] == 1_764_000_000


@pytest.mark.parametrize("date", ["yesterday", "Thu, 26 Nov 99999 12:00:00 GMT", ""])
def test_a_date_that_is_none_says_nothing(date):
    reply = came(RICH["anthropic"]["came"]["body"], date=date)
    body = json.loads(FAMILIES["anthropic"].decode(reply, asked({}), any_target("anthropic")).body)
    assert body["created"] == 1_764_000_000
