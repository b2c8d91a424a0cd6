"""A gateway on peers that live in the test's process: a scripted provider, a clock that only moves when told to."""

import json
from dataclasses import dataclass, field

from headgate.routing.http import HttpReply
from headgate.routing.plan import Routes
from headgate.routing.prices import Price, Rates
from headgate.routing.target import Plan, RetryPolicy, Target
from headgate.schemas.record import Record
from headgate.schemas.reply import decode_reply
from headgate.schemas.request import Defaults
from headgate.schemas.topics import Lane, Topics
from headgate.schemas.usage import decode_event
from headgate.workers.bus.memory import MemoryBus
from headgate.workers.gateway.attempts import Attempts, Clock
from headgate.workers.gateway.events import Silent
from headgate.workers.gateway.gateway import Gateway, Ports, Rules
from headgate.workers.gateway.room import Room
from headgate.workers.journal.memory import MemoryJournal

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
    """A clock that moves by the sleeps that are asked of it."""

    def __init__(self, now=1_800_000_000.0):
        self.at = now
        self.slept = []

    def now(self):
        return self.at

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds


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


class NoPrices:
    def find(self, *_):
        return None


@dataclass
class Bench:
    """One gateway and all that it stands on."""

    provider: Provider
    bus: MemoryBus = field(default_factory=MemoryBus)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    time: Time = field(default_factory=Time)
    targets: tuple = ()
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    in_flight: int = 100

    async def __aenter__(self):
        plan = Plan(self.targets or (target(),), self.policy)
        rules = Rules(TOPICS, Routes({"small": plan}, {}, RetryPolicy()), Defaults(), ("headgate.replies.*",))
        clock = Clock(self.time.now, self.time.sleep, lambda: 0.0)
        numbers = iter(range(10**9))
        attempts = Attempts(self.provider, clock)
        ports = Ports(self.bus, self.journal, attempts, NoPrices(), Silent(), clock, lambda: f"run-{next(numbers)}")
        self.gateway = Gateway(ports, rules, Room(self.in_flight, 10**9))
        await self.bus.start(self.gateway.admit, self.gateway.committed)
        return self

    async def __aexit__(self, *_):
        await self.gateway.abandon()

    async def send(self, *records):
        await self.bus.send(records, at_ms=int(self.time.at * 1000))

    async def replies(self, count, topic="headgate.replies.default"):
        return [decode_reply(record.value) for record in await self.bus.wait_for(topic, count)]

    def events(self):
        return [decode_event(record.value) for record in self.bus.on(TOPICS.usage)]


def chat(number=1, *, lane=Lane.STANDARD, headers=(), **fields):
    """A request record."""
    body = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 7}
    line = {"id": f"r{number}", "custom_id": f"c{number}", "url": "/v1/chat/completions", "body": body, **fields}
    return Record(TOPICS.requests(lane), json.dumps(line).encode(), f"k{number}".encode(), headers)
