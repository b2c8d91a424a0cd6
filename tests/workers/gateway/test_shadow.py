"""Shadows: copies whose answers are only recorded, on a gateway whose peers are in memory."""

import asyncio
import hashlib
import json

import pytest

from headgate.routing.admission.demand import BudgetWindow
from headgate.routing.http import REQUEST_HEADER, HttpReply
from headgate.routing.outcome import Setback
from headgate.routing.providers.body import asking_for
from headgate.routing.target import Fallbacks, Hedge, Plan, RetryPolicy, Shadow
from headgate.schemas.control import Cancel, control_record
from headgate.schemas.failures import Code, failure
from headgate.schemas.reading import read_request
from headgate.schemas.reply import Status, decode_reply
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane, Tier
from headgate.schemas.usage import Cause, Outcome
from headgate.workers.admission.port import Posting, Spent
from headgate.workers.gateway.runner import fingerprint
from headgate.workers.journal.claims import Begun, Claim, Mine, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import TOPICS, Bench, Provider, answered, chat, config_of, target

#: What is asked in the primary's stead costs three times as much there.
CANDIDATE = Plan((target("c1", upstream_model="candidate"),), RetryPolicy(retries=1))


def broken(status=500):
    return HttpReply(status, {}, json.dumps({"error": {"message": "no"}}).encode())


def shadowed(*steps, candidate=CANDIDATE, **parts):
    models = {"candidate": candidate, **parts.pop("models", {})}
    return Bench(Provider(*steps), shadow=Shadow("candidate"), models=models, **parts)


def copies(bench):
    return bench.bus.on(TOPICS.deferred(Tier.SECONDS_10))


async def recorded(bench, count=1):
    return [decode_reply(record.value) for record in await bench.wait_for(TOPICS.shadows, count)]


def text(reply):
    return json.loads(bytes(reply.response.body))["choices"][0]["message"]["content"]


async def test_a_copy_is_called_after_the_reply_and_its_answer_is_recorded_beside_it():
    async with shadowed(answered("primary"), answered("candidate")) as bench:
        await bench.send(chat(1, lane=Lane.URGENT, deadline=5))
        (reply,) = await bench.replies(1)
        assert len(bench.provider.calls) == 1, "the copy has not been called yet"
        (copy,) = await recorded(bench)
        (record,) = bench.bus.on(TOPICS.shadows)
        first, second = bench.events()
        assert len(await bench.replies(1)) == 1
    assert (text(reply), text(copy)) == ("primary", "candidate")
    assert (reply.headgate.attempts, reply.headgate.cost_nano) == (1, first.cost_nano)
    assert (copy.custom_id, copy.headgate.status, copy.headgate.model) == ("c1", Status.COMPLETED, "candidate")
    assert dict(record.headers)["headgate-shadow-of"] == b"r1"
    assert (record.key, dict(record.headers)["headgate-request-id"]) == (b"k1", b"r1+shadow")
    assert (second.cause, second.outcome, second.deployment) == (Cause.SHADOW, Outcome.SUCCEEDED, "c1")
    assert (second.request_id, second.key, second.lane) == ("r1+shadow", first.key, Lane.BULK)
    assert second.cost_nano > 0


async def test_the_copy_asks_the_candidate_for_the_same():
    async with shadowed() as bench:
        await bench.send(chat(1, metadata={"team": "search"}))
        await recorded(bench)
        asked, copied = [json.loads(call.body) for call in bench.provider.calls]
        event = bench.events()[1]
    assert copied == {**asked, "model": "candidate"}
    assert event.metadata == {"team": "search"}


async def test_a_model_of_the_deployment_s_own_name_is_asked_by_it():
    """Where the names are the same, the body goes out as it came."""
    plan = Plan((target("c1", upstream_model="candidate"),), RetryPolicy())
    async with shadowed(candidate=plan) as bench:
        await bench.send(chat(1))
        await recorded(bench)
    assert [json.loads(call.body)["model"] for call in bench.provider.calls] == ["gpt-4o-mini", "candidate"]


