"""The config of providers: who is called, how, and with which credentials."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from .config_access import Budget
from .config_access import Limits as RateLimits
from .config_part import Part
from .config_prices import ServiceTier, ServiceTierWord
from .config_texts import BaseUrl
from .config_values import Seconds, wrong

#: Wire families, auth and reasoning styles, endpoints: by name. What they do is known in `routing`.
Wire = Literal[
    "openai",
    "azure-openai",
    "anthropic",
    "gemini",
    "vertex",
    "vertex-anthropic",
    "bedrock-converse",
    "cohere",
    "voyage",
    "jina",
]
AuthStyle = Literal[
    "bearer", "key", "x-api-key", "api-key", "x-goog-api-key", "api-subscription-key", "sigv4", "google", "none"
]
ReasoningStyle = Literal[
    "effort", "nested", "thinking", "thinking-effort", "budget", "toggle", "template", "flag", "none"
]
EndpointWord = Literal["chat", "embeddings", "responses", "moderations", "images", "transcriptions", "rerank"]

_Path = Annotated[str, Field(pattern=r"^/[^\s?#]*$")]
_HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
_HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
_QueryText = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]+$")]
#: It becomes part of a URL, and must not lead to another host.
_Option = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

_ONE: Final = "one of api_key, file and exec"


class Credential(Part):
    """One of a provider's credentials: a reference to the environment, a file, or a command."""

    api_key: SecretStr | None = None
    """A reference to the environment."""
    file: str | None = Field(default=None, min_length=1)
    """Holds the secret alone; read again when it changes."""
    exec: list[str] | None = Field(default=None, min_length=1)
    """A command and its arguments, which prints the secret; run without a shell."""
    refresh: Seconds = 300.0
    """How often the command is run."""
    weight: float = Field(default=1, ge=0)
    """Its share of the provider's calls."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("api_key", "file", "exec") if getattr(self, name) is not None]
        if len(given) != 1:
            raise wrong(_ONE, " and ".join(given) or "none")
        return self


class Provider(Part):
    """Who is called. An id of the catalogue needs a credential only; what else is said here is stronger."""

    like: str | None = Field(default=None, min_length=1)
    """The id of the catalogue that it is, where its name is another: a second account, a region; absent: its name."""
    wire: Wire | None = None
    """The wire family; absent: the catalogue's, else `openai`."""
    base_url: BaseUrl | None = None
    """Up to and including `/v1`; absent: the catalogue's."""
    api_key: SecretStr | None = None
    """A reference to the environment; absent, and without a `base_url`: the catalogue's own variables are read."""
    credentials: list[Credential] = []
    """Instead of `api_key`: several, or such that change."""
    auth: AuthStyle | None = None
    """How the credential is shown; absent: the catalogue's, else `bearer`. For `sigv4` it is `ID:SECRET[:TOKEN]`."""
    options: dict[str, _Option] = {}
    """What the base URL names in braces, and what the wire family needs besides: region, resource, project."""
    headers: dict[_HeaderName, _HeaderValue] = {}
    """Sent with every call. Not for secrets, which belong into `api_key`."""
    query: dict[_QueryText, _QueryText] = {}
    """Appended to every URL."""
    endpoints: list[EndpointWord] | None = None
    """What it serves; absent: what the catalogue says, else whatever the wire family knows."""
    paths: dict[EndpointWord, _Path] = {}
    """What follows the base URL, by endpoint; `{model}` stands for the deployment's model."""
    drop: list[str] = []
    """Parameters that may be left out where it does not take them; `*`: all. The reply says what was left out."""
    emulate: list[Literal["n"]] = []
    """Parameters that may be made up for where it does not take them: `n`, by as many calls. Stronger than `drop`."""
    supported: list[str] = []
    """Parameters that it takes, whatever the catalogue says."""
    reasoning: ReasoningStyle | None = None
    """How it takes `reasoning_effort`; absent: the catalogue's, else as it is."""
    timeout: Seconds = 600.0
    """Of one attempt, unless the deployment has its own."""
    service_tiers: dict[ServiceTierWord, ServiceTier] = {}
    """What its service tiers cost, for all of its models; absent: what is known of each."""
    limits: RateLimits = RateLimits()
    """Of all calls with this credential."""
    budgets: list[Budget] = []
    """Of all calls with this credential."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.api_key is not None and self.credentials:
            raise wrong("either api_key or credentials", "both")
        return self
