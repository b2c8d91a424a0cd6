"""From the config to the routes: every name resolved, every problem said at once, before anything is started."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..schemas.config import Config, Deployment, Model, Provider
from .plan import Routes
from .prices import from_config
from .providers.catalogue import CATALOGUE, SIMULATOR
from .target import Plan, RetryPolicy, Target


@dataclass(frozen=True, slots=True)
class Unroutable:
    """Why there are no routes: one sentence per problem."""

    problems: tuple[str, ...]


def build_routes(config: Config, simulator_url: str | None) -> Routes | Unroutable:
    """Resolve all deployments. `simulator_url` is who answers when no provider is configured."""
    problems = tuple(_problems(config, simulator_url))
    if problems:
        return Unroutable(problems)
    open_ = {name: _template(name, provider) for name, provider in config.providers.items()}
    if not config.providers and simulator_url is not None:
        open_ = {"": Target("", SIMULATOR, "", "openai", simulator_url.rstrip("/"), timeout=600.0)}
    models = {model.name: _plan(model, config) for model in config.models}
    return Routes(models, open_, RetryPolicy(), allow_unpriced=config.unpriced == "allow")


def _problems(config: Config, simulator_url: str | None) -> Iterator[str]:
    for name, provider in config.providers.items():
        if provider.base_url is None and name not in CATALOGUE:
            known = ", ".join(sorted(CATALOGUE))
            yield f"providers.{name}: expected a base_url, or an id of the catalogue ({known}), got neither"
    if not config.providers and simulator_url is None:
        yield "providers: expected a provider, or the simulator's address, got neither"


def _base_url(name: str, provider: Provider) -> str:
    return (provider.base_url or CATALOGUE[name].base_url).rstrip("/")


def _secret(provider: Provider) -> str | None:
    return None if provider.api_key is None else provider.api_key.get_secret_value()


def _template(name: str, provider: Provider) -> Target:
    """Make the target of requests that name their provider themselves: `provider/model`."""
    return Target("", name, "", provider.wire, _base_url(name, provider), timeout=600.0, api_key=_secret(provider))


def _plan(model: Model, config: Config) -> Plan:
    targets = tuple(_target(deployment, config) for deployment in model.deployments)
    route = model.route
    return Plan(targets, RetryPolicy(route.retries, route.backoff, route.max_backoff))


def _target(deployment: Deployment, config: Config) -> Target:
    provider = config.providers[deployment.provider]
    return Target(
        id=deployment.id,
        provider=deployment.provider,
        upstream_model=deployment.model,
        wire=provider.wire,
        base_url=_base_url(deployment.provider, provider),
        timeout=deployment.timeout,
        weight=deployment.weight,
        price=None if deployment.price is None else from_config(deployment.price),
        api_key=_secret(provider),
    )
