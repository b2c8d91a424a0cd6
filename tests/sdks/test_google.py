"""The `google-genai` client, on the Gemini API and on Vertex."""

import json

import pytest
from asked import FAULTS, LONG, SCHEMA, simulate
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from pydantic import BaseModel


@pytest.fixture(params=["gemini", "vertex"])
def client(request, simulator):
    if request.param == "gemini":
        made = genai.Client(api_key="any", http_options=types.HttpOptions(base_url=simulator.url))
    else:
        made = genai.Client(
            enterprise=True,
            project="p",
            location="europe-west4",
            credentials=Credentials(token="any"),
            http_options=types.HttpOptions(base_url=simulator.url),
        )
    with made:
        yield made


def generate(client, contents="Why?", headers=(), **config):
    """Return an answer that its type takes as it is: unknown fields are forbidden there."""
    options = types.HttpOptions(headers=dict(headers))
    said = client.models.generate_content(
        model="gemini-2.5-flash",
        contents=contents,
        config=types.GenerateContentConfig(**config, http_options=options, should_return_http_response=True),
    )
    raw = json.loads(said.sdk_http_response.body)
    types.GenerateContentResponse.model_validate(raw)
    return client.models.generate_content(
        model="gemini-2.5-flash",
        contents=contents,
        config=types.GenerateContentConfig(**config, http_options=options),
    )


def test_an_answer(client, simulator):
    said = generate(client, LONG, candidate_count=2)
    assert [each.finish_reason for each in said.candidates] == [types.FinishReason.STOP] * 2
    booked, usage = simulator.last(), said.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (
        booked["input_tokens"],
        booked["output_tokens"],
    )
    assert (usage.cached_content_token_count or 0) == booked["cached_tokens"]
    assert usage.total_token_count == booked["input_tokens"] + booked["output_tokens"]


def test_thoughts(client, simulator):
    thinking = types.ThinkingConfig(thinking_budget=1024, include_thoughts=True)
    said = generate(client, thinking_config=thinking)
    thought, text = said.candidates[0].content.parts
    assert thought.thought
    assert said.text == text.text
    booked, usage = simulator.last(), said.usage_metadata
    assert usage.thoughts_token_count == booked["reasoning_tokens"] > 0
    assert usage.candidates_token_count + usage.thoughts_token_count == booked["output_tokens"]


def look_up(answer: str, sure: bool) -> str:  # noqa: FBT001 - the client reads the signature
    """Look it up."""
    return f"{answer} {sure}"


@pytest.mark.parametrize("own", [True, False], ids=["google's schema", "json schema"])
def test_a_tool(client, own):
    if own:
        function = types.FunctionDeclaration.from_callable(client=client._api_client, callable=look_up)
    else:
        function = types.FunctionDeclaration(name="look_up", parameters_json_schema=SCHEMA)
    calling = types.FunctionCallingConfig(mode="ANY", allowed_function_names=["look_up"])
    said = generate(
        client,
        tools=[types.Tool(function_declarations=[function])],
        tool_config=types.ToolConfig(function_calling_config=calling),
    )
    [call] = said.function_calls
    assert (call.name, set(call.args)) == ("look_up", {"answer", "sure"})
    assert isinstance(call.args["sure"], bool)
    again = [
        types.Content(role="user", parts=[types.Part(text="Why?")]),
        said.candidates[0].content,
        types.Content(
            role="user", parts=[types.Part.from_function_response(name="look_up", response={"output": "It is open."})]
        ),
    ]
    assert generate(client, again).text


class Verdict(BaseModel):
    """What is asked for."""

    answer: str
    sure: bool


def test_json(client):
    said = generate(client, response_mime_type="application/json", response_schema=Verdict)
    assert isinstance(said.parsed, Verdict)
    said = generate(client, response_mime_type="application/json", response_json_schema=SCHEMA)
    assert set(json.loads(said.text)) == {"answer", "sure"}


def test_an_answer_that_is_cut(client):
    said = generate(client, max_output_tokens=3)
    assert said.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert said.usage_metadata.candidates_token_count == 3


def test_a_prompt_that_is_blocked(client, simulator):
    said = generate(client, headers=simulate("content_filter*"))
    assert said.prompt_feedback.block_reason is types.BlockedReason.SAFETY
    assert not said.candidates
    assert simulator.last()["billed"]


@pytest.mark.parametrize("fault", [*FAULTS, "quota"])
def test_errors(client, fault):
    kind = errors.ServerError if fault in {"500", "503"} else errors.ClientError
    with pytest.raises(kind) as caught:
        generate(client, headers=simulate(f"{fault}*"))
    assert caught.value.code == FAULTS.get(fault, 429)
    assert caught.value.status.isupper()
    if fault == "quota":
        [failure] = caught.value.details["error"]["details"]
        assert "PerDay" in failure["violations"][0]["quotaId"]


def test_embeddings(simulator):
    with genai.Client(api_key="any", http_options=types.HttpOptions(base_url=simulator.url)) as client:
        said = client.models.embed_content(
            model="gemini-embedding-001",
            contents=["a", "b"],
            config=types.EmbedContentConfig(output_dimensionality=8),
        )
    assert [len(each.values) for each in said.embeddings] == [8, 8]
    assert simulator.last()["input_tokens"] == 2


def test_a_wrong_key(guarded):
    wrong = genai.Client(api_key="sk-wrong", http_options=types.HttpOptions(base_url=guarded.url))
    with wrong, pytest.raises(errors.ClientError, match="401"):
        generate(wrong)
    with genai.Client(api_key="sk-shown", http_options=types.HttpOptions(base_url=guarded.url)) as client:
        assert generate(client).text
