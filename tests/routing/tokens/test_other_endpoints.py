"""What requests may take that generate no text: moderations, images, transcriptions, reranks."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.routing.estimate import estimated_tokens
from headgate.routing.target import Target
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.routing.tokens.weigh import weigh
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane

TARGET = Target("d", "cohere", "rerank-v3.5", "cohere", "http://127.0.0.1", 60.0)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=600)
QUERIES = TEXTS.filter(bool)


def request_of(endpoint, **fields):
    body = json.dumps({"model": "m", **fields}, ensure_ascii=False).encode()
    return Request("id", endpoint, "m", body, "k", Lane.STANDARD, "r", 10**12, 0)


def estimate(request):
    return TokenEstimator().estimate(request, TARGET)


def reranking(query, documents):
    return request_of(Endpoint.RERANK, query=query, documents=documents)


@example("q" * 100, ["a"] * 50)
@given(QUERIES, st.lists(TEXTS | TEXTS.map(lambda text: {"text": text}), min_size=1, max_size=20))
def test_a_rerank_reads_its_query_with_every_document(query, documents):
    """As docs.voyageai.com counts: query tokens times documents, and those of all documents. A byte is one at most."""
    sizes = [len((each if isinstance(each, str) else each["text"]).encode()) for each in documents]
    found = estimate(reranking(query, documents))
    assert len(query.encode()) * len(documents) + sum(sizes) <= found.worst_input
    assert (found.output, found.worst_output) == (0, 0)


@given(QUERIES, st.lists(TEXTS, min_size=1, max_size=20))
def test_a_rerank_is_never_billed_more_search_units_than_were_held(query, documents):
    """The smallest chunks that Cohere has documented: 510 tokens with the query, of which 256 count at most."""
    room = 510 - min(256, len(query.encode()))
    chunks = sum(max(1, -(-len(each.encode()) // room)) for each in documents)
    assert -(-chunks // 100) <= estimate(reranking(query, documents)).worst_units


@pytest.mark.parametrize(("documents", "units"), [(1, 1), (100, 1), (101, 2), (1_000, 10)])
def test_a_search_unit_is_a_hundred_short_documents(documents, units):
    assert estimate(reranking("q", ["a"] * documents)).worst_units == units


def test_images_are_as_many_as_are_asked_for_and_tokens_have_no_limit():
    found = estimate(request_of(Endpoint.IMAGES, prompt="a cat", n=3))
    assert found.worst_units == 3
    assert found.worst_output == 3 * 131_072
    assert estimate(request_of(Endpoint.IMAGES, prompt="a cat")).worst_units == 1


@pytest.mark.parametrize("wrap", [str, lambda url: {"filename": "a.mp3", "file_data": url}])
def test_sound_weighs_what_it_can_last_at_the_lowest_rate_and_not_its_bytes(wrap):
    minute = "data:audio/mpeg;base64," + "A" * 80_000
    weight = weigh(request_of(Endpoint.TRANSCRIPTIONS, file=wrap(minute), prompt="Names: Ulm."))
    assert weight.units == 61
    assert weight.audio == len(minute)
    assert weight.size < 200
    assert weight.texts == ("Names: Ulm.",)


@pytest.mark.parametrize(
    ("input_", "images", "texts"),
    [
        ("a", 0, ("a",)),
        (["a", "b"], 0, ("a", "b")),
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:,x"}}], 1, ("a",)),
    ],
)
def test_a_moderation_weighs_its_texts_and_images_and_has_no_output(input_, images, texts):
    request = request_of(Endpoint.MODERATIONS, input=input_)
    weight, found = weigh(request), estimate(request)
    assert (weight.images, tuple(filter(None, weight.texts)), weight.units) == (images, texts, 1)
    assert (found.output, found.worst_output) == (0, 0)


@pytest.mark.parametrize("endpoint", [Endpoint.MODERATIONS, Endpoint.IMAGES, Endpoint.TRANSCRIPTIONS, Endpoint.RERANK])
def test_a_body_of_a_strange_shape_is_held_for_its_bytes_and_at_least_a_unit(endpoint):
    request = request_of(endpoint, input=5, prompt=5, file=5, query=5, documents=5)
    assert weigh(request).hidden
    assert estimate(request).worst_units >= 1


@pytest.mark.parametrize(
    ("endpoint", "fields", "units"),
    [
        (Endpoint.RERANK, {"query": "q", "documents": ["a"] * 150}, 2),
        (Endpoint.IMAGES, {"prompt": "p", "n": 2}, 2),
        (Endpoint.EMBEDDINGS, {"input": "a"}, 0),
        (Endpoint.CHAT, {"messages": [{"role": "user", "content": "a"}]}, 0),
    ],
)
def test_an_attempt_whose_end_nobody_knows_is_booked_with_its_units(endpoint, fields, units):
    tokens = estimated_tokens(request_of(endpoint, **fields))
    assert tokens.units == units
    assert tokens.input >= 1
    assert isinstance(tokens, Tokens)
