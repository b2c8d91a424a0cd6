"""Requests of every wire family through the gateway, over sockets, to a simulator: replies, ledger and books agree."""

import json

import pytest

from headgate.reporting.ledger import Ledger
from headgate.routing.target import Plan, RetryPolicy
from headgate.schemas.reply import Status
from headgate.schemas.request import Endpoint
from headgate.workers.http.caller import Caller
from headgate.workers.http.transport import AiohttpTransport
from headgate.workers.simulator import Simulator, SimulatorConfig, parse_rate
from support.gateways import TOPICS, Bench, Now, chat
from support.ledgers import a_slice
from support.simulated import PLAYED, asked_of, spoken

#: What costs nothing and is tried again; every tenth attempt.
FAULTS = ("429;retry_after_ms=1=0.1", "503=0.1", "500=0.1")
#: Each body so often: with another number each time, so that the faults meet some of them.
TIMES = 6
SUMS = (
    "SELECT sum(input_tokens), sum(cached_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens),"
    " count(*) FROM usage"
)


def requests_of(played):
    """Return the records of all that is asked of a deployment, and their endpoints by id."""
    records, endpoints = [], {}
    for endpoint, body in asked_of(played):
        for _ in range(TIMES):
            number = len(records)
            records.append(chat(number, url=endpoint.value, body={"model": "small", **numbered(body, number)}))
            endpoints[f"r{number}"] = endpoint
    return records, endpoints


def numbered(body, number):
    """Return a body that no other is like."""
    name = next(name for name in ("messages", "input", "prompt", "query", "file") if name in body)
    if name == "messages":
        return {**body, "messages": [{"role": "user", "content": f"Request {number}."}, *body["messages"]]}
    if name == "file":
        return {**body, "prompt": f"Request {number}."}
    given = body[name]
    return {**body, name: [*given, str(number)] if isinstance(given, list) else f"{number} {given}"}


@pytest.mark.parametrize("played", PLAYED, ids=lambda played: played.wire)
async def test_every_request_is_answered_and_the_ledger_says_what_the_books_say(played, tmp_path):
    spoken(played)
    records, endpoints = requests_of(played)
    config = SimulatorConfig(seed=11, cached_rate=0.7, faults=tuple(map(parse_rate, FAULTS)))
    async with Simulator(config) as simulator, AiohttpTransport(connections=20) as transport:
        target = played.target(simulator.address.url, id="d", api_key="sk-any", timeout=30.0)
        plan = Plan((target,), RetryPolicy(retries=20, backoff=0.001, max_backoff=0.002))
        bench = Bench(Caller(transport), time=Now(), targets=plan.targets, policy=plan.policy, allow_unpriced=True)
        async with bench:
            await bench.send(*records)
            replies = await bench.replies(len(records))
        books = simulator.books.totals()
    for reply in replies:
        assert reply.headgate.status is Status.COMPLETED, reply
        well_formed(endpoints[reply.headgate.request_id], json.loads(bytes(reply.response.body)))
    assert books.outcomes["error"] > 0  # else the faults met nobody
    with Ledger.open(tmp_path / "ledger.duckdb") as ledger:
        ledger.append([a_slice(*(record.value for record in bench.bus.on(TOPICS.usage)))])
        [sums] = ledger._connection.execute(SUMS).fetchall()
    tokens = (books.input_tokens, books.cached_tokens, books.cache_write_tokens)
    assert sums == (*tokens, books.output_tokens, books.reasoning_tokens, books.attempts)


def well_formed(endpoint, body):
    """Hold an answer to OpenAI's shape, as far as a reader needs it."""
    match endpoint:
        case Endpoint.CHAT:
            assert body["object"] == "chat.completion"
            assert body["choices"][0]["message"]["role"] == "assistant"
        case Endpoint.EMBEDDINGS:
            assert [each["index"] for each in body["data"]] == list(range(len(body["data"])))
        case Endpoint.RESPONSES:
            assert body["object"] == "response"
        case _:
            assert body
