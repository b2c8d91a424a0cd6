"""Estimates follow what was counted."""

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.target import Target
from headgate.routing.tokens import estimator as module
from headgate.routing.tokens.bounds import Bounds
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.routing.tokens.learned import Ratio, Remembered
from headgate.routing.tokens.vocabulary import encoding_of, load_vocabularies
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from support.any_body import request_of

TARGET = Target("d", "openai", "gpt-4o-mini", "openai", "http://127.0.0.1", 60.0)
OTHER = Target("e", "openai", "gpt-5", "openai", "http://127.0.0.1", 60.0)
QUESTIONS = Path(__file__).parents[3].parent / "shared" / "data" / "gsm8k_test.jsonl"


def ask(text, key="k", **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": text}]} | fields
    return request_of(Endpoint.CHAT, body, key=key)


class Words:
    """A vocabulary of words."""

    def count(self, text):
        return len(re.findall(r"\w+|\W", text))


def test_it_begins_with_four_bytes_per_token():
    found = TokenEstimator().estimate(ask("x" * 4_000), TARGET)
    assert (found.input, found.output) == (1_004, 512)


def test_output_is_not_expected_beyond_its_limit():
    assert TokenEstimator().estimate(ask("hi", max_tokens=9), TARGET).output == 9


def test_it_learns_the_tokens_of_a_keys_requests():
    estimator, chance = TokenEstimator(), random.Random(1)
    for _ in range(200):
        text = "x" * chance.randint(200, 4_000)
        missed = estimator.observe(ask(text), TARGET, Tokens(input=len(text) // 2, output=100))
    assert abs(missed.input) < 0.02
    assert abs(missed.output) < 0.02
    assert estimator.input_error < 0.05
    assert estimator.output_error < 0.05


def test_it_follows_a_change():
    estimator = TokenEstimator()
    for _ in range(100):
        estimator.observe(ask("x" * 1_000), TARGET, Tokens(input=250, output=10))
    for _ in range(200):
        estimator.observe(ask("x" * 1_000), TARGET, Tokens(input=500, output=90))
    found = estimator.estimate(ask("x" * 1_000), TARGET)
    assert (found.input, found.output) == (pytest.approx(500, rel=0.03), pytest.approx(90, rel=0.05))


def test_keys_and_models_are_learned_apart_and_a_new_key_begins_with_what_its_model_taught():
    estimator = TokenEstimator()
    for _ in range(300):
        estimator.observe(ask("x" * 1_000, key="dense"), TARGET, Tokens(input=800, output=10))
        estimator.observe(ask("x" * 1_000, key="plain"), TARGET, Tokens(input=200, output=10))
    for key, tokens in (("dense", 800), ("plain", 200), ("new", 500)):
        assert estimator.estimate(ask("x" * 1_000, key=key), TARGET).input == pytest.approx(tokens, rel=0.05)
    assert estimator.estimate(ask("x" * 1_000, key="dense"), OTHER).input == 254


def test_what_is_learned_of_many_names_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_PAIRS", 10)
    estimator = TokenEstimator()
    for number in range(100):
        estimator.observe(ask("x", key=f"k{number}"), TARGET, Tokens(input=5, output=1))
    assert len(estimator._pairs) == 10
    assert estimator._pairs.get(("k99", "openai", "gpt-4o-mini")) is not None


def test_the_name_that_was_used_longest_ago_is_forgotten():
    remembered = Remembered(2)
    for name in "abac":
        remembered.used(name, list)
    assert [remembered.get(name) is None for name in "abc"] == [False, True, False]


def test_a_ratio_weighs_by_size():
    ratio = Ratio(1.0, 1.0)
    for _ in range(500):
        ratio.add(10, 100)
        ratio.add(1, 1)
    assert ratio.value == pytest.approx(11 / 101, rel=0.02)


def test_an_embedding_has_no_output_to_be_wrong_about():
    estimator = TokenEstimator()
    request = request_of(Endpoint.EMBEDDINGS, {"model": "m", "input": [[1, 2, 3], [4]]})
    missed = estimator.observe(request, TARGET, Tokens(input=4))
    assert (missed.output, estimator.output_error) == (0.0, 0.0)


def test_texts_are_counted_where_the_models_vocabulary_is_known():
    exact = TokenEstimator(vocabularies={"o200k_base": Words()})
    text = "one two three " * 50
    assert exact.estimate(ask(text), TARGET).input == 300 + 4
    elsewhere = Target("d", "together", "gpt-4o-mini", "openai", "http://127.0.0.1", 60.0)
    assert exact.estimate(ask(text), elsewhere) == TokenEstimator().estimate(ask(text), elsewhere)
    assert exact.estimate(ask(text), TARGET).worst_input < TokenEstimator().estimate(ask(text), TARGET).worst_input


def test_a_very_long_text_is_not_counted():
    exact = TokenEstimator(vocabularies={"o200k_base": Words()})
    text = "a b " * 20_000
    assert exact.estimate(ask(text), TARGET).input == 20_004


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("openai", "gpt-4o-mini-2024-07-18", "o200k_base"),
        ("openai", "gpt-4.1", "o200k_base"),
        ("openai", "gpt-5-nano", "o200k_base"),
        ("openai", "o3-mini", "o200k_base"),
        ("openrouter", "openai/gpt-4o", "o200k_base"),
        ("openai", "gpt-4-turbo", "cl100k_base"),
        ("openai", "gpt-3.5-turbo", "cl100k_base"),
        ("openai", "text-embedding-3-small", "cl100k_base"),
        ("openai", "gpt-4omega", None),
        ("openai", "davinci", None),
        ("my-proxy", "gpt-4o", None),
    ],
)
def test_a_vocabulary_is_used_only_for_models_that_are_known_to_have_it(provider, model, name):
    assert encoding_of(provider, model) == name


@pytest.mark.skipif(not load_vocabularies(), reason="the extra headgate[tokens] (rs-bpe) is not installed")
def test_published_vocabularies_count_as_they_are_published_to():
    vocabularies = load_vocabularies()
    assert vocabularies["o200k_base"].count("hello world") == 2
    assert vocabularies["cl100k_base"].count("antidisestablishmentarianism") == 6


@pytest.mark.skipif(not QUESTIONS.exists(), reason=f"{QUESTIONS.name} is not here")
def test_questions_are_estimated_within_a_tenth_of_words_and_signs():
    """A stand-in vocabulary, so that the figure is held everywhere; the true ones are in docs/limits.md."""
    estimator, words = TokenEstimator(), Words()
    for line in QUESTIONS.read_text().splitlines()[:1_000]:
        text = json.loads(line)["question"]
        estimator.observe(ask(text), TARGET, Tokens(input=words.count(text) + 7, output=150))
    assert estimator.input_error < 0.1
    assert repr(estimator).startswith("<TokenEstimator 1 keys and models, input off by ")


def test_the_share_of_cached_input_is_learned():
    estimator, asked = TokenEstimator(), ask("word " * 500)
    assert estimator.estimate(asked, TARGET).cached == 0
    for _ in range(300):
        estimator.observe(asked, TARGET, Tokens(input=500, cached=400, output=1))
    estimate = estimator.estimate(asked, TARGET)
    assert estimate.cached / estimate.input == pytest.approx(0.8, abs=0.01)


NARROW, PLAIN = Bounds(output=50, context=10), Bounds()
SHORT = replace(TARGET, params=(("max_tokens", b"7"), ("n", b"2")))


@given(
    st.lists(st.tuples(st.sampled_from(["a" * 100, "b" * 900]), st.sampled_from([TARGET, OTHER, SHORT])), max_size=9)
)
def test_an_estimate_does_not_depend_on_what_was_estimated_before(asked):
    requests = {text: ask(text) for text, _ in asked}

    def estimator():
        return TokenEstimator(PLAIN, {"e": NARROW})

    same = estimator()
    for text, target in asked:
        assert same.estimate(requests[text], target) == estimator().estimate(ask(text), target)