async def test_a_request_without_an_id_is_named_by_its_place_to_its_copy_too():
    async with shadowed() as bench:
        await bench.send(chat(1, id=None))
        (reply,) = await bench.replies(1)
        await recorded(bench)
        (record,) = bench.bus.on(TOPICS.shadows)
    assert dict(record.headers)["headgate-shadow-of"].decode() == reply.headgate.request_id


@pytest.mark.parametrize("failing", [broken(400), Setback(failure(Code.CONNECTION_CUT))])
async def test_what_becomes_of_the_copy_is_recorded_and_nobody_else_s_concern(failing):
    async with shadowed(answered(), failing, failing) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        (copy,) = await recorded(bench)
        await bench.gateway.settled()
        assert len(await bench.replies(1)) == 1
    assert (reply.headgate.status, copy.headgate.status) == (Status.COMPLETED, Status.FAILED)


async def test_a_request_that_failed_is_copied_and_one_that_nobody_was_called_for_is_not():
    async with shadowed(broken(400), policy=RetryPolicy(0)) as bench:
        await bench.send(chat(1), chat(2, max_cost="0.00000001"))
        replies = {reply.custom_id: reply for reply in await bench.replies(2)}
        (copy,) = await recorded(bench)
        assert len(copies(bench)) == 1
    assert replies["c1"].headgate.status is Status.FAILED
    assert replies["c2"].headgate.status is Status.REFUSED
    assert copy.headgate.status is Status.COMPLETED


async def test_a_copy_has_no_copy_no_second_beside_it_and_no_other_model():
    """The candidate's own route names all three."""
    bench = shadowed(models={"other": Plan((target("o1"),), RetryPolicy())})
    candidate = Plan(
        (target("c1"), target("c2")), RetryPolicy(retries=1), Fallbacks(("other",)), Hedge(1.0), Shadow("other")
    )
    bench.models["candidate"] = candidate

    async def slow():
        await bench.time.sleep(5)
        return broken()

    bench.provider.steps = [answered(), slow, broken()]
    async with bench:
        await bench.send(chat(1))
        (copy,) = await recorded(bench)
        await bench.gateway.settled()
        assert len(copies(bench)) == 1
        events = bench.events()
    assert (copy.headgate.status, copy.headgate.attempts) == (Status.FAILED, 2)
    assert [event.cause for event in events] == [Cause.FIRST, Cause.SHADOW, Cause.SHADOW]


async def test_a_copy_is_parked_like_anything_else_and_stays_one():
    refusal = HttpReply(429, {"retry-after": "120"}, b'{"error": {"code": "rate_limit_exceeded", "message": "no"}}')
    async with shadowed(answered(), refusal, answered("late")) as bench:
        await bench.send(chat(1))
        (copy,) = await recorded(bench)
        events = bench.events()
        assert len(await bench.replies(1)) == 1
    assert (text(copy), copy.headgate.attempts) == ("late", 2)
    assert [event.cause for event in events] == [Cause.FIRST, Cause.SHADOW, Cause.SHADOW]


async def test_a_request_that_was_parked_itself_is_copied_once():
    refusal = HttpReply(429, {"retry-after": "120"}, b'{"error": {"code": "rate_limit_exceeded", "message": "no"}}')
    async with shadowed(refusal, answered("primary"), answered("candidate")) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        (copy,) = await recorded(bench)
    assert (text(reply), text(copy)) == ("primary", "candidate")
    assert len(bench.provider.calls) == 3


async def test_a_request_that_is_sent_again_is_not_copied_again():
    async with shadowed() as bench:
        await bench.send(chat(1))
        await recorded(bench)
        await bench.send(chat(1), chat(1))
        await bench.replies(3)
        await bench.gateway.settled()
        assert len(copies(bench)) == 1
        assert len(bench.provider.calls) == 2


