"""`/v1/chat/completions`, judged by the official client's types and OpenAI's OpenAPI document."""

import json

import openai
import pytest
from openai.types.chat import ChatCompletion

from headgate.workers.simulator import SimulatorConfig
from headgate.workers.simulator.server import Simulator

ASK = [{"role": "user", "content": "How high is the dam?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 3}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
NOTE = {"type": "custom", "custom": {"name": "note"}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}}},
    "required": ["name", "tags"],
    "additionalProperties": False,
}


@pytest.fixture
def create(client, openapi):
    """Ask, and have both judges look at the answer."""

    async def asked(**options):
        raw = await client.chat.completions.with_raw_response.create(
            **{"model": "gpt-4o-mini", "messages": ASK, **options}
        )
        body = json.loads(raw.text)
        openapi("CreateChatCompletionResponse", body)
        ChatCompletion.model_validate(body)
        return raw.parse()

    return asked


async def test_a_plain_answer_is_plausible_words(create):
    completion = await create()
    [choice] = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    assert choice.message.refusal is None
    assert len(choice.message.content.split()) > 5
    assert completion.model == "gpt-4o-mini"


async def test_usage_follows_the_documented_rule(create):
    completion = await create(messages=[{"role": "system", "content": "Köln"}, {"role": "user", "content": "12345678"}])
    usage = completion.usage
    assert usage.prompt_tokens == 3 + (4 + 2) + (4 + 2)  # "Köln" is five bytes
    assert usage.completion_tokens == -(-len(completion.choices[0].message.content) // 4)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details.cached_tokens == 0
    assert usage.completion_tokens_details.reasoning_tokens == 0


async def test_long_prompts_are_sometimes_cached_in_blocks(create):
    cached = []
    for number in range(12):
        usage = (await create(messages=[{"role": "user", "content": f"{number} " + "word " * 2000}])).usage
        cached.append(usage.prompt_tokens_details.cached_tokens)
        assert cached[-1] % 128 == 0
        assert cached[-1] <= usage.prompt_tokens
    assert 0 in cached
    assert max(cached) > 0


async def test_parts_tools_and_tool_calls_count(create):
    text = await create(messages=[{"role": "user", "content": [{"type": "text", "text": "12345678"}]}])
    assert text.usage.prompt_tokens == 3 + 4 + 2
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert (await create(messages=[{"role": "user", "content": [image]}])).usage.prompt_tokens == 3 + 4 + 85
    with_tool = await create(tools=[WEATHER])
    sent = json.dumps(WEATHER, separators=(",", ":"))
    assert with_tool.usage.prompt_tokens == 3 + 4 + 5 + -(-len(f"[{sent}]") // 4)
    called = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    history = [
        *ASK,
        {"role": "assistant", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
    ]
    call_tokens = -(-len(json.dumps([called], separators=(",", ":"))) // 4)
    assert (await create(messages=history)).usage.prompt_tokens == 3 + (4 + 5) + (4 + call_tokens) + (4 + 1)
    history[1] = {"role": "assistant", "content": "1234", "tool_calls": None}
    assert (await create(messages=history)).usage.prompt_tokens == 3 + (4 + 5) + (4 + 1) + (4 + 1)


async def test_n_choices_all_differ_and_are_all_counted(create):
    completion = await create(n=3)
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in completion.choices]
    assert len(set(texts)) == 3
    assert completion.usage.completion_tokens == sum(-(-len(text) // 4) for text in texts)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_cuts_the_answer_and_says_so(create, name):
    completion = await create(**{name: 3})
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 3
    assert len(completion.choices[0].message.content) == 12


async def test_a_limit_that_is_not_reached_changes_nothing(create):
    completion = await create(max_tokens=4000)
    assert completion.choices[0].finish_reason == "stop"


async def test_json_object_gives_an_object(create):
    completion = await create(response_format={"type": "json_object"})
    assert isinstance(json.loads(completion.choices[0].message.content), dict)


async def test_json_schema_gives_what_the_schema_says(create):
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}
    said = json.loads((await create(response_format=form)).choices[0].message.content)
    assert said.keys() == {"name", "tags"}
    assert set(said["tags"]) <= {"a", "b"}


async def test_json_is_cut_by_a_limit_as_a_real_one_is(create):
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    completion = await create(response_format=form, max_tokens=2)
    assert completion.choices[0].finish_reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(completion.choices[0].message.content)


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "function": {"name": "weather"}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [WEATHER]}},
    ],
)
async def test_a_required_tool_is_called_with_arguments_of_its_schema(create, choice):
    [answer] = (await create(tools=[WEATHER], tool_choice=choice)).choices
    assert answer.finish_reason == "tool_calls"
    assert answer.message.content is None
    [call] = answer.message.tool_calls
    assert call.function.name == "weather"
    arguments = json.loads(call.function.arguments)
    assert arguments.keys() == {"city", "days"}
    assert arguments["days"] in {1, 2, 3}


