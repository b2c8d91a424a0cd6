"""A worker's parts, put together from the settings. What is chosen here is chosen nowhere else."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..producers.redis_link import Address
from ..routing.access.keyring import Keyring
from ..routing.admission.rulebook import Rulebook
from ..routing.health.rules import BreakerRules, breaker_rule
from ..routing.models import NO_MODEL_DATA, ListedModels, ModelData
from ..routing.price_list import GenaiPrices
from ..routing.providers.resolve import Resolved, resolve
from ..routing.routes import Unroutable, build_routes
from ..routing.service import Auth
from ..routing.tokens.estimator import TokenEstimator
from ..routing.tokens.vocabulary import load_vocabularies
from ..schemas.config import Config, KafkaBus
from ..schemas.request import Defaults
from ..schemas.topics import Topics
from .addresses import address_of
from .admission.port import Admission
from .bus.port import Bus, ControlFeed
from .credentials.credentials import Credentials
from .credentials.sources import NoSecret
from .embedded.server import EmbeddedServer
from .gateway.brakes import Brakes
from .gateway.calling import NoSigner, Signer
from .gateway.clock import Clock
from .gateway.gateway import Gateway, Ports
from .gateway.reception import Rules
from .gateway.room import Room
from .health.desk import Manner
from .health.port import Health
from .health.target_health import TargetHealth
from .http.caller import Caller
from .http.sigv4 import NEEDED, load_sigv4
from .http.transport import AiohttpTransport
from .ops.admission_meter import admission_readings
from .ops.bus_meter import bus_readings
from .ops.gateway_meter import MetricsListener
from .ops.health_meter import health_readings
from .ops.metrics import Metrics
from .settings import Settings
from .shared_store import SharedStore

if TYPE_CHECKING:
    from .bus.kafka.bus import KafkaBus as KafkaPeer


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker is told on its command line."""

    #: Its name among its equals, the same after a restart; None: a random one.
    slot: str | None = None
    #: Who answers when no provider is configured: the simulator's base URL.
    simulator: str | None = None
    #: Stop when standard input ends.
    exit_with_parent: bool = False
    #: Hears every secret before it is used, so that logs can keep it out of sight.
    learned: Callable[[str], object] = lambda _: None


class NotConfigured(Exception):  # noqa: N818 - the name is the state
    """The config does not say enough to run; the message has a line for each problem."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A gateway on its bus, not started."""

    bus: Bus
    gateway: Gateway
    admission: Admission
    health: Health
    credentials: Credentials
    control: ControlFeed
    metrics: Metrics


@asynccontextmanager
async def assembled(settings: Settings, options: WorkerOptions) -> AsyncGenerator[Worker, None]:
    """Put a worker together, and close what it needs when it is done with. Raises `NotConfigured`."""
    config = settings.config
    prices = await asyncio.to_thread(GenaiPrices.load)
    rules = gateway_rules(config, options.simulator, ListedModels.load(prices.window))
    async with AsyncExitStack() as stack:
        server = await _embedded(config, stack)
        bus = make_bus(config, options.slot, server)
        store = SharedStore(config, store_address(config, server), stack)
        transport = await stack.enter_async_context(AiohttpTransport(connections=config.limits.in_flight))
        listener, clock = MetricsListener(), Clock(chance=random.random)
        brakes, estimates = Brakes(config.limits.in_flight, clock.now_us), await asyncio.to_thread(make_estimator)
        health = store.health(Manner(breaker_rules(config), clock.now_us, random.random))
        credentials = await stack.enter_async_context(_credentials(config, options.learned))
        ports = Ports(
            bus=bus,
            journal=store.journal(),
            admission=store.admission(),
            calls=Caller(transport),
            brakes=brakes,
            estimates=estimates,
            prices=prices,
            listener=listener,
            clock=clock,
            circuits=TargetHealth(health, clock.now_us),
            secrets=credentials,
            signer=await asyncio.to_thread(make_signer, config),
        )
        room = Room(config.limits.in_flight, config.limits.in_flight_bytes)
        gateway = Gateway(ports, rules, Rulebook.of(config), room)
        control = make_control(config, server)
        admission = admission_readings(lambda: gateway.waiting, brakes, estimates)
        circuits = health_readings(health.status)
        metrics = Metrics([listener, admission, circuits, store.meter, bus_readings(bus.status)])
        yield Worker(bus, gateway, ports.admission, health, credentials, control, metrics)


