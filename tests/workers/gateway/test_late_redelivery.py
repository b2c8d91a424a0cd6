"""What comes back after a death when nobody wants it any more: what was spent for it is in the ledger all the same."""

import asyncio

import pytest

from headgate.schemas.control import Cancel, control_record
from headgate.schemas.failures import Code
from headgate.schemas.reading import read_request
from headgate.schemas.reply import Status
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane
from headgate.schemas.usage import Outcome
from headgate.workers.gateway.runner import fingerprint
from headgate.workers.journal.claims import Claim, Mine, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import TOPICS, Bench, Provider, answered, chat

START = 1_800_000_000.0
ASKED = chat(1, deadline=5, batch="b1")


def cancel(bench):
    bench.gateway.heard(control_record(Cancel(at_ms=2**50, batch="b1"), TOPICS))


async def died(bench, *attempts):
    """Let a worker claim the request, begin attempts, and die."""
    alive = {"dead", "w1"}
    bench.journal_store.lives = alive.__contains__
    journal = MemoryJournal("dead", bench.journal_store)
    request = read_request(ASKED, Arrival("x/0", Lane.STANDARD, int(START * 1000)), Defaults())
    claim = Claim("5:local:r1", "elsewhere", fingerprint(request), Run("dead-run", int(START * 1e6), ()))
    assert await journal.claim([claim]) == [Mine()]
    bench.journal_store.write(journal.mark(claim, Run("dead-run", int(START * 1e6), attempts)))
    alive.discard("dead")


@pytest.mark.parametrize("why", ["late", "cancelled"])
async def test_an_attempt_that_a_death_left_in_doubt_is_booked_though_the_request_is_refused(why):
    async with Bench(Provider()) as bench:
        await died(bench, "d1")
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
