"""What the journal does on a server, past the port: its keys, its sums, its calls, and lost answers."""

import asyncio
import json
import logging

import pytest
from conformance.journal_harness import (
    RedisHarness,
    answer_one,
    answer_to,
    answered_and_committed,
    begun,
    claim_one,
    new_claim,
)

from headgate.producers.redis_link import LinkDown, LinkFull
from headgate.workers.journal.claims import Answered, Keeping, Mine, Taken
from headgate.workers.journal.on_redis import RedisJournal


@pytest.fixture
async def server(valkey):
    """A store where worker `a` lives."""
    harness = RedisHarness(valkey.address, valkey.prefix)
    await harness.beat("a")
    yield harness
    await harness.close()


async def test_all_keys_share_a_slot_and_disappear_by_age(server):
    journal = server.journal("a")
    await answered_and_committed(journal, "r")
    await answered_and_committed(journal, "s", commit=False)
    await claim_one(journal, new_claim("t"))
    keys = set(await server.keys())
    names = {key.decode() for key in keys} - {server.key("workers")}
    expected = {"answers", "answers:open", "answers:kept", "answers:sums", "run:s", "run:t"}
    assert names == {server.key(name) for name in expected}
    for name in names:
        assert 6 * 86400 < await server.link.call("TTL", name) < 9 * 86400, name


async def test_the_sums_are_exact(server):
    journal = server.journal("a")
    claims = [await answered_and_committed(journal, f"r{n}", size=n * 100, commit=False) for n in range(50)]
    twice = new_claim("twice")
    await claim_one(journal, twice)
    assert await journal.answer([(twice, answer_to(twice)), (twice, answer_to(twice))]) == [True, True]
    await journal.committed(claims[::2])
    await journal.committed(claims)
    await journal.committed([*claims[5:10], twice, twice])
    kept = await server.link.call("LRANGE", server.key("answers:kept"), 0, -1)
    sizes = sum(int(entry[13:23]) for entry in kept)
    assert len(kept) == 51
    assert int(await server.link.call("HGET", server.key("answers:sums"), "bytes")) == sizes
    await server.journal("a", Keeping(keep_answers_bytes=0)).committed(claims[:1])
    assert await server.link.call("HGET", server.key("answers:sums"), "bytes") == b"0"
    assert await server.link.call("HLEN", server.key("answers")) == 0


async def test_answers_are_kept_compressed(server):
    reply = json.dumps({"content": "why the sky is blue, as everybody knows, " * 1000}).encode()
    claim = new_claim()
    await claim_one(server.journal("a"), claim)
    await answer_one(server.journal("a"), claim, reply=reply)
    assert await server.link.call("HSTRLEN", server.key("answers"), "r") < len(reply) / 20
    assert await claim_one(server.journal("a"), claim) == Answered(answer_to(claim, reply), same_place=True)


async def test_an_answer_whose_commit_nobody_told_of_goes_by_age(server):
    journal = server.journal("a")
    await answered_and_committed(journal, "r", commit=False)
    entry = await server.link.call("HGET", server.key("answers:open"), "r")
    old = entry[:1] + b"%013d" % (int(entry[1:14]) - 8 * 86_400_000) + entry[14:]
    await server.link.call("HSET", server.key("answers:open"), "r", old)
    await answered_and_committed(journal, "s")
    assert isinstance(await claim_one(journal, new_claim("s")), Answered)
    assert await server.link.call("HKEYS", server.key("answers")) == [b"s"]
    (kept,) = await server.link.call("LRANGE", server.key("answers:kept"), 0, -1)
    assert int(await server.link.call("HGET", server.key("answers:sums"), "bytes")) == int(kept[13:23])


async def test_each_of_the_three_steps_is_one_call(server):
    asked = []

    class Counting:
        async def run(self, script, keys, args):
            asked.append(len(keys))
            return await server.link.run(script, keys, args)

    journal = RedisJournal(Counting(), server.prefix, "a")
    claims = [new_claim(f"r{n}") for n in range(64)]
    await journal.claim(claims)
    await journal.answer([(claim, answer_to(claim)) for claim in claims])
    await journal.committed(claims)
    assert len(asked) == 3


class Unreliable:
    """Does what it is asked, and loses every second answer."""

    def __init__(self, link, error):
        self._link, self._error, self.calls = link, error, 0

    async def run(self, script, keys, args):
        self.calls += 1
        if self._error is not LinkDown and self.calls % 2:
            raise self._error("no room")
        said = await self._link.run(script, keys, args)
        if self.calls % 2:
            raise self._error("the answer got lost")
        return said


@pytest.mark.parametrize("error", [LinkDown, LinkFull])
async def test_a_call_whose_answer_got_lost_is_made_again_to_the_same_effect(server, error, caplog):
    caplog.set_level(logging.WARNING)
    await server.beat("dead")
    dead = server.journal("dead")
    old, new = new_claim(), new_claim()
    await claim_one(dead, old)
    await server.write(dead.mark(old, begun(old, "d1")))
    await server.die("dead")
    link = Unreliable(server.link, error)
    journal = RedisJournal(link, server.prefix, "a")
    assert await journal.claim([new, new_claim(place="q")]) == [Mine((begun(old, "d1"),)), Taken(by_us=True)]
    assert await answer_one(journal, new)
    await journal.committed([new])
    other = new_claim("other")
    await claim_one(journal, other)
    await journal.release([other])
    assert await claim_one(journal, new_claim()) == Answered(answer_to(new, usage=()), same_place=True)
    assert await claim_one(journal, new_claim("other")) == Mine()
    assert link.calls == 14
    assert "waiting for the store" in caplog.text


async def test_the_end_of_requests_is_not_insisted_on_for_ever(monkeypatch, caplog):
    monkeypatch.setattr("headgate.workers.journal.on_redis._PATIENCE", 0.01)

    class Gone:
        async def run(self, *_):
            raise LinkDown("gone")

    journal = RedisJournal(Gone(), "headgate.", "a")
    await journal.release([new_claim()])
    await journal.committed([new_claim()])
    assert caplog.text.count("stays unknown") == 2


async def test_a_journal_waits_while_its_server_is_away_and_goes_on_when_it_is_back(own_valkey):
    store = RedisHarness(own_valkey.address, own_valkey.prefix)
    await store.beat("a")
    first = new_claim()
    await claim_one(store.journal("a"), first)
    own_valkey.kill()
    async with asyncio.timeout(30):
        assert await answer_one(store.journal("a"), first)
        assert isinstance(await claim_one(store.journal("a"), new_claim()), Answered)
    await store.close()
