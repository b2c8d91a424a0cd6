"""How a request finds its deployment, in the config file: a tree of targets, and what is done when one fails."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from .conditions import Path, When
from .config_breaker import Breaker
from .config_part import Part
from .config_values import Seconds, wrong

Strategy = Literal[
    "single",
    "fallback",
    "weighted",
    "round-robin",
    "least-busy",
    "lowest-latency",
    "lowest-cost",
    "usage-based",
    "conditional",
    "sticky",
    "canary",
]
Capability = Literal["tools", "vision", "json_schema", "reasoning"]

#: Fields of a body that are nobody's to override: what is asked for, what is asked, and how it is answered.
_NOT_OVERRIDDEN = ("model", "messages", "input", "stream")


def _params(params: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Check that a route overrides parameters only."""
    for name in _NOT_OVERRIDDEN:
        if name in params:
            raise wrong(f"parameters other than {', '.join(_NOT_OVERRIDDEN)}", name)
    return params


Params = Annotated[dict[str, JsonValue], AfterValidator(_params)]
Share = Annotated[float, Field(ge=0, le=1)]
Tag = Annotated[str, Field(pattern=r"^[^!,\s][^,\s]*$")]
#: `429`, or `5xx`.
Status = Annotated[str, Field(pattern=r"^[1-5](\d\d|xx)$")]


class Choice(Part):
    """Where requests go for which a condition holds."""

    when: When
    """Paths with what they are held against; all of it has to hold."""
    then: str
    """The name of a target beside it."""


class Branching(Part):
    """How one of several targets is chosen."""

    explore: Share | None = None
    """lowest-latency: the share of requests that try another than the fastest; absent: 0.05."""
    sticky_on: list[Path] = []
    """sticky: what must be the same for requests to go to the same target."""
    conditions: list[Choice] = []
    """conditional: the first that holds decides."""
    default: str | None = None
    """conditional: the name of the target when none holds; absent: such requests are refused."""
    params: Params = {}
    """Fields of the body that are overridden for all targets below, and there too; null takes a field out."""


class Node(Branching):
    """A target: a deployment, all of a model, or targets of its own. Exactly one of the three."""

    deployment: str | None = None
    """A deployment of this file."""
    model: str | None = None
    """A model of this file: all that its own route leads to."""
    targets: list["Node"] = []
    """Targets of its own."""
    strategy: Strategy = "weighted"
    """How one of its own targets is chosen."""
    name: str | None = None
    """What `then` and `default` call it; absent: the deployment or the model."""
    weight: float | None = Field(default=None, ge=0)
    """Its share among the targets beside it; absent: the deployment's, or 1."""
    order: int | None = Field(default=None, ge=0)
    """A target with a higher one is only used when all with a lower one are out; absent: the deployment's, or 1."""
    when: When | None = None
    """Passed over by requests for which this does not hold."""
    share: Share | None = None
    """canary: the share of requests that it gets; the rest go to the first target without one."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("deployment", "model") if getattr(self, name) is not None]
        given += ["targets"] if self.targets else []
        if len(given) != 1:
            raise wrong("one of deployment, model and targets", " and ".join(given) or "none")
        return self

    @property
    def label(self) -> str | None:
        """What it is called by the targets around it."""
        return self.name or self.deployment or self.model


class Hedge(Part):
    """A second attempt beside one that is slow. Whichever is answered first counts; both are billed."""

    after: Seconds
    """How long the first attempt is given."""


class Flex(Part):
    """How patient requests are that ask for the flex tier, before they are answered on the standard one."""

    retries: int = Field(default=10, ge=0, le=1000)
    """Attempts after the first that may find no capacity; they do not count as the route's retries."""
    backoff: Seconds = 5.0
    """The first wait for capacity; it doubles, with jitter."""
    max_backoff: Seconds = 300.0
    """The longest wait for capacity."""
    timeout: Seconds = 900.0
    """Of one attempt, if it is more than the deployment's: the tier is slow."""


class Shadow(Part):
    """A copy of requests that another model gets; its answers are only recorded, and billed."""

    model: str
    """A model of this file."""
    share: Share = 1.0
    """The share of requests that are copied."""


class Route(Branching):
    """How a request finds its deployment, and what is done when that fails."""

    strategy: Strategy = "weighted"
    """How one of the targets is chosen; the others are second choices."""
    targets: list[Node] = []
    """A tree. Absent: all deployments of the model."""
    retries: int = Field(default=4, ge=0, le=100)
    """Attempts after the first, over all deployments and fallbacks."""
    backoff: Seconds = 0.5
    """The first wait between attempts; it doubles, with jitter."""
    max_backoff: Seconds = 60.0
    """The longest wait, unless the provider asks for a longer one."""
    fallbacks: list[str] = []
    """Models that are asked instead, in order, after a failure that another model might not have."""
    context_window_fallbacks: list[str] = []
    """Models that are asked when the input is too long, or larger than a provider takes; absent: `fallbacks`."""
    content_policy_fallbacks: list[str] = []
    """Models that are asked when the content policy refuses; absent: `fallbacks`."""
    status_fallbacks: dict[Status, list[str]] = {}
    """Models by HTTP status, such as 429 or 5xx; they come before `fallbacks`."""
    max_fallbacks: int = Field(default=5, ge=0, le=100)
    """The most models that one request is sent on to."""
    hedge: Hedge | None = None
    """Absent: one attempt at a time."""
    shadow: Shadow | None = None
    """Absent: nothing is copied."""
    flex: Flex = Flex()
    """Of requests whose `service_tier` is `flex`."""
    breaker: Breaker = Breaker()
    """When a deployment counts as out."""

    @property
    def all_fallbacks(self) -> Mapping[tuple[str, ...], list[str]]:
        """The lists of models that are asked instead, by where they stand."""
        return {
            ("fallbacks",): self.fallbacks,
            ("context_window_fallbacks",): self.context_window_fallbacks,
            ("content_policy_fallbacks",): self.content_policy_fallbacks,
            **{("status_fallbacks", status): models for status, models in self.status_fallbacks.items()},
        }
