"""Choices that are made by as many calls: one attempt, one answer, one event, and all of the calls paid for."""

import asyncio
import json
from collections import Counter
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from headgate.reporting.ledger import Ledger
from headgate.routing.http import HttpReply
from headgate.routing.outcome import Setback
from headgate.routing.prices import Price, Rates, Tier
from headgate.routing.service import ParameterRules, Service
from headgate.routing.target import Hedge, RetryPolicy
from headgate.schemas.failures import Code, failure
from headgate.schemas.reading import read_request
from headgate.schemas.reply import Status, Tokens
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane
from headgate.schemas.usage import Outcome, event_id
from headgate.workers.gateway.runner import fingerprint
from headgate.workers.http.caller import Caller
from headgate.workers.http.transport import AiohttpTransport
from headgate.workers.journal.claims import Begun, Claim, Mine, Run
from headgate.workers.journal.in_memory import MemoryJournal
from headgate.workers.simulator import Simulator, SimulatorConfig
from support.gateways import PRICE, TOPICS, Bench, Now, Provider, answered, chat, config_of, target
from support.ledgers import a_slice
from support.simulated import PLAYED

ONE_A_CALL = Service(rules=ParameterRules(unsupported=frozenset({"n"})), fan_out_over=1)
AT_ONCE = 3


def one_a_call(name="d1", **changes):
    return target(name, service=ONE_A_CALL, **changes)


def asked(number=1, n=AT_ONCE, **fields):
    body = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 7, "n": n}
    return chat(number, body=body, **fields)


def refused(status=500, message="no"):
    return HttpReply(status, {}, json.dumps({"error": {"message": message}}).encode())


def texts(reply):
    return [choice["message"]["content"] for choice in json.loads(bytes(reply.response.body))["choices"]]


def names(bench):
    return [dict(call.headers)["X-Client-Request-Id"] for call in bench.provider.calls]


class Together:
    """Lets so many calls go on only when all of them have begun."""

    def __init__(self, parties):
        self.barrier = asyncio.Barrier(parties)

    def step(self, reply):
        async def answer():
            await self.barrier.wait()
            return reply

        return answer


async def done(*steps, targets=None, **parts):
    """Answer one request for three choices, and return what there is to see of it."""
    bench = Bench(Provider(*steps), targets=targets or (one_a_call(),), **parts)
    async with bench:
        await bench.send(asked())
        (reply,) = await bench.replies(1)
        return bench, reply, bench.events()


async def test_three_choices_are_three_calls_at_once_one_attempt_and_one_event():
    at_once = Together(AT_ONCE)
    steps = [at_once.step(answered(text, prompt=at)) for at, text in enumerate("abc", 1)]
    async with asyncio.timeout(5):  # else it would wait for ever for a call that is not made
        bench, reply, [event] = await done(*steps)
    assert sorted(texts(reply)) == ["a", "b", "c"]
    assert reply.headgate.notes == ("made n=3 by 3 calls",)
    assert (reply.headgate.attempts, reply.headgate.tokens) == (1, Tokens(input=6, output=15))
    assert (event.outcome, event.input_tokens, event.output_tokens) == (Outcome.SUCCEEDED, 6, 15)
    assert event.cost_nano == reply.headgate.cost_nano == 6 * 2 + 15 * 3
    assert names(bench) == [event.event_id, f"{event.event_id}-2", f"{event.event_id}-3"]
    assert all("n" not in json.loads(call.body) for call in bench.provider.calls)


async def test_one_choice_is_one_call():
    bench = Bench(Provider(), targets=(one_a_call(),))
    async with bench:
        await bench.send(asked(n=1))
        (reply,) = await bench.replies(1)
    assert len(bench.provider.calls) == 1
    assert reply.headgate.notes == ()


async def test_each_call_has_its_own_step_of_the_price():
    stepped = Price(PRICE.rates, "1", "test", tiers=(Tier(15, Rates(*[10**18] * 5)),), request=7 * 10**15)
    _, reply, [event] = await done(targets=(one_a_call(price=stepped),))
    assert event.input_tokens == 30
    assert event.cost_nano == reply.headgate.cost_nano == 3 * (10 * 2 + 5 * 3 + 7)


