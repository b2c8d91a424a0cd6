"""The strategies: each puts offers in order, first the one that is asked first. Offers are never left out.

Where a strategy's measure ties, weights decide by chance. An offer with targets of its own is measured by the first.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ...schemas.request import Request
from ..conditions import Facts
from ..estimate import TokenEstimate
from ..flex import asked_tier
from ..prices import Price, expected_cost
from ..service_tiers import price_on
from ..target import Target
from .chance import lots, seed_of, uniform
from .node import Moment, Offer, Rank, Twig

#: What is never the cheapest: a price that nobody knows.
_UNKNOWN: Final = 2**255


def as_given(offers: list[Offer], _: Moment) -> list[Offer]:
    """single, fallback, conditional: keep the order of the config."""
    return offers


def weighted(offers: list[Offer], moment: Moment) -> list[Offer]:
    """Draw by weight, again and again until all are in order."""
    return offers if len(offers) == 1 else _sorted(offers, _lots(moment.seed, offers))


def _lots(seed: int, offers: list[Offer]) -> list[float]:
    return lots(seed, [offer.twig.ticket for offer in offers])


def round_robin(branch: str, rounds: int) -> Rank:
    """Take turns, one request after the other.

    Below a branch that takes turns itself, this one is first only once in so many `rounds`, and may not move on before.
    """

    def rank(offers: list[Offer], moment: Moment) -> list[Offer]:
        first = moment.turn(branch) // rounds % len(offers)
        return offers[first:] + offers[:first]

    return rank


def least_busy(offers: list[Offer], moment: Moment) -> list[Offer]:
    """Take the one with the fewest calls under way for its weight."""
    in_flight = moment.standing.in_flight
    return _lowest(offers, [_load(offer.twig.weight, in_flight(offer.targets[0].id)) for offer in offers], moment)


def _load(weight: float, in_flight: int) -> float:
    return (in_flight + 1) / weight if weight else math.inf


def lowest_latency(explore: float, salt: int) -> Rank:
    """Take the one that is fastest per output token; a share of requests tries another, drawn evenly.

    What nobody has measured counts as the fastest, so that it shares with it until it has been.
    """

    def rank(offers: list[Offer], moment: Moment) -> list[Offer]:
        times = [moment.standing.seconds_per_token(offer.targets[0].id) for offer in offers]
        best = min((time for time in times if time is not None), default=0.0)
        ranked = _lowest(offers, [best if time is None else time for time in times], moment)
        chance = uniform(moment.seed, salt)
        return _with_first(ranked, _another(ranked, chance / explore)) if chance < explore else ranked

    return rank


def _another(ranked: list[Offer], chance: float) -> Offer:
    """Draw one that is not the first, if there is one."""
    others = len(ranked) - 1
    return ranked[min(1 + int(chance * others), others)]


def lowest_cost(offers: list[Offer], moment: Moment) -> list[Offer]:
    """Take the one where this request is expected to cost the least, by its own input and output."""
    known: dict[tuple[object, ...], _Expected] = {}
    costs: list[int] = []
    for offer in offers:
        target = offer.targets[0]
        model = (target.upstream_model, target.provider, target.params)
        expected = known.get(model)
        if expected is None or expected.price is not target.price:
            expected = known[model] = _expect(target, moment, expected)
        costs.append(expected.cost)
    return _lowest(offers, costs, moment)


class _Expected(msgspec.Struct, frozen=True, gc=False):
    """What is expected of a model, and what that costs at a price: the same for all deployments that share both."""

    estimate: TokenEstimate
    price: Price | None
    cost: int


def _expect(target: Target, moment: Moment, before: _Expected | None) -> _Expected:
    request, price = moment.request, target.price
    estimate = moment.standing.expected(request, target) if before is None else before.estimate
    cost = _UNKNOWN if price is None else expected_cost(_price_asked(price, target, request), estimate)
    return _Expected(estimate, price, cost)


def _price_asked(price: Price, target: Target, request: Request) -> Price:
    """Return the price on the service tier that is asked for; without one, or where it is unknown, the standard one."""
    if request.service_tier is None and not target.params:
        return price
    return price_on(price, asked_tier(request, target)) or price


def usage_based(offers: list[Offer], moment: Moment) -> list[Offer]:
    """Take the one that has most of its limits left; one without limits has all of them."""
    shares = [moment.standing.left(offer.targets[0].id) for offer in offers]
    return _lowest(offers, [0.0 if share is None else 1 - share for share in shares], moment)


def sticky(texts: Sequence[Callable[[Facts], str | None]]) -> Rank:
    """Take the same one for the same values, by rendezvous hashing: who comes or goes moves only his own requests.

    A request that has none of the values goes by its own chance.
    """

    def rank(offers: list[Offer], moment: Moment) -> list[Offer]:
        if len(offers) == 1:
            return offers
        values = [text(moment.facts) for text in texts]
        known = any(value is not None for value in values)
        seed = seed_of("\0".join(value or "" for value in values)) if known else moment.seed
        return _sorted(offers, _lots(seed, offers))

    return rank


def canary(twigs: Sequence[Twig], salt: int) -> Rank:
    """Give each twig with a share its part of the requests, and the others to the first without; then in order."""
    stable = next(twig for twig in twigs if twig.share is None)

    def chosen(chance: float) -> Twig:
        for twig in twigs:
            chance -= twig.share or 0.0
            if twig.share and chance <= 0:
                return twig
        return stable

    def rank(offers: list[Offer], moment: Moment) -> list[Offer]:
        ranked = sorted(offers, key=lambda offer: offer.twig.share is not None)
        twig = chosen(uniform(moment.seed, salt))
        first = next((offer for offer in ranked if offer.twig is twig), None)
        return ranked if first is None else _with_first(ranked, first)

    return rank


def _with_first(ranked: list[Offer], first: Offer) -> list[Offer]:
    return [first, *(offer for offer in ranked if offer is not first)]


def _lowest(offers: list[Offer], measures: Sequence[float], moment: Moment) -> list[Offer]:
    if len(offers) == 1:
        return offers
    places: Sequence[int] = range(len(offers))
    if len(set(measures)) < len(offers):
        # in two sorts, of which the second keeps what the first did: pairs take longer to make and to compare
        places = sorted(places, key=_lots(moment.seed, offers).__getitem__)
    return [offers[nr] for nr in sorted(places, key=measures.__getitem__)]


def _sorted(offers: list[Offer], keys: Sequence[float]) -> list[Offer]:
    """Sort by keys, one for each."""
    return [offers[nr] for nr in sorted(range(len(offers)), key=keys.__getitem__)]
