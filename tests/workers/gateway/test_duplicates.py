"""One request under one id: called for once, answered as often as it is sent, on peers in memory."""

import asyncio

from headgate.routing.target import Plan, RetryPolicy
from headgate.schemas.failures import Code
from headgate.schemas.reading import read_request
from headgate.schemas.reply import Status
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane, Tier
from headgate.schemas.usage import Outcome
from headgate.workers.gateway.runner import claimed_name, fingerprint
from headgate.workers.journal.claims import Claim, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import TOPICS, Bench, Provider, answered, chat, target
from support.watched import START, watched


async def test_the_same_request_sent_three_times_is_called_for_once_and_answered_three_times():
    provider = Provider(answered("first"))
    async with Bench(provider) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
        await bench.send(chat(1), chat(1))
        replies = await bench.replies(3)
        events = bench.events()
    assert len(provider.calls) == 1
    assert len({(reply.id, bytes(reply.response.body)) for reply in replies}) == 1
    assert [event.outcome for event in events] == [Outcome.SUCCEEDED, Outcome.REPLAYED, Outcome.REPLAYED]
    assert sum(event.cost_nano for event in events) == replies[0].headgate.cost_nano


async def test_duplicates_that_come_while_the_first_is_under_way_wait_for_its_answer():
    gate = asyncio.Event()

    async def slow():
        await gate.wait()
        return answered("only")

    provider = Provider(slow)
    async with Bench(provider) as bench:
        await bench.send(chat(1), chat(1), chat(1))
        gate.set()
        replies = await bench.replies(3)
    assert len(provider.calls) == 1
    assert {bytes(reply.response.body) for reply in replies} == {bytes(replies[0].response.body)}


async def test_duplicates_of_a_call_that_lasts_leave_memory_and_hold_up_nobody():
    bench = watched(in_flight=4, models={"other": Plan((target("d2"),), RetryPolicy())})

    async def slow():
        await bench.time.sleep(500)
        return answered("only")

    bench.provider.steps = [slow]
    async with bench:
        await bench.send(*[chat(1) for _ in range(10)])
        body = {"model": "other", "messages": [{"role": "user", "content": "hello"}]}
        await bench.send(chat(2, body=body))
        (quick,) = await bench.replies(1)
        assert bench.time.at - START < 60
        replies = await bench.replies(11)
        parked = [record for tier in Tier for record in bench.bus.on(TOPICS.deferred(tier))]
    assert quick.custom_id == "c2"
    assert len(bench.provider.calls) == 2
    assert {bytes(reply.response.body) for reply in replies[1:]} == {bytes(replies[1].response.body)}
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    assert 9 <= len(parked) <= 9 * 30, "each stays away for longer and longer: else it were fifty hops"


async def test_what_a_dead_worker_had_keeps_nobody_out_until_its_claims_are_void():
    """A worker that was killed is believed in for a while, and everything that it had is delivered again at once."""
    bench = watched(in_flight=20)
    alive = {"dead", "w1"}
    bench.journal_store.lives = alive.__contains__
    redelivered = [chat(n) for n in range(20)]
    async with bench:
        await MemoryJournal("dead", bench.journal_store).claim([claimed(record) for record in redelivered])
        await bench.send(*redelivered)
        await bench.send(chat(100))
        (quick,) = await bench.replies(1)
        assert bench.time.at - START < 1
        alive.discard("dead")
        replies = await bench.replies(21)
    assert quick.custom_id == "c100"
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    assert len(bench.provider.calls) == 21


def claimed(record):
    """Return the claim of a worker that has a request."""
    request = read_request(record, Arrival("x/0", Lane.STANDARD, int(START * 1000)), Defaults())
    return Claim(claimed_name(request), "elsewhere", fingerprint(request), Run("dead-run", int(START * 1e6), ()))


async def test_a_duplicate_whose_deadline_comes_first_is_told_then():
    bench = watched()

    async def slow():
        await bench.time.sleep(500)
        return answered("late")

    bench.provider.steps = [slow]
    async with bench:
        await bench.send(chat(1), chat(1, deadline=30))
        (reply,) = await bench.replies(1)
    assert (reply.headgate.status, reply.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert 30 <= bench.time.at - START < 35


async def test_an_id_that_is_used_for_something_else_is_refused():
    async with Bench(Provider()) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
        body = {"model": "small", "messages": [{"role": "user", "content": "another question"}]}
        await bench.send(chat(1, body=body))
        reply = (await bench.replies(2))[1]
    assert (reply.headgate.status, reply.error.code) == (Status.FAILED, Code.ID_REUSED)
