"""The shape of `headgate.yaml`: frozen, every part optional, every field explained (`headgate config schema`)."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from .config_access import (
    Admission,
    Authentication,
    Budget,
    EachUser,
    EachValue,
    Key,
    Org,
    Workspace,
)
from .config_access import Limits as RateLimits
from .config_access_checks import access_faults
from .config_checks import at, repeated, unknown_providers
from .config_part import Part
from .config_prices import Price, ServiceTier, ServiceTierWord
from .config_providers import Provider
from .config_routes import Capability, Params, Route, Tag
from .config_routes_checks import route_faults
from .config_values import Brokers, Seconds, wrong
from .config_values import seconds as seconds  # noqa: PLC0414 - re-exported: the command line reads durations too
from .topics import is_legal_topic


class Tls(Part):
    """TLS to a broker or a Redis."""

    ca_file: str | None = None
    """PEM file of the authorities to trust; absent: the system's."""
    cert_file: str | None = None
    """PEM file of the client's certificate, for servers that ask for one."""
    key_file: str | None = None
    """PEM file of the client's key; absent: it is in `cert_file` too."""
    key_password: SecretStr | None = None
    """What the client's key is encrypted with; a reference to the environment."""
    check_hostname: bool = True
    """Whether the server's certificate must name its host."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.cert_file is None and (self.key_file, self.key_password) != (None, None):
            raise wrong("cert_file beside key_file and key_password", "none")
        return self


class Sasl(Part):
    """SASL to a Kafka broker."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """The SASL mechanism."""
    username: str
    """Who."""
    password: SecretStr
    """A reference to the environment, such as `os.environ/KAFKA_PASSWORD`."""


class KafkaBus(Part):
    """Apache Kafka."""

    bootstrap_servers: Brokers = ["localhost:9092"]
    """`host:port` of some brokers: a list, or one text with commas."""
    prefix: str = "headgate."
    """What every topic's name starts with."""
    group: str = "headgate-workers"
    """The consumer group that the workers share."""
    partitions: int = Field(default=6, ge=1)
    """Partitions of topics that are made at start; more workers than this stand idle."""
    replication: int = Field(default=-1, ge=-1)
    """Replicas of topics that are made at start; -1: the broker's default."""
    create_topics: bool = True
    """Whether missing topics are made at start."""
    session_timeout: Seconds = 10.0
    """How long a silent worker keeps its partitions."""
    tls: Tls | None = None
    """Absent: plain text."""
    sasl: Sasl | None = None
    """Absent: no authentication."""


class RedisServer(Part):
    """A Redis or Valkey server, 7 or newer."""

    url: str = Field(default="redis://localhost:6379/0", pattern=r"^(rediss?|unix)://")
    """`redis://`, `rediss://` or `unix://`."""
    password: SecretStr | None = None
    """A reference to the environment; it may also stand in the URL."""
    prefix: str = "headgate."
    """What every topic's name, and every key inside the hash tag, starts with."""
    max_backlog: int = Field(default=100_000, ge=1)
    """Entries that one stream may hold before producers are made to wait (bus only)."""
    tls: Tls | None = None
    """Needs `rediss://`, which without it trusts the system's authorities."""

    @model_validator(mode="after")
    def _secured(self) -> Self:
        if self.tls is not None and not self.url.startswith("rediss://"):
            raise wrong("a url of rediss:// beside tls", f"{self.url.partition(':')[0]}://")
        return self


class Bus(Part):
    """Where requests come from and answers go; absent: embedded."""

    kafka: KafkaBus | None = None
    """Apache Kafka."""
    redis: RedisServer | None = None
    """Streams on a Redis or Valkey of your own."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.kafka is None) == (self.redis is None):
            raise wrong("one of kafka and redis", "none" if self.kafka is None else "both")
        return self


class Store(Part):
    """Where the journal lives; absent: embedded."""

    redis: RedisServer
    """The server."""


class Ledger(Part):
    """The DuckDB ledger."""

    path: str = "headgate.duckdb"
    """The database file; its snapshot for readers lies beside it."""
    batch_rows: int = Field(default=5_000, ge=1)
    """Rows of one append."""
    batch_seconds: Seconds = 1.0
    """How long rows may wait for an append."""
    snapshot_seconds: Seconds = 30.0
    """How old the readers' snapshot may be."""


