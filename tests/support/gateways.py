"""A gateway on peers that live in the test's process: a scripted provider, a clock that only moves when told to."""

import asyncio
import heapq
import itertools
import json
import time
from dataclasses import dataclass, field

from headgate.routing.access.keyring import Keyring
from headgate.routing.admission.rulebook import Rulebook
from headgate.routing.http import HttpReply
from headgate.routing.plan import ModelRoute, Routes
from headgate.routing.prices import Price, Rates
from headgate.routing.target import Fallbacks, Hedge, Plan, RetryPolicy, Shadow, Target
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.routing.tree.chance import seed_of
from headgate.routing.tree.node import Branch, Leaf, Tree, Twig
from headgate.routing.tree.strategies import weighted
from headgate.schemas.config import Config
from headgate.schemas.record import Record
from headgate.schemas.reply import decode_reply
from headgate.schemas.request import Defaults
from headgate.schemas.topics import Lane, Topics
from headgate.schemas.usage import decode_event
from headgate.workers.admission.memory import MemoryAdmission, MemoryBook
from headgate.workers.admission.memory_store import MemoryStore
from headgate.workers.bus.memory import MemoryBus
from headgate.workers.gateway.brakes import Unbraked
from headgate.workers.gateway.calling import NoSigner
from headgate.workers.gateway.circuits import Closed
from headgate.workers.gateway.clock import Clock
from headgate.workers.gateway.events import Silent
from headgate.workers.gateway.gateway import Gateway, Ports
from headgate.workers.gateway.reception import Rules
from headgate.workers.gateway.room import Room
from headgate.workers.journal.in_memory import MemoryJournal
from headgate.workers.journal.in_memory import MemoryStore as JournalStore

TOPICS = Topics()
#: 2 nano-dollars per input token, 3 per output token.
PRICE = Price(Rates(2 * 10**15, 10**15, 2 * 10**15, 3 * 10**15, 3 * 10**15), "test 1", "test")


def answered(text="hi", *, prompt=10, completion=5):
    """What a provider says when all is well."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    body = {"id": "c-1", "choices": [{"index": 0, "message": {"content": text}}], "usage": usage}
    return HttpReply(200, {"x-request-id": "req_1"}, json.dumps(body).encode())


class Provider:
    """Answers calls from a script, then well for ever. A step may be a reply, a setback, or a coroutine function."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.calls = []
        self.seconds = []

    async def call(self, call, seconds):
        self.calls.append(call)
        self.seconds.append(seconds)
        step = self.steps.pop(0) if self.steps else answered()
        return await step() if callable(step) else step


class Time:
    """A clock that moves to the next alarm when nobody has anything else to do."""

    #: Turns of the event loop after which everybody has come as far as they can.
    TURNS = 40

    def __init__(self, now=1_800_000_000.0):
        self.at = now
        self.slept = []
        self._alarms = []
        self._numbers = itertools.count()
        self._moving = None

    def now(self):
        return self.at

    def now_us(self):
        return int(self.at * 1e6)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        alarm = asyncio.get_running_loop().create_future()
        heapq.heappush(self._alarms, (self.at + seconds, next(self._numbers), alarm))
        if self._moving is None or self._moving.done():
            self._moving = asyncio.ensure_future(self._move())
        await alarm

    def stop(self):
        if self._moving is not None:
            self._moving.cancel()

    async def _move(self):
        while self._alarms:
            for _ in range(self.TURNS):
                await asyncio.sleep(0)
            due, _, alarm = heapq.heappop(self._alarms)
            if not alarm.done():
                self.at = max(self.at, due)
                alarm.set_result(None)


class Now:
    """The time that it is: sockets do not wait for a clock of the test's own."""

    sleep = staticmethod(asyncio.sleep)

    @property
    def at(self):
        return time.time()

    now = staticmethod(time.time)

    def now_us(self):
        return int(time.time() * 1e6)

    def stop(self):
        """Nothing moves it."""


def target(name="d1", **changes):
    fields = {
        "id": name,
        "provider": "openai",
        "upstream_model": "gpt-4o-mini",
        "wire": "openai",
        "base_url": "http://127.0.0.1:9/v1",
        "timeout": 60.0,
        "price": PRICE,
        "api_key": "sk-very-secret",
    }
    return Target(**{**fields, **changes})


def routed(plan):
    """The route of a model that goes to a plan's targets by their weights."""
    twigs = tuple(Twig(Leaf(each), seed_of(each.id), each.weight) for each in plan.targets)
    return ModelRoute(Tree(Branch(twigs, weighted)), plan.policy, plan.fallbacks, plan.hedge, plan.shadow, 1.0)


