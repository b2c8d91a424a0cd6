"""A gateway in the test's process that is really configured, and really calls a simulator over HTTP."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import msgspec

from headgate.routing.admission.demand import Charge, Demand
from headgate.routing.admission.rulebook import Rulebook
from headgate.routing.admission.verdict import Go
from headgate.routing.http import HttpReply
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.schemas.config import Config
from headgate.schemas.record import Record
from headgate.schemas.reply import decode_reply
from headgate.schemas.topics import Lane, Tier, Topics
from headgate.schemas.usage import Cause, decode_event
from headgate.workers.admission.memory import MemoryAdmission, MemoryBook
from headgate.workers.admission.memory_store import MemoryStore
from headgate.workers.assembly import breaker_rules, gateway_rules
from headgate.workers.bus.memory import MemoryBus
from headgate.workers.gateway.brakes import Brakes
from headgate.workers.gateway.clock import Clock
from headgate.workers.gateway.events import Silent
from headgate.workers.gateway.gateway import Gateway, Ports
from headgate.workers.gateway.room import Room
from headgate.workers.health.desk import Manner
from headgate.workers.health.memory import MemoryCircuits, MemoryHealth
from headgate.workers.health.target_health import TargetHealth
from headgate.workers.http.caller import Caller
from headgate.workers.http.transport import AiohttpTransport
from headgate.workers.journal.in_memory import MemoryJournal
from headgate.workers.journal.in_memory import MemoryStore as JournalStore
from support.cluster import reconcile
from support.gateways import NoPrices

TOPICS = Topics()
#: Seconds for what should take a fraction of one.
PATIENCE = 20
#: A deferral topic delivers soon; who is not due by then is parked again.
SOON = dict.fromkeys(Tier, 0.05)


def deployment(name, *, cost=1, **fields):
    """One deployment with a provider, and so a credential, of its own; the simulator knows it by its model."""
    price = {"input": cost, "output": cost}
    return {"id": name, "provider": f"sim-{name}", "model": f"m-{name}", "price": price, **fields}


def model(name, *deployments, **route):
    route = {"backoff": "10ms", "max_backoff": "20ms", **route}
    return {
        "name": name,
        "deployments": [each if isinstance(each, dict) else deployment(each) for each in deployments],
    } | {"route": route}


def asked(number=1, *, simulate=None, lane=Lane.STANDARD, body=None, **fields):
    """A request record; `simulate` is the simulator's script for its attempts."""
    text = {"model": "small", "messages": [{"role": "user", "content": f"hello {number}"}], "max_tokens": 20}
    text |= {} if simulate is None else {"metadata": {"simulate": simulate}}
    line = {"id": f"r{number}", "custom_id": f"c{number}", "body": text | (body or {}), **fields}
    return Record(TOPICS.requests(lane), json.dumps(line).encode(), f"k{number}".encode())


class Telling:
    """Calls whose answers tell how much of a limit is left: the simulator does not."""

    def __init__(self, calls, left):
        self._calls = calls
        self._left = left

    async def call(self, call, seconds):
        reply = await self._calls.call(call, seconds)
        left = self._left.get(json.loads(call.body)["model"])
        if left is None or not isinstance(reply, HttpReply):
            return reply
        told = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": str(left)}
        return HttpReply(reply.status, {**reply.headers, **told}, reply.body)


@dataclass
class Stand:
    """A worker's gateway, without a bus or a store that outlives it."""

    simulator: object
    models: list
    #: By deployment: another simulator than the one that all others are at.
    elsewhere: dict = field(default_factory=dict)
    timeout: str = "300ms"
    left: dict = field(default_factory=dict)
    extra: dict = field(default_factory=dict)

    def config(self):
        ids = [each["id"] for one in self.models for each in one["deployments"]]
        providers = {
            f"sim-{name}": {
                "base_url": self.elsewhere.get(name, self.simulator).address.base_url,
                "api_key": f"key of {name}",
                "timeout": self.timeout,
            }
            for name in ids
        }
        return Config.model_validate({"providers": providers, "models": self.models, **self.extra})

    @contextlib.asynccontextmanager
    async def running(self):
        """Run it; yield what can be asked of it."""
        for simulator in {self.simulator, *self.elsewhere.values()}:
            simulator._provider.reset()
            simulator._provider.outages.end()
        config, clock = self.config(), Clock()
        store = MemoryStore(clock.now_us, runs={})
        journal = MemoryJournal("w1", JournalStore(lives=lambda _: True, runs=store.runs))
        admission, book = MemoryAdmission(store, "w1"), MemoryBook(store)
        await book.open("first life", {}, (), ())
        await book.ready("first life")
        admission.beat()
        circuits = MemoryCircuits(clock.now_us)
        health = MemoryHealth(circuits, Manner(breaker_rules(config), clock.now_us, lambda: 0.0))
        bus = MemoryBus(lengths=SOON)
        async with AiohttpTransport(connections=100) as transport:
            ports = Ports(
                bus=bus,
                journal=journal,
                admission=admission,
                calls=Telling(Caller(transport), self.left),
                brakes=Brakes(100, clock.now_us),
                estimates=TokenEstimator(),
                prices=NoPrices(),
                listener=Silent(),
                clock=clock,
                circuits=TargetHealth(health, clock.now_us),
            )
            gateway = Gateway(ports, gateway_rules(config, None), Rulebook.of(config), Room(100, 10**9))
            await bus.start(gateway.admit, gateway.committed)
            try:
                yield Running(self, bus, gateway, health, transport, store)
            finally:
                await gateway.abandon()
                await bus.stop(0)


