"""What a config says of a provider is laid over its row; what is missing is told; nothing leads to another host."""

import re
from dataclasses import replace
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.routing.credentials import Credential
from headgate.routing.providers.catalogue import Row, catalogue
from headgate.routing.providers.family import Family, url_of
from headgate.routing.providers.resolve import Resolved, Unresolved, resolve
from headgate.routing.routes import Unroutable, build_routes
from headgate.routing.service import Auth
from headgate.schemas.config import Config
from headgate.schemas.config_providers import Provider
from headgate.schemas.failures import Code, Failure
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from support.providers import OPTIONS, ROWS, SPOKEN, provider_of, resolved, target_of


def problems(name, rows=ROWS, **told):
    found = resolve(name, Provider(**told), rows, SPOKEN)
    assert isinstance(found, Unresolved), found
    return found.problems


def test_three_lines_make_a_provider_of_ones_own():
    found = resolved("my-vllm", wire="openai", base_url="http://10.0.0.5:8000/v1/", api_key="x")
    assert (found.wire, found.base_url, found.service.auth, found.api_key) == (
        "openai",
        "http://10.0.0.5:8000/v1",
        Auth.BEARER,
        "x",
    )
    assert found.service.paths is None


def test_an_id_of_the_catalogue_needs_a_credential_only():
    found = resolved("mistral")
    assert found.base_url == "https://api.mistral.ai/v1"
    assert found.service.rules.rename["seed"] == "random_seed"
    assert set(found.service.paths) <= {Endpoint.CHAT, Endpoint.EMBEDDINGS}
    assert found.credentials == (Credential("mistral"),)


def test_an_alias_is_as_good_as_the_id():
    assert resolve("together_ai", Provider(api_key="x")).base_url == "https://api.together.xyz/v1"


def test_a_second_account_is_what_it_is_like():
    first = resolve("mistral", Provider(api_key="x"))
    second = resolve("mistral-eu", Provider(like="mistral", api_key="x"))
    assert second == replace(first, credentials=(Credential("mistral-eu"),))
    assert second.like == "mistral"


def test_an_alias_is_known_by_the_id_of_its_row():
    assert resolve("together_ai", Provider(api_key="x")).like == "together"
    assert resolve("mine", Provider(like="together_ai", api_key="x")).like == "together"
    assert resolve("my-vllm", Provider(base_url="http://vllm:8000/v1")).like is None


def test_a_likeness_to_nobody_is_told():
    assert problems("mine", like="mistrall", base_url="http://here/v1") == (
        "providers.mine.like: expected an id of the catalogue (did you mean mistral?), got mistrall",
    )


def test_nobody_is_called_by_default():
    (problem,) = problems("mistrall", api_key="x")
    assert problem.startswith("providers.mistrall: expected a base_url")
    assert "did you mean mistral" in problem


def test_what_the_base_url_lacks_is_told_by_name():
    assert problems("azure", api_key="x") == (
        "providers.azure.options: expected resource, for https://{resource}.openai.azure.com/openai/v1, got none",
    )
    assert [re.search(r"expected (\w+)", each)[1] for each in problems("vertex", api_key="x")] == [
        "location",
        "project",
    ]


def test_a_missing_credential_is_told_with_the_variables_that_would_do():
    (problem,) = problems("together")
    assert problem.startswith("providers.together: expected api_key or credentials")
    assert "TOGETHER_API_KEY in the environment" in problem
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in problems("vertex", options=OPTIONS)[0]


def test_no_credential_is_needed_where_none_is_shown_or_the_host_is_ones_own():
    assert isinstance(resolve("openai", Provider(auth="none"), ROWS, SPOKEN), Resolved)
    assert isinstance(resolve("mine", Provider(base_url="http://10.0.0.5/v1"), ROWS, SPOKEN), Resolved)


def test_a_wire_that_nobody_speaks_is_told():
    row = Row("morse", "https://m.example.com", ("M",), ("chat",), "A", "x")
    (problem,) = problems("morse", {"morse": row}, api_key="x")
    assert problem.startswith("providers.morse.wire: expected one of ")


