"""From a request to a plan: which deployments may answer it, in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ..schemas.failures import Code, Failure, failure
from ..schemas.request import Request
from .prices import Price, fitting
from .standing import Standing
from .target import Fallbacks, Hedge, Plan, RetryPolicy, Shadow, Target
from .tree.chance import seed_of, uniform
from .tree.node import PriceFinder as PriceFinder  # noqa: PLC0414 - re-exported: who plans has to bring one
from .tree.node import Tree, with_price
from .tree.walk import Surroundings, Walk


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """The route of one model, compiled."""

    tree: Tree
    policy: RetryPolicy
    fallbacks: Fallbacks = field(default_factory=Fallbacks)
    hedge: Hedge | None = None
    shadow: Shadow | None = None
    #: The share of requests that are copied to the shadow.
    shadow_share: float = 0.0


class Openings:
    """Deployments of models that only requests name, remembered: to make one takes longer than all else of a plan."""

    def __init__(self, most: int = 1_000) -> None:
        """Names come from requests, so no more than so many are remembered; then it is begun anew."""
        self._most = most
        self._made: dict[tuple[str, str], tuple[Price | None, Target]] = {}

    def __repr__(self) -> str:
        return f"<Openings {len(self._made)}>"

    def target(self, template: Target, model: str, price: Price | None) -> Target:
        """Return a provider's model at a price of the list."""
        name = (template.provider, model)
        made = self._made.get(name)
        if made is None or made[0] is not price:
            if len(self._made) >= self._most:
                self._made.clear()
            target = replace(template, id=f"{template.provider}/{model}", upstream_model=model)
            made = self._made[name] = (price, with_price(target, price))
        return made[1]


@dataclass(frozen=True, slots=True)
class Routes:
    """All that planning knows: the config's models, and templates for models that it does not name."""

    models: Mapping[str, ModelRoute]
    #: Targets by provider whose model is filled in from the request; "" answers any priced model.
    open: Mapping[str, Target]
    policy: RetryPolicy
    allow_unpriced: bool = False
    #: By key, for conditions.
    workspaces: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: What was made of `open`.
    openings: Openings = field(default_factory=Openings, compare=False)

    def nobody(self, model: str) -> Plan:
        """Return the plan of a request for a model whose deployments it fits none of: how else it may go on."""
        route = self.models.get(model)
        return Plan((), self.policy) if route is None else Plan((), route.policy, route.fallbacks)


def make_plan(request: Request, routes: Routes, prices: PriceFinder, standing: Standing) -> Plan | Failure:
    """Return where the request goes, or why it cannot. Depends on the request's id for chance, so it is repeatable."""
    route = routes.models.get(request.model)
    if route is None:
        return _open_plan(request, routes, prices)
    around = Surroundings(prices, standing, allow_unpriced=routes.allow_unpriced)
    walk = Walk(request, routes.workspaces.get(request.key), route.tree, around)
    targets = walk.through(route.tree)
    if isinstance(targets, Failure):
        return targets
    return Plan(targets, route.policy, route.fallbacks, route.hedge, _shadow(route, walk.seed))


def _shadow(route: ModelRoute, seed: int) -> Shadow | None:
    """Return the shadow if this request is one of its share."""
    if route.shadow is None:
        return None
    return route.shadow if uniform(seed, seed_of(f"shadow {route.shadow.model}")) <= route.shadow_share else None


def _open_plan(request: Request, routes: Routes, prices: PriceFinder) -> Plan | Failure:
    """Plan for a model that the config does not name, where the request's own name of it says whose it is."""
    model = request.model
    template, name = _template(model, routes)
    listed = None if template is None else prices.find(template.listed_as, name)
    price = None if template is None else fitting(listed, request.endpoint, template.wire)
    # The simulator answers whatever has a price; a name without one is a mistake.
    if template is None or (listed is None and template is routes.open.get("")):
        known = ", ".join(sorted(routes.models)) or "a model of the price list"
        return failure(Code.MODEL_NOT_FOUND, expected=f"body.model: {known}", given=model)
    if price is None and not routes.allow_unpriced:
        return failure(Code.UNPRICED, expected="a deployment with a known price", given=model)
    return Plan((routes.openings.target(template, name, price),), routes.policy)


def _template(model: str, routes: Routes) -> tuple[Target | None, str]:
    provider, slash, name = model.partition("/")
    template = routes.open.get(provider) if slash else None
    return (routes.open.get(""), model) if template is None else (template, name)
