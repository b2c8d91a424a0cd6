"""The price list: real models at their rates, by date, and never a guess."""

import datetime as dt
import subprocess
import sys
from decimal import ROUND_HALF_EVEN

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.types import Usage

from headgate.routing.price_list import GenaiPrices
from headgate.routing.prices import cost_nano, fitting
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint


def _us(*when):
    return round(dt.datetime(*when, tzinfo=dt.UTC).timestamp() * 1_000_000)


_NOVEMBER = _us(2026, 11, 1, 12)


@pytest.fixture(scope="module")
def prices():
    return GenaiPrices.load(clock=lambda: _NOVEMBER * 1_000)


# Input (cached and cache_write included), cached, cache_write, output (reasoning included), reasoning; then the
# nano-dollars, worked out with fractions from the rates in the comment: USD per million tokens of input, cached,
# cache_write and output.
_REAL = [
    ("openai", "gpt-4o", Tokens(12345, 10241, 0, 678, 0), 24841250),  # 2.5 1.25 - 10
    ("openai", "gpt-4o-mini", Tokens(1319, 1024, 0, 77, 0), 167250),  # .15 .075 - .6
    ("openai", "gpt-4.1", Tokens(999_999, 768_001, 0, 32_767, 0), 1_110_132_500),  # 2 .5 - 8
    ("openai", "gpt-4.1-nano", Tokens(33, 17, 0, 5, 0), 4025),  # .1 .025 - .4
    ("openai", "o4-mini", Tokens(4321, 1280, 0, 9876, 9000), 47_151_500),  # 1.1 .275 - 4.4
    ("openai", "gpt-5", Tokens(7777, 6401, 0, 3333, 3072), 35_850_125),  # 1.25 .125 - 10
    ("openai", "gpt-5-mini", Tokens(101, 3, 0, 1, 0), 26_575),  # .25 .025 - 2
    ("openai", "text-embedding-3-small", Tokens(8191), 163_820),  # .02
    ("anthropic", "claude-sonnet-4-5", Tokens(150_001, 120_003, 7_777, 1_234, 0), 150_337_650),  # 3 .3 3.75 15
    ("anthropic", "claude-sonnet-4-5", Tokens(200_001, 120_003, 7_777, 1_234, 0), 591_420_300),  # 6 .6 7.5 22.5
    ("anthropic", "claude-opus-4-1", Tokens(5_555, 4_444, 333, 222, 0), 41_229_750),  # 15 1.5 18.75 75
    ("anthropic", "claude-haiku-4-5", Tokens(1_001, 513, 129, 65, 0), 896_550),  # 1 .1 1.25 5
    ("gemini", "gemini-2.5-pro", Tokens(200_000, 65_537, 0, 8_191, 4_097), 258_180_875),  # 1.25 .125 - 10
    ("gemini", "gemini-2.5-pro", Tokens(200_003, 65_537, 0, 8_191, 4_097), 475_414_250),  # 2.5 .25 - 15
    ("gemini", "gemini-2.5-flash", Tokens(3_071, 1_025, 0, 511, 0), 1_922_050),  # .3 .03 - 2.5
    ("xai", "grok-3-mini", Tokens(777, 333, 0, 111, 55), 213_675),  # .3 .075 - .5
    ("groq", "llama-3.3-70b-versatile", Tokens(1_003, 0, 0, 207, 0), 755_300),  # .59 - - .79
    ("mistral", "mistral-large-latest", Tokens(1_003, 0, 0, 207, 0), 3_248_000),  # 2 - - 6
    ("perplexity", "sonar", Tokens(11, 0, 0, 7, 0), 12_018_000),  # 1 - - 1, and 12 per thousand requests
]


@pytest.mark.parametrize(("provider", "model", "tokens", "nano"), _REAL)
def test_a_real_model_costs_what_its_rates_say_to_the_last_unit(prices, provider, model, tokens, nano):
    assert cost_nano(prices.find(provider, model), tokens) == nano


@pytest.mark.parametrize(
    ("provider", "model", "when", "nano"),
    [
        ("openai", "o3", (2025, 6, 9, 23, 59, 59, 999_999), 10_000),
        ("openai", "o3", (2025, 6, 10), 2_000),
        ("anthropic", "claude-sonnet-4-5", (1990, 1, 1), 3_000),
        ("deepseek", "deepseek-chat", (2026, 1, 1, 0, 29, 59, 999_999), 135),
        ("deepseek", "deepseek-chat", (2026, 1, 1, 0, 30), 270),
        ("deepseek", "deepseek-chat", (2026, 1, 1, 16, 29, 59, 999_999), 270),
        ("deepseek", "deepseek-chat", (2026, 1, 1, 16, 30), 135),
    ],
)
def test_the_price_is_the_one_of_its_time(prices, provider, model, when, nano):
    assert cost_nano(prices.find(provider, model, _us(*when)), Tokens(input=1)) == nano


