"""What a link makes of the trouble that a server can be in."""

import asyncio

import pytest
from redis.asyncio import Redis

from headgate.producers.redis_link import (
    Address,
    GroupGone,
    LinkDown,
    LinkFull,
    LinkRefused,
    RedisLink,
    Script,
    insist,
)
from support.valkey import own_valkey, redis, valkey, valkey_url

__all__ = ["own_valkey", "redis", "valkey", "valkey_url"]


@pytest.fixture
async def link(valkey):
    link = RedisLink(valkey.address)
    yield link
    await link.close()


def says(error):
    return Script.of(f"return redis.error_reply('{error}')")


async def test_answers_are_bytes_and_numbers(link, valkey):
    assert await link.call("SET", valkey.prefix, b"\xff") == b"OK"
    assert await link.call("GET", valkey.prefix) == b"\xff"
    assert await link.call("DEL", valkey.prefix) == 1
    assert await link.call("GET", valkey.prefix) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", LinkDown),
        ("LOADING Redis is loading the dataset in memory", LinkDown),
        ("READONLY You can't write against a read only replica.".replace("'", ""), LinkDown),
        ("BUSY a script is running", LinkDown),
        ("CLUSTERDOWN The cluster is down", LinkDown),
        ("ASK 3999 127.0.0.1:6381", LinkDown),
        ("TRYAGAIN Multiple keys request during rehashing of slot", LinkDown),
        ("MASTERDOWN Link with MASTER is down", LinkDown),
        ("NOREPLICAS Not enough good replicas to write.", LinkDown),
        ("ERR max number of clients reached", LinkDown),
        ("OOM command not allowed when used memory > maxmemory.", LinkFull),
        ("NOGROUP No such key or consumer group", GroupGone),
        ("UNBLOCKED the stream key no longer exists", GroupGone),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", LinkRefused),
        ("NOPERM this user has no permissions", LinkRefused),
        ("NOAUTH Authentication required.", LinkRefused),
        ("ERR unknown command", LinkRefused),
        ("FENCED somebody else has the name", LinkRefused),
    ],
)
async def test_each_trouble_has_its_kind(link, error, kind):
    with pytest.raises(kind) as caught:
        await link.run(says(error), (), ())
    assert type(caught.value) is kind
    assert await link.call("PING") == b"PONG", "the next call gets its own answer"


async def test_a_script_that_the_server_does_not_know_is_sent_to_it(link, redis):
    script = Script.of("return {KEYS[1], ARGV[1], ARGV[2]}")
    assert await link.run(script, ("k",), (1, b"\xff")) == [b"k", b"1", b"\xff"]
    await redis.script_flush()
    assert await link.run(script, ("k",), (1, b"\xff")) == [b"k", b"1", b"\xff"]
    assert await redis.script_exists(script.digest) == [True]


async def test_an_answer_that_does_not_come_in_time_is_trouble_that_passes(valkey):
    link = RedisLink(valkey.address, timeout_seconds=0.1)
    with pytest.raises(LinkDown, match="got none"):
        await link.call("BLPOP", f"{valkey.prefix}nothing", 5)
    assert await link.call("PING") == b"PONG"
    await link.close()


async def test_a_command_that_waits_has_the_time_it_asked_for(valkey):
    link = RedisLink(valkey.address, timeout_seconds=0.2)
    assert await link.call("BLPOP", f"{valkey.prefix}nothing", "0.4", blocking_seconds=0.4) is None
    await link.close()


async def test_a_cancelled_call_leaves_no_answer_behind_for_the_next_one(link, valkey):
    waiting = asyncio.create_task(link.call("BLPOP", f"{valkey.prefix}nothing", 1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await link.call("ECHO", "mine") == b"mine"


async def test_giving_up_ones_turn_does_not_disturb_the_one_who_has_it(link, redis, valkey):
    first = asyncio.create_task(link.call("BLPOP", f"{valkey.prefix}list", 5))
    second = asyncio.create_task(link.call("PING"))
    await asyncio.sleep(0.05)
    second.cancel()
    await asyncio.wait([second])
    await redis.rpush(f"{valkey.prefix}list", "x")
    assert (await first)[1] == b"x"
    assert link.connections == 1


async def test_callers_take_turns(link):
    answers = await asyncio.gather(*(link.call("ECHO", str(n)) for n in range(50)))
    assert answers == [b"%d" % n for n in range(50)]
    assert link.connections == 1


async def test_a_connection_that_breaks_is_trouble_once_and_never_silent(link, redis):
    assert await link.call("PING") == b"PONG"
    await redis.client_kill_filter(skipme=True)
    with pytest.raises(LinkDown):
        await link.call("PING")
    assert await link.call("PING") == b"PONG"
    assert link.connections == 2


@pytest.mark.parametrize("url", ["unix:///nowhere/socket", "redis://127.0.0.1:1/0"])
async def test_a_server_that_is_not_there_is_trouble_that_passes(url):
    link = RedisLink(Address(url))
    with pytest.raises(LinkDown):
        await link.call("PING")
    await link.close()


async def test_who_is_asked_for_the_address_may_be_in_trouble_too():
    async def ask():
        raise FileNotFoundError("no binary")

    link = RedisLink(Address(ask))
    with pytest.raises(LinkDown, match="no binary"):
        await link.call("PING")


async def test_a_wrong_password_is_no_trouble_that_passes(own_valkey):
    async with Redis.from_url(own_valkey.url) as client:
        await client.config_set("requirepass", "secret")
        for password in ("wrong", None):
            link = RedisLink(Address(own_valkey.url, password=password))
            with pytest.raises(LinkRefused, match="password"):
                await link.call("PING")
            await link.close()
        await client.execute_command("CONFIG", "SET", "requirepass", "")


def test_a_password_is_not_shown():
    assert "secret" not in repr(Address("redis://h", password="secret"))


async def test_who_insists_hears_of_each_trouble_and_waits_longer_and_longer():
    heard, pauses, left = [], [], [LinkDown("1"), LinkDown("2"), *[LinkDown("more")] * 6]

    async def attempt():
        if left:
            raise left.pop(0)
        return "done"

    async def sleep(seconds):
        pauses.append(seconds)

    assert await insist(attempt, on_trouble=heard.append, sleep=sleep) == "done"
    assert [str(error) for error in heard[:2]] == ["1", "2"]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.02
    assert max(pauses) == 0.5


async def test_nobody_insists_on_what_will_not_heal():
    async def attempt():
        raise LinkRefused("no")

    with pytest.raises(LinkRefused):
        await insist(attempt)