async def test_a_request_whose_reply_was_stored_and_lost_is_copied_by_whoever_gives_it():
    """The worker dies between the journal and the commit: the copy goes with the reply, not with the answer."""
    bench = shadowed(answered("primary"), answered("candidate"))
    async with bench:
        complete, lost = bench.bus.complete, []
        bench.bus.complete = lambda delivery, replies, _: lost.append((delivery, replies))
        await bench.send(chat(1))
        while not lost:  # noqa: ASYNC110 - the bus that loses it tells nobody
            await asyncio.sleep(0)
        delivery, records = lost[0]
        assert [record.topic for record in records] == ["headgate.replies.default", TOPICS.deferred(Tier.SECONDS_10)]
        assert bench.bus.published == []
        bench.bus.complete = complete
        await bench.gateway.admit([delivery])
        (reply,) = await bench.replies(1)
        (copy,) = await recorded(bench)
        events = bench.events()
    assert (text(reply), text(copy)) == ("primary", "candidate")
    assert len(bench.provider.calls) == 2
    assert [event.cause for event in events] == [Cause.FIRST, Cause.SHADOW]


async def test_a_copy_that_is_delivered_twice_is_called_once():
    async with shadowed() as bench:
        await bench.send(chat(1))
        await recorded(bench)
        (record,) = copies(bench)
        await bench.send(record)
        await recorded(bench, 2)
        events = bench.events()
    assert len(bench.provider.calls) == 2
    assert len({event.event_id for event in events}) == 2


async def test_an_attempt_at_a_copy_that_a_dead_worker_began_is_booked_as_a_shadow_s():
    async with shadowed() as bench:
        await bench.send(chat(1))
        await bench.replies(1)
        alive = {"dead", "w1"}
        bench.journal_store.lives = alive.__contains__
        colleague = MemoryJournal("dead", bench.journal_store)
        began = round(bench.time.at * 1e6)
        asked = read_request(chat(1), Arrival("x/0", Lane.BULK, 0), Defaults())
        same = asking_for(asked, "candidate")
        claim = Claim("shadow:5:local:r1+shadow", "elsewhere", fingerprint(same), Run("dead-run", began, ()))
        assert await colleague.claim([claim]) == [Mine()]
        bench.journal_store.write(colleague.mark(claim, Run("dead-run", began, (Begun("c1"),))))
        alive.discard("dead")
        (copy,) = await recorded(bench)
        _, interrupted, _ = bench.events()
    assert copy.headgate.status is Status.COMPLETED
    assert (interrupted.cause, interrupted.outcome, interrupted.deployment) == (
        Cause.SHADOW,
        Outcome.UNCERTAIN,
        "c1",
    )


async def test_a_producer_cannot_be_answered_with_the_answer_to_a_copy():
    """Its request may be called as a copy is called."""
    async with shadowed(answered("primary"), answered("candidate"), answered("own")) as bench:
        await bench.send(chat(1))
        await recorded(bench)
        await bench.send(chat(1, id="r1+shadow", custom_id="mine"))
        own = (await bench.replies(2))[1]
    assert (own.custom_id, text(own)) == ("mine", "own")


async def test_who_is_cancelled_while_it_is_called_for_has_no_copy():
    bench = shadowed()

    async def cancelled_meanwhile():
        bench.gateway.heard(control_record(Cancel(at_ms=2**50, batch="b1"), TOPICS))
        return answered()

    bench.provider.steps = [cancelled_meanwhile]
    async with bench:
        await bench.send(chat(1, batch="b1"))
        (reply,) = await bench.replies(1)
        assert copies(bench) == []
    assert reply.headgate.status is Status.COMPLETED


