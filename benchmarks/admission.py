"""`python -m benchmarks.admission`: what admission costs a request, beside the `limits` library in the same run.

A request asks for 6 rate limits and 3 budgets, is called, corrects its token limits, is settled, and its event is
applied to the book. The yardstick checks the same 6 limits and 3 sums one by one, and can neither wait, correct nor
settle. It is installed into a throwaway environment with `uv`, and left out, loudly, where that is impossible.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from benchmarks.processes import GATEWAY_CORE, OTHER_CORE, pin
from headgate.producers.redis_link import Address, RedisLink
from headgate.routing.admission.demand import BudgetWindow, Charge, Correction, Demand, Hold, Mark, RateLimit
from headgate.routing.admission.verdict import Go, Wait
from headgate.workers.admission.port import Posting, Spent
from headgate.workers.admission.redis import RedisAdmission
from headgate.workers.admission.redis_book import RedisBook
from headgate.workers.embedded.server import EmbeddedServer

MINUTE = 60_000_000
MANY = 10**12
LIMITS = tuple(
    RateLimit(f"{whose}:{unit}/minute", MANY, MINUTE, MANY)
    for whose in ("key:k", "workspace:w")
    for unit in ("requests", "input_tokens", "output_tokens")
)
AMOUNTS = (1, 1000, 300) * 2
BUDGETS = tuple(BudgetWindow(f"{whose}:usd/day", 0, 2**53 - 1, 10**15) for whose in ("key:k", "workspace:w", "org:o"))
WORST, COST = 4_000_000, 1_250_000


@dataclass
class Row:
    """What one request costs."""

    name: str
    demands_per_call: int
    round_trips: float
    worker_us: float
    server_us: float
    recorder_us: float = 0.0


class Store:
    """What the server says of itself."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def spent(self) -> tuple[float, int]:
        """Return the server's CPU seconds, and how many commands clients have sent."""
        info = (await self._link.call("INFO", "all")).decode()
        facts = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        scripts = [facts.get(f"cmdstat_{name}", "calls=0,").split(",")[0] for name in ("evalsha", "eval")]
        return (
            float(facts["used_cpu_user"]) + float(facts["used_cpu_sys"]),
            sum(int(one.removeprefix("calls=")) for one in scripts),
        )


def demand(number: int, prefix: str) -> Demand:
    """Return a demand as a gateway makes it."""
    charges = tuple(Charge(limit, amount) for limit, amount in zip(LIMITS, AMOUNTS, strict=True))
    holds = tuple(Hold(window, WORST) for window in BUDGETS)
    mark = Mark(
        f"{{{prefix}}}:run:r{number}", b"\x95run%012d rest of the run's entry" % number, b"\x95run%012d" % number
    )
    return Demand(f"attempt-{number:012d}-of-a-request-as-long-as-a-uuid", charges, (), holds, mark)


async def ours(link: RedisLink, each: int, requests: int) -> Row:
    """Measure so many demands per call."""
    prefix = f"bench{each}"
    admission, book, store = RedisAdmission(link, prefix, "w"), RedisBook(link, prefix, settle_seconds=0), Store(link)
    await book.open("e", {"0": "0"}, (), ())
    await book.ready("e")
    await through(admission, book, prefix, range(each))
    server, trips = await store.spent()
    worker = recorder = 0.0
    for start in range(each, each + requests, each):
        spent = await through(admission, book, prefix, range(start, start + each))
        worker, recorder = worker + spent[0], recorder + spent[1]
    server_after, trips_after = await store.spent()
    return Row(
        "headgate",
        each,
        (trips_after - trips) / requests,
        worker / requests * 1e6,
        (server_after - server) / requests * 1e6,
        recorder / requests * 1e6,
    )


