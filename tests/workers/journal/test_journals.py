"""The journal port: one suite over its peers, in memory and on a Valkey server."""

import asyncio
import os
import signal

import pytest

from headgate.producers.redis_link import Address, RedisLink
from headgate.workers.embedded.server import EmbeddedServer
from headgate.workers.journal.memory import MemoryJournal
from headgate.workers.journal.port import Claim, Run
from headgate.workers.journal.redis import RedisJournal


@pytest.fixture(params=["memory", "valkey"])
async def journal(request, tmp_path):
    if request.param == "memory":
        yield MemoryJournal()
        return
    async with EmbeddedServer(tmp_path) as server:
        link = RedisLink(Address(server.ensure))
        yield RedisJournal(link, "headgate.")
        await link.close()


def run(name, *attempts):
    return Run(name, 1_000, attempts or ("d1",))


async def claim(journal, request_id, a_run):
    (claimed,) = await journal.claim([Claim(request_id, a_run)])
    return claimed


async def test_a_first_claim_finds_nothing(journal):
    assert (await claim(journal, "r", run("a"))).interrupted == ()


async def test_a_claim_finds_every_run_that_is_not_known_to_have_ended(journal):
    await claim(journal, "r", run("a"))
    await claim(journal, "r", run("b"))
    assert (await claim(journal, "r", run("c"))).interrupted == (run("a"), run("b"))


async def test_a_handful_is_claimed_in_order(journal):
    await claim(journal, "r1", run("a"))
    claims = await journal.claim([Claim(f"r{n}", run(f"b{n}")) for n in range(3)])
    assert [(c.request_id, c.run.id, c.interrupted) for c in claims] == [
        ("r0", "b0", ()),
        ("r1", "b1", (run("a"),)),
        ("r2", "b2", ()),
    ]


async def test_further_attempts_are_found(journal):
    await claim(journal, "r", run("a", "d1"))
    await journal.attempt("r", run("a", "d1", "d2"))
    assert (await claim(journal, "r", run("b"))).interrupted == (run("a", "d1", "d2"),)


async def test_an_attempt_of_a_run_that_was_taken_over_changes_nothing(journal):
    await claim(journal, "r", run("a", "d1"))
    await claim(journal, "r", run("b", "d1"))
    await journal.attempt("r", run("a", "d1", "d2"))
    assert (await claim(journal, "r", run("c"))).interrupted == (run("a", "d1"), run("b", "d1"))


async def test_an_attempt_is_written_down_even_if_the_journal_lost_its_memory(journal):
    await journal.attempt("r", run("a", "d1", "d2"))
    assert (await claim(journal, "r", run("b"))).interrupted == (run("a", "d1", "d2"),)


async def test_what_is_forgotten_is_not_found(journal):
    claimed = await claim(journal, "r", run("a"))
    await journal.forget([claimed])
    assert (await claim(journal, "r", run("b"))).interrupted == ()


async def test_a_run_that_was_taken_over_cannot_forget_its_successor(journal):
    first = await claim(journal, "r", run("a"))
    await claim(journal, "r", run("b"))
    await journal.forget([first])
    assert (await claim(journal, "r", run("c"))).interrupted == (run("a"), run("b"))


async def test_a_prefix_of_an_id_is_not_the_id(journal):
    first = await claim(journal, "r", run("a"))
    await claim(journal, "r", run("ab"))
    await journal.forget([first])
    assert len((await claim(journal, "r", run("c"))).interrupted) == 2


async def test_a_claim_that_is_sent_again_does_not_find_itself(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        link = RedisLink(Address(server.ensure))
        journal = RedisJournal(link, "headgate.")
        await claim(journal, "r", run("dead"))
        for _ in range(2):  # as after an answer that got lost
            assert (await claim(journal, "r", run("a"))).interrupted == (run("dead"),)
        await link.close()


async def test_a_claim_waits_while_the_server_is_away_and_is_made_once_it_is_back(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        link = RedisLink(Address(server.ensure))
        journal = RedisJournal(link, "headgate.")
        await claim(journal, "r", run("a"))
        os.kill(server.child_pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            assert (await claim(journal, "r", run("b"))).interrupted == (run("a"),)
        await link.close()
