"""Why a request would go where it goes: what its route's strategies looked at, and who was left out.

The plan itself is the gateway's (`plan.make_plan`); here it is only told, branch by branch, with the same predicates.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ...schemas.money import show_usd
from ...schemas.reply import Tokens
from ...schemas.request import Request
from ..affordable import worst_nano
from ..conditions import Facts
from ..estimate import TokenEstimate
from ..plan import ModelRoute, PriceFinder, Routes
from ..prices import cost_nano
from ..target import Target
from ..tree.fit import fits_tags, least_input, needs, wanted
from ..tree.node import Branch, Leaf, Tree, Twig, leaves_of
from .dry_run import Forecast

_Estimate = Callable[[Request, Target], TokenEstimate]

#: What there is to say of strategies that look at nothing of the request, or at what a dry run knows nothing of.
_SIMPLE: Final = {
    "single": "the one target",
    "fallback": "the first that it may go to",
    "conditional": "the first condition that holds, or the default",
    "round-robin": "its turn",
    "least-busy": "nothing is under way",
    "lowest-latency": "nothing is measured yet",
    "usage-based": "nothing of any limit is used",
}


class Reasons:
    """Tells them; made of the same routes, prices and estimates that the plan is made of."""

    def __init__(self, routes: Routes, prices: PriceFinder, estimate: _Estimate) -> None:
        self._routes = routes
        self._prices = prices
        self._estimate = estimate

    def __repr__(self) -> str:
        return f"<Reasons for {len(self._routes.models)} models>"

    def why(self, forecast: Forecast) -> str:
        """Return why it takes its deployment, outermost branch first; empty where it takes none."""
        asked, target = forecast.asked, forecast.target
        if target is None or not isinstance(asked, Request):
            return ""
        route = self._routes.models.get(asked.model)
        sent_on = [f"sent on from {', '.join(forecast.models[:-1])}"] if forecast.models[1:] else []
        if route is None:
            return "; ".join([*sent_on, "the config does not name the model: its name says whose it is"])
        path = _path(route.tree.root, target)
        return "; ".join([*sent_on, *(self._step(branch, twig, asked) for branch, twig in path)])

    def left_out(self, forecast: Forecast) -> Sequence[str]:
        """Return the deployments of its model's route that it may not go to, each with the reason."""
        asked = forecast.asked
        route = self._routes.models.get(asked.model)
        if route is None or not isinstance(asked, Request):
            return ()
        planned = {target.id for target in forecast.plan.targets} if forecast.plan is not None else set[str]()
        spoken = {name: f"{why.code}: {why.given or why.message}" for name, why in forecast.passed}
        misfits = _Misfits(asked, self._routes, route, self._prices).below(route.tree.root)
        reasons = {name: why for name, why in misfits if name not in planned}
        reasons |= {name: self._too_dear(asked, name, route) for name in _others(route, planned, reasons)}
        return [f"{name}: {why}" for name, why in (reasons | spoken).items()]

    def _too_dear(self, asked: Request, name: str, route: ModelRoute) -> str:
        leaf = next(leaf for leaf in leaves_of(route.tree.root) if leaf.target.id == name)
        target = leaf.priced(self._prices)
        return (
            f"its worst case of {show_usd(worst_nano(asked, target, self._estimate(asked, target)))} is above max_cost"
        )

    def _step(self, branch: Branch, twig: Twig, asked: Request) -> str:
        others = len(branch.twigs)
        order = "" if branch.even else f", order {twig.order}"
        return f"{branch.strategy}: {self._looked_at(branch, twig, asked)}{order}" if others > 1 else "the only one"

    def _looked_at(self, branch: Branch, twig: Twig, asked: Request) -> str:
        match branch.strategy:
            case "weighted":
                return f"drawn, weight {twig.weight:g} of {sum(each.weight for each in branch.twigs):g}"
            case "lowest-cost":
                return self._costs(branch, asked)
            case "sticky":
                return f"by {', '.join(branch.sticky_on)}"
            case "canary":
                return "the rest" if twig.share is None else f"a share of {twig.share:g}"
            case _:
                return _SIMPLE[branch.strategy]

    def _costs(self, branch: Branch, asked: Request) -> str:
        """Return what the request is expected to cost at each deployment below, the cheapest first."""
        costs = {leaf.target.id: self._cost(leaf.priced(self._prices), asked) for leaf in leaves_of(branch)}
        known = sorted((cost, name) for name, cost in costs.items() if cost is not None)
        return ", ".join(f"{name} {show_usd(cost)}" for cost, name in known)

    def _cost(self, target: Target, asked: Request) -> int | None:
        if target.price is None:
            return None
        expected = self._estimate(asked, target)
        tokens = Tokens(input=expected.input, cached=expected.cached, output=expected.output)
        return cost_nano(target.price, tokens, expected.twins)