class NoPrices:
    def find(self, *_):
        return None


def config_of(**parts):
    """A config without what gateways in one process do not look at."""
    return Config.model_validate(parts)


class Watched(Gateway):
    """Remembers what broke it."""

    broken_by = None

    def _done(self, task):
        if not task.cancelled():
            self.broken_by = self.broken_by or task.exception()
        super()._done(task)


@dataclass
class Bench:
    """One gateway and all that it stands on. Benches that share a `store` are workers of one fleet."""

    provider: Provider
    bus: MemoryBus = None
    time: Time = field(default_factory=Time)
    targets: tuple = ()
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    in_flight: int = 100
    config: Config = field(default_factory=Config)
    name: str = "w1"
    store: MemoryStore = None
    models: dict = field(default_factory=dict)
    allow_unpriced: bool = False
    circuits: object = field(default_factory=Closed)
    fallbacks: Fallbacks = field(default_factory=Fallbacks)
    hedge: Hedge = None
    shadow: Shadow = None
    brakes: object = None
    estimates: TokenEstimator = field(default_factory=TokenEstimator)
    signer: object = field(default_factory=NoSigner)

    def __post_init__(self):
        self.bus = self.bus or MemoryBus(now=self.time.now, sleep=self.time.sleep)
        runs = {}
        self.store = self.store or MemoryStore(lambda: int(self.time.at * 1e6), runs=runs)
        lives = lambda owner: owner in self.store.members or owner == self.name  # noqa: E731 - a one-line rule
        self.journal_store = JournalStore(lives=lives, runs=self.store.runs)
        self.journal = MemoryJournal(self.name, self.journal_store)
        self.admission = MemoryAdmission(self.store, self.name)
        self.book = MemoryBook(self.store)

    async def __aenter__(self):
        await self.book.open("first life", {}, (), ())
        await self.book.ready("first life")
        self.admission.beat()
        plan = Plan(self.targets or (target(),), self.policy, self.fallbacks, self.hedge, self.shadow)
        models = {name: routed(each) for name, each in {"small": plan, **self.models}.items()}
        routes = Routes(models, {}, RetryPolicy(), self.allow_unpriced)
        rules = Rules(TOPICS, routes, Defaults(), Keyring.of(self.config), self.config.admission.wait_in_memory)
        numbers = iter(range(10**9))
        ports = Ports(
            bus=self.bus,
            journal=self.journal,
            admission=self.admission,
            calls=self.provider,
            brakes=self.brakes or Unbraked(),
            estimates=self.estimates,
            prices=NoPrices(),
            listener=Silent(),
            clock=Clock(self.time.now, self.time.sleep, lambda: 0.0),
            new_id=lambda: f"run-{next(numbers)}",
            circuits=self.circuits,
            signer=self.signer,
        )
        self.gateway = Watched(ports, rules, Rulebook.of(self.config), Room(self.in_flight, 10**9))
        await self.bus.start(self.gateway.admit, self.gateway.committed)
        return self

    async def __aexit__(self, *_):
        await self.gateway.abandon()
        await self.bus.stop(0)
        self.time.stop()

    async def send(self, *records):
        await self.bus.send(records, at_ms=int(self.time.at * 1000))

    async def replies(self, count, topic="headgate.replies.default"):
        return [decode_reply(record.value) for record in await self.wait_for(topic, count)]

    async def wait_for(self, topic, count):
        """Wait until so many records lie on a topic; raise what breaks the gateway, for they would never come."""
        there, broken = (
            asyncio.ensure_future(self.bus.wait_for(topic, count)),
            asyncio.ensure_future(self.gateway.broken()),
        )
        try:
            await asyncio.wait((there, broken), return_when=asyncio.FIRST_COMPLETED)
            if not there.done():
                raise self.gateway.broken_by
            return there.result()
        finally:
            there.cancel()
            broken.cancel()

    def held(self, budget):
        """What is held of a budget, in all its windows."""
        return sum(
            amount
            for held in self.store.life.holds.values()
            for key, amount in held.amounts.items()
            if key[0] == budget
        )

    def events(self):
        return [decode_event(record.value) for record in self.bus.on(TOPICS.usage)]


def chat(number=1, *, lane=Lane.STANDARD, headers=(), **fields):
    """A request record."""
    body = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 7}
    line = {"id": f"r{number}", "custom_id": f"c{number}", "url": "/v1/chat/completions", "body": body, **fields}
    return Record(TOPICS.requests(lane), json.dumps(line).encode(), f"k{number}".encode(), headers)
