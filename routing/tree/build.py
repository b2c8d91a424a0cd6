"""From the config to trees: every name resolved, every condition compiled, what overrides what decided, once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ...schemas.config import Deployment, Model
from ...schemas.config_routes import Branching, Capability, Node, Params, Strategy
from ..conditions import Facts, Predicate, predicate, text_at
from ..models import ModelData
from ..providers.body import params_of
from ..target import Target
from . import strategies
from .chance import seed_of
from .node import Branch, Leaf, Rank, Traits, Tree, Twig

#: Of requests under lowest-latency, where the config does not say.
_EXPLORE: Final = 0.05
_ALL: Final[frozenset[Capability]] = frozenset({"tools", "vision", "json_schema", "reasoning"})


@dataclass(frozen=True, slots=True)
class Ground:
    """What trees grow from: the file's models and deployments, by name, and what is known of their models."""

    models: Mapping[str, Model]
    deployments: Mapping[str, Deployment]
    targets: Mapping[str, Target]
    data: ModelData


def tree_of(model: Model, ground: Ground) -> Tree:
    """Compile the route of a model; it leads nowhere in circles, which the config has checked."""
    below = {each.id: each for each in _deployments(model, ground)}
    grower = _Grower(ground, _plain(list(below.values())))
    root = grower.route(_Place(model.name, {}), model)
    traits = [leaf.traits for leaf in grower.leaves]
    windows = [each.window for each in traits if each.window is not None]
    lacks: frozenset[Capability] = frozenset(capability for each in traits for capability in each.lacks)
    return Tree(
        root,
        tagged=any(each.tags for each in traits),
        lacks=lacks,
        window=min(windows, default=None),
        repeats=len(below) < len(grower.leaves),
        by_usage="usage-based" in grower.strategies,
    )


def leaf_of(deployment: Deployment, target: Target, data: ModelData, *, plain: bool = True) -> Leaf:
    """Make the leaf of a deployment; what the config says of its model is believed before the data."""
    facts = data.facts(target.listed_as, deployment.model)
    lacks = facts.lacks if deployment.capabilities is None else _ALL - set(deployment.capabilities)
    window = deployment.context_window or facts.window
    return Leaf(target, Traits(frozenset(deployment.tags), plain, window, lacks))


def _deployments(model: Model, ground: Ground) -> Iterator[Deployment]:
    """Yield all deployments that a model's route leads to."""
    yield from _below(model.route.targets, ground) if model.route.targets else model.deployments


def _below(nodes: Sequence[Node], ground: Ground) -> Iterator[Deployment]:
    for node in nodes:
        if node.deployment is not None:
            yield ground.deployments[node.deployment]
        elif node.model is not None:
            yield from _deployments(ground.models[node.model], ground)
        else:
            yield from _below(node.targets, ground)


