"""What is known of models, from the file that ships with the product."""

import pytest

from headgate.routing.models import ListedModels, ModelFacts
from headgate.routing.price_list import GenaiPrices


@pytest.fixture(scope="module")
def models():
    return ListedModels.load(GenaiPrices.load().window)


def test_well_known_models_are_known(models):
    mini = models.facts("openai", "gpt-4o-mini")
    assert (mini.window, mini.output, mini.lacks) == (128_000, 16_384, {"reasoning"})
    assert models.facts("openai", "gpt-4o-mini-2024-07-18") == mini
    old = models.facts("openai", "gpt-3.5-turbo")
    assert (old.window, old.lacks) == (16_385, {"vision", "json_schema", "reasoning"})


def test_where_the_file_does_not_say_the_price_list_has_the_window(models):
    facts = models.facts("openai", "gpt-4-32k")
    assert facts.window is not None
    assert facts.lacks == frozenset()


@pytest.mark.parametrize(("provider", "model"), [("my-vllm", "gpt-4o-mini"), ("openai", "?"), ("simulator", "gpt-4o")])
def test_what_is_not_known_is_not_guessed(models, provider, model):
    assert models.facts(provider, model) == ModelFacts()


def test_every_line_of_the_file_is_of_use(models):
    listed = [facts for one in models._listed.values() for facts in one.values()]
    assert len(listed) > 100
    assert all(facts.window or facts.output or facts.lacks for facts in listed)