def test_an_endpoint_that_the_wire_has_not_is_told():
    families = {"openai": Family(None, None, {Endpoint.CHAT: "/chat/completions"})}
    provider = Provider(base_url="http://h/v1", endpoints=["chat", "rerank"], paths={"images": "/i"})
    found = resolve("mine", provider, ROWS, families)
    assert [each.rpartition("got ")[2] for each in found.problems] == ["images", "rerank"]


def test_all_problems_of_all_providers_are_said_at_once():
    config = Config.model_validate({"providers": {"cloudflare-workers-ai": {}, "who": {}, "openai": {"api_key": "x"}}})
    found = build_routes(config, None)
    assert isinstance(found, Unroutable)
    assert [each.partition(":")[0] for each in found.problems] == [
        "providers.cloudflare-workers-ai.options",
        "providers.cloudflare-workers-ai",
        "providers.who",
    ]


def test_the_config_is_stronger_than_the_row():
    found = resolved(
        "cerebras",
        auth="x-api-key",
        headers={"X-Team": "a"},
        query={"v": "2"},
        endpoints=["chat", "embeddings"],
        paths={"chat": "/c"},
        supported=["seed", "n"],
        drop=["logprobs"],
        reasoning="flag",
        timeout="5s",
    )
    service = found.service
    assert (service.auth, service.reasoning, found.timeout) == (Auth.X_API_KEY, "flag", 5)
    assert (service.headers, service.query) == ((("X-Team", "a"),), (("v", "2"),))
    assert dict(service.paths) == {Endpoint.CHAT: "/c", Endpoint.EMBEDDINGS: "/embeddings"}
    assert "n" not in service.rules.unsupported
    assert service.may_drop("logprobs")


def test_a_header_of_the_config_replaces_the_rows_in_any_case_of_letters():
    row = Row(
        "openai", "https://a.example.com", ("K",), ("chat",), "A", "x", headers={"X-Version": "1", "X-Other": "2"}
    )
    found = resolve("a", Provider(api_key="x", headers={"x-version": "9"}), {"a": row}, SPOKEN)
    assert dict(found.service.headers) == {"x-version": "9", "X-Other": "2"}


def test_a_path_for_another_endpoint_adds_it():
    assert resolved("cerebras", paths={"embeddings": "/e"}).service.paths[Endpoint.EMBEDDINGS] == "/e"


def test_vertex_has_another_host_for_the_whole_world():
    found = resolved("vertex", options={"location": "global", "project": "p"})
    assert found.base_url == (
        "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models"
    )


def test_a_host_that_the_config_spells_out_must_be_one_of_the_providers():
    told = problems("databricks", api_key="x", options={"workspace": "ws.evil.example.com"})
    assert "expected a host like *.cloud.databricks.com" in told[0]
    assert resolved("databricks", options={"workspace": "a.azuredatabricks.net"}).base_url.startswith("https://a.azure")


def test_a_base_url_of_ones_own_leaves_nothing_that_leads_to_the_rows_host():
    row = Row(
        "openai", "https://a.example.com/v1", ("K",), ("chat",), "A", "x", paths={"chat": "https://b.example.com/c"}
    )
    families = {"openai": Family(None, None, {Endpoint.CHAT: "/chat/completions"})}
    mine = resolve("a", Provider(api_key="x", base_url="http://proxy/v1"), {"a": row}, families)
    assert dict(mine.service.paths) == {Endpoint.CHAT: "/chat/completions"}
    theirs = resolve("a", Provider(api_key="x"), {"a": row}, families)
    assert dict(theirs.service.paths) == {Endpoint.CHAT: "https://b.example.com/c"}


def test_the_secret_is_in_no_repr():
    assert "sk-hidden" not in repr(resolved("openai", api_key="sk-hidden"))
    assert "sk-hidden" not in repr(target_of("openai", api_key="sk-hidden"))