async def test_one_failure_is_the_attempts_and_what_the_others_used_is_billed_and_said():
    bench, reply, events = await done(answered(), answered(), refused(400), policy=RetryPolicy(0))
    [event] = events
    assert (reply.headgate.status, reply.error.code) == (Status.FAILED, Code.BAD_REQUEST)
    assert "1 of 3 calls failed" in reply.headgate.notes
    assert (event.outcome, event.code) == (Outcome.UNCERTAIN, Code.BAD_REQUEST)
    assert (event.input_tokens, event.output_tokens) == (20, 10)
    assert event.cost_nano == reply.headgate.cost_nano == 2 * (10 * 2 + 5 * 3)
    assert len(bench.provider.calls) == AT_ONCE


async def test_a_retry_makes_all_calls_again_under_the_next_attempts_name():
    bench, reply, events = await done(answered(), refused(), answered())
    assert reply.headgate.status is Status.COMPLETED
    assert len(bench.provider.calls) == 2 * AT_ONCE
    assert [event.input_tokens for event in events] == [20, 30]
    assert names(bench)[3:] == [events[1].event_id, f"{events[1].event_id}-2", f"{events[1].event_id}-3"]
    assert reply.headgate.cost_nano == sum(event.cost_nano for event in events)


async def test_if_all_fail_for_nothing_nothing_is_billed():
    _, _, [event] = await done(*[refused()] * AT_ONCE, policy=RetryPolicy(0))
    assert (event.outcome, event.input_tokens, event.cost_nano) == (Outcome.FAILED, 0, 0)


async def test_what_nobody_says_of_one_call_is_estimated_for_that_one_alone():
    """A call without an answer may be billed all the same, and one whose answer does not say is."""
    cut = Setback(failure(Code.TIMEOUT))
    silent = HttpReply(200, {}, b'{"choices":[{"index":0,"message":{"content":"x"}}]}')
    _, _, [alone] = await done(*[cut] * AT_ONCE, policy=RetryPolicy(0))
    each = alone.input_tokens // AT_ONCE
    assert alone.output_tokens == AT_ONCE * 7
    _, _, [event] = await done(answered(), cut, answered(), policy=RetryPolicy(0))
    assert (event.outcome, event.input_tokens, event.output_tokens) == (Outcome.UNCERTAIN, 20 + each, 10 + 7)
    _, reply, [event] = await done(answered(), silent, answered())
    assert (event.outcome, event.input_tokens, event.output_tokens) == (Outcome.UNCERTAIN, 20 + each, 10 + 7)
    assert "usage" not in json.loads(bytes(reply.response.body))
    assert event.cost_nano == reply.headgate.cost_nano


async def test_a_budget_holds_the_worst_case_of_every_call():
    """Input too: it is read by each of them."""
    held = []
    budgets = [{"usd": 1, "per": "total"}, {"tokens": 10**6, "per": "total"}]
    for n in (1, AT_ONCE):
        bench = Bench(Provider(), targets=(one_a_call(),), config=config_of(keys=[{"id": "local", "budgets": budgets}]))

        async def look(bench=bench):
            held.append([bench.held(f"key:local:{unit}/total") for unit in ("usd", "tokens")])
            return answered()

        bench.provider.steps = [look]
        async with bench:
            await bench.send(asked(n=n))
            await bench.replies(1)
            [event] = bench.events()
            assert bench.held("key:local:usd/total") == event.cost_nano
            assert bench.held("key:local:tokens/total") == 15 * n
    assert held[1] == [AT_ONCE * each for each in held[0]]


def limits_of_one(**limits):
    """A deployment that makes one choice a call, under limits."""
    model = {"name": "small", "deployments": [{"id": "d1", "provider": "openai", "model": "m", "limits": limits}]}
    return config_of(providers={"openai": {"api_key": "x"}}, models=[model])


def begun_at(bench):
    """Notes when each call begins."""
    at, real = [], bench.provider.call

    async def call(*args):
        at.append(bench.time.at)
        return await real(*args)

    bench.provider.call = call
    return at


