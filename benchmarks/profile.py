"""Where a gateway's CPU goes at full load, step by step, in µs per request."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.buses import Load
from benchmarks.gateway import HELD, Sender, Task, replies, until, warmed, working
from benchmarks.sampled import GARBAGE

_PROGRAM: Final = (sys.executable, str(Path(__file__).with_name("sampled.py")))

#: Steps, and the files whose CPU they are. A stack counts for the innermost frame that is in any of them: what a bus
#: asks of redis-py is the bus's, what asyncio does for nobody in particular is the event loop's.
STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics, read twice a second": (
        "/prometheus_client/",
        "/aiohttp/web",
        "/workers/ops/server.py",
        "/workers/ops/metrics.py",
    ),
    "the HTTP call: aiohttp": ("/aiohttp/", "/multidict/", "/yarl/"),
    "the HTTP call: httpx's request and response": ("/httpx/", "/workers/http/"),
    "circuits, brakes, vital signs": (
        "/workers/health/",
        "/routing/health/",
        "/workers/gateway/brakes.py",
        "/workers/gateway/vitals.py",
        "/routing/providers/signals.py",
    ),
    "the wire: `encode`, `decode`": ("/routing/providers/", "/routing/http.py"),
    "estimates of tokens": ("/routing/tokens/", "/routing/estimate.py"),
    "reading, keys": ("/schemas/reading.py", "/schemas/topics.py", "/routing/access/", "/workers/gateway/reception.py"),
    "planning": ("/routing/plan.py", "/routing/tree/", "/routing/price_list.py"),
    "limits and budgets": (
        "/workers/admission/",
        "/routing/admission/",
        "/workers/gateway/gate.py",
        "/workers/gateway/toll",
        "/workers/gateway/asking.py",
    ),
    "the journal": ("/workers/journal/",),
    "the bus": ("/workers/bus/", "/schemas/streams.py", "/aiokafka/"),
    "reply and usage event": (
        "/schemas/usage.py",
        "/schemas/reply.py",
        "/routing/prices.py",
        "/workers/gateway/answers.py",
        "/workers/gateway/records.py",
        "/workers/gateway/desk.py",
        "/workers/ops/gateway_meter.py",
    ),
    "the request's own task, from step to step": ("/workers/gateway/", "/routing/retry.py"),
    "connections to the store and to Streams": ("/producers/", "/redis/", "/asyncio/streams.py"),
}
_LOOP: Final = "the event loop"


def shares(lines: Iterable[str], requests: float) -> dict[str, float]:
    """Return µs per request of each step, the dearest first."""
    spent: Counter[str] = Counter()
    for line in lines:
        stack, _, microseconds = line.rpartition(" ")
        spent[_step(stack.split(";"))] += int(microseconds)
    return {step: whole / requests for step, whole in spent.most_common()}


def _step(stack: list[str]) -> str:
    if stack == [GARBAGE]:
        return GARBAGE
    for frame in reversed(stack):
        for step, files in STEPS.items():
            if any(file in frame for file in files):
                return step
    return _LOOP


async def profile(load: Load, simulator: str, cwd: Path, task: Task) -> dict[str, float]:
    """Sample a worker at full load, from a fifth of the replies to nine tenths."""
    out = cwd / "stacks"
    async with working(load, simulator, cwd, HELD if task.held else {}, program=(*_PROGRAM, str(out))) as worker:
        await warmed(Sender(load, task.size), worker, task)
        first = await until(worker, task.requests * 0.3)
        os.kill(worker.pid, signal.SIGUSR1)
        await until(worker, task.requests)
        os.kill(worker.pid, signal.SIGUSR2)
        last = await replies(worker)
        while not out.exists():  # noqa: ASYNC110 - it is another process that writes it
            await asyncio.sleep(0.1)
    return shares(out.read_text().splitlines(), last - first)
