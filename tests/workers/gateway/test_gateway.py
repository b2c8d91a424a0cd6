"""The gateway on peers in memory: what is answered, what is spent, what is written down."""

import asyncio
import json

import msgspec
import pytest
from msgspec.structs import replace

from headgate.routing.http import HttpReply
from headgate.routing.outcome import Setback
from headgate.routing.prices import cost_nano
from headgate.routing.target import RetryPolicy
from headgate.schemas.failures import Code, failure
from headgate.schemas.reading import read_request
from headgate.schemas.record import Record
from headgate.schemas.reply import Status, Tokens
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane
from headgate.schemas.usage import Cause, Outcome, event_id
from headgate.workers.bus.memory import MemoryBus
from headgate.workers.gateway.runner import fingerprint
from headgate.workers.journal.claims import Begun, Claim, Mine, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import PRICE, TOPICS, Bench, Provider, answered, chat, target


def fingerprint_of(record):
    arrival = Arrival("x/0", Lane.STANDARD, 1_800_000_000_000)
    return fingerprint(read_request(record, arrival, Defaults()))


def refused(status, code, **headers):
    return HttpReply(status, headers, json.dumps({"error": {"message": "no", "code": code}}).encode())


async def test_a_request_gets_one_reply_and_one_event_with_the_exact_cost():
    async with Bench(Provider(answered("hello", prompt=10, completion=5))) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert reply.custom_id == "c1"
    assert json.loads(bytes(reply.response.body))["choices"][0]["message"]["content"] == "hello"
    assert reply.headgate.cost_nano == event.cost_nano == 10 * 2 + 5 * 3
    assert (event.outcome, event.attempt, event.price_version) == (Outcome.SUCCEEDED, 1, "test 1")


async def test_the_reply_carries_key_and_correlation_back_as_they_came():
    async with Bench(Provider()) as bench:
        await bench.send(chat(1, headers=(("kafka_correlationId", b"\x00\xff"), ("headgate-batch", b"b1"))))
        await bench.replies(1)
        (record,) = bench.bus.on("headgate.replies.default")
    headers = dict(record.headers)
    assert record.key == b"k1"
    assert headers["kafka_correlationId"] == b"\x00\xff"
    assert headers["headgate-batch"] == b"b1"
    assert headers["correlation_id"] == b"r1"


async def test_the_attempt_is_named_alike_at_the_provider_and_in_the_ledger():
    provider = Provider()
    async with Bench(provider) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
        (event,) = bench.events()
    assert dict(provider.calls[0].headers)["X-Client-Request-Id"] == event.event_id == event_id("run-0", 1)


async def test_a_retry_waits_as_the_provider_asked_and_every_attempt_has_its_event():
    provider = Provider(refused(429, "rate_limit_exceeded", **{"retry-after": "7"}), answered())
    async with Bench(provider) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        first, second = bench.events()
    assert bench.time.slept == [7.0]
    assert (first.outcome, first.code, first.cause, first.cost_nano) == (Outcome.FAILED, "rate_limited", Cause.FIRST, 0)
    assert (second.outcome, second.cause, second.attempt) == (Outcome.SUCCEEDED, Cause.RETRY, 2)
    assert first.event_id != second.event_id
    assert reply.headgate.attempts == 2


async def test_a_gateway_that_breaks_ends_a_test_with_what_broke_it():
    async def breaks():
        raise ZeroDivisionError("nobody foresaw this")

    async with Bench(Provider(breaks)) as bench:
        await bench.send(chat(1))
        with pytest.raises(ZeroDivisionError, match="nobody foresaw"):
            await bench.replies(1)


async def test_the_next_attempt_is_written_down_before_it_begins():
    held = []

    async def look():
        held.append(bench.journal.runs["5:local:r1"][-1].attempts)
        return answered()

    provider = Provider(refused(500, None), look)
    async with Bench(provider, targets=(target("a"), target("b", weight=0))) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
    assert [[begun.deployment for begun in run] for run in held] == [["a", "b"]]