def test_without_a_time_the_clock_says_which_price_holds():
    then = GenaiPrices(providers, "test", clock=lambda: _us(2025, 6, 1) * 1_000)
    assert cost_nano(then.find("openai", "o3"), Tokens(input=1)) == 10_000


def test_a_price_names_its_edition_and_the_entry_that_was_matched(prices):
    price = prices.find("openai", "gpt-4o-mini-2024-07-18")
    assert (price.version, price.source) == (f"genai-prices {genai_prices.__version__}", "openai/gpt-4o-mini")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("openai", ""),
        ("no-such-provider", "gpt-4o"),
        ("my-openai-proxy", "gpt-4o"),  # the list's own search by substring would say openai
        ("my-vllm", "qwen3-8b"),
        ("openai", "whisper-1"),  # has a price, but none for tokens
        ("cerebras", "qwen-3-coder-480b"),  # listed without any price
        ("simulator", "small"),
    ],
)
def test_what_has_no_known_price_is_unknown_and_not_free(prices, provider, model):
    assert prices.find(provider, model) is None


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("gpt-4o-mini", "openai/gpt-4o-mini"),
        ("text-embedding-3-small", "openai/text-embedding-3-small"),
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
    ],
)
def test_the_simulator_plays_any_model_of_the_list_those_of_openai_first(prices, model, source):
    assert prices.find("simulator", model).source == source


def test_a_name_is_looked_up_once(prices, monkeypatch):
    prices.find("openai", "gpt-4o")
    monkeypatch.setattr(prices, "_candidates", None)
    assert prices.find("openai", "gpt-4o").source == "openai/gpt-4o"


def test_the_list_agrees_with_its_own_calculator_on_every_model(prices):
    tokens = Tokens(300_001, 12_345, 999, 777, 77)
    when = dt.datetime.fromtimestamp(_NOVEMBER / 1_000_000, dt.UTC)
    compared = 0
    for provider in providers:
        alone = GenaiPrices([provider], "test")
        for model in provider.models:
            price = alone.find(provider.id, model.id, _NOVEMBER)
            if price is None or price.source != f"{provider.id}/{model.id}":
                continue
            usage = {"input_tokens": tokens.input, "output_tokens": tokens.output}
            usage |= {"cache_read_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write}
            if model.get_prices(when).output_reasoning_mtok is not None:
                usage["output_reasoning_tokens"] = tokens.reasoning
            dollars = model.calc_price(Usage(**usage), provider, genai_request_timestamp=when).total_price
            nano = int((dollars * 10**9).to_integral_value(ROUND_HALF_EVEN))
            assert cost_nano(price, tokens) == nano, price.source
            compared += 1
    assert compared > 1_500


def test_the_list_is_not_loaded_before_it_is_asked_for():
    program = "import sys, headgate.routing.price_list; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("provider", "model", "endpoint", "known"),
    [
        (
            "openai",
            "gpt-4o-transcribe",
            Endpoint.TRANSCRIPTIONS,
            True,
        ),  # sound has a rate of its own, and is told apart
        ("openai", "gpt-4o", Endpoint.TRANSCRIPTIONS, False),
        ("openai", "whisper-1", Endpoint.TRANSCRIPTIONS, False),  # by the hour
        ("openai", "gpt-image-1", Endpoint.IMAGES, True),
        ("openai", "gpt-image-1.5", Endpoint.IMAGES, False),  # images have a rate of their own
        ("openai", "omni-moderation-latest", Endpoint.MODERATIONS, False),  # listed without a price
        ("cohere", "rerank-v3.5", Endpoint.RERANK, False),
        ("cohere", "embed-v4.0", Endpoint.EMBEDDINGS, True),
        ("cohere", "command-a-03-2025", Endpoint.CHAT, True),
        ("voyage", "voyage-3.5", Endpoint.EMBEDDINGS, True),
        ("voyage", "rerank-2.5", Endpoint.RERANK, False),
    ],
)
def test_what_the_list_cannot_price_exactly_is_unknown(prices, provider, model, endpoint, known):
    assert (fitting(prices.find(provider, model), endpoint, provider) is not None) is known
