"""What must fit together of routes: names, cycles, and what each strategy needs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic_core import InitErrorDetails

from .config_checks import Place, at, second_times
from .config_routes import Branching, Node, Route, Strategy

_Faults = Iterator[InitErrorDetails]


class _Deployment(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def weight(self) -> float: ...


class _Model(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def deployments(self) -> Sequence[_Deployment]: ...
    @property
    def route(self) -> Route: ...


@dataclass(frozen=True, slots=True)
class _Branch:
    """A route, or a node with targets."""

    place: Place
    says: Branching
    strategy: Strategy
    #: What each target is called, with its weight.
    targets: Sequence[tuple[str | None, float]]
    nodes: Sequence[Node]


def route_faults(models: Sequence[_Model]) -> _Faults:
    """Find all of it."""
    weights = {each.id: each.weight for model in models for each in model.deployments}
    names = [model.name for model in models]
    for nr, model in enumerate(models):
        if not model.deployments and not model.route.targets:
            yield at(("models", nr), "deployments, or a route with targets", "neither")
        yield from _unknown_models(("models", nr, "route"), model, names)
        for place, node in nodes_of(("models", nr, "route"), model.route.targets):
            yield from _unknown_target(place, node, weights, names)
        for branch in _branches(("models", nr, "route"), model, weights):
            yield from _unfit(branch)
    yield from _cycles(models)


def nodes_of(above: Place, nodes: Sequence[Node]) -> Iterator[tuple[Place, Node]]:
    """Yield all nodes of a tree with their places."""
    for nr, node in enumerate(nodes):
        place = (*above, "targets", nr)
        yield place, node
        yield from nodes_of(place, node.targets)


def _unknown_models(place: Place, model: _Model, names: Collection[str]) -> _Faults:
    """Find fallbacks and shadows that are no models, or the model itself."""
    route = model.route
    asked: list[tuple[Place, str]] = [
        ((*where, nr), name) for where, each in route.all_fallbacks.items() for nr, name in enumerate(each)
    ]
    if route.shadow is not None:
        asked.append((("shadow", "model"), route.shadow.model))
    for where, name in asked:
        if name not in names:
            yield at((*place, *where), f"one of this file's models ({', '.join(names)})", repr(name))
        elif name == model.name:
            yield at((*place, *where), "another model than the one whose route it is", repr(name))


def _unknown_target(place: Place, node: Node, deployments: Collection[str], names: Collection[str]) -> _Faults:
    if node.deployment is not None and node.deployment not in deployments:
        known = ", ".join(deployments) or "of which there are none"
        yield at((*place, "deployment"), f"one of this file's deployments ({known})", repr(node.deployment))
    if node.model is not None and node.model not in names:
        yield at((*place, "model"), f"one of this file's models ({', '.join(names)})", repr(node.model))
    if not node.targets and "strategy" in node.model_fields_set:
        yield at((*place, "strategy"), "targets beside it", "none")


def _branches(place: Place, model: _Model, weights: Mapping[str, float]) -> Iterator[_Branch]:
    route = model.route
    if route.targets:
        yield _branch(place, route, route.strategy, route.targets, weights)
    else:
        own = [(each.id, each.weight) for each in model.deployments]
        yield _Branch(place, route, route.strategy, own, ())
    for where, node in nodes_of(place, route.targets):
        yield _branch(where, node, node.strategy, node.targets, weights)


def _branch(
    place: Place, says: Branching, strategy: Strategy, nodes: Sequence[Node], weights: Mapping[str, float]
) -> _Branch:
    targets = [(node.label, _weight(node, weights)) for node in nodes]
    return _Branch(place, says, strategy, targets, nodes)


def _weight(node: Node, weights: Mapping[str, float]) -> float:
    return weights.get(node.deployment or "", 1) if node.weight is None else node.weight


def _unfit(branch: _Branch) -> _Faults:
    """Find what a strategy lacks, and what only another one would look at."""
    yield from _strays(branch)
    if not branch.targets:
        return
    if branch.strategy == "single" and len(branch.targets) != 1:
        yield at((*branch.place, "strategy"), "one target for `single`", str(len(branch.targets)))
    if branch.strategy in {"weighted", "sticky"} and not any(weight for _, weight in branch.targets):
        yield at((*branch.place, "targets"), f"a weight above 0 for `{branch.strategy}`", "none")
    if branch.strategy == "sticky" and not branch.says.sticky_on:
        yield at((*branch.place, "sticky_on"), "the fields that requests stick to", "none")
    if branch.strategy == "canary":
        yield from _shares(branch)
    yield from _names(branch)


def _strays(branch: _Branch) -> _Faults:
    strategy = branch.strategy if branch.targets else None
    for field, owner in (
        ("conditions", "conditional"),
        ("default", "conditional"),
        ("sticky_on", "sticky"),
        ("explore", "lowest-latency"),
    ):
        if getattr(branch.says, field) not in ([], None) and strategy != owner:
            yield at((*branch.place, field), f"strategy: {owner} beside it", strategy or "no targets")
    for nr, node in enumerate(branch.nodes):
        if node.share is not None and strategy != "canary":
            yield at((*branch.place, "targets", nr, "share"), "strategy: canary around it", str(strategy))


def _shares(branch: _Branch) -> _Faults:
    shares = [node.share for node in branch.nodes]
    given = [share for share in shares if share is not None]
    if not given or len(given) == len(shares):
        yield at((*branch.place, "targets"), "targets with a share, and one without", f"{len(given)} of {len(shares)}")
    if sum(given) > 1:
        yield at((*branch.place, "targets"), "shares of at most 1 together", f"{sum(given):g}")


def _names(branch: _Branch) -> _Faults:
    if branch.strategy != "conditional":
        return
    if not branch.says.conditions:
        yield at((*branch.place, "conditions"), "conditions for `conditional`", "none")
    labels = [label for label, _ in branch.targets if label is not None]
    places = [(*branch.place, "targets", nr) for nr, (label, _) in enumerate(branch.targets) if label is not None]
    yield from second_times(list(zip(places, labels, strict=True)), "each name once among the targets of a choice")
    wanted: list[tuple[Place, str]] = [
        (("conditions", nr, "then"), choice.then) for nr, choice in enumerate(branch.says.conditions)
    ]
    wanted += [] if branch.says.default is None else [(("default",), branch.says.default)]
    for where, name in wanted:
        if name not in labels:
            yield at((*branch.place, *where), f"the name of one of its targets ({', '.join(labels)})", repr(name))


def _cycles(models: Sequence[_Model]) -> _Faults:
    """Find models that lead to themselves."""
    leads = {
        model.name: {node.model for _, node in nodes_of((), model.route.targets) if node.model} for model in models
    }
    for nr, model in enumerate(models):
        for place, node in nodes_of(("models", nr, "route"), model.route.targets):
            if node.model is not None and model.name in _reached(node.model, leads):
                yield at((*place, "model"), f"a model that does not lead back to {model.name!r}", repr(node.model))


def _reached(name: str, leads: Mapping[str, Collection[str]]) -> Collection[str]:
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        one = ahead.pop()
        if one not in seen:
            seen.add(one)
            ahead += leads.get(one, ())
    return seen
