"""`/v1/responses`, judged by the official client's types and OpenAI's OpenAPI document."""

import json

import pytest
from openai.types.responses import Response

ADD = {
    "type": "function",
    "name": "add",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}


@pytest.fixture
def create(client, openapi):
    """Ask, and have both judges look at the answer."""

    async def asked(**options):
        raw = await client.responses.with_raw_response.create(**{"model": "gpt-4o-mini", "input": "Hello", **options})
        body = json.loads(raw.text)
        openapi("Response", body)
        Response.model_validate(body)
        return raw.parse()

    return asked


async def test_a_plain_answer_is_one_completed_message(create):
    response = await create()
    assert response.status == "completed"
    assert [item.type for item in response.output] == ["message"]
    assert len(response.output_text.split()) > 5
    assert response.usage.input_tokens == 3 + 4 + 2
    assert response.usage.output_tokens == -(-len(response.output_text) // 4)
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


async def test_what_was_asked_is_given_back(create):
    asked = {
        "instructions": "Be brief.",
        "metadata": {"job": "7"},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_output_tokens": 500,
        "parallel_tool_calls": False,
        "user": "somebody",
    }
    response = await create(**asked)
    assert {name: getattr(response, name) for name in asked} == asked
    assert response.usage.input_tokens == 3 + (4 + 2) + (4 + 3)


async def test_a_list_of_items_is_an_input(create):
    items = [
        {"role": "system", "content": "1234"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "12345678"}]},
        {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "12"},
    ]
    response = await create(input=items)
    assert response.usage.input_tokens == 3 + (4 + 1) + (4 + 2) + (4 + 1) + (4 + 1)


async def test_a_limit_makes_it_incomplete(create):
    response = await create(max_output_tokens=16, input="another")
    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output[0].status == "incomplete"
    assert response.usage.output_tokens == 16


async def test_text_may_be_json_of_a_schema(create):
    form = {"type": "json_schema", "name": "sum", "schema": ADD["parameters"], "strict": True}
    response = await create(text={"format": form})
    assert json.loads(response.output_text).keys() == {"a", "b"}
    assert response.text.format.name == "sum"
    assert isinstance(json.loads((await create(text={"format": {"type": "json_object"}})).output_text), dict)


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "name": "add"},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "add"}]},
    ],
)
async def test_a_required_tool_is_called(create, choice):
    response = await create(tools=[ADD], tool_choice=choice)
    [call] = response.output
    assert (call.type, call.name, call.status) == ("function_call", "add", "completed")
    assert json.loads(call.arguments).keys() == {"a", "b"}
    assert response.tools[0].strict is True  # the default that OpenAI fills in


async def test_a_custom_tool_is_called_with_text(create):
    response = await create(tools=[{"type": "custom", "name": "note"}], tool_choice="required")
    assert (response.output[0].type, response.output[0].name) == ("custom_tool_call", "note")
    assert response.output[0].input


async def test_a_hosted_tool_is_given_back_and_not_called(create):
    response = await create(tools=[{"type": "web_search"}], tool_choice="auto")
    assert response.tools[0].type == "web_search"
    assert response.output[0].type == "message"


async def test_reasoning_is_an_item_and_is_counted(create):
    response = await create(reasoning={"effort": "low"})
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.usage.output_tokens_details.reasoning_tokens >= 32
    assert response.reasoning.effort == "low"


async def test_reasoning_may_eat_the_whole_limit(create):
    response = await create(reasoning={"effort": "low"}, max_output_tokens=16)
    assert [item.type for item in response.output] == ["reasoning"]
    assert response.status == "incomplete"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"max_output_tokens": 3}, "max_output_tokens"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"tools": [ADD], "tool_choice": {"type": "function", "name": "subtract"}}, "tool_choice"),
    ],
)
async def test_a_wrong_request_is_refused(simulator, connect, openapi, change, param):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", "/v1/responses", {"model": "m", "input": "x", **change})
    assert (got.status, got.json["error"]["param"]) == (400, param)
    openapi("ErrorResponse", got.json)
