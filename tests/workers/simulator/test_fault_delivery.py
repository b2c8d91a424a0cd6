"""Every fault, as a real client socket sees it, and as the books say it."""

import asyncio
import json

import aiohttp
import openai
import pytest

from headgate.workers.simulator import Simulator, SimulatorConfig, parse_rate

PATH = "/v1/chat/completions"


def chat(script, text="hello"):
    return {"model": "m", "messages": [{"role": "user", "content": text}], "metadata": {"simulate": script}}


def last(simulator):
    return list(simulator.books.entries())[-1]


ERRORS = {
    "429": (429, "requests", "rate_limit_exceeded"),
    "quota": (429, "insufficient_quota", "insufficient_quota"),
    "500": (500, "server_error", None),
    "503": (503, "service_unavailable_error", "server_is_overloaded"),
    "529": (529, "overloaded_error", None),
    "400": (400, "invalid_request_error", "invalid_value"),
    "401": (401, "invalid_request_error", "invalid_api_key"),
    "403": (403, "request_forbidden", "unsupported_country_region_territory"),
    "404": (404, "invalid_request_error", "model_not_found"),
    "context_length_exceeded": (400, "invalid_request_error", "context_length_exceeded"),
    "content_filter": (400, "invalid_request_error", "content_policy_violation"),
}


@pytest.mark.parametrize("kind", ERRORS)
async def test_an_error_has_openais_shape_and_is_not_billed(simulator, connect, openapi, kind):
    status, error_type, code = ERRORS[kind]
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", PATH, chat(kind))
        assert (await raw.ask("POST", PATH, chat(kind))).status == 200  # the script is used up, the connection is not
    assert got.status == status
    openapi("ErrorResponse", got.json)
    assert (got.json["error"]["type"], got.json["error"]["code"]) == (error_type, code)
    assert not {"retry-after", "retry-after-ms"} & got.headers.keys()
    entry = next(simulator.books.entries())
    assert (entry.outcome, entry.status, entry.fault, entry.billed) == ("error", status, kind, False)
    assert entry.input_tokens == entry.output_tokens == 0


@pytest.mark.parametrize(
    ("script", "headers"),
    [
        ("429;retry_after=2", {"retry-after": "2"}),
        ("429;retry_after_ms=250", {"retry-after-ms": "250"}),
        ("429;retry_after=1.5;retry_after_ms=1500", {"retry-after": "1.5", "retry-after-ms": "1500"}),
    ],
)
async def test_a_429_may_say_when_to_come_back(simulator, connect, script, headers):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", PATH, chat(script))
    assert got.status == 429
    assert {name: value for name, value in got.headers.items() if name.startswith("retry")} == headers


async def test_a_cut_closes_before_any_byte(simulator, connect):
    async with connect(simulator.address) as raw:
        with pytest.raises(ConnectionError):
            await raw.ask("POST", PATH, chat("cut"))
    assert (last(simulator).outcome, last(simulator).billed) == ("cut", False)


async def test_a_cut_body_closes_in_the_middle_and_is_billed(simulator, connect):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", PATH, chat("cut_body"))
        assert await raw.reader.read() == b""
    assert (got.status, got.complete) == (200, False)
    assert len(got.body) == int(got.headers["content-length"]) // 2
    assert (last(simulator).outcome, last(simulator).billed) == ("cut_body", True)
    assert last(simulator).output_tokens > 0


async def test_malformed_is_complete_and_no_json_and_billed(simulator, connect):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", PATH, chat("malformed"))
        assert (await raw.ask("GET", "/healthz")).status == 200
    assert (got.status, got.complete) == (200, True)
    with pytest.raises(json.JSONDecodeError):
        json.loads(got.body)
    assert (last(simulator).outcome, last(simulator).billed) == ("malformed", True)