@asynccontextmanager
async def _credentials(config: Config, learned: Callable[[str], object]) -> AsyncGenerator[Credentials, None]:
    """Read all credentials, and keep renewing those that may change. Raises `NotConfigured`."""
    try:
        async with Credentials.of(config.providers, learned) as credentials:
            yield credentials
    except NoSecret as error:
        raise NotConfigured(str(error)) from error


def breaker_rules(config: Config) -> BreakerRules:
    """Return by which rule each deployment's circuit opens."""
    rules = {each.id: breaker_rule(model.route.breaker) for model in config.models for each in model.deployments}
    return BreakerRules(rules)


def gateway_rules(config: Config, simulator: str | None, data: ModelData = NO_MODEL_DATA) -> Rules:
    """Return what the gateway goes by; `data` is what is known of models. Raises `NotConfigured`."""
    routes = build_routes(config, simulator, data)
    if isinstance(routes, Unroutable):
        raise NotConfigured("\n".join(routes.problems))
    topics = Topics(config.prefix)
    defaults = Defaults(
        reply_to=topics.replies(),
        key=config.defaults.key,
        deadline_ms=round(config.defaults.deadline * 1000),
        max_bytes=config.limits.request_bytes,
    )
    return Rules(topics, routes, defaults, Keyring.of(config), config.admission.wait_in_memory)


async def _embedded(config: Config, stack: AsyncExitStack) -> EmbeddedServer | None:
    if config.bus is not None and (config.store is not None or config.bus.redis is not None):
        return None
    return await stack.enter_async_context(EmbeddedServer(Path(config.directory)))


def store_address(config: Config, server: EmbeddedServer | None) -> Address:
    """Return where the journal lives: the store, else the bus's own Redis, else the embedded server."""
    if config.store is not None:
        return address_of(config.store.redis, server)
    return address_of(None if config.bus is None else config.bus.redis, server)


def make_bus(config: Config, slot: str | None, server: EmbeddedServer | None) -> Bus:
    """Return the bus that is configured, not started."""
    if config.bus is not None and config.bus.kafka is not None:
        return make_kafka_bus(config, config.bus.kafka, slot)
    redis = None if config.bus is None else config.bus.redis
    address = address_of(redis, server)
    from .bus.streams.bus import StreamsBus  # noqa: PLC0415 - one bus is imported, the one that is used
    from .bus.streams.settings import StreamsSettings  # noqa: PLC0415 - as above

    name = slot or f"worker-{random.getrandbits(64):016x}"
    return StreamsBus(address, StreamsSettings(name, config.prefix, commit_interval=config.operations.commit_interval))


def make_estimator() -> TokenEstimator:
    """Return what estimates tokens: by counting them, where the extra `headgate[tokens]` has the vocabulary."""
    return TokenEstimator(vocabularies=load_vocabularies())


def make_signer(config: Config) -> Signer:
    """Return what signs for the providers that want it. Raises `NotConfigured` where the library is missing."""
    found = {name: resolve(name, provider) for name, provider in config.providers.items()}
    signing = [name for name, each in found.items() if isinstance(each, Resolved) and each.service.auth is Auth.SIGV4]
    if not signing:
        return NoSigner()
    signer = load_sigv4()
    if signer is None:
        raise NotConfigured("\n".join(f"providers.{name}: {NEEDED}" for name in signing))
    return signer


def make_kafka_bus(config: Config, kafka: KafkaBus, slot: str | None) -> "KafkaPeer":
    """Return the Kafka bus, not started."""
    from .bus.kafka.bus import KafkaBus as KafkaPeer  # noqa: PLC0415 - half a second that others need not wait

    bus = KafkaPeer(kafka, slot, commit_seconds=config.operations.commit_interval)
    if any(model.route.shadow is not None for model in config.models):
        bus.needs([Topics(config.prefix).shadows])
    return bus


def make_control(config: Config, server: EmbeddedServer | None) -> ControlFeed:
    """Return what people say to all workers, not started."""
    if config.bus is not None and config.bus.kafka is not None:
        from .bus.kafka.control import KafkaControlFeed  # noqa: PLC0415 - half a second that others need not wait

        return KafkaControlFeed(config.bus.kafka)
    from .bus.streams.control import StreamsControlFeed  # noqa: PLC0415 - one bus is imported, the one that is used

    redis = None if config.bus is None else config.bus.redis
    return StreamsControlFeed(address_of(redis, server), config.prefix)