def _plain(deployments: Sequence[Deployment]) -> frozenset[str]:
    """Return who serves requests without tags: those tagged `default`, else those without tags, else all."""
    default = frozenset(each.id for each in deployments if "default" in each.tags)
    untagged = frozenset(each.id for each in deployments if not each.tags)
    return default or untagged or frozenset(each.id for each in deployments)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a tree something grows."""

    #: The names from the root.
    path: str
    #: What is overridden from above, which is stronger.
    over: Params
    #: How many plans there are for each in which this is first, as far as branches above take turns.
    rounds: int = 1

    def below(self, name: str, over: Params, turns: int) -> "_Place":
        return _Place(f"{self.path}/{name}", {**over, **self.over}, self.rounds * turns)


class _Grower:
    """Grows one tree, and remembers its leaves and strategies."""

    def __init__(self, ground: Ground, plain: frozenset[str]) -> None:
        self._ground = ground
        self._plain = plain
        self.leaves: list[Leaf] = []
        self.strategies: set[Strategy] = set()

    def route(self, place: _Place, model: Model) -> Branch:
        """Grow what a model leads to."""
        route = model.route
        nodes = route.targets or [Node(deployment=each.id) for each in model.deployments]
        return self._branch(replace(place, over={**route.params, **place.over}), route, route.strategy, nodes)

    def _branch(self, place: _Place, says: Branching, strategy: Strategy, nodes: Sequence[Node]) -> Branch:
        self.strategies.add(strategy)
        turns = len(nodes) if strategy == "round-robin" else 1
        places = [place.below(name, node.params, turns) for name, node in zip(_names(nodes), nodes, strict=True)]
        twigs = tuple(map(self._twig, places, nodes))
        labelled = {node.label: twig for node, twig in zip(nodes, twigs, strict=True) if node.label is not None}
        return Branch(
            twigs,
            _rank(strategy, says, twigs, place),
            _Choice.of(says, labelled) if strategy == "conditional" else None,
            even=len({twig.order for twig in twigs}) == 1,
            strategy=strategy,
            sticky_on=tuple(says.sticky_on),
        )

    def _twig(self, place: _Place, node: Node) -> Twig:
        deployment = None if node.deployment is None else self._ground.deployments[node.deployment]
        weight, order = (1.0, 1) if deployment is None else (deployment.weight, deployment.order)
        return Twig(
            self._node(place, node),
            seed_of(place.path),
            weight if node.weight is None else node.weight,
            order if node.order is None else node.order,
            None if node.when is None else predicate(node.when),
            node.share,
        )

    def _node(self, place: _Place, node: Node) -> Leaf | Branch:
        if node.deployment is not None:
            return self._leaf(self._ground.deployments[node.deployment], place.over)
        if node.model is not None:
            return self.route(place, self._ground.models[node.model])
        return self._branch(place, node, node.strategy, node.targets)

    def _leaf(self, deployment: Deployment, over: Params) -> Leaf:
        target = replace(self._ground.targets[deployment.id], params=params_of({**deployment.params, **over}))
        leaf = leaf_of(deployment, target, self._ground.data, plain=deployment.id in self._plain)
        self.leaves.append(leaf)
        return leaf


def _names(nodes: Sequence[Node]) -> list[str]:
    """Return a name for each node that does not change when others come and go, as far as it has one of its own."""
    labels = Counter(node.label for node in nodes)
    return [
        node.label if node.label is not None and labels[node.label] == 1 else f"{node.label or ''}#{nr}"
        for nr, node in enumerate(nodes)
    ]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Picks the twig whose condition holds first."""

    choices: tuple[tuple[Predicate, Twig], ...]
    default: Twig | None

    @classmethod
    def of(cls, says: Branching, labelled: Mapping[str, Twig]) -> "_Choice":
        choices = tuple((predicate(choice.when), labelled[choice.then]) for choice in says.conditions)
        return cls(choices, None if says.default is None else labelled[says.default])

    def __call__(self, facts: Facts) -> Twig | None:
        return next((twig for holds, twig in self.choices if holds(facts)), self.default)


#: The strategies that need nothing of the config.
_BARE: Final[Mapping[Strategy, Rank]] = MappingProxyType(
    {
        "single": strategies.as_given,
        "fallback": strategies.as_given,
        "conditional": strategies.as_given,
        "weighted": strategies.weighted,
        "least-busy": strategies.least_busy,
        "lowest-cost": strategies.lowest_cost,
        "usage-based": strategies.usage_based,
    }
)


def _rank(strategy: Strategy, says: Branching, twigs: Sequence[Twig], place: _Place) -> Rank:
    match strategy:
        case "round-robin":
            return strategies.round_robin(place.path, place.rounds)
        case "lowest-latency":
            return strategies.lowest_latency(_EXPLORE if says.explore is None else says.explore, seed_of(place.path))
        case "sticky":
            return strategies.sticky(tuple(map(text_at, says.sticky_on)))
        case "canary":
            return strategies.canary(twigs, seed_of(place.path))
        case _:
            return _BARE[strategy]
