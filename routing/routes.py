"""From the config to the routes: every name resolved, every problem said at once, before anything is started."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..schemas.config import Config, Deployment, Model
from ..schemas.config_providers import Provider
from ..schemas.config_routes import Flex
from .models import NO_MODEL_DATA, ModelData
from .plan import ModelRoute, Routes
from .prices import from_config
from .providers.catalogue import SIMULATOR
from .providers.resolve import Resolved, Unresolved, resolve
from .service_tiers import with_config
from .target import Fallbacks, FlexPolicy, Hedge, RetryPolicy, Shadow, Target
from .tree.build import Ground, tree_of


@dataclass(frozen=True, slots=True)
class Unroutable:
    """Why there are no routes: one sentence per problem."""

    problems: tuple[str, ...]


def build_routes(config: Config, simulator_url: str | None, data: ModelData = NO_MODEL_DATA) -> Routes | Unroutable:
    """Resolve all deployments and compile all routes.

    `simulator_url` is who answers when no provider is configured, `data` is what is known of models.
    """
    resolved = {name: resolve(name, provider) for name, provider in config.providers.items()}
    problems = [problem for each in resolved.values() if isinstance(each, Unresolved) for problem in each.problems]
    if not config.providers and simulator_url is None:
        problems.append("providers: expected a provider, or the simulator's address, got neither")
    if problems:
        return Unroutable(tuple(problems))
    open_ = {
        name: template(name, each, config.providers[name])
        for name, each in resolved.items()
        if isinstance(each, Resolved)
    }
    if not config.providers and simulator_url is not None:
        open_ = {"": Target("", SIMULATOR, "", "openai", simulator_url.rstrip("/"), timeout=600.0)}
    ground = _ground(config, data, open_)
    return Routes(
        {model.name: _route(model, ground) for model in config.models},
        open_,
        RetryPolicy(),
        allow_unpriced=config.unpriced == "allow",
        workspaces={key.id: key.workspace for key in config.keys if key.workspace is not None},
    )


def _ground(config: Config, data: ModelData, providers: Mapping[str, Target]) -> Ground:
    deployments = {each.id: each for model in config.models for each in model.deployments}
    targets = {name: _target(each, providers[each.provider]) for name, each in deployments.items()}
    return Ground({model.name: model for model in config.models}, deployments, targets, data)


def template(name: str, provider: Resolved, said: Provider | None = None) -> Target:
    """Make the target of requests that name their provider themselves: `provider/model`."""
    return Target(
        id="",
        provider=name,
        upstream_model="",
        wire=provider.wire,
        base_url=provider.base_url,
        timeout=provider.timeout,
        api_key=provider.api_key,
        credentials=provider.credentials,
        service=provider.service,
        service_tiers=() if said is None else tuple(said.service_tiers.items()),
        like=provider.like,
    )


def _route(model: Model, ground: Ground) -> ModelRoute:
    route = model.route
    return ModelRoute(
        tree_of(model, ground),
        RetryPolicy(route.retries, route.backoff, route.max_backoff, _flex(route.flex)),
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


def _flex(flex: Flex) -> FlexPolicy:
    return FlexPolicy(flex.retries, flex.backoff, flex.max_backoff, flex.timeout)


def _target(deployment: Deployment, provider: Target) -> Target:
    has_timeout = "timeout" in deployment.model_fields_set
    tiers = (*provider.service_tiers, *deployment.service_tiers.items())
    return replace(
        provider,
        id=deployment.id,
        upstream_model=deployment.model,
        timeout=deployment.timeout if has_timeout else provider.timeout,
        weight=deployment.weight,
        price=None if deployment.price is None else with_config(from_config(deployment.price), tiers),
        service_tiers=tiers,
    )
