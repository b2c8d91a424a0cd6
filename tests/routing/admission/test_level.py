"""What a worker believes is left of limits, between two answers of the store."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.admission.calendar import SLOTS, WINDOW, fullest, next_fit, slot_at, slot_length
from headgate.routing.admission.demand import Charge, Demand, RateLimit
from headgate.routing.admission.level import Level, Levels, asked_anew
from headgate.routing.admission.rulebook import Rulebook
from headgate.schemas.config import Config

MINUTE = 60_000_000
LIMIT = RateLimit("l", 100, MINUTE, 100, watched=True)
OTHER = RateLimit("other", 50, MINUTE, 50, watched=True)

times = st.integers(0, 3 * MINUTE)
amounts = st.integers(0, 300)


@given(amounts, times, times, times)
def test_what_is_taken_comes_free_as_the_window_slides_and_never_comes_back(taken, since, one, other):
    level, (sooner, later) = Level("l", taken, since), sorted((one, other))
    assert 0 <= level.still_taken(MINUTE, later) <= level.still_taken(MINUTE, sooner) <= taken
    assert level.still_taken(MINUTE, since) == taken
    assert level.still_taken(MINUTE, since + MINUTE) == 0


def test_of_what_was_taken_a_quarter_is_free_after_a_quarter_of_the_window():
    levels = Levels()
    levels.heard([Level("l", 80, 0)])
    left = [levels.left(LIMIT, share * MINUTE // 4) for share in range(5)]
    assert left == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])


def test_what_nobody_has_heard_of_is_all_there():
    assert Levels().left(LIMIT, 0) == 1


@given(amounts, st.lists(st.integers(0, 50), max_size=8), st.integers(0, 100), times)
def test_what_is_planned_counts_until_it_has_asked_and_no_longer(taken, planned, asked, now):
    levels = Levels()
    levels.heard([Level("l", taken, now)])
    for amount in planned:
        levels.planned(LIMIT, amount, now)
    assert round((1 - levels.left(LIMIT, now)) * 100) == taken + sum(planned)
    assert levels.left(OTHER, now) == 1
    levels.heard([Level("l", taken + asked, now)], {"l": asked, "other": 7})
    assert round((1 - levels.left(LIMIT, now)) * 100) == taken + asked + max(0, sum(planned) - asked)
    assert levels.left(LIMIT, now + MINUTE) == 1, "who never asked is forgotten"


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6))
def test_a_burst_that_is_planned_at_once_fills_every_limit_and_none_beyond_it(sizes):
    limits = [RateLimit(f"l{nr}", size, MINUTE, size) for nr, size in enumerate(sizes)]
    levels, chosen = Levels(), [0] * len(sizes)
    for _ in range(sum(sizes)):
        best = max(range(len(sizes)), key=lambda nr: levels.left(limits[nr], 0))
        chosen[best] += 1
        levels.planned(limits[best], 1, 0)
    assert chosen == sizes


@given(st.dictionaries(st.integers(0, 80), st.integers(0, 60), max_size=12), st.integers(20, 60), st.integers(1, 100))
def test_a_slot_has_room_for_what_is_not_in_the_fullest_window_that_it_lies_in(slots, slot, amount):
    naive = max(sum(slots.get(s, 0) for s in range(begin, begin + WINDOW)) for begin in range(slot - SLOTS, slot + 1))
    assert fullest(slots, slot) == naive
    fits = next_fit(LIMIT, slots, amount, slot) == slot
    assert fits is (naive + amount <= LIMIT.limit), "a burst of the whole limit never is in the way"
    assert slot_at(LIMIT, slot * slot_length(LIMIT)) == slot


def test_only_watched_limits_are_asked_for_and_a_ticket_has_asked_before():
    plain = RateLimit("plain", 10, MINUTE, 10)
    charges = (Charge(LIMIT, 3), Charge(plain, 1))
    demands = [Demand("a", charges), Demand("b", charges), Demand("c", charges, ticket_us=5)]
    assert asked_anew(demands) == {"l": 6}


def rulebook(strategy):
    """A deployment with limits, whose provider has one too, on a route of a strategy two levels down."""
    limits = {"requests_per_minute": 5, "tokens_per_day": 9}
    deployment = {"id": "a", "provider": "p", "model": "x", "limits": limits}
    below = [{"strategy": strategy, "targets": [{"deployment": "a"}]}]
    models = [{"name": "m", "deployments": [deployment], "route": {"strategy": "fallback", "targets": below}}]
    providers = {"p": {"base_url": "http://x/v1", "limits": {"requests_per_second": 2}}}
    return Rulebook.of(Config.model_validate({"providers": providers, "models": models}))


def test_limits_of_deployments_and_providers_are_watched_if_a_route_goes_by_usage():
    rates = rulebook("usage-based").watched("a")
    names = ["deployment:a:requests/minute", "deployment:a:tokens/day", "provider:p:requests/second"]
    assert [rate.limit.name for rate in rates] == names
    assert all(rate.limit.watched for rate in rates)
    assert rulebook("weighted").watched("a") == ()
    assert rulebook("usage-based").watched("unknown") == ()
