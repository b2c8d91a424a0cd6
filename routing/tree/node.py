"""What a compiled route is made of: leaves that are deployments, and branches that put what is below them in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from ...schemas.config_routes import Capability, Strategy
from ...schemas.request import Endpoint, Request
from ..conditions import Facts, Predicate
from ..prices import Price, covers
from ..service_tiers import with_config
from ..standing import Standing
from ..target import Target


class PriceFinder(Protocol):
    """The part of a price list that planning needs."""

    def find(self, provider: str, model: str) -> Price | None:
        """Return today's price, None if it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Traits:
    """Which requests a deployment is for."""

    tags: frozenset[str] = frozenset()
    #: Whether it serves requests that ask for no tags.
    plain: bool = True
    #: Tokens; None if nobody knows.
    window: int | None = None
    #: What it is known not to be able to do.
    lacks: frozenset[Capability] = frozenset()


class Leaf:
    """A deployment with all that is overridden on the way to it."""

    __slots__ = ("_covered", "_listed", "_listed_as", "_model", "_own_price", "_priced", "target", "traits")

    def __init__(self, target: Target, traits: Traits | None = None) -> None:
        self.target = target
        self.traits = traits or Traits()
        self._priced = target
        self._listed: Price | None = None
        #: The endpoint that its price was last found to cover: most are asked for one only.
        self._covered: Endpoint | None = None
        self._own_price = target.price is not None
        self._listed_as, self._model = target.listed_as, target.upstream_model

    def __repr__(self) -> str:
        return f"<Leaf {self.target.id}>"

    def priced(self, prices: PriceFinder) -> Target:
        """Return the target with today's price, unless the config gave it one: lists change by date and hour.

        It remembers the last one, because a price holds for months and making a target takes longer than asking.
        """
        if self._own_price:
            return self.target
        price = prices.find(self._listed_as, self._model)
        if price is not self._listed:
            self._listed, self._priced, self._covered = price, with_price(self.target, price), None
        return self._priced

    def billed(self, prices: PriceFinder, endpoint: Endpoint) -> Target:
        """Return the same, but without a price where that is not what the endpoint is billed by."""
        target = self.priced(prices)
        if endpoint is self._covered or target.price is None:
            return target
        if not covers(target.price, endpoint, target.wire):
            return replace(target, price=None)
        self._covered = endpoint
        return target


def with_price(target: Target, price: Price | None) -> Target:
    """Return a target with a price of the list, and with the service tiers that the config says."""
    if price is not None and target.service_tiers:
        price = with_config(price, target.service_tiers)
    return replace(target, price=price)


@dataclass(frozen=True, slots=True)
class Twig:
    """A node, as one of the targets of the branch that it is on."""

    node: "Leaf | Branch"
    #: Its own part of every chance.
    salt: int
    weight: float = 1.0
    #: Lower ones go first.
    order: int = 1
    #: The condition under which it is there.
    when: Predicate | None = None
    #: Its share of requests, on a branch that divides them so.
    share: float | None = None
    #: What its lots are drawn with: salt and weight.
    ticket: tuple[int, float] = field(init=False)

    def __post_init__(self) -> None:
        """Keep at hand what every plan asks."""
        object.__setattr__(self, "ticket", (self.salt, self.weight))


class Offer(msgspec.Struct, gc=False):
    """What a twig has for a request: never empty."""

    twig: Twig
    targets: list[Target]
    #: Whether all of it is out.
    is_open: bool


class Moment(Protocol):
    """What strategies go by: one request at one time."""

    @property
    def request(self) -> Request:
        """The request."""
        ...

    @property
    def facts(self) -> Facts:
        """What conditions may look at."""
        ...

    @property
    def standing(self) -> Standing:
        """How deployments are doing."""
        ...

    @property
    def seed(self) -> int:
        """The request's chance."""
        ...

    def turn(self, branch: str) -> int:
        """Return whose turn it is on a branch: one number per plan."""
        ...


#: Puts offers in order. They are of one order, and either all out or none.
Rank = Callable[[list[Offer], Moment], list[Offer]]


@dataclass(frozen=True, slots=True)
class Branch:
    """Targets, and how they are put in order."""

    twigs: tuple[Twig, ...]
    rank: Rank
    #: Picks the only twig that a request may take; None: it may take all.
    choose: Callable[[Facts], Twig | None] | None = None
    #: Whether all twigs are of one order.
    even: bool = True
    #: The name of `rank`, for people, and what `sticky` goes by.
    strategy: Strategy = "weighted"
    sticky_on: tuple[str, ...] = ()


def leaves_of(branch: Branch) -> Iterator[Leaf]:
    """Yield all leaves below a branch, from the first."""
    for twig in branch.twigs:
        if isinstance(twig.node, Branch):
            yield from leaves_of(twig.node)
        else:
            yield twig.node


@dataclass(frozen=True, slots=True)
class Tree:
    """A route, and what is known of all of its leaves together, so that most requests need not be looked at."""

    root: Branch
    #: Whether any has tags.
    tagged: bool = False
    #: What some are known not to be able to do.
    lacks: frozenset[Capability] = frozenset()
    #: The smallest context window, tokens; None if none is known.
    window: int | None = None
    #: Whether a deployment may come twice.
    repeats: bool = False
    #: Whether any branch goes by what is left of limits.
    by_usage: bool = False
