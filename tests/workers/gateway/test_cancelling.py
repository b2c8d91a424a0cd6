"""Cancelling: whoever waits is told, and what is under way is finished, on peers in memory."""

import asyncio

from headgate.routing.outcome import Setback
from headgate.routing.target import RetryPolicy
from headgate.schemas.control import Cancel, control_record
from headgate.schemas.failures import Code, failure
from headgate.schemas.reply import Status
from headgate.schemas.usage import Outcome
from support.gateways import TOPICS, Bench, Provider, answered, chat
from support.watched import START, asked, held_to, watched


async def test_what_is_cancelled_while_it_waits_is_answered_cancelled_and_costs_nothing():
    async with watched(config=held_to(limits={"requests_per_second": 1})) as bench:
        await bench.send(*[asked(n, batch="b1") for n in range(5)])
        await bench.replies(1)
        bench.gateway.heard(control_record(Cancel(at_ms=int(bench.time.at * 1000) + 1, batch="b1"), TOPICS))
        replies = await bench.replies(5)
    statuses = [reply.headgate.status for reply in replies]
    assert statuses.count(Status.CANCELLED) >= 3
    assert statuses.count(Status.COMPLETED) == len(bench.provider.calls)


async def test_who_is_cancelled_while_a_slot_is_reserved_gives_it_back():
    bench = watched(config=held_to(limits={"requests_per_second": 1}))
    given_back = []
    bench.admission.cancel = lambda demand, _: given_back.append(demand.attempt_id)
    async with bench:
        await bench.send(*[asked(n, batch="b1") for n in range(5)])
        await bench.replies(1)
        bench.gateway.heard(control_record(Cancel(at_ms=int(bench.time.at * 1000) + 1, batch="b1"), TOPICS))
        replies = await bench.replies(5)
    cancelled = [reply.headgate.status for reply in replies].count(Status.CANCELLED)
    assert len(set(given_back)) == len(given_back) == cancelled >= 3


async def test_who_is_cancelled_between_two_attempts_pays_for_the_first_once():
    bench = Bench(Provider(Setback(failure(Code.TIMEOUT))), policy=RetryPolicy(backoff=4.0))

    async def cancelled_meanwhile(_seconds):
        bench.gateway.heard(control_record(Cancel(at_ms=2**50, request="r1"), TOPICS))

    bench.time.sleep = cancelled_meanwhile
    async with bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert (reply.headgate.status, reply.headgate.attempts) == (Status.CANCELLED, 1)
    assert [event.outcome for event in events] == [Outcome.UNCERTAIN]
    assert reply.headgate.cost_nano == events[0].cost_nano > 0


async def test_what_is_parked_for_long_is_answered_at_its_next_hop_when_it_was_cancelled():
    async with watched(config=held_to(limits={"requests_per_hour": 1})) as bench:
        await bench.send(*[asked(n, batch="b1") for n in range(5)])
        await bench.replies(1)
        bench.gateway.heard(control_record(Cancel(at_ms=int(bench.time.at * 1000) + 1, batch="b1"), TOPICS))
        replies = await bench.replies(5)
    assert [reply.headgate.status for reply in replies].count(Status.CANCELLED) == 4
    assert bench.time.at - START < 3700, "the last slot would have been four hours later"


async def test_what_is_in_flight_when_it_is_cancelled_finishes_and_is_billed():
    began, gate = asyncio.Event(), asyncio.Event()

    async def slow():
        began.set()
        await gate.wait()
        return answered("billed")

    async with Bench(Provider(slow)) as bench:
        await bench.send(chat(1))
        await began.wait()
        bench.gateway.heard(control_record(Cancel(at_ms=2**50, request="r1"), TOPICS))
        gate.set()
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert event.cost_nano == reply.headgate.cost_nano > 0


async def test_what_arrives_after_the_cancelling_is_not_meant():
    async with Bench(Provider()) as bench:
        bench.gateway.heard(control_record(Cancel(at_ms=int(START * 1000) - 1, request="r1"), TOPICS))
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert reply.headgate.status is Status.COMPLETED
