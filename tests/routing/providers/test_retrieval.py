"""The wires of Voyage and Jina, which are nearly alike, beyond their golden files."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.http import HttpCall, HttpReply
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.families import FAMILIES
from headgate.routing.service import Service
from headgate.schemas.failures import Code, Failure
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from support.wire import asked, came, openai_schema, to

ALIKE = ["jina", "voyage"]
FAMILY = st.sampled_from(ALIKE)
SERVED = [Endpoint.EMBEDDINGS, Endpoint.RERANK]
BODY = {"input": ["a", "b"], "query": "q", "documents": ["a", "b"]}
VECTORS = [{"index": 0, "embedding": [0.5]}, {"index": 1, "embedding": [1.5]}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def decode(family, endpoint, body, request=BODY):
    fields = ("input",) if endpoint is Endpoint.EMBEDDINGS else ("query", "documents")
    given_ = {name: request[name] for name in fields} if request is BODY else request
    return FAMILIES[family].decode(came(body), asked(given_, endpoint), to(family, "m"))


@given(FAMILY, st.sampled_from(Endpoint), st.dictionaries(st.sampled_from([*BODY, "top_n", "dimensions"]), JSON))
def test_no_json_raises_when_it_is_encoded(family, endpoint, body):
    got = FAMILIES[family].encode(asked(body, endpoint), to(family, "m"))
    assert isinstance(got, HttpCall | Failure)


ANSWERS = st.dictionaries(
    st.sampled_from(["data", "results", "usage", "model", "error", "meta"]),
    JSON | st.lists(st.fixed_dictionaries({"index": JSON, "embedding": JSON, "relevance_score": JSON}), max_size=3),
)


@given(FAMILY, st.sampled_from(SERVED), st.integers(100, 599), st.binary() | ANSWERS.map(json.dumps).map(str.encode))
def test_no_bytes_raise_when_they_are_decoded_and_none_but_a_200_complete(family, endpoint, status, body):
    got = FAMILIES[family].decode(HttpReply(status, {}, body), asked(BODY, endpoint), to(family, "m"))
    assert isinstance(got, Setback) or status == 200


@pytest.mark.parametrize("family", ALIKE)
def test_what_neither_speaks_is_refused_even_where_a_row_has_a_path(family):
    target = to(family, "m", service=Service(paths=dict.fromkeys(Endpoint, "/anything")))
    for endpoint in set(Endpoint) - set(SERVED):
        got = FAMILIES[family].encode(asked(BODY, endpoint), target)
        assert isinstance(got, Failure)
        assert got.code is Code.UNSUPPORTED_ENDPOINT


@pytest.mark.parametrize("family", ALIKE)
@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"total_tokens": 7}, Tokens(input=7)),
        ({"prompt_tokens": 7}, Tokens(input=7)),
        ({"total_tokens": 7, "prompt_tokens": 0}, Tokens(input=7)),
        ({}, None),
        (None, None),
    ],
)
@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Endpoint.EMBEDDINGS, {"data": VECTORS}),
        (Endpoint.RERANK, {"data": [{"index": 0, "relevance_score": 1}]}),
        (Endpoint.RERANK, {"results": [{"index": 0, "relevance_score": 1}]}),
    ],
)
def test_all_tokens_are_input(family, endpoint, body, usage, tokens):
    got = decode(family, endpoint, {**body, "usage": usage})
    assert isinstance(got, Completion)
    assert got.tokens == tokens


@pytest.mark.parametrize("family", ALIKE)
@pytest.mark.parametrize(
    "data",
    [
        [],
        VECTORS[:1],
        [*VECTORS, {"index": 2, "embedding": [2.5]}],
        [VECTORS[0], VECTORS[0]],
        [VECTORS[0], VECTORS[1], VECTORS[1]],
        [{"index": 0}, {"index": 1}],
    ],
)
def test_each_text_has_its_vector_or_it_is_a_failure(family, data):
    assert isinstance(decode(family, Endpoint.EMBEDDINGS, {"data": data}), Setback)


@pytest.mark.parametrize("family", ALIKE)
def test_vectors_are_in_the_order_of_the_texts_and_an_answer_of_openais(family):
    got = decode(family, Endpoint.EMBEDDINGS, {"data": VECTORS[::-1], "usage": {"total_tokens": 2}})
    body = json.loads(got.body)
    assert [each["embedding"] for each in body["data"]] == [[0.5], [1.5]]
    schema = openai_schema("CreateEmbeddingResponse")
    if schema is None:
        pytest.skip("OpenAI's OpenAPI document is absent")
    schema.validate(body)


@pytest.mark.parametrize("family", ALIKE)
def test_an_error_in_a_200_is_one(family):
    body = {"detail": "too many requests", "error": {"message": "slow down", "code": "rate_limit_exceeded"}}
    for endpoint in SERVED:
        got = decode(family, endpoint, body)
        assert isinstance(got, Setback)
        assert got.failure.code is Code.RATE_LIMITED
