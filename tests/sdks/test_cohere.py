"""The `cohere` client, version 2 of the API."""

import json

import cohere
import pytest
from asked import FAULTS, LONG, SCHEMA, TOOL, simulate
from cohere.core.api_error import ApiError
from cohere.core.request_options import RequestOptions

MESSAGES = [{"role": "user", "content": "Why?"}]
ERRORS = {
    429: cohere.TooManyRequestsError,
    400: cohere.BadRequestError,
    401: cohere.UnauthorizedError,
    403: cohere.ForbiddenError,
    404: cohere.NotFoundError,
    500: cohere.InternalServerError,
    503: cohere.ServiceUnavailableError,
}


def client_of(simulator, key="any"):
    return cohere.ClientV2(api_key=key, base_url=simulator.url)


@pytest.fixture
def client(simulator):
    made = client_of(simulator)
    yield made
    closed(made)


def closed(client):
    """Close the client's sockets, for which it has no method of its own."""
    client._client_wrapper.httpx_client.httpx_client.close()


def options(script):
    return RequestOptions(additional_headers=simulate(script), max_retries=0)


def chat(client, **body):
    """Return an answer whose fields its type all knows."""
    said = client.chat(**{"model": "command-a-03-2025", "messages": MESSAGES, **body})
    assert not said.model_extra
    assert not said.message.model_extra
    assert not said.usage.model_extra
    return said


def test_a_chat(client, simulator):
    said = chat(client, messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": LONG}])
    assert (said.finish_reason, said.message.content[0].type) == ("COMPLETE", "text")
    booked, billed = simulator.last(), said.usage.billed_units
    assert (billed.input_tokens, billed.output_tokens) == (booked["input_tokens"], booked["output_tokens"])
    assert said.usage.tokens.input_tokens > billed.input_tokens
    assert said.usage.cached_tokens == booked["cached_tokens"]


def test_thoughts(client):
    said = chat(client, thinking={"type": "enabled", "token_budget": 1024})
    assert [each.type for each in said.message.content] == ["thinking", "text"]


def test_a_tool(client):
    tool = {"type": "function", "function": {**TOOL, "parameters": SCHEMA}}
    said = chat(client, tools=[tool], tool_choice="REQUIRED")
    [call] = said.message.tool_calls
    assert (said.finish_reason, call.function.name) == ("TOOL_CALL", "look_up")
    assert set(json.loads(call.function.arguments)) == {"answer", "sure"}
    again = [
        *MESSAGES,
        said.message,
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": [{"type": "document", "document": {"data": "It is open."}}],
        },
    ]
    assert chat(client, messages=again, tools=[tool]).finish_reason == "COMPLETE"


def test_json(client):
    said = chat(client, response_format={"type": "json_object", "json_schema": SCHEMA})
    assert set(json.loads(said.message.content[0].text)) == {"answer", "sure"}


def test_an_answer_that_is_cut(client):
    said = chat(client, max_tokens=3)
    assert (said.finish_reason, said.usage.billed_units.output_tokens) == ("MAX_TOKENS", 3)


def test_embeddings(client, simulator):
    said = client.embed(
        model="embed-v4.0",
        texts=["a", "b"],
        input_type="search_document",
        embedding_types=["float", "base64"],
        output_dimension=256,
    )
    assert [len(each) for each in said.embeddings.float_] == [256, 256]
    assert len(said.embeddings.base64) == 2
    assert said.meta.billed_units.input_tokens == simulator.last()["input_tokens"] == 2


def test_a_rerank(client, simulator):
    said = client.rerank(model="rerank-v3.5", query="Why?", documents=["Because.", "No.", "Yes."], top_n=2)
    scores = [each.relevance_score for each in said.results]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert said.meta.billed_units.search_units == simulator.last()["units"] == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_errors(client, fault):
    with pytest.raises(ERRORS[FAULTS[fault]]) as caught:
        chat(client, request_options=options(f"{fault}*"))
    assert caught.value.status_code == FAULTS[fault]
    assert "message" in str(caught.value.body)


def test_a_wrong_key(guarded):
    wrong, right = client_of(guarded, "sk-wrong"), client_of(guarded, "sk-shown")
    with pytest.raises(ApiError) as caught:
        chat(wrong)
    assert caught.value.status_code == 401
    assert chat(right).message.content
    closed(wrong)
    closed(right)