async def test_a_limit_on_requests_counts_every_call():
    bench = Bench(Provider(), targets=(one_a_call(),), config=limits_of_one(requests_per_minute=6, burst=1))
    at = begun_at(bench)
    async with bench:
        await bench.send(*(asked(number) for number in range(4)))
        await bench.replies(4)
    assert len(at) == 4 * AT_ONCE
    assert all(later - sooner >= 60 for sooner, later in zip(at, at[6:], strict=False)), at


async def test_a_parallel_limit_has_a_place_for_every_call():
    bench = Bench(Provider(), targets=(one_a_call(),), config=limits_of_one(parallel=4))
    under_way, most = 0, []

    async def lasts():
        nonlocal under_way
        under_way += 1
        most.append(under_way)
        await bench.time.sleep(1)
        under_way -= 1
        return answered()

    bench.provider.steps = [lasts] * 100
    async with bench:
        await bench.send(*(asked(number) for number in range(4)), *(asked(number, n=1) for number in range(4, 8)))
        replies = await bench.replies(8)
        assert bench.store.in_parallel("deployment:d1:parallel") == 0
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    assert max(most) == 4


async def test_the_places_of_all_calls_are_passed_on_when_they_end():
    """Whoever waits for one of them is woken then, and not when somebody looks by chance."""
    bench = Bench(Provider(), targets=(one_a_call(),), config=limits_of_one(parallel=3))
    at = begun_at(bench)

    async def lasts():
        await bench.time.sleep(1.0)
        return answered()

    bench.provider.steps = [lasts] * 9
    async with bench:
        await bench.send(asked(0), *(asked(number, n=1) for number in range(1, 4)))
        await bench.replies(4)
    assert [round(each - at[0], 3) for each in at[AT_ONCE:]] == [1.0] * AT_ONCE


@pytest.mark.parametrize("limits", [{"requests_per_minute": 2}, {"parallel": 2}])
async def test_more_calls_than_a_limit_ever_has_are_refused_in_words(limits):
    async with Bench(Provider(), targets=(one_a_call(),), config=limits_of_one(**limits)) as bench:
        await bench.send(asked(1), asked(2, n=2))
        replies = {reply.custom_id: reply for reply in await bench.replies(2)}
    why = replies["c1"].error
    assert (replies["c1"].headgate.status, why.code) == (Status.REFUSED, Code.LIMIT_TOO_SMALL)
    assert why.expected.startswith("at most 2 of deployment:d1:")
    assert why.given == "3"
    assert replies["c2"].headgate.status is Status.COMPLETED


async def test_a_budget_of_requests_is_spent_call_by_call():
    config = config_of(keys=[{"id": "local", "budgets": [{"requests": 10, "per": "total"}]}])
    bench, _, [event] = await done(config=config)
    assert event.calls == AT_ONCE
    assert bench.held("key:local:requests/total") == AT_ONCE


async def test_a_request_that_may_cost_too_much_in_all_is_refused():
    bench = Bench(Provider(), targets=(one_a_call(),))
    async with bench:
        await bench.send(asked(1, n=1, max_cost="0.000001"), asked(2, max_cost="0.000001"))
        replies = {reply.custom_id: reply for reply in await bench.replies(2)}
    assert replies["c1"].headgate.status is Status.COMPLETED
    assert replies["c2"].error.code is Code.MAX_COST_EXCEEDED


def slow(bench, reply=None):
    async def answer():
        await bench.time.sleep(60)
        return reply or answered("slow")

    return answer


async def test_a_hedge_cuts_off_all_calls_of_the_attempt_that_lost_and_all_are_in_the_books():
    bench = Bench(Provider(), targets=(one_a_call("a"), one_a_call("b", weight=0)), hedge=Hedge(2.0))
    cut = Counter()

    async def hangs():
        try:
            await bench.time.sleep(60)
        except asyncio.CancelledError:
            cut["off"] += 1
            raise

    bench.provider.steps = [hangs] * AT_ONCE
    async with bench:
        await bench.send(asked())
        (reply,) = await bench.replies(1)
        events = {event.deployment: event for event in bench.events()}
    assert cut["off"] == AT_ONCE
    assert texts(reply) == ["hi"] * AT_ONCE
    assert (events["a"].code, events["a"].output_tokens) == (Code.HEDGED, AT_ONCE * 7)
    assert {event.calls for event in events.values()} == {AT_ONCE}
    assert events["b"].input_tokens == 10 * AT_ONCE
    assert reply.headgate.cost_nano == sum(event.cost_nano for event in events.values())