def _others(route: ModelRoute, planned: set[str], told: dict[str, str]) -> list[str]:
    """Return who is neither planned nor left out by the route: `max_cost` has ruled them out."""
    names = dict.fromkeys(leaf.target.id for leaf in leaves_of(route.tree.root))
    return [name for name in names if planned and name not in planned and name not in told]


def _path(branch: Branch, target: Target) -> list[tuple[Branch, Twig]]:
    """Return the way from a branch down to a target; empty if it is not below."""
    for twig in branch.twigs:
        node = twig.node
        if isinstance(node, Leaf):
            if (node.target.id, node.target.params) == (target.id, target.params):
                return [(branch, twig)]
        elif below := _path(node, target):
            return [(branch, twig), *below]
    return []


class _Misfits:
    """The deployments of a tree that a request does not fit, as `tree.walk` goes through them."""

    def __init__(self, asked: Request, routes: Routes, route: ModelRoute, prices: PriceFinder) -> None:
        tree: Tree = route.tree
        self._facts = Facts(asked, routes.workspaces.get(asked.key))
        self._prices = prices
        self._unpriced = routes.allow_unpriced
        self._tags = asked.metadata.get("tags", "")
        self._wanted = wanted(asked.metadata)
        self._tagged = tree.tagged
        self._needs = needs(asked, tree.lacks) if tree.lacks else tree.lacks
        self._least = least_input(asked, tree.window)

    def below(self, branch: Branch) -> Iterator[tuple[str, str]]:
        chosen = None if branch.choose is None else branch.choose(self._facts)
        for twig in branch.twigs:
            if branch.choose is not None and twig is not chosen:
                yield from _all_of(
                    twig, "no condition leads there" if chosen is None else "a condition leads elsewhere"
                )
            elif twig.when is not None and not twig.when(self._facts):
                yield from _all_of(twig, "its condition does not hold")
            elif isinstance(twig.node, Leaf):
                why = self._misfit(twig.node)
                yield from () if why is None else ((twig.node.target.id, why),)
            else:
                yield from self.below(twig.node)

    def _misfit(self, leaf: Leaf) -> str | None:
        traits = leaf.traits
        if self._tagged and not fits_tags(traits, self._wanted):
            return f"tags {', '.join(sorted(traits.tags)) or 'none'}, asked for {self._tags or 'none'}"
        if lacking := self._needs & traits.lacks:
            return f"cannot do {', '.join(sorted(lacking))}"
        if leaf.priced(self._prices).price is None and not self._unpriced:
            return "its price is unknown"
        if self._least and self._least > (traits.window or self._least):
            return f"a context window of {traits.window} tokens, for at least {self._least}"
        return None


def _all_of(twig: Twig, why: str) -> Iterator[tuple[str, str]]:
    leaves = [twig.node] if isinstance(twig.node, Leaf) else leaves_of(twig.node)
    for leaf in leaves:
        yield leaf.target.id, why
