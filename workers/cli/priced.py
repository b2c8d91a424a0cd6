"""What models cost, as the config and the price list say: what `headgate prices` looks at."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...routing.price_list import GenaiPrices
from ...routing.prices import Price, from_config
from ...routing.providers.catalogue import SIMULATOR, catalogue, id_of, row_of
from ...routing.service_tiers import with_config
from ...schemas.config import Config, Deployment


@dataclass(frozen=True, slots=True)
class Priced:
    """A model at a provider, and what it costs; None: nobody knows."""

    provider: str
    model: str
    price: Price | None
    #: What the list says, whatever the config does.
    listed: Price | None
    #: Its deployment, empty where the config has none.
    deployment: str = ""
    #: The model of the config that the deployment is of.
    group: str = ""


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The config and the list together, at a time in unix microseconds (None: now)."""

    config: Config
    prices: GenaiPrices
    at_us: int | None = None

    def deployments(self) -> Iterator[Priced]:
        """Yield all deployments of the config."""
        for model in self.config.models:
            for deployment in model.deployments:
                yield self._deployment(model.name, deployment)

    def _deployment(self, group: str, deployment: Deployment) -> Priced:
        listed = self.prices.find(self._listed_as(deployment.provider), deployment.model, self.at_us)
        said = self.config.providers.get(deployment.provider)
        tiers = (*(() if said is None else said.service_tiers.items()), *deployment.service_tiers.items())
        base = listed if deployment.price is None else from_config(deployment.price)
        price = None if base is None else with_config(base, tiers)
        return Priced(deployment.provider, deployment.model, price, listed, deployment.id, group)

    def _listed_as(self, provider: str) -> str:
        """Return what the list calls a provider, which the config may have under another name."""
        said = self.config.providers.get(provider)
        return id_of(provider if said is None or said.like is None else said.like, catalogue()) or provider

    def named(self, name: str, provider: str | None = None) -> list[Priced]:
        """Return what a name means: a model or deployment of the config, else a provider's name of a model."""
        ours = [
            each
            for each in self.deployments()
            if name in {each.group, each.deployment} and provider in {None, each.provider}
        ]
        return ours or [each for each in self._listed(name, provider) if each.price is not None]

    def _listed(self, name: str, provider: str | None) -> Iterator[Priced]:
        owner, slash, rest = name.partition("/")
        if provider is not None:
            yield self._at(provider, name)
        elif slash and (owner in self.config.providers or row_of(owner, catalogue()) is not None):
            yield self._at(owner, rest)
        else:
            for each in self.config.providers or (*catalogue(), SIMULATOR):
                yield self._at(each, name)

    def _at(self, provider: str, model: str) -> Priced:
        said = self.config.providers.get(provider)
        listed = self.prices.find(self._listed_as(provider), model, self.at_us)
        price = listed if listed is None or said is None else with_config(listed, said.service_tiers.items())
        return Priced(provider, model, price, listed)