@pytest.mark.parametrize("what", [{"batch": "b1"}, {"request": "r1"}])
async def test_a_copy_that_waits_is_cancelled_with_its_request_and_costs_nothing(what):
    async with shadowed() as bench:
        await bench.send(chat(1, batch="b1"))
        await bench.replies(1)
        bench.gateway.heard(control_record(Cancel(at_ms=int(bench.time.at * 1000) + 1, **what), TOPICS))
        (copy,) = await recorded(bench)
        refusal = bench.events()[1]
    assert copy.headgate.status is Status.CANCELLED
    assert (refusal.outcome, refusal.cause, refusal.cost_nano) == (Outcome.REFUSED, Cause.SHADOW, 0)
    assert len(bench.provider.calls) == 1


async def test_a_copy_carries_no_proof_needs_none_and_is_for_a_model_that_the_key_may_not_name():
    key = {"id": "k", "secret": {"sha256": hashlib.sha256(b"hg-secret").hexdigest()}, "models": ["small"]}
    async with shadowed(config=config_of(keys=[key])) as bench:
        await bench.send(chat(1, key="k", headers=(("authorization", b"Bearer hg-secret"),)))
        (copy,) = await recorded(bench)
        events = bench.events()
        assert b"hg-secret" not in repr([(record.headers, record.value) for record in bench.bus.published]).encode()
    assert copy.headgate.status is Status.COMPLETED
    assert [event.key for event in events] == ["k", "k"]


async def test_what_a_copy_costs_is_held_and_settled_like_the_rest_of_its_key_s():
    config = config_of(keys=[{"id": "k", "budgets": [{"usd": 1, "per": "total"}]}])
    async with shadowed(config=config) as bench:
        await bench.send(chat(1, key="k"))
        await recorded(bench)
        await bench.gateway.settled()
        assert bench.held("key:k:usd/total") == sum(event.cost_nano for event in bench.events()) > 0


async def test_a_copy_that_a_budget_does_not_allow_is_refused_on_the_shadows_topic():
    config = config_of(keys=[{"id": "k", "budgets": [{"requests": 1, "per": "total", "at_limit": "refuse"}]}])
    async with shadowed(config=config) as bench:
        await bench.send(chat(1, key="k"))
        (reply,) = await bench.replies(1)
        spent = Spent(BudgetWindow("key:k:requests/total", 0, None, 1), 1)
        await bench.book.apply("first life", {"u": (None, "1")}, [Posting(bench.events()[0].event_id, (spent,))], {})
        (copy,) = await recorded(bench)
    assert (reply.headgate.status, copy.headgate.status) == (Status.COMPLETED, Status.REFUSED)
    assert len(bench.provider.calls) == 1


async def test_a_model_that_is_in_the_config_no_more_refuses_its_copies_there():
    async with shadowed() as bench:
        await bench.send(chat(1))
        await bench.replies(1)
        del bench.gateway._reception.rules.routes.models["candidate"]
        (copy,) = await recorded(bench)
    assert (copy.headgate.status, copy.error.code) == (Status.FAILED, Code.MODEL_NOT_FOUND)


async def test_nobody_may_be_answered_among_the_shadows():
    async with shadowed() as bench:
        await bench.send(chat(1, reply_to=TOPICS.shadows))
        await bench.wait_for(TOPICS.dead_letters, 1)
        assert bench.provider.calls == []


async def test_on_a_lane_nobody_can_pass_for_a_copy():
    forged = (("headgate-shadow", b"candidate"), ("headgate-place", b"x"), ("headgate-lane", b"bulk"))
    async with Bench(Provider()) as bench:
        await bench.send(chat(1, headers=forged))
        (reply,) = await bench.replies(1)
    assert reply.headgate.model == "small"


async def test_the_provider_sees_the_copy_under_its_own_id():
    async with shadowed() as bench:
        await bench.send(chat(1))
        await recorded(bench)
        names = [dict(call.headers)[REQUEST_HEADER] for call in bench.provider.calls]
    assert names == ["r1", "r1+shadow"]