async def test_retries_end_and_the_last_failure_is_the_reply():
    provider = Provider(*[refused(500, None)] * 9)
    async with Bench(provider, policy=RetryPolicy(retries=2)) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert len(provider.calls) == 3
    assert (reply.headgate.status, reply.error.code) == (Status.FAILED, Code.PROVIDER_ERROR)
    assert reply.response.status_code == 500


async def test_a_failure_that_cannot_be_cured_is_not_retried():
    provider = Provider(refused(400, "context_length_exceeded"))
    async with Bench(provider) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert len(provider.calls) == 1
    assert reply.error.code is Code.CONTEXT_LENGTH


async def test_an_attempt_that_may_have_been_billed_is_uncertain_and_not_free():
    provider = Provider(Setback(failure(Code.CONNECTION_CUT)), answered())
    async with Bench(provider) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        first, second = bench.events()
    assert first.outcome is Outcome.UNCERTAIN
    assert first.output_tokens == 7  # what the request allowed
    assert first.cost_nano == cost_nano(PRICE, Tokens(input=first.input_tokens, output=7)) > 0
    assert reply.headgate.cost_nano == first.cost_nano + second.cost_nano


async def test_a_failure_that_says_what_it_used_is_billed_for_that():
    broken = {
        "choices": [{"finish_reason": "error", "error": {"code": 502, "message": "no"}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3},
    }
    provider = Provider(HttpReply(200, {}, json.dumps(broken).encode()), answered())
    async with Bench(provider) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
        first, _ = bench.events()
    assert (first.outcome, first.code) == (Outcome.UNCERTAIN, Code.PROVIDER_ERROR)
    assert (first.input_tokens, first.output_tokens) == (5, 3)
    assert first.cost_nano == cost_nano(PRICE, Tokens(input=5, output=3)) > 0


async def test_a_fee_for_each_request_is_paid_for_answers_and_not_for_refusals():
    price = msgspec.structs.replace(PRICE, request=7 * 10**15)
    provider = Provider(refused(429, "rate_limit_exceeded"), answered())
    async with Bench(provider, targets=(target(price=price),)) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        first, second = bench.events()
    assert (first.outcome, first.cost_nano, first.price_version) == (Outcome.FAILED, 0, price.version)
    tokens = Tokens(input=second.input_tokens, output=second.output_tokens)
    assert reply.headgate.cost_nano == second.cost_nano == cost_nano(PRICE, tokens) + 7


async def test_an_answer_without_usage_completes_and_is_uncertain():
    body = json.dumps({"choices": [{"index": 0, "message": {"content": "hi"}}]}).encode()
    async with Bench(Provider(HttpReply(200, {}, body))) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert event.outcome is Outcome.UNCERTAIN
    assert event.cost_nano > 0


async def test_an_answer_without_any_choice_is_tried_again_and_billed_as_its_usage_says():
    body = json.dumps({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 0}}).encode()
    async with Bench(Provider(HttpReply(200, {}, body), answered())) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        first, second = bench.events()
    assert (reply.headgate.status, reply.headgate.attempts) == (Status.COMPLETED, 2)
    assert (first.outcome, first.code, first.input_tokens, first.output_tokens) == (
        Outcome.UNCERTAIN,
        Code.MALFORMED_RESPONSE,
        7,
        0,
    )
    assert reply.headgate.cost_nano == first.cost_nano + second.cost_nano
    assert first.cost_nano > 0


