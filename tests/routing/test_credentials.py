"""The choice of a credential: by weight, never one that is paused."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.credentials import Credential, choose, named

WEIGHTS = st.lists(st.floats(0, 100), min_size=1, max_size=6)
CHANCE = st.floats(0, 1, exclude_max=True)


def test_the_first_goes_by_the_providers_name_and_the_others_by_number():
    assert [each.name for each in named("openai", [1, 1, 1])] == ["openai", "openai#2", "openai#3"]
    assert named("openai", []) == ()


@given(WEIGHTS, CHANCE, st.sets(st.integers(0, 5)))
def test_one_that_is_paused_is_never_chosen_and_one_that_is_not_always(weights, chance, paused):
    credentials = named("p", weights)
    names = {credentials[index].name for index in paused if index < len(credentials)}
    chosen = choose(credentials, chance, names.__contains__)
    assert (chosen is None) is (len(names) == len(credentials))
    assert chosen is None or chosen.name not in names


@given(WEIGHTS, CHANCE)
def test_one_without_weight_is_chosen_only_when_nothing_else_is_left(weights, chance):
    chosen = choose(named("p", weights), chance)
    assert chosen.weight > 0 or not any(weights)


def test_shares_are_those_of_the_weights():
    credentials = (Credential("a", 3), Credential("b", 1))
    counted = Counter(choose(credentials, step / 1000).name for step in range(1000))
    assert counted == {"a": 750, "b": 250}
    assert choose(credentials, 0.1, lambda name: name == "a").name == "b"
