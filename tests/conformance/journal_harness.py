"""What the conformance suite does to a journal, past the port: hearts, marks and losses."""

import itertools
import time
from typing import Protocol

import pytest
from msgspec.structs import replace

from headgate.producers.redis_link import Address, RedisLink, Script
from headgate.routing.admission.demand import Mark
from headgate.schemas.streams import tag
from headgate.workers.journal.claims import Answer, Begun, Claim, Journal, Keeping, Run
from headgate.workers.journal.in_memory import MemoryJournal, MemoryStore
from headgate.workers.journal.on_redis import RedisJournal
from support.valkey import fresh_prefix

#: Farther in the future than any test lasts: whoever's heart beats then lives.
_LATER_MS = 2**45

#: As admission writes a mark: onto the request's last run, unless that is another worker's by now.
_WRITE = Script.of("""
local last = redis.call('LINDEX', KEYS[1], -1)
if not last then
  redis.call('RPUSH', KEYS[1], ARGV[1])
elseif string.sub(last, 1, #ARGV[2]) == ARGV[2] then
  redis.call('LSET', KEYS[1], -1, ARGV[1])
else
  return 0
end
return 1
""")

#: The peers, and servers, that the suite runs over.
STORES = ("memory", "valkey", "redis")


class JournalHarness(Protocol):
    """A store of one test's own."""

    def journal(self, owner: str, keeping: Keeping | None = None) -> Journal:
        """Make one worker's hands on it."""
        ...

    async def beat(self, owner: str, seconds_ago: float | None = None) -> None:
        """Let a worker's heart have beaten; without a time, it never stops."""
        ...

    async def die(self, owner: str) -> None:
        """Let a worker be heard of no more."""
        ...

    async def write(self, mark: Mark) -> bool:
        """Begin an attempt as admission does; False: fenced."""
        ...

    async def lose(self) -> None:
        """Make the store forget everything but who lives."""
        ...

    async def close(self) -> None:
        """Leave nothing open."""
        ...


class MemoryHarness:
    """The peer in a process."""

    def __init__(self) -> None:
        self.hearts: dict[str, float] = {}
        self.store = MemoryStore(lambda owner: owner in self.hearts and time.time() - self.hearts[owner] <= 10)

    def journal(self, owner: str, keeping: Keeping | None = None) -> Journal:
        return MemoryJournal(owner, self.store, keeping)

    async def beat(self, owner: str, seconds_ago: float | None = None) -> None:
        self.hearts[owner] = _LATER_MS if seconds_ago is None else time.time() - seconds_ago

    async def die(self, owner: str) -> None:
        self.hearts.pop(owner, None)

    async def write(self, mark: Mark) -> bool:
        return self.store.write(mark)

    async def lose(self) -> None:
        self.store.lose()

    async def close(self) -> None: ...


class RedisHarness:
    """The peer on a server, under a prefix of its own."""

    def __init__(self, address: Address, prefix: str) -> None:
        self.link = RedisLink(address)
        self.prefix = prefix

    def key(self, name: str) -> str:
        return f"{tag(self.prefix)}:{name}"

    def journal(self, owner: str, keeping: Keeping | None = None) -> Journal:
        return RedisJournal(self.link, self.prefix, owner, keeping)

    async def beat(self, owner: str, seconds_ago: float | None = None) -> None:
        at = _LATER_MS if seconds_ago is None else int((time.time() - seconds_ago) * 1000)
        await self.link.call("ZADD", self.key("workers"), at, owner)

    async def die(self, owner: str) -> None:
        await self.link.call("ZREM", self.key("workers"), owner)

    async def write(self, mark: Mark) -> bool:
        said: int = await self.link.run(_WRITE, [mark.key], [mark.value, mark.beginning])
        return said == 1

    async def lose(self) -> None:
        keys = [key for key in await self.keys() if key != self.key("workers").encode()]
        if keys:
            await self.link.call("DEL", *keys)

    async def keys(self) -> list[bytes]:
        """All keys there are."""
        found: list[bytes] = await self.link.call("KEYS", f"{tag(self.prefix)}*")
        return found

    async def close(self) -> None:
        await self.link.close()


_numbers = itertools.count()


def new_claim(request_id="r", place="p", fingerprint=b"\x00\xff"):
    return Claim(request_id, place, fingerprint, Run(f"run{next(_numbers)}", 1_700_000_000_000_000, ()))


def begun(claim, *deployments):
    return replace(claim.run, attempts=tuple(map(Begun, deployments)))


def answer_to(claim, reply=b'{"fine":true}', usage=(b"event",)):
    return Answer(reply, usage, claim.place)


async def claim_one(journal, claim):
    (said,) = await journal.claim([claim])
    return said


async def answer_one(journal, claim, **parts):
    (stored,) = await journal.answer([(claim, answer_to(claim, **parts))])
    return stored


async def answered_and_committed(journal, request_id, size=1000, *, commit=True):
    first = new_claim(request_id)
    await claim_one(journal, first)
    await answer_one(journal, first, reply=b"x" * size)
    if commit:
        await journal.committed([first])
    return first


def a_store(request: pytest.FixtureRequest, name: str) -> MemoryHarness | RedisHarness:
    """Make an empty store."""
    if name == "memory":
        return MemoryHarness()
    url = request.getfixturevalue("valkey_url" if name == "valkey" else "redis_url")
    return RedisHarness(Address(url), fresh_prefix())