@dataclass
class Running:
    """A stand while it runs."""

    stand: Stand
    bus: MemoryBus
    gateway: Gateway
    health: MemoryHealth
    transport: object
    store: MemoryStore

    async def send(self, *records):
        await self.bus.send(records, at_ms=int(Clock().now() * 1000))

    async def replies(self, count, topic=None):
        answering = asyncio.ensure_future(self.bus.wait_for(topic or TOPICS.replies(), count))
        breaking = asyncio.ensure_future(self.gateway.broken())
        await asyncio.wait({answering, breaking}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        breaking.cancel()
        assert answering.done(), f"expected {count} replies, got {self.bus.on(topic or TOPICS.replies())}"
        return [decode_reply(record.value) for record in answering.result()]

    async def ask(self, *records):
        """Send requests and return their replies, in their order."""
        before = len(self.bus.on(TOPICS.replies()))
        await self.send(*records)
        replies = {reply.custom_id: reply for reply in (await self.replies(before + len(records)))[before:]}
        return [replies[json.loads(record.value)["custom_id"]] for record in records]

    async def elsewhere_taken(self, deployment, requests):
        """Another worker of the fleet takes so many requests of a deployment's limits."""
        rates = Rulebook.of(self.stand.config()).watched(deployment)
        taken = tuple(Charge(rate.limit, requests) for rate in rates)
        (verdict,) = await MemoryAdmission(self.store, "w2").acquire([Demand("elsewhere", taken)])
        assert isinstance(verdict, Go)

    def events(self):
        return [decode_event(record.value) for record in self.bus.on(TOPICS.usage)]

    def attempts(self, request="r1"):
        """What the ledger will say of a request's attempts, in their order."""
        return [
            (event.deployment, str(event.cause), str(event.outcome), event.code)
            for event in sorted(self.events(), key=lambda event: event.ts)
            if event.request_id == request
        ]

    def books(self):
        simulators = {self.stand.simulator, *self.stand.elsewhere.values()}
        entries = [entry for each in simulators for entry in each.books.entries()]
        return sorted((msgspec.to_builtins(entry) for entry in entries), key=lambda entry: entry["arrived_ns"])

    async def settled(self):
        """Wait until nothing is under way, at the simulator either."""
        async with asyncio.timeout(PATIENCE):
            await self.gateway.settled()
            await self.transport.aclose()
            while any(entry["outcome"] == "open" for entry in self.books()):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)

    async def reconciled(self):
        """Hold what was said against what the simulator served, attempt by attempt; return the events."""
        await self.settled()
        events, books = self.events(), self.books()
        assert len({event.event_id for event in events}) == len(events), "one event for each attempt"
        rows = [
            {
                "event_id": event.event_id,
                "outcome": event.outcome,
                "input_tokens": event.input_tokens,
                "cached_tokens": event.cached_tokens,
                "output_tokens": event.output_tokens,
                "cost_nano": event.cost_nano,
            }
            for event in events
        ]
        reconcile(books, rows)
        order = [entry["model"].removeprefix("m-") for entry in books]
        told = [event.deployment for event in sorted(events, key=lambda each: each.ts) if event.attempt]
        assert sorted(order) == sorted(told), "the deployments that were called are those in the ledger"
        self._replies_agree(events)
        return SimpleNamespace(events=events, books=books, called=order)

    def _replies_agree(self, events):
        """One reply for each request, which tells what its attempts were and what they cost."""
        replies = [decode_reply(record.value) for record in self.bus.on(TOPICS.replies())]
        assert len({reply.headgate.request_id for reply in replies}) == len(replies), "one reply"
        for reply in replies:
            own = [event for event in events if event.request_id == reply.headgate.request_id and event.attempt]
            assert reply.headgate.attempts == len(own)
            assert reply.headgate.cost_nano == sum(event.cost_nano for event in own)
            assert all(event.cause is not Cause.SHADOW for event in own)
