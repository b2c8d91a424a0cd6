"""Eight workers that do not talk to each other, and a provider with a limit that none of them knows."""

from statistics import fmean
from typing import NamedTuple

import pytest

from support.provider_fleet import Bucket, Figures, Fleet, Parallel, Window

#: What the provider gives, in calls at a time of one second; per worker it is eight, then four, then eight.
GIVES = 64
PROVIDERS = {
    "calls at a time": (lambda: Parallel(GIVES), "limit", GIVES),
    "calls a minute, told": (lambda: Bucket(GIVES * 60), "per_minute", GIVES * 60),
    "calls a minute, not told": (lambda: Bucket(GIVES * 60, tells=False), "per_minute", GIVES * 60),
    "calls in a minute of the clock": (lambda: Window(GIVES * 60), "per_minute", GIVES * 60),
}


class Story(NamedTuple):
    steady: Figures
    halved: Figures
    restored: Figures


def tell(provider, name, limit, seed):
    """Measure after two minutes; halve the limit, and measure after one; restore it, and measure after two."""
    fleet = Fleet(provider, seed=seed)
    fleet.run(120)
    steady = fleet.run(200)
    setattr(provider, name, limit // 2)
    fleet.run(60)
    halved = fleet.run(200)
    setattr(provider, name, limit)
    fleet.run(120)
    return Story(steady, halved, fleet.run(200))


@pytest.mark.parametrize("which", PROVIDERS)
def test_what_a_provider_gives_is_used_and_shared_and_hardly_ever_refused(which):
    make, name, limit = PROVIDERS[which]
    stories = [tell(make(), name, limit, seed) for seed in (1, 2, 3)]
    for figures in zip(*stories, strict=True):
        assert max(each.refused_share for each in figures) < 0.02, figures
        assert min(each.utilisation for each in figures) >= 0.85, figures
        assert fmean(each.fairness for each in figures) > 0.8, figures


def test_a_provider_of_long_calls_that_tells_its_limits_hardly_ever_has_to_refuse():
    fleet = Fleet(Bucket(GIVES * 15), latency=4.0)
    fleet.run(240)
    figures = fleet.run(600)
    assert figures.refused_share < 0.002
    assert figures.utilisation >= 0.85


def test_who_begins_with_far_too_much_comes_down_to_the_others():
    for provider in (Bucket(GIVES * 60, tells=False), Bucket(GIVES * 60)):
        fleet = Fleet(provider)
        fleet.limits[0]._limit = 200.0
        fleet.run(300)
        served = fleet.run(120).served
        assert served[0] < 2 * sum(served[1:]) / 7


def test_a_provider_that_gives_fewer_calls_than_there_are_workers_is_still_used():
    fleet = Fleet(Parallel(4))
    fleet.run(120)
    figures = fleet.run(300)
    assert figures.utilisation > 0.5
    assert figures.refused_share < 0.2
    assert min(figures.served) > 0
