"""The books: equal to what was sent, whatever happened to it."""

import asyncio
import collections
import json

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.request import Endpoint
from headgate.workers.simulator import Books, Kind, Outcome, Simulator, Usage
from headgate.workers.simulator.books import Opening

PATH = "/v1/chat/completions"
COUNTS = st.integers(0, 2**32 - 1)
USAGES = st.one_of(st.none(), st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS))
IDS = st.binary(max_size=200)
ATTEMPTS = st.lists(
    st.tuples(
        st.builds(
            Opening,
            IDS,
            IDS,
            st.sampled_from(Endpoint),
            st.text(max_size=20),
            st.sampled_from(Kind),
            st.integers(0, 2**62),
        ),
        st.one_of(st.none(), st.tuples(st.sampled_from(Outcome), st.integers(0, 599), USAGES)),
    ),
    max_size=20,
)


@given(attempts=ATTEMPTS)
def test_a_line_says_what_was_written_into_it(attempts):
    books = Books()
    numbers = [books.open(opening) for opening, _ in attempts]
    for number, (_, end) in reversed(list(zip(numbers, attempts, strict=True))):
        if end is not None:
            books.close(number, *end)
    entries = list(books.entries())
    assert len(books) == len(entries) == len(attempts)
    for entry, (opening, end) in zip(entries, attempts, strict=True):
        outcome, status, usage = end or (Outcome.OPEN, 0, None)
        assert entry.client_request_id == opening.client_request_id.decode("latin-1")
        assert entry.request == opening.request.decode("latin-1")
        assert (entry.endpoint, entry.model, entry.fault) == (opening.endpoint, opening.model, opening.fault)
        assert (entry.arrived_ns, entry.outcome, entry.status) == (opening.arrived_ns, outcome, status)
        billed = usage or Usage(0)
        assert entry.billed == (usage is not None)
        assert (entry.input_tokens, entry.output_tokens) == (billed.input, billed.output)
        assert (entry.cached_tokens, entry.reasoning_tokens) == (billed.cached, billed.reasoning)


@given(attempts=ATTEMPTS)
def test_the_totals_are_the_sums_of_the_lines(attempts):
    books = Books()
    for opening, end in attempts:
        number = books.open(opening)
        if end is not None:
            books.close(number, *end)
    entries, totals = list(books.entries()), books.totals()
    assert totals.attempts == len(entries)
    assert totals.billed == sum(entry.billed for entry in entries)
    assert totals.output_tokens == sum(entry.output_tokens for entry in entries)
    assert totals.outcomes == {each: sum(entry.outcome == each for entry in entries) for each in Outcome}
    for model, each in totals.models.items():
        of_model = [entry for entry in entries if entry.model == model]
        assert (each.attempts, each.billed) == (len(of_model), sum(entry.billed for entry in of_model))
        assert each.input_tokens == sum(entry.input_tokens for entry in of_model)
        assert each.cached_tokens == sum(entry.cached_tokens for entry in of_model)
        assert each.reasoning_tokens == sum(entry.reasoning_tokens for entry in of_model)


def test_totals_that_were_given_do_not_change():
    books = Books()
    opening = Opening(b"", b"r", Endpoint.CHAT, "m", Kind.OK, 0)
    before = books.totals()
    books.close(books.open(opening), Outcome.SERVED, 200, Usage(1))
    during = books.totals()
    books.open(opening)
    assert (before.attempts, during.models["m"].attempts) == (0, 1)


def test_long_ids_are_cut_and_models_beyond_number_are_one():
    books = Books()
    for number in range(10_100):
        books.open(Opening(b"i" * 300, b"r" * 300, Endpoint.CHAT, f"{number}" + "m" * 300, Kind.OK, 0))
    entries = list(books.entries())
    assert len(entries[0].client_request_id) == len(entries[0].request) == 200
    assert entries[-1].model == "(other)"
    assert len(books.totals().models) == 10_001
    assert books.totals().models["(other)"].attempts == 100


def test_a_hundred_thousand_attempts_take_little_memory():
    books = Books()
    opening = Opening(b"0190f5c2-7a7e-8abc-9def-000000000001", b"r" * 36, Endpoint.CHAT, "m", Kind.OK, 1)
    for _ in range(100_000):
        books.open(opening)
    held = books._lines.__sizeof__() + books._ids.__sizeof__()
    assert held < 140 * 100_000


SCRIPTS = [
    "ok",
    "latency=3",
    "429,ok",
    "500;latency=2,503,ok",
    "cut,ok",
    "cut_body,malformed,ok",
    "error_in_200,ok",
    "keepalive=4",
]
ENDS = {
    "ok": ("served", 200, True),
    "latency=3": ("served", 200, True),
    "429": ("error", 429, False),
    "500;latency=2": ("error", 500, False),
    "503": ("error", 503, False),
    "cut": ("cut", 0, False),
    "cut_body": ("cut_body", 200, True),
    "malformed": ("malformed", 200, True),
    "error_in_200": ("error", 200, False),
    "keepalive=4": ("served", 200, True),
}


