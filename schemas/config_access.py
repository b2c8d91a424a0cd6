"""Who may ask for what, how much, and at what cost: keys, workspaces, limits and budgets in the config file."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .config_part import Part
from .config_texts import Moment, PublicKey, Sha256, Zone
from .config_values import Seconds, wrong

_Count = Annotated[int, Field(ge=1, le=10**12)]
_FieldName = Annotated[str, Field(max_length=64)]
_FieldValue = Annotated[str, Field(max_length=512)]


class Limits(Part):
    """Rates and parallel calls. In any window of the stated length, wherever it begins, no more than this goes."""

    requests_per_second: _Count | None = None
    """Requests."""
    requests_per_minute: _Count | None = None
    """Requests."""
    requests_per_hour: _Count | None = None
    """Requests."""
    requests_per_day: _Count | None = None
    """Requests."""
    tokens_per_second: _Count | None = None
    """Input and output tokens."""
    tokens_per_minute: _Count | None = None
    """Input and output tokens."""
    tokens_per_hour: _Count | None = None
    """Input and output tokens."""
    tokens_per_day: _Count | None = None
    """Input and output tokens."""
    input_tokens_per_second: _Count | None = None
    """Input tokens."""
    input_tokens_per_minute: _Count | None = None
    """Input tokens."""
    input_tokens_per_hour: _Count | None = None
    """Input tokens."""
    input_tokens_per_day: _Count | None = None
    """Input tokens."""
    output_tokens_per_second: _Count | None = None
    """Output tokens."""
    output_tokens_per_minute: _Count | None = None
    """Output tokens."""
    output_tokens_per_hour: _Count | None = None
    """Output tokens."""
    output_tokens_per_day: _Count | None = None
    """Output tokens."""
    parallel: _Count | None = None
    """Calls at a time."""
    burst: float = Field(default=0.1, gt=0, le=1)
    """The share of each rate that may go at once after a pause; the rest follows evenly. 1: all of it."""


class Fallback(Part):
    """Where requests go when a budget is spent."""

    fallback: str
    """A cheaper model of this file."""


class Budget(Part):
    """So much money, or so many tokens or requests, in a calendar window. Exactly one of the three."""

    usd: Decimal | None = Field(default=None, gt=0, le=1_000_000)
    """US dollars."""
    tokens: _Count | None = None
    """Input and output tokens."""
    requests: _Count | None = None
    """Calls that were answered, or may have been."""
    per: Literal["hour", "day", "week", "month", "total"] = "month"
    """The window; weeks begin on Monday."""
    time_zone: Zone = "UTC"
    """Where its days begin, such as `Europe/Berlin`."""
    alert_at: list[Annotated[float, Field(gt=0, le=1)]] = [0.5, 0.8, 1.0]
    """Shares of it at which an event goes to the `alerts` topic, once each per window."""
    at_limit: Literal["defer", "refuse"] | Fallback = "defer"
    """Wait for the next window, refuse, or fall back to a cheaper model."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("usd", "tokens", "requests") if getattr(self, name) is not None]
        if len(given) != 1:
            raise wrong("one of usd, tokens and requests", " and ".join(given) or "none")
        return self


class Secret(Part):
    """What is kept of a bearer secret: enough to recognise it, not to forge it."""

    sha256: Sha256
    """Hexadecimal digest; secrets are 256 random bits, so that one round is enough."""


class Workspace(Part):
    """The tenant that keys belong to."""

    id: str = Field(min_length=1)
    """Its name."""
    org: str | None = None
    """One of `orgs`; where the file has none, a name that only reports use."""
    reply_topics: list[str] | None = None
    """Patterns of topics for the replies to its keys, which nobody else may use then; absent: the file's."""
    limits: Limits = Limits()
    """Of all its keys together."""
    budgets: list[Budget] = []
    """Of all its keys together."""


class Org(Part):
    """Workspaces that pay together."""

    id: str = Field(min_length=1)
    """Its name."""
    limits: Limits = Limits()
    """Of all its workspaces together."""
    budgets: list[Budget] = []
    """Of all its workspaces together."""


class Key(Part):
    """A virtual key: who asks and who pays."""

    id: str = Field(min_length=1, max_length=512)
    """What requests name."""
    secret: Secret | None = None
    """Absent: no bearer secret is accepted."""
    public_key: PublicKey | None = None
    """`ed25519:` and the public key in Base64; absent: no signature is accepted."""
    former: list[Secret] = []
    """Secrets that are still accepted after a rotation."""
    former_public_keys: list[PublicKey] = []
    """Public keys that are still accepted after a rotation."""
    workspace: str | None = None
    """One of `workspaces`; where the file has none, a name that only reports use."""
    models: list[str] = ["*"]
    """Patterns of models that it may ask for."""
    reply_topics: list[str] | None = None
    """Patterns of topics for its replies, which nobody else may use then; absent: its workspace's."""
    lane: Literal["urgent", "standard", "bulk"] | None = None
    """The most urgent lane that it may use; a request from a more urgent one counts as of this one."""
    weight: float = Field(default=1, gt=0, le=1000)
    """Its share when keys compete."""
    expires: Moment | None = None
    """From then on its requests are refused; a time with its zone."""
    metadata: dict[_FieldName, _FieldValue] = Field(default={}, max_length=16)
    """Added to the metadata of its requests, and stronger than theirs."""
    limits: Limits = Limits()
    """Its own."""
    budgets: list[Budget] = []
    """Its own."""

    @property
    def proofs(self) -> frozenset[str]:
        """How its requests may prove it: words of `Authentication.accept`."""
        bearer = {"bearer"} if self.secret or self.former else set[str]()
        signature = {"signature"} if self.public_key or self.former_public_keys else set[str]()
        return frozenset(bearer | signature or {"trusted"})


class EachUser(Part):
    """For each end user, told apart by the body's `safety_identifier` or `user`."""

    limits: Limits = Limits()
    """Of each."""
    budgets: list[Budget] = []
    """Of each."""


class EachValue(Part):
    """For each value of a metadata field."""

    field: str = Field(min_length=1, max_length=64)
    """The metadata field."""
    limits: Limits = Limits()
    """Of each value."""
    budgets: list[Budget] = []
    """Of each value."""


class Authentication(Part):
    """How requests prove that they come from their key."""

    accept: list[Literal["signature", "bearer", "trusted"]] = ["signature", "bearer", "trusted"]
    """`trusted`: keys without secret and public key need no proof; the broker has authenticated whoever writes."""
    max_age: Seconds = 300.0
    """How far a signature's time may be from the request's arrival."""


class Admission(Part):
    """Waiting and remembering."""

    wait_in_memory: Seconds = 10.0
    """A request that has to wait longer is parked on a deferral topic."""
    dead_after: Seconds = 10.0
    """After so long a silence a worker counts as dead: its claims and its parallel slots are given to others."""
    keep_answers: Seconds = 90_000.0
    """How long a request that is sent again gets the stored answer: an hour longer than the default deadline."""
    keep_answers_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)
    """The most that all stored answers may take in the store; the oldest go first."""
