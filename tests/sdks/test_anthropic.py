"""The `anthropic` client, at Anthropic's path and at Vertex's."""

import json

import anthropic
import pytest
from anthropic.types import ErrorResponse, Message
from asked import FAULTS, LONG, SCHEMA, TOOL, simulate

MESSAGES = [{"role": "user", "content": "Why?"}]
ERRORS = {
    429: anthropic.RateLimitError,
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    500: anthropic.InternalServerError,
    503: anthropic.InternalServerError,
}


@pytest.fixture(params=["anthropic", "vertex"])
def client(request, simulator):
    if request.param == "anthropic":
        made = anthropic.Anthropic(base_url=simulator.url, api_key="any", max_retries=0)
    else:
        made = anthropic.AnthropicVertex(
            base_url=f"{simulator.url}/v1", region="eu", project_id="p", access_token="any", max_retries=0
        )
    with made:
        yield made


def create(client, **body):
    """Return an answer that its type takes as it is."""
    raw = client.messages.with_raw_response.create(
        **{"model": "claude-sonnet-5", "max_tokens": 5_000, "messages": MESSAGES, **body}
    )
    Message.model_validate(json.loads(raw.http_response.content))
    return raw.parse()


def test_a_message(client, simulator):
    said = create(client, system="Be brief.", messages=[{"role": "user", "content": LONG}])
    [block] = said.content
    assert (said.stop_reason, block.type, bool(block.text)) == ("end_turn", "text", True)
    booked = simulator.last()
    usage = said.usage
    assert usage.cache_read_input_tokens == booked["cached_tokens"]
    assert (usage.input_tokens + usage.cache_read_input_tokens, usage.output_tokens) == (
        booked["input_tokens"],
        booked["output_tokens"],
    )
    assert said._request_id == booked["request_id"]


def test_a_prompt_that_is_written_to_a_cache(client, simulator):
    block = {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
    said = create(client, messages=[{"role": "user", "content": [block]}])
    booked, usage = simulator.last(), said.usage
    assert usage.cache_creation_input_tokens == booked["cache_write_tokens"] > 0
    assert usage.cache_creation.ephemeral_5m_input_tokens == usage.cache_creation_input_tokens
    read = usage.cache_creation_input_tokens + usage.cache_read_input_tokens
    assert usage.input_tokens + read == booked["input_tokens"]


def test_thoughts(client, simulator):
    said = create(client, thinking={"type": "enabled", "budget_tokens": 1024})
    thought, text = said.content
    assert (thought.type, text.type) == ("thinking", "text")
    assert thought.signature
    assert said.usage.output_tokens_details.thinking_tokens == simulator.last()["reasoning_tokens"] > 0
    again = [*MESSAGES, said.to_param(), {"role": "user", "content": "And?"}]
    assert create(client, messages=again).content


def test_a_tool(client):
    tool = {**TOOL, "input_schema": SCHEMA}
    said = create(client, tools=[tool], tool_choice={"type": "tool", "name": "look_up"})
    [use] = said.content
    assert (said.stop_reason, use.type, use.name) == ("tool_use", "tool_use", "look_up")
    assert set(use.input) == {"answer", "sure"}
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "It is open."}
    again = [*MESSAGES, said.to_param(), {"role": "user", "content": [result]}]
    assert create(client, messages=again, tools=[tool]).stop_reason == "end_turn"


def test_json(client):
    said = create(client, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert set(json.loads(said.content[0].text)) == {"answer", "sure"}


def test_an_answer_that_is_cut(client):
    said = create(client, max_tokens=3)
    assert (said.stop_reason, said.usage.output_tokens) == ("max_tokens", 3)


def test_a_prompt_that_is_refused(client, simulator):
    said = create(client, extra_headers=simulate("content_filter"))
    assert (said.stop_reason, said.stop_details.type, said.usage.output_tokens) == ("refusal", "refusal", 0)
    assert simulator.last()["billed"]


@pytest.mark.parametrize("fault", [*FAULTS, "529", "quota"])
def test_errors(client, fault):
    status = FAULTS.get(fault, 529 if fault == "529" else 429)
    with pytest.raises(ERRORS.get(status, anthropic.APIStatusError)) as caught:
        create(client, extra_headers=simulate(f"{fault}*"))
    assert caught.value.status_code == status
    said = ErrorResponse.model_validate(caught.value.body)
    assert said.request_id == caught.value.request_id
    if fault == "529":
        assert said.error.type == "overloaded_error"
    if fault == "quota":
        assert caught.value.body["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}


def test_it_comes_back_when_it_is_told(simulator):
    with anthropic.Anthropic(base_url=simulator.url, api_key="any", max_retries=1) as client:
        headers = {**simulate("529,429;retry_after=0.01"), "x-headgate-request": "anthropic"}
        with pytest.raises(anthropic.RateLimitError):
            create(client, extra_headers=headers)
        assert create(client, extra_headers=headers).content


def test_a_wrong_key(guarded):
    wrong = anthropic.Anthropic(base_url=guarded.url, api_key="sk-wrong", max_retries=0)
    with wrong, pytest.raises(anthropic.AuthenticationError):
        create(wrong)
    with anthropic.Anthropic(base_url=guarded.url, api_key="sk-shown", max_retries=0) as client:
        assert create(client).content


def test_a_body_that_cannot_be_read(client):
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        create(client, max_tokens=0)
    if isinstance(client, anthropic.AnthropicVertex):
        return  # where a stream has a path of its own
    with pytest.raises(anthropic.BadRequestError, match="stream"):
        client.messages.create(model="claude-sonnet-5", max_tokens=5, messages=MESSAGES, extra_body={"stream": True})
