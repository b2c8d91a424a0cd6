"""Hedged requests: a second attempt beside a slow one, billed openly."""

import asyncio
import json

import pytest

from headgate.routing.http import HttpReply
from headgate.routing.target import Hedge, RetryPolicy
from headgate.schemas.reply import Status
from headgate.schemas.usage import Outcome
from support.gateways import Bench, Provider, answered, chat, config_of, target

TWO = (target("a"), target("b", weight=0))


def slow(bench, seconds, reply=None):
    async def answer():
        await bench.time.sleep(seconds)
        return reply or answered("slow")

    return answer


def broken():
    return HttpReply(500, {}, json.dumps({"error": {"message": "no"}}).encode())


def text(reply):
    return json.loads(bytes(reply.response.body))["choices"][0]["message"]["content"]


async def hedged(*steps, targets=TWO, policy=None, **parts):
    """Answer one request whose route hedges after two seconds; steps that are numbers are slow answers."""
    bench = Bench(Provider(), targets=targets, hedge=Hedge(2.0), policy=policy or RetryPolicy(), **parts)
    bench.provider.steps = [slow(bench, step) if isinstance(step, int) else step for step in steps]
    async with bench:
        began = bench.time.at
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        return bench, reply, bench.events(), bench.time.at - began


async def test_a_slow_attempt_is_overtaken_by_another_and_both_are_in_the_books():
    _, reply, events, took = await hedged(60, answered("fast"))
    assert took == 2
    assert text(reply) == "fast"
    assert (reply.headgate.deployment, reply.headgate.attempts) == ("b", 2)
    by_name = {event.deployment: event for event in events}
    assert (by_name["a"].outcome, by_name["a"].code) == (Outcome.UNCERTAIN, "hedged")
    assert by_name["a"].cost_nano > 0
    assert by_name["b"].outcome is Outcome.SUCCEEDED
    assert reply.headgate.cost_nano == sum(event.cost_nano for event in events)
    assert len({event.event_id for event in events}) == 2


async def test_the_first_attempt_may_still_win():
    _, reply, events, took = await hedged(3, 60)
    assert took == 3
    assert text(reply) == "slow"
    assert reply.headgate.deployment == "a"
    assert {(event.deployment, event.outcome) for event in events} == {
        ("a", Outcome.SUCCEEDED),
        ("b", Outcome.UNCERTAIN),
    }


async def test_a_quick_answer_is_not_hedged():
    bench, reply, events, _ = await hedged(1)
    assert len(events) == len(bench.provider.calls) == 1
    assert reply.headgate.attempts == 1


async def test_a_failure_of_one_leaves_the_other_to_answer():
    _, reply, events, took = await hedged(5, broken())
    assert took == 5
    assert reply.headgate.status is Status.COMPLETED
    assert {(event.deployment, event.outcome) for event in events} == {("a", Outcome.SUCCEEDED), ("b", Outcome.FAILED)}


async def test_without_retries_left_nothing_is_hedged():
    bench, _, events, took = await hedged(60, policy=RetryPolicy(0))
    assert took == 60
    assert len(events) == len(bench.provider.calls) == 1


async def test_one_deployment_alone_is_not_hedged():
    bench, _, _, took = await hedged(60, targets=(target("a"),))
    assert took == 60
    assert len(bench.provider.calls) == 1


ONE_AT_A_TIME = {"id": "b", "provider": "openai", "model": "m", "limits": {"parallel": 1}}


async def test_a_hedge_waits_for_no_limit_and_takes_nothing_when_it_cannot_go():
    limited = config_of(
        providers={"openai": {"api_key": "x"}},
        models=[
            {
                "name": "small",
                "deployments": [{"id": "b", "provider": "openai", "model": "m", "limits": {"parallel": 1}}],
            }
        ],
    )
    bench = Bench(Provider(), targets=TWO, hedge=Hedge(2.0), config=limited)
    bench.provider.steps = [slow(bench, 60) for _ in range(4)]
    async with bench:
        await bench.send(chat(1), chat(2))
        replies = await bench.replies(2)
        hedges = [event for event in bench.events() if event.deployment == "b"]
    assert len(replies) == 2
    assert len(hedges) == 1, "the other found the one parallel call of b taken"


async def test_what_is_hedged_holds_money_for_both_and_settles_both():
    budget = {"usd": 1, "per": "total"}
    bench, _, events, _ = await hedged(60, answered(), config=config_of(keys=[{"id": "local", "budgets": [budget]}]))
    assert len(events) == 2
    assert bench.held("key:local:usd/total") == sum(event.cost_nano for event in events), "until the recorder has them"


@pytest.mark.parametrize("when", [1, 3])
async def test_a_worker_that_stops_leaves_no_attempt_behind(when):
    bench = Bench(Provider(), targets=TWO, hedge=Hedge(2.0))
    bench.provider.steps = [slow(bench, 60), slow(bench, 60)]
    async with bench:
        await bench.send(chat(1))
        began = bench.time.at
        calls = 1 + when // 2
        while bench.time.at < began + when and len(bench.provider.calls) < calls:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        await bench.gateway.abandon()
        left = [task for task in asyncio.all_tasks() if "_Trying._attempt" in repr(task.get_coro())]
        await asyncio.gather(*left, return_exceptions=True)
        assert all(task.cancelled() for task in left)
