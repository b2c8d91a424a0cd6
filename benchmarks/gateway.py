"""Requests/s and CPU per request at full load, added latency at half load."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import yaml

from benchmarks.buses import Load
from benchmarks.load import chat_body
from benchmarks.processes import GATEWAY_CORE, HEADGATE, OTHER_CORE, metric, said, started
from headgate.schemas.headers import BATCH, REQUEST_ID
from headgate.schemas.record import Record
from headgate.schemas.reply import decode_reply
from headgate.schemas.topics import Topics

#: More than a benchmark takes: what is measured is the asking, not the waiting.
_MANY = 10**12
_RATES = {f"{unit}_per_minute": _MANY for unit in ("requests", "input_tokens", "output_tokens")} | {"burst": 1.0}
_BUDGETS = [{"usd": 1_000_000, "per": "day"}]
#: A request is held to 6 rate limits and 3 budgets.
HELD = {
    "keys": [{"id": "bench", "workspace": "w", "limits": _RATES, "budgets": _BUDGETS}],
    "workspaces": [{"id": "w", "org": "o", "limits": _RATES, "budgets": _BUDGETS}],
    "orgs": [{"id": "o", "budgets": _BUDGETS}],
    "defaults": {"key": "bench"},
}

WINDOW = 500
TICK = 0.05
#: Seconds between two looks at a worker's metrics: a look costs it about 2 ms.
LOOK = 0.5


@dataclass
class Measured:
    """One row."""

    bus: str
    requests_per_second: float = 0.0
    cpu_us: float = 0.0
    rss_mb: float = 0.0
    added_ms: dict[str, float] = field(default_factory=dict)


class Sender:
    """Makes and submits requests."""

    def __init__(self, load: Load, size: int) -> None:
        self._load = load
        self._bodies = [json.dumps(chat_body(size, number)).encode() for number in range(50)]
        self._batch = uuid.uuid4().hex
        self._topics = Topics()
        self._sent = 0

    def reserve(self, count: int) -> list[str]:
        """Return the ids of the next requests."""
        first = self._sent
        self._sent += count
        return [f"{self._batch}-{number}" for number in range(first, self._sent)]

    async def send(self, ids: list[str]) -> None:
        """Submit requests."""
        for start in range(0, len(ids), WINDOW):
            part = ids[start : start + WINDOW]
            done = await self._load.bus.submit(self._batch, [self._record(name) for name in part], self._mark(part))
            if done.name != "DONE":
                raise RuntimeError("expected room on the bus, it is full")

    def _mark(self, part: list[str]) -> int:
        return int(part[-1].rsplit("-", 1)[1]) + 1

    def _record(self, name: str) -> Record:
        number = int(name.rsplit("-", 1)[1])
        value = b'{"custom_id":"c%d","method":"POST","url":"/v1/chat/completions","body":%s}' % (
            number,
            self._bodies[number % len(self._bodies)],
        )
        headers = ((REQUEST_ID, name.encode()), (BATCH, self._batch.encode()))
        return Record(self._topics.lanes[1], value, None, headers)


@dataclass(frozen=True)
class Task:
    """What is measured."""

    requests: int
    #: Of the provider, milliseconds.
    latency: float
    #: Of a request, bytes.
    size: int
    #: Whether requests are held to limits and budgets, which a recorder has to settle.
    held: bool = False

    def name(self, load: Load) -> str:
        """Return what its row is called."""
        return f"{load.name}, held" if self.held else load.name


@dataclass(frozen=True)
class Worker:
    """A worker that takes requests."""

    pid: int
    #: Of its metrics.
    address: str


@asynccontextmanager
async def working(
    load: Load, simulator: str, cwd: Path, keys: Mapping[str, object], *, program: Sequence[str] = (HEADGATE,)
) -> AsyncIterator[Worker]:
    """Keep a worker on its core, and if `keys` hold requests to anything a recorder on the other."""
    config = {**load.config, **keys, "operations": {"worker_port": 0, "recorder_port": 0}}
    (cwd / "headgate.yaml").write_text(yaml.safe_dump(config))
    with ExitStack() as stack:
        if keys:
            recorder = stack.enter_context(started([HEADGATE, "recorder"], cwd, OTHER_CORE, cwd / "recorder.log"))
            await asyncio.to_thread(said, recorder)
        command = [*program, "worker", "--slot", "bench", "--simulator", simulator]
        process = stack.enter_context(started(command, cwd, GATEWAY_CORE, cwd / "worker.log"))
        address = msgspec.json.decode(await asyncio.to_thread(said, process))["operations"]
        yield Worker(process.pid, address)


async def replies(worker: Worker) -> float:
    """Return how many replies it has given."""
    return await asyncio.to_thread(metric, worker.address, "headgate_replies_total")


async def until(worker: Worker, count: float) -> float:
    """Wait until it has given so many replies; return how many they are by then."""
    while (now := await replies(worker)) < count:  # noqa: ASYNC110 - a worker tells its numbers, not their changes
        await asyncio.sleep(LOOK)
    return now


async def cpu_seconds(worker: Worker) -> float:
    """Return the CPU that it has used."""
    return await asyncio.to_thread(metric, worker.address, "process_cpu_seconds_total")


async def measure(load: Load, simulator: str, cwd: Path, task: Task) -> Measured:
    """Measure one bus."""
    row = Measured(task.name(load))
    async with working(load, simulator, cwd, HELD if task.held else {}) as worker:
        sender = Sender(load, task.size)
        await warmed(sender, worker, task)
        await _full_load(row, worker, task.requests)
        await _half_load(row, load, sender, task.latency)
        row.rss_mb = _peak_mb(worker.pid)
    return row


async def warmed(sender: Sender, worker: Worker, task: Task) -> None:
    """Let it answer a tenth as many requests first, for connections and caches; then submit all that is measured."""
    warm = task.requests // 10
    await sender.send(sender.reserve(warm))
    await until(worker, warm)
    await sender.send(sender.reserve(task.requests))


async def _full_load(row: Measured, worker: Worker, requests: int) -> None:
    """Measure the middle: from a fifth of the replies to nine tenths."""
    done = requests // 10
    first = await until(worker, done + requests * 0.2)
    began, cpu = time.perf_counter(), await cpu_seconds(worker)
    last = await until(worker, done + requests * 0.9)
    seconds = time.perf_counter() - began
    spent = await cpu_seconds(worker) - cpu
    row.requests_per_second = (last - first) / seconds
    row.cpu_us = spent / (last - first) * 1e6
    await until(worker, done + requests)


async def _half_load(row: Measured, load: Load, sender: Sender, latency_ms: float, seconds: float = 8.0) -> None:
    """Send evenly at half the full rate; from before the submit to the reply in hand, less the provider's time."""
    topic = Topics().replies()
    cursor = await load.bus.end_of_replies(topic)
    sent: dict[str, float] = {}
    each = max(1, round(row.requests_per_second / 2 * TICK))

    async def send() -> None:
        until = time.perf_counter() + seconds
        due = time.perf_counter()
        while due < until:
            ids = sender.reserve(each)
            sent.update(dict.fromkeys(ids, time.perf_counter()))
            await sender.send(ids)
            due += TICK
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    sending = asyncio.create_task(send())
    waits: dict[str, float] = {}
    while not sending.done() or len(waits) < len(sent):
        got = await load.bus.replies(topic, cursor, 0.2)
        now, cursor = time.perf_counter(), got.cursor
        names = (decode_reply(record.value or b"").headgate.request_id for record in got.records)
        waits.update((name, now) for name in names if name in sent)  # not what is late from before
    await sending
    added = sorted((now - sent[name]) * 1000 - latency_ms for name, now in waits.items())
    row.added_ms = {"p50": added[len(added) // 2], "p99": added[len(added) * 99 // 100]}


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