def test_several_credentials_are_named_and_weighed_in_the_order_of_the_config():
    listed = [{"file": "/run/secrets/b"}, {"api_key": "sk-2", "weight": 3}, {"exec": ["pass", "x"]}]
    found = resolved("openai", api_key=None, credentials=listed)
    assert found.credentials == (Credential("openai"), Credential("openai#2", 3), Credential("openai#3"))
    assert found.api_key == "sk-2"


@pytest.mark.parametrize(
    "wrong",
    [
        {"options": {"resource": "evil.com/"}},
        {"options": {"resource": "a@evil.com"}},
        {"options": {"resource": ""}},
        {"paths": {"chat": "https://evil.com/"}},
        {"paths": {"chat": "@evil.com"}},
        {"paths": {"speech": "/x"}},
        {"base_url": "ftp://h"},
        {"base_url": "https://h/?key=1"},
        {"headers": {"X-A": "b\r\nX-C: d"}},
        {"headers": {"X A": "b"}},
        {"query": {"a": "b&c=d"}},
        {"credentials": [{"api_key": "a", "file": "b"}]},
        {"credentials": [{}]},
        {"credentials": [{"exec": []}]},
        {"api_key": "a", "credentials": [{"file": "b"}]},
        {"wire": "morse"},
    ],
)
def test_what_could_lead_elsewhere_or_means_nothing_is_no_config(wrong):
    with pytest.raises(ValidationError):
        Provider(**wrong)


def hosts_of(name):
    """The patterns that a row's own hosts match."""
    row = ROWS[name]
    urls = [row.base_url, *([row.global_url] if row.global_url else []), *row.paths.values()]
    hosts = {urlsplit(url).netloc for url in urls if url.startswith("http")}
    return [re.sub(r"\\\{\w+\\\}", "[A-Za-z0-9._-]+", re.escape(host)) for host in hosts]


@given(
    st.sampled_from(sorted(ROWS)),
    st.sampled_from(Endpoint),
    st.text(min_size=1, max_size=30),
    st.dictionaries(
        st.sampled_from(sorted(OPTIONS)), st.text(min_size=1, max_size=12) | st.sampled_from(["global", "evil.com"])
    ),
)
def test_whatever_is_asked_for_the_credential_goes_to_the_providers_own_host(name, endpoint, model, options):
    told = {**provider_of(name).options, **options}
    try:
        provider = provider_of(name, options=told)
    except ValidationError:
        return
    found = resolve(name, provider, ROWS, SPOKEN)
    if isinstance(found, Unresolved):
        return
    request = Request("r", endpoint, "m", b"{}", "k", Lane.STANDARD, "t", 0, 0)
    url = url_of(request, target_of(name, options=told), SPOKEN[found.wire].paths, quote(model, safe=""))
    if isinstance(url, Failure):
        assert url.code is Code.UNSUPPORTED_ENDPOINT
        assert endpoint.name.lower() not in ROWS[name].endpoints
        return
    assert any(re.fullmatch(pattern, urlsplit(url).netloc) for pattern in hosts_of(name)), url
    assert url.startswith("https://")
    assert "{" not in url


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
def test_a_reasoning_style_on_a_wire_that_has_its_own_is_an_error_with_its_place(name):
    found = resolve(name, Provider(api_key="k", reasoning="budget"))
    assert isinstance(found, Unresolved)
    (problem,) = found.problems
    assert problem.startswith(f"providers.{name}.reasoning: expected nothing on the wire {name}")
    assert problem.endswith("got budget")


def test_no_row_of_a_wire_with_words_of_its_own_has_rules_that_it_would_not_keep():
    kept = Row("", "", (), (), "A", "")
    rules = ("rename", "values", "fixed", "text_only", "reasoning")
    broken = [
        (name, rule)
        for name, row in catalogue().items()
        for rule in rules
        if row.wire not in {"openai", "azure-openai"} and getattr(row, rule) != getattr(kept, rule)
    ]
    assert broken == []
