"""A deployment, resolved: everything that a call needs, from config, catalogue and price list."""

from dataclasses import dataclass, field

import msgspec

from ..schemas.config_prices import ServiceTier
from .credentials import Credential
from .prices import Price
from .service import Service


@dataclass(frozen=True, slots=True)
class Target:
    """Provider + upstream model + credential + price. The credential is not shown."""

    id: str
    provider: str
    upstream_model: str
    wire: str
    #: Up to and including the version, without a slash at the end.
    base_url: str
    timeout: float
    weight: float = 1.0
    #: The config's; a plan fills in the price list's where there is none.
    price: Price | None = None
    api_key: str | None = field(default=None, repr=False)
    #: The names of its provider's credentials; the shell knows their secrets.
    credentials: tuple[Credential, ...] = ()
    #: The name of the credential that was chosen for an attempt, where there are several.
    credential: str | None = None
    #: The id of the catalogue that its provider is, where the config calls it otherwise.
    like: str | None = None
    #: How its provider speaks the wire.
    service: Service = field(default_factory=Service, repr=False)
    #: Fields of the body that the route overrides, each as JSON; null takes the field out.
    params: tuple[tuple[str, bytes], ...] = ()
    #: What the config says of its service tiers.
    service_tiers: tuple[tuple[str, ServiceTier], ...] = ()
    #: The service tier that an attempt asks for; None: it does not ask.
    tier: str | None = None

    @property
    def listed_as(self) -> str:
        """What lists of prices, models and errors call its provider."""
        return self.like or self.provider


@dataclass(frozen=True, slots=True)
class FlexPolicy:
    """How patient a request is that asks for the flex tier; times are seconds."""

    #: Attempts after the first that may find no capacity, before the standard tier is asked.
    retries: int = 10
    #: Doubles with every one.
    backoff: float = 5.0
    max_backoff: float = 300.0
    #: Of one attempt, if it is more than the deployment's.
    timeout: float = 900.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently one request is tried."""

    #: Attempts after the first.
    retries: int = 4
    #: Seconds; doubles with every retry.
    backoff: float = 0.5
    #: Seconds; a provider's Retry-After may be longer and is honoured.
    max_backoff: float = 60.0
    flex: FlexPolicy = field(default_factory=FlexPolicy)


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Models that are asked instead, in order, by what went wrong."""

    #: After any failure that another model might not have.
    general: tuple[str, ...] = ()
    #: When the input is longer than the model's context, or than the provider takes; else `general`.
    context_window: tuple[str, ...] = ()
    #: When the provider's content policy refuses; else `general`.
    content_policy: tuple[str, ...] = ()
    #: By HTTP status, as `429` or `5xx`; before `general`.
    by_status: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: The most models that one request may be sent on to.
    most: int = 5

    @property
    def models(self) -> tuple[str, ...]:
        """All of them, each once."""
        named = (
            *self.general,
            *self.context_window,
            *self.content_policy,
            *(m for _, to in self.by_status for m in to),
        )
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second attempt beside one that is slow; whichever is answered first counts, and both are billed."""

    #: Seconds that the first attempt has had.
    after: float


@dataclass(frozen=True, slots=True)
class Shadow:
    """A copy of the request that another model gets; its answer is only recorded."""

    model: str


class Plan(msgspec.Struct, frozen=True):
    """Where a request may go, in order, and how often."""

    targets: tuple[Target, ...]
    policy: RetryPolicy
    fallbacks: Fallbacks = Fallbacks()
    hedge: Hedge | None = None
    #: Set where this request is one of those that are copied.
    shadow: Shadow | None = None

    def beginning_with(self, deployment: str | None) -> "Plan":
        """Return the plan with a deployment tried first, if it is in it."""
        if deployment is None or deployment == self.targets[0].id:
            return self
        first = sorted(self.targets, key=lambda target: target.id != deployment)
        return msgspec.structs.replace(self, targets=tuple(first))

    def target(self, attempt: int) -> Target:
        """Return the target of attempt number `attempt` (from 1): each in turn."""
        return self.targets[(attempt - 1) % len(self.targets)]
