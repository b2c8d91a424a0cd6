"""From the config to the routes: every name resolved, every problem said at once, before anything is started."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..schemas.config import Config, Deployment, Model
from .plan import Routes
from .prices import from_config
from .providers.catalogue import SIMULATOR
from .providers.resolve import Resolved, Unresolved, resolve
from .target import Plan, RetryPolicy, Target


@dataclass(frozen=True, slots=True)
class Unroutable:
    """Why there are no routes: one sentence per problem."""

    problems: tuple[str, ...]


def build_routes(config: Config, simulator_url: str | None) -> Routes | Unroutable:
    """Resolve all deployments. `simulator_url` is who answers when no provider is configured."""
    resolved = {name: resolve(name, provider) for name, provider in config.providers.items()}
    problems = [problem for each in resolved.values() if isinstance(each, Unresolved) for problem in each.problems]
    if not config.providers and simulator_url is None:
        problems.append("providers: expected a provider, or the simulator's address, got neither")
    if problems:
        return Unroutable(tuple(problems))
    open_ = {name: template(name, each) for name, each in resolved.items() if isinstance(each, Resolved)}
    models = {model.name: _plan(model, open_) for model in config.models}
    if not config.providers and simulator_url is not None:
        open_ = {"": Target("", SIMULATOR, "", "openai", simulator_url.rstrip("/"), timeout=600.0)}
    return Routes(models, open_, RetryPolicy(), allow_unpriced=config.unpriced == "allow")


def template(name: str, provider: Resolved) -> Target:
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
    )


def _plan(model: Model, providers: Mapping[str, Target]) -> Plan:
    targets = tuple(_target(deployment, providers[deployment.provider]) for deployment in model.deployments)
    route = model.route
    return Plan(targets, RetryPolicy(route.retries, route.backoff, route.max_backoff))


def _target(deployment: Deployment, provider: Target) -> Target:
    has_timeout = "timeout" in deployment.model_fields_set
    return replace(
        provider,
        id=deployment.id,
        upstream_model=deployment.model,
        timeout=deployment.timeout if has_timeout else provider.timeout,
        weight=deployment.weight,
        price=None if deployment.price is None else from_config(deployment.price),
    )
