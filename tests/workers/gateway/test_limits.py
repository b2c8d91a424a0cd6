"""Limits: slots that are waited for, in memory and out of it, on peers in memory and a virtual clock."""

import asyncio
import json

import pytest

from headgate.routing.http import REQUEST_HEADER
from headgate.routing.outcome import Setback
from headgate.schemas.deferral import read_deferral
from headgate.schemas.failures import Code, failure
from headgate.schemas.reply import Status
from headgate.schemas.topics import Tier
from support.gateways import TOPICS, Bench, Provider, answered, chat, config_of
from support.watched import START, asked, held_to, watched


async def test_requests_over_a_limit_wait_for_their_slot_and_none_is_refused():
    async with watched(config=held_to(limits={"requests_per_second": 10, "burst": 0.1})) as bench:
        await bench.send(*[asked(n) for n in range(40)])
        replies = await bench.replies(40)
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    at = sorted(bench.provider.at)
    assert all(later - sooner >= 1 for sooner, later in zip(at, at[10:], strict=False)), "more than 10 in a second"
    assert at[-1] < 4.5


async def test_a_long_wait_leaves_memory_and_comes_back_for_the_very_slot():
    async with watched(config=held_to(limits={"requests_per_minute": 2, "burst": 0.5})) as bench:
        await bench.send(*[asked(n) for n in range(6)])
        replies = await bench.replies(6)
        parked = [record for tier in Tier for record in bench.bus.on(TOPICS.deferred(tier))]
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    assert {read_deferral(each, TOPICS).ticket_for for each in parked} == {"d1"}
    at = sorted(bench.provider.at)
    assert all(later - sooner >= 60 for sooner, later in zip(at, at[2:], strict=False)), at
    assert at[-1] < 150
    assert sum(reply.headgate.queue_ms > 60_000 for reply in replies) >= 2


async def test_a_queue_of_three_hours_is_called_for_at_its_slots_in_their_order():
    """With a virtual clock: everybody waits on the tiers, and is there when his slot is."""
    async with watched(config=held_to(limits={"requests_per_hour": 60, "burst": 0.05}), in_flight=300) as bench:
        await bench.send(*[asked(n) for n in range(200)])
        replies = await bench.replies(200)
        parked = [record for tier in Tier for record in bench.bus.on(TOPICS.deferred(tier))]
        called = [dict(call.headers)[REQUEST_HEADER] for call in bench.provider.calls]
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    slots = {json.loads(each.value)["id"]: read_deferral(each, TOPICS).ticket_us / 1e6 - START for each in parked}
    at = dict(zip(called, bench.provider.at, strict=True))
    assert len(slots) > 180
    assert max(at.values()) > 3 * 3600
    late = [at[name] - slot for name, slot in slots.items()]
    assert (min(late) >= 0, max(late) < 0.5) == (True, True), (min(late), max(late))
    begun = sorted(at.values())
    assert all(later - sooner >= 3600 for sooner, later in zip(begun, begun[60:], strict=False))


async def test_a_deadline_before_the_slot_is_refused_at_once_with_the_time_that_would_have_worked():
    async with watched(config=held_to(limits={"requests_per_minute": 1})) as bench:
        await bench.send(asked(1), asked(2, deadline=30))
        replies = {reply.custom_id: reply for reply in await bench.replies(2)}
    late = replies["c2"]
    assert (late.headgate.status, late.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert "a deadline after 2027-" in late.error.expected
    assert bench.time.at - START < 1, "it is said at once, not when the deadline has passed"


async def test_parallel_calls_are_bounded_and_nobody_is_forgotten():
    bench = watched(config=held_to(limits={"parallel": 3}))
    bench.provider.seconds_each = 1.0
    async with bench:
        await bench.send(*[asked(n) for n in range(12)])
        await bench.replies(12)
    at = sorted(bench.provider.at)
    assert all(later - sooner >= 1 for sooner, later in zip(at, at[3:], strict=False)), at


async def test_a_throttled_key_delays_no_other():
    async with watched(
        config=config_of(keys=[{"id": "k", "limits": {"requests_per_minute": 1}}, {"id": "free"}])
    ) as bench:
        await bench.send(*[asked(n) for n in range(50)])
        await bench.send(*[chat(100 + n, key="free") for n in range(20)])
        replies = [decoded for decoded in await bench.replies(21) if decoded.custom_id >= "c100"]
    assert max(reply.headgate.queue_ms for reply in replies if reply.custom_id[1:].isdigit()) < 60_000


async def test_what_attempts_took_is_learned_for_the_next_ones():
    bench = Bench(Provider(*[answered(prompt=200)] * 200), config=held_to(limits={"tokens_per_minute": 10**9}))
    async with bench:
        await bench.send(*[asked(n) for n in range(100)])
        await bench.replies(100)
        before = bench.estimates.input_error
        await bench.send(*[asked(n) for n in range(100, 200)])
        await bench.replies(200)
    assert before > bench.estimates.input_error
    assert bench.estimates.input_error < 0.15


async def test_nobody_spends_before_the_store_knows_the_ledger():
    async with watched(config=held_to(limits={"requests_per_minute": 60})) as bench:
        bench.store.lose()
        await bench.send(asked(1))
        for _ in range(200):
            await asyncio.sleep(0)
        assert bench.provider.calls == []
        await bench.book.open("second life", {}, (), ())
        await bench.book.ready("second life")
        (reply,) = await bench.replies(1)
    assert reply.headgate.status is Status.COMPLETED


async def test_many_that_may_not_spend_yet_ask_no_more_often_together_than_a_thousand_times_a_second():
    asked_for = []
    bench = watched(config=held_to(limits={"requests_per_minute": 10_000, "burst": 1}), in_flight=1_000)
    acquire = bench.admission.acquire

    async def noted(demands):
        asked_for.extend(demands)
        return await acquire(demands)

    bench.admission.acquire = noted
    async with bench:
        bench.store.lose()
        await bench.send(*[asked(n) for n in range(1_000)])
        while bench.time.at < START + 5:  # noqa: ASYNC110 - a virtual clock tells nobody
            await asyncio.sleep(0)
        assert 1_000 <= len(asked_for) <= 1_000 * 7
        await bench.book.open("second life", {}, (), ())
        await bench.book.ready("second life")
        replies = await bench.replies(1_000)
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}


@pytest.mark.parametrize("outcome", [Setback(failure(Code.CONNECTION_FAILED)), answered()])
async def test_after_everything_nothing_is_held(outcome):
    config = held_to(budgets=[{"usd": 1, "per": "day"}], limits={"parallel": 5, "tokens_per_minute": 10**9})
    bench = watched(config=config)
    bench.provider.steps = [outcome] * 3
    async with bench:
        await bench.send(*[asked(n) for n in range(20)])
        await bench.replies(20)
        await bench.gateway.settled()
        assert bench.held("key:k:usd/day") == sum(event.cost_nano for event in bench.events())
        assert not any(bench.store.life.calls.values())