async def through(admission: RedisAdmission, book: RedisBook, prefix: str, numbers: range) -> tuple[float, float]:
    """Pass some requests through admission; return the CPU seconds of the worker's part and of the recorder's."""
    demands = [demand(number, prefix) for number in numbers]
    corrections = [
        Correction(limit, -amount // 10) for limit, amount in zip(LIMITS, AMOUNTS, strict=True) if amount > 1
    ]
    began = time.process_time()
    verdicts = await admission.acquire(demands)
    for one in demands:
        admission.finish(one.attempt_id, corrections)
        admission.settle(one.attempt_id, (COST,) * len(BUDGETS))
    await admission.flush()
    done = time.process_time()
    if not all(isinstance(verdict, Go) for verdict in verdicts):
        raise RuntimeError(f"expected every demand to be granted, got {verdicts[:3]}")
    postings = [Posting(one.attempt_id, [Spent(window, COST) for window in BUDGETS]) for one in demands]
    cursors = {"0": (str(numbers.start or 0), str(numbers.stop))}
    if await book.apply("e", cursors, postings, {BUDGETS[0].name: [0.5, 0.8, 1.0]}) is None:
        raise RuntimeError(f"expected the append to follow the one before, it did not: {cursors}")
    return done - began, time.process_time() - done


async def waiting(link: RedisLink, reserved: int) -> float:
    """Return the server's µs for a demand on a limit with so many slots reserved ahead."""
    limit = RateLimit("key:slow:requests/minute", 60, MINUTE, 6)
    admission, book, store = RedisAdmission(link, "far", "w"), RedisBook(link, "far", settle_seconds=0), Store(link)
    await book.open("e", {}, (), ())
    await book.ready("e")

    async def ask(first: int, count: int) -> None:
        for start in range(first, first + count, 50):
            demands = [Demand(f"a{number}", (Charge(limit, 1),)) for number in range(start, start + 50)]
            verdicts = await admission.acquire(demands)
            if first and not all(isinstance(verdict, Wait) for verdict in verdicts):
                raise RuntimeError(f"expected every demand to wait, got {verdicts[:3]}")

    await ask(0, reserved)
    before, _ = await store.spent()
    await ask(reserved, 2000)
    after, _ = await store.spent()
    return (after - before) / 2000 * 1e6


YARDSTICK = """
import sys, time
from limits import RateLimitItemPerMinute, RateLimitItemPerDay, storage, strategies
url, requests = sys.argv[1], int(sys.argv[2])
store = storage.RedisStorage("redis+" + url)
limiter = strategies.SlidingWindowCounterRateLimiter(store)
minute, day = RateLimitItemPerMinute(10**12), RateLimitItemPerDay(10**15)
keys = [(whose, unit) for whose in ("key:k", "workspace:w") for unit in ("requests", "input", "output")]
checks = [(minute, key, cost) for key, cost in zip(keys, (1, 1000, 300) * 2)]
checks += [(day, (whose, "usd"), 4_000_000) for whose in ("key:k", "workspace:w", "org:o")]
def go(count):
    for _ in range(count):
        for item, key, cost in checks:
            assert limiter.hit(item, *key, cost=cost)
go(50)
def used():
    info = store.storage.info("cpu")
    return info["used_cpu_user"] + info["used_cpu_sys"]
server, worker = used(), time.process_time()
go(requests)
worker = time.process_time() - worker
print(worker / requests * 1e6, (used() - server) / requests * 1e6)
"""


def limits(url: str, cwd: Path, requests: int) -> Row | None:
    """Measure the `limits` library; None if it cannot be had here."""
    python = cwd / "venv/bin/python"
    uv = Path(sys.executable).parent / "uv"
    try:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, cwd / "venv"], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "limits", "redis[hiredis]"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no yardstick: expected to install the limits library, got: {error}", file=sys.stderr)
        return None
    program = [str(python), "-c", YARDSTICK, url, str(requests)]
    out = subprocess.run(program, check=True, capture_output=True, text=True).stdout.split()
    return Row("limits", 1, 9.0, float(out[0]), float(out[1]))


async def run(requests: int, reserved: int) -> list[Row]:
    """Measure all rows on one server, which has a core of its own."""
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as directory:
        cwd = Path(directory)
        pin(OTHER_CORE)
        async with EmbeddedServer(cwd) as server:
            pin(GATEWAY_CORE)
            link = RedisLink(Address(server.url))
            rows: list[Row] = []
            for each in (1, 10, 50):
                rows.append(await ours(link, each, requests))
                show(rows[-1])
            yardstick = await asyncio.to_thread(limits, server.url, cwd, requests // 5)
            if yardstick is not None:
                rows.append(yardstick)
                show(yardstick)
            for count in (1000, reserved):
                server_us = await waiting(link, count)
                print(f"a demand after {count:6} reserved slots: {server_us:5.1f} µs of the server", file=sys.stderr)
            await link.close()
    return rows


def show(row: Row) -> None:
    """Print one row for people."""
    print(
        f"{row.name:9} {row.demands_per_call:3} per call: {row.round_trips:5.2f} round trips, "
        f"{row.worker_us:6.1f} µs of the worker, {row.server_us:6.1f} µs of the server, "
        f"{row.recorder_us:5.1f} µs of the recorder per request",
        file=sys.stderr,
    )


def main() -> None:
    """Run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admission", description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--reserved", type=int, default=50_000)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the worker's
        rows = runner.run(run(options.requests, options.reserved))
    print(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
