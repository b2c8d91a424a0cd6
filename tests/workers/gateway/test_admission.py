"""Limits, budgets, duplicates, parking and cancelling, on peers in memory and a virtual clock."""

import asyncio
import hashlib
import json

import pytest
from msgspec.structs import replace

from headgate.routing.admission.demand import BudgetWindow
from headgate.routing.http import REQUEST_HEADER, HttpReply
from headgate.routing.outcome import Setback
from headgate.routing.target import Plan, RetryPolicy
from headgate.schemas.control import Cancel, control_record
from headgate.schemas.deferral import read_deferral
from headgate.schemas.failures import Code, failure
from headgate.schemas.reading import read_request
from headgate.schemas.reply import Status
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane, Tier
from headgate.schemas.usage import Cause, Outcome
from headgate.workers.admission.port import Posting, Spent
from headgate.workers.gateway.brakes import Brakes
from headgate.workers.gateway.runner import fingerprint
from headgate.workers.journal.claims import Claim, Mine, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import TOPICS, Bench, Provider, answered, chat, config_of, target

START = 1_800_000_000.0


def held_to(**key):
    return config_of(keys=[{"id": "k", **key}])


def asked(number, **fields):
    return chat(number, key="k", **fields)


class Watch(Provider):
    """Notes when it is called, and answers after a while if it is told to."""

    def __init__(self, *steps):
        super().__init__(*steps)
        self.at = []
        self.seconds_each = 0.0

    def on(self, time):
        self.time = time
        return self

    async def call(self, call, seconds):
        self.at.append(self.time.at - START)
        if self.seconds_each:
            await self.time.sleep(self.seconds_each)
        return await super().call(call, seconds)


def watched(**fields):
    bench = Bench(Watch(), **fields)
    bench.provider.on(bench.time)
    return bench


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
    assert parked
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


async def test_what_a_budget_does_not_allow_is_refused_where_the_config_says_so():
    config = held_to(budgets=[{"usd": "0.00000001", "per": "day", "at_limit": "refuse"}])
    async with Bench(Provider(), config=config) as bench:
        await bench.send(asked(1))
        (reply,) = await bench.replies(1)
    assert reply.headgate.status is Status.REFUSED
    assert reply.error.code in {Code.LIMIT_TOO_SMALL, Code.BUDGET_EXCEEDED}


async def test_what_a_budget_does_not_allow_waits_outside_memory_for_its_next_window():
    hour = BudgetWindow("key:k:requests/hour", round(START * 1e6), round((START + 3600) * 1e6), 3)
    async with watched(config=held_to(budgets=[{"requests": 3, "per": "hour"}])) as bench:
        await bench.send(*[asked(n) for n in range(5)], asked(5, deadline=600))
        await bench.replies(3)
        spent = [Posting(event.event_id, (Spent(hour, 1),)) for event in bench.events()]
        await bench.book.apply("first life", {"u": (None, "1")}, spent, {})
        replies = {reply.custom_id: reply for reply in await bench.replies(6)}
        parked = [record for tier in Tier for record in bench.bus.on(TOPICS.deferred(tier))]
    late = replies.pop("c5")
    assert (late.headgate.status, late.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert late.error.expected == "a deadline after 2027-01-15T09:00:00.000Z"
    assert {reply.headgate.status for reply in replies.values()} == {Status.COMPLETED}
    assert parked
    assert [at >= 3600 for at in sorted(bench.provider.at)] == [False] * 3 + [True] * 2


async def test_a_request_that_may_cost_more_than_it_wants_is_refused():
    async with Bench(Provider()) as bench:
        await bench.send(chat(1, max_cost="0.00000001"), chat(2, max_cost=1))
        replies = {reply.custom_id: reply for reply in await bench.replies(2)}
    assert replies["c1"].error.code is Code.MAX_COST_EXCEEDED
    assert replies["c2"].headgate.status is Status.COMPLETED


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
        await bench.bus.wait_for(TOPICS.deferred(Tier.HOUR), 1)
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


async def test_a_spent_budget_sends_requests_to_the_cheaper_model():
    tiny = Plan((target("tiny-a", upstream_model="tiny", price=None),), RetryPolicy())
    config = config_of(
        unpriced="allow",
        keys=[{"id": "k", "budgets": [{"usd": "0.000001", "per": "total", "at_limit": {"fallback": "tiny"}}]}],
        providers={"openai": {}},
        models=[{"name": "tiny", "deployments": [{"id": "tiny-a", "provider": "openai", "model": "tiny"}]}],
    )
    async with Bench(Provider(), config=config, models={"tiny": tiny}, allow_unpriced=True) as bench:
        spent = Spent(BudgetWindow("key:k:usd/total", 0, None, 1000), 999)
        await bench.book.apply("first life", {"u": (None, "1")}, [Posting("earlier", (spent,))], {})
        await bench.send(asked(1))
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert reply.headgate.deployment == "tiny-a"
    assert events[-1].cause is Cause.FALLBACK


async def test_an_interrupted_attempt_at_the_cheaper_model_is_booked_as_one():
    """Else it would have the price, and be charged to the budgets, of a deployment that nobody called."""
    tiny = Plan((target("tiny-a", upstream_model="tiny", price=None),), RetryPolicy())
    config = config_of(
        unpriced="allow",
        keys=[{"id": "k", "budgets": [{"usd": 1, "per": "total", "at_limit": {"fallback": "tiny"}}]}],
        providers={"openai": {}},
        models=[{"name": "tiny", "deployments": [{"id": "tiny-a", "provider": "openai", "model": "tiny"}]}],
    )
    async with Bench(Provider(), config=config, models={"tiny": tiny}, allow_unpriced=True) as bench:
        alive = {"dead", "w1"}
        bench.journal_store.lives = alive.__contains__
        colleague = MemoryJournal("dead", bench.journal_store)
        run = Run("dead-run", int(START * 1e6), ())
        claim = Claim(
            "1:k:r1",
            "elsewhere",
            fingerprint(read_request(asked(1), Arrival("x/0", Lane.STANDARD, int(START * 1000)), Defaults())),
            run,
        )
        assert await colleague.claim([claim]) == [Mine()]
        bench.journal_store.write(colleague.mark(claim, replace(run, attempts=("d1", "tiny-a", "gone"))))
        alive.discard("dead")
        await bench.send(asked(1))
        await bench.replies(1)
        first, second, third, _ = bench.events()
    assert [(each.deployment, each.model, each.cause) for each in (first, second, third)] == [
        ("d1", "small", Cause.FIRST),
        ("tiny-a", "tiny", Cause.FALLBACK),
        ("d1", "small", Cause.RETRY),
    ]
    assert (first.cost_nano > 0, second.cost_nano) == (True, 0)


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
