"""A LiteLLM config of real size, imported, loaded and planned: its routes lead where LiteLLM's led."""

from collections import Counter
from decimal import Decimal

import pytest

from headgate.routing.adoption.document import Written
from headgate.routing.adoption.litellm import adopted
from headgate.routing.standing import Quiet
from support.adoption import AllPriced, built, lines, loaded, order, planned, request, sample
from support.providers import ROWS

SECRETS = ("sk-mistral-in-plain", "sk-master-in-plain", "redis-in-plain", "db-in-plain", "langfuse-in-plain")
SECRETS += ("plain-header-secret",)


class Nothing:
    def find(self, *_):
        return None


class Out(Quiet):
    def __init__(self, *ids):
        super().__init__()
        self.ids = ids

    def is_open(self, deployment):
        return deployment in self.ids


@pytest.fixture(scope="module")
def imported():
    return adopted(sample("litellm.yaml"), ROWS, AllPriced())


@pytest.fixture(scope="module")
def config(imported):
    return loaded(imported)


@pytest.fixture(scope="module")
def routes(config):
    return built(config)


def model(config, name):
    return next(each for each in config.models if each.name == name)


def deployment(config, id_):
    return next(each for one in config.models for each in one.deployments if each.id == id_)


def one(params, **parts):
    """Import a file of one deployment."""
    return adopted({"model_list": [{"model_name": "m", "litellm_params": params}], **parts}, ROWS)


def only(adopted_):
    (found,) = loaded(adopted_).models[0].deployments
    return found


def provider(adopted_):
    (found,) = loaded(adopted_).providers.items()
    return found


def said(adopted_, name):
    return [line for line in lines(adopted_) if line.startswith(name)]


def test_all_of_it_loads(config, routes):
    names = (
        "gpt-4o gpt-4o-mini o3 claude-sonnet claude-haiku gemini-flash qwen llama-70b deepseek long embed experiments"
    )
    assert [each.name for each in config.models] == [*names.split(), "gpt-4", "smart"]
    assert sum(len(each.deployments) for each in config.models) == 36
    assert set(routes.models) == {each.name for each in config.models}


def test_orders_and_weights_decide_who_is_asked_first(routes):
    firsts = Counter(order(routes, request("gpt-4o", f"r{nr}"))[0] for nr in range(3000))
    assert set(firsts) == {"gpt4o-eu-1", "gpt4o-eu-2"}
    assert firsts["gpt4o-eu-1"] / 3000 == pytest.approx(6 / 9, abs=0.04)
    for nr in range(20):
        assert order(routes, request("gpt-4o", f"r{nr}"))[2:] == ["gpt4o-us-1"]


def test_a_higher_order_is_asked_when_the_lower_ones_are_out(routes):
    found = order(routes, request("gpt-4o"), Out("gpt4o-eu-1", "gpt4o-eu-2"))
    assert found[0] == "gpt4o-us-1"


def test_tags_lead_where_they_led(routes):
    assert set(order(routes, request("gpt-4o", metadata={"tags": "us"}))) == {"gpt4o-us-1", "gpt4o-openai"}
    assert set(order(routes, request("gpt-4o", metadata={"tags": "eu"}))) == {"gpt4o-eu-1", "gpt4o-eu-2"}
    assert set(order(routes, request("gpt-4o"))) == {"gpt4o-eu-1", "gpt4o-eu-2", "gpt4o-us-1"}


def test_requests_per_minute_are_weights_where_there_are_no_others(routes):
    firsts = Counter(order(routes, request("gpt-4o-mini", f"r{nr}"))[0] for nr in range(3000))
    assert firsts["gpt-4o-mini-1"] / 3000 == pytest.approx(0.9, abs=0.03)
    assert firsts["gpt-4o-mini-2"] / 3000 == pytest.approx(0.09, abs=0.03)
    assert "gpt-4o-mini-4" not in firsts
    assert order(routes, request("gpt-4o-mini"))[-1] == "gpt-4o-mini-4"


def test_who_has_no_order_comes_after_those_who_have_one(routes):
    found = order(routes, request("qwen"))
    assert found[:2] == ["qwen-3", "qwen-4"]
    assert set(found[2:]) == {"qwen-1", "qwen-2"}