async def test_a_worker_that_stops_leaves_no_call_behind():
    bench = Bench(Provider(), targets=(one_a_call(),))
    bench.provider.steps = [slow(bench) for _ in range(AT_ONCE)]
    began, before = asyncio.Event(), set(asyncio.all_tasks())
    bench.provider.steps[-1] = begin_and_hang(began)
    async with bench:
        await bench.send(asked())
        await began.wait()
        assert sum("_all" in repr(task.get_coro()) for task in asyncio.all_tasks()) == AT_ONCE
        await bench.gateway.abandon()
        left = [task for task in asyncio.all_tasks() - before if "_all" in repr(task.get_coro())]
        await asyncio.gather(*left, return_exceptions=True)
        assert all(task.cancelled() for task in left)


def begin_and_hang(began):
    async def answer():
        began.set()
        await asyncio.Event().wait()

    return answer


async def test_the_calls_that_a_dead_worker_began_are_estimated_all():
    events = {}
    for n in (1, AT_ONCE):
        async with Bench(Provider(), targets=(one_a_call(),)) as bench:
            alive = {"dead", "w1"}
            bench.journal_store.lives = alive.__contains__
            colleague = MemoryJournal("dead", bench.journal_store)
            at = int(bench.time.at * 1000)
            request = read_request(asked(n=n), Arrival("x/0", Lane.STANDARD, at), Defaults())
            claim = Claim("5:local:r1", "elsewhere", fingerprint(request), Run("dead-run", at * 1000, ()))
            assert await colleague.claim([claim]) == [Mine()]
            bench.journal_store.write(colleague.mark(claim, changed(claim.run, attempts=(Begun("d1"),))))
            alive.discard("dead")
            await bench.send(asked(n=n))
            await bench.replies(1)
            events[n] = bench.events()[0]
    one, many = events[1], events[AT_ONCE]
    assert (many.code, many.event_id) == (Code.INTERRUPTED, event_id("dead-run", 1))
    assert (one.calls, many.calls) == (1, AT_ONCE)
    assert many.output_tokens == AT_ONCE * one.output_tokens
    assert abs(many.input_tokens - AT_ONCE * one.input_tokens) <= AT_ONCE * 5


@pytest.mark.parametrize("wire", ["anthropic", "vertex-anthropic", "bedrock-converse", "cohere"])
async def test_the_ledger_says_of_an_attempt_what_the_books_say_of_its_calls(wire, tmp_path):
    played = next(each for each in PLAYED if each.wire == wire)
    async with Simulator(SimulatorConfig(seed=3)) as simulator, AiohttpTransport(connections=9) as transport:
        found = played.target(simulator.address.url, id="d", api_key="sk-any", timeout=30.0)
        found = replace(found, service=replace(found.service, fan_out_over=1))
        bench = Bench(Caller(transport), time=Now(), targets=(found,), allow_unpriced=True)
        async with bench:
            await bench.send(*(asked(number) for number in range(4)))
            replies = await bench.replies(4)
        books = list(simulator.books.entries())
    assert all(texts(reply) and len(texts(reply)) == AT_ONCE for reply in replies)
    assert len(books) == 4 * AT_ONCE
    with Ledger.open(tmp_path / "ledger.duckdb") as ledger:
        ledger.append([a_slice(*(record.value for record in bench.bus.on(TOPICS.usage)))])
        rows = ledger._connection.execute("SELECT event_id, input_tokens, output_tokens FROM usage").fetchall()
    for name, *tokens in ((str(name), *tokens) for name, *tokens in rows):
        calls = [entry for entry in books if entry.client_request_id.startswith(name)]
        assert {entry.client_request_id.removeprefix(name) for entry in calls} == {"", "-2", "-3"}
        assert tokens == [sum(entry.input_tokens for entry in calls), sum(entry.output_tokens for entry in calls)]
    assert len(rows) == 4