async def test_a_named_tool_is_the_one_that_is_called(create):
    tools = [WEATHER, NOTE]
    chosen = {"type": "custom", "custom": {"name": "note"}}
    [call] = (await create(tools=tools, tool_choice=chosen)).choices[0].message.tool_calls
    assert call.type == "custom"
    assert call.custom.name == "note"
    assert call.custom.input


@pytest.mark.parametrize("choice", ["auto", "none"])
async def test_a_tool_that_is_only_offered_is_not_called(create, choice):
    completion = await create(tools=[WEATHER], tool_choice=choice)
    assert completion.choices[0].message.tool_calls is None


async def test_reasoning_is_counted_when_it_is_asked_for(create):
    completion = await create(reasoning_effort="high")
    thought = completion.usage.completion_tokens_details.reasoning_tokens
    assert 32 <= thought <= 256
    assert completion.usage.completion_tokens > thought
    assert (await create(reasoning_effort="none")).usage.completion_tokens_details.reasoning_tokens == 0


async def test_reasoning_may_eat_the_whole_limit(create):
    completion = await create(reasoning_effort="high", max_completion_tokens=16)
    assert completion.choices[0].finish_reason == "length"
    assert completion.choices[0].message.content == ""
    assert completion.usage.completion_tokens == 16
    assert completion.usage.completion_tokens_details.reasoning_tokens == 16


@pytest.mark.parametrize(("asked", "served"), [("flex", "flex"), ("fast", "priority"), ("auto", "default")])
async def test_the_service_tier_says_what_served(create, asked, served):
    assert (await create(service_tier=asked)).service_tier == served


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "missing_required_parameter"),
        ({"model": ""}, None, None),
        ({"n": 0}, "n", "invalid_type"),
        ({"max_tokens": "many"}, "max_tokens", "invalid_type"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
        ({"stream": True}, "stream", "stream"),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
            "invalid_value",
        ),
        ({"tool_choice": "sometimes"}, "tool_choice", "invalid_value"),
        ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
        ({"metadata": {"simulate": "flood"}}, "metadata.simulate", "invalid_value"),
        ({"user": "simulate:429;again=1"}, "user", "invalid_value"),
    ],
)
async def test_a_wrong_request_is_refused_in_openais_error_shape(simulator, connect, openapi, change, param, code):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", "/v1/chat/completions", {"model": "m", "messages": ASK, **change})
    assert got.status == 400
    openapi("ErrorResponse", got.json)
    error = got.json["error"]
    assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
    assert error["message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[]", b"7", b'{"model":"\xff"}', b'{"a":' * 100_000],
    ids=lambda body: repr(body[:9]),
)
async def test_a_body_that_is_no_json_object_is_refused(simulator, connect, openapi, body):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", "/v1/chat/completions", body)
        assert got.status == 400
        openapi("ErrorResponse", got.json)
        assert (await raw.ask("GET", "/healthz")).status == 200


async def test_a_prompt_longer_than_the_context_is_refused(connect):
    async with Simulator(SimulatorConfig(context_tokens=20)) as simulator, connect(simulator.address) as raw:
        long = {"model": "m", "messages": [{"role": "user", "content": "word " * 40}]}
        got = await raw.ask("POST", "/v1/chat/completions", long)
        assert got.json["error"]["code"] == "context_length_exceeded"
        assert (await raw.ask("POST", "/v1/chat/completions", {"model": "m", "messages": ASK})).status == 200


async def test_unknown_models_are_refused_only_if_the_config_says_so(client, connect):
    await client.chat.completions.create(model="any-model", messages=ASK)
    config = SimulatorConfig(models=("known",), only_these_models=True)
    async with Simulator(config) as strict, openai.AsyncOpenAI(base_url=strict.address.base_url, api_key="x") as other:
        await other.chat.completions.create(model="known", messages=ASK)
        with pytest.raises(openai.NotFoundError) as caught:
            await other.chat.completions.create(model="any-model", messages=ASK)
    assert caught.value.code == "model_not_found"