async def test_a_wait_past_the_deadline_ends_as_expired_at_once():
    provider = Provider(refused(429, "rate_limit_exceeded", **{"retry-after": "3600"}))
    async with Bench(provider) as bench:
        await bench.send(chat(1, deadline=60))
        (reply,) = await bench.replies(1)
    assert bench.time.slept == []
    assert (reply.headgate.status, reply.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert reply.error.expected == "a deadline after 2027-01-15T09:00:00.000Z", "an hour after it was called for"


@pytest.mark.parametrize("seconds", ["99999999999999999999", "1e308"])
async def test_a_provider_may_ask_for_a_wait_without_end(seconds):
    async with Bench(Provider(refused(429, "rate_limit_exceeded", **{"retry-after": seconds}))) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert reply.error.code is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize("deadline", ["0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z"])
async def test_a_deadline_before_all_time_is_a_deadline_that_passed(deadline):
    async with Bench(Provider()) as bench:
        await bench.send(chat(1, deadline=deadline))
        (reply,) = await bench.replies(1)
    assert (reply.error.code, reply.error.given) == (Code.DEADLINE_EXCEEDED, "0001-01-01T00:00:00.000Z")


async def test_a_request_that_arrives_too_late_is_not_called_for():
    provider = Provider()
    async with Bench(provider) as bench:
        await bench.send(chat(1, deadline="2001-01-01T00:00:00Z"))
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert provider.calls == []
    assert reply.headgate.status is Status.EXPIRED
    assert (reply.error.expected, reply.error.given) == (
        "a deadline after 2027-01-15T08:00:00.000Z",
        "2001-01-01T00:00:00.000Z",
    )
    assert event.outcome is Outcome.REFUSED


async def test_an_attempt_may_not_last_beyond_the_deadline():
    provider = Provider()
    async with Bench(provider) as bench:
        await bench.send(chat(1, deadline=10))
        await bench.replies(1)
    assert provider.seconds == [pytest.approx(10, abs=0.01)]


BAD = {
    "not JSON": (b"{nope", "invalid_json"),
    "not UTF-8": (b'{"body": "\xff"}', "invalid_utf8"),
    "empty": (b"", "empty"),
    "null": (None, "empty"),
    "a list": (b"[1]", "invalid_envelope"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_read_becomes_a_dead_letter_with_its_cause(name):
    value, cause = BAD[name]
    async with Bench(Provider()) as bench:
        await bench.send(Record(TOPICS.lanes[0], value, b"k", (("x", None), ("y", b"\xff"))), chat(2))
        await bench.replies(1)
        (letter,) = bench.bus.on(TOPICS.dead_letters)
    assert (letter.value, letter.key) == (value, b"k")
    assert dict(letter.headers)["headgate-cause"] == cause.encode()
    assert letter.headers[:2] == (("x", None), ("y", b"\xff"))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"body": {"model": "unknown", "messages": [1]}}, Code.MODEL_NOT_FOUND),
        ({"body": {"model": "small"}}, Code.INVALID_REQUEST),
        ({"body": {"messages": [1]}}, Code.INVALID_REQUEST),
        ({"body": 7}, Code.INVALID_REQUEST),
        ({"url": "/v1/chat"}, Code.UNKNOWN_ENDPOINT),
        ({"method": "GET"}, Code.INVALID_REQUEST),
        ({"body": {"model": "small", "messages": ["x" * 5_000_000]}}, Code.REQUEST_TOO_LARGE),
    ],
)
async def test_a_readable_but_wrong_request_gets_a_failed_reply(fields, code):
    provider = Provider()
    async with Bench(provider) as bench:
        await bench.send(chat(1, **fields), chat(2))
        replies = {reply.custom_id: reply for reply in await bench.replies(2)}
        events = {event.request_id: event for event in bench.events()}
    assert replies["c1"].error.code is code
    assert replies["c1"].error.expected
    assert replies["c1"].error.given
    assert replies["c2"].headgate.status is Status.COMPLETED
    assert (events["r1"].outcome, events["r1"].code) == (Outcome.REFUSED, code)
    assert len(provider.calls) == 1


@pytest.mark.parametrize("topic", ["headgate.usage", "elsewhere", "headgate.replies.gone"])
async def test_a_reply_topic_that_may_not_be_used_costs_nothing(topic):
    provider = Provider()
    bus = MemoryBus(["headgate.replies.default"])
    async with Bench(provider, bus=bus) as bench:
        await bench.send(chat(1, reply_to=topic))
        (letter,) = bench.bus.on(TOPICS.dead_letters)
        (event,) = bench.events()
    assert provider.calls == []
    assert dict(letter.headers)["headgate-cause"] == b"unknown_reply_topic"
    assert event.code == "unknown_reply_topic"


