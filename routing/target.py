"""A deployment, resolved: everything that a call needs, from config, catalogue and price list."""

from dataclasses import dataclass, field

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
    #: How its provider speaks the wire.
    service: Service = field(default_factory=Service, repr=False)
    #: Fields of the body that the route overrides, each as JSON; null takes the field out.
    params: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently one request is tried."""

    #: Attempts after the first.
    retries: int = 4
    #: Seconds; doubles with every retry.
    backoff: float = 0.5
    #: Seconds; a provider's Retry-After may be longer and is honoured.
    max_backoff: float = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a request may go, in order, and how often."""

    targets: tuple[Target, ...]
    policy: RetryPolicy

    def target(self, attempt: int) -> Target:
        """Return the target of attempt number `attempt` (from 1): each in turn."""
        return self.targets[(attempt - 1) % len(self.targets)]
