"""Models, health, and paths that are not served."""

import openai
import pytest

from headgate.workers.simulator import Simulator, SimulatorConfig


async def test_the_models_are_listed(client, openapi):
    raw = await client.models.with_raw_response.list()
    openapi("ListModelsResponse", raw.http_response.json())
    assert [model.id async for model in client.models.list()] == ["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"]


async def test_one_model_is_told(client, openapi):
    raw = await client.models.with_raw_response.retrieve("gpt-4o")
    openapi("Model", raw.http_response.json())
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        await client.models.retrieve("gpt-9")


async def test_it_says_that_it_is_well(simulator, connect):
    async with connect(simulator.address) as raw:
        assert (await raw.ask("GET", "/healthz")).json == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/chat/completions", 404),
        ("GET", "/v1/embeddings", 405),
        ("PUT", "/healthz", 405),
    ],
)
async def test_what_is_not_served_is_refused_as_openai_refuses_it(simulator, connect, openapi, method, path, status):
    async with connect(simulator.address) as raw:
        got = await raw.ask(method, path)
    assert got.status == status
    openapi("ErrorResponse", got.json)
    assert len(simulator.books) == 0


async def test_a_key_is_asked_for_only_if_there_is_one():
    config = SimulatorConfig(api_key="sk-right")
    async with Simulator(config) as simulator:
        url = simulator.address.base_url
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-right") as right:
            await right.responses.create(model="m", input="x")
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-wrong") as wrong:
            with pytest.raises(openai.AuthenticationError) as caught:
                await wrong.responses.create(model="m", input="x")
        assert caught.value.code == "invalid_api_key"
        assert [entry.status for entry in simulator.books.entries()] == [200, 401]