def test_fallbacks_are_each_models_own_or_those_for_all(routes):
    plan = planned(routes, request("gpt-4o"))
    assert plan.fallbacks.general == ("claude-sonnet", "llama-70b")
    assert (plan.fallbacks.context_window, plan.fallbacks.content_policy) == (("long",), ("claude-sonnet",))
    assert plan.fallbacks.most == 3
    assert planned(routes, request("embed")).fallbacks.general == ("gpt-4o-mini",)
    assert planned(routes, request("gpt-4o-mini")).fallbacks.general == ()
    assert planned(routes, request("o3")).fallbacks.general == ("gpt-4o-mini",)  # not those of litellm_settings


def test_an_alias_leads_where_its_model_leads(routes):
    asked, meant = planned(routes, request("gpt-4")), planned(routes, request("gpt-4o"))
    assert sorted(each.id for each in asked.targets) == sorted(each.id for each in meant.targets)
    assert asked.fallbacks == meant.fallbacks
    assert asked.policy == meant.policy
    assert planned(routes, request("smart")).targets[0].id.startswith("claude-sonnet")


def test_retries_waits_and_cooldowns_are_the_routers(config, routes):
    policy = planned(routes, request("gpt-4o")).policy
    assert (policy.retries, policy.backoff) == (3, 2)
    breaker = model(config, "gpt-4o").route.breaker
    assert (breaker.minimum, breaker.window, breaker.cooldown) == (6, 60, 45)


def test_a_wildcard_opens_its_provider(routes):
    (target,) = planned(routes, request("groq/llama-3.1-8b")).targets
    assert (target.provider, target.upstream_model) == ("groq", "llama-3.1-8b")
    (target,) = planned(routes, request("claude/claude-3")).targets
    assert (target.provider, target.like, target.upstream_model) == ("claude", "anthropic", "claude-3")


def test_a_wildcard_for_everything_is_told_and_opens_nothing(imported):
    assert said(imported, "model_list.*.model_name (39)")


def test_credentials_are_laid_under_the_deployments_that_name_them(config):
    providers = config.providers
    assert providers["azure"].options == {"resource": "acme-us"}
    dated = providers["azure-eu"]
    assert (dated.like, dated.base_url) == ("azure", "https://acme-eu.openai.azure.com")
    assert dated.query == {"api-version": "2024-10-21"}
    assert providers["bedrock"].options == {"region": "eu-central-1"}
    assert (providers["bedrock"].auth, providers["bedrock-us-east-1"].like) == ("sigv4", "bedrock")


def test_references_stay_and_secrets_are_replaced(imported):
    providers = imported.document["providers"]
    assert providers["azure-eu"]["api_key"] == "os.environ/AZURE_EU_KEY"
    assert providers["bedrock"]["api_key"] == "${BEDROCK_KEY_ID}:${BEDROCK_SECRET}"
    assert providers["mistral"]["api_key"] == "${MISTRAL_API_KEY}"
    assert providers["openrouter"]["headers"]["X-Api-Token"] == "${OPENROUTER_X_API_TOKEN}"
    assert isinstance(providers["mistral"]["api_key"], Written)


def test_no_secret_is_copied_anywhere(imported):
    everything = repr(imported.document) + "".join(lines(imported))
    assert [secret for secret in SECRETS if secret in everything] == []


def test_who_is_called_is_found_in_the_models_name(routes):
    targets = {each.id: each for name in routes.models for each in planned(routes, request(name)).targets}
    called = {id_: (each.listed_as, each.upstream_model) for id_, each in targets.items()}
    assert called["claude-sonnet-2"] == ("bedrock", "eu.anthropic.claude-sonnet-4-20250514-v1:0")
    assert called["claude-sonnet-3"] == ("bedrock", "anthropic.claude-sonnet-4-20250514-v1:0")
    assert called["claude-sonnet-4"] == ("vertex-anthropic", "claude-sonnet-4@20250514")
    assert called["claude-haiku-1"] == ("anthropic", "claude-3-5-haiku-20241022")
    assert called["o3-1"] == ("azure", "o3-eu")
    assert called["llama-70b-3"] == ("fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct")
    assert called["deepseek-2"] == ("openrouter", "deepseek/deepseek-chat")
    assert called["qwen-1"] == ("gpu-1", "Qwen/Qwen3-32B")
    assert targets["qwen-4"].base_url == "http://workstation:11434/v1"
    assert targets["qwen-3"].base_url == "https://stand-in.invalid"


def test_limits_prices_windows_and_abilities_are_carried_over(config):
    first = deployment(config, "gpt4o-eu-1")
    assert (first.limits.requests_per_minute, first.limits.tokens_per_minute) == (600, 300_000)
    assert (first.timeout, config.providers["openai"].timeout) == (120, 300)
    assert deployment(config, "gpt4o-openai").limits.parallel == 50
    assert deployment(config, "gpt4o-openai").context_window == 128_000
    haiku = deployment(config, "claude-haiku-1").price
    assert (haiku.input, haiku.output, haiku.cached, haiku.cache_write) == tuple(
        map(Decimal, ("0.8", "4", "0.08", "1"))
    )
    assert deployment(config, "qwen-1").price.input == 0
    assert deployment(config, "o3-1").capabilities == ["tools", "json_schema", "reasoning"]
    assert deployment(config, "long-2").params == {"temperature": 0.2, "logit_bias": None}
    assert deployment(config, "long-1").params == {"temperature": 0.2, "cachedContent": "c-1"}


def test_budgets_are_carried_over_where_there_is_such_a_window(config, imported):
    (spent,) = deployment(config, "deepseek-1").budgets
    assert (spent.usd, spent.per, spent.at_limit) == (25, "day", "refuse")
    (spent,) = config.providers["gemini"].budgets
    assert (spent.usd, spent.per) == (1000, "month")
    (search, support) = config.workspaces
    assert (search.id, search.budgets[0].usd, search.limits.tokens_per_minute) == ("search", 300, 500_000)
    assert support.limits.requests_per_minute == 100
    assert config.end_users.budgets[0].per == "total"
    assert said(imported, "router_settings.provider_budget_config.groq")
    assert "there are 2" in said(imported, "router_settings.provider_budget_config.openai")[0]


def test_sizes_and_logs_are_carried_over(config):
    assert config.limits.request_bytes == 8 * 1024 * 1024
    assert (config.operations.log, config.operations.log_level) == ("json", "info")


def test_who_is_not_called_is_told_and_left_out(config, imported):
    assert len(model(config, "experiments").deployments) == 3
    assert said(imported, "model_list.*.litellm_params.model (33): No provider of the catalogue is called replicate")


def test_a_price_is_written_out_only_where_the_list_does_not_know_the_name():
    class Listed:
        def find(self, _, model):
            return AllPriced().find() if model == "gpt-4o" else None

    entries = [
        {"model_name": "m", "litellm_params": {"model": "azure/mine"}, "model_info": {"base_model": "azure/gpt-4o"}},
        {"model_name": "m", "litellm_params": {"model": "openai/gpt-4o"}, "model_info": {"base_model": "gpt-4o"}},
        {"model_name": "m", "litellm_params": {"model": "openai/other"}},
    ]
    found = adopted({"model_list": entries}, ROWS, Listed())
    written, listed, unknown = loaded(found).models[0].deployments
    assert (written.price.input, written.price.output) == (Decimal("0.002"), Decimal("0.003"))
    assert (listed.price, unknown.price) == (None, None)
    assert said(found, "model_list.*.model_name (2): No price is known")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("simple-shuffle", "weighted"),
        ("least-busy", "least-busy"),
        ("latency-based-routing", "lowest-latency"),
        ("usage-based-routing", "usage-based"),
        ("usage-based-routing-v2", "usage-based"),
        ("cost-based-routing", "lowest-cost"),
        ("quality-router", "weighted"),
    ],
)
def test_every_strategy_has_a_counterpart_or_is_told(theirs, ours):
    found = one({"model": "openai/gpt-4o"}, router_settings={"routing_strategy": theirs})
    assert loaded(found).models[0].route.strategy == ours
    assert bool(said(found, "router_settings.routing_strategy")) == (theirs == "quality-router")


def test_weights_are_for_strategies_that_go_by_them():
    found = one({"model": "openai/gpt-4o", "weight": 3}, router_settings={"routing_strategy": "least-busy"})
    assert only(found).weight == 1
    assert said(found, "model_list.*.litellm_params.weight")


def test_tags_do_nothing_where_they_did_nothing():
    found = one({"model": "openai/gpt-4o", "tags": ["eu"]})
    assert only(found).tags == []
    assert said(found, "model_list.*.litellm_params.tags")


def test_without_a_default_requests_without_tags_go_to_all():
    entries = [{"model_name": "m", "litellm_params": {"model": "gpt-4o", "tags": tags}} for tags in (["a"], None)]
    found = adopted({"model_list": entries, "router_settings": {"enable_tag_filtering": True}}, ROWS)
    routes = built(loaded(found))
    assert set(order(routes, request("m"))) == {"m-1", "m-2"}
    assert order(routes, request("m", metadata={"tags": "a"})) == ["m-1"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"model": "gpt-4o"}, ("openai", {})),
        ({"model": "o3-mini", "api_base": "https://api.openai.com/v1/"}, ("openai", {})),
        ({"model": "claude-3"}, ("anthropic", {})),
        (
            {"model": "anthropic/claude-3", "api_base": "https://proxy.corp"},
            ("anthropic-proxy", {"base_url": "https://proxy.corp/v1"}),
        ),
        ({"model": "openai/x", "api_base": "https://llm.corp/v1"}, ("llm", {"base_url": "https://llm.corp/v1"})),
        ({"model": "openai/x", "api_base": "http://10.0.0.1:8000/v1"}, ("openai-compatible", {})),
        ({"model": "azure/d", "api_base": "https://r.openai.azure.com"}, ("azure", {"options": {"resource": "r"}})),
        (
            {"model": "azure/d", "api_base": "https://r.cognitiveservices.azure.com/openai/deployments/d"},
            ("azure-r", {"base_url": "https://r.cognitiveservices.azure.com/openai/v1"}),
        ),
        (
            {"model": "azure/d", "api_base": "os.environ/BASE"},
            ("azure-base", {"base_url": "https://stand-in.invalid/openai/v1"}),
        ),
        (
            {"model": "azure/d", "api_base": "https://r.openai.azure.com", "api_version": "preview"},
            ("azure", {"options": {"resource": "r"}, "query": {}}),
        ),
        (
            {
                "model": "azure/d",
                "api_base": "https://r.openai.azure.com/openai/deployments/d",
                "api_version": "2024-06-01",
            },
            ("azure-r", {"base_url": "https://r.openai.azure.com", "query": {"api-version": "2024-06-01"}}),
        ),
        (
            {"model": "azure_ai/d", "api_base": "https://r.services.ai.azure.com", "api_version": "2024-06-01"},
            ("azure-ai", {"options": {"resource": "r"}, "query": {"api-version": "2024-06-01"}}),
        ),
        (
            {"model": "bedrock/a", "aws_bedrock_runtime_endpoint": "https://vpce.corp"},
            ("bedrock-vpce", {"base_url": "https://vpce.corp", "options": {"region": "1"}}),
        ),
        (
            {"model": "bedrock/converse/a.b", "region_name": "eu-west-1"},
            ("bedrock", {"options": {"region": "eu-west-1"}}),
        ),
        (
            {"model": "vertex_ai/gemini-pro", "vertex_project": "p"},
            ("vertex", {"options": {"project": "p", "location": "1"}}),
        ),
        ({"model": "x/y", "custom_llm_provider": "hosted_vllm", "api_base": "http://gpu:1/v1"}, ("gpu", {})),
        (
            {"model": "databricks/dbrx", "api_base": "https://w.cloud.databricks.com/serving-endpoints"},
            ("databricks", {}),
        ),
        ({"model": "lm_studio/x"}, ("lm-studio", {"base_url": "http://localhost:1234/v1"})),
    ],
)
def test_addresses_become_options_or_base_urls(params, expected):
    name, found = provider(one(params))
    assert name == expected[0]
    assert {field: getattr(found, field) for field in expected[1]} == expected[1]


def test_equal_secrets_are_one_variable_and_others_are_not():
    entries = [{"model_name": "m", "litellm_params": {"model": "gpt-4o", "api_key": key}} for key in ("a", "a", "b")]
    entries.append({"model_name": "m", "litellm_params": {"model": "gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}})
    found = adopted({"model_list": entries}, ROWS)
    keys = [each["api_key"] for each in found.document["providers"].values()]
    assert keys == ["${OPENAI_API_KEY_2}", "${OPENAI_API_KEY_3}", "os.environ/OPENAI_API_KEY"]


def test_an_address_with_a_password_is_a_secret():
    found = one({"model": "hosted_vllm/x", "api_base": "https://me:hunter2@llm.corp/v1?code=swordfish"})
    assert "hunter2" not in repr(found) + "".join(lines(found))
    query = one({"model": "hosted_vllm/x", "api_base": "https://llm.corp/v1?api-version=2024-02-01&code=swordfish"})
    assert query.document["providers"]["llm"]["query"] == {"api-version": "2024-02-01", "code": "${LLM_CORP_CODE}"}
    loaded(query)


def test_a_body_holds_no_secret():
    found = one({"model": "gpt-4o", "extra_body": {"api_key": "hunter2", "a": {"authorization": "hunter2"}, "b": 1}})
    assert only(found).params == {"b": 1}
    assert "hunter2" not in repr(found)


def test_a_body_holds_no_number_that_json_does_not_have():
    found = one({"model": "gpt-4o", "temperature": float("inf"), "extra_body": {"a": [float("nan")], "b": 1}})
    assert only(found).params == {"b": 1}
    assert said(found, "model_list.*.litellm_params.extra_body.a")


def test_what_looks_like_a_reference_and_is_none_stays_a_text():
    assert only(one({"model": "gpt-4o", "stop": "${HOME}"})).params == {"stop": "${HOME}"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("rpm", "many"), ("rpm", -1), ("weight", "heavy"), ("tags", 3), ("timeout", "soon"), ("budget_duration", "ever")],
)
def test_a_value_that_does_not_fit_is_listed_and_left_out(name, value):
    found = one({"model": "gpt-4o", name: value})
    (line,) = said(found, f"model_list.*.litellm_params.{name} (0): Its value cannot be carried over to `deployments[]")
    assert "left out" in line
    assert only(found) == only(one({"model": "gpt-4o"}))


def test_numbers_may_come_from_the_environment():
    found = one({"model": "gpt-4o", "rpm": "os.environ/RPM", "timeout": "os.environ/TIMEOUT"})
    assert only(found).limits.requests_per_minute == 1
    assert found.document["models"][0]["deployments"][0]["timeout"] == "os.environ/TIMEOUT"


def test_limits_are_found_wherever_litellm_looks_for_them():
    entry = {"model_name": "m", "litellm_params": {"model": "gpt-4o", "rpm": 2}, "model_info": {"rpm": 3, "tpm": 4}}
    limits = only(adopted({"model_list": [entry]}, ROWS)).limits
    assert (limits.requests_per_minute, limits.tokens_per_minute) == (2, 4)
    assert only(adopted({"model_list": [{**entry, "rpm": 1}]}, ROWS)).limits.requests_per_minute == 1


def test_ids_are_unique():
    entries = [{"model_name": name, "litellm_params": {"model": "gpt-4o"}, "model_info": {"id": "x"}} for name in "ab"]
    assert [each.deployments[0].id for each in loaded(adopted({"model_list": entries}, ROWS)).models] == ["x", "x-2"]


@pytest.mark.parametrize("data", [None, [], "text", 3, {}, {"model_list": 3}, {"model_list": [None, 3, {}]}])
def test_what_is_no_config_makes_an_empty_one_and_is_told(data):
    found = adopted(data, ROWS)
    assert loaded(found).models == []
    assert lines(found)
