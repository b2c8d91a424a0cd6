"""How one provider speaks its wire: what is said of it in the catalogue and in the config, resolved."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ..schemas.request import Endpoint

#: OpenAI's own maximum of `n` (its OpenAPI document): no attempt is made of more calls.
MOST_TWINS: Final = 128


class Auth(enum.StrEnum):
    """How a call shows its credential."""

    #: `Authorization: Bearer …`
    BEARER = "bearer"
    #: `Authorization: Key …` (Bytez, fal).
    KEY = "key"
    #: `x-api-key: …` (Anthropic).
    X_API_KEY = "x-api-key"
    #: `api-key: …` (Azure OpenAI).
    API_KEY = "api-key"
    #: `x-goog-api-key: …` (Gemini).
    X_GOOG_API_KEY = "x-goog-api-key"
    #: `api-subscription-key: …` beside the bearer token (Sarvam).
    API_SUBSCRIPTION_KEY = "api-subscription-key"
    #: AWS Signature Version 4: the shell signs the finished call.
    SIGV4 = "sigv4"
    #: A bearer token that the shell gets from Google for a service account.
    GOOGLE = "google"
    #: Nothing is shown.
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ParameterRules:
    """What a provider does to parameters of OpenAI's wire, by their names there."""

    rename: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: Not understood there: refused, unless the config allows to drop them.
    unsupported: frozenset[str] = frozenset()
    #: The least and most of a number; outside of it is refused, unless the config allows to drop the parameter.
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))
    #: What values are called there, as JSON, by parameter: `{"tool_choice": {'"required"': '"any"'}}`.
    values: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    #: What has to be in every body, as JSON, whatever the request says.
    fixed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: Whether a message's content has to be one text instead of a list of parts.
    text_only: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """What a wire family has to know of a provider beyond its base URL."""

    #: By endpoint: what follows the base URL, or a whole URL; `{model}` stands for the deployment's model, URL-encoded.
    #: None: the family's own paths. An endpoint that is not here is refused before any socket opens.
    paths: Mapping[Endpoint, str] | None = None
    auth: Auth = Auth.BEARER
    #: Sent with every call, beside the credential.
    headers: tuple[tuple[str, str], ...] = ()
    #: Appended to every URL.
    query: tuple[tuple[str, str], ...] = ()
    rules: ParameterRules = field(default_factory=ParameterRules)
    #: How the provider takes `reasoning_effort`: the name of a style (`providers/reasoning.py`).
    reasoning: str = "effort"
    #: Parameters that the config allows to drop where the provider cannot honour them; `*`: all.
    drop: frozenset[str] = frozenset()
    #: What URL and family need besides: region, project, location, resource, api_version ...
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: The most choices that one call is asked for, where the config allows to make more of them by as many calls; None:
    #: all are asked for in one call, whatever comes of it.
    fan_out_over: int | None = None

    def twins(self, choices: int) -> int:
        """Return how many calls make so many choices of a chat: one for each, or one for all."""
        if self.fan_out_over is None or not self.fan_out_over < choices <= MOST_TWINS:
            return 1
        return choices

    def may_drop(self, parameter: str) -> bool:
        """Say whether the config allows to leave a parameter out."""
        return "*" in self.drop or parameter in self.drop
