"""By which rule each circuit opens: a deployment's by its model's route, a credential's by one that all share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ...schemas.config_breaker import Breaker
from .breaker import BreakerRule

_SECOND_US: Final = 1_000_000
_CREDENTIAL: Final = "credential:"

#: One fault of a credential is enough: whoever has no money, or no right, has none a second later. From a minute to an
#: hour.
CREDENTIAL_RULE: Final = BreakerRule(0.0, 1, 60 * _SECOND_US, 60 * _SECOND_US, 3600 * _SECOND_US)


def credential_name(provider: str, number: int | None = None) -> str:
    """Return what a provider's credential is called among circuits; the number, if it has several."""
    return f"{_CREDENTIAL}{provider}" if number is None else f"{_CREDENTIAL}{provider}#{number}"


def breaker_rule(breaker: Breaker) -> BreakerRule:
    """Return a rule as the config has it."""
    return BreakerRule(
        breaker.failure_ratio,
        breaker.minimum,
        _us(breaker.window),
        _us(breaker.cooldown),
        _us(breaker.max_cooldown),
    )


def _us(seconds: float) -> int:
    return max(round(seconds * _SECOND_US), 1)


#: The config's own, where it says nothing.
USUAL_RULE: Final = breaker_rule(Breaker())


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """The rule of each circuit, by its name."""

    #: By deployment.
    deployments: Mapping[str, BreakerRule] = field(default_factory=lambda: MappingProxyType({}))
    #: Of deployments that are not there: without a config their names come from requests.
    usual: BreakerRule = USUAL_RULE

    def of(self, name: str) -> BreakerRule:
        """Return the rule of a deployment, or of a credential."""
        if name.startswith(_CREDENTIAL):
            return CREDENTIAL_RULE
        return self.deployments.get(name, self.usual)
