"""One request's walk through a tree: what is below each branch is put in order, and what is out goes last."""

import enum
from collections.abc import Sequence
from itertools import groupby

from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Request
from ..conditions import Facts
from ..standing import Standing
from ..target import Target
from .chance import seed_of
from .fit import Wanted, fits_tags, least_input, needs, wanted
from .node import Branch, Leaf, Offer, PriceFinder, Traits, Tree


class Short(enum.IntEnum):
    """What the deployment that came closest to serving a request fell short of; it has what stands before."""

    CONDITIONS = 0
    TAGS = 1
    CAPABILITIES = 2
    PRICE = 3
    WINDOW = 4


class Surroundings:
    """What is the same for all requests, as planning has it."""

    __slots__ = ("allow_unpriced", "prices", "standing")

    def __init__(self, prices: PriceFinder, standing: Standing, *, allow_unpriced: bool) -> None:
        self.prices = prices
        self.standing = standing
        self.allow_unpriced = allow_unpriced


class Walk:
    """A request on its way through one tree."""

    __slots__ = (
        "_around",
        "_asked",
        "_facts",
        "_is_open",
        "_least",
        "_needs",
        "_open",
        "_picky",
        "_prices",
        "_short",
        "_turns",
        "_workspace",
        "request",
        "seed",
    )

    def __init__(self, request: Request, workspace: str | None, tree: Tree, around: Surroundings) -> None:
        self.request = request
        self._workspace = workspace
        self._facts: Facts | None = None
        #: The request's chance.
        self.seed = seed_of(request.id)
        self._around = around
        self._prices = around.prices
        self._is_open = around.standing.is_open
        self._asked: Wanted | None = wanted(request.metadata) if tree.tagged and "tags" in request.metadata else None
        self._needs = needs(request, tree.lacks) if tree.lacks else tree.lacks
        #: Whether deployments have to be looked at one by one.
        self._picky = tree.tagged or bool(self._needs)
        self._least = least_input(request, tree.window)
        self._open: set[str] = set()
        self._turns: dict[str, int] = {}
        self._short = Short.CONDITIONS

    def __repr__(self) -> str:
        return f"<Walk of {self.request.id}>"

    @property
    def standing(self) -> Standing:
        """How deployments are doing."""
        return self._around.standing

    @property
    def facts(self) -> Facts:
        """What conditions may look at: most routes have none."""
        if self._facts is None:
            self._facts = Facts(self.request, self._workspace)
        return self._facts

    def turn(self, branch: str) -> int:
        """Return whose turn it is on a branch: one number per plan."""
        if branch not in self._turns:
            self._turns[branch] = self._around.standing.turn(branch)
        return self._turns[branch]

    def through(self, tree: Tree) -> tuple[Target, ...] | Failure:
        """Return all targets that the request may go to, in order, or why there are none."""
        targets = self._below(tree.root)
        if not targets:
            return self._failure(tree)
        if tree.repeats:
            targets = _once(targets)
        if self._open:
            targets.sort(key=lambda target: target.id in self._open)
        if tree.by_usage:
            self.standing.planned(self.request, targets[0])
        return tuple(targets)

    def _below(self, branch: Branch) -> list[Target]:
        offers = self._offers(branch)
        if not offers:
            return []
        if branch.even and not self._open:
            return _flat(branch.rank(offers, self))
        offers.sort(key=_standing)
        groups = [list(group) for _, group in groupby(offers, key=_standing)]
        return _flat([offer for group in groups for offer in branch.rank(group, self)])

    def _offers(self, branch: Branch) -> list[Offer]:
        if branch.choose is None:
            twigs = branch.twigs
        else:
            chosen = branch.choose(self.facts)
            twigs = () if chosen is None else (chosen,)
        offers: list[Offer] = []
        for twig in twigs:
            if twig.when is None or twig.when(self.facts):
                targets = self._taken(twig.node) if isinstance(twig.node, Leaf) else self._below(twig.node)
                if targets:
                    offers.append(Offer(twig, targets, bool(self._open) and targets[0].id in self._open))
        return offers

    def _taken(self, leaf: Leaf) -> list[Target]:
        """Return a deployment if it serves the request, and note whether it is out."""
        short = self._misfit(leaf.traits) if self._picky else None
        target = leaf.target if short is not None else leaf.billed(self._prices, self.request.endpoint)
        if short is None and (target.price is None or self._least):
            short = self._beyond(target, leaf.traits)
        if short is not None:
            self._short = max(self._short, short)
            return []
        if self._is_open(target.id):
            self._open.add(target.id)
        return [target]

    def _misfit(self, traits: Traits) -> Short | None:
        if not fits_tags(traits, self._asked):
            return Short.TAGS
        return None if self._needs.isdisjoint(traits.lacks) else Short.CAPABILITIES

    def _beyond(self, target: Target, traits: Traits) -> Short | None:
        if target.price is None and not self._around.allow_unpriced:
            return Short.PRICE
        return Short.WINDOW if self._least > (traits.window or self._least) else None

    def _failure(self, tree: Tree) -> Failure:
        asked = self.request
        match self._short:
            case Short.WINDOW:
                return failure(
                    Code.CONTEXT_LENGTH,
                    expected=f"input for the context windows of {asked.model}, the smallest of {tree.window} tokens",
                    given=f"at least {self._least} tokens",
                )
            case Short.PRICE:
                return failure(Code.UNPRICED, expected="a deployment with a known price", given=asked.model)
            case Short.CAPABILITIES:
                return failure(
                    Code.UNSUPPORTED_PARAMETER,
                    expected=f"what a deployment of {asked.model} can do",
                    given=", ".join(sorted(self._needs)),
                )
            case Short.TAGS:
                given = asked.metadata.get("tags") or "no tags"
                return failure(Code.NO_DEPLOYMENT, expected=f"tags of a deployment of {asked.model}", given=given)
            case Short.CONDITIONS:
                return failure(Code.NO_DEPLOYMENT, expected="conditions of the route that hold", given=asked.model)


def _standing(offer: Offer) -> tuple[bool, int]:
    return offer.is_open, offer.twig.order


def _flat(offers: Sequence[Offer]) -> list[Target]:
    return [target for offer in offers for target in offer.targets]


def _once(targets: Sequence[Target]) -> list[Target]:
    """Keep the first of those that are the same deployment with the same overrides."""
    first: dict[tuple[object, ...], Target] = {}
    for target in targets:
        first.setdefault((target.id, target.params), target)
    return list(first.values())