async def test_the_books_are_what_was_sent_by_many_at_once(simulator):
    """300 requests, retried until they are answered: each attempt is one line, with the tokens its client was told."""
    expected = {}

    async def run(session, number):
        script = SCRIPTS[number % len(SCRIPTS)]
        body = {
            "model": f"m{number % 3}",
            "messages": [{"role": "user", "content": f"{number}"}],
            "metadata": {"simulate": script},
        }
        for attempt, step in enumerate(script.split(",")):
            client_id = f"event-{number}-{attempt}"
            headers = {"X-Client-Request-Id": client_id, "X-Headgate-Request": f"request-{number}"}
            told = await _told(session, body, headers)
            expected[client_id] = (f"request-{number}", f"m{number % 3}", *ENDS[step], told)

    async with aiohttp.ClientSession(simulator.address.url, connector=aiohttp.TCPConnector(limit=40)) as session:
        await asyncio.gather(*(run(session, number) for number in range(300)))
        async with session.get("/simulator/books") as answer:
            assert answer.content_type == "application/x-ndjson"
            lines = [json.loads(line) for line in (await answer.text()).splitlines()]
        async with session.get("/simulator/totals") as answer:
            totals = await answer.json()
    assert collections.Counter(line["client_request_id"] for line in lines) == collections.Counter(expected.keys())
    for line in lines:
        request, model, outcome, status, billed, told = expected[line["client_request_id"]]
        assert (line["request"], line["model"], line["endpoint"]) == (request, model, PATH)
        assert (line["outcome"], line["status"], line["billed"]) == (outcome, status, billed)
        if told is not None:
            assert (line["request_id"], line["input_tokens"], line["output_tokens"]) == told
        assert (line["output_tokens"] > 0) == billed
    assert totals["attempts"] == len(lines) == len(expected)
    assert totals["billed"] == sum(line["billed"] for line in lines)
    assert totals["input_tokens"] == sum(line["input_tokens"] for line in lines)
    assert totals["output_tokens"] == sum(line["output_tokens"] for line in lines)


async def _told(session, body, headers):
    """Return what the client learned of the cost: the answer's id and its tokens, if it got a whole one."""
    try:
        async with session.post(PATH, json=body, headers=headers) as answer:
            said = await answer.json()
            usage = said["usage"]
            return answer.headers["x-request-id"], usage["prompt_tokens"], usage["completion_tokens"]
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, json.JSONDecodeError, KeyError):
        return None


async def test_books_are_read_on_from_where_the_reader_was(simulator, connect):
    async with connect(simulator.address) as raw:
        for number in range(3):
            await raw.ask("POST", "/v1/responses", {"model": "m", "input": str(number)})
        got = await raw.ask("GET", "/simulator/books?since=2")
        assert [json.loads(line)["number"] for line in got.body.splitlines()] == [2]
        assert (await raw.ask("GET", "/simulator/books?since=3")).body == b""
        assert (await raw.ask("GET", "/simulator/books?since=x")).status == 400


async def test_a_reset_begins_new_books_and_counts_attempts_from_one(simulator, connect, until):
    failing = {"model": "m", "input": "x", "metadata": {"simulate": "503"}}
    async with connect(simulator.address) as raw, connect(simulator.address) as slow:
        first = await raw.ask("POST", "/v1/responses", failing)
        slow.send("POST", "/v1/responses", {"model": "m", "input": "x", "metadata": {"simulate": "latency=50"}})
        await until(lambda: len(simulator.books) == 2)
        assert (await raw.ask("DELETE", "/simulator/books")).json["attempts"] == 0
        again = await raw.ask("POST", "/v1/responses", failing)
        assert (await slow.receive()).status == 200  # closed in the old books, not in the new ones
        lines = (await raw.ask("GET", "/simulator/books")).body.splitlines()
    assert (first.status, again.status) == (503, 503)
    assert len(lines) == 1
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


async def test_long_books_are_sent_to_a_slow_reader_while_others_are_served(simulator, connect):
    opening = Opening(b"c" * 36, b"r" * 36, Endpoint.CHAT, "m", Kind.OK, 1)
    for _ in range(30_000):
        simulator.books.open(opening)
    async with connect(simulator.address) as slow, connect(simulator.address) as quick:
        slow.send("GET", "/simulator/books")
        await slow.reader.readuntil(b"\r\n\r\n")
        for _ in range(300):
            assert (await quick.ask("GET", "/healthz")).status == 200
        waiting = [each._transport.get_write_buffer_size() for each in simulator._connections._all]
        assert max(waiting) < 1_000_000  # of more than nine million bytes
        lines = 0
        async for piece in slow.chunks():
            lines += piece.count(b"\n")
        assert lines == 30_000


@pytest.mark.parametrize("left", ["before", "behind"])
async def test_a_reader_of_the_books_that_leaves_harms_nobody(simulator, connect, left):
    opening = Opening(b"c" * 36, b"r" * 36, Endpoint.CHAT, "m", Kind.OK, 1)
    for _ in range(30_000):
        simulator.books.open(opening)
    async with connect(simulator.address) as slow:
        slow.send("GET", "/simulator/books")
        if left == "behind":
            await slow.reader.readuntil(b"\r\n\r\n")
        slow.writer.transport.abort()
    async with connect(simulator.address) as quick:
        assert (await quick.ask("GET", "/healthz")).status == 200


async def test_the_clock_of_the_books_is_a_parameter(connect):
    async with Simulator(unix_ns=lambda: 42) as simulator, connect(simulator.address) as raw:
        await raw.ask("POST", "/v1/responses", {"model": "m", "input": "x"})
        assert next(simulator.books.entries()).arrived_ns == 42
        assert "1 served" in repr(simulator)