async def test_an_unknown_price_refuses_and_is_never_free():
    async with Bench(Provider(), targets=(target(price=None),)) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert (reply.headgate.status, reply.error.code) == (Status.REFUSED, Code.UNPRICED)


async def test_an_interrupted_run_leaves_one_uncertain_event_per_attempt_and_is_run_again():
    dead = Run("dead-run", 999_000_000_000, ())
    async with Bench(Provider()) as bench:
        colleague = MemoryJournal("colleague", bench.journal_store)
        bench.journal_store.lives = {"colleague", "w1"}.__contains__
        await bench.send(chat(2))
        (sample,) = await bench.replies(1)
        claim = Claim("5:local:r1", "elsewhere", fingerprint_of(chat(1)), dead)
        assert await colleague.claim([claim]) == [Mine()]
        bench.journal_store.write(colleague.mark(claim, replace(dead, attempts=(Begun("d1"), Begun("d1")))))
        bench.journal_store.lives = {"w1"}.__contains__
        await bench.send(chat(1))
        (_, reply) = await bench.replies(2)
        _, first, second, third = bench.events()
    assert [first.event_id, second.event_id] == [event_id("dead-run", 1), event_id("dead-run", 2)]
    assert {first.outcome, second.outcome} == {Outcome.UNCERTAIN}
    assert (first.code, first.ts) == ("interrupted", 999_000_000_000)
    assert third.outcome is Outcome.SUCCEEDED
    assert reply.headgate.cost_nano == first.cost_nano + second.cost_nano + third.cost_nano
    assert sample.headgate.status is Status.COMPLETED


async def test_the_journal_forgets_a_run_when_its_completion_is_committed():
    async with Bench(Provider()) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
        await bench.gateway.settled()
        assert bench.journal.runs == {}


async def test_a_slow_call_delays_nobody_behind_it():
    gate = asyncio.Event()

    async def slow():
        await gate.wait()
        return answered("slow")

    async with Bench(Provider(slow)) as bench:
        await bench.send(*[chat(n) for n in range(50)])
        assert {reply.custom_id for reply in await bench.replies(49)} == {f"c{n}" for n in range(1, 50)}
        gate.set()
        assert len(await bench.replies(50)) == 50


async def test_no_more_than_the_room_allows_are_in_flight():
    inside = peak = 0

    async def count():
        nonlocal inside, peak
        inside += 1
        peak = max(peak, inside)
        await asyncio.sleep(0)
        inside -= 1
        return answered()

    async with Bench(Provider(*[count] * 200), in_flight=5) as bench:
        await bench.send(*[chat(n) for n in range(200)])
        assert len(await bench.replies(200)) == 200
    assert 2 <= peak <= 5


async def test_the_credential_is_in_nothing_that_leaves_even_if_the_provider_quotes_it():
    quoted = refused(401, "invalid_api_key")
    quoted = HttpReply(401, {}, quoted.body.replace(b'"no"', b'"bad key sk-very-secret"'))
    async with Bench(Provider(quoted)) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        everything = repr(bench.bus.published) + repr(bench.gateway)
    assert reply.error.code is Code.AUTHENTICATION
    assert "sk-very-secret" not in everything


async def test_a_request_id_that_is_no_header_text_is_sent_as_one():
    provider = Provider()
    async with Bench(provider) as bench:
        await bench.send(chat(1, id="ü\r\nX-Evil: 1"))
        await bench.replies(1)
    sent = dict(provider.calls[0].headers)["X-Headgate-Request"]
    assert sent.isascii()
    assert "\n" not in sent


async def test_a_bug_in_a_task_is_reported_and_not_swallowed():
    async def bug():
        raise ZeroDivisionError

    async with Bench(Provider(bug)) as bench:
        await bench.send(chat(1))
        async with asyncio.timeout(5):
            await bench.gateway.broken()
