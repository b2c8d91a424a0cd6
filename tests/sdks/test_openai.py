"""The `openai` client, at OpenAI's paths and at Azure's."""

import base64
import json

import openai
import pytest
from asked import FAULTS, LONG, SCHEMA, TOOL, simulate
from openai.types import CreateEmbeddingResponse, ImagesResponse, ModerationCreateResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

KEY = "sk-shown"
MESSAGES = [{"role": "user", "content": "Why?"}]
ERRORS = {
    429: openai.RateLimitError,
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.fixture(params=["openai", "azure deployments", "azure v1"])
def client(request, simulator):
    """Return the client, where all of the wire's paths are."""
    if request.param == "azure deployments":
        version = "2025-04-01-preview"
        made = openai.AzureOpenAI(azure_endpoint=simulator.url, api_key="any", api_version=version, max_retries=0)
    else:
        path = "/v1" if request.param == "openai" else "/openai/v1"
        made = openai.OpenAI(base_url=simulator.url + path, api_key="any", max_retries=0)
    with made:
        yield made


def strictly(model, raw):
    """Parse an answer as the client does, and check it as the client does not."""
    model.model_validate(json.loads(raw.text() if callable(raw.text) else raw.text))
    return raw.parse()


def test_a_chat(client, simulator):
    said = strictly(
        ChatCompletion,
        client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": LONG}], reasoning_effort="low", n=2
        ),
    )
    assert [choice.finish_reason for choice in said.choices] == ["stop", "stop"]
    booked = simulator.last()
    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (
        booked["input_tokens"],
        booked["output_tokens"],
    )
    assert said.usage.prompt_tokens_details.cached_tokens == booked["cached_tokens"]
    assert said.usage.completion_tokens_details.reasoning_tokens == booked["reasoning_tokens"] > 0
    assert said._request_id == booked["request_id"]


def test_a_tool(client):
    tool = {"type": "function", "function": {**TOOL, "parameters": SCHEMA, "strict": True}}
    choice = {"type": "function", "function": {"name": "look_up"}}
    said = strictly(
        ChatCompletion,
        client.chat.completions.with_raw_response.create(
            model="m", messages=MESSAGES, tools=[tool], tool_choice=choice
        ),
    )
    [call] = said.choices[0].message.tool_calls
    assert (said.choices[0].finish_reason, call.function.name) == ("tool_calls", "look_up")
    assert set(json.loads(call.function.arguments)) == {"answer", "sure"}


def test_json(client):
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}}
    said = client.chat.completions.create(model="m", messages=MESSAGES, response_format=form)
    assert set(json.loads(said.choices[0].message.content)) == {"answer", "sure"}


def test_an_answer_that_is_cut(client):
    said = client.chat.completions.create(model="m", messages=MESSAGES, max_completion_tokens=3)
    assert (said.choices[0].finish_reason, said.usage.completion_tokens) == ("length", 3)


def test_embeddings(client, simulator):
    raw = client.embeddings.with_raw_response.create(model="m", input=["a", "b"], dimensions=8)
    said = raw.parse()
    assert [len(each.embedding) for each in said.data] == [8, 8]
    assert said.usage.prompt_tokens == simulator.last()["input_tokens"] == 2
    floats = client.embeddings.with_raw_response.create(model="m", input="a", dimensions=8, encoding_format="float")
    assert strictly(CreateEmbeddingResponse, floats).data[0].embedding == pytest.approx(said.data[0].embedding)


def test_responses(simulator):
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="any", max_retries=0) as client:
        said = strictly(Response, client.responses.with_raw_response.create(model="m", input="Why?"))
    assert said.output_text
    assert said.usage.total_tokens == said.usage.input_tokens + said.usage.output_tokens


def test_moderations(simulator):
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="any", max_retries=0) as client:
        moderated = client.moderations.with_raw_response.create(model="m", input=["a", "b"])
    assert len(strictly(ModerationCreateResponse, moderated).results) == 2


def test_images_and_transcriptions(client):
    drawn = strictly(ImagesResponse, client.images.with_raw_response.generate(model="gpt-image-1", prompt="a lock"))
    assert base64.b64decode(drawn.data[0].b64_json).startswith(b"\x89PNG")
    said = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.mp3", b"x" * 9_000))
    assert said.text
    assert said.usage.type == "tokens"


@pytest.mark.parametrize("fault", FAULTS)
def test_errors(client, fault):
    with pytest.raises(ERRORS[FAULTS[fault]]) as caught:
        client.chat.completions.create(model="m", messages=MESSAGES, extra_headers=simulate(f"{fault}*"))
    assert caught.value.status_code == FAULTS[fault]
    assert caught.value.body["message"]
    assert caught.value.request_id


@pytest.mark.parametrize("seconds", ["retry_after=0.01", "retry_after_ms=10"])
def test_it_comes_back_when_it_is_told(simulator, seconds):
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="any", max_retries=1) as client:
        said = client.chat.completions.create(
            model="m",
            messages=MESSAGES,
            extra_headers={**simulate(f"429;{seconds}"), "x-headgate-request": f"openai {seconds}"},
        )
    assert said.choices
    assert [each["status"] for each in simulator.books()[-2:]] == [429, 200]


@pytest.mark.parametrize("path", ["/v1", "/openai/v1"])
def test_a_wrong_key(guarded, path):
    wrong = openai.OpenAI(base_url=guarded.url + path, api_key="sk-wrong", max_retries=0)
    with wrong, pytest.raises(openai.AuthenticationError):
        wrong.chat.completions.create(model="m", messages=MESSAGES)
    with openai.OpenAI(base_url=guarded.url + path, api_key=KEY, max_retries=0) as client:
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices
