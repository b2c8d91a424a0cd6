"""`headgate prices`: what models cost, exactly, and what has changed."""

import csv
import io
import json
from decimal import Decimal

import genai_prices
import pytest
import yaml

from headgate.reporting.ledger import Ledger
from headgate.routing.price_list import GenaiPrices
from headgate.routing.prices import cost_nano
from headgate.routing.service_tiers import TierTable, price_on
from headgate.schemas.reply import Tokens
from headgate.schemas.usage import Outcome
from headgate.workers.cli import main
from headgate.workers.cli.price_lines import usd
from support.ledgers import a_slice, a_value

LIST = f"genai-prices {genai_prices.__version__}"
TIERS = f"{LIST}, service tiers {TierTable.load().edition}"


@pytest.fixture(scope="module")
def prices():
    return GenaiPrices.load()


@pytest.fixture
def call(tmp_path, monkeypatch, capsys, prices):
    """Call the command in a directory with a config; the list is read once for all, because that takes a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    monkeypatch.setattr(GenaiPrices, "load", lambda: prices)

    def call_(*arguments, **config):
        if config:
            (tmp_path / "headgate.yaml").write_text(yaml.safe_dump(config))
        status = main(("prices", *arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return call_


def rows_of(out):
    return json.loads(out)["rows"]


CONFIG = {
    "providers": {"openai": {"api_key": "os.environ/PATH"}, "my-vllm": {"base_url": "http://10.0.0.5:8000/v1"}},
    "models": [
        {
            "name": "small",
            "deployments": [
                {"id": "small-a", "provider": "openai", "model": "gpt-5"},
                {
                    "id": "small-b",
                    "provider": "openai",
                    "model": "gpt-5-mini",
                    "price": {"input": "0.2", "cached": "0.025", "output": 2},
                    "service_tiers": {"flex": {"factor": "0.4"}},
                },
                {"id": "small-c", "provider": "my-vllm", "model": "qwen3-8b"},
            ],
        }
    ],
}


def test_a_model_is_shown_on_every_tier_exactly(call):
    status, out, err = call("show", "gpt-5", "--provider", "openai", "--format", "json")
    assert (status, err) == (0, "US dollars per million tokens\n")
    shown = {row["service_tier"]: (row["input"], row["cached"], row["output"], row["version"]) for row in rows_of(out)}
    assert shown == {
        "default": ("1.25", "0.125", "10", LIST),
        "flex": ("0.625", "0.0625", "5", TIERS),
        "priority": ("2.5", "0.25", "20", TIERS),
        "batch": ("0.625", "0.0625", "5", TIERS),
        "scale": ("1.25", "0.125", "10", TIERS),
    }


def test_what_is_shown_is_what_is_charged(call, prices):
    _, out, _ = call("show", "claude-sonnet-4-5", "--provider", "anthropic", "--format", "csv")
    for row in csv.DictReader(io.StringIO(out)):
        price = price_on(prices.find("anthropic", "claude-sonnet-4-5"), row["service_tier"])
        size = int(row["input_above"] or 0) + 1_000
        written = cost_nano(price, Tokens(size, cache_write=size, cache_write_1h=size))
        assert Decimal(row["cache_write_1h"]) * size * 1_000 == written
        assert Decimal(row["input"]) * size * 1_000 == cost_nano(price, Tokens(size))


def test_long_inputs_and_dates_have_lines_and_prices_of_their_own(call):
    _, out, _ = call("show", "gemini/gemini-2.5-pro", "--format", "json")
    standard = [row for row in rows_of(out) if row["service_tier"] == "default"]
    assert [(row["input_above"], row["input"], row["output"]) for row in standard] == [
        ("", "1.25", "10"),
        ("200000", "2.5", "15"),
    ]
    for day, price in (("2025-06-09", "10"), ("2025-06-10", "2"), ("2025-06-09T23:59:59", "10")):
        _, out, _ = call("show", "openai/o3", "--at", day, "--format", "json")
        assert rows_of(out)[0]["input"] == price


def test_a_model_of_the_config_is_shown_with_all_its_deployments_and_what_has_no_price_is_told(call):
    status, out, err = call("show", "small", "--format", "json", **CONFIG)
    assert status == 0
    flex = {row["deployment"]: row for row in rows_of(out) if row["service_tier"] == "flex"}
    assert flex.keys() == {"small-a", "small-b"}
    assert (flex["small-b"]["input"], flex["small-b"]["output"], flex["small-b"]["version"]) == (
        "0.08",
        "0.8",
        "config",
    )
    assert "small-c: its price is unknown" in err
    assert "price: {input: 0.10, output: 0.40}" in err


def test_for_people_columns_that_say_nothing_are_left_out(call):
    _, out, _ = call("show", "openai/gpt-4o-mini")
    head = out.splitlines()[0]
    assert "cached" in head
    assert "audio" not in head
    assert "reasoning" not in head


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-model",), "the price of no-such-model is unknown"),
        (("gpt-4o", "--provider", "my-vllm"), "the price of gpt-4o at my-vllm is unknown"),
        (("small-c",), "the price of small-c (qwen3-8b at my-vllm) is unknown"),
        (("openai/whisper-1",), "the price of openai/whisper-1 is unknown"),
    ],
)
def test_an_unknown_price_is_said_so_with_what_to_write(call, arguments, said):
    status, out, err = call("show", *arguments, **CONFIG)
    assert (status, out) == (2, "")
    assert f"{said}, which is not free" in err
    assert "price: {input: 0.10, output: 0.40}" in err


def test_without_a_provider_everybody_who_sells_it_is_shown(call):
    _, out, _ = call("show", "claude-sonnet-4-5", "--format", "json")
    assert {"anthropic", "vertex-anthropic"} <= {row["provider"] for row in rows_of(out)}


def test_the_config_is_compared_with_the_list(call):
    status, out, err = call("diff", "--format", "json", **CONFIG)
    assert status == 0
    assert err.endswith(f"US dollars per million tokens, {LIST}\n")
    assert "small-c: no price is known of qwen3-8b at my-vllm" in err
    rows = rows_of(out)
    assert {row["deployment"] for row in rows} == {"small-b"}
    standard = {row["kind"]: row for row in rows if row["service_tier"] == "default"}
    assert standard.keys() == {"input"}
    assert (standard["input"]["list"], standard["input"]["config"], standard["input"]["change"]) == (
        "0.25",
        "0.2",
        "-20.0%",
    )
    flex = {row["kind"]: (row["list"], row["config"]) for row in rows if row["service_tier"] == "flex"}
    assert flex["output"] == ("1", "0.8")
    lost = {row["service_tier"] for row in rows if row["config"] == ""}
    assert lost == {"batch", "priority", "scale"}, "a price of one's own has no tiers but those that are said"


def test_two_days_of_the_list_are_compared(call):
    status, out, _ = call("diff", "--from", "2025-06-09", "--to", "2025-06-10", "--format", "json")
    assert status == 0
    o3 = {
        (row["service_tier"], row["kind"]): (row["before"], row["after"], row["change"])
        for row in rows_of(out)
        if (row["provider"], row["model"]) == ("openai", "o3")
    }
    assert o3["default", "input"] == ("10", "2", "-80.0%")
    assert o3["flex", "output"] == ("20", "4", "-80.0%")
    _, same, _ = call("diff", "--from", "2025-06-10", "--to", "2025-06-10", "--format", "json")
    assert rows_of(same) == []


def test_with_deployments_only_theirs_are_compared(call):
    config = {**CONFIG, "models": [{"name": "m", "deployments": [{"id": "d", "provider": "openai", "model": "o3"}]}]}
    _, out, _ = call("diff", "--from", "2025-06-09", "--to", "2025-06-10", "--format", "json", **config)
    assert {(row["provider"], row["model"]) for row in rows_of(out)} == {("openai", "o3")}


def test_to_without_from_is_bad_usage(call):
    status, _, err = call("diff", "--to", "2026-01-01")
    assert status == 2
    assert "expected --from beside --to" in err


def test_what_was_booked_is_compared_with_today(call, tmp_path):
    def events(first, count, **fields):
        return [
            a_value(
                number,
                **{
                    "deployment": "small-a",
                    "provider": "openai",
                    "upstream_model": "gpt-5",
                    "input_tokens": 1_000,
                    "cached_tokens": 400,
                    "output_tokens": 100,
                    "cost_nano": 7,
                    "price_version": "genai-prices 0.0.1",
                    **fields,
                },
            )
            for number in range(first, first + count)
        ]

    fee = {"deployment": "asked", "provider": "perplexity", "upstream_model": "sonar"}
    values = [
        *events(1, 3),
        *events(10, 2, service_tier_asked="flex", service_tier="flex"),
        *events(20, 1, outcome=Outcome.FAILED, cost_nano=0, input_tokens=0, cached_tokens=0, output_tokens=0),
        *events(30, 1, deployment="gone", provider="nobody", upstream_model="x"),
        *events(50, 1, outcome=Outcome.FAILED, cost_nano=0, input_tokens=0, cached_tokens=0, output_tokens=0, **fee),
        *events(40, 1, outcome=Outcome.REFUSED, deployment=""),
    ]
    with Ledger.open(tmp_path / "headgate.duckdb") as ledger:
        ledger.append([a_slice(*values)])
    status, out, err = call("diff", "--ledger", "--format", "json", **CONFIG)
    assert status == 0
    assert f"priced by {LIST}" in err
    rows = {(row["deployment"], row["service_tier"]): row for row in rows_of(out)}
    one = 600 * 1250 + 400 * 125 + 100 * 10_000
    assert rows["small-a", ""]["now_nano"] == 3 * one
    assert (rows["small-a", ""]["attempts"], rows["small-a", ""]["booked_nano"]) == (4, 21)
    assert (rows["small-a", ""]["booked_by"], rows["small-a", ""]["now_by"]) == ("genai-prices 0.0.1", LIST)
    assert rows["small-a", "flex"]["now_nano"] == one
    assert (rows["gone", ""]["now_nano"], rows["gone", ""]["now_by"]) == (None, "unknown")
    assert rows["asked", ""]["now_nano"] == 0, "what was not billed would not be, whatever a request costs"
    total = json.loads(out)["total"]
    assert (total["attempts"], total["booked_nano"], total["now_nano"]) == (8, 42, 4 * one)


RERANK = {
    "providers": {"cohere": {"api_key": "os.environ/PATH"}},
    "models": [
        {
            "name": "rerank",
            "deployments": [
                {"id": "rerank-a", "provider": "cohere", "model": "rerank-v3.5", "price": {"unit": "0.002"}},
            ],
        }
    ],
}


def test_a_price_of_units_is_shown_and_nothing_is_said_of_tokens(call):
    _, out, _ = call("show", "rerank", "--format", "json", **RERANK)
    (row,) = rows_of(out)
    assert (row["per_1000_units"], row["input"], row["output"]) == ("2", "", "")


def test_units_that_were_booked_are_priced_again(call, tmp_path):
    fields = {"deployment": "rerank-a", "provider": "cohere", "upstream_model": "rerank-v3.5", "input_tokens": 0}
    booked = [a_value(number, **fields, cached_tokens=0, output_tokens=0, units=3, cost_nano=1) for number in (1, 2)]
    with Ledger.open(tmp_path / "headgate.duckdb") as ledger:
        ledger.append([a_slice(*booked)])
    _, out, _ = call("diff", "--ledger", "--format", "json", **RERANK)
    assert json.loads(out)["total"]["now_nano"] == 2 * 3 * 2_000_000


def test_an_attempt_of_several_calls_costs_now_what_each_of_them_costs(call, tmp_path):
    price = {"input": "0.001", "output": "0.002", "per_request": "0.000007"}
    deployment = {"id": "d", "provider": "openai", "model": "gpt-4o-mini", "price": price}
    config = {
        "providers": {"openai": {"api_key": "os.environ/PATH"}},
        "models": [{"name": "m", "deployments": [deployment]}],
    }
    fields = {"deployment": "d", "input_tokens": 100, "output_tokens": 10, "cached_tokens": 0, "cost_nano": 1}
    with Ledger.open(tmp_path / "headgate.duckdb") as ledger:
        ledger.append([a_slice(*(a_value(calls, **fields, calls=calls) for calls in (1, 3)))])
    _, out, _ = call("diff", "--ledger", "--format", "json", **config)
    assert json.loads(out)["total"]["now_nano"] == 2 * (100 + 20) + (1 + 3) * 7_000


def test_without_a_ledger_it_says_what_to_do(call):
    status, _, err = call("diff", "--ledger")
    assert status == 2
    assert "run something first" in err


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, ""), (0, "0"), (1, "0.000000000000000001"), (10**18, "1"), (10**21, "1000"), (75 * 10**15, "0.075")],
)
def test_rates_are_spelled_exactly(rate, text):
    assert usd(rate) == text


@pytest.mark.parametrize("like", ["openai", "azure-openai"])
def test_a_provider_under_a_name_of_its_own_costs_what_the_one_does_that_it_is_like(call, like):
    """Two accounts with one provider; the second is named by one of the catalogue's aliases."""
    account = {"like": like, "api_key": "os.environ/PATH", "base_url": "https://r.openai.azure.com/openai/v1"}
    deployment = {"id": "d", "provider": "second-account", "model": "gpt-5"}
    config = {"providers": {"second-account": account}, "models": [{"name": "m", "deployments": [deployment]}]}
    _, ours, _ = call("show", "m", "--format", "json", **config)
    _, theirs, _ = call("show", "gpt-5", "--provider", "openai", "--format", "json")
    standard = [next(row for row in rows_of(out) if row["service_tier"] == "default") for out in (ours, theirs)]
    assert standard[0]["input"] == standard[1]["input"]
