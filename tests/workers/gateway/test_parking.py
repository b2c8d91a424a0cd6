"""Parking: long waits leave memory, on peers in memory and a virtual clock."""

import hashlib

from headgate.routing.http import HttpReply
from headgate.routing.target import Plan, RetryPolicy
from headgate.schemas.failures import Code
from headgate.schemas.reply import Status
from headgate.schemas.topics import Tier
from headgate.schemas.usage import Outcome
from headgate.workers.gateway.brakes import Brakes
from support.gateways import TOPICS, answered, chat, config_of, target
from support.watched import START, asked, held_to, watched


async def test_a_long_retry_after_leaves_memory_and_the_attempts_are_counted_on():
    refusal = HttpReply(
        429, {"retry-after": "120"}, b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'
    )
    bench = watched()
    bench.provider.steps = [refusal, answered("late")]
    async with bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert bench.provider.at[1] >= 120
    assert reply.headgate.attempts == 2
    assert [event.outcome for event in events] == [Outcome.FAILED, Outcome.SUCCEEDED]
    assert len({event.event_id for event in events}) == 2


REFUSED_FOR_TWO_HOURS = HttpReply(
    429, {"retry-after": "7200"}, b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'
)


async def test_a_long_retry_after_sends_all_that_want_the_deployment_out_of_memory():
    """Else those of a few keys would fill the worker for two hours."""
    bench = watched(in_flight=20, targets=(target("d1"),), models={"other": Plan((target("d2"),), RetryPolicy())})
    bench.brakes = Brakes(1000, bench.time.now_us)
    bench.provider.steps = [REFUSED_FOR_TWO_HOURS]
    async with bench:
        await bench.send(chat(1))
        await bench.wait_for(TOPICS.deferred(Tier.HOUR), 1)
        await bench.send(*[chat(n, key=f"k{n}") for n in range(2, 60)])
        body = {"model": "other", "messages": [{"role": "user", "content": "hello"}]}
        await bench.send(chat(100, body=body))
        (quick,) = await bench.replies(1)
        assert bench.time.at - START < 1
        replies = await bench.replies(60)
    assert quick.custom_id == "c100"
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    assert min(at for at in bench.provider.at if at > 1) >= 7200


async def test_who_cannot_wait_for_the_end_of_a_pause_is_told_at_once_and_gives_its_slot_back():
    bench = watched(config=held_to(limits={"requests_per_minute": 60, "burst": 0.02}))
    bench.brakes = Brakes(1000, bench.time.now_us)
    bench.provider.steps = [REFUSED_FOR_TWO_HOURS]
    given_back = []
    bench.admission.cancel = lambda _, ticket_us: given_back.append(ticket_us)
    async with bench:
        await bench.send(asked(1), asked(2, deadline=600))
        (reply,) = await bench.replies(1)
    assert (reply.custom_id, reply.headgate.status, reply.error.code) == ("c2", Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert "a deadline after 2027-" in reply.error.expected
    assert bench.time.at - START < 10
    assert len(given_back) == 1


async def test_what_is_parked_carries_no_proof_with_it_and_needs_none_when_it_comes_back():
    key = {"id": "k", "secret": {"sha256": hashlib.sha256(b"hg-secret").hexdigest()}}
    async with watched(config=config_of(keys=[{**key, "limits": {"requests_per_minute": 1}}])) as bench:
        headers = (("authorization", b"Bearer hg-secret"),)
        await bench.send(*[asked(n, headers=headers) for n in range(2)], asked(2))
        replies = {reply.custom_id: reply for reply in await bench.replies(3)}
        parked = [record for tier in Tier for record in bench.bus.on(TOPICS.deferred(tier))]
    assert {reply.headgate.status for reply in replies.values()} == {Status.COMPLETED, Status.REFUSED}
    assert replies["c2"].error.code is Code.UNAUTHENTICATED
    assert parked
    assert b"hg-secret" not in repr([(record.headers, record.value) for record in parked]).encode()


async def test_parking_does_not_grant_more_retries():
    refusal = HttpReply(
        429, {"retry-after": "60"}, b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'
    )
    bench = watched(policy=RetryPolicy(retries=2))
    bench.provider.steps = [refusal] * 9
    async with bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert len(bench.provider.calls) == 3
    assert reply.error.code is Code.RATE_LIMITED
    assert reply.headgate.attempts == 3
