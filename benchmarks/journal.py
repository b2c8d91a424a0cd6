"""What the journal costs: `python -m benchmarks.journal`. CPU of worker and server, and memory per answer."""

import argparse
import json
import os
import random
import resource
import tempfile
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from headgate.producers.redis_link import Address, RedisLink
from headgate.schemas.streams import tag
from headgate.workers.embedded.server import EmbeddedServer
from headgate.workers.journal.claims import Answer, Claim, Keeping, Run
from headgate.workers.journal.on_redis import RedisJournal

PREFIX = "bench."
#: Calls of one kind between two looks at the clocks.
_ROUND = 20
STEPS = ("claim", "answer", "committed")


def words(size: int) -> bytes:
    """Make a reply of about this size that compresses as prose in JSON does."""
    chance = random.Random(size)
    known = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(400)]
    content = " ".join(chance.choices(known, k=size // 7))
    return json.dumps({"id": f"reply-{size}", "content": content[: max(0, size - 40)]}).encode()


def handful(start: int, count: int) -> list[Claim]:
    """Make claims such as the gateway makes."""
    return [
        Claim(f"{n:032x}", f"bench.requests.bulk/3/{n}", os.urandom(16), Run(f"{n:032x}", 1_700_000_000_000_000, ()))
        for n in range(start, start + count)
    ]


class Meter:
    """Adds up what each step takes of this process and of the server, in microseconds."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self.worker: dict[str, list[float]] = {step: [] for step in STEPS}
        self.server: dict[str, list[float]] = {step: [] for step in STEPS}

    async def measure(self, step: str, calls: Iterable[Awaitable[object]]) -> None:
        """Carry calls out, one after the other."""
        before, cpu = await self._server(), _cpu()
        for call in calls:
            await call
        self.worker[step].append((_cpu() - cpu) * 1e6)
        self.server[step].append(await self._server() - before)

    async def _server(self) -> float:
        stats = (await self._link.call("INFO", "commandstats")).decode()
        lines = [line for line in stats.splitlines() if line.startswith("cmdstat_evalsha:")]
        return float(lines[0].partition("usec=")[2].partition(",")[0]) if lines else 0.0


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def steps(journal: RedisJournal, link: RedisLink, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the three steps, a handful at a time."""
    reply, usage = words(options.reply), (b"u" * 600,)
    claims = handful(0, options.requests)
    handfuls = [claims[at : at + options.handful] for at in range(0, len(claims), options.handful)]
    await through(journal, handful(10**9, options.handful), reply, usage)  # the scripts are known from here on
    meter = Meter(link)
    for at in range(0, len(handfuls) - _ROUND + 1, _ROUND):
        some = handfuls[at : at + _ROUND]
        answers = [[(claim, Answer(reply, usage, claim.place)) for claim in claims] for claims in some]
        await meter.measure("claim", (journal.claim(claims) for claims in some))
        await meter.measure("answer", (journal.answer(pairs) for pairs in answers))
        await meter.measure("committed", (journal.committed(claims) for claims in some))
    count = options.handful * _ROUND
    return {
        "reply_bytes": len(reply),
        "handful": options.handful,
        **{
            f"{whose}_us": {step: round(quantile(rounds[step]) / count, 2) for step in STEPS}
            for whose, rounds in (("worker", meter.worker), ("server", meter.server))
        },
    }


def quantile(rounds: list[float]) -> float:
    """Return what a fifth of the rounds took at most: on a machine with other guests, the rest tells about those."""
    return sorted(rounds)[len(rounds) // 5]


async def through(journal: RedisJournal, claims: Sequence[Claim], reply: bytes, usage: tuple[bytes, ...]) -> None:
    """Take a handful all the way."""
    await journal.claim(claims)
    await journal.answer([(claim, Answer(reply, usage, claim.place)) for claim in claims])
    await journal.committed(claims)


async def memory(journal: RedisJournal, link: RedisLink, count: int, size: int) -> dict[str, float]:
    """Hold what the journal accounts for against what the server takes."""
    await link.call("FLUSHALL", "SYNC")
    await _beat(link)
    before = await _used(link)
    for start in range(0, count, 256):
        await through(journal, handful(start, min(256, count - start)), os.urandom(size), ())
    taken = await _used(link) - before
    accounted = int(await link.call("HGET", f"{tag(PREFIX)}:answers:sums", "bytes"))
    return {"reply_bytes": size, "taken": round(taken / count, 1), "accounted": round(accounted / count, 1)}


async def _beat(link: RedisLink) -> None:
    await link.call("ZADD", f"{tag(PREFIX)}:workers", 2**45, "me")


async def _used(link: RedisLink) -> int:
    facts = (await link.call("INFO", "memory")).decode()
    return int(facts.partition("used_memory:")[2].split()[0])


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure on an embedded server, or on the one that is named."""
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as directory:
        async with EmbeddedServer(directory, max_memory=2 * 1024**3) as server:
            link = RedisLink(Address(options.url or server.ensure))
            await link.call("FLUSHALL", "SYNC")
            await _beat(link)
            journal = RedisJournal(link, PREFIX, "me", Keeping(keep_answers_bytes=options.keep))
            rows = [await steps(journal, link, options)]
            roomy = RedisJournal(link, PREFIX, "me", Keeping(keep_answers_bytes=2**40))
            sizes = (100, 500, 2000, 5000) if options.memory else ()
            facts = [await memory(roomy, link, options.memory, size) for size in sizes]
            await link.close()
    return {"steps": rows, "memory": facts}


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal", description=__doc__)
    parser.add_argument("--requests", type=int, default=25_600)
    parser.add_argument("--handful", type=int, default=64)
    parser.add_argument("--reply", type=int, default=2048, help="bytes")
    parser.add_argument("--keep", type=int, default=8 * 1024 * 1024, help="bytes; less than all, so that it is full")
    parser.add_argument("--memory", type=int, default=20_000, help="answers to fill the store with; 0: do not")
    parser.add_argument("--url", help="a server that may be EMPTIED; default: the embedded one")
    import uvloop  # noqa: PLC0415 - the same event loop as the gateway's

    print(json.dumps(uvloop.run(run(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
