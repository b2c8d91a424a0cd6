"""What comes back after a death when nobody wants it any more: what was spent for it is in the ledger all the same."""

import asyncio

import pytest

from headgate.routing.dearest import Dearest
from headgate.routing.target import Plan, RetryPolicy
from headgate.schemas.control import Cancel, control_record
from headgate.schemas.failures import Code
from headgate.schemas.reading import read_request
from headgate.schemas.reply import Status
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane
from headgate.schemas.usage import Outcome, event_id
from headgate.workers.gateway.runner import fingerprint
from headgate.workers.journal.claims import Begun, Claim, Mine, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import TOPICS, Bench, Provider, answered, chat, config_of, target

START = 1_800_000_000.0
ASKED = chat(1, deadline=5, batch="b1")
#: A deployment that the config has lost: 4 nano-dollars a token read, 6 a token written, 100 for each of two calls.
LOST = Begun("lost-a", "anthropic", "claude-lost", 2, Dearest("test 0", 4 * 10**6, 6 * 10**6, 100 * 10**6))


def cancel(bench):
    bench.gateway.heard(control_record(Cancel(at_ms=2**50, batch="b1"), TOPICS))


async def died(bench, *attempts, asked=ASKED):
    """Let a worker claim the request, begin attempts, and die."""
    alive = {"dead", "w1"}
    bench.journal_store.lives = alive.__contains__
    journal = MemoryJournal("dead", bench.journal_store)
    request = read_request(asked, Arrival("x/0", Lane.STANDARD, int(START * 1000)), Defaults())
    claim = Claim("5:local:r1", "elsewhere", fingerprint(request), Run("dead-run", int(START * 1e6), ()))
    assert await journal.claim([claim]) == [Mine()]
    bench.journal_store.write(journal.mark(claim, Run("dead-run", int(START * 1e6), attempts)))
    alive.discard("dead")


@pytest.mark.parametrize("why", ["late", "cancelled"])
async def test_an_attempt_that_a_death_left_in_doubt_is_booked_though_the_request_is_refused(why):
    async with Bench(Provider()) as bench:
        await died(bench, Begun("d1"))
        at_ms = int(START * 1000)
        if why == "late":
            bench.time.at += 60
        else:
            cancel(bench)
        await bench.bus.send([ASKED], at_ms=at_ms)
        (reply,) = await bench.replies(1)
        await bench.gateway.settled()
        first, last = bench.events()
    assert bench.provider.calls == []
    assert reply.headgate.status is {"late": Status.EXPIRED, "cancelled": Status.CANCELLED}[why]
    assert (first.outcome, first.deployment, first.code) == (Outcome.UNCERTAIN, "d1", Code.INTERRUPTED)
    assert first.cost_nano > 0
    assert last.outcome is Outcome.REFUSED


def lost_model(**body):
    fields = {"model": "lost", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 7, **body}
    return chat(1, body=fields)


async def test_an_attempt_at_a_model_that_the_config_has_lost_is_booked_by_what_the_journal_has_kept():
    config = config_of(keys=[{"id": "local", "budgets": [{"usd": 1, "per": "total"}]}])
    asked = lost_model(n=2)
    async with Bench(Provider(), config=config) as bench:
        await died(bench, LOST, asked=asked)
        await bench.send(asked)
        (reply,) = await bench.replies(1)
        await bench.gateway.settled()
        first, last = bench.events()
        assert bench.journal.runs == {}
    assert bench.provider.calls == []
    assert (reply.headgate.status, reply.error.code) == (Status.FAILED, Code.MODEL_NOT_FOUND)
    assert (first.event_id, first.ts) == (event_id("dead-run", 1), int(START * 1e6))
    assert (first.outcome, first.code, first.model) == (Outcome.UNCERTAIN, Code.INTERRUPTED, "lost")
    assert (first.deployment, first.provider, first.upstream_model) == ("lost-a", "anthropic", "claude-lost")
    assert (first.output_tokens, first.calls, first.price_version) == (14, 2, "test 0")
    assert first.cost_nano == first.input_tokens * 4 + 14 * 6 + 2 * 100
    assert (last.outcome, last.code, last.cost_nano) == (Outcome.REFUSED, Code.MODEL_NOT_FOUND, 0)


