"""`/v1/embeddings`, judged by the official client's types and OpenAI's OpenAPI document."""

import json
import math

import pytest
from openai.types import CreateEmbeddingResponse

MODEL = "text-embedding-3-small"


@pytest.fixture
def create(client, openapi):
    """Ask for floats, and have both judges look at the answer."""

    async def asked(**options):
        raw = await client.embeddings.with_raw_response.create(
            **{"model": MODEL, "input": "Hello", "encoding_format": "float", **options}
        )
        body = json.loads(raw.text)
        openapi("CreateEmbeddingResponse", body)
        return CreateEmbeddingResponse.model_validate(body)

    return asked


async def test_a_text_is_a_vector_of_length_one(create):
    answer = await create()
    [vector] = [item.embedding for item in answer.data]
    assert len(vector) == 256
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-6)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 2


@pytest.mark.parametrize("dimensions", [1, 2, 3, 7, 1536, 4096])
async def test_dimensions_are_what_was_asked_for(create, dimensions):
    [vector] = [item.embedding for item in (await create(dimensions=dimensions)).data]
    assert len(vector) == dimensions
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dimensions", [6, 1536])
async def test_the_clients_own_base64_is_the_same_vector(client, create, dimensions):
    default = await client.embeddings.create(model=MODEL, input="Hello", dimensions=dimensions)
    floats = await create(dimensions=dimensions)
    assert default.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "vectors", "tokens"),
    [
        (["12345678", "1"], 2, 3),
        ([5, 6, 7], 1, 3),
        ([[5, 6], [7]], 2, 3),
        ("Köln", 1, 2),
    ],
)
async def test_every_form_of_input_is_taken(create, given, vectors, tokens):
    answer = await create(input=given)
    assert [item.index for item in answer.data] == list(range(vectors))
    assert answer.usage.prompt_tokens == tokens


async def test_a_vector_belongs_to_its_text_and_model_alone(create):
    together = await create(input=["one", "two"])
    alone = await create(input="two")
    other = await create(input="two", model="another")
    assert together.data[1].embedding == alone.data[0].embedding
    assert together.data[0].embedding != alone.data[0].embedding
    assert other.data[0].embedding != alone.data[0].embedding


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["x", ""]}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"user": "simulate:nothing"}, "user"),
    ],
)
async def test_a_wrong_request_is_refused(simulator, connect, openapi, change, param):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", "/v1/embeddings", {"model": MODEL, "input": "x", **change})
    assert (got.status, got.json["error"]["param"]) == (400, param)
    openapi("ErrorResponse", got.json)
