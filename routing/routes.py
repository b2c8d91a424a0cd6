"""From the config to the routes: every name resolved, every problem said at once, before anything is started."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..schemas.config import Config, Deployment, Model, Provider
from .models import NO_MODEL_DATA, ModelData
from .plan import ModelRoute, Routes
from .prices import from_config
from .providers.catalogue import CATALOGUE, SIMULATOR
from .target import Fallbacks, Hedge, RetryPolicy, Shadow, Target
from .tree.build import Ground, tree_of


@dataclass(frozen=True, slots=True)
class Unroutable:
    """Why there are no routes: one sentence per problem."""

    problems: tuple[str, ...]


def build_routes(config: Config, simulator_url: str | None, data: ModelData = NO_MODEL_DATA) -> Routes | Unroutable:
    """Resolve all deployments and compile all routes.

    `simulator_url` is who answers when no provider is configured, `data` is what is known of models.
    """
    problems = tuple(_problems(config, simulator_url))
    if problems:
        return Unroutable(problems)
    open_ = {name: _template(name, provider) for name, provider in config.providers.items()}
    if not config.providers and simulator_url is not None:
        open_ = {"": Target("", SIMULATOR, "", "openai", simulator_url.rstrip("/"), timeout=600.0)}
    ground = _ground(config, data)
    return Routes(
        {model.name: _route(model, ground) for model in config.models},
        open_,
        RetryPolicy(),
        allow_unpriced=config.unpriced == "allow",
        workspaces={key.id: key.workspace for key in config.keys if key.workspace is not None},
    )


def _ground(config: Config, data: ModelData) -> Ground:
    deployments = {each.id: each for model in config.models for each in model.deployments}
    targets = {name: _target(each, config) for name, each in deployments.items()}
    return Ground({model.name: model for model in config.models}, deployments, targets, data)


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


def _route(model: Model, ground: Ground) -> ModelRoute:
    route = model.route
    return ModelRoute(
        tree_of(model, ground),
        RetryPolicy(route.retries, route.backoff, route.max_backoff),
        Fallbacks(
            tuple(route.fallbacks),
            tuple(route.context_window_fallbacks),
            tuple(route.content_policy_fallbacks),
            tuple((status, tuple(models)) for status, models in route.status_fallbacks.items()),
            route.max_fallbacks,
        ),
        None if route.hedge is None else Hedge(route.hedge.after),
        None if route.shadow is None else Shadow(route.shadow.model),
        0.0 if route.shadow is None else route.shadow.share,
    )


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