async def test_a_hang_holds_the_connection_and_says_nothing(simulator, connect, until):
    async with connect(simulator.address) as raw:
        raw.send("POST", PATH, chat("hang"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await raw.reader.read(1)
        assert not raw.reader.at_eof()
        assert last(simulator).outcome == "open"
    await until(lambda: last(simulator).outcome != "open")
    assert (last(simulator).outcome, last(simulator).fault, last(simulator).billed) == ("hang", "hang", False)


async def test_a_timeout_is_answered_when_it_is_too_late(simulator, connect):
    loop = asyncio.get_running_loop()
    async with connect(simulator.address) as raw:
        started = loop.time()
        got = await raw.ask("POST", PATH, chat("timeout=60"))
        assert loop.time() - started >= 0.059
    assert (got.status, last(simulator).outcome, last(simulator).fault) == (200, "served", "timeout")


async def test_the_work_is_billed_when_the_client_leaves_first(simulator, connect, until):
    async with connect(simulator.address) as raw:
        raw.send("POST", PATH, chat("timeout"))
        await until(lambda: len(simulator.books) == 1)
    await until(lambda: last(simulator).outcome != "open")
    assert (last(simulator).outcome, last(simulator).status, last(simulator).billed) == ("client_gone", 0, True)
    assert last(simulator).output_tokens > 0


async def test_nothing_is_billed_when_the_client_leaves_before_an_error(simulator, connect, until):
    async with connect(simulator.address) as raw:
        raw.send("POST", PATH, chat("500;latency=60000"))
        await until(lambda: len(simulator.books) == 1)
    await until(lambda: last(simulator).outcome != "open")
    assert (last(simulator).outcome, last(simulator).billed) == ("client_gone", False)


@pytest.mark.parametrize(("script", "code"), [("error_in_200", 502), ("error_in_200=429", 429)])
async def test_an_error_may_hide_in_a_200(simulator, connect, script, code):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", PATH, chat(script))
    assert got.status == 200
    assert got.json.keys() == {"error"}
    assert got.json["error"]["code"] == code
    assert (last(simulator).outcome, last(simulator).status, last(simulator).billed) == ("error", 200, False)


async def test_keepalive_sends_blank_lines_before_the_json(connect, openapi):
    loop = asyncio.get_running_loop()
    config = SimulatorConfig(keepalive_every_ms=5)
    async with Simulator(config) as simulator, connect(simulator.address) as raw:
        started = loop.time()
        raw.send("POST", PATH, chat("keepalive=60"))
        await raw.reader.readuntil(b"\r\n\r\n")
        pieces = [piece async for piece in raw.chunks()]
        assert loop.time() - started >= 0.059
        *blanks, answer = pieces
        assert set(blanks) == {b"\n"}
        assert len(blanks) > 2
        openapi("CreateChatCompletionResponse", json.loads(answer))
        assert (last(simulator).outcome, last(simulator).billed) == ("served", True)
        assert (await raw.ask("GET", "/healthz")).status == 200


async def test_latency_of_a_script_replaces_the_configured_one(connect):
    loop = asyncio.get_running_loop()
    async with Simulator() as simulator, connect(simulator.address) as raw:
        started = loop.time()
        got = await raw.ask("POST", PATH, chat("latency=50"))
        assert loop.time() - started >= 0.049
        assert got.headers["openai-processing-ms"] == "50"


async def test_a_script_is_told_by_the_request_not_by_the_connection(simulator, connect):
    """The header names the request; without it, its body does."""
    async with connect(simulator.address) as one, connect(simulator.address) as other:
        named = [
            (await raw.ask("POST", PATH, chat("429,503"), x_headgate_request="r1")).status for raw in (one, other, one)
        ]
        assert named == [429, 503, 200]
        assert (await one.ask("POST", PATH, chat("429,503"), x_headgate_request="r2")).status == 429
        assert (await one.ask("POST", PATH, chat("429,503"))).status == 429
        assert (await other.ask("POST", PATH, chat("429,503"))).status == 503
        assert (await other.ask("POST", PATH, chat("429,503", "another"))).status == 429


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "m", "input": "x", "user": "simulate:503"}),
        ("/v1/responses", {"model": "m", "input": "x", "user": "simulate:503"}),
        ("/v1/responses", {"model": "m", "input": "x", "metadata": {"simulate": "503"}}),
        (PATH, {"model": "m", "messages": [{"role": "user", "content": "x"}], "user": "simulate:503"}),
    ],
)
async def test_every_endpoint_takes_a_script(simulator, connect, path, body):
    async with connect(simulator.address) as raw:
        assert [(await raw.ask("POST", path, body)).status for _ in range(2)] == [503, 200]


async def test_a_request_that_is_wrong_meets_no_fault(simulator, connect):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", PATH, {"model": "m", "metadata": {"simulate": "hang"}})
    assert got.status == 400


async def test_configured_rates_are_met_the_same_way_every_time(connect):
    config = SimulatorConfig(faults=(parse_rate("429=0.2"), parse_rate("503=0.1")))

    async def statuses(order):
        async with Simulator(config) as simulator, connect(simulator.address) as raw:
            found = {}
            for number, attempt in order:
                body = {"model": "m", "messages": [{"role": "user", "content": str(number)}]}
                found[number, attempt] = (await raw.ask("POST", PATH, body)).status
            return found

    forwards = await statuses([(number, attempt) for attempt in (1, 2) for number in range(150)])
    backwards = await statuses([(number, attempt) for number in reversed(range(150)) for attempt in (1, 2)])
    assert forwards == backwards
    counts = {status: list(forwards.values()).count(status) for status in (200, 429, 503)}
    assert 35 <= counts[429] <= 85
    assert 12 <= counts[503] <= 50
    assert sum(counts.values()) == 300
    assert any(forwards[number, 1] != forwards[number, 2] for number in range(150))


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("429;retry_after=3", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("context_length_exceeded", openai.BadRequestError),
        ("cut", openai.APIConnectionError),
    ],
)
async def test_the_official_client_knows_the_errors(client, script, error):
    with pytest.raises(error):
        await client.chat.completions.create(**chat(script))


async def test_the_official_client_retries_through_them(simulator):
    async with openai.AsyncOpenAI(base_url=simulator.address.base_url, api_key="x", max_retries=3) as client:
        completion = await client.chat.completions.create(**chat("cut,429;retry_after_ms=1,429;retry_after_ms=2"))
    assert completion.choices[0].finish_reason == "stop"
    assert [entry.outcome for entry in simulator.books.entries()] == ["cut", "error", "error", "served"]


async def test_aiohttp_sees_them_as_it_sees_a_real_provider(simulator):
    url = simulator.address.url + PATH
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.post(url, json=chat("cut"))
        async with session.post(url, json=chat("cut_body")) as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        async with session.post(url, json=chat("keepalive=20")) as answer:
            assert (await answer.json())["object"] == "chat.completion"