class Deployment(Part):
    """Provider + upstream model + weight + price."""

    id: str = Field(min_length=1)
    """Its name in logs, metrics and the ledger."""
    provider: str
    """One of `providers`."""
    model: str
    """The provider's name of the model."""
    weight: float = Field(default=1, ge=0)
    """Its share among the deployments of its model."""
    order: int = Field(default=1, ge=0)
    """A deployment with a higher one is only used when all with a lower one are out."""
    tags: list[Tag] = []
    """What requests may ask for in their metadata's `tags`; `default`: serves those that ask for none."""
    context_window: int | None = Field(default=None, ge=1)
    """Tokens; absent: the model data's. A request whose input is surely longer does not go there."""
    capabilities: list[Capability] | None = None
    """What it can do; absent: the model data's. A request that needs more does not go there."""
    params: Params = {}
    """Fields of the body that are overridden; null takes a field out."""
    timeout: Seconds = 600.0
    """Of one attempt."""
    price: Price | None = None
    """Absent: the price list's."""
    service_tiers: dict[ServiceTierWord, ServiceTier] = {}
    """What its service tiers cost; absent: as its provider's, else as is known of the model."""
    limits: RateLimits = RateLimits()
    """Of its calls."""
    budgets: list[Budget] = []
    """Of its calls."""


class Model(Part):
    """What a request may ask for."""

    name: str = Field(min_length=1)
    """As it stands in the body."""
    deployments: list[Deployment] = []
    """In order of preference; absent: the route's targets are of other models."""
    route: Route = Route()
    """Which deployment is asked, and what is done when it fails."""
    limits: RateLimits = RateLimits()
    """Of all that ask for it."""
    budgets: list[Budget] = []
    """Of all that ask for it."""


class Defaults(Part):
    """What a request does not say."""

    key: str = "local"
    """The virtual key."""
    lane: Literal["urgent", "standard", "bulk"] = "standard"
    """The lane that `run` and `submit` use."""
    deadline: Seconds = 86_400.0
    """From arrival to the reply."""


class Limits(Part):
    """Bounds on what one worker takes in."""

    request_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    """A larger request is answered `request_too_large`."""
    in_flight: int = Field(default=2_000, ge=1)
    """Requests that one worker runs at a time."""
    in_flight_bytes: int = Field(default=64 * 1024 * 1024, ge=1024)
    """Bytes of their bodies."""


class Operations(Part):
    """How the processes are operated."""

    listen: str = "127.0.0.1"
    """Where /healthz, /readyz and /metrics are served."""
    worker_port: int = Field(default=9464, ge=0, le=65_535)
    """Of a worker; 0 picks a free one."""
    recorder_port: int = Field(default=9465, ge=0, le=65_535)
    """Of the recorder."""
    drain: Seconds = 20.0
    """How long a stopping worker waits for its calls."""
    commit_interval: Seconds = 0.05
    """How often answers are committed to the bus."""
    log: Literal["auto", "json", "text"] = "auto"
    """auto: text on a terminal, JSON lines elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged of Headgate itself; of its libraries, `warning`."""


class Config(Part):
    """The whole file. Every part may be absent."""

    bus: Bus | None = None
    """Absent: embedded."""
    store: Store | None = None
    """Absent: embedded."""
    ledger: Ledger = Ledger()
    """The ledger."""
    directory: str = ".headgate"
    """Where the embedded default keeps its files."""
    unpriced: Literal["refuse", "allow"] = "refuse"
    """What happens to a request whose price is unknown."""
    providers: dict[str, Provider] = {}
    """By id. Absent: the simulator answers."""
    models: list[Model] = []
    """Absent: any priced model, answered by the simulator."""
    keys: list[Key] = []
    """Virtual keys; a request that names another is refused. Absent: every name is an unlimited key."""
    workspaces: list[Workspace] = []
    """Tenants."""
    orgs: list[Org] = []
    """Of workspaces."""
    end_users: EachUser = EachUser()
    """For each end user."""
    metadata: list[EachValue] = []
    """For each value of metadata fields."""
    authentication: Authentication = Authentication()
    """How requests prove who they are."""
    admission: Admission = Admission()
    """Waiting and remembering."""
    reply_topics: list[str] = ["{prefix}replies.*"]
    """Patterns of topics that requests may name for their replies."""
    defaults: Defaults = Defaults()
    """What a request does not say."""
    limits: Limits = Limits()
    """Bounds of one worker."""
    operations: Operations = Operations()
    """Ports, logs, stopping."""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        errors = [
            *repeated(self.models),
            *unknown_providers(self.models, self.providers),
            *self._illegal_prefix(),
            *access_faults(self),
            *route_faults(self.models),
        ]
        if errors:
            raise ValidationError.from_exception_data("Config", errors)
        return self

    def _illegal_prefix(self) -> Iterator[InitErrorDetails]:
        if not is_legal_topic(f"{self.prefix}usage"):
            peer = "kafka" if self.bus and self.bus.kafka else "redis"
            expected = "at most 240 letters, digits, dots, dashes and underscores"
            yield at(("bus", peer, "prefix"), expected, repr(self.prefix))

    @property
    def prefix(self) -> str:
        """What every topic's name starts with."""
        if self.bus is None:
            return "headgate."
        peer = self.bus.kafka or self.bus.redis
        return "headgate." if peer is None else peer.prefix