async def test_an_attempt_at_a_deployment_that_the_config_has_lost_is_not_booked_as_anothers():
    asked = chat(1)
    async with Bench(Provider()) as bench:
        await died(bench, Begun("d1"), LOST, asked=asked)
        await bench.send(asked)
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert [event.deployment for event in events] == ["d1", "lost-a", "d1"]
    assert (events[1].provider, events[1].price_version) == ("anthropic", "test 0")
    assert reply.headgate.cost_nano == sum(event.cost_nano for event in events)


async def test_what_is_written_down_of_an_attempt_is_enough_to_book_it():
    """Of a request that takes nothing of anybody, with its claim; of another one, when it is let in."""
    limited = {"keys": [{"id": "local", "limits": {"parallel": 9}}]}
    for config in ({}, limited):
        bench, kept = Bench(Provider(), config=config_of(**config)), []

        async def look(bench=bench, kept=kept):
            (runs,) = bench.journal.runs.values()
            kept.extend(runs[-1].attempts)
            return answered()

        bench.provider.steps = [look]
        async with bench:
            await bench.send(chat(1))
            await bench.replies(1)
        price = Dearest("test 1", 2 * 10**6, 3 * 10**6)
        assert kept == [Begun("d1", "openai", "gpt-4o-mini", 1, price)]


async def test_an_answer_to_a_model_that_the_config_has_lost_is_given_if_it_was_stored():
    bench = Bench(Provider(answered("paid for")), models={"lost": Plan((target(),), RetryPolicy())})
    async with bench:
        complete, lost = bench.bus.complete, []
        bench.bus.complete = lambda delivery, *_: lost.append(delivery)
        await bench.send(lost_model())
        while not lost:  # noqa: ASYNC110 - the bus that loses it tells nobody
            await asyncio.sleep(0)
        bench.bus.complete = complete
        bench.gateway._reception.rules.routes.models.pop("lost")
        await bench.gateway.admit(lost)
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert (event.outcome, len(bench.provider.calls)) == (Outcome.SUCCEEDED, 1)


async def test_an_answer_that_was_stored_and_not_published_is_given_though_the_deadline_has_passed():
    bench = Bench(Provider(answered("paid for")))
    async with bench:
        complete, lost = bench.bus.complete, []
        bench.bus.complete = lambda delivery, *_: lost.append(delivery)
        await bench.send(ASKED)
        while not lost:  # noqa: ASYNC110 - the bus that loses it tells nobody
            await asyncio.sleep(0)
        bench.bus.complete = complete
        bench.time.at += 60
        await bench.gateway.admit(lost)
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert (event.outcome, len(bench.provider.calls)) == (Outcome.SUCCEEDED, 1)


async def test_a_request_that_nobody_began_and_that_is_late_leaves_nothing_in_the_journal():
    async with Bench(Provider()) as bench:
        await bench.bus.send([ASKED], at_ms=int((START - 60) * 1000))
        (reply,) = await bench.replies(1)
        await bench.gateway.settled()
        (event,) = bench.events()
        bench.journal_store.lives = {"another", "w1"}.__contains__
        journal = MemoryJournal("another", bench.journal_store)
        request = read_request(ASKED, Arrival("x/0", Lane.STANDARD, 0), Defaults())
        again = await journal.claim([Claim("5:local:r1", "elsewhere", fingerprint(request), Run("run", 0, ()))])
    assert (reply.headgate.status, event.outcome) == (Status.EXPIRED, Outcome.REFUSED)
    assert "a deadline after 2027-" in reply.error.expected
    assert again == [Mine()]
